#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# prove.sh - make prove: run an importer against a buffer of vgem_pfn that moves,
# and check it with pfn-contract.
#
#   MODULE="x.ko ..."   modules in any order, built for the guest's kernel; or one
#                       directory with a Kbuild file or a Makefile, of which a copy
#                       is built here
#   PROGRAM="./x ..."   a command that uses the importer; its first word is a file or
#                       a program of the guest.  It inherits a dma-buf:
#                       VGEM_PFN_DMABUF_FD.  Without it, the modules are loaded and
#                       left alone for some seconds.
#   TIMEOUT=seconds     the command is ended after that (300)
#   SHARE="-s KiB ..."  options of vgem_pfn_share
#   LIMIT=ms            longest time that invalidate_mappings may take, and from there to
#                       the unmapping of a scatter list (2000)
#   DEVICES="nvme,serial=1 ..."  devices of QEMU that the importer needs
#
# LINUX, CONFIG_EXTRA and VARIANT are those of make kernel. The exit status of this
# script, which make replaces with 2 if it is not 0:
#
#   0  no rule was broken, and importers were judged
#   1  nothing was judged: the harness failed, for example because of a build error
#   2  invalid input
#   3  a rule was broken
#   4  the importer did nothing
#   5  with KERNEL=: the kernel pins buffers that are mapped, so the importer was not
#      tested
#   6  the program failed, crashed or exceeded the time limit
#   7  a module failed to load or unload, or the kernel warned or crashed
#   8  the checker cannot judge: events were lost, or no importer was judged

# shellcheck source=tests/harness/lib/lib.sh
. "$(dirname "$0")/lib/lib.sh"

DIR=$OUT/prove
STAGE=$OUT/guest/prove
COPY=$OUT/prove-module
MODULES=()
FIRST=

# --- the input ---------------------------------------------------------------------

# refuse VARIABLE TEXT - exit because of invalid input
refuse() {
	progress_end
	trap - ERR
	printf '\n%s: %s=%s: %s\n' "$ME" "$1" "${!1:-}" "$2" >&2
	exit 2
}

# listing DIR TEST... - the files in DIR that match find's TEST, in one line
listing() {
	local dir=$1 found
	shift
	found=$(find "$dir" -maxdepth 1 -type f "$@" -printf '%P\n' | sort | head -n 12 | tr '\n' ' ')
	printf '%s' "${found:-none}"
}

# number VARIABLE TEXT MIN MAX - refuse TEXT unless it is an integer from MIN to MAX
number() {
	if [[ ! $2 =~ ^[0-9]{1,9}$ ]] || ((10#$2 < $3 || 10#$2 > $4)); then
		refuse "$1" "\"$2\" is no number from $3 to $4"
	fi
}

check_module() {
	local file dir
	[[ -n ${MODULE:-} ]] || refuse MODULE "name the importer
    make prove MODULE=path/to/importer.ko [PROGRAM=path/to/program]"
	if [[ -d $MODULE ]]; then
		[[ -f $MODULE/Kbuild || -f $MODULE/Makefile ]] ||
			refuse MODULE "the directory has neither Kbuild nor Makefile; its files: $(listing "$MODULE")"
		return
	fi
	read -ra MODULES <<<"$MODULE"
	for file in "${MODULES[@]}"; do
		[[ ! -d $file ]] || refuse MODULE "only one directory can be built, or .ko files be given"
		dir=$(dirname "$file")
		if [[ ! -e $file && ! -d $dir ]]; then
			refuse MODULE "there is no directory $dir"
		elif [[ ! -f $file ]]; then
			refuse MODULE "there is no file $file; modules in $dir: $(listing "$dir" -name '*.ko')"
		fi
		[[ $file == *.ko ]] || refuse MODULE "$file is no .ko file"
		! command -v modinfo >/dev/null || modinfo "$file" >/dev/null 2>&1 ||
			refuse MODULE "$file is no kernel module"
	done
}

# among NAME - whether it is a line of stdin, which is read to the end because of pipefail
among() {
	awk -v name="$1" '$0 == name { found = 1 } END { exit !found }'
}

# guest_programs - our programs in the guest's PATH, and those of its root if it exists
guest_programs() {
	local src root
	for src in "$TOP"/tests/guest/programs/*.c; do basename "$src" .c; done
	printf '%s\n' bench pfn-contract
	for root in "$CACHE"/rootfs/guest-*/root; do
		[[ ! -d $root ]] || ls "$root/usr/bin" "$root/usr/sbin"
	done
}

check_program() {
	local dir
	FIRST=${PROGRAM:-}
	FIRST=${FIRST%% *}
	[[ -n $FIRST ]] || return 0
	if [[ -f $FIRST ]]; then
		[[ -x $FIRST ]] || refuse PROGRAM "$FIRST is not executable: chmod +x $FIRST"
	elif [[ $FIRST == */* ]]; then
		dir=$(dirname "$FIRST")
		[[ -d $dir ]] || refuse PROGRAM "there is no directory $dir"
		[[ ! -e $FIRST ]] || refuse PROGRAM "$FIRST is no file"
		refuse PROGRAM "there is no file $FIRST; programs in $dir: $(listing "$dir" -executable)"
	elif ! guest_programs | among "$FIRST"; then
		# Without a root, its programs are not known yet.
		compgen -G "$CACHE/rootfs/guest-*/root" >/dev/null || return 0
		refuse PROGRAM "$FIRST is neither a file nor a program of the guest
    It has: $(cd "$TOP/tests/guest/programs" && echo *.c | sed 's/\.c//g') bench pfn-contract, and busybox"
	fi
}

check_share() {
	local words=() i
	read -ra words <<<"${SHARE:-}"
	for ((i = 0; i < ${#words[@]}; i += 2)); do
		case ${words[i]} in
		-s) number SHARE "${words[i + 1]:-}" 4 65536 ;;
		-p | -l) number SHARE "${words[i + 1]:-}" 0 10000000 ;;
		-b | -f) number SHARE "${words[i + 1]:-}" 1 1000000 ;;
		-q) number SHARE "${words[i + 1]:-}" 0 10000 ;;
		-n) number SHARE "${words[i + 1]:-}" 0 1 ;;
		-u) number SHARE "${words[i + 1]:-}" 1 10000000 ;;
		-m) [[ ${words[i + 1]:-} =~ ^(carveout|system)$ ]] ||
			refuse SHARE "\"${words[i + 1]:-}\" is neither carveout nor system" ;;
		*) refuse SHARE "no option \"${words[i]}\"; there are: -s KiB, -m WHERE, -p US, -l US, \
-b MIB, -q MS, -n 1, -f N, -u MS" ;;
		esac
	done
}

check_input() {
	check_module
	check_program
	check_share
	[[ -z ${LIMIT:-} ]] || number LIMIT "$LIMIT" 1 600000
	number TIMEOUT "${TIMEOUT:=300}" 1 86400
}

# --- modules -----------------------------------------------------------------------

# build_copy DIR - build a copy of DIR against the guest's kernel and set MODULES.
# The user's directory is not modified.
build_copy() {
	local log=$OUT/log/prove-module.log
	rm -rf "$COPY"
	cp -a "$1" "$COPY"
	find "$COPY" \( -name '*.o' -o -name '*.ko' -o -name '*.mod' -o -name '*.mod.c' -o \
		-name '.*.cmd' -o -name modules.order -o -name Module.symvers \) -delete
	if debian_kernel; then
		debian_importer "$COPY" "$log"
	else
		source_id
		kbuild_init
		with_lock "work-$SRC_ID" run_logged "$log" kbuild M="$COPY" modules
	fi || die "the module in $1 does not build" "$log"
	mapfile -t MODULES < <(find "$COPY" -name '*.ko' | sort)
	((${#MODULES[@]})) || refuse MODULE "the build of this directory made no .ko file"
}

# module_name FILE - the name in /sys/module
module_name() {
	basename "$1" .ko | tr - _
}

# check_vermagic - refuse modules that were built for another kernel
check_vermagic() {
	local file magic ours
	ours=$(modinfo -F vermagic "$(find "$GUEST_KERNEL/modules" -name vgem_pfn.ko)")
	for file in "${MODULES[@]}"; do
		magic=$(modinfo -F vermagic "$file" 2>/dev/null) || :
		[[ -n $magic ]] || refuse MODULE "$file is no kernel module"
		[[ $magic == "$ours" ]] || refuse MODULE "$file is built for another kernel
    It is for       \"${magic% }\"
    and the guest's \"${ours% }\"
    Give the directory with its source, or build it against this kernel: make kernel LINUX=..."
	done
}

# in_kernel NAME - whether it is a module of the guest's kernel, or built in
in_kernel() {
	local lists=("$GUEST_KERNEL"/modules/lib/modules/*/modules.{dep,builtin})
	sed 's/:.*//' "${lists[@]}" | sed 's,.*/,,; s/\.ko.*//' | tr - _ | among "$1"
}

# add_module FILE - append to "modules", after all its dependencies
add_module() {
	local name need file
	name=$(module_name "$1")
	[[ -z ${_added[$name]:-} ]] || return 0
	_added[$name]=1
	for need in $(modinfo -F depends "$1" | tr ',-' ' _'); do
		file=${_given[$need]:-}
		if [[ -n $file ]]; then
			add_module "$file"
		elif in_kernel "$need"; then
			echo "$need" >>"$STAGE/modules"
		else
			refuse MODULE "$1 needs the module $need, which is neither given nor part of the kernel"
		fi
	done
	install -p -m 644 "$1" "$STAGE"
	basename "$1" >>"$STAGE/modules"
}

# stage - collect the files for the image
stage() {
	local file
	local -A _given=() _added=()
	rm -rf "$STAGE"
	mkdir -p "$STAGE/bin"
	[[ ! -d $MODULE ]] || build_copy "$(realpath "$MODULE")"
	check_vermagic
	for file in "${MODULES[@]}"; do _given[$(module_name "$file")]=$file; done
	for file in "${MODULES[@]}"; do add_module "$file"; done
	if [[ -z $FIRST ]]; then
		echo 'sleep 5' >"$STAGE/command"
	elif [[ -f $FIRST ]]; then
		install -p -m 755 "$FIRST" "$STAGE/bin"
		printf '%s%s\n' "$(basename "$FIRST")" "${PROGRAM#"$FIRST"}" >"$STAGE/command"
	else
		printf '%s\n' "$PROGRAM" >"$STAGE/command"
	fi
}

# --- the verdict -------------------------------------------------------------------

# failed REGEX - whether a failed result has a matching name and reason
failed() {
	jq -e --arg r "$1" 'any(.[] | select(.status == "fail") | "\(.name) \(.reason)";
		test($r))' "$DIR/summary.json" >/dev/null
}

# held_still - whether the kernel pinned the buffer because it was mapped
held_still() {
	debian_kernel && debian_holds_still &&
		grep -qE ' [1-9][0-9]* attempts while pinned' "$DIR/results/share.txt"
}

# conclude - print and return the exit status
conclude() {
	local status=0 text="no rule was broken"
	if failed '^prove/contract verdict: [0-9]+ violations'; then
		status=3 text="a rule was broken"
	elif failed '^(module/|prove/load|guest/)'; then
		status=7 text="a module did not load or go, or the kernel complained or died"
	elif failed '^prove/program '; then
		status=6 text="the program failed"
	elif failed '^prove/contract verdict: did nothing'; then
		status=4 text="the importer did nothing"
	elif (($(results_count "$DIR" fail))); then
		status=8 text="the checker cannot judge"
	elif held_still; then
		status=5 text="held still: this kernel has no DMABUF_MOVE_NOTIFY: it pins what is mapped"
	fi
	printf 'exit status %d: %s\n' "$status" "$text"
	return "$status"
}

check_input
own_dir "$DIR"
# The guest enforces the program's time limit, and needs time for the rest.
BOOT_TIMEOUT=${BOOT_TIMEOUT:-$((TIMEOUT + 600))}
# shellcheck source=tests/harness/lib/prepare.sh
. "$HARNESS/lib/prepare.sh"
: "${KERNEL:=patched}"
kernel_known || refuse KERNEL "$KERNEL_VALUES"
prepare 3
check_program
next_step "the importer: $MODULE"
stage
# shellcheck disable=SC2034 # for image_stage
IMAGE_EXTRA=$STAGE
image_get "$GUEST_KERNEL" prove
next_step "booting a guest: $ACCEL_USED, $ACCEL_WHY"
# A warning caused by the importer is a failure, but the run continues after it.
FOLLOW=story boot_guest "$DIR" prove panic_on_warn=0 SHARE="${SHARE:-}" \
	TIMEOUT="$TIMEOUT" CONTRACT_LIMIT="${LIMIT:-}"
results_collect "$DIR"
next_step "results in $DIR: results/contract.txt, results/program.txt, console.log"
results_report "$DIR" || :
conclude || exit $?
