# SPDX-License-Identifier: GPL-2.0
#
# Check the results of IGT's own tests (igt.jq) against stock.list, $list. A skip
# that it does not explain is a failure. If all tests were run ($part is empty), a
# program without a result and an explanation without its skip are failures, too.

def listed: $list | split("\n")[];
def programs: listed | select(test("^[a-z]"));
def explanations:
	listed | capture("^- (?<re>[^ ]+) +/(?<said>.*)/ +(?<why>.+)$") | .re |= "^igt/stock/" + . + "$";
def explains($result):
	. as $e | $result | .status == "skip" and (.name | test($e.re)) and (.reason | test($e.said));

def failure($name; $reason):
	{ suite: "igt", name: $name, status: "fail", reason: $reason, seconds: 0, log: "" };

def judge:
	. as $result
	| if .status != "skip" then .
	  else first((explanations | select(explains($result))), null) as $e
	    | if $e == null
	      then .status = "fail" | .reason = "skipped, which stock.list does not explain: " + .reason
	      else .reason = $e.why + " (" + .reason + ")" end
	  end;

. as $results
| map(judge)
+ if $part != "" then [] else
	[programs
	 | . as $p
	 | select(all($results[].name; test("^igt/stock/" + $p + "(@|$)") | not))
	 | failure("igt/stock/" + $p; "stock.list has this program, and it ran no subtest")]
	+ [explanations
	 | . as $e
	 | select(any($results[]; . as $result | $e | explains($result)) | not)
	 | failure($e.re | ltrimstr("^") | rtrimstr("$"); "stock.list explains a skip that is none")]
  end
