#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# check.sh - `make check`: static checks. A check passes if it prints nothing. All
# of them run, and their output is in out/check/.
#
# The kernel's tools are those of the tree that is built, and run there on our
# files. Objects go to a separate directory, because building with W=1 would rebuild
# the objects of the tested kernel.

# shellcheck source=tests/harness/lib/lib.sh
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source=tests/harness/lib/packages.sh
. "$HARNESS/lib/packages.sh"
# shellcheck source=tests/harness/lib/source.sh
. "$HARNESS/lib/source.sh"
# shellcheck source=tests/harness/lib/kbuild.sh
. "$HARNESS/lib/kbuild.sh"
# shellcheck source=tests/harness/lib/igt_doc.sh
. "$HARNESS/lib/igt_doc.sh"
# shellcheck source=tests/harness/lib/reference.sh
. "$HARNESS/lib/reference.sh"

LOGS=$OUT/check
STEPS=16
n=0
FAILED=()

# check NAME TEXT CMD... - passes if CMD is silent and successful
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

check_patches() {
	local patches
	mapfile -t patches < <(series_patches)
	checkpatch_patches "${patches[@]}"
}

check_kernel_files() {
	local files
	mapfile -t files < <(overlay_files)
	cd "$WORK/src"
	checkpatch -f "${files[@]}"
}

# Versions are what these files are for: LINUX_VERSION_CODE, CONSTANT_COMPARISON. The other
# reports are about names in __has_include() and about empty macros.
COMPAT_IGNORE=LINUX_VERSION_CODE,CONSTANT_COMPARISON,SPACING,MACRO_ARG_UNUSED

check_compat_files() {
	local files
	mapfile -t files < <(repo_files 'compat/*.[ch]')
	cd "$TOP"
	checkpatch --no-tree --ignore "$COMPAT_IGNORE" -f "${files[@]}"
}

IGT_IGNORE=PREFER_KERNEL_TYPES,AVOID_EXTERNS,PREFER_DEFINED_ATTRIBUTE_MACRO,BIT_MACRO
IGT_IGNORE+=,ARRAY_SIZE,CONSTANT_CONVERSION,FUNCTION_WITHOUT_ARGS,COMPLEX_MACRO
IGT_IGNORE+=,MACRO_ARG_REUSE,VOLATILE,EMBEDDED_FUNCTION_NAME,CAMELCASE

# The tests are user space code in the kernel's style that uses the IGT API. These
# checks do not apply:
#   PREFER_KERNEL_TYPES  user space and IGT use uint32_t
#   AVOID_EXTERNS        our header declares functions of libigt
#   PREFER_DEFINED_ATTRIBUTE_MACRO, BIT_MACRO, ARRAY_SIZE, CONSTANT_CONVERSION
#                        they recommend macros of the kernel
#   FUNCTION_WITHOUT_ARGS, COMPLEX_MACRO, MACRO_ARG_REUSE
#                        igt_main, igt_fork and igt_assert cannot be changed
#   VOLATILE             for memory that another process or a signal handler changes,
#                        because there is no READ_ONCE
#   EMBEDDED_FUNCTION_NAME   "create" is also a word in messages
#   CAMELCASE            names of libdrm
check_igt_files() {
	local files
	mapfile -t files < <(repo_files 'tests/*.c' 'tests/*.h')
	cd "$TOP"
	checkpatch --no-tree --ignore "$IGT_IGNORE" -f "${files[@]}"
}

# _objects - the objects of our .c files
_objects() {
	local f
	while read -r f; do printf '%s\n' "${f%.c}.o"; done < <(repo_files 'drivers/*.c')
}

# sparse and W=1, on our objects. gcc and sparse also report problems in Linux's
# headers, so only lines that name one of our files count, and errors of make.
# sparse 0.6.4, the newest release, rejects every MODULE_LICENSE() in Linux 7.3
# because it lacks __typeof_unqual__, which differs from __typeof__ in qualifiers
# only, and does not treat the length of a string literal as a constant.
SPARSE="sparse -D__typeof_unqual__=__typeof__ '-D__builtin_strlen(s)=(sizeof(s)-1)'"

check_compile() {
	local log=$LOGS/compile.full pattern objs
	mapfile -t objs < <(_objects)
	if ! kbuild -k KCFLAGS= C=2 W=1 CHECK="$SPARSE" "${objs[@]}" >"$log" 2>&1; then
		grep -aE '^make.*[*]{3}|: error:' "$log" || tail -n 5 "$log"
	fi
	grep -a 'not available or not up to date' "$log" || true
	pattern=$(repo_files drivers include | sed 's/[.+]/\\&/g' | paste -sd'|')
	grep -aE "(^|/)($pattern):[0-9]+" "$log" | sed "s|$WORK/src/||" | sort -u || true
}

# _kerneldoc DIR FILE... - the output of kernel-doc for files of a tree
_kerneldoc() {
	local tool=scripts/kernel-doc
	cd "$1"
	shift
	[[ -e $tool ]] || tool=tools/docs/kernel-doc
	PYTHONDONTWRITEBYTECODE=1 python3 "$tool" -none -Wall "$@" 2>&1 || true
}

# Linux's files have warnings of their own. For files that we patch, only warnings
# that the unpatched tree does not have count, at any line number.
check_kerneldoc() {
	local files patches patched
	mapfile -t files < <(repo_files 'drivers/*.c' 'drivers/*.h' 'include/*.h' 'virt/*.c')
	_kerneldoc "$WORK/src" "${files[@]}"
	mapfile -t files < <(repo_files 'compat/*.[ch]' | sed "s|^|$TOP/|")
	_kerneldoc "$WORK/src" "${files[@]}"
	mapfile -t patches < <(series_patches)
	mapfile -t patched < <(patched_files "${patches[@]}" | grep -E '^(drivers|include|virt)/.*[.][ch]$')
	comm -13 <(_kerneldoc "$PRISTINE" "${patched[@]}" | sed -E 's/:[0-9]+ /: /' | sort -u) \
		<(_kerneldoc "$WORK/src" "${patched[@]}" | sed -E 's/:[0-9]+ /: /' | sort -u)
}

# The requested options of each VARIANT survive. Some variants are built rarely. _config has
# done this for base.
check_variants() {
	local file VARIANT BUILD
	for file in "$TOP"/tests/configs/*.config; do
		VARIANT=$(basename "$file" .config)
		[[ $VARIANT != base ]] || continue
		BUILD=$WORK/build/check-$VARIANT
		mkdir -p "$BUILD"
		(kbuild_config) || :
	done
}

# User space includes our header first and alone, with installed headers. The header for
# tests of a module, *_uapi.h, is beside the module and is not installed.
check_uapi() {
	local f
	kbuild -s headers
	while read -r f; do
		printf '#include <%s>\n' "${f#include/uapi/}" |
			gcc -std=c90 -Wall -Wextra -Werror -fsyntax-only -I "$BUILD/usr/include" \
				-I "$TOP" -x c - ||
			printf '%s does not compile alone\n' "$f"
	done < <(repo_files 'include/uapi/*.h' 'drivers/*_uapi.h')
}

# Parse our menu with the kernel's parser. The options that ours depend on are not
# defined here and count as n.
check_kconfig() {
	mkdir -p "$LOGS/kconfig"
	cd "$LOGS/kconfig"
	srctree=$TOP "$BUILD/scripts/kconfig/conf" -s --alldefconfig Kconfig
}

# Mutations are run on request only, so check that they still apply.
check_mutations() {
	local p
	for p in "$TOP"/tests/mutations/{,iommufd/,ttm/,virtgpu/}*.patch; do
		source_apply "$WORK/src" --check "$p" 2>&1 | sed "s|^|$(basename "$p"): |"
	done
}

check_shell() {
	local files
	mapfile -t files < <(repo_files '*.sh' .ci/run)
	cd "$TOP"
	shellcheck -x "${files[@]}"
}

# The names of this machine, its archive and its paths must not appear in a file.
check_names() {
	local host words=()
	cd "$TOP"
	while read -r host; do
		# The host name and its domain
		words+=(-e "$host" -e "$(awk -F. 'NF > 1 { print $(NF - 1) "." $NF }' <<<"$host")")
	done < <(apt-get indextargets --format "\$(SITE)" 'Created-By: Packages' |
		sed -nE 's|^[a-z+]+://([^/:@]*@)?([^/:]+).*|\2|p' | sort -u)
	repo_files . | xargs -d '\n' grep -nIF "${words[@]}" -e "$TOP/" -e "$CACHE/" -e "$HOME/" || true
	# Also in commit messages, which git am would publish
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
	check compat-files "checkpatch --strict: compat/" check_compat_files
	check compile "sparse and W=1: our objects" check_compile
	check kernel-doc "kernel-doc -Wall: our files and our changes" check_kerneldoc
	check kconfig "Kconfig parses" check_kconfig
	check variants "configurations of all variants" check_variants
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
check igt-doc "all subtests are documented" igt_doc_check "$OUT/check/igt"
check shellcheck "shellcheck: all scripts" check_shell
check reference "the tables of the documentation have what the source has" reference_check
check links "links of the documentation" links_check
check names "no host or path of this machine in our files" check_names
((${#FAILED[@]} == 0)) || die "${#FAILED[@]} of $((STEPS - 1)) checks: ${FAILED[*]}"
note "all $((STEPS - 1)) checks are silent, $(elapsed)"
