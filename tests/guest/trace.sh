# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# The trace of a run, for the picture that the host makes of it
# (tests/harness/results/residency.awk): the events of the exporter, and of the dma-buf core
# those that tell what importers asked.

TRACE=/sys/kernel/tracing/instances/residency

# start_trace: after vgem_pfn was loaded. One clock for all CPUs.
start_trace()
{
	mkdir "$TRACE" && echo mono > "$TRACE/trace_clock" &&
		echo 4096 > "$TRACE/buffer_size_kb" || return
	for _event in vgem_pfn/enable dma_buf/dma_buf_get_pfn/enable \
		dma_buf/dma_buf_get_pfn_run/enable; do
		echo 1 > "$TRACE/events/$_event" || return
	done
	# Said by the core's events already
	echo 0 > "$TRACE/events/vgem_pfn/vgem_pfn_get_pfn/enable"
	echo 0 > "$TRACE/events/vgem_pfn/vgem_pfn_get_pfn_run/enable"
}

# trace_regions: their names in the order of their numbers. Those of carveouts end in
# a digit, which is that order.
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
