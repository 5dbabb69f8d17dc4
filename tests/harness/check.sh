#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# check.sh - `make check`: what can be said about the code without running it.
# Each check is silent or failed; all of them run, and out/check/ has what they
# said.
#
# The kernel's own tools are those of the tree that is built, run where our
# files lie in it.  Objects go to a directory of their own, because W=1 is in the
# command line and would rebuild the tested kernel's.

# shellcheck source=tests/harness/lib/lib.sh
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source=tests/harness/lib/packages.sh
. "$HARNESS/lib/packages.sh"
# shellcheck source=tests/harness/lib/source.sh
. "$HARNESS/lib/source.sh"
# shellcheck source=tests/harness/lib/kbuild.sh
. "$HARNESS/lib/kbuild.sh"

LOGS=$OUT/check
STEPS=11
n=0
FAILED=()

# ours GLOB... - files of this repository, committed or not, below TOP
ours() {
	(cd "$TOP" && git ls-files -co --exclude-standard -- "$@" | while read -r f; do
		if [[ -f $f ]]; then printf '%s\n' "$f"; fi
	done)
}

# check NAME TEXT CMD... - silence is success
check() {
	local name=$1 text=$2 log=$LOGS/$1.log
	shift 2
	n=$((n + 1))
	step "$n/$STEPS" "$text"
	if ! run_child "$@" >"$log" 2>&1; then
		printf '%s: exit status not 0\n' "$name" >>"$log"
	fi
	[[ -s $log ]] || return 0
	FAILED+=("$name")
	head -n 30 "$log" | sed 's/^/    | /' >&2
	note "full log: $log"
}

# --- the checks ------------------------------------------------------------------

_checkpatch() {
	# What the tree's own tool prints besides findings is of no interest here.
	perl scripts/checkpatch.pl --strict --quiet --terse --show-types \
		--no-summary --no-signoff "$@"
}

# FILE_PATH_CHANGES is about every new file, also below what MAINTAINERS covers.
check_patches() {
	local p
	cd "$WORK/src"
	for p in "$TOP"/patches/linux-7.3/*.patch; do
		if [[ -e $p ]]; then _checkpatch --ignore FILE_PATH_CHANGES "$p" || true; fi
	done
}

check_kernel_files() {
	local files
	mapfile -t files < <(ours "${OVERLAY_DIRS[@]}")
	cd "$WORK/src"
	_checkpatch -f "${files[@]}" || true
}

IGT_IGNORE=PREFER_KERNEL_TYPES,AVOID_EXTERNS,PREFER_DEFINED_ATTRIBUTE_MACRO,BIT_MACRO
IGT_IGNORE+=,ARRAY_SIZE,CONSTANT_CONVERSION,FUNCTION_WITHOUT_ARGS,COMPLEX_MACRO
IGT_IGNORE+=,MACRO_ARG_REUSE,VOLATILE,EMBEDDED_FUNCTION_NAME,CAMELCASE

# The tests are user space written in the kernel's style, to the IGT API.  What
# does not apply there:
#   PREFER_KERNEL_TYPES  uint32_t is what user space and IGT use
#   AVOID_EXTERNS        declarations of libigt's functions in a header of ours
#   PREFER_DEFINED_ATTRIBUTE_MACRO, BIT_MACRO, ARRAY_SIZE, CONSTANT_CONVERSION
#                        the macros preferred are those of the kernel
#   FUNCTION_WITHOUT_ARGS, COMPLEX_MACRO, MACRO_ARG_REUSE
#                        igt_main, igt_fork and igt_assert are what they are
#   VOLATILE             memory that another process or a signal handler changes,
#                        without READ_ONCE
#   EMBEDDED_FUNCTION_NAME   "create" is a word of the story, too
#   CAMELCASE            libdrm's names
check_igt_files() {
	local files
	mapfile -t files < <(ours 'tests/*.c' 'tests/*.h')
	cd "$TOP"
	perl "$WORK/src/scripts/checkpatch.pl" --no-tree --strict --quiet --terse \
		--show-types --no-summary --ignore "$IGT_IGNORE" -f "${files[@]}" || true
}

# _objects - of our .c files that the configuration builds
_objects() {
	local f
	while read -r f; do printf '%s\n' "${f%.c}.o"; done < <(ours 'drivers/*.c')
}

# sparse and W=1.  gcc and sparse are run on our objects alone, but both read
# Linux's headers, and sparse 0.6.4, the newest release, has complaints about
# those, so only lines that name a file of ours count, besides make's own errors.
# What that sparse lacks, without which Linux 7.3 refuses it or every MODULE_LICENSE()
# is an error: __typeof_unqual__, which differs from __typeof__ in qualifiers, and
# the length of a string literal as a constant.
SPARSE="sparse -D__typeof_unqual__=__typeof__ '-D__builtin_strlen(s)=(sizeof(s)-1)'"

check_compile() {
	local log=$LOGS/compile.full pattern objs
	mapfile -t objs < <(_objects)
	if ! kbuild -k KCFLAGS= C=2 W=1 CHECK="$SPARSE" "${objs[@]}" >"$log" 2>&1; then
		grep -aE '^make.*[*]{3}|: error:' "$log" || tail -n 5 "$log"
	fi
	grep -a 'not available or not up to date' "$log" || true
	pattern=$(ours drivers include | sed 's/[.+]/\\&/g' | paste -sd'|')
	grep -aE "(^|/)($pattern):[0-9]+" "$log" | sed "s|$WORK/src/||" | sort -u || true
}

# _kerneldoc DIR FILE... - what kernel-doc says of the files of a tree
_kerneldoc() {
	local tool=scripts/kernel-doc
	cd "$1"
	shift
	[[ -e $tool ]] || tool=tools/docs/kernel-doc
	PYTHONDONTWRITEBYTECODE=1 python3 "$tool" -none -Wall "$@" 2>&1 || true
}

# Linux's files have complaints of their own, so of those that we patch only what
# Linux alone does not get counts, wherever the line is by then.
check_kerneldoc() {
	local files patched
	mapfile -t files < <(ours 'drivers/*.c' 'drivers/*.h' 'include/*.h')
	_kerneldoc "$WORK/src" "${files[@]}"
	mapfile -t patched < <(_patched_files "$TOP"/patches/linux-7.3/*.patch |
		grep -E '^(drivers|include)/.*[.][ch]$')
	comm -13 <(_kerneldoc "$PRISTINE" "${patched[@]}" | sed -E 's/:[0-9]+ /: /' | sort -u) \
		<(_kerneldoc "$WORK/src" "${patched[@]}" | sed -E 's/:[0-9]+ /: /' | sort -u)
}

# A user includes our header first and alone, against installed headers. A header for
# the tests of its module, *_uapi.h, lies beside the module and is not installed.
check_uapi() {
	local f
	kbuild -s headers
	while read -r f; do
		printf '#include <%s>\n' "${f#include/uapi/}" |
			gcc -std=c90 -Wall -Wextra -Werror -fsyntax-only -I "$BUILD/usr/include" \
				-I "$TOP" -x c - ||
			printf '%s does not compile alone\n' "$f"
	done < <(ours 'include/uapi/*.h' 'drivers/*_uapi.h')
}

# The menu at the top, with the kernel's own parser. What our options depend on is
# defined elsewhere and counts as n here.
check_kconfig() {
	mkdir -p "$LOGS/kconfig"
	cd "$LOGS/kconfig"
	srctree=$TOP "$BUILD/scripts/kconfig/conf" -s --alldefconfig Kconfig
}

# They are run on request, and by then the driver has changed.
check_mutations() {
	local p
	for p in "$TOP"/tests/mutations/{,iommufd/,virtgpu/}*.patch; do
		source_apply "$WORK/src" --check "$p" 2>&1 | sed "s|^|$(basename "$p"): |"
	done
}

check_shell() {
	local files
	mapfile -t files < <(ours '*.sh' .ci/run)
	cd "$TOP"
	shellcheck -x "${files[@]}"
}

# The archive's address is the machine's business, and so are this machine's
# paths: a file that names either works here only.
check_names() {
	local host words=()
	cd "$TOP"
	while read -r host; do
		# The host, and the domain it is in.
		words+=(-e "$host" -e "$(awk -F. 'NF > 1 { print $(NF - 1) "." $NF }' <<<"$host")")
	done < <(apt-get indextargets --format "\$(SITE)" 'Created-By: Packages' |
		sed -nE 's|^[a-z+]+://([^/:@]*@)?([^/:]+).*|\2|p' | sort -u)
	ours . | xargs -d '\n' grep -nIF "${words[@]}" -e "$TOP/" -e "$CACHE/" || true
	# The form of git am, every commit message included.
	git log --format=%B | grep -nF "${words[@]}" -e "$TOP/" || true
}

_config() {
	kbuild_config
	run_logged "$OUT/log/check-prepare.log" kbuild -s -j"$JOBS" prepare modules_prepare ||
		die "cannot prepare the tree for single objects" "$OUT/log/check-prepare.log"
}

_check() {
	source_prepare
	_config
	check patches "checkpatch --strict: patches" check_patches
	check kernel-files "checkpatch --strict: our kernel files" check_kernel_files
	check igt-files "checkpatch --strict: tests" check_igt_files
	check compile "sparse and W=1: our objects" check_compile
	check kernel-doc "kernel-doc -Wall: our files and our changes" check_kerneldoc
	check kconfig "Kconfig parses" check_kconfig
	check uapi "uAPI headers compile alone" check_uapi
	check mutations "mutations apply" check_mutations
}

n=1
step "1/$STEPS" "tools and sources"
need_tools fetch kernel check
source_id
kbuild_init
BUILD=$WORK/build/check
mkdir -p "$BUILD" "$LOGS"
rm -f -- "$LOGS"/*.log
with_lock "work-$SRC_ID" _check
check shellcheck "shellcheck: all scripts" check_shell
check names "no host or path of this machine in our files" check_names
((${#FAILED[@]} == 0)) || die "${#FAILED[@]} of $((STEPS - 1)) checks: ${FAILED[*]}"
note "all $((STEPS - 1)) checks are silent, $(elapsed)"
