# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# image.sh - the image that a guest boots: the base root and the files of this
# repository. Sourced after lib.sh and rootfs.sh.
#
#   image_get KERNEL_DIR NAME   set GUEST_IMAGE and GUEST_KERNEL; the image is rebuilt
#                               only if its contents have changed. With IMAGE_NO_TESTS=1 the
#                               IGT tests are neither compiled nor in the image.
#
# These are appended to a copy of the base image:
#   /init                the guest's init            (tests/guest/init)
#   /vgem_pfn/guest      its scripts and lists       (tests/guest)
#   /vgem_pfn/bin        programs  (tests/guest/programs, tests/contract)
#   /vgem_pfn/tests      our IGT tests, test-list.txt  (tests/igt)
#   /vgem_pfn/selfcheck  the harness's own IGT test  (tests/guest/programs/selfcheck)
#   /vgem_pfn/kselftest  selftests of Linux, if built  (kselftest.sh)
#   /vgem_pfn/<name>     the caller's directory IMAGE_EXTRA: "prove", an importer to
#                        check (prove.sh), or "mutants" (mutate.sh)
#   /modules/<release>   the kernel's modules

IMAGE_LOG=$OUT/log/image.log

# Our headers come before those of libdrm-dev: our drm header includes its drm.h.
GUEST_CFLAGS=(-O2 -g -Wall -Wextra -Werror -I"$TOP/include/uapi" -I/usr/include/libdrm)

# The directory is not part of the hash, so that a fresh clone uses the same cache.
GUEST_CC=(env "CCACHE_DIR=$CACHE/ccache" CCACHE_NOHASHDIR=1 "CCACHE_BASEDIR=$TOP" ccache gcc)

# compile OUTPUT SOURCE FLAGS... - compile if SOURCE or one of our headers is newer.
# SOURCE is a file, or a directory with the files of one program.
compile() {
	local out=$1 src=$2 files=("$2") tmp
	[[ ! -d $src ]] || files=("$src"/*.c)
	shift 2
	if [[ -e $out && -z $(find "$src" "$TOP/include/uapi" "$TOP/tests/igt/include" \
		"$TOP/tests/igt/lib" "$TOP"/drivers/dma-buf/dma-buf-pfn-{bench,importer_uapi}.h \
		"$HARNESS/lib/image.sh" "$ROOTFS/base.sqfs" -newer "$out" -type f) ]]; then
		return
	fi
	tmp_for tmp "$out"
	run_logged "$IMAGE_LOG" "${GUEST_CC[@]}" "${GUEST_CFLAGS[@]}" -o "$tmp" "${files[@]}" "$@" ||
		die "could not compile ${src#"$TOP/"} for the guest" "$IMAGE_LOG"
	publish "$tmp" "$out"
}

# The programs are static, so they do not depend on the guest's libc.
image_programs() {
	local src tree=$ROOTFS/root
	mkdir -p "$OUT/guest/bin" "$OUT/guest/selfcheck"
	for src in "$TOP"/tests/guest/programs/*.c; do
		[[ $src != */igt_preload.c ]] || continue
		compile "$OUT/guest/bin/$(basename "$src" .c)" "$src" -static -pthread
	done
	compile "$OUT/guest/bin/bench" "$TOP/tests/guest/programs/bench" -static -pthread
	compile "$OUT/guest/bin/igt_preload.so" "$TOP/tests/guest/programs/igt_preload.c" \
		-D_GNU_SOURCE -shared -fPIC
	run_logged "$IMAGE_LOG" make -C "$TOP/tests/contract" \
		BUILD="$OUT/guest/contract" LDFLAGS=-static ||
		die "could not build tests/contract" "$IMAGE_LOG"
	install -p -m 755 "$OUT/guest/contract/pfn-contract" "$OUT/guest/bin"
	# Linked with the guest's libigt, whose dependencies are resolved in the guest
	compile "$OUT/guest/selfcheck/selfcheck" "$TOP/tests/guest/programs/selfcheck/selfcheck.c" \
		-I"$TOP/tests/igt/include" -L"$tree/usr/lib/x86_64-linux-gnu" \
		-Wl,--allow-shlib-undefined -ligt
	[[ -e $OUT/guest/selfcheck/test-list.txt ]] ||
		printf 'TESTLIST\nselfcheck\nEND TESTLIST\n' >"$OUT/guest/selfcheck/test-list.txt"
}

image_tests() {
	mkdir -p "$OUT/guest/tests"
	run_logged "$OUT/log/igt.log" make -j"$JOBS" -C "$TOP/tests/igt" all CC="${GUEST_CC[*]}" \
		ROOTFS="$ROOTFS/root" BUILD="$OUT/guest/tests" HDRS="$TOP/include/uapi" ||
		die "could not build the IGT tests" "$OUT/log/igt.log"
	[[ -s $OUT/guest/tests/test-list.txt ]] ||
		die "tests/igt made no test-list.txt" "$OUT/log/igt.log"
}

# image_scripts STAGE - the guest's init, and the files that it reads
image_scripts() {
	mkdir -p "$1/vgem_pfn/guest"
	install -p -m 755 "$TOP/tests/guest/init" "$1/init"
	install -p -m 644 "$TOP"/tests/guest/{fstab,*.sh,lists/*} "$1/vgem_pfn/guest"
}

# image_stage KERNEL_DIR STAGE
image_stage() {
	local kernel=$1 stage=$2 test tests=
	image_scripts "$stage"
	mkdir -p "$stage/vgem_pfn"/{bin,tests,selfcheck}
	find "$OUT/guest/bin" -type f -exec install -p -m 755 -t "$stage/vgem_pfn/bin" {} +
	install -p -m 755 "$OUT/guest/selfcheck/selfcheck" "$stage/vgem_pfn/selfcheck"
	install -p -m 644 "$OUT/guest/selfcheck/test-list.txt" "$stage/vgem_pfn/selfcheck"
	if [[ -z ${IMAGE_NO_TESTS:-} ]]; then
		install -p -m 644 "$OUT/guest/tests/test-list.txt" "$stage/vgem_pfn/tests"
		tests=$(grep -v TESTLIST "$OUT/guest/tests/test-list.txt") || :
	fi
	for test in $tests; do
		[[ -x $OUT/guest/tests/$test ]] ||
			die "tests/igt lists $test but did not build it" "$OUT/log/igt.log"
		install -p -m 755 "$OUT/guest/tests/$test" "$stage/vgem_pfn/tests"
	done
	if [[ -d $OUT/guest/kselftest ]]; then
		cp -a "$OUT/guest/kselftest" "$stage/vgem_pfn/kselftest"
	fi
	if [[ -n ${IMAGE_EXTRA:-} ]]; then
		cp -a "$IMAGE_EXTRA" "$stage/vgem_pfn/"
	fi
	cp -a "$kernel/modules/lib/modules" "$stage/modules"
	find "$stage/modules" -type l -delete	# build, source
}

# image_inputs STAGE - a hash of everything in the image
image_inputs() {
	{
		readlink -f "$ROOTFS"
		cat "$HARNESS/lib/image.sh"
		find "$1" -type f -printf '%P %m %s %T@\n' | sort
	} | sha256sum
}

_image_make() {
	local kernel=$1 image=$2 stage tmp inputs
	mkdir -p "$OUT/image"
	tmp_for stage "$image.stage"
	image_stage "$kernel" "$stage"
	inputs=$(image_inputs "$stage")
	if [[ ! -e $image || $(cat "$image.inputs" 2>/dev/null) != "$inputs" ]]; then
		rm -f "$image.inputs"
		tmp_for tmp "$image"
		cp "$ROOTFS/base.sqfs" "$tmp"
		run_logged "$IMAGE_LOG" mksquashfs "$stage" "$tmp" -comp lz4 -all-root \
			-no-xattrs -no-progress -no-recovery ||
			die "could not make the guest's image" "$IMAGE_LOG"
		publish "$tmp" "$image"
		printf '%s\n' "$inputs" >"$image.inputs"
	fi
	rm -rf -- "$stage"
}

# image_get KERNEL_DIR NAME
image_get() {
	# shellcheck disable=SC2034 # both are for boot.sh
	GUEST_KERNEL=$1 GUEST_IMAGE=$OUT/image/$2.sqfs
	mkdir -p "$OUT/log"
	image_programs
	[[ -n ${IMAGE_NO_TESTS:-} ]] || image_tests
	_image_make "$1" "$GUEST_IMAGE"
}
