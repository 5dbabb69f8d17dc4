# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# igt_doc.sh - compare the documentation of the subtests with the subtests that exist.
# Sourced after lib.sh.
#
#   igt_doc_check DIR   print each subtest that is undocumented, documented but missing,
#                       or documented twice; DIR is for builds
#   igt_list DIR        print all subtests, "program@subtest"
#
# IGT's own scripts/igt_doc.py makes the same comparison in an IGT tree. Here neither
# IGT nor a guest is needed: igt-doc.awk reads the documentation, and the programs,
# linked with igt_list.c in place of libigt, print their subtests. Only the programs
# have the whole list, because they compute some of the names.

IGT_DIR=$TOP/tests/igt

igt_list() {
	local program
	mkdir -p "$1"
	# A program may have been removed since the last call.
	rm -f "$1"/vgem_pfn_*
	gcc -std=gnu11 -D_GNU_SOURCE -I "$IGT_DIR/include" -c -o "$1/igt_list.o" \
		"$HARNESS/lib/igt_list.c"
	# Functions of libigt are not called when a program prints its subtests.
	make -s -j"$JOBS" -C "$IGT_DIR" all BUILD="$1" HDRS="$TOP/include/uapi" CFLAGS="-O0 -w" \
		TEST_LIBS="$1/igt_list.o -no-pie -Wl,--unresolved-symbols=ignore-all" >&2
	for program in "$1"/vgem_pfn_*; do
		"$program" | sed "s/^/${program##*/}@/"
	done
}

igt_doc_check() {
	local config=$IGT_DIR/vgem_pfn_test_config.json fields mandatory
	mkdir -p "$1"
	fields=$(jq -r '[.fields | paths | last | strings] - ["_properties_", "mandatory", "description"] |
		join("|")' "$config")
	mandatory=$(jq -r '[.. | objects | to_entries[] |
		select(.value | objects | ._properties_.mandatory) | .key] | join("|")' "$config")
	(cd "$IGT_DIR" && awk -f "$HARNESS/lib/igt-doc.awk" -v fields="$fields" \
		-v mandatory="$mandatory" ./*/*.[ch]) >"$1/doc"
	sed -n "/^[a-z_]*@/!s|^\./|tests/igt/|p" "$1/doc"
	sed -n '/^[a-z_]*@/p' "$1/doc" | sort >"$1/documented"
	igt_list "$1" | sort >"$1/existing"
	[[ -s $1/existing ]] || echo "the programs print no subtests"
	uniq -d "$1/documented" | sed 's/$/ is documented twice/'
	uniq -d "$1/existing" | sed 's/$/ exists twice/'
	comm -13 <(sort -u "$1/documented") "$1/existing" | sed 's/$/ is not documented/'
	comm -23 <(sort -u "$1/documented") "$1/existing" | sed 's/$/ is documented, but does not exist/'
}
