# SPDX-License-Identifier: GPL-2.0
#
# The plots of plot.sh, which sets: data, a file made by plot.jq; dir, the output
# directory; kind, the terminal and the suffix of the files.

if (kind eq "png") {
	set terminal pngcairo size 1000,600 font "sans,11" noenhanced background "#ffffff"
} else {
	set terminal svg size 1000,600 font "sans,13" noenhanced background "#ffffff"
}
out(name) = dir."/".name.".".kind

set style line 1 lc rgb "#0072b2" lw 2 pt 7 ps 1
set style line 2 lc rgb "#d55e00" lw 2 pt 5 ps 1
set style line 3 lc rgb "#009e73" lw 2 pt 9 ps 1.2
set style line 4 lc rgb "#cc79a7" lw 2 pt 13 ps 1.2
set style line 5 lc rgb "#e69f00" lw 2 pt 11 ps 1.2
set style line 6 lc rgb "#555555" lw 1.5 dt 2
set grid ytics lt 1 lw 1 lc rgb "#dddddd"
set border 3
set tics nomirror
set key below reverse Left height 0.5
set tmargin 3
set rmargin 5

# Bytes on a logarithmic axis
set macros
bytes = 'set logscale x 2; set xtics ("1 MiB" 2**20, "2 MiB" 2**21, "4 MiB" 2**22, "16 MiB" 2**24, "64 MiB" 2**26, "256 MiB" 2**28, "1 GiB" 2**30, "8 GiB" 2**33)'
linear = 'unset logscale; set xtics auto; set format y "%.0f"; set yrange [0:*]; set xrange [*:*]'
logs = 'set logscale y; set format y "%.0s%c"; set yrange [*:*]'

stats data index "resv_pair" using 1 nooutput name "RESV"
pair = RESV_min

# --- the cost of a lookup, over the size of the buffer
@linear; @bytes
set xrange [2**19.5:2**33.5]
set output out("lookup-size")
set title "A page frame number, over the size of the buffer (one range of memory)"
set xlabel "size of the buffer" offset 0,0.3
set ylabel "instructions per call"
plot data index "get_pfn_unlocked/range" using 1:2 with linespoints ls 2 title "dma_buf_get_pfn_unlocked()", \
	data index "get_pfn/range" using 1:2 with linespoints ls 1 title "dma_buf_get_pfn()", \
	data index "get_pfn_run/range" using 1:2 with linespoints ls 3 title "dma_buf_get_pfn_run()", \
	data index "get_pfn/mock" using 1:2 with linespoints ls 4 title "dma_buf_get_pfn(), of an exporter that has only a table", \
	pair with lines ls 6 title "lock and unlock of a reservation object"

# --- the same, compared with a scatter list
@logs
set output out("lookup-map")
set title "A page of a buffer, by page frame number and by scatter list"
plot data index "map/range" using 1:2 with linespoints ls 5 title "dma_buf_map_attachment(), walk, unmap", \
	data index "get_pfn_unlocked/range" using 1:2 with linespoints ls 2 title "dma_buf_get_pfn_unlocked()", \
	data index "get_pfn/range" using 1:2 with linespoints ls 1 title "dma_buf_get_pfn()", \
	pair with lines ls 6 title "lock and unlock of a reservation object"

# --- bars: populate
set style data histograms
set style histogram clustered gap 0.6
set style fill solid 0.9 border rgb "#333333"
set boxwidth 0.7
do for [size in "64MiB 1GiB"] {
	unset logscale x; unset xrange; set xrange [-0.7:*]; @logs
	set xtics auto; set xtics rotate by -20 scale 0
	set xlabel ""
	set yrange [*<1000:*]
	set output out("populate-".size)
	set title "Mapping ".size[1:strlen(size)-3]." ".size[strlen(size)-2:*]." and writing to all of it"
	set ylabel "instructions"
	unset key
	set offsets 0, 0, graph 0.06, 0
	plot data index "populate bars ".size using 2:xtic(1) with boxes lc rgb "#0072b2", \
		data index "populate bars ".size using 0:2:(gprintf("%.1s%c", $2)) with labels offset 0,0.7
}

# --- bars: moves
@linear
set rmargin 9
set xtics auto; set xtics rotate by -30 scale 0
set xrange [-0.7:*]
set yrange [0:*]
set offsets 0, 0, graph 0.06, 0
set format y "%.1f%%"
set output out("move")
set title "Evicting and restoring 64 MiB: instructions beside those of the copy itself"
set ylabel "of the copy"
plot data index "move bars" using 2:xtic(1) with boxes lc rgb "#009e73", \
	data index "move bars" using 0:2:(sprintf("%.2f%%", $2)) with labels offset 0,0.7, \
	2 with lines ls 6 notitle

# --- bars: the first touch
set rmargin 5
@linear
set xtics norotate
set xrange [-0.7:*]
set output out("refault")
set title "The first touch after a move, by the size of the page table entry"
set ylabel "instructions from touch to data"
plot data index "refault bars" using 2:xtic(1) with boxes lc rgb "#d55e00", \
	data index "refault bars" using 0:2:(sprintf("%.0f", $2)) with labels offset 0,0.7

# --- notifications
set offsets
set key
set xtics norotate scale 1
@linear; @bytes; @logs
set xrange [2**20.5:2**30.5]
set output out("notify-size")
set title "A notification: from the exporter's decision to the last entry zapped"
set xlabel "size mapped, by one importer" offset 0,0.3
set ylabel "instructions"
plot data index "notify by size, 4KiB" using 1:2 with linespoints ls 2 title "entries of 4 KiB", \
	data index "notify by size, 2MiB" using 1:2 with linespoints ls 1 title "entries of 2 MiB", \
	data index "notify by size, 1GiB" using 1:2 with linespoints ls 3 title "entries of 1 GiB"

@linear; @logs
set logscale x 2
set xtics (1, 2, 4, 8, 16, 32, 64)
set xrange [0.8:80]
set output out("notify-importers")
set title "A notification, over the number of importers"
set xlabel "importers, each with a mapping of its own" offset 0,0.3
plot data index "notify by importers, 4 KiB" using 1:2 with linespoints ls 2 title "4 MiB by entries of 4 KiB", \
	data index "notify by importers, 2 MiB" using 1:2 with linespoints ls 1 title "64 MiB by entries of 2 MiB"

# --- progress of threads that fault while another one moves
set datafile missing "-"
@linear
unset logscale x
set xtics (0, 1, 2, 4)
set xrange [-0.2:4.2]
set logscale y; set format y "%.0s%c"; set yrange [1:*]
set output out("contention")
set title "Threads that touch 16 MiB all the time, against one that moves it (time)"
set xlabel "threads that touch" offset 0,0.3
set ylabel "per second"
plot data index "contention/2MiB" using 1:3 with linespoints ls 5 title "pages mapped again, by entries of 2 MiB", \
	data index "contention-around/4KiB" using 1:3 with linespoints ls 4 title "by entries of 4 KiB, 16 a fault", \
	data index "contention/4KiB" using 1:3 with linespoints ls 2 title "by entries of 4 KiB", \
	data index "contention/2MiB" using 1:2 with linespoints ls 3 title "moves, of what is mapped by 2 MiB", \
	data index "contention/4KiB" using 1:2 with linespoints ls 1 title "moves, of what is mapped by 4 KiB"

@linear
unset logscale x
set xtics (0, 1, 2, 4)
set xrange [0.8:4.2]
set output out("contention-longest")
set title "The longest touch of a second, of 16 MiB that another moves all the time (time)"
set ylabel "ms"
plot data index "contention/4KiB" using 1:($4/1e6) with linespoints ls 2 title "by entries of 4 KiB", \
	data index "contention-around/4KiB" using 1:($4/1e6) with linespoints ls 4 title "by entries of 4 KiB, 16 a fault", \
	data index "contention/2MiB" using 1:($4/1e6) with linespoints ls 1 title "by entries of 2 MiB"

# --- moves in time
@linear
set style histogram clustered gap 1
set xtics auto; set xtics rotate by -30 scale 0
set xrange [-0.7:*]
set rmargin 9
set xlabel ""
set output out("bandwidth")
set title "Evicting and restoring 64 MiB, and memcpy() of the same pages (time)"
set ylabel "MiB/s"
plot data index "bandwidth bars" using 2:xtic(1) with histograms lc rgb "#009e73" title "the whole move", \
	"" index "bandwidth bars" using 3 with histograms lc rgb "#bbbbbb" title "memcpy()"
