# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# tests.sh - run a queue of units in guests side by side, and show the progress.
# Sourced after prepare.sh.
#
#   tests_run DIR QUEUE KEY=VALUE...   run one guest per CPU, three at most, each in
#                                      DIR/guest-N; GUESTS=n overrides the number. There
#                                      are no more guests than units
#   guests_of QUEUE                    print the number of these guests, in words
#
#   iommu_tests DIR LIST PASSES KEY=VALUE...   run a list of selftests and these passes in
#                                      one guest that has an IOMMU, and report the results
#
# If there is QUEUE.iommu, its units run in another guest, DIR/guest-iommu, beside these.
#
# There are as many guests as CPUs: one guest keeps little more than one CPU busy. If there is
# also the guest with an IOMMU, whose units no other guest can run, it has priority.

# guests_side_by_side QUEUE - the number of guests. A guest without a unit could not report
# a result and would count as failed.
guests_side_by_side() {
	local n=${GUESTS:-$(nproc)} units
	units=$(find "$1" -type f | wc -l)
	((n <= 3)) || n=3
	echo $((n < units ? n : units))
}

# guests_of QUEUE - also counts the guest with an IOMMU
guests_of() {
	local n
	n=$(guests_side_by_side "$1")
	if ((n == 1)); then printf '1 guest'; else printf '%d guests' "$n"; fi
	[[ ! -d $1.iommu ]] || printf ' and one with an IOMMU'
}

# tests_state DIR - "BEGUN ENDED UNIT..." of all guests: the numbers of subtests,
# and the current units
tests_state() {
	cat "$1"/guest-*/progress 2>/dev/null | tr -d '\r' | awk '
		/Starting subtest: / { begun++ }
		/^(\[ *[0-9.]+\] )?Subtest / { ended++ }
		/ unit [0-9]+ begins$/ { on[$(NF - 1)] }
		/ unit [0-9]+ ends$/ { delete on[$(NF - 1)] }
		END { printf "%d %d", begun, ended; for (u in on) printf " %s", u; print "" }'
}

# tests_progress DIR START - show pass, subtest and time in one line
tests_progress() {
	local ended pass="" unit eta='' t=$((SECONDS - $2)) k
	read -r _ ended unit _ < <(tests_state "$1")
	((_TOTAL)) || return 0
	if [[ -n $unit ]]; then
		pass=$(awk 'NR == 1 { print $3 == "igt" ? $4 : $3 " " $4; exit }' \
			"$1"/guest-*/units/"$unit" 2>/dev/null) || :
	fi
	k=$(grep -nxF -- "${pass:-?}" <<<"$_PASSES" | cut -d: -f1) || :
	((ended < 20 || ended > _TOTAL)) ||
		eta=", about $(hms $((t * (_TOTAL - ended) / ended))) to go"
	progress $((ended * 99 / _TOTAL)) \
		"${k:+pass $k of $(wc -l <<<"$_PASSES") ($pass), }subtest $ended of $_TOTAL, $(hms "$t")$eta"
}

# The interval of progress lines in seconds, even without progress
progress_pace() {
	if ((_TTY)); then echo 2; else echo 30; fi
}

# The guest with an IOMMU runs first if CPUs are scarce, because its units run in no other
# guest. Only root can raise its priority. For others, a larger niceness of the other guests
# would slow those down beside other work on the machine.
_nicenesses() {
	if (($(nice -n -10 nice 2>/dev/null) < 0)); then
		NICE=0 NICE_IOMMU=-10
	else
		NICE=3 NICE_IOMMU=0
	fi
}

# start_slot NICENESS NUMBER KEY=VALUE... - start slot.sh
start_slot() {
	start_child nice -n "$1" "$HARNESS/lib/slot.sh" "${@:2}"
	slots+=("$!")
}

# start_iommu_slot KEY=VALUE...
start_iommu_slot() {
	local -x QEMU=$QEMU ACCEL=${ACCEL:-} ACCEL_USED=$ACCEL_USED ACCEL_WHY=${ACCEL_WHY:-}
	local -x GUEST_IOMMU='' GUEST_DMA='' QUEUE=$QUEUE.iommu
	iommu_guest
	start_slot "$NICE_IOMMU" iommu "$@"
}

tests_run() {
	local dir=$1 queue=$2 n guests NICE=0 NICE_IOMMU slots=() start=$SECONDS last=0 pid alive pace var
	shift 2
	_TOTAL=$(queue_files "$queue" | xargs cat | grep -c '^igt@') || :
	_PASSES=$(queue_files "$queue" | xargs head -qn 1 | awk '{ p = $3 == "igt" ? $4 : $3 " " $4 } !seen[p]++ { print p }')
	local -x DIR=$dir QUEUE=$queue
	# Not exported: a variable that is set for one call would keep its value afterwards.
	for var in GUEST_KERNEL GUEST_IMAGE ROOTFS QEMU ACCEL GUEST_IOMMU GUEST_DMA \
		BOOT_TIMEOUT STALL_TIMEOUT; do
		local -x "$var=${!var:-}"
	done
	[[ ! -d $queue.iommu ]] || _nicenesses
	# The first guest may have taken its unit before the last guest is started.
	guests=$(guests_side_by_side "$queue")
	for ((n = 1; n <= guests; n++)); do start_slot "$NICE" "$n" "$@"; done
	[[ ! -d $queue.iommu ]] || start_iommu_slot "$@"
	pace=$(progress_pace)
	while :; do
		alive=0
		for pid in "${slots[@]}"; do
			if kill -0 "$pid" 2>/dev/null; then alive=1; fi
		done
		((alive)) || break
		nap 0.5
		if ((SECONDS - last >= pace)); then
			last=$SECONDS
			_LAST_PCT=-1
			tests_progress "$dir" "$start"
		fi
	done
	for pid in "${slots[@]}"; do wait_child "$pid" || :; done
	progress_end
	# shellcheck disable=SC2034 # for our callers
	TESTS_SECONDS=$((SECONDS - start))
}

iommu_tests() {
	# shellcheck disable=SC2034 # PASSES is for igt_units
	local dir=$1 list=$2 PASSES=$3 queue=$1/queue
	shift 3
	own_dir "$dir"
	next_step "a QEMU that has igb and whose guests can run guests"
	iommu_guest
	rm -rf "$dir"
	units_begin "$queue"
	kselftest_units "$list"
	igt_units
	next_step "running the tests in a guest: $ACCEL_USED, $ACCEL_WHY"
	# One guest only: the programs share the state of fault injection.
	GUESTS=1 tests_run "$dir" "$queue" "$@"
	note "the guest ran for $(hms "$TESTS_SECONDS")"
	next_step "results in $dir: test.ktap, junit.xml, guest-1/console.log"
	results_collect_all "$dir" "$queue"
	results_report "$dir"
}
