# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# MODE=classes: run the sample importers of make test-prove, correct ones and those
# with a planted bug, and compare what pfn-contract reports with /vgem_pfn/classes/list,
# whose lines are
#
#	CLASS BUG STATUS OPTIONS REGEX
#
# STATUS is the exit status of pfn-contract, OPTIONS are those of vgem_pfn_share without
# blanks before their values, or "-", and a line of the report must match REGEX. All
# correct ones come first: the kernel must not warn about them.

CLASSES=/vgem_pfn/classes

classes_load()
{
	for _module in sg_target sg_importer sample_importer; do
		_err=$(insmod "$CLASSES/$_module.ko" 2>&1) || {
			not_ok "module/$_module" "$_err"
			return 1
		}
	done
}

classes_check_kernel()
{
	[ -z "${_checked:-}" ] || return 0
	_checked=1
	ALLOWED_TAINTS=$((ALLOWED_TAINTS | 1 << 12 | 1 << 13))
	check_taint
	check_lockdep
	check_log
}

# classes_run CLASS BUG STATUS OPTIONS REGEX
classes_run()
{
	[ "$2" = none ] || classes_check_kernel
	[ -d /sys/kernel/debug/dri/vgem_pfn.0 ] || echo 0 > /sys/kernel/debug/vgem_pfn/plug
	[ "$4" != - ] || set -- "$1" "$2" "$3" "" "$5"
	_name=classes/$1/$2$4
	_out=$RESULTS/$1-$2$4.txt
	progress "$_name"
	_use=use-mapper.sh
	[ "$1" != pfn ] || _use=use-pfn.sh
	# shellcheck disable=SC2034 # for start_contract
	CONTRACT=$_out CONTRACT_LIMIT=1000
	start_contract
	# shellcheck disable=SC2086 # options are words
	PATH=$CLASSES:$PATH detached vgem_pfn_share $4 "$_use" "$1" "$2" \
		> "$_out.program" 2>&1
	stop_contract
	_status=$?
	if [ $_status -ne "$3" ]; then
		not_ok "$_name" "exit status $_status, not $3: $(tail -n 1 "$_out"); \
$(tail -n 1 "$_out.program")"
	elif ! grep -qE -- "$5" "$_out"; then
		not_ok "$_name" "no line matches /$5/: $(tail -n 1 "$_out")"
	else
		ok "$_name"
	fi
}

if load_module vgem_pfn carveouts=contig:64M,contig:64M && classes_load; then
	while read -r _class _bug _want _options _regex; do
		case "$_class" in
		'#'* | '') ;;
		*)
			echo "$_class" | grep -qE "^(${CLASSES_ONLY:-.*})$" || continue
			classes_run "$_class" "$_bug" "$_want" "$_options" "$_regex"
			;;
		esac
	done < $CLASSES/list
fi
