#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# series.sh - make series: the patches and files of this repository as commits to send.
# patches/linux-7.3/series lists the patches of each series, and the files of this
# repository that each commit adds. In out/series/ afterwards:
#
#   <n>-<series>/*.patch   for git am, on the source that make test builds on. The cover
#                          letter has the text of patches/linux-7.3/<series>/cover
#   repo                   a git repository with the changed files only: branch "main"
#                          has all commits
#
# Checks that the result is the tree that make test builds, that git am applies each
# series of fixes alone and all series in order, and that checkpatch --strict is
# silent. Compiles what each commit touches, unless COMPILE=n. SERIES=regex selects
# series for checkpatch.

# shellcheck source=tests/harness/lib/lib.sh
. "$(dirname "$0")/lib/lib.sh"
for _part in packages source kbuild outcome commits; do
	# shellcheck source=/dev/null
	. "$HARNESS/lib/$_part.sh"
done

DIR=$OUT/series
REPO=$DIR/repo
TREE=$DIR/tree
# Directories and objects that are built for each commit if they exist: kbuild finds
# what depends on a header.
DIRS=(mm/ fs/proc/ drivers/dma-buf/ drivers/gpu/drm/ttm/ drivers/gpu/drm/virtio/
	drivers/gpu/drm/vgem_pfn/ drivers/gpu/drm/vkms/ drivers/iommu/iommu.o drivers/iommu/iommufd/
	drivers/vfio/pci/ drivers/char/virtio_console.o drivers/media/common/videobuf2/
	drivers/media/test-drivers/vivid/ arch/x86/kvm/)
# Directories of which only the touched objects are built
LARGE='^drivers/gpu/drm/(amd|tests|vmwgfx|xe)/'
# The first series that needs others. The series before it are independent fixes.
FIRST_DEPENDENT=get-pfn

# entries - the file "series" as lines "NAME PATCH SPEC...". A SPEC is a pattern of
# files, or "untraced," and a pattern.
entries() {
	awk '
		/^#/ || NF == 0 { next }
		/^\[/ { flush(); name = substr($0, 2, length($0) - 2); next }
		/^[^ \t]/ { flush(); line = name " " $1; next }
		{ line = line " " ($1 == "untraced" ? "untraced," $2 : $1) }
		function flush() { if (line != "") print line; line = "" }
		END { flush() }' "$SERIES_DIR/series"
}

# series_names - the names of the series, in order
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
		done < <(repo_files ":(glob)$glob")
	done
}

# commit_patch PATCH SPEC...
commit_patch() {
	local patch=$SERIES_DIR/$1
	if grep -q '^diff --git ' "$patch"; then
		source_apply "$REPO" "$patch" || die "$1 does not apply"
	fi
	add_files "${@:2}"
	repo add -A
	repo diff --cached --quiet && die "$1 and its files change nothing"
	read_mail "$patch"
	{
		mail_field Subject
		echo
		cat "$DIR/mail.body"
	} | repo commit -q --date "$(mail_field Date)" -F -
}

# make_repo - all commits, on branch main, with a tag <series> at the end of each series
make_repo() {
	local name patch patches specs
	patches=$(series_patches)
	mapfile -t patches <<<"$patches"
	rm -rf "$DIR"
	mkdir -p "$DIR"
	# All patches have the same author.
	repo_init "${patches[0]}"
	patched_files "${patches[@]}" | stage_originals "$REPO"
	repo add -A
	repo commit -q -m "$SRC_ID"
	repo tag base
	while read -r name patch specs; do
		read -ra specs <<<"$specs"
		commit_patch "$patch" "${specs[@]}"
		repo tag -f "$name" >/dev/null
	done < <(entries)
}

# cover_letter SERIES FILE - replace the placeholders of git format-patch
cover_letter() {
	local text=$SERIES_DIR/$1/cover
	if [[ ! -s $text ]]; then
		outcome 1 "patches/linux-7.3/$1/cover is missing, the text of the cover letter"
		return
	fi
	awk -v text="$text" '
		BEGIN {
			getline subject <text
			while ((getline line <text) > 0) blurb = blurb line "\n"
			sub(/^\n/, "", blurb)
		}
		sub(/\*\*\* SUBJECT HERE \*\*\*/, "") { printf "%s%s\n", $0, subject; next }
		/^\*\*\* BLURB HERE \*\*\*$/ { printf "%s", blurb; next }
		{ print }' "$2" >"$DIR/cover"
	mv "$DIR/cover" "$2"
}

# format_series - out/series/<n>-<series>/
format_series() {
	local name last=base dir n=0
	while read -r name; do
		n=$((n + 1))
		dir=$DIR/$(printf '%02d' $n)-$name
		repo format-patch -q --zero-commit --no-signature --cover-letter -o "$dir" "$last..$name"
		cover_letter "$name" "$dir/0000-cover-letter.patch"
		last=$name
	done < <(series_names)
}

# patches_of DIR... - the patches of these series, without cover letters
patches_of() {
	find "$@" -name '*.patch' ! -name '0000-*' | sort
}

# check_tree - compare branch main with the tree that make test builds
check_tree() {
	local log=$DIR/tree.log
	{
		repo ls-tree -r --name-only main | while read -r f; do
			cmp -- "$REPO/$f" "$WORK/src/$f"
		done
		# Files of the repository in no commit
		comm -23 <(overlay_files) <(repo ls-tree -r --name-only main | sort) |
			sed 's/^/in no series: /'
	} >"$log" 2>&1 || :
	outcome "$([[ -s $log ]] && echo 1 || echo 0)" \
		"$(repo rev-list --count base..main) commits give the tree that make test builds" "$log"
}

# check_am NAME PATCH... - git am on the base; "all" must give the tree of branch main
check_am() {
	local log=$DIR/am-$1.log rc=0
	repo worktree add -q -f --detach "$TREE" base
	repo -C "$TREE" am -q "${@:2}" >"$log" 2>&1 || rc=1
	if [[ $1 == all ]] && ! repo -C "$TREE" diff --quiet main; then rc=1; fi
	repo worktree remove -f "$TREE"
	outcome $rc "git am: $1" "$log"
}

check_all_am() {
	local dir name patches
	for dir in "$DIR"/[0-9]*-*; do
		name=${dir##*/}
		name=${name#*-}
		[[ $name != "$FIRST_DEPENDENT" ]] || break
		mapfile -t patches < <(patches_of "$dir")
		check_am "$name" "${patches[@]}"
	done
	mapfile -t patches < <(patches_of "$DIR"/[0-9]*-*)
	check_am all "${patches[@]}"
}

check_patches() {
	local dir log patches
	for dir in "$DIR"/[0-9]*-*; do
		[[ ${dir##*/} =~ ${SERIES:-.} ]] || continue
		log=$DIR/checkpatch-${dir##*/}.log
		mapfile -t patches < <(patches_of "$dir")
		checkpatch_patches "${patches[@]}" >"$log" 2>&1
		outcome "$([[ -s $log ]] && echo 1 || echo 0)" "checkpatch --strict: ${dir##*/}" "$log"
	done
}

# build_targets COMMIT - the directories and objects to compile for it
build_targets() {
	local file
	for file in "${DIRS[@]}"; do
		[[ ! -e $BUILD_SRC/${file%.o}.c && ! -d $BUILD_SRC/$file ]] || echo "$file"
	done
	# Objects of directories that are not built as a whole
	repo diff-tree --no-commit-id --name-only -r "$1" |
		sed -nE "\\,$LARGE|^drivers/gpu/drm/[^/]*\$, s/\.c\$/.o/p"
}

# compile COMMIT LOG - configure and build its targets in BUILD_SRC
compile() {
	local targets
	targets=$(build_targets "$1")
	mapfile -t targets <<<"$targets"
	{
		kbuild_in "$BUILD_SRC" -s KCONFIG_ALLCONFIG="$BUILD/fragment" allnoconfig &&
			kbuild_in "$BUILD_SRC" -s -j"$JOBS" KCFLAGS=-Werror prepare &&
			kbuild_in "$BUILD_SRC" -j"$JOBS" KCFLAGS=-Werror "${targets[@]}"
	} >"$2" 2>&1
}

# build_commit COMMIT - BUILD_SRC has the tree of its parent
build_commit() {
	local log=$DIR/build.log start=$SECONDS rc=0 subject
	subject=$(repo log -1 --format=%s "$1")
	repo checkout -q --detach "$1"
	# No -t: changed files must be newer than the objects made from them.
	rsync -rlc --exclude=.git "$REPO/" "$BUILD_SRC/"
	repo diff-tree --no-commit-id --name-only --diff-filter=D -r "$1" | while read -r file; do
		rm -f -- "$BUILD_SRC/$file"
	done
	if ! compile "$1" "$log"; then
		rc=1
		cp "$log" "$DIR/build-$(repo rev-parse --short "$1").log"
	fi
	outcome $rc "builds: $subject ($(grep -c '^  CC ' "$log" || :) objects, $(hms $((SECONDS - start))))" "$log"
}

build_all() {
	local commit
	BUILD_SRC=$WORK/series
	BUILD=$WORK/build/series
	mkdir -p "$BUILD"
	rm -rf "$BUILD_SRC"
	cp -al "$PRISTINE" "$BUILD_SRC"
	cat "$TOP/tests/configs/base.config" "$HARNESS/series.config" >"$BUILD/fragment"
	note "compiling the base, $SRC_ID"
	compile base "$DIR/build.log" || die "the base does not build" "$DIR/build.log"
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

own_dir "$DIR"
step 1/3 "tools and sources"
need_tools fetch kernel check
source_id
kbuild_init
with_lock "work-$SRC_ID" _series
note "the series are in ${DIR#"$TOP/"}"
outcomes || exit 1
