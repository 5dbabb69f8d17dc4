# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# MODE=run: load the driver and run the story program, and only those checks that
# take no time. The picture is made by an IGT subtest. Both are traced. If there is an
# IOMMU, the line about DMA comes from another subtest.

# show_picture: scan out a buffer with vkms, which Debian's kernels do not have.
show_picture()
{
	progress "drawing a picture"
	detached /vgem_pfn/tests/vgem_pfn_vkms --picture "$RESULTS" --run-subtest picture \
		> "$RESULTS/vkms.log" 2>&1
	_status=$?
	cat "$RESULTS/vkms.txt" >&5
	ended "picture" $_status "$(grep -v '^ ' "$RESULTS/vkms.log" | tail -n 1)"
}

# show_dma: let a device access buffers that move, and print how many moves that were.
show_dma()
{
	progress "DMA"
	detached /vgem_pfn/tests/vgem_pfn_dma --run-subtest move > "$RESULTS/dma.log" 2>&1
	_status=$?
	awk '/: [0-9]+ moves$/ { moves += $(NF - 1); kinds++ }
		END { printf "%-13s a device reads and writes %d kinds of memory, %s %d moves\n",
			"dma", kinds, "at the same IOVA before and after", moves }' \
		"$RESULTS/dma.log" >&5
	ended "dma" $_status "$(grep -v '^ ' "$RESULTS/dma.log" | tail -n 1)"
}

# show_kvm: move a buffer that is a virtual machine's memory, and print how often.
show_kvm()
{
	progress "KVM"
	detached /vgem_pfn/tests/vgem_pfn_kvm --run-subtest move > "$RESULTS/kvm.log" 2>&1
	_status=$?
	sed -nE 's/^(.* )?([0-9]+) moves, ([0-9]+) words changed$/kvm           a guest changes \3 words of its memory, which moves \2 times meanwhile/p' \
		"$RESULTS/kvm.log" >&5
	ended "kvm" $_status "$(grep -v '^ ' "$RESULTS/kvm.log" | tail -n 1)"
}

if load_modules modules.list; then
	start_trace || not_ok "trace" "cannot trace the events of vgem_pfn"
	progress "telling the story"
	detached /vgem_pfn/bin/story > /tmp/story.txt 2> /tmp/story.err
	_status=$?
	cat /tmp/story.txt /tmp/story.err >&5
	cp /tmp/story.txt /tmp/story.err "$RESULTS"
	ended "story" $_status "$(tail -n 1 /tmp/story.err)"

	[ -n "${STOCK:-}" ] || show_picture
	save_trace "$RESULTS/trace.txt"
	if [ -e /sys/class/iommu/dmar0 ]; then
		show_dma
		show_kvm
	fi
fi
check_taint
check_lockdep
check_log
