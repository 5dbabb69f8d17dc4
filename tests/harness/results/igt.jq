# SPDX-License-Identifier: GPL-2.0
#
# Convert igt_runner's results.json to an array of results, one per subtest:
#   { suite, name, status: pass|fail|skip, reason, seconds, log }
# $prefix is put before program@subtest in the name. Only "pass" is a pass and only
# "skip" is a skip: warn, dmesg-warn, dmesg-fail, fail, crash, timeout, incomplete,
# abort and notrun are failures with that reason. The kernel says once that a timer interrupt
# took long, when the host had no time for the guest. If that is its only warning, the result
# is the one that igt_runner has replaced with dmesg-warn: pass, or warn after igt_warn().

def lines: split("\n");

# Both streams, without the prefix that igt_log() adds to each line
def text:
	[.err, .out] | map(select(. != null)) | join("\n")
	| gsub("(?m)^(\\[[0-9.]+\\] )?\\([^ ()]+:[0-9]+\\) [A-Za-z0-9_-]+: "; "");

# The text of the line that starts with $head, and the next line if that is the
# author's message
def what_and_why($head):
	(text | lines | map(select(startswith("Last errno: ") | not))) as $l
	| ([$l | to_entries[] | select(.value | startswith($head)) | .key] | first) as $i
	| if $i == null then ""
	  else ($l[$i] | ltrimstr($head)) as $what
	    | ($l[$i + 1] // "") as $why
	    | if $why == "" or ($why | test("^(Subtest|Dynamic|Stack trace|Test )"))
	      then $what else ($what + ": " + $why) end
	  end;

# Its first warning that the subtest has not allowed
def kernel_line:
	[(.["dmesg-warnings"] // "" | lines)[] | select(test("^<[0-4]>"))
	 | select(test("\\] hrtimer: interrupt took [0-9]+ ns$") | not)] | first // "";

def result:
	if .result != "dmesg-warn" or kernel_line != "" then .result
	elif .err // "" | lines | all(test("^($|Starting subtest: |Subtest )")) then "pass"
	else "warn" end;

def why:
	if .result == "skip" then what_and_why("Test requirement: ")
	elif (.result | startswith("dmesg-")) then kernel_line
	else (what_and_why("Failed assertion: ") | select(. != ""))
		// ([text | lines[] | select(startswith("Received signal"))] | first)
		// ""
	end;

[(.tests // {}) | to_entries[]
 | (.value | .result = result) as $v
 | {
	suite: "igt",
	name: (.key | sub("^igt@"; $prefix)),
	status: (if $v.result == "pass" then "pass"
		 elif $v.result == "skip" then "skip" else "fail" end),
	reason: (if $v.result == "pass" then ""
		 elif $v.result == "skip" then ($v | why)
		 else ($v.result + (($v | why) as $w | if $w == "" then "" else ": " + $w end))
		 end),
	seconds: ((($v.time.end // 0) - ($v.time.start // 0)) * 1000 | round / 1000),
	log: (if $v.result == "pass" then ""
	      else (($v | text) + "\n--- kernel log\n" + ($v.dmesg // "")) end)
   }]
