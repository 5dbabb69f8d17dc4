# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# accel.sh - which accelerator QEMU gets: KVM where it really runs a guest, TCG
# otherwise.  ACCEL=kvm, tcg, svm or icount decides instead; the last two are TCG that
# can run guests of its guest, and that counts instructions.  Sourced after lib.sh.
#
# That /dev/kvm exists and opens says nothing: on some cloud machines a guest
# then hangs at 100% system time without a byte of output, and "-accel kvm
# -accel tcg" does not fall back, since initialising KVM succeeds.  So boot
# something tiny (probe.S) with a timeout, and remember the answer until the
# machine reboots or QEMU changes.

# shellcheck disable=SC2034 # ACCEL_WHY is for our callers

PROBE_SECONDS=4

QEMU=${QEMU:-qemu-system-x86_64}

# accel_args NAME - the options that a real guest gets, and so the probe as well:
# -cpu host alone can abort QEMU where another model would do.  TCG runs rep movsb
# byte by byte, so its guest is told not to use it; a fifth level of page tables
# would only cost time.
#
# With icount the guest's clocks and cycle counter advance by 1 ns for each
# instruction, and by nothing else, but for what they skip when the guest is idle.
# That goes with one CPU only.
#
# With svm the guest's KVM can run a guest in turn (qemu.sh), which is inner: our
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
	gcc -m32 -c -o "$obj" "$HARNESS/probe.S" &&
		ld -m elf_i386 --oformat binary -Ttext 0xffff0000 \
			-e 0xfffffff0 -o "$1" "$obj"
}

# probe_accel NAME IMAGE LOG - does a guest get to its end under it?
probe_accel() {
	local rc=0 args
	mapfile -t args < <(accel_args "$1")
	run_child timeout -k 1 "$PROBE_SECONDS" "$QEMU" -nodefaults -no-user-config \
		-machine q35 -m 16 -display none "${args[@]}" -bios "$2" \
		-device isa-debug-exit,iobase=0xf4,iosize=1 >"$3" 2>&1 || rc=$?
	((rc == 33))
}

# accel_key - what a remembered answer depends on
accel_key() {
	{
		"$QEMU" --version
		cat /proc/sys/kernel/random/boot_id "$HARNESS"/{probe.S,accel.sh}
		stat -c '%d:%i %a %u %g %t:%T' /dev/kvm 2>&1
		id -u
		id -G
	} | sha256sum | cut -c 1-16
}

_probe_kvm() {
	local answer=$1 tmp image log
	[[ -s $answer ]] && return
	tmp_for tmp "$answer"
	tmp_for image "$CACHE/accel/probe.bin"
	tmp_for log "$CACHE/accel/probe.log"
	probe_image "$image"
	if probe_accel kvm "$image" "$log"; then
		echo kvm >"$tmp"
	elif probe_accel tcg "$image" "$log"; then
		echo tcg >"$tmp"
	else
		die "QEMU cannot run even a 64 KiB test image under TCG" "$log"
	fi
	publish "$tmp" "$answer"
	find "$CACHE/accel" -maxdepth 1 -type f -name 'answer.*' ! -path "$answer" -delete
}

# choose_accel - set ACCEL_USED to kvm, tcg, svm or icount, and ACCEL_WHY
choose_accel() {
	local answer
	command -v "$QEMU" >/dev/null || die "$QEMU is not installed"
	case "${ACCEL:-auto}" in
	kvm | tcg | svm | icount)
		ACCEL_USED=$ACCEL
		ACCEL_WHY="asked for by ACCEL=$ACCEL"
		;;
	auto)
		if [[ ! -e /dev/kvm ]]; then
			ACCEL_USED=tcg
			ACCEL_WHY="there is no /dev/kvm"
		elif [[ ! -r /dev/kvm || ! -w /dev/kvm ]]; then
			ACCEL_USED=tcg
			ACCEL_WHY="/dev/kvm is not accessible to this user"
		else
			answer=$CACHE/accel/answer.$(accel_key)
			with_lock accel _probe_kvm "$answer"
			ACCEL_USED=$(<"$answer")
			ACCEL_WHY="a probe guest ran under KVM"
			[[ $ACCEL_USED == kvm ]] ||
				ACCEL_WHY="/dev/kvm exists but did not run a probe guest"
		fi
		;;
	*)
		die "ACCEL=$ACCEL: it can be kvm, tcg, svm, icount or auto"
		;;
	esac
}
