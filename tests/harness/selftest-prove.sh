#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# selftest-prove.sh - make test-prove: run make prove with importers and programs of
# each kind, and with invalid input. One importer is correct, the others are
# negative controls: each must produce the expected exit status and message. The
# sources are in tests/prove/.

# shellcheck source=tests/harness/lib/lib.sh
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source=tests/harness/lib/prepare.sh
. "$HARNESS/lib/prepare.sh"
# shellcheck source=tests/harness/lib/expect.sh
. "$HARNESS/lib/expect.sh"

DIR=$OUT/test-prove
SOURCE=$TOP/tests/prove

# refused WHAT REGEX VARIABLE=VALUE... - make prove refuses this before the first step
refused() {
	local what=$1 regex=$2 log=$DIR/refused.txt start=${EPOCHREALTIME/./} ms
	shift 2
	prove "$log" "$@"
	ms=$(((${EPOCHREALTIME/./} - start) / 1000))
	if grep -q '^\[.*\] 1/' "$log"; then
		outcome 1 "$what is refused too late, after $ms ms" "$log"
	else
		expect "$what is refused in $ms ms" 2 "$log" "$regex"
	fi
}

bad_input() {
	local ko=$1 dir=$DIR/input
	rm -rf "$dir"
	mkdir -p "$dir/empty"
	echo text >"$dir/text.ko"
	echo text >"$dir/program"
	refused "no MODULE" 'MODULE=: name the importer'
	refused "a MODULE that is not there" "MODULE=.*there is no file .*; modules in .*: text.ko" \
		MODULE="$dir/nope.ko"
	refused "a directory without Kbuild" 'MODULE=.*neither Kbuild nor Makefile' MODULE="$dir/empty"
	refused "a MODULE that is none" 'MODULE=.*text.ko is no kernel module' MODULE="$dir/text.ko"
	refused "a PROGRAM that is not there" 'PROGRAM=.*there is no file .*; programs in .*: none' \
		MODULE="$ko" PROGRAM="$dir/nope 5"
	refused "a PROGRAM that is not executable" 'PROGRAM=.*is not executable: chmod' \
		MODULE="$ko" PROGRAM="$dir/program"
	refused "an unknown command" 'PROGRAM=.*neither a file nor a program of the guest' \
		MODULE="$ko" PROGRAM="nosuchprogram 5"
	refused "an option that SHARE has not" 'SHARE=.*no option "-x"; there are: -s KiB' \
		MODULE="$ko" SHARE="-x 5"
	refused "a SHARE that moves nowhere" 'SHARE=.*"disk" is neither carveout nor system' \
		MODULE="$ko" SHARE="-m disk"
	refused "a SHARE without a number" 'SHARE=.*"" is no number from 4 to' MODULE="$ko" SHARE=-s
	refused "a LIMIT that is no number" 'LIMIT=abc: "abc" is no number' MODULE="$ko" LIMIT=abc
	refused "a TIMEOUT of nothing" 'TIMEOUT=0: "0" is no number from 1' MODULE="$ko" TIMEOUT=0
}

# This takes longer, because it needs the kernel's release.
other_kernel() {
	local release
	release=$(<"$GUEST_KERNEL/release")
	sed "s/vermagic=${release//./\\.}/vermagic=${release//[0-9]/0}/" "$1" >"$DIR/other.ko"
	prove "$DIR/other.txt" MODULE="$DIR/other.ko"
	expect "a module for another kernel" 2 "$DIR/other.txt" \
		'MODULE=.*is built for another kernel' "the guest's +\"${release//./\\.} "
}

correct() {
	prove "$DIR/correct.txt" MODULE="$SOURCE/importer" PROGRAM="$DIR/use_sample 5"
	expect "a correct importer from elsewhere" 0 "$DIR/correct.txt" \
		'^use_sample: [0-9]+ steps, 0 times' '^coverage: importers: 1 judged' \
		'^coverage: zap: judged by [0-9]+ pages' '^verdict: 0 violations' \
		'^coverage: class: pfn: 1 importers, 1 judged' \
		'^[0-9]+ passed, 0 failed, 0 skipped$'
	if [[ -z $(find "$SOURCE" -name '*.o' -o -name '*.ko' -o -name '*.mod*' -o -name '*.cmd') ]]; then
		outcome 0 "its directory is as it was"
	else
		outcome 1 "its directory has files of the build"
	fi
}

idle() {
	prove "$DIR/idle.txt" MODULE="$SOURCE/importer" PROGRAM="$DIR/use_sample 0"
	expect "an importer that does nothing" 4 "$DIR/idle.txt" \
		'^coverage: zap: not judged, the importer emitted no entries and wrote nothing$' \
		'^not ok prove/contract: verdict: did nothing: 1 importers attached'
}

broken() {
	prove "$DIR/broken.txt" MODULE="$1" PROGRAM="exercise 5 0x10000"
	expect "an importer that ignores notifications" 3 "$DIR/broken.txt" \
		'^VIOLATION .*: zap, by an importer' '^not ok prove/contract: verdict: [0-9]+ violations'
}

# loaded WHAT MODULE... - check that these modules were loaded in this order
loaded() {
	local what=$1 names
	shift
	names=$(sed -n 's,^ok [0-9]* - prove/load/,,p' "$OUT/prove/verdict" | tr -d '\r' | tr '\n' ' ')
	if [[ $names == "$* " ]]; then
		outcome 0 "$what: $names"
	else
		outcome 1 "$what: \"$names\" and not \"$* \"" "$OUT/prove/verdict"
	fi
}

# Two modules; the first one in alphabetical order depends on the other one.
mapper() {
	prove "$DIR/mapper.txt" MODULE="$SOURCE/mapper" PROGRAM="$SOURCE/use-mapper.sh"
	expect "an importer that maps a scatter list" 0 "$DIR/mapper.txt" \
		'^use-mapper: dynamic: [0-9]+ jobs, 0 times wrong data' \
		'^coverage: class: dynamic sg: 1 importers, 1 judged' '^verdict: 0 violations'
	loaded "modules are loaded in the order of what they need" sg_target.ko sg_importer.ko
}

# Nothing moves while the buffer is pinned, because nothing tries it in this time.
unjudged() {
	prove "$DIR/unjudged.txt" MODULE="$SOURCE/mapper" SHARE="-p 10000000" \
		PROGRAM="$SOURCE/use-mapper.sh pinned"
	expect "an importer that proves nothing" 8 "$DIR/unjudged.txt" \
		'not judged, nothing tried to move the buffer' '^not ok prove/contract: verdict: cannot judge'
}

# modules DIR - build the modules in DIR, and add them to $CLASSES
modules() {
	local copy=$DIR/build log=$DIR/build.log
	rm -rf "$copy"
	cp -a "$1" "$copy"
	with_lock "work-$SRC_ID" run_logged "$log" kbuild M="$copy" modules ||
		die "the modules in $1 do not build" "$log"
	cp "$copy"/*.ko "$CLASSES"
}

# Importers of each class, and bugs of each class, in one guest. CLASSES_ONLY=regex selects
# classes.
classes() {
	local guest=$DIR/guest name reason
	CLASSES=$DIR/classes
	rm -rf "$CLASSES" "$guest"
	mkdir -p "$CLASSES" "$guest"
	source_id
	kbuild_init
	modules "$SOURCE/importer"
	modules "$SOURCE/mapper"
	cp "$SOURCE"/use-*.sh "$DIR/use_sample" "$CLASSES"
	cp "$SOURCE/classes.list" "$CLASSES/list"
	# shellcheck disable=SC2034 # for image_stage
	IMAGE_EXTRA=$CLASSES
	image_get "$GUEST_KERNEL" classes
	boot_guest "$guest" classes panic_on_warn=0 CLASSES_ONLY="${CLASSES_ONLY:-}"
	results_collect "$guest"
	while IFS=$'\t' read -r name status reason; do
		outcome "$((status != 0))" "$name${reason:+: $reason}"
	done < <(jq -r '.[] | [.name, (if .status == "pass" then 0 else 1 end), .reason] | @tsv' \
		"$guest/summary.json")
}

# A module that depends on two modules of the kernel
crash() {
	prove "$DIR/crash.txt" PROGRAM="$SOURCE/crash.sh" \
		MODULE="$(find "$GUEST_KERNEL/modules" -name vgem.ko)"
	expect "a program that crashes" 6 "$DIR/crash.txt" \
		'^not ok prove/program: was killed by SIGSEGV; last line: crash: the last line before it'
	loaded "what it needs of the kernel comes first" drm drm_shmem_helper vgem.ko
}

# Silent for longer than a guest may be. Its only line is printed long before the end.
hang() {
	local log=$DIR/hang.txt pid seen=0
	RC=0
	start_child env -u SHARE -u LIMIT MODULE="$SOURCE/importer" PROGRAM="$SOURCE/hang.sh" \
		TIMEOUT=45 STALL_TIMEOUT=20 "$HARNESS/prove.sh" >"$log" 2>&1
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		((seen)) || ! grep -q '^hang: the last line' "$log" || seen=$SECONDS
		sleep 1
	done
	wait_child "$pid" || RC=$?
	expect "a program that hangs" 6 "$log" \
		'^not ok prove/program: was not done after 45 s .*; last line: hang: the last line before it'
	if ((seen && SECONDS - seen >= 30)); then
		outcome 0 "its output was shown $((SECONDS - seen)) s before the end"
	else
		outcome 1 "its output was not shown while it ran" "$log"
	fi
}

own_dir "$DIR"
mkdir -p "$DIR"
prepare 2
REFERENCE=$(find "$GUEST_KERNEL/modules" -name dma_buf_pfn_importer.ko)
compile "$DIR/use_sample" "$SOURCE/use_sample.c" -static
next_step "bad input"
bad_input "$REFERENCE"
other_kernel "$REFERENCE"
next_step "guests: $ACCEL_USED, $ACCEL_WHY"
correct
idle
broken "$REFERENCE"
mapper
unjudged
classes
crash
hang
outcomes || exit 1
