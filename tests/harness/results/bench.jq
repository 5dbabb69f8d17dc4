# SPDX-License-Identifier: GPL-2.0
#
# The lines that tests/guest/programs/bench/table.c prints, as one string, into what
# out/bench.json holds.  Arguments: kernel, config (an id that changes with it), seed,
# machine and timed_on.
#
# schema  changes when a field or a row changes its meaning or goes
# machine   what counted the instructions
# timed_on  what the rows whose names begin with "time/" were measured on; their units
#           are of time, and no two runs agree
# rows    value   the least of several repetitions, and median: their median; of what is
#                 called longest, value is the greatest
#         calls   made in each
#         x       bytes, blocks or importers, if the row is one of several over those
#         ratio   value, divided by that of the row that ratio_to names
# notes   what could not be measured, or not well, and why
# floors  what the figures are held to: value must not be above limit, and is missing
#         only where the machine lacks what the floor needs.  See floors.jq.

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
