#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# kernel.sh - build the guest's kernel: `make kernel`.
#
# Leaves in out/kernel/$VARIANT/, as one rename:
#   bzImage  config  release  modules/lib/modules/<release>/...  id  key  build.json  gcno/
# where id changes if and only if the bytes of kernel or modules do, key when
# something they are made from does, and build.json has the figures of
# the last build that compiled most of the tree.
#
#   VARIANT=base              tests/configs/base.config, and on top of it
#                             tests/configs/$VARIANT.config for any other name
#   CONFIG_EXTRA="file ..."   more fragments, applied last
#   LINUX, OVERLAY_PATCH      see source.sh
#
# The object directory is $CACHE/work/<linux>/build/$VARIANT, and ccache is
# below CACHE as well, so a fresh clone on the same machine compiles nothing.

# shellcheck source=tests/harness/lib/lib.sh
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source=tests/harness/lib/packages.sh
. "$HARNESS/lib/packages.sh"
# shellcheck source=tests/harness/lib/source.sh
. "$HARNESS/lib/source.sh"
# shellcheck source=tests/harness/lib/kbuild.sh
. "$HARNESS/lib/kbuild.sh"

# _cold_steps - lines of kbuild's output to expect: the last full build's, else
# what base.config gave when this was written
_cold_steps() {
	cat "$BUILD/.steps" 2>/dev/null || echo 2200
}

# In depend mode ccache sees no .incbin: for the bzImage, whose payload comes in by
# one, it would take an older kernel whose compressed size is the same.
_make() {
	kbuild -j"$JOBS" vmlinux modules && CCACHE_DISABLE=1 kbuild -j"$JOBS" bzImage
}

_make_timed() {
	local TIMEFORMAT='%R %U %S'
	{ time _make >"$1" 2>&1; } 2>"$2"
}

# build_kernel - bzImage and modules, with progress
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
	wait_child "$pid" || die "the kernel ($VARIANT) does not build" "$log"
	if ((cold)); then
		progress 100 "$(hms $(($(date +%s) - t0)))"
		printf '%s\n' "$done" >"$BUILD/.steps"
	fi
	progress_end
	_report "$log" "$times"
}

# _report LOG TIMES - what was compiled, and at which cost
_report() {
	local real user sys cc hits
	read -r real user sys < <(tail -n 1 "$2")
	cc=$(grep -acE '^  (CC|AS)( \[M\])? ' "$1") || true
	# Of real files only: kbuild also asks what the compiler can do.
	hits=$(awk '/^# / { real = /\.[cS]$/; next } real && /_hit$/ { n++ } END { print n + 0 }' "$BUILD/.ccache-log")
	((hits <= cc)) || hits=$cc
	note "$cc files compiled, $hits of them from ccache; ${real%.*} s, CPU time $(awk -v u="$user" -v s="$sys" 'BEGIN { printf "%.0f", u + s }') s"
	if ((cc > 800)); then
		printf '{"variant":"%s","files":%d,"ccache_hits":%d,"wall_s":%s,"user_s":%s,"sys_s":%s,"jobs":%d}\n' \
			"$VARIANT" "$cc" "$hits" "$real" "$user" "$sys" "$JOBS" >"$BUILD/.build.json"
	fi
}

# install_modules - into $BUILD/.modules
install_modules() {
	local log=$OUT/log/modules-$VARIANT.log
	rm -rf -- "$BUILD/.modules"
	run_logged "$log" kbuild INSTALL_MOD_PATH="$BUILD/.modules" modules_install ||
		die "modules_install failed" "$log"
}

# gcno_publish DIR - what gcov needs to know of the objects that count their lines
gcno_publish() {
	local notes
	mapfile -t notes < <(find "$BUILD/drivers" -name '*.gcno')
	((${#notes[@]} == 0)) || install -D -m 644 -t "$1" "${notes[@]}"
}

# publish_kernel KEY - the image step sees all of it or the one before
publish_kernel() {
	local to=$OUT/kernel/$VARIANT tmp rel
	need_space "$OUT" 100
	tmp_for tmp "$to"
	mkdir -p "$tmp/modules/lib/modules"
	rel=$(cat "$BUILD/include/config/kernel.release")
	cp -- "$BUILD/arch/x86/boot/bzImage" "$tmp/bzImage"
	cp -- "$BUILD/.config" "$tmp/config"
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

# _key - changes with whatever the kernel is made from and by
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
		build_kernel
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
