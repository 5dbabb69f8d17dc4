#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# igt-series.sh - make igt-series IGT=<tree>: the tests as commits for IGT. <tree> is a
# source tree of IGT 2.3 or later, which is only read. In out/igt-series/ afterwards:
#
#   *.patch   for git am in <tree>: the uAPI header, DRIVER_VGEM_PFN in lib/drmtest.[ch],
#             tests/vgem_pfn/ with its meson.build, the helpers, then one program each
#   repo      a git repository with the new and the changed files only
#
# The sources are those of tests/igt, with the paths of two headers changed and without the
# lines for an IGT that has no DRIVER_VGEM_PFN. The headers in tests/igt/include and the
# functions in tests/igt/compat are IGT's own in an IGT tree, so they are left out.
# Documentation/gpu/vgem_pfn-make.rst lists the other helpers that resemble IGT's, and why
# they are not replaced.

# shellcheck source=tests/harness/lib/lib.sh
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source=tests/harness/lib/commits.sh
. "$HARNESS/lib/commits.sh"

DIR=$OUT/igt-series
REPO=$DIR/repo
SRC=$TOP/tests/igt
NEW=tests/vgem_pfn
CHANGED=(lib/drmtest.h lib/drmtest.c tests/meson.build)

check_tree() {
	local file
	[[ -n ${IGT:-} ]] || die "IGT= must name a source tree of IGT 2.3 or later"
	for file in "${CHANGED[@]}" lib/igt_core.h; do
		[[ -r $IGT/$file ]] || die "IGT=$IGT: not a source tree of IGT, it has no $file"
	done
	grep -q '^#define igt_main()' "$IGT/lib/igt_core.h" ||
		die "IGT=$IGT: older than IGT 2.3, where igt_main() and others are macros with parentheses"
	! grep -qE 'DRIVER_VGEM_PFN|vgem_pfn' "$IGT/lib/drmtest.h" "$IGT/tests/meson.build" ||
		die "IGT=$IGT: it has the tests of vgem_pfn already"
}

# commit SUBJECT - commit everything; the body is on stdin
commit() {
	repo add -A
	{
		printf '%s\n\n' "$1"
		cat
	} | repo commit -q -F -
}

make_repo() {
	local file patches
	mapfile -t patches < <(find "$TOP/patches" -name '*.patch')
	rm -rf "$DIR"
	mkdir -p "$DIR"
	# All patches have the same author.
	repo_init "${patches[0]}"
	for file in "${CHANGED[@]}"; do
		mkdir -p "$REPO/${file%/*}"
		cp -- "$IGT/$file" "$REPO/$file"
	done
	commit "The changed files of IGT" <<<"As they are in the given tree."
	repo tag base
}

# edit FILE PROGRAM - change a file of IGT by an awk program, which must change it
edit() {
	awk "$2" "$IGT/$1" >"$REPO/$1"
	! cmp -s "$IGT/$1" "$REPO/$1" ||
		die "IGT=$IGT: $1 is not as expected, so the place for vgem_pfn is not found"
}

add_uapi() {
	mkdir -p "$REPO/include/drm-uapi"
	cp -- "$TOP/include/uapi/drm/vgem_pfn_drm.h" "$REPO/include/drm-uapi/"
	commit "include/drm-uapi: add vgem_pfn_drm.h" <<-'END'
		The ioctls of vgem_pfn, a test driver that moves the memory of imported dma-bufs.
	END
}

# The table of modules is sorted by name.
# shellcheck disable=SC2016 # awk's fields
add_driver() {
	edit lib/drmtest.h '
		/^#define DRIVER_[A-Z0-9_]+[ \t]+\(1 << [0-9]+\)$/ {
			last = $0
			sub(/.*<< /, "", last)
			pending = 1
			print
			next
		}
		pending {
			printf "#define DRIVER_VGEM_PFN\t(1 << %d)\n", last + 1
			pending = 0
		}
		/^#define DRIVER_ANY[ \t]/ && sub(/\)$/, " | \\\n\t\t\t  DRIVER_VGEM_PFN)") {}
		/Exclude VKMS to prefer/ { sub(/Exclude VKMS/, "Exclude VKMS and VGEM_PFN") }
		{ print }'
	edit lib/drmtest.c '
		{ print }
		/^\t\{ DRIVER_VGEM, / { print "\t{ DRIVER_VGEM_PFN, \"vgem_pfn\" }," }'
	grep -q '^#define DRIVER_ANY.*VGEM_PFN\|^[[:space:]]*DRIVER_VGEM_PFN)' "$REPO/lib/drmtest.h" ||
		die "IGT=$IGT: no definition of DRIVER_ANY in lib/drmtest.h"
	commit "lib/drmtest: add DRIVER_VGEM_PFN" <<-'END'
		DRIVER_ANY excludes it, as it excludes the other drivers without hardware.
	END
}

# programs - the names of our programs, without "vgem_pfn_"
programs() {
	local dir
	for dir in "$SRC"/*/; do
		dir=$(basename "$dir")
		[[ ! -e $SRC/$dir/vgem_pfn_$dir.c ]] || echo "$dir"
	done
}

# copy DIRECTORY - copy the sources of a directory of tests/igt
copy() {
	local file
	mkdir -p "$REPO/$NEW/$1"
	for file in "$SRC/$1"/*.[ch]; do
		sed -e 's,<drm/vgem_pfn_drm.h>,"vgem_pfn_drm.h",' \
			-e '/^#ifndef DRIVER_VGEM_PFN/,/^#endif/d' \
			-e 's,"\.\./\.\./\.\./drivers/dma-buf/,",' "$file" >"$REPO/$NEW/$1/${file##*/}"
	done
}

# meson_build PROGRAM... - tests/vgem_pfn/meson.build with these programs
meson_build() {
	local program
	cat <<'END'
# The program vgem_pfn_<x> has its sources in <x>, all programs use those in lib.
vgem_pfn_dir = join_paths(libexecdir, 'vgem_pfn')
vgem_pfn_rpathdir = ''
if get_option('use_rpath')
	vgem_pfn_rpathdir = '$ORIGIN'
	foreach p : vgem_pfn_dir.split('/')
		vgem_pfn_rpathdir = join_paths(vgem_pfn_rpathdir, '..')
	endforeach
	vgem_pfn_rpathdir = join_paths(vgem_pfn_rpathdir, libdir)
endif

vgem_pfn_inc = include_directories('lib')
vgem_pfn_lib = static_library('vgem_pfn', [
END
	(cd "$SRC" && printf "\t\t'%s',\n" lib/*.c)
	cat <<'END'
	],
	include_directories : vgem_pfn_inc,
	dependencies : test_deps)

vgem_pfn_progs = {
END
	for program; do
		printf "\t'%s': [\n" "$program"
		(cd "$SRC" && printf "\t\t'%s',\n" "$program"/*.c)
		printf '\t],\n'
	done
	cat <<'END'
}

foreach name, sources : vgem_pfn_progs
	prog = 'vgem_pfn_' + name
	test_executables += executable(prog, sources,
				       include_directories : vgem_pfn_inc,
				       link_with : vgem_pfn_lib,
				       dependencies : test_deps + [ math ],
				       install_dir : vgem_pfn_dir,
				       install_rpath : vgem_pfn_rpathdir,
				       install : true)
	test_list += join_paths('vgem_pfn', prog)
endforeach
END
}

add_helpers() {
	copy lib
	cp -- "$TOP"/drivers/dma-buf/dma-buf-{pfn,umem}-importer_uapi.h "$REPO/$NEW/lib/"
	cp -- "$SRC/vgem_pfn_test_config.json" "$REPO/$NEW/"
	meson_build >"$REPO/$NEW/meson.build"
	edit tests/meson.build "
		/^subdir\('vkms'\)/ { print \"subdir('vgem_pfn')\\n\" }
		{ print }"
	commit "tests/vgem_pfn: add the helpers of the tests of vgem_pfn" <<-'END'
		Wrappers of the ioctls of the driver and of the importer of page frame numbers,
		and what several programs use: pages by page frame number, fences that the test
		signals, threads that are expected to sleep, a display of vkms.
	END
}

# add_program NAME EARLIER...
add_program() {
	local main=$SRC/$1/vgem_pfn_$1.c text
	copy "$1"
	meson_build "${@:2}" "$1" >"$REPO/$NEW/meson.build"
	# The description of the TEST block
	text=$(awk '/^ \* Description:/ { on = 1 } /^ \*$/ || /^ \*\// { exit } on' "$main" |
		sed -E 's/^ \*[[:space:]]*//; s/^Description: *//' | fmt -w 72)
	commit "tests/vgem_pfn: add vgem_pfn_$1" <<<"$text"
}

# lines FILE... - their number of lines
lines() {
	cat -- "$@" | wc -l
}

check_tree
step 1/3 "commits for $IGT"
make_repo
add_uapi
add_driver
add_helpers
done_programs=()
while read -r name; do
	add_program "$name" "${done_programs[@]}"
	done_programs+=("$name")
done < <(programs)

step 2/3 "patches in $DIR, which apply to $IGT"
repo format-patch -q --zero-commit --no-signature -o "$DIR" base..main
repo diff base main >"$DIR/all.diff"
(cd "$IGT" && GIT_CEILING_DIRECTORIES=$(dirname "$PWD") git apply --check "$DIR/all.diff") ||
	die "the patches do not apply to $IGT"
rm "$DIR/all.diff"

step 3/3 "what is ours and what is IGT's"
mapfile -t patches < <(find "$DIR" -maxdepth 1 -name '*.patch')
mapfile -t ours < <(find "$REPO/$NEW" "$REPO/include" -type f)
mapfile -t theirs < <(find "$SRC/include" "$SRC/compat" -type f)
note "${#patches[@]} patches: ${#ours[@]} new files, $(lines "${ours[@]}") lines"
note "changed in files of IGT: $(repo diff --shortstat base main -- "${CHANGED[@]}")"
note "replaced by IGT's own: ${#theirs[@]} files, $(lines "${theirs[@]}") lines"
