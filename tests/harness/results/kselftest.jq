# SPDX-License-Identifier: GPL-2.0
#
# Convert the output of a program of Linux's selftests, as one string, to an array
# of results (see igt.jq). --arg program is its name. The log of a test is the
# output between its RUN line and its result. A program that ended before its last
# test has failed, whatever the results of its tests.

# The first failed expectation is printed as "# file:line:test:Expected ...".
def why:
	([.[] | capture("^# [^:]+:[0-9]+:[^:]+:(?<why>.+)$").why] | first)
	// (last // "no reason given" | ltrimstr("# "));

def test_point:
	[capture("^(?<not>not )?ok [0-9]+ (?<name>[^# ]+) *(# *(?<skip>SKIP)? *(?<reason>.*))?$")]
	| first;

reduce split("\n")[] as $line ({results: [], log: [], plan: null};
	($line | test_point) as $t
	| if $t == null then
		.plan = (($line | [capture("^1\\.\\.(?<n>[0-9]+)$").n | tonumber] | first) // .plan)
		| .log = if ($line | startswith("#  RUN ")) then [] else .log + [$line] end
	  else
		.log as $log
		| .results += [{
			suite: "kselftest",
			name: "kselftest/\($program)/\($t.name)",
			status: (if $t.not then "fail" elif $t.skip then "skip" else "pass" end),
			reason: (if $t.not then ($log | map(select(startswith("#  ") | not)) | why)
				 else ($t.reason // "") end),
			seconds: 0,
			log: (if $t.not then ($log | join("\n")) else "" end) }]
		| .log = []
	  end)
| (.results | length) as $n
| .results + if .plan == $n and $n > 0 then [] else [{
	suite: "kselftest",
	name: "kselftest/\($program)",
	status: "fail",
	reason: "it ended after \($n) of \(.plan // "an unknown number of") tests",
	seconds: 0,
	log: (.log | join("\n")) }] end
