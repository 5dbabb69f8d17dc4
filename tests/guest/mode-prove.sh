# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# MODE=prove: load the importer under test, let its program use a buffer of vgem_pfn
# that moves, and judge. Everything of it is in /vgem_pfn/prove: modules with their
# order, and the command.

PROVE=/vgem_pfn/prove

prove_load()
{
	while read -r _module; do
		if _err=$(insmod "$PROVE/$_module" 2>&1); then
			ok "prove/load/$_module"
		else
			not_ok "prove/load/$_module" "$_err $(dmesg | tail -n 1)"
			return 1
		fi
	done < $PROVE/modules
}

# The last one first. Under the name that the kernel has for it.
prove_unload()
{
	sed '1!G;h;$!d' $PROVE/modules > /run/reversed
	while read -r _module; do
		_name=$(echo "${_module%.ko}" | tr - _)
		[ ! -d "/sys/module/$_name" ] || unload_module "$_name" /sbin/rmmod
	done < /run/reversed
}

# The command is one of the host's user, words and all.
prove_run()
{
	progress "proving: $(cat $PROVE/command)"
	PATH=$PROVE:$PATH
	# shellcheck disable=SC2086 # options are words
	detached vgem_pfn_share ${SHARE:-} sh -c "$(cat $PROVE/command)" \
		> "$RESULTS/program.txt" 2>&1
	_status=$?
	cat "$RESULTS/program.txt" >&5
	ended "prove/program" $_status "$(tail -n 1 "$RESULTS/program.txt")"
}

if load_module vgem_pfn; then
	start_contract
	if prove_load; then
		prove_run
		prove_unload
	fi
	stop_contract
	_status=$?
	cat "$CONTRACT" >&5
	if [ $_status -eq 0 ]; then
		ok "prove/contract"
	else
		not_ok "prove/contract" "$(tail -n 1 "$CONTRACT")"
	fi
fi
check_taint
check_lockdep
check_log
