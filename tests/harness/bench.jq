# SPDX-License-Identifier: GPL-2.0
#
# The lines that tests/guest/bench.c prints, as one string, into what out/bench.json
# holds.  Arguments: kernel, config (an id that changes with it), seed, machine.
#
# schema  changes when a field or a row changes its meaning or goes
# value   the least of several repetitions, and median: their median
# ratio   value, divided by that of the row that ratio_to names

def ratio_to:
	{ "instructions/call": "resv_pair", "instructions/walk": "walk_pages_1gib",
	  "exporter calls": "trace_pages_1gib" }[.unit];

[split("\n")[] | select(startswith("row\t")) | split("\t")
 | { name: .[1], unit: .[2], calls: (.[3] | tonumber),
     value: (.[4] | tonumber), median: (.[5] | tonumber) }]
| (map({ (.name): .value }) | add) as $values
| { schema: 1, kernel: $kernel, config: $config, seed: $seed, machine: $machine,
    rows: map(ratio_to as $to
	      | . + { ratio: (.value / $values[$to] * 100000 | round / 100000),
		      ratio_to: $to }) }
