# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# source.sh - the kernel tree to build: Linux 7.3, plus patches/linux-7.3/, plus
# this repository's own files.  Sourced after lib.sh and packages.sh.
#
#   series_patches     the patches in the order of patches/linux-7.3/series
#   source_id          sets SRC_ID (the Linux tree) and WORK (its directory in CACHE)
#   source_prepare     updates $WORK/src, touching only files that change, and sets
#                      SRC_KEY, which changes with its contents;
#                      call both under with_lock "work-$SRC_ID"
#   source_leave_out LOG   leave out the series that caused compile errors
#   checkpatch ARG..., checkpatch_patches PATCH...   checkpatch.pl of the tree
#
# LINUX=/path/to/tree is copied and used instead of Debian's package. Without Linux 7.3 in
# the archive, the newest later package is used, or 7.2. On such a tree only the patches
# of the kAPI, the driver and the importer have to apply (MUST_APPLY). Other patches that do
# not apply are left out together with the rest of their series, and listed. If the kernel
# does not build, series that change the files with errors are left out (source_leave_out).
# OVERLAY_PATCH="x.patch ..." is applied last: a mutation.
#
# $CACHE/linux/<id>     the original Linux tree, which is never modified
# $CACHE/work/<id>/src  hard links to it. Files are replaced by rsync and never written
#                       in place, so the original does not change.
# A staging directory gets the originals of all patched files, the patches, our
# files, and the originals of files that an earlier run had changed and this one
# does not. rsync --checksum then copies only what differs, so that make rebuilds
# nothing else.

LINUX_SUITES="trixie-backports testing unstable"
# On a tree that is not 7.3
MUST_APPLY='drm-gem/0001|get-pfn/000[1-5]|vgem-pfn/|importer/|trace/'
# Directories of the repository that have kernel files
OVERLAY_DIRS=(drivers include virt Documentation tools)

source_id() {
	if [[ -n ${LINUX:-} ]]; then
		[[ -f $LINUX/Makefile && -f $LINUX/Kconfig ]] || die "LINUX=$LINUX is not a kernel tree"
		LINUX=$(cd "$LINUX" && pwd -P)
		SRC_ID=tree-$(printf '%s' "$LINUX" | sha256sum | cut -c1-10)
	else
		_source_package
	fi
	WORK=$CACHE/work/$SRC_ID
	PRISTINE=$CACHE/linux/$SRC_ID
}

# --- Linux as it comes ---------------------------------------------------------

# _source_package - use the package in the cache, or get it from the first suite that has it
_source_package() {
	with_lock linux _source_fetch
	SRC_ID=$(_source_newest)
	SRC_ID=${SRC_ID##*/}
}

_source_newest() {
	compgen -G "$CACHE/linux/debian-*" | grep -vF .tmp. | sort -V | tail -n 1
}

# Run by mmdebstrap: download 7.3, else the newest later one, else 7.2. LINUX_HIDE, a regular
# expression, is for tests.
# shellcheck disable=SC2016 # expanded by the hook
LINUX_HOOK='cd "$1" && export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" || exit
names=$(apt-cache search --names-only "^linux-source-[0-9.]+\$" | sed "s/ .*//" | grep -vxE "$HIDE")
later=$(printf "%s\n" $names linux-source-7.3 | sort -uV | sed -n "/^linux-source-7\.3\$/,\$p" | tail -n 1)
for package in linux-source-7.3 "$later" linux-source-7.2; do
	echo "$names" | grep -qx "$package" && exec apt-get download "$package"
done
echo "E: Unable to locate package linux-source-7.3, a later one, or 7.2"
exit 1'

_source_fetch() {
	local deb id tmp log=$CACHE/log/unpack.log
	[[ -z $(_source_newest) ]] || return 0
	need_space "$CACHE" 3000
	if ! compgen -G "$CACHE/deb/linux-source/*.deb" >/dev/null; then
		tmp_for tmp "$CACHE/deb/linux-source"
		SUITES_ALSO="testing unstable" SUITES_ELSE=", or give a tree with LINUX=/path" \
			suites_get "$tmp" 160 "$LINUX_SUITES" "the source of Linux" \
			--extract-hook="HIDE='${LINUX_HIDE:-none}'; $LINUX_HOOK"
		publish "$tmp" "$CACHE/deb/linux-source"
	fi
	deb=$(compgen -G "$CACHE/deb/linux-source/*.deb")
	id=$(dpkg-deb -f "$deb" Version)
	# Only characters that are safe in a path in Makefiles and shell scripts
	id=debian-${id//[^A-Za-z0-9.+-]/-}
	note "unpacking ${deb##*/}"
	tmp_for tmp "$CACHE/linux/$id"
	mkdir -p "$tmp"
	with_progress "$tmp" 1900 "$log" _source_untar "$deb" "$tmp" || die "could not unpack $deb
    If it is damaged, remove it and run this again." "$log"
	# Make a write through a hard link of the work tree fail.
	find "$tmp" -type f -exec chmod a-w {} +
	publish "$tmp" "$CACHE/linux/$id"
	rm -rf -- "$CACHE/deb/linux-source"
}

_source_untar() {
	dpkg-deb --fsys-tarfile "$1" |
		tar -xO "./usr/src/$(dpkg-deb -f "$1" Package).tar.xz" |
		tar -xJ --strip-components=1 -C "$2"
}

# _source_copy - update PRISTINE from the caller's tree. Changed files are added to
# $WORK/pending first, so that they are not lost if the run is interrupted.
_source_copy() {
	local sync=(rsync -a --delete --delete-excluded --exclude=.git --exclude=/.config
		--exclude=/include/config --exclude=/include/generated
		--exclude='/arch/*/include/generated' --exclude='*.o' --exclude='*.ko'
		--exclude='*.a' --exclude='*.mod' --exclude='*.mod.c' --exclude='.*.cmd'
		--exclude='*.order' --exclude='.tmp_*' --exclude='/vmlinux*'
		--exclude='/System.map' --exclude='/Module.symvers' "$LINUX/" "$PRISTINE/")
	need_tools fetch
	if [[ ! -d $PRISTINE ]]; then
		local tmp
		need_space "$CACHE" 3000
		note "copying $LINUX"
		tmp_for tmp "$PRISTINE"
		run_child "${sync[@]:0:${#sync[@]}-1}" "$tmp/" || die "could not copy $LINUX"
		publish "$tmp" "$PRISTINE"
	else
		"${sync[@]}" -n --out-format=%n | grep -v '/$' |
			sed 's/^deleting //' >>"$WORK/pending" || true
		if [[ -s $WORK/pending ]]; then date +%s.%N >"$WORK/generation"; fi
		run_child "${sync[@]}" || die "could not copy $LINUX"
	fi
}

# --- staging -------------------------------------------------------------------

SERIES_DIR=$TOP/patches/linux-7.3

# series_patches - the patches, in the order of the file "series"; those that change
# files of Linux and do not only stand for files of this repository
series_patches() {
	local patch
	grep -E '^[^][[:space:]#]+\.patch$' "$SERIES_DIR/series" | while read -r patch; do
		[[ -f $SERIES_DIR/$patch ]] || die "patches/linux-7.3/series lists $patch, which does not exist"
		! grep -q '^diff --git ' "$SERIES_DIR/$patch" || printf '%s\n' "$SERIES_DIR/$patch"
	done
}

# overlay_files - the kernel files of this repository, which may have been unpacked
# without .git
overlay_files() {
	repo_files "${OVERLAY_DIRS[@]}" 2>/dev/null ||
		(cd "$TOP" && find "${OVERLAY_DIRS[@]}" -type f | sort)
}

# patched_files PATCH... - the paths that the patches modify
patched_files() {
	((${#@})) || return 0
	sed -nE 's/^(---|\+\+\+) [ab]\/([^\t]*).*/\2/p' "$@" | sort -u
}

# stage_originals DIR - copy the files listed on stdin from PRISTINE, unless in DIR
stage_originals() {
	local f
	while read -r f; do
		[[ -f $PRISTINE/$f && ! -e $1/$f ]] || continue
		mkdir -p "$1/${f%/*}"
		cp -- "$PRISTINE/$f" "$1/$f"
		chmod u+w -- "$1/$f"
	done
}

# source_apply DIR ARG... - git apply in DIR
source_apply() {
	# git apply would skip paths if it found a git repository above the cache.
	(cd "$1" && GIT_CEILING_DIRECTORIES=$(dirname "$1") \
		git apply --whitespace=nowarn "${@:2}")
}

# _stage_patch DIR PATCH OPTION... - apply completely or die
_stage_patch() {
	local dir=$1 patch=$2 log=$CACHE/log/patch.log
	if ! source_apply "$dir" "${@:3}" "$patch" >"$log" 2>&1; then
		die "$(basename "$patch") does not apply to $SRC_ID: $(sed -n 's/^error: //p' "$log" | head -1)" "$log"
	fi
}

# source_version - of the original tree
source_version() {
	awk -F' *= *' '/^(VERSION|PATCHLEVEL) *=/ { v = v "." $2 } END { print substr(v, 2) }' \
		"$PRISTINE/Makefile"
}

# _left_out - the series that source_leave_out has left out, for the patches as they are
_left_out() {
	[[ ! -e $WORK/left-out || $(head -n 1 "$WORK/left-out") != "$(_patches_key)" ]] ||
		tail -n +2 "$WORK/left-out"
}

_patches_key() {
	series_patches | xargs -d '\n' cat | sha256sum | cut -d' ' -f1
}

# source_leave_out LOG - from the next source_prepare on, leave out the series that change
# files with compile errors in LOG. Fails if this tree is 7.3, or if there are none.
source_leave_out() {
	local file patch name more='' old
	[[ $(source_version) != 7.3 ]] || return 1
	old=$(_left_out)
	while read -r file; do
		while read -r patch; do
			name=${patch#"$SERIES_DIR/"}
			[[ $name =~ ^($MUST_APPLY) || $'\n'$old$more$'\n' == *$'\n'"${name%/*}"$'\n'* ]] ||
				more+=$'\n'${name%/*}
		done < <(series_patches | xargs -d '\n' grep -lFx -e "+++ b/$file" -e "--- a/$file")
	done < <(sed -nE "s,^$WORK/src/([^:]+):[0-9:]+ (fatal )?error: .*,\1,p" "$1" | sort -u)
	[[ -n $more ]] || return 1
	printf '%s\n' "$(_patches_key)$more${old:+$'\n'$old}" >"$WORK/left-out"
}

# _stage_series DIR PATCH... - apply the patches, all of them to 7.3. To another tree, a
# patch that does not apply is left out, with the rest of its series, unless it must apply.
_stage_series() {
	local dir=$1 patch name series left version log=$CACHE/log/patch.log
	version=$(source_version)
	left=" $(_left_out | tr '\n' ' ')"
	shift
	for patch; do
		name=${patch#"$SERIES_DIR/"}
		series=${name%/*}
		if [[ $version == 7.3 ]]; then
			_stage_patch "$dir" "$patch"
		elif [[ $name =~ ^($MUST_APPLY) ]]; then
			# With one line of context: the neighbours in lists differ.
			source_apply "$dir" "$patch" 2>/dev/null || _stage_patch "$dir" "$patch" -C1
		elif [[ $left == *" $series "* ]]; then
			note "left out: $name"
		elif ! source_apply "$dir" "$patch" >"$log" 2>&1; then
			left+="$series "
			note "left out, it does not apply to Linux $version: $name"
		fi
	done
}

# _source_stage DIR - put all files that src must have into DIR; $DIR.list lists them
_source_stage() {
	local dir=$1 patches=() extra=() p
	mkdir -p "$dir" "$CACHE/log"
	p=$(series_patches)
	mapfile -t patches <<<"$p"
	for p in ${OVERLAY_PATCH:-}; do
		[[ -f $p ]] || die "OVERLAY_PATCH: there is no file $p"
		extra+=("$(realpath "$p")")
	done
	patched_files "${patches[@]}" | stage_originals "$dir"
	_stage_series "$dir" "${patches[@]}"
	overlay_files >"$dir.list"
	# A file of ours must not replace a file of Linux.
	while read -r p; do
		[[ ! -e $PRISTINE/$p ]] || die "$p is in Linux already: change it with a patch in patches/linux-7.3/"
	done <"$dir.list"
	rsync -a --files-from="$dir.list" "$TOP/" "$dir/"
	patched_files "${extra[@]}" | stage_originals "$dir"
	for p in "${extra[@]}"; do _stage_patch "$dir" "$p"; done
	(cd "$dir" && find . -type f -printf '%P\n' | sort) >"$dir.list"
}

# source_prepare - see the head of this file
source_prepare() {
	local stage tmp f
	mkdir -p "$WORK"
	[[ -z ${LINUX:-} ]] || _source_copy
	if [[ ! -d $WORK/src ]]; then
		tmp_for tmp "$WORK/src"
		cp -al "$PRISTINE" "$tmp"
		publish "$tmp" "$WORK/src"
		rm -f -- "$WORK/manifest" "$WORK/pending"
	fi
	touch "$WORK/manifest" "$WORK/pending"
	tmp_for stage "$WORK/stage"
	_TMPS+=("$stage.list")
	_source_stage "$stage"
	# Files that were changed by an earlier run and are not now are restored or
	# removed. The manifest lists old and new files until the update is complete.
	sort -u "$WORK/manifest" "$WORK/pending" "$stage.list" >"$WORK/manifest.tmp.$$"
	mv -f -- "$WORK/manifest.tmp.$$" "$WORK/manifest"
	comm -23 "$WORK/manifest" "$stage.list" | while read -r f; do
		if [[ -f $PRISTINE/$f ]]; then
			printf '%s\n' "$f" | stage_originals "$stage"
		else
			rm -f -- "$WORK/src/$f"
		fi
	done
	# No -t: changed files must be newer than the objects made from them.
	rsync -rlc "$stage/" "$WORK/src/"
	# shellcheck disable=SC2034 # for the scripts that source this file
	SRC_KEY=$({
		cat "$WORK/generation" 2>/dev/null || true
		cd "$stage" || exit
		tr '\n' '\0' <"$stage.list" | xargs -0 -r sha256sum
	} | sha256sum | cut -d' ' -f1)
	mv -f -- "$stage.list" "$WORK/manifest"
	: >"$WORK/pending"
	rm -rf -- "$stage"
}

# --- checkpatch ----------------------------------------------------------------

# checkpatch ARG... - the problems that the tree's checkpatch.pl finds, without summary
checkpatch() {
	perl "$WORK/src/scripts/checkpatch.pl" --strict --quiet --terse --show-types \
		--no-summary --no-signoff "$@" || true
}

# checkpatch_patches PATCH... - the problems in patches; absolute paths
checkpatch_patches() {
	# FILE_PATH_CHANGES is reported for every new file, even if MAINTAINERS covers it.
	# UNKNOWN_COMMIT_ID is reported for every "Fixes:", because there is no history.
	(cd "$WORK/src" && checkpatch --ignore FILE_PATH_CHANGES,UNKNOWN_COMMIT_ID "$@")
}
