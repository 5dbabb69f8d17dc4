# SPDX-License-Identifier: GPL-2.0
#
# Convert an array of results (see igt.jq) to JUnit XML.

def clean: explode | map(select(. >= 32 or . == 9 or . == 10)) | implode;
def xml: clean | @html;
def count($s): map(select(.status == $s)) | length;
def seconds: map(.seconds) | add // 0;

def testcase:
	"    <testcase classname=\"\(.suite | xml)\" name=\"\(.name | xml)\" time=\"\(.seconds)\"",
	if .status == "pass" then "/>"
	elif .status == "skip" then
		">\n      <skipped message=\"\(.reason | xml)\"/>\n    </testcase>"
	else
		">\n      <failure message=\"\(.reason | xml)\">\(.log | xml)</failure>\n    </testcase>"
	end;

def testsuite:
	"  <testsuite name=\"\(.[0].suite | xml)\" tests=\"\(length)\" failures=\"\(count("fail"))\" skipped=\"\(count("skip"))\" time=\"\(seconds)\">",
	(.[] | [testcase] | join("")),
	"  </testsuite>";

"<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
"<testsuites tests=\"\(length)\" failures=\"\(count("fail"))\" time=\"\(seconds)\">",
(group_by(.suite)[] | testsuite),
"</testsuites>"
