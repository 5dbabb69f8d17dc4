# SPDX-License-Identifier: GPL-2.0
#
# Compare two results of make bench row by row.

def by_name: [.rows[] | { (.name): . }] | add // {};

# Instructions on one CPU, or calls counted by the kernel
def deterministic: .unit | test("^(instructions/|exporter calls)");

# compared(OLD; NEW; PERCENT) - for each name: old, new, ratio, and whether the row
# is deterministic and differs by more than PERCENT
def compared($old; $new; $within):
	($old | by_name) as $o | ($new | by_name) as $n
	| [($old.rows + $new.rows)[].name] | reduce .[] as $name ([];
		if index([$name]) then . else . + [$name] end)
	| map(. as $name
	      | { name: $name, unit: ($o[$name] // $n[$name]).unit,
		  old: $o[$name].value, new: $n[$name].value }
	      | if .old == null or .new == null
			then .differs = (.name | startswith("time/") | not)
		else .ratio = (if .old == .new then 1 elif .old == 0 then infinite
			       else .new / .old end)
		     | .differs = (deterministic and
				   (.ratio - 1 | fabs) * 100 > $within) end);
