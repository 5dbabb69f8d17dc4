# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Mutants: modules with a deliberate bug, which the host built in addition to the
# correct ones (tests/harness/mutate.sh). One guest runs the tests of many mutants.

MUTANTS=/vgem_pfn/mutants
mutant=

# replace_modules: bind mount the mutant's modules over the correct ones, if it has any
replace_modules()
{
	touch /run/replaced
	while read -r _file; do
		umount "$_file"
	done < /run/replaced
	: > /run/replaced
	for _ko in "$MUTANTS/$mutant"/*.ko; do
		[ -e "$_ko" ] || continue
		_file=$(find /modules -name "${_ko##*/}")
		mount -o bind "$_ko" "$_file" || return
		echo "$_file" >> /run/replaced
	done
}

# set_mutant NAME: load this mutant's modules from now on; "none": the correct ones
set_mutant()
{
	[ "$1" != "$mutant" ] || return 0
	mutant=$1
	sed '1!G;h;$!d' /run/loaded > /run/reversed
	while read -r _module; do
		/sbin/modprobe -r "$_module" || return
	done < /run/reversed
	replace_modules || return
	while read -r _module; do
		/sbin/modprobe "$_module" || return
	done < /run/loaded
}

# mutant_unit NAME PASS [PARAM...]: each unit has its own contract verdict.
mutant_unit()
{
	if ! set_mutant "$1" 2> /run/mutant.err; then
		not_ok "guest/mutant/$1" "$(cat /run/mutant.err)"
		return
	fi
	shift
	# Make begin_pass load the driver with the parameters of this pass.
	_pass=none
	begin_pass "$@" || return
	start_contract
	run_left
	stop_contract
	# shellcheck disable=SC2154 # units.sh sets it
	echo $? > "$RESULTS/unit/$unit/contract.status"
	# shellcheck disable=SC2034 # start_contract and reload look at it
	contract_pid=
	mv "$CONTRACT" "$RESULTS/unit/$unit/contract.txt"
}
