# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# The contract: while the tests run, pfn-contract reads the events of the exporter
# and of the dma-buf core, and judges every move and every importer. What it says
# lands in contract.txt.

CONTRACT=$RESULTS/contract.txt

# Tests have importers of every class, which need not be judged.
start_contract()
{
	_any=-a
	[ "$MODE" != prove ] || _any=
	# shellcheck disable=SC2086 # an option or nothing
	detached /vgem_pfn/bin/pfn-contract $_any ${CONTRACT_LIMIT:+-l "$CONTRACT_LIMIT"} \
		record > "$CONTRACT" 2>&1 &
	contract_pid=$!
	/vgem_pfn/bin/pfn-contract ready
}

# sync_contract: before the exporter goes, and takes with it what was not read.
sync_contract()
{
	[ -z "${contract_pid:-}" ] || /vgem_pfn/bin/pfn-contract sync
}

# unloaded_contract: after it has gone, so that it is traced when it comes back.
unloaded_contract()
{
	[ -z "${contract_pid:-}" ] || /vgem_pfn/bin/pfn-contract unloaded
}

# stop_contract: 0 if the rules were kept, by everybody who is not broken on purpose.
stop_contract()
{
	[ -n "${contract_pid:-}" ] || return 3
	/vgem_pfn/bin/pfn-contract stop
	wait "$contract_pid"
}

# check_contract: the verdict, and what was found of each mode that a test has used. Once,
# and not at all if nothing is recorded.
check_contract()
{
	[ -n "${contract_pid:-}" ] || return 0
	progress "judging the contract"
	stop_contract
	_status=$?
	contract_pid=
	verdict "# contract: $(tail -n 1 "$CONTRACT"); $(grep '^checked' "$CONTRACT")"
	# Without a move there is nothing to judge: the tests that were selected make none.
	if [ $_status -eq 2 ] && [ -n "${SELECTED:-}" ] &&
		grep -q '^verdict: cannot judge: nothing has moved' "$CONTRACT"; then
		skip "guest/contract" "no test that was selected has moved a buffer"
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
