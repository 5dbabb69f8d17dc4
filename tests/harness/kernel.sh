#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# kernel.sh - build the guest's kernel: `make kernel`.
#
# Writes to out/kernel/$VARIANT/, with one rename:
#   bzImage  System.map  config  release  modules/lib/modules/<release>/...  id  key  build.json  gcno/
# id changes only if the contents of the kernel or the modules change, key changes
# with their inputs, and build.json has statistics of the last build that compiled
# most of the tree.
#
#   VARIANT=base              tests/configs/base.config; any other name adds
#                             tests/configs/$VARIANT.config
#   CONFIG_EXTRA="file ..."   more fragments, applied last
#   LINUX, OVERLAY_PATCH      see source.sh
#
# The object directory is $CACHE/work/<linux>/build/$VARIANT. ccache is below CACHE,
# too, so a fresh clone on the same machine compiles nothing.

# shellcheck source=tests/harness/lib/lib.sh
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source=tests/harness/lib/packages.sh
. "$HARNESS/lib/packages.sh"
# shellcheck source=tests/harness/lib/source.sh
. "$HARNESS/lib/source.sh"
# shellcheck source=tests/harness/lib/kbuild.sh
. "$HARNESS/lib/kbuild.sh"

# _cold_steps - the expected number of lines of kbuild's output: that of the last
# full build, or a typical number for base.config
_cold_steps() {
	cat "$BUILD/.steps" 2>/dev/null || echo 2200
}

# In depend mode ccache ignores .incbin. The bzImage includes its payload with it,
# so a cached object of an older kernel of the same compressed size could be used.
_make() {
	kbuild -j"$JOBS" vmlinux modules && CCACHE_DISABLE=1 kbuild -j"$JOBS" bzImage
}

_make_timed() {
	local TIMEFORMAT='%R %U %S'
	{ time _make >"$1" 2>&1; } 2>"$2"
}

# build_kernel - bzImage and modules, with progress. Fails if they do not build.
build_kernel() {
	local log=$OUT/log/kernel-$VARIANT.log times=$BUILD/.times total done=0 pid t0 t pct eta cold=1
	mkdir -p "$OUT/log"
	[[ -e $BUILD/vmlinux ]] && cold=0
	((cold)) && need_space "$CACHE" 2000
	total=$(_cold_steps)
	: >"$BUILD/.ccache-log"
	t0=$(date +%s)
	start_child _make_timed "$log" "$times"
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		sleep 1
		[[ -e $log ]] || continue
		done=$(grep -acE '^  [A-Z][A-Z0-9]+ ' "$log") || true
		t=$(($(date +%s) - t0))
		if ((cold)); then
			pct=$((done * 100 / total))
			((pct > 99)) && pct=99
			eta=
			((pct >= 3)) && eta=", about $(hms $((t * (100 - pct) / pct))) to go"
			progress "$pct" "$(hms "$t")$eta"
		elif ((_TTY && done)); then
			progress 50 "$done steps, $(hms "$t")"
		fi
	done
	wait_child "$pid" || return
	if ((cold)); then
		progress 100 "$(hms $(($(date +%s) - t0)))"
		printf '%s\n' "$done" >"$BUILD/.steps"
	fi
	progress_end
	_report "$log" "$times"
}

# _report LOG TIMES - write statistics of the build to build.json
_report() {
	local real user sys cc hits
	read -r real user sys < <(tail -n 1 "$2")
	cc=$(grep -acE '^  (CC|AS)( \[M\])? ' "$1") || true
	# Count real files only: kbuild also compiles files to probe for compiler options.
	hits=$(awk '/^# / { real = /\.[cS]$/; next } real && /_hit$/ { n++ } END { print n + 0 }' "$BUILD/.ccache-log")
	((hits <= cc)) || hits=$cc
	note "$cc files compiled, $hits of them from ccache; ${real%.*} s, CPU time $(awk -v u="$user" -v s="$sys" 'BEGIN { printf "%.0f", u + s }') s"
	if ((cc > 800)); then
		printf '{"variant":"%s","files":%d,"ccache_hits":%d,"wall_s":%s,"user_s":%s,"sys_s":%s,"jobs":%d}\n' \
			"$VARIANT" "$cc" "$hits" "$real" "$user" "$sys" "$JOBS" >"$BUILD/.build.json"
	fi
}

# install_modules - install the modules to $BUILD/.modules
install_modules() {
	local log=$OUT/log/modules-$VARIANT.log
	rm -rf -- "$BUILD/.modules"
	run_logged "$log" kbuild INSTALL_MOD_PATH="$BUILD/.modules" modules_install ||
		die "modules_install failed" "$log"
}

# gcno_publish DIR - the .gcno files of profiled objects, for gcov
gcno_publish() {
	local notes
	mapfile -t notes < <(find "$BUILD/drivers" -name '*.gcno')
	((${#notes[@]} == 0)) || install -D -m 644 -t "$1" "${notes[@]}"
}

# publish_kernel KEY - replace the previous build as a whole
publish_kernel() {
	local to=$OUT/kernel/$VARIANT tmp rel
	need_space "$OUT" 100
	tmp_for tmp "$to"
	mkdir -p "$tmp/modules/lib/modules"
	rel=$(cat "$BUILD/include/config/kernel.release")
	cp -- "$BUILD/arch/x86/boot/bzImage" "$tmp/bzImage"
	cp -- "$BUILD/.config" "$tmp/config"
	cp -- "$BUILD/System.map" "$tmp/System.map"
	cp -a -- "$BUILD/.modules/lib/modules/$rel" "$tmp/modules/lib/modules/"
	rm -f -- "$tmp/modules/lib/modules/$rel/build" "$tmp/modules/lib/modules/$rel/source"
	printf '%s\n' "$rel" >"$tmp/release"
	printf '%s\n' "$1" >"$tmp/key"
	gcno_publish "$tmp/gcno"
	[[ -e $BUILD/.build.json ]] && cp -- "$BUILD/.build.json" "$tmp/build.json"
	(cd "$tmp" && find . -type f ! -name build.json ! -name key -print0 | sort -z |
		xargs -0 sha256sum | sha256sum | cut -d' ' -f1) >"$tmp/id"
	publish "$tmp" "$to"
}

# _key - a hash of everything that the kernel is built from and with
_key() {
	{
		printf '%s\n' "$SRC_ID" "$SRC_KEY"
		gcc --version
		ld --version
		cat "$BUILD/.config" "$HARNESS/lib/kbuild.sh"
	} | sha256sum | cut -d' ' -f1
}

_kernel() {
	local key
	step 2/5 "sources: $SRC_ID and this repository's files"
	source_prepare
	step 3/5 "configuration: $VARIANT"
	kbuild_config
	key=$(_key)
	if [[ $(cat "$BUILD/.built" 2>/dev/null) == "$key" ]]; then
		note "nothing changed since the last build"
	else
		step 4/5 "kernel and modules, $JOBS jobs"
		rm -f -- "$BUILD/.built"
		if ! build_kernel; then
			source_leave_out "$OUT/log/kernel-$VARIANT.log" ||
				die "the kernel ($VARIANT) does not build" "$OUT/log/kernel-$VARIANT.log"
			note "it does not build: once more without the series that change the files with errors"
			_kernel
			return
		fi
		step 5/5 "modules"
		install_modules
		printf '%s\n' "$key" >"$BUILD/.built"
	fi
	if [[ $(cat "$OUT/kernel/$VARIANT/key" 2>/dev/null) != "$key" ]]; then
		publish_kernel "$key"
	fi
}

step 1/5 "tools and Linux 7.3"
need_tools fetch kernel
source_id
kbuild_init
with_lock "work-$SRC_ID" _kernel
note "out/kernel/$VARIANT: Linux $(cat "$OUT/kernel/$VARIANT/release"), $(elapsed)"
