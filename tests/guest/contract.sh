# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# While the tests run, pfn-contract reads the trace events of the exporter and of
# the dma-buf core and checks every move and every importer against the contract.
# Its output is in contract.txt.

CONTRACT=$RESULTS/contract.txt

# The tests also have importers that do nothing, or that nothing is notified of (-a). An
# importer of a user may emit many events without a pause (-b).
start_contract()
{
	_options=-a
	case "$MODE" in
	prove | classes) _options="-b 64" ;;
	esac
	# shellcheck disable=SC2086 # words
	detached /vgem_pfn/bin/pfn-contract $_options ${CONTRACT_LIMIT:+-l "$CONTRACT_LIMIT"} \
		record > "$CONTRACT" 2>&1 &
	contract_pid=$!
	/vgem_pfn/bin/pfn-contract ready
}

# sync_contract: call it before the exporter is unloaded, which drops its unread events.
sync_contract()
{
	[ -z "${contract_pid:-}" ] || /vgem_pfn/bin/pfn-contract sync
}

# unloaded_contract: call it after the exporter was unloaded, so that it is traced
# once it is loaded again.
unloaded_contract()
{
	[ -z "${contract_pid:-}" ] || /vgem_pfn/bin/pfn-contract unloaded
}

# reloaded_contract: call it after the exporter was loaded again. Kernels before 6.14 do
# not enable the events of a module that is loaded later.
reloaded_contract()
{
	[ -z "${contract_pid:-}" ] || [ -z "${STOCK:-}" ] ||
		echo 1 > /sys/kernel/tracing/instances/pfn_contract/events/vgem_pfn/enable
}

# stop_contract: returns 0 if no rule was broken, except by importers that are
# broken on purpose; 3 if nothing was recorded.
stop_contract()
{
	[ -n "${contract_pid:-}" ] || return 3
	/vgem_pfn/bin/pfn-contract stop
	wait "$contract_pid"
}

# check_contract: report the verdict, and the violations found in each mode that a
# test has used. Only the first call does this, and only if a recording runs.
check_contract()
{
	[ -n "${contract_pid:-}" ] || return 0
	progress "judging the contract"
	stop_contract
	_status=$?
	contract_pid=
	verdict "# contract: $(tail -n 1 "$CONTRACT"); $(grep '^checked' "$CONTRACT")"
	# No buffer has moved under an importer: there is nothing to judge.
	if [ $_status -eq 2 ] && [ -n "${SELECTED:-}" ] &&
		grep -q '^verdict: cannot judge: nothing has moved' "$CONTRACT"; then
		skip "guest/contract" "no selected test has moved a buffer under an importer"
	elif [ $_status -eq 0 ]; then
		ok "guest/contract"
	else
		not_ok "guest/contract" "$(tail -n 1 "$CONTRACT"); $(grep -E \
			'^(VIOLATION|CANNOT)|^pfn-contract:' "$CONTRACT" | head -n 1)"
	fi
	sed -n 's/^mode //p' "$CONTRACT" > /run/modes
	while read -r _line; do
		_mode=${_line%%:*}
		case "$_line" in
		*' no violation') ;;
		*)
			verdict "# $_line"
			ok "guest/contract/$_mode"
			;;
		esac
	done < /run/modes
}
