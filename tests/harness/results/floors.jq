# SPDX-License-Identifier: GPL-2.0
#
# Limits on the results of make bench: ratios of rows of one run, each with a
# maximum. If a row was not measured, the value is null and the verdict "not
# measured". That is a miss, unless the measurement needs something that not every
# machine has.

# ratio(A; B) - of the values of two rows; null if either is missing
def ratio($a; $b): if $a == null or $b == null or $b == 0 then null else $a / $b end;

# share(A; B; N) - the ratio of A to N times B
def share($a; $b; $n): ratio($a; $b) | if . == null then null else . / $n end;

# least(NAMES) - the minimum of these rows' values, null if one is missing
def least($names): [.[$names[]]] | if any(. == null) then null else min end;

# most(NAMES) - the maximum of these rows' values, null if one is missing
def most($names): [.[$names[]]] | if any(. == null) then null else max end;

# beyond(MOVE) - the cost of a move in addition to its copy
def beyond($move):
	ratio(.[$move + "/whole"]; .[$move + "/copy"])
	| if . == null then null else . - 1 end;

def floor($id; $says; $limit; $value):
	{ id: $id, says: $says, limit: $limit,
	  value: (if $value == null then null else $value * 100000 | round / 100000 end),
	  verdict: (if $value == null then "not measured"
		    elif $value <= $limit then "met" else "missed" end) };

# Peers that fault page by page, and all peers with pages of 4 KiB. Without
# fault-around an importer that maps page frame numbers cannot be as cheap as memfd,
# which has struct pages, because insert_pfn() costs more per page. So a fault of
# one page is compared to vgem, which maps page frame numbers, too.
def by_page: ["populate/vgem/64MiB/write", "populate/vgem/64MiB/read",
	      "populate/memfd/64MiB/write"];
def peers: by_page + ["populate/memfd/64MiB/read", "populate/udmabuf/64MiB/write",
		      "populate/heap/64MiB/write"];

# Contiguous memory of any kind
def ranges($call): ["contig/32MiB", "tt/32MiB", "bar/32MiB", "range/1MiB", "range/1GiB"]
	| map("\($call)/\(.)");
def pages: ["get_pfn-pages/contig/32MiB", "get_pfn-pages/tt/32MiB"];

def floors: . as $rows | [
	floor("1a"; "get_pfn, one range of any memory / resv_pair"; 6;
	      ratio(most(ranges("get_pfn") + pages); .resv_pair)),
	floor("1b"; "get_pfn_unlocked, one range of any memory / resv_pair"; 8;
	      ratio(most(ranges("get_pfn_unlocked")); .resv_pair)),
	(floor("1c"; "get_pfn at 8 GiB / at 1 MiB, one range"; 1.3;
	       ratio(.["get_pfn/range/8GiB"]; .["get_pfn/range/1MiB"]))
	 | if .value == null and ($rows | has("map/range/8GiB") | not)
	   then .needs = "9 GiB for buffers" else . end),
	floor("1d"; "get_pfn in 1,000 blocks / in 10"; 2;
	      ratio(.["get_pfn/blocks/1000"]; .["get_pfn/blocks/10"])),
	floor("2a"; "populate 64 MiB at 2 MiB / at 4 KiB"; 0.005;
	      ratio(.["populate/import/64MiB/2MiB"]; .["populate/import/64MiB/4KiB"])),
	floor("2b"; "populate 64 MiB at 2 MiB / the best peer by 4 KiB"; 1;
	      ratio(.["populate/import/64MiB/2MiB"]; least(peers))),
	floor("2c"; "populate 64 MiB at 4 KiB, 16 a fault / best peer by page"; 1;
	      ratio(.["populate/import-around/64MiB/4KiB"]; least(by_page))),
	floor("2d"; "populate 64 MiB at 4 KiB, one a fault / vgem"; 1;
	      ratio(.["populate/import/64MiB/4KiB"]; .["populate/vgem/64MiB/write"])),
	(("evict", "restore") as $what | ("contig", "reserved", "bar") as $memory
	 | ("sync", "async") as $how
	 | floor("3 \($what[0:1]) \($memory) \($how)";
		 "\($what) 64 MiB, \($memory), \($how): beside the copy"; 0.02;
		 beyond("\($what)/\($memory)/64MiB/\($how)"))),
	(("evict", "restore") as $what | ("contig", "reserved") as $memory
	 | ("sync", "async") as $how
	 | floor("3 \($what[0:1]) \($memory) \($how) 256";
		 "\($what) 256 MiB, \($memory), \($how): beside the copy"; 0.02;
		 beyond("\($what)/\($memory)/256MiB/\($how)"))),
	floor("4a"; "notify 64 importers / 64 times one, at 4 KiB"; 1.1;
	      share(.["notify/4MiB/4KiB/64"]; .["notify/4MiB/4KiB/1"]; 64)),
	floor("4b"; "notify 64 importers / 64 times one, at 2 MiB"; 1.1;
	      share(.["notify/64MiB/2MiB/64"]; .["notify/64MiB/2MiB/1"]; 64)),
	floor("4c"; "notify 64 MiB at 2 MiB / at 4 KiB"; 0.01;
	      ratio(.["notify/64MiB/2MiB/1"]; .["notify/64MiB/4KiB/1"])),
	(("map", "unmap") as $what | ["memfd-huge/1GiB/2MiB", "memfd/64MiB/4KiB"][] as $memfd
	 | ($memfd | sub("^[^/]*/"; "")) as $size
	 | floor("5 \($what[0:1]) \($size)"; "\($what) for an IOMMU, \($size): buffer / memfd"; 1;
		 ratio(.["iommu-\($what)/vgem_pfn/\($size)"]; .["iommu-\($what)/\($memfd)"])))
];

# Rows of time are judged only on a quiet machine, where most runs of memcpy() took
# about the same time.
def noisy($move; $medians):
	ratio($medians[$move + "/memcpy"]; .[$move + "/memcpy"])
	| . != null and . > 1.15;

# timed_floors(MEDIANS) - the floors for rows of time
def timed_floors($medians): [
	("evict", "restore") as $what | ("contig", "reserved") as $memory
	| "time/\($what)/\($memory)/64MiB/sync" as $move
	| floor("3t \($what[0:1]) \($memory)";
		"\($what) 64 MiB, \($memory), in time: memcpy()'s bandwidth / its own"; 1.11112;
		ratio(1; $medians[$move + "/of-memcpy"]))
	  + if noisy($move; $medians) then { verdict: "too noisy to tell" } else {} end
];
