# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# The trace of a run, from which the host draws a picture
# (tests/harness/results/residency.awk): all events of the exporter, and those
# events of the dma-buf core that record lookups.

TRACE=/sys/kernel/tracing/instances/residency

# start_trace: call it after vgem_pfn was loaded. All CPUs use the same clock.
start_trace()
{
	mkdir "$TRACE" && echo mono > "$TRACE/trace_clock" &&
		echo 4096 > "$TRACE/buffer_size_kb" || return
	for _event in vgem_pfn/enable dma_buf/dma_buf_get_pfn/enable \
		dma_buf/dma_buf_get_pfn_run/enable; do
		echo 1 > "$TRACE/events/$_event" || return
	done
	# The events of the dma-buf core already record these.
	echo 0 > "$TRACE/events/vgem_pfn/vgem_pfn_get_pfn/enable"
	echo 0 > "$TRACE/events/vgem_pfn/vgem_pfn_get_pfn_run/enable"
}

# trace_regions: the names of the regions in the order of their ids. The name of a
# carveout ends in its number.
trace_regions()
{
	echo "# regions: system tt" "$(cd /sys/kernel/debug/dri/vgem_pfn.0 &&
		echo ./*_mm | tr ' ' '\n' | sed -n 's/^..\([a-z]*\)\([0-9]\)_mm$/\2 \1\2/p' |
		sort | sed 's/^[0-9] //' | tr '\n' ' ')"
}

# save_trace FILE
save_trace()
{
	{
		trace_regions
		cat "$TRACE/trace"
	} > "$1"
	echo 0 > "$TRACE/events/enable"
	rmdir "$TRACE"
}
