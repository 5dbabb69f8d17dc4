# SPDX-License-Identifier: GPL-2.0
#
# Convert the lines that tests/guest/programs/bench/table.c prints, as one string,
# to the contents of out/bench.json. Arguments: kernel, config (an id that changes
# with it), seed, machine and timed_on.
#
# schema  changes if the meaning of a field or row changes, or if one is removed
# machine   the machine that counted the instructions
# timed_on  the machine on which the rows "time/" were measured; their units are of
#           time, and they vary between runs
# rows    value   the minimum of several repetitions, and median: their median; for rows
#                 called longest, value is the maximum
#         calls   the number of calls in each repetition
#         x       bytes, blocks or importers, if the row is one of a series
#         ratio   value, divided by that of the row named ratio_to
# notes   measurements that were not possible or not reliable, and why
# floors  limits on the figures: value must not be above limit, and may be missing only
#         if the machine lacks what the floor needs. See floors.jq.

include "floors";

def round($n): . * $n | round / $n;

[split("\n")[] | split("\t")] as $lines
| [$lines[] | select(.[0] == "row")
   | { name: .[1], unit: .[2], calls: (.[3] | tonumber), value: (.[4] | tonumber),
       median: (.[5] | tonumber), x: (.[6] | tonumber), ratio_to: .[7] }] as $rows
| ([$rows[] | { (.name): .value }] | add) as $values
| ([$rows[] | { (.name): .median }] | add) as $medians
| { schema: 3, kernel: $kernel, config: $config, seed: $seed, machine: $machine,
    timed_on: $timed_on,
    rows: [$rows[]
	   | if .ratio_to == "-" then del(.ratio_to)
	     else .ratio = (.value / $values[.ratio_to] | round(100000)) end],
    notes: ([$lines[] | select(.[0] == "note") | .[1]] | unique),
    floors: ($values | floors + timed_floors($medians)) }
