#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# series.sh - make series: what one would send, as commits. patches/linux-7.3/series
# says which patch is in which series, and which files of this repository its commit
# adds. In out/series/ afterwards:
#
#   <n>-<series>/*.patch   for git am, on the source that make test builds on
#   repo                   a git repository of the files concerned: branch "main" has
#                          all commits
#
# Checked are: the result is the tree that make test builds; git am of each series of
# fixes alone, and of all in order; checkpatch --strict; and that each commit compiles
# what it touches (COMPILE=n omits that). SERIES=regex selects series for checkpatch
# and for the build.

# shellcheck source=tests/harness/lib/lib.sh
. "$(dirname "$0")/lib/lib.sh"
for _part in packages source kbuild results outcome; do
	# shellcheck source=/dev/null
	. "$HARNESS/lib/$_part.sh"
done

DIR=$OUT/series
REPO=$DIR/repo
TREE=$DIR/tree
# Directories that are built for each commit: kbuild finds what depends on a header.
DIRS=(drivers/dma-buf/ drivers/gpu/drm/ttm/ drivers/gpu/drm/virtio/ drivers/gpu/drm/vgem_pfn/
	drivers/gpu/drm/vkms/ drivers/iommu/iommufd/ drivers/vfio/pci/ drivers/char/virtio_console.o)
# Drivers of which only the touched objects are built
LARGE='^drivers/gpu/drm/(amd|vmwgfx|xe)/'
# The first series that needs others: those before it are fixes, independent of each other.
FIRST_DEPENDENT=get-pfn

# repo ARG... - git in the repository, as nobody in particular
repo() {
	git -C "$REPO" -c user.name="$AUTHOR_NAME" -c user.email="$AUTHOR_EMAIL" \
		-c commit.gpgsign=false -c core.hooksPath=/dev/null "$@"
}

# authors of the patches, taken from the first one
_author() {
	local from
	from=$(sed -n '/^From: /,/^Date: /{ /^Date: /!p }' "$1" | tr -d '\n' | sed 's/^From: //; s/  */ /g')
	AUTHOR_NAME=${from% <*}
	AUTHOR_EMAIL=${from##*<}
	AUTHOR_EMAIL=${AUTHOR_EMAIL%>}
}

# entries - the file "series" as lines "NAME PATCH FILE...", files as given, a comma
# for the space after "untraced"
entries() {
	awk '
		/^#/ || NF == 0 { next }
		/^\[/ { flush(); name = substr($0, 2, length($0) - 2); next }
		/^[^ \t]/ { flush(); line = name " " $1; next }
		{ line = line " " ($1 == "untraced" ? "untraced," $2 : $1) }
		function flush() { if (line != "") print line; line = "" }
		END { flush() }' "$SERIES_DIR/series"
}

# series_names - in order
series_names() {
	entries | awk '!seen[$1]++ { print $1 }'
}

# add_files SPEC... - copy files of this repository to the working tree of $REPO
add_files() {
	local spec glob file untraced
	for spec; do
		glob=${spec#untraced,}
		untraced=
		[[ $spec == "$glob" ]] || untraced=1
		while read -r file; do
			# A trace header belongs to the commit that adds the events.
			[[ -z $untraced || ! $file =~ trace\.[ch]$ ]] || continue
			mkdir -p "$REPO/${file%/*}"
			if [[ -n $untraced ]]; then
				awk -f "$HARNESS/lib/untrace.awk" "$TOP/$file" >"$REPO/$file"
			else
				cp -- "$TOP/$file" "$REPO/$file"
			fi
		done < <(cd "$TOP" && git ls-files -co --exclude-standard -- ":(glob)$glob")
	done
}

# commit_patch PATCH SPEC...
commit_patch() {
	local patch=$SERIES_DIR/$1 message=$DIR/message date
	if grep -q '^diff --git ' "$patch"; then
		source_apply "$REPO" "$patch" || die "$1 does not apply"
	fi
	add_files "${@:2}"
	awk '/^Subject: \[PATCH\] / { sub(/^Subject: \[PATCH\] /, ""); subject = 1 }
		/^---$/ { exit }
		subject == 1 && /^$/ { subject = 2 }
		subject == 1 { sub(/^ /, ""); printf "%s%s", sep, $0; sep = " " }
		subject == 2 && !ended { print ""; ended = 1 }
		subject == 2 { print }' "$patch" >"$message"
	date=$(sed -n 's/^Date: //p' "$patch" | head -n 1)
	repo add -A
	repo diff --cached --quiet && die "$1 and its files change nothing"
	repo commit -q --date "$date" -F "$message"
}

# make_repo - all commits, on branch main, with a tag <series> at the end of each series
make_repo() {
	local name patch file first specs=()
	rm -rf "$DIR"
	mkdir -p "$REPO"
	first=$(series_patches | sed -n 1p)
	_author "$first"
	git init -q -b main "$REPO"
	series_patches | while read -r patch; do _patched_files "$patch"; done | sort -u |
		while read -r file; do
			[[ -f $PRISTINE/$file ]] || continue
			mkdir -p "$REPO/${file%/*}"
			cp -- "$PRISTINE/$file" "$REPO/$file"
		done
	repo add -A
	repo commit -q -m "$SRC_ID"
	repo tag base
	while read -r name patch specs; do
		read -ra specs <<<"$specs"
		commit_patch "$patch" "${specs[@]}"
		repo tag -f "$name" >/dev/null
	done < <(entries)
}

# format_series - out/series/<n>-<series>/
format_series() {
	local name last=base n=0
	while read -r name; do
		n=$((n + 1))
		repo format-patch -q --zero-commit --no-signature -o "$DIR/$(printf '%02d' $n)-$name" \
			"$last..$name"
		last=$name
	done < <(series_names)
}

# check_tree - is it what make test builds?
check_tree() {
	local log=$DIR/tree.log
	{
		repo ls-tree -r --name-only main | while read -r f; do
			cmp -- "$REPO/$f" "$WORK/src/$f"
		done
		# Files of the repository in no commit
		comm -23 <(_overlay_files) <(repo ls-tree -r --name-only main | sort) |
			sed 's/^/in no series: /'
	} >"$log" 2>&1 || :
	outcome "$([[ -s $log ]] && echo 1 || echo 0)" \
		"$(repo rev-list --count base..main) commits give the tree that make test builds" "$log"
}

# check_am NAME DIRECTORY... - git am on the base
check_am() {
	local log=$DIR/am-$1.log rc=0
	repo worktree add -q -f --detach "$TREE" base
	git -C "$TREE" -c user.name="$AUTHOR_NAME" -c user.email="$AUTHOR_EMAIL" -c commit.gpgsign=false \
		am -q "${@:2}" >"$log" 2>&1 || rc=1
	if [[ $1 == all ]] && ! git -C "$TREE" diff --quiet main; then rc=1; fi
	repo worktree remove -f "$TREE"
	outcome $rc "git am: $1" "$log"
}

check_all_am() {
	local name dir independent=1 n=0 all=()
	while read -r name; do
		n=$((n + 1))
		dir=$DIR/$(printf '%02d' $n)-$name
		[[ $name != "$FIRST_DEPENDENT" ]] || independent=
		[[ -z $independent ]] || check_am "$name" "$dir"/*.patch
		all+=("$dir"/*.patch)
	done < <(series_names)
	check_am all "${all[@]}"
}

check_patches() {
	local dir log
	for dir in "$DIR"/[0-9]*-*; do
		[[ ${dir##*/} =~ ${SERIES:-.} ]] || continue
		log=$DIR/checkpatch-${dir##*/}.log
		# FILE_PATH_CHANGES is reported for every new file, even if MAINTAINERS covers it.
		(cd "$WORK/src" && perl scripts/checkpatch.pl --strict --quiet --terse --show-types \
			--no-summary --no-signoff --ignore FILE_PATH_CHANGES "$dir"/*.patch) >"$log" 2>&1 || :
		outcome "$([[ -s $log ]] && echo 1 || echo 0)" "checkpatch --strict: ${dir##*/}" "$log"
	done
}

# build_targets COMMIT - what to compile for it
build_targets() {
	local file
	for file in "${DIRS[@]}"; do
		[[ ! -e $BUILD_SRC/${file%.o}.c && ! -d $BUILD_SRC/$file ]] || echo "$file"
	done
	# Objects of directories that are not built as a whole
	repo diff-tree --no-commit-id --name-only -r "$1" |
		sed -nE "\\,$LARGE|^drivers/gpu/drm/[^/]*\$, s/\.c\$/.o/p"
}

# build_commit COMMIT - the tree is that of its parent
build_commit() {
	local log=$DIR/build.log start=$SECONDS targets rc=0 subject
	subject=$(repo log -1 --format=%s "$1")
	repo checkout -q --detach "$1"
	# No -t: changed files must be newer than the objects made from them.
	rsync -rlc --exclude=.git "$REPO/" "$BUILD_SRC/"
	repo diff-tree --no-commit-id --name-only --diff-filter=D -r "$1" | while read -r file; do
		rm -f -- "$BUILD_SRC/$file"
	done
	targets=$(build_targets "$1")
	mapfile -t targets <<<"$targets"
	{
		kbuild_in "$BUILD_SRC" -s KCONFIG_ALLCONFIG="$BUILD/fragment" allnoconfig &&
			kbuild_in "$BUILD_SRC" -s -j"$JOBS" prepare &&
			kbuild_in "$BUILD_SRC" -j"$JOBS" KCFLAGS=-Werror "${targets[@]}"
	} >"$log" 2>&1 || rc=1
	if ((rc)); then cp "$log" "$DIR/build-$(repo rev-parse --short "$1").log"; fi
	outcome $rc "builds: $subject ($(grep -c '^  CC ' "$log" || :) objects, $(hms $((SECONDS - start))))" "$log"
}

# kbuild_in SRC ARG...
kbuild_in() {
	make -C "$1" O="$BUILD" ARCH=x86_64 CC='ccache gcc' HOSTCC='ccache gcc' "${@:2}"
}

build_all() {
	local commit targets log=$DIR/build.log
	BUILD_SRC=$WORK/series
	BUILD=$WORK/build/series
	mkdir -p "$BUILD"
	rm -rf "$BUILD_SRC"
	cp -al "$PRISTINE" "$BUILD_SRC"
	cat "$TOP/tests/configs/base.config" "$TOP/tests/configs/series.config" >"$BUILD/fragment"
	repo checkout -q --detach base
	note "compiling the base, $SRC_ID"
	targets=$(build_targets base)
	mapfile -t targets <<<"$targets"
	{
		kbuild_in "$BUILD_SRC" -s KCONFIG_ALLCONFIG="$BUILD/fragment" allnoconfig &&
			kbuild_in "$BUILD_SRC" -s -j"$JOBS" prepare modules_prepare &&
			kbuild_in "$BUILD_SRC" -j"$JOBS" "${targets[@]}"
	} >"$log" 2>&1 || die "the base does not build" "$log"
	for commit in $(repo rev-list --reverse base..main); do
		build_commit "$commit"
	done
	repo checkout -q main
	rm -rf "$BUILD_SRC"
}

_series() {
	source_prepare
	make_repo
	step 2/3 "$(repo rev-list --count base..main) commits in $(series_names | wc -l) series"
	format_series
	check_tree
	check_all_am
	check_patches
	[[ ${COMPILE:-} != n ]] || return 0
	step 3/3 "compiling what each commit touches"
	build_all
}

step 1/3 "tools and sources"
need_tools fetch kernel check
source_id
kbuild_init
with_lock "work-$SRC_ID" _series
note "the series are in ${DIR#"$TOP/"}"
outcomes || exit 1
