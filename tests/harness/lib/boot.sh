# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# boot.sh - run a guest from power-on to power-off and save all its output. Sourced
# after lib.sh, accel.sh and guest.sh.
#
#   boot_guest DIR MODE [KEY=VALUE...]
#
# boots $GUEST_KERNEL/bzImage with $GUEST_IMAGE as its root. MODE and the settings
# are passed to tests/guest/init as environment variables. Files in DIR afterwards:
#   console.log  the serial console     verdict   the harness's checks, KTAP
#   qemu.log     QEMU's messages        progress  what ran, as it ran
#   results.tar  the results            story     output of the story program
#   qmp.log      QEMU's events          resets    state of the CPUs at each reset
#   end          "exited" or the reason why not     seconds  the guest's run time
# FOLLOW=story prints the story while it is written. If the caller defines
# on_progress DIR LINE, it is called for each line of progress; its output to
# descriptor PLAN_FD goes to the guest's port "plan".

# Timeouts in seconds: for the whole guest, for silence of the guest, and for the
# first output of its kernel under KVM
BOOT_TIMEOUT=${BOOT_TIMEOUT:-3600}
STALL_TIMEOUT=${STALL_TIMEOUT:-90}
KVM_TIMEOUT=${KVM_TIMEOUT:-15}

# output_size DIR - the number of bytes that the guest has written so far
output_size() {
	stat -c %s "$1/console.log" "$1/verdict" "$1/results.tar" "$1/story" \
		"$1/progress" 2>/dev/null | paste -sd+
}

# end_qemu PID - SIGTERM, and SIGKILL after three seconds
end_qemu() {
	local i
	kill -TERM "$1" 2>/dev/null || return 0
	for ((i = 0; i < 30; i++)); do
		kill -0 "$1" 2>/dev/null || return 0
		sleep 0.1
	done
	kill -KILL "$1" 2>/dev/null || :
}

# start_screen DIR - serve the guest's requests for screenshots
start_screen() {
	mkfifo "$1"/{screen,monitor}.{in,out}
	start_child setpriv --pdeathsig TERM sh "$TOP/tests/guest/screen.sh" "$1"
}

# qmp_open DIR - open the pipes of QEMU's monitor protocol. QEMU sends events only
# after it has received this command.
qmp_open() {
	mkfifo "$1/qmp.in" "$1/qmp.out"
	exec {_QMP_IN}<>"$1/qmp.in" {_QMP_OUT}<>"$1/qmp.out"
	echo '{"execute": "qmp_capabilities"}' >&"$_QMP_IN"
}

# qmp_read DIR SECONDS - append QEMU's messages to qmp.log; wait this long for the first
qmp_read() {
	local line wait=$2
	while read -r -t "$wait" -u "$_QMP_OUT" line; do
		printf '%s\n' "$line" >>"$1/qmp.log"
		wait=0.01
	done
}

# symbol_of ADDRESS - the kernel's symbol of an address, " (symbol)", or nothing
symbol_of() {
	[[ $1 != ffffffff* || ! -f $GUEST_KERNEL/System.map ]] || awk -v address="$1" '
		$1 > address { exit }
		{ symbol = $3 }
		END { print " (" symbol ")" }' "$GUEST_KERNEL/System.map"
}

# qmp_registers DIR - append the registers of all CPUs to qmp.log. Prints where the CPUs are.
qmp_registers() {
	local address
	echo '{"execute": "human-monitor-command", "arguments":' \
		'{"command-line": "info registers -a"}}' >&"$_QMP_IN"
	qmp_read "$1" 5
	tail -n 1 "$1/qmp.log" | grep -oE '[RE]IP=[0-9a-f]+' | while IFS='=' read -r _ address; do
		printf ' %s%s' "$address" "$(symbol_of "$address")"
	done
}

qmp_close() {
	exec {_QMP_IN}>&- {_QMP_OUT}>&-
	rm -f "$1"/qmp.{in,out}
}

# qemu_messages DIR - QEMU's last messages, except those about CPU features that
# TCG does not support
qemu_messages() {
	sed "/doesn't support requested feature/d" "$1/qemu.log" | tail -n 3 | tr '\n' ' '
}

# why_ended DIR STATUS - the reason why QEMU ended, from its events and status:
# "exited" means that the guest powered itself off
why_ended() {
	local dir=$1 reason fault
	reason=$(sed -n 's/.*"event": "SHUTDOWN".*"reason": "\([a-z-]*\)".*/\1/p' "$dir/qmp.log" 2>/dev/null |
		tail -n 1) || :
	if grep -qs '"event": "GUEST_PANICKED"' "$dir/qmp.log"; then
		echo "the guest's kernel panicked"
	elif [[ $reason == guest-shutdown ]]; then
		echo exited
	elif [[ $reason == guest-reset ]] && grep -qs '^Triple fault' "$dir/resets"; then
		fault=$(sed -n '/^Triple fault/,$p' "$dir/resets" |
			grep -m 1 -oE '[RE]IP=[0-9a-f]+') || :
		echo "the guest's CPU was reset by a triple fault${fault:+, $fault}"
	elif [[ $reason == guest-reset ]]; then
		echo "the guest reset its machine"
	elif [[ $reason == host-signal ]]; then
		echo "QEMU was ended by a signal from outside"
	elif ((${2:-0} > 128)); then
		echo "QEMU was killed by SIG$(kill -l "$2"): $(qemu_messages "$dir")"
	elif ((${2:-0})); then
		echo "QEMU failed with status $2: $(qemu_messages "$dir")"
	else
		echo "QEMU ended without a reason (${reason:-no SHUTDOWN event})"
	fi
}

# read_output DIR - process new output of the guest
read_output() {
	local lines=() line
	if [[ ${FOLLOW:-} == story ]]; then
		new_lines lines "$_STORY"
		((${#lines[@]} == 0)) || printf '%s\n' "${lines[@]}"
	fi
	declare -F on_progress >/dev/null || return 0
	lines=()
	new_lines lines "$_PROGRESS"
	for line in "${lines[@]}"; do on_progress "$1" "${line%$'\r'}"; done
}

# watch_guest DIR PID - wait until QEMU ends. Sets BOOT_END if QEMU had to be ended,
# and fails if a guest under KVM wrote no kernel log.
watch_guest() {
	local dir=$1 pid=$2 start=$SECONDS last=$SECONDS checked=$SECONDS last_said="" bytes
	while kill -0 "$pid" 2>/dev/null; do
		qmp_read "$dir" 0.3
		read_output "$dir"
		((SECONDS > checked)) || continue
		checked=$SECONDS
		bytes=$(output_size "$dir" || :)
		if [[ $bytes != "$last_said" ]]; then
			last=$SECONDS last_said=$bytes
		elif ((SECONDS - last >= STALL_TIMEOUT)); then
			BOOT_END="the guest hung: not a byte from it for $STALL_TIMEOUT s, CPUs at"
			BOOT_END+=$(qmp_registers "$dir")
		fi
		((SECONDS - start < BOOT_TIMEOUT)) ||
			BOOT_END="the guest was not done after $BOOT_TIMEOUT s"
		if [[ $ACCEL_USED == kvm && ! -s $dir/console.log ]] &&
			((SECONDS - start >= KVM_TIMEOUT)); then
			BOOT_END="a guest under KVM wrote no kernel log in $KVM_TIMEOUT s"
			end_qemu "$pid"
			return 1
		fi
		if [[ -n $BOOT_END ]]; then
			end_qemu "$pid"
			break
		fi
	done
}

# _boot_once DIR CMDLINE - fails if a guest under KVM wrote no kernel log
_boot_once() {
	local dir=$1 pid rc=0 silent=0
	rm -rf "$dir"/{console.log,qemu.log,qmp.log,resets,verdict,progress,story} \
		"$dir"/{results.tar,plan,end,seconds} "$dir"/{screen,monitor}.{in,out}
	mkfifo "$dir/plan"
	exec {PLAN_FD}<>"$dir/plan"
	: >"$dir/progress"
	: >"$dir/story"
	exec {_PROGRESS}<"$dir/progress" {_STORY}<"$dir/story"
	qemu_args "$dir"
	qmp_open "$dir"
	[[ -z $GUEST_BLOB ]] || start_screen "$dir"
	BOOT_END=
	# QEMU must end even if this shell is killed with SIGKILL.
	start_child setpriv --pdeathsig KILL "$QEMU" "${QEMU_ARGS[@]}" \
		-d cpu_reset -D "$dir/resets" -action panic=none \
		-chardev "pipe,id=qmp,path=${dir//,/,,}/qmp" -mon chardev=qmp,mode=control \
		-chardev "file,id=console,path=${dir//,/,,}/console.log" -serial chardev:console \
		-append "$2" >"$dir/qemu.log" 2>&1
	pid=$!
	watch_guest "$dir" "$pid" || silent=1
	wait_child "$pid" || rc=$?
	qmp_read "$dir" 0.01
	read_output "$dir"
	qmp_close "$dir"
	exec {PLAN_FD}>&- {_PROGRESS}<&- {_STORY}<&-
	rm -f "$dir/plan"
	[[ -n $BOOT_END ]] || BOOT_END=$(why_ended "$dir" "$rc")
	((!silent))
}

# hung_early DIR - whether the guest hung before its init wrote anything. Seen once under
# TCG; the cause is unknown.
hung_early() {
	[[ $BOOT_END == "the guest hung"* && ! -s $1/verdict && ! -s $1/progress && ! -s $1/story ]]
}

# boot_guest DIR MODE [KEY=VALUE...]
boot_guest() {
	local dir=$1 start=$SECONDS cmdline
	cmdline=$(guest_cmdline "${@:2}")
	mkdir -p "$dir"
	choose_accel
	if ! _boot_once "$dir" "$cmdline" && accel_distrust "$BOOT_END"; then
		note "$BOOT_END: from now on with TCG"
		_boot_once "$dir" "$cmdline" || :
	elif hung_early "$dir"; then
		note "$BOOT_END"
		note "it had not started its init: it is started again; see ${dir#"$TOP/"}/console-hung.log"
		mv "$dir/console.log" "$dir/console-hung.log"
		mv "$dir/qmp.log" "$dir/qmp-hung.log"
		_boot_once "$dir" "$cmdline" || :
	fi
	# shellcheck disable=SC2034 # for our callers
	BOOT_SECONDS=$((SECONDS - start))
	printf '%s\n' "$BOOT_END" >"$dir/end"
	printf '%s\n' "$BOOT_SECONDS" >"$dir/seconds"
}

# console_guest MODE [KEY=VALUE...] - the same guest on this terminal
console_guest() {
	local mode=$1 dir=$OUT/shell
	shift
	rm -rf "$dir"
	mkdir -p "$dir"
	# QEMU opens the port, although no units are planned.
	mkfifo "$dir/plan"
	exec {PLAN_FD}<>"$dir/plan"
	choose_accel
	qemu_args "$dir"
	# In the foreground, so that QEMU gets the terminal, including Ctrl-C
	"$QEMU" "${QEMU_ARGS[@]}" -chardev stdio,id=console,mux=on,signal=off \
		-serial chardev:console -mon chardev=console \
		-append "$(guest_cmdline "$mode" "$@")"
}
