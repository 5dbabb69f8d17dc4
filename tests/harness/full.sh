#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# full.sh - make test-full: every suite there is, one after the other, whether
# the one before failed or not. Closing line: the sum of theirs.

# shellcheck source=tests/harness/lib.sh
. "$(dirname "$0")/lib.sh"

# Scripts, and the variant of the kernel where that is another one.
SUITES=(test iommufd "test kasan" "coverage kasan" selftest mutate)

sum=(0 0 0)
status=0
for suite in "${SUITES[@]}"; do
	note "suite: $suite"
	log=$OUT/log/full-${suite// /-}.log
	mkdir -p "$OUT/log"
	read -r script variant <<<"$suite"
	VARIANT=${variant:-${VARIANT:-}} "$HARNESS/$script.sh" </dev/null 2>&1 | tee "$log" || status=1
	if [[ $(tail -n 1 "$log") =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
		for i in 0 1 2; do
			sum[i]=$((sum[i] + BASH_REMATCH[i + 1]))
		done
	else
		note "$suite ended without its closing line"
		sum[1]=$((sum[1] + 1))
		status=1
	fi
done

echo "${sum[0]} passed, ${sum[1]} failed, ${sum[2]} skipped"
exit $status
