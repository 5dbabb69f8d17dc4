# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# MODE=bench: load the driver and the benchmark and let the bench program measure.
# This kernel has none of the checks that count, so it has no lockdep to look at.

if load_module vgem_pfn && load_module dma-buf-pfn-bench; then
	progress "measuring"
	detached /vgem_pfn/bin/bench "${SEED:?}" > "$RESULTS/bench.tsv" 2> /tmp/bench.err
	_status=$?
	if [ $_status -eq 0 ]; then
		ok "bench"
	else
		not_ok "bench" "exit status $_status: $(tail -n 1 /tmp/bench.err)"
	fi
fi
check_taint
check_log
