# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# accel.sh - which accelerator QEMU uses: KVM where it is clearly faster than TCG, or
# else TCG.  ACCEL=kvm, tcg, svm or icount decides instead; the last two are TCG that
# can run guests of its guest, and that counts instructions.  Sourced after lib.sh.
#
# That /dev/kvm exists and runs a guest says little.  On some cloud machines a guest
# hangs without a byte of output, on others it is 30 to 100 times slower than TCG, and
# "-accel kvm -accel tcg" does not fall back, since initialising KVM succeeds.  So time
# a small guest (probe.S) under both.  KVM is used if it takes at most half of TCG's
# time, and never given more than that.  The result is remembered until the machine
# reboots or QEMU changes.  Should a guest under KVM still be silent, boot.sh calls
# accel_distrust.

# shellcheck disable=SC2034 # ACCEL_WHY is for our callers

# Milliseconds; only a machine that has other things to do needs as many.
PROBE_LIMIT=20000

QEMU=${QEMU:-qemu-system-x86_64}
KVM=${KVM:-/dev/kvm}

# accel_args NAME - the options that a real guest gets, and so the probe as well:
# -cpu host alone can abort QEMU where another model would do.  TCG runs rep movsb
# byte by byte, so its guest is told not to use it; a fifth level of page tables
# would only cost time.
#
# With icount the guest's clocks and cycle counter advance by 1 ns for each
# instruction, and by nothing else, but for what they skip when the guest is idle.
# That goes with one CPU only.
#
# With svm the guest's KVM can run a guest in turn (rootfs.sh), which is inner: our
# kernel has no interrupt controllers in its KVM but the local ones.
accel_args() {
	local tcg_cpu="max,la57=off,-erms,-fsrm"
	case "$1" in
	kvm) printf '%s\n' -accel kvm -cpu host ;;
	tcg) printf '%s\n' -accel "tcg,thread=multi" -cpu "$tcg_cpu" ;;
	inner) printf '%s\n' -accel "kvm,kernel-irqchip=split" -cpu host ;;
	svm) printf '%s\n' -accel "tcg,thread=multi" -cpu EPYC,+svm ;;
	icount) printf '%s\n' -accel "tcg,thread=single" -cpu "$tcg_cpu" \
		-icount "shift=0,sleep=off" ;;
	esac
}

# probe_image FILE - assemble the firmware that the probe boots
probe_image() {
	local obj
	tmp_for obj "$1.o"
	gcc -m32 -c -o "$obj" "$HARNESS/lib/probe.S" &&
		ld -m elf_i386 --oformat binary -Ttext 0xffff0000 \
			-e 0xfffffff0 -o "$1" "$obj"
}

# probe_accel NAME IMAGE LOG LIMIT - the milliseconds that the probe takes under it;
# fails if it does not get to its end in LIMIT
probe_accel() {
	local rc=0 args start=${EPOCHREALTIME/./} limit
	mapfile -t args < <(accel_args "$1")
	printf -v limit '%d.%03d' $(($4 / 1000)) $(($4 % 1000))
	run_child timeout -k 1 "$limit" "$QEMU" -nodefaults -no-user-config \
		-machine q35 -m 16 -display none "${args[@]}" -bios "$2" \
		-device isa-debug-exit,iobase=0xf4,iosize=1 >"$3" 2>&1 || rc=$?
	((rc == 33)) || return 1
	PROBE_MS=$(((${EPOCHREALTIME/./} - start) / 1000))
}

# accel_key - what a remembered answer depends on
accel_key() {
	{
		"$QEMU" --version
		cat /proc/sys/kernel/random/boot_id "$HARNESS"/lib/{probe.S,accel.sh}
		stat -c '%d:%i %a %u %g %t:%T' "$KVM" 2>&1
		id -u
		id -G
	} | sha256sum | cut -c 1-16
}

# _seconds MS
_seconds() {
	printf '%d.%02d s' $(($1 / 1000)) $(($1 % 1000 / 10))
}

# _remember FILE ACCEL WHY
_remember() {
	local tmp
	tmp_for tmp "$1"
	printf '%s\n' "$2" "$3" >"$tmp"
	publish "$tmp" "$1"
	find "$CACHE/accel" -maxdepth 1 -type f -name 'answer.*' -mtime +30 -delete
}

_probe_both() {
	local answer=$1 image log tcg
	[[ -s $answer ]] && return
	tmp_for image "$CACHE/accel/probe.bin"
	tmp_for log "$CACHE/accel/probe.log"
	probe_image "$image"
	probe_accel tcg "$image" "$log" $PROBE_LIMIT ||
		die "QEMU cannot run even a 64 KiB test image under TCG" "$log"
	tcg=$PROBE_MS
	if probe_accel kvm "$image" "$log" $((tcg / 2)); then
		_remember "$answer" kvm \
			"a probe guest took $(_seconds "$PROBE_MS") under KVM, $(_seconds "$tcg") under TCG"
	else
		_remember "$answer" tcg \
			"a probe guest took $(_seconds "$tcg") under TCG, and under KVM it was not done after $(_seconds $((tcg / 2)))"
	fi
}

# choose_accel - set ACCEL_USED to kvm, tcg, svm or icount, and ACCEL_WHY
choose_accel() {
	_ACCEL_ANSWER=
	case "${ACCEL:-auto}" in
	kvm | tcg | svm | icount)
		ACCEL_USED=$ACCEL
		ACCEL_WHY="asked for by ACCEL=$ACCEL"
		;;
	auto)
		ACCEL_USED=tcg
		if [[ ! -e $KVM ]]; then
			ACCEL_WHY="there is no $KVM"
		elif [[ ! -r $KVM || ! -w $KVM ]]; then
			ACCEL_WHY="$KVM is not accessible to this user"
		else
			_ACCEL_ANSWER=$CACHE/accel/answer.$(accel_key)
			with_lock accel _probe_both "$_ACCEL_ANSWER"
			{ read -r ACCEL_USED && read -r ACCEL_WHY; } <"$_ACCEL_ANSWER"
		fi
		;;
	esac
}

# accel_distrust WHY - a guest under KVM did not work: TCG from now on.  Fails if
# ACCEL=kvm was asked for.
accel_distrust() {
	[[ -n $_ACCEL_ANSWER ]] || return 1
	_remember "$_ACCEL_ANSWER" tcg "$1"
	choose_accel
}
