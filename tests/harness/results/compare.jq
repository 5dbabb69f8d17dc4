# SPDX-License-Identifier: GPL-2.0
#
# The output of make bench-compare. Arguments: old and new, one result each, and
# within, a percentage.

include "compared";
include "table";

# Differences in these may explain differences of rows.
def context: ("kernel", "config", "seed", "machine", "timed_on")
	| select($old[0][.] != $new[0][.])
	| "\(.): \($old[0][.]), then \($new[0][.])";

def mark: if .old == null then "  only in the new one"
	  elif .new == null then "  only in the old one"
	  elif .differs then "  differs" else "" end;

compared($old[0]; $new[0]; $within | tonumber) as $rows
| context,
  ("row" | left(46)) + ("unit" | left(26)) + ("old" | right(14)) + ("new" | right(14)) +
	("ratio" | right(10)),
  ($rows[] | (.name | left(46)) + (.unit | left(26)) + (.old | number | right(14)) +
	(.new | number | right(14)) +
	(if .ratio then .ratio * 10000 | round / 10000 else null end
	 | number | right(10)) + mark),
  "",
  "\([$rows[] | select(.differs)] | length) of \($rows | length) rows differ by more than \($within)%"
