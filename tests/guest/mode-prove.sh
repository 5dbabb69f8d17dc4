# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# MODE=prove: load the importer under test, let its program use a buffer of vgem_pfn
# that moves, and judge. Everything of it is in /vgem_pfn/prove: "modules", a line
# for each in the order of loading, a file or the name of one of the kernel's own; and
# "command", whose program is in "bin" if it came from the host. SHARE has options of
# vgem_pfn_share, TIMEOUT the seconds for the command.

PROVE=/vgem_pfn/prove
HEARTBEAT=5

# TAINT_OOT_MODULE and TAINT_UNSIGNED_MODULE (O and E, bits 12 and 13): the importer
# need not be part of the kernel.
ALLOWED_TAINTS=$((ALLOWED_TAINTS | 1 << 12 | 1 << 13))

prove_load()
{
	while read -r _module; do
		case "$_module" in
		*.ko) _err=$(insmod "$PROVE/$_module" 2>&1) ;;
		*) _err=$(/sbin/modprobe "$_module" 2>&1) ;;
		esac || {
			not_ok "prove/load/$_module" "$_err $(dmesg | tail -n 1)"
			return 1
		}
		ok "prove/load/$_module"
	done < $PROVE/modules
}

# Those under test, the last one first. Under the name that the kernel has for it.
prove_unload()
{
	sed -n '1!G;h;$p' $PROVE/modules | grep '\.ko$' > /run/reversed
	while read -r _module; do
		_name=$(echo "${_module%.ko}" | tr - _)
		[ ! -d "/sys/module/$_name" ] || unload_module "$_name" /sbin/rmmod
	done < /run/reversed
}

# So that the host does not take a silent command for a hung guest
heartbeat()
{
	while sleep $HEARTBEAT; do
		progress "proving: $1"
	done
}

# The command is one of the host's user, words and all. Its output goes to the host as
# it comes.
prove_run()
{
	_command=$(cat $PROVE/command)
	progress "proving: $_command"
	heartbeat "$_command" &
	_heartbeat=$!
	mkfifo /run/output
	tee "$RESULTS/program.txt" < /run/output >&5 &
	_tee=$!
	PATH=$PROVE/bin:$PATH
	# shellcheck disable=SC2086 # options are words
	detached vgem_pfn_share ${SHARE:-} ${TIMEOUT:+-t "$TIMEOUT"} \
		sh -c "$_command" > /run/output 2> "$RESULTS/share.txt"
	_status=$?
	wait $_tee
	kill $_heartbeat
	cat "$RESULTS/share.txt" >&5
	_how=$(sed -n 's/^vgem_pfn_share: the command //p' "$RESULTS/share.txt")
	if [ $_status -eq 0 ]; then
		ok "prove/program"
	else
		not_ok "prove/program" "${_how:-$(tail -n 1 "$RESULTS/share.txt")}; \
last line: $(tail -n 1 "$RESULTS/program.txt")"
	fi
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
