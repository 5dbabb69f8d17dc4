# SPDX-License-Identifier: GPL-2.0
#
# Convert a result of make bench to the data that plot.gp draws: sections that
# gnuplot finds by name. A series has all rows whose names differ in the last part
# only, with x, value and that part; plot.gp names the other sections.

def section($name; lines): "# \($name)", lines, "", "";

def part($n): .name / "/" | .[$n];

# The names of both contain blanks but no quotes.
def bar($what; $value): "\"\($what)\"\t\($value)";

def populate_bars($size):
	bar("importer by 4 KiB"; .["populate/import/\($size)/4KiB"]),
	(.["populate/import-around/\($size)/4KiB"] | numbers
	 | bar("the same, 16 a fault"; .)),
	bar("importer by 2 MiB"; .["populate/import/\($size)/2MiB"]),
	(.["populate/import/\($size)/1GiB"] | numbers | bar("importer by 1 GiB"; .)),
	(("memfd", "memfd-huge", "vgem", "udmabuf", "heap") as $peer
	 | bar("\($peer)"; .["populate/\($peer)/\($size)/write"]));

def move_bars:
	(("evict", "restore") as $what | ("contig", "reserved", "bar") as $memory
	 | ("sync", "async") as $how
	 | "\($what)/\($memory)/64MiB/\($how)" as $name
	 | bar("\($what) \($memory) \($how)";
	       (.["\($name)/whole"] / .["\($name)/copy"] - 1) * 100));

# For times, use the median of the repetitions.
def contention($series):
	("0", "1", "2", "4") as $n
	| "time/\($series)/\($n)" as $name
	| [$n, (("moves", "pages", "longest") as $what | .["\($name)/\($what)"] // "-" | tostring)]
	| join("\t");

# A name, its bandwidth, and that of memcpy() if available
def bandwidth_bars:
	(("evict", "restore") as $what | ("contig", "reserved", "bar") as $memory
	 | ("sync", "async") as $how
	 | "time/\($what)/\($memory)/64MiB/\($how)" as $name
	 | bar("\($what) \($memory) \($how)"; .[$name + "/bandwidth"])
	   + "\t\(.[$name + "/memcpy-bandwidth"] // "-")");

([.rows[] | { (.name): .value }] | add) as $values
| ([.rows[] | { (.name): .median }] | add) as $medians
| (.rows | group_by(.name / "/" | .[:-1])[] | select(length > 1)
   | section(.[0].name / "/" | .[:-1] | join("/");
	     (sort_by(.x)[] | "\(.x)\t\(.value)\t\"\(part(-1))\""))),
  # The last part of these names is the same.
  section("notify by importers, 4 KiB";
	  (.rows | map(select(.name | test("^notify/4MiB/4KiB/"))) | sort_by(.x)[]
	   | "\(.x)\t\(.value)")),
  section("notify by importers, 2 MiB";
	  ("1\t\($values["notify/64MiB/2MiB/1"])",
	   (.rows | map(select(.name | test("^notify/64MiB/2MiB/([2-9]|[1-9][0-9])"))) | sort_by(.x)[]
	    | "\(.x)\t\(.value)"))),
  (("4KiB", "2MiB", "1GiB") as $order
   | section("notify by size, \($order)";
	     (.rows | map(select(.x >= 1048576 and
				   (.name | test("^notify/.*/\($order)/1$"))))
	      | sort_by(.x)[] | "\(.x)\t\(.value)"))),
  section("populate bars 64MiB"; $values | populate_bars("64MiB")),
  section("populate bars 1GiB"; $values | populate_bars("1GiB")),
  section("move bars"; $values | move_bars),
  section("refault bars"; $values
	  | (("4KiB", "2MiB", "1GiB") as $order
	     | .["refault/\($order)"] | numbers as $value | bar($order; $value))),
  (("contention/4KiB", "contention-around/4KiB", "contention/2MiB") as $series
   | section($series; $medians | contention($series))),
  section("bandwidth bars"; $medians | bandwidth_bars),
  section("resv_pair"; "\($values.resv_pair)")
