# SPDX-License-Identifier: GPL-2.0
#
# What IGT's own tests gave (igt.jq) against stock.list, $list: a skip that it does not
# explain is a failure. If all of them were to run ($whole), so is a program without a
# result, and an explanation that explains nothing.

def listed: $list | split("\n")[];
def programs: listed | select(test("^[a-z]"));
def explanations: listed | capture("^- (?<re>[^ ]+) +(?<why>.+)$") | .re |= "^igt/stock/" + . + "$";

def failure($name; $reason):
	{ suite: "igt", name: $name, status: "fail", reason: $reason, seconds: 0, log: "" };

def judge:
	.name as $n
	| if .status != "skip" then .
	  else first((explanations | select(.re as $re | $n | test($re))), null) as $e
	    | if $e == null
	      then .status = "fail" | .reason = "skipped, which stock.list does not explain: " + .reason
	      else .reason = $e.why + " (" + .reason + ")" end
	  end;

[.[].name] as $names
| map(judge)
+ if $whole | not then [] else
	[programs
	 | . as $p
	 | select(all($names[]; test("^igt/stock/" + $p + "(@|$)") | not))
	 | failure("igt/stock/" + $p; "stock.list has this program, and it ran no subtest")]
	+ [explanations
	 | . as $e
	 | select(any($names[]; test($e.re)) | not)
	 | failure($e.re | ltrimstr("^") | rtrimstr("$"); "stock.list explains this, and there is no such subtest")]
  end
