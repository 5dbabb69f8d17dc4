# SPDX-License-Identifier: GPL-2.0
#
# residency.awk - draw a trace as a picture of the placement of buffers over time.
# Reads the tracefs files "trace" or "trace_pipe", or the output of trace-cmd
# report, with events of vgem_pfn and of the dma-buf core; writes an SVG.
#
#	awk -f residency.awk trace.txt > residency.svg
#
# One row per buffer, in the order of their first events, with
#
#	a bar		in the color of the region that the buffer is in
#	stripes		during a copy
#	a line below	while it is pinned
#	triangles	notifications of its importers
#	ticks		lookups by importers, for faults and devices
#	crosses		stale writes that were detected
#
# Regions are numbers in a trace. A line "# regions: system tt contig0 ..." in it,
# or -v regions=..., sets their names; otherwise they are "region 2" etc.
#
# The trace has no event for the end of a buffer that was never exported, so its bar
# is pale after its last event. Buffers of several devices are distinguished, their
# regions are not.

BEGIN {
	LEFT = 150; RIGHT = 30; WIDTH = 1200; TOP = 96; ROW = 44; BAR = 16
	split("#bbbbbb #56b4e9 #e69f00 #009e73 #cc79a7 #f0e442 #d55e00 #0072b2", COLOR, " ")
	SWAPPED = 99
	if (regions != "")
		name_regions(regions)
}

function name_regions(text,   n, i, part) {
	n = split(text, part, " ")
	for (i = 1; i <= n; i++)
		name[i - 1] = part[i]
}

function region_name(r) {
	return r == SWAPPED ? "swapped out" : r in name ? name[r] : "region " r
}

function region_color(r) {
	return r == SWAPPED ? "#ffffff" : r + 1 in COLOR ? COLOR[r + 1] : "#999999"
}

# The value of "key=" or "key:" in the event's text
function arg(key,   at, text) {
	at = index(" " args, " " key)
	if (!at)
		return ""
	text = substr(args, at + length(key))
	sub(/[ \r].*/, "", text)
	return text
}

# An event of this buffer: update its first and last time.
function see(bo) {
	if (!(bo in first)) {
		first[bo] = now
		order[++num_bos] = bo
	}
	last[bo] = now
	delete released[bo]
}

# The buffer is in region r from now on.
function settle(bo, r) {
	see(bo)
	if (bo in where && where[bo] == r)
		return
	end_bar(bo)
	where[bo] = r
	since[bo] = now
	used[r] = 1
}

function add_span(bo, kind, from, to, r) {
	num_spans++
	span_bo[num_spans] = bo; span_kind[num_spans] = kind
	span_from[num_spans] = from; span_to[num_spans] = to; span_region[num_spans] = r
}

function end_bar(bo) {
	if (bo in where)
		add_span(bo, "bar", since[bo], now, where[bo])
	delete where[bo]
}

function add_mark(bo, kind) {
	num_marks++
	mark_bo[num_marks] = bo; mark_kind[num_marks] = kind; mark_at[num_marks] = now
	total[kind]++
}

function importer_lookup(   bo) {
	if (arg("ino=") in inode && (arg("ret=") == "" || arg("ret=") == 0)) {
		bo = inode[arg("ino=")]
		see(bo)
		add_mark(bo, "fault")
	}
}

/^# regions: / && regions == "" {
	name_regions(substr($0, 12))
}

/entries-in-buffer\/entries-written: / {
	split($3, part, "/")
	lost = part[2] - part[1]
}

/^#/ || !match($0, /[0-9]+\.[0-9]+: [a-z_0-9]+: /) {
	next
}

{
	split(substr($0, RSTART, RLENGTH), part, ": ")
	now = part[1] + 0
	event = part[2]
	args = substr($0, RSTART + RLENGTH)
	bo = arg("bo=")
}

event ~ /^(vgem_pfn|dma_buf)_/ {
	if (!num_events++)
		begin = now
	finish = now
}

event == "vgem_pfn_move_begin" {
	size[bo] = arg("size=") + 0
	if (!(bo in where))
		settle(bo, arg("from="))
	see(bo)
}

event == "vgem_pfn_move_end" {
	settle(bo, arg("region="))
}

event == "vgem_pfn_place" {
	settle(bo, arg("region="))
}

event == "vgem_pfn_swap" {
	settle(bo, SWAPPED)
}

event == "vgem_pfn_copy_begin" {
	copying[bo, arg("fence=")] = now
	see(bo)
}

event == "vgem_pfn_copy_end" && (bo SUBSEP arg("fence=")) in copying {
	add_span(bo, "copy", copying[bo, arg("fence=")], now)
	delete copying[bo, arg("fence=")]
	see(bo)
}

event == "vgem_pfn_notify" {
	see(bo)
	add_mark(bo, "notify")
}

event == "vgem_pfn_stale" {
	see(bo)
	add_mark(bo, "stale")
}

event == "vgem_pfn_pin" {
	see(bo)
	if (!pins[bo]++)
		pinned[bo] = now
}

event == "vgem_pfn_unpin" && pins[bo] > 0 {
	see(bo)
	if (!--pins[bo])
		add_span(bo, "pin", pinned[bo], now)
}

event == "vgem_pfn_export" {
	see(bo)
	size[bo] = arg("size=") + 0
	inode[arg("ino=")] = bo
	exported[bo] = 1
}

event == "vgem_pfn_release" {
	see(bo)
	released[bo] = now
}

event == "dma_buf_get_pfn" || event == "dma_buf_get_pfn_run" {
	importer_lookup()
}

# --- the picture -------------------------------------------------------------------

function x(t) {
	return LEFT + (t - begin) / (finish - begin) * (WIDTH - LEFT - RIGHT)
}

function x_width(from, to) {
	return x(to) - x(from) < .5 ? .5 : x(to) - x(from)
}

function text(class, at, y, what) {
	printf "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", class, at, y, what
}

function duration(t) {
	return t < 1 ? sprintf("%.1f ms", t * 1000) : sprintf("%.2f s", t)
}

function bytes(n) {
	return n >= 1048576 ? sprintf("%.3g MiB", n / 1048576) : sprintf("%.3g KiB", n / 1024)
}

# 1, 2 or 5 times a power of ten, for about ten ticks on the axis
function tick_step(   step, n) {
	step = 1e-6
	for (n = 0; (finish - begin) / step > 12; n++)
		step *= n % 3 == 1 ? 2.5 : 2
	return step
}

function draw_axis(height,   step, t) {
	step = tick_step()
	for (t = 0; t <= finish - begin; t += step) {
		printf "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>\n",
			x(begin + t), x(begin + t), TOP - 6, height - 30
		text("tick", x(begin + t), height - 14, duration(t))
	}
}

function legend_entry(shape, what) {
	printf "<g transform=\"translate(%.1f,%.1f)\">%s</g>\n", legend_at, legend_y, shape
	text("small", legend_at + 20, legend_y + 10, what)
	legend_at += 34 + 6.6 * length(what)
}

function draw_legend(   r) {
	legend_at = LEFT; legend_y = 40
	for (r = 0; r <= SWAPPED; r++)
		if (r in used)
			legend_entry(sprintf("<rect class=\"bar\" width=\"14\" height=\"12\" fill=\"%s\"/>",
					     region_color(r)), region_name(r))
	legend_at = LEFT; legend_y = 62
	legend_entry("<rect class=\"bar\" fill=\"url(#copy)\" width=\"14\" height=\"12\"/>",
		     "copied")
	legend_entry("<path class=\"notify\" d=\"M2 2h10l-5 9z\"/>", total["notify"] + 0 " notifications")
	legend_entry("<path class=\"fault\" d=\"M7 1v10\"/>",
		     total["fault"] + 0 " lookups by importers")
	legend_entry("<path class=\"pin\" d=\"M0 6h14\"/>", "pinned")
	if (private)
		legend_entry("<rect class=\"pale\" fill=\"#333\" width=\"14\" height=\"12\"/>",
			     "no event since")
	if (total["stale"])
		legend_entry("<path class=\"stale\" d=\"M2 1l10 10M12 1l-10 10\"/>",
			     total["stale"] " stale writes")
}

function draw_spans(kind,   i, y, class, fill) {
	for (i = 1; i <= num_spans; i++) {
		if (span_kind[i] != kind)
			continue
		y = row[span_bo[i]] + 12
		if (kind == "pin") {
			printf "<path class=\"pin\" d=\"M%.2f %.1fH%.2f\"/>\n",
				x(span_from[i]), y + BAR + 3, x(span_to[i])
			continue
		}
		class = kind
		if (kind == "bar" && span_to[i] > last[span_bo[i]] && !exported[span_bo[i]])
			class = "pale"
		fill = kind == "copy" ? "url(#copy)" : region_color(span_region[i])
		printf "<rect class=\"%s\" fill=\"%s\" x=\"%.2f\" y=\"%d\" width=\"%.2f\" height=\"%d\"",
			class, fill, x(span_from[i]), y, x_width(span_from[i], span_to[i]), BAR
		printf "><title>buffer %s %s, %s to %s</title></rect>\n", span_bo[i],
			kind == "copy" ? "copied" : "in " region_name(span_region[i]),
			duration(span_from[i] - begin), duration(span_to[i] - begin)
	}
}

# Marks at the same position are drawn once; the length of a tick shows their number.
function draw_marks(   i, at, y, n, key) {
	for (i = 1; i <= num_marks; i++)
		n = ++many[mark_bo[i], mark_kind[i], int(x(mark_at[i]) * 2)]
	for (i = 1; i <= num_marks; i++) {
		at = int(x(mark_at[i]) * 2)
		key = mark_bo[i] SUBSEP mark_kind[i] SUBSEP at
		if (key in drawn)
			continue
		drawn[key] = 1
		y = row[mark_bo[i]] + 12
		if (mark_kind[i] == "notify")
			printf "<path class=\"notify\" d=\"M%.1f %.1fh10l-5 9z\"/>\n",
				at / 2 - 5, y - 10
		else if (mark_kind[i] == "stale")
			printf "<path class=\"stale\" d=\"M%.1f %.1fl10 10m0 -10l-10 10\"/>\n",
				at / 2 - 5, y + 3
		else {
			n = 4 + 1.5 * log(many[key]) / log(2)
			if (n > 11)
				n = 11
			printf "<path class=\"fault\" d=\"M%.1f %.1fv%.1f\"/>\n",
				at / 2, y + BAR + 5, n
		}
	}
}

END {
	if (!num_bos) {
		print "residency: there is no buffer of vgem_pfn in this trace" > "/dev/stderr"
		exit 1
	}
	if (finish == begin)
		finish = begin + 1e-6
	height = TOP + num_bos * ROW + 40
	for (i = 1; i <= num_bos; i++) {
		bo = order[i]
		row[bo] = TOP + (i - 1) * ROW
		# A bar ends when the buffer is released or the trace ends. It is
		# pale after the last event of the buffer.
		now = bo in released ? released[bo] : exported[bo] ? finish : last[bo]
		r = where[bo]
		placed = bo in where
		end_bar(bo)
		private += placed && !exported[bo]
		if (placed && !exported[bo])
			add_span(bo, "bar", last[bo], finish, r)
		if (pins[bo] > 0)
			add_span(bo, "pin", pinned[bo], now)
	}

	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\"", WIDTH, height
	printf " viewBox=\"0 0 %d %d\">\n", WIDTH, height
	print "<style>"
	print "text { font-family: sans-serif; font-size: 12px; fill: #222 }"
	print ".title { font-size: 15px; font-weight: bold } .small { font-size: 12px }"
	print ".label { text-anchor: end } .tick { text-anchor: middle; font-size: 11px; fill: #555 }"
	print ".grid { stroke: #ddd; stroke-width: 1 } .bar { stroke: #333; stroke-width: .5 }"
	print ".pale { opacity: .25 } .copy { stroke: none }"
	print ".pin { stroke: #000; stroke-width: 2; fill: none }"
	print ".notify { fill: #c00000 } .fault { stroke: #222; stroke-width: 1; fill: none }"
	print ".stale { stroke: #ff00ff; stroke-width: 2; fill: none }"
	print "</style>"
	print "<defs><pattern id=\"copy\" width=\"5\" height=\"5\""
	print "patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">"
	print "<rect width=\"2\" height=\"5\" fill=\"#000\" opacity=\".55\"/></pattern></defs>"
	printf "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n", WIDTH, height
	text("title", LEFT, 22, sprintf("The placement of %d buffers during %s%s", num_bos,
		duration(finish - begin), lost > 0 ? " (" lost " events before that were lost)" : ""))
	draw_legend()
	draw_axis(height)
	for (i = 1; i <= num_bos; i++) {
		bo = order[i]
		text("label", LEFT - 10, row[bo] + 22, "buffer " bo)
		text("label small", LEFT - 10, row[bo] + 36,
		     (bo in size ? bytes(size[bo]) : "size unknown") (exported[bo] ? "" : ", private"))
	}
	draw_spans("bar")
	draw_spans("copy")
	draw_spans("pin")
	draw_marks()
	print "</svg>"
}
