#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# prove.sh - make prove: somebody's own importer under a buffer of vgem_pfn that
# moves, and what pfn-contract says of it.
#
#   MODULE="x.ko ..."   modules in the order of loading, built for the guest's
#                       kernel; or one directory with a Kbuild file, built here
#   PROGRAM="./x ..."   a command that uses the importer; its first word may be a
#                       file.  It inherits a dma-buf: VGEM_PFN_DMABUF_FD.  Without
#                       it, the modules are loaded and left alone for some seconds.
#   SHARE="-s KiB ..."  options of vgem_pfn_share
#   LIMIT=ms            longest time that invalidate_mappings may take
#
# LINUX, CONFIG_EXTRA and VARIANT are those of make kernel.  The exit status is 0
# only if the program and the contract are content.

# shellcheck source=tests/harness/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/harness/prepare.sh
. "$HARNESS/prepare.sh"

DIR=$OUT/prove
STAGE=$OUT/guest/prove

# build_module DIR - against the kernel of the guest; prints the modules
build_module() {
	local dir=$1 log=$OUT/log/prove-module.log
	source_id
	kbuild_init
	with_lock "work-$SRC_ID" run_logged "$log" kbuild M="$dir" modules ||
		die "the module in $dir does not build" "$log"
	find "$dir" -name '*.ko' | sort
}

# stage - what goes into the image
stage() {
	local modules=() file first=${PROGRAM%% *}
	rm -rf "$STAGE"
	mkdir -p "$STAGE"
	if [[ -d $MODULE ]]; then
		mapfile -t modules < <(build_module "$(realpath "$MODULE")")
	else
		read -ra modules <<<"$MODULE"
	fi
	((${#modules[@]})) || die "there is no module in $MODULE"
	for file in "${modules[@]}"; do
		[[ -f $file ]] || die "MODULE: there is no file $file"
		install -p -m 644 "$file" "$STAGE"
		basename "$file" >>"$STAGE/modules"
	done
	if [[ -z ${PROGRAM:-} ]]; then
		echo 'sleep 5' >"$STAGE/command"
	elif [[ -f $first ]]; then
		install -p -m 755 "$first" "$STAGE"
		printf '%s%s\n' "$(basename "$first")" "${PROGRAM#"$first"}" >"$STAGE/command"
	else
		printf '%s\n' "$PROGRAM" >"$STAGE/command"
	fi
}

[[ -n ${MODULE:-} ]] || die "make prove MODULE=path/to/importer.ko [PROGRAM=path/to/program]"
prepare 3
next_step "the importer: $MODULE"
stage
# shellcheck disable=SC2034 # for image_stage
IMAGE_EXTRA=$STAGE
image_get "$GUEST_KERNEL" prove
next_step "booting a guest: $ACCEL_USED, $ACCEL_WHY"
# A warning of theirs is a failure as well, but no reason to learn nothing else.
FOLLOW=story boot_guest "$DIR" prove panic_on_warn=0 SHARE="${SHARE:-}" \
	CONTRACT_LIMIT="${LIMIT:-}"
results_collect "$DIR" prove
next_step "results in $DIR: results/contract.txt, results/program.txt, console.log"
results_report "$DIR" || exit 1
