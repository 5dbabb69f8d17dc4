# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# accel.sh - choose QEMU's accelerator: KVM if it is clearly faster than TCG, TCG
# otherwise. ACCEL=kvm, tcg, svm or icount overrides the choice: svm is TCG with
# nested virtualization, icount is TCG that counts instructions. Sourced after
# lib.sh.
#
# A /dev/kvm that exists may still be unusable. On some cloud machines a guest hangs
# without any output, on others it is 30 to 100 times slower than with TCG, and
# "-accel kvm -accel tcg" does not fall back, because initializing KVM succeeds. So
# time a small guest (probe.S) under both. KVM is used if it finishes within half of
# TCG's time, after which the probe is ended. The result is cached until the machine
# reboots or QEMU changes. If a guest under KVM prints nothing nevertheless, boot.sh
# calls accel_distrust.

# shellcheck disable=SC2034 # ACCEL_WHY is for our callers

# Milliseconds. Only a busy machine needs that long.
PROBE_LIMIT=20000

QEMU=${QEMU:-qemu-system-x86_64}
# Not KVM: Linux's virt/kvm/Makefile.kvm has a variable of that name.
KVM_DEVICE=${KVM_DEVICE:-/dev/kvm}
TCG_THREADS=multi

# accel_args NAME - the same options for guests and for the probe, because -cpu host
# can abort QEMU where another model would not. erms and fsrm are off because TCG
# runs rep movsb byte by byte, la57 because a fifth level of page tables takes time.
#
# With icount the guest's clocks and cycle counter advance by 1 ns per instruction,
# and jump ahead when the guest is idle. This works with one CPU only.
#
# With thread=multi a guest's CPU may execute an instruction after another CPU has replaced
# it, presumably because QEMU translates the old instruction for the first CPU between the
# other's check of the TLB and write. Kernels with jump labels then panic with "int3". Set
# TCG_THREADS=single for such kernels: one thread emulates all CPUs in turn.
#
# With svm the guest's KVM can run an inner guest (rootfs.sh). "inner" is for that
# guest: the KVM of our kernel emulates no interrupt controllers except local APICs.
accel_args() {
	local tcg_cpu="max,la57=off,-erms,-fsrm"
	case "$1" in
	kvm) printf '%s\n' -accel kvm -cpu host ;;
	tcg) printf '%s\n' -accel "tcg,thread=$TCG_THREADS" -cpu "$tcg_cpu" ;;
	inner) printf '%s\n' -accel "kvm,kernel-irqchip=split" -cpu host ;;
	svm) printf '%s\n' -accel "tcg,thread=multi" -cpu EPYC,+svm ;;
	icount) printf '%s\n' -accel "tcg,thread=single" -cpu "$tcg_cpu" \
		-icount "shift=0,sleep=off" ;;
	esac
}

# probe_image FILE - assemble the firmware image of the probe
probe_image() {
	local obj
	tmp_for obj "$1.o"
	gcc -m32 -c -o "$obj" "$HARNESS/lib/probe.S" &&
		ld -m elf_i386 --oformat binary -Ttext 0xffff0000 \
			-e 0xfffffff0 -o "$1" "$obj"
}

# probe_accel NAME IMAGE LOG LIMIT - set PROBE_MS to the run time of the probe;
# fails if the probe does not finish within LIMIT ms
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

# accel_key - a hash of everything that a cached result depends on
accel_key() {
	{
		"$QEMU" --version
		cat /proc/sys/kernel/random/boot_id "$HARNESS"/lib/{probe.S,accel.sh}
		stat -c '%d:%i %a %u %g %t:%T' "$KVM_DEVICE" 2>&1
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
		ACCEL_WHY="set by ACCEL=$ACCEL"
		;;
	auto)
		ACCEL_USED=tcg
		if [[ ! -e $KVM_DEVICE ]]; then
			ACCEL_WHY="there is no $KVM_DEVICE"
		elif [[ ! -r $KVM_DEVICE || ! -w $KVM_DEVICE ]]; then
			ACCEL_WHY="$KVM_DEVICE is not accessible to this user"
		else
			_ACCEL_ANSWER=$CACHE/accel/answer.$(accel_key)
			[[ -s $_ACCEL_ANSWER ]] || with_lock accel _probe_both "$_ACCEL_ANSWER"
			{ read -r ACCEL_USED && read -r ACCEL_WHY; } <"$_ACCEL_ANSWER"
		fi
		;;
	esac
}

# accel_distrust WHY - use TCG from now on, because a guest under KVM did not work.
# Fails if ACCEL=kvm was set.
accel_distrust() {
	[[ -n $_ACCEL_ANSWER ]] || return 1
	_remember "$_ACCEL_ANSWER" tcg "$1"
	choose_accel
}
