# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# boot.sh - run one guest from power-on to power-off and keep all it said.
# Sourced after lib.sh and accel.sh.
#
#   boot_guest DIR MODE [KEY=VALUE...]
#
# boots $GUEST_KERNEL/bzImage with $GUEST_IMAGE as its root; MODE and the
# settings reach tests/guest/init as environment.  In DIR afterwards:
#   console.log  the serial console     verdict   the harness's checks, KTAP
#   qemu.log     QEMU's own messages    progress  what ran, as it ran
#   results.tar  the results            story     what `make run` shows
# and BOOT_END says how it ended: "exited", or why it had to be ended.

# Seconds for a whole guest, and seconds without a byte from it.
BOOT_TIMEOUT=${BOOT_TIMEOUT:-3600}
STALL_TIMEOUT=${STALL_TIMEOUT:-90}
GUEST_CPUS=${GUEST_CPUS:-2}

# Memory that the guest's kernel is told to leave alone, for carveouts without
# struct pages.  A section (128 MiB) of which the kernel has any page has struct
# pages throughout, so these are whole ones.  2 GiB, for entries of 1 GiB, and they
# are what begins at 4 GiB: with this much memory q35 puts 2 GiB below, in one piece,
# and the rest from there on.  The kernel has the 2 GiB below and the last 128 MiB.
# QEMU allocates what is touched, so only passes that use it cost the host memory.
GUEST_MEM=${GUEST_MEM:-4224M}
RESERVED_SIZE=${RESERVED_SIZE:-2G}
RESERVED_ADDRESS=0x100000000

# A PCI device which has memory and nothing else, for carveouts in a BAR.
BAR_SIZE=128M

# Two more of these behind one bridge: they reach each other's BARs, others do not.
PEER_BAR_SIZE=8M

PORTS=(verdict results story progress)

# GUEST_DRIVES=(FILE...) are more images for the guest, read-only: /dev/vdb and on.
GUEST_DRIVES=()

# With GUEST_BLOB=1, as where it can be, virtio-gpu has blob resources, and its driver
# imports dma-bufs.  QEMU needs /dev/udmabuf, and the guest's memory in a memfd.  What
# the screen shows is for the asking at the port "screen" (tests/guest/screen.sh).
[[ ! -w /dev/udmabuf ]] || GUEST_BLOB=${GUEST_BLOB:-1}
GUEST_BLOB=${GUEST_BLOB:-}

# A WARN, an oops, a lockup and a hung task all end the guest: it has nothing to
# lose, and the host tells which it was from the console.
GUEST_CMDLINE=(
	console=ttyS0 root=/dev/vda ro rootfstype=squashfs init=/init
	panic=-1 oops=panic panic_on_warn=1 softlockup_panic=1 hung_task_panic=1
	sysctl.kernel.hardlockup_panic=1 sysctl.kernel.panic_on_rcu_stall=1
	sysctl.kernel.hung_task_timeout_secs=30
	kmemleak=on kunit.enable=1 printk.time=1
	"memmap=$RESERVED_SIZE\$$RESERVED_ADDRESS" "RESERVED=$RESERVED_SIZE@$RESERVED_ADDRESS"
)

# guest_cmdline MODE [KEY=VALUE...] - on stdout
guest_cmdline() {
	local kv line="${GUEST_CMDLINE[*]} MODE=$1"
	shift
	for kv; do
		[[ $kv != *[\"$'\n']* ]] || die "cannot pass this to the guest: $kv"
		line+=" ${kv%%=*}=\"${kv#*=}\""
	done
	((${#line} < 2000)) || die "too long for the guest's command line: $line"
	printf '%s' "$line"
}

# qemu_args DIR - set QEMU_ARGS, all but the kernel's command line and console
qemu_args() {
	local dir=$1 port port_file drive accel n=0 machine=q35
	[[ -z $GUEST_BLOB ]] || machine+=,memory-backend=ram
	QEMU_ARGS=(
		-nodefaults -no-user-config -no-reboot -display none
		-machine "$machine" -m "$GUEST_MEM" -smp "$GUEST_CPUS"
		-kernel "$GUEST_KERNEL/bzImage"
		-drive "file=$GUEST_IMAGE,format=raw,if=none,id=root,readonly=on"
		-device "virtio-blk-pci,drive=root"
		-device "virtio-gpu-pci${GUEST_BLOB:+,blob=on}"
		-device virtio-serial-pci
		-object "memory-backend-memfd,id=bar,size=$BAR_SIZE,share=on"
		-device "ivshmem-plain,memdev=bar"
		-device "pci-bridge,id=bridge,chassis_nr=1"
		-object "memory-backend-memfd,id=bar1,size=$PEER_BAR_SIZE,share=on"
		-device "ivshmem-plain,memdev=bar1,bus=bridge,addr=1"
		-object "memory-backend-memfd,id=bar2,size=$PEER_BAR_SIZE,share=on"
		-device "ivshmem-plain,memdev=bar2,bus=bridge,addr=2"
	)
	mapfile -t accel < <(accel_args "$ACCEL_USED")
	QEMU_ARGS+=("${accel[@]}")
	for drive in "${GUEST_DRIVES[@]}"; do
		n=$((n + 1))
		QEMU_ARGS+=(
			-drive "file=$drive,format=raw,if=none,id=drive$n,readonly=on"
			-device "virtio-blk-pci,drive=drive$n"
		)
	done
	n=0
	for port in "${PORTS[@]}"; do
		n=$((n + 1))
		case "$port" in
		results) port_file=$dir/results.tar ;;
		*) port_file=$dir/$port ;;
		esac
		QEMU_ARGS+=(
			-chardev "file,id=port$n,path=${port_file//,/,,}"
			-device "virtserialport,nr=$n,chardev=port$n,name=$port"
		)
	done
	[[ -n $GUEST_BLOB ]] || return 0
	QEMU_ARGS+=(
		-object "memory-backend-memfd,id=ram,size=$GUEST_MEM,share=on"
		-chardev "pipe,id=screen,path=${dir//,/,,}/screen"
		-device "virtserialport,nr=$((n + 1)),chardev=screen,name=screen"
		-chardev "pipe,id=monitor,path=${dir//,/,,}/monitor" -mon chardev=monitor
	)
}

# follow DIR story|progress - show what was added since the last call: the story
# as it is, progress as how many of igt_runner's subtests have begun
_FOLLOWED=0
follow() {
	local size text pct
	size=$(stat -c %s "$1/$2" 2>/dev/null) || return 0
	((size > _FOLLOWED)) || return 0
	text=$(tail -c "+$((_FOLLOWED + 1))" "$1/$2" | head -c $((size - _FOLLOWED)) && echo .)
	_FOLLOWED=$size
	if [[ $2 == story ]]; then
		printf '%s' "${text%.}"
	elif [[ $text =~ .*\[([0-9]+)/([0-9]+)\]\ ([^$'\n']*) ]]; then
		pct=$((10#${BASH_REMATCH[1]} * 99 / 10#${BASH_REMATCH[2]}))
		# Another pass.
		((pct >= _LAST_PCT)) || progress_end
		progress "$pct" "${BASH_REMATCH[1]} of ${BASH_REMATCH[2]}: ${BASH_REMATCH[3]}"
	fi
}

# said DIR - bytes that the guest has written so far
said() {
	stat -c %s "$1/console.log" "$1/verdict" "$1/results.tar" "$1/story" \
		"$1/progress" 2>/dev/null | awk '{ n += $1 } END { print n + 0 }'
}

# end_qemu PID - politely, then not
end_qemu() {
	local i
	kill -TERM "$1" 2>/dev/null || return 0
	for ((i = 0; i < 30; i++)); do
		kill -0 "$1" 2>/dev/null || return 0
		sleep 0.1
	done
	kill -KILL "$1" 2>/dev/null || :
}

# start_screen DIR - answer what the guest asks about its screen
start_screen() {
	mkfifo "$1"/{screen,monitor}.{in,out}
	start_child setpriv --pdeathsig TERM sh "$TOP/tests/guest/screen.sh" "$1"
}

# boot_guest DIR MODE [KEY=VALUE...]; FOLLOW=story|progress
# is shown as it comes
boot_guest() {
	local dir=$1 mode=$2 pid now start last last_said bytes rc=0
	shift 2
	rm -rf "$dir"
	mkdir -p "$dir"
	choose_accel
	qemu_args "$dir"
	[[ -z $GUEST_BLOB ]] || start_screen "$dir"
	BOOT_END=
	_FOLLOWED=0
	# If this shell is killed outright, QEMU must not outlive it.
	start_child setpriv --pdeathsig KILL "$QEMU" "${QEMU_ARGS[@]}" \
		-chardev "file,id=console,path=${dir//,/,,}/console.log" -serial chardev:console \
		-append "$(guest_cmdline "$mode" "$@")" >"$dir/qemu.log" 2>&1
	pid=$!
	start=$SECONDS last=$SECONDS last_said=0
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.2
		[[ -z ${FOLLOW:-} ]] || follow "$dir" "$FOLLOW"
		bytes=$(said "$dir" || :)
		now=$SECONDS
		if ((bytes != last_said)); then
			last=$now last_said=$bytes
		elif ((now - last >= STALL_TIMEOUT)); then
			BOOT_END="the guest hung: not a byte from it for $STALL_TIMEOUT s"
		fi
		((now - start < BOOT_TIMEOUT)) ||
			BOOT_END="the guest was not done after $BOOT_TIMEOUT s"
		if [[ -n $BOOT_END ]]; then
			end_qemu "$pid"
			break
		fi
	done
	wait_child "$pid" || rc=$?
	[[ -n ${FOLLOW:-} ]] && follow "$dir" "$FOLLOW"
	# shellcheck disable=SC2034 # for our callers
	BOOT_SECONDS=$((SECONDS - start))
	if [[ -z $BOOT_END ]]; then
		BOOT_END=exited
		((rc == 0)) || BOOT_END="QEMU failed with status $rc: $(qemu_complaint "$dir")"
	fi
}

# QEMU's words without what it says about each CPU feature TCG does not have
qemu_complaint() {
	sed "/doesn't support requested feature/d" "$1/qemu.log" | tail -n 3 | tr '\n' ' '
}

# console_guest MODE [KEY=VALUE...] - the same guest on this terminal
console_guest() {
	local mode=$1 dir=$OUT/shell
	shift
	rm -rf "$dir"
	mkdir -p "$dir"
	choose_accel
	qemu_args "$dir"
	# In the foreground: the terminal is its own, Ctrl-C included.
	"$QEMU" "${QEMU_ARGS[@]}" -chardev stdio,id=console,mux=on,signal=off \
		-serial chardev:console -mon chardev=console \
		-append "$(guest_cmdline "$mode" "$@")"
}
