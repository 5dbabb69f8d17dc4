# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# kbuild.sh - call kbuild, and configure the kernel such that every requested option
# is set as requested. Sourced after source.sh.
#
#   kbuild_init               sets VARIANT, BUILD; call it after source_id
#   kbuild ARG...             make in the work tree, with the objects in BUILD
#   kbuild_in TREE ARG...     make in another tree, or for another architecture: a later
#                             VARIABLE=value overrides an earlier one
#   kbuild_config             create BUILD/.config from the fragments

kbuild_init() {
	VARIANT=${VARIANT:-base}
	BUILD=$WORK/build/$VARIANT
	mkdir -p "$BUILD"
	export CCACHE_DIR=$CACHE/ccache CCACHE_MAXSIZE=5G CCACHE_NOHASHDIR=1
	# The dependencies come from the compiler, without a second preprocessor run.
	export CCACHE_DEPEND=1
	export CCACHE_STATSLOG=$BUILD/.ccache-log
	export KBUILD_BUILD_TIMESTAMP='Thu Jan  1 00:00:00 UTC 2026'
	# Constants, so that builds are reproducible
	export KBUILD_BUILD_USER=vgem_pfn KBUILD_BUILD_HOST=localhost KBUILD_BUILD_VERSION=1
	# The caller's environment must not change the build.
	unset MAKEFLAGS MFLAGS MAKELEVEL GNUMAKEFLAGS MAKEOVERRIDES KCFLAGS KAFLAGS \
		KCPPFLAGS KBUILD_OUTPUT KBUILD_EXTMOD CROSS_COMPILE INSTALL_MOD_PATH \
		INSTALL_MOD_STRIP KCONFIG_CONFIG KCONFIG_ALLCONFIG LOCALVERSION
}

# _kcsan_scope - make variables that limit CONFIG_KCSAN to these files. kbuild
# checks KCSAN_SANITIZE_<object>$(KCSAN_SANITIZE).
_kcsan_scope() {
	local f
	[[ $VARIANT == kcsan ]] || return 0
	printf '%s\n' KCSAN_SANITIZE=n
	for f in "$WORK"/src/drivers/dma-buf/*.c "$WORK"/src/drivers/gpu/drm/ttm/*.c \
		"$WORK"/src/drivers/gpu/drm/vgem_pfn/*.c "$WORK"/src/drivers/gpu/buddy.c; do
		printf 'KCSAN_SANITIZE_%s.o=y\n' "$(basename "$f" .c)"
	done
}

# _speed_scope - make variables that optimize the files under test for speed. With
# -Os gcc compiles memcpy() to "rep movsb", which is emulated byte by byte: moves
# would copy 14 MiB/s instead of 200 MiB/s.
_speed_scope() {
	local f
	for f in "$WORK"/src/drivers/gpu/drm/vgem_pfn/*.c "$WORK"/src/drivers/dma-buf/dma-buf-pfn*.c; do
		# These have flags of their own.
		[[ $f == *trace.c ]] || printf 'CFLAGS_%s.o=-O2\n' "$(basename "$f" .c)"
	done
}

kbuild_in() {
	make -C "$1" O="$BUILD" ARCH=x86_64 CC='ccache gcc' HOSTCC='ccache gcc' "${@:2}"
}

# Compiling a small file mostly takes time for macros in headers. Without tracking
# of macro expansion this is 10% faster, but error messages lack the notes "in
# expansion of macro". `make check` calls make with KCFLAGS= to get them.
kbuild() {
	local scope=()
	mapfile -t scope < <(_kcsan_scope && _speed_scope)
	kbuild_in "$WORK/src" KCFLAGS=-ftrack-macro-expansion=0 "${scope[@]}" "$@"
}

# --- the configuration -----------------------------------------------------------

# _config_fragments - the fragments; a later one overrides an earlier one
_config_fragments() {
	local f
	printf '%s\n' "$TOP/tests/configs/base.config"
	f=$TOP/tests/configs/source/$(source_version).config
	[[ ! -e $f ]] || printf '%s\n' "$f"
	[[ $VARIANT == base ]] || printf '%s\n' "$TOP/tests/configs/$VARIANT.config"
	for f in ${CONFIG_EXTRA:-}; do realpath -- "$f"; done
}

# _config_merged FILE... - lines NAME=value; "is not set" is n; the last one wins
_config_merged() {
	awk '
		/^# CONFIG_[A-Za-z0-9_]+ is not set$/ { $0 = $2 "=n" }
		/^CONFIG_[A-Za-z0-9_]+=/ {
			i = index($0, "=")
			name = substr($0, 1, i - 1)
			if (!(name in value)) order[++n] = name
			value[name] = substr($0, i + 1)
			next
		}
		/^[ \t]*(#|$)/ { next }
		{ printf "%s:%d: not a line of a configuration: %s\n", FILENAME, FNR, $0 >"/dev/stderr"; bad = 1 }
		END {
			for (i = 1; i <= n; i++) print order[i] "=" value[order[i]]
			exit bad
		}' "$@"
}

# _config_lost MERGED CONFIG - lines: name, requested value, actual value
_config_lost() {
	awk -F= '
		NR == FNR { if ($1 ~ /^CONFIG_/) got[$1] = substr($0, length($1) + 2); next }
		{
			want = substr($0, length($1) + 2)
			have = ($1 in got) ? got[$1] : "n"
			if (want != have) print $1, want, have
		}' "$2" "$1"
}

# _config_why NAME - Kconfig's information on an option that was not kept
_config_why() {
	local name=${1#CONFIG_} files
	files=$(cd "$WORK/src" && grep -rlE "^[[:space:]]*(menu)?config $name\$" --include='Kconfig*' \
		arch/x86 arch/Kconfig block certs crypto drivers fs init io_uring kernel lib mm net \
		samples security sound usr virt Kconfig 2>/dev/null) || true
	if [[ -z $files ]]; then
		printf '        no Kconfig file of this kernel has such an option\n'
		return
	fi
	# shellcheck disable=SC2086 # a list of files
	(cd "$WORK/src" && awk -v name="$name" '
		FNR == 1 { hit = 0 }
		/^[ \t]*(menu)?config / { hit = ($2 == name) }
		hit && /^[ \t]+(depends on|visible if|range) / { sub(/^[ \t]+/, ""); print "        " FILENAME ": " $0 }
		hit && /^[ \t]+def_bool|^[ \t]+(def_)?tristate$|^[ \t]+bool$/ { sub(/^[ \t]+/, ""); print "        " FILENAME ": no prompt (" $0 "), others select it" }
	' $files)
}

_config_make() {
	kbuild -s KCONFIG_ALLCONFIG="$BUILD/.fragment" allnoconfig && kbuild -s olddefconfig
}

# kbuild_config - allnoconfig with the fragments; check the result
kbuild_config() {
	local files=() log=$OUT/log/config-$VARIANT.log stamp lost name want have
	mapfile -t files < <(_config_fragments)
	for name in "${files[@]}"; do
		[[ -f $name ]] || die "there is no configuration fragment $name"
	done
	mkdir -p "$OUT/log"
	_config_merged "${files[@]}" >"$BUILD/.fragment.new" 2>"$log" ||
		die "a configuration fragment is not well-formed" "$log"
	stamp=$(gcc --version | head -n 1)
	if [[ -e $BUILD/.config && -e $BUILD/.config.checked &&
		$(cat "$BUILD/.config.checked") == "$stamp" ]] &&
		cmp -s "$BUILD/.fragment.new" "$BUILD/.fragment" &&
		[[ -z $(find "$WORK/src" -name 'Kconfig*' -newer "$BUILD/.config.checked" -print -quit) ]]; then
		return
	fi
	rm -f -- "$BUILD/.config.checked"
	mv -f -- "$BUILD/.fragment.new" "$BUILD/.fragment"
	touch "$BUILD/.config.start"
	run_logged "$log" _config_make || die "the kernel cannot be configured" "$log"
	lost=$(_config_lost "$BUILD/.fragment" "$BUILD/.config")
	if [[ -n $lost ]]; then
		while read -r name want have; do
			printf '    %s: %s was requested, %s is what it got\n' "$name" "$want" "$have"
			_config_why "$name"
		done <<<"$lost" | tee "$log" >&2
		# Another Linux than 7.3 may not have all of them.
		[[ $(source_version) == 7.3 ]] ||
			{ note "Linux $(source_version) has no such options: the build continues" && lost=; }
	fi
	if [[ -n $lost ]]; then
		die "$(wc -l <<<"$lost") requested option(s) did not survive olddefconfig: $(awk '{ printf "%s%s", sep, $1; sep = ", " }' <<<"$lost")"
	fi
	printf '%s\n' "$stamp" >"$BUILD/.config.checked"
	# If a Kconfig file was changed meanwhile, the next run checks it.
	touch -r "$BUILD/.config.start" "$BUILD/.config.checked"
}
