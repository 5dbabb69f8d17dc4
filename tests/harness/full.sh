#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# full.sh - make test-full: run all suites one after the other, even if one fails.
# If a part passes, its result is kept in the cache under a hash of the part's
# inputs: an interrupted run continues where it was, and after a commit only those
# parts run whose inputs have changed. PARTS=regex selects parts.
#
# First lists the parts to run and how long each took last time. The closing line
# has the sum of all parts.

# shellcheck source=tests/harness/lib/lib.sh
. "$(dirname "$0")/lib/lib.sh"

# Seconds of random operations with each of the three kernels
RACE=${RACE:-1200}

# Name, variables, script, and the files that the result depends on in addition to the
# script. COMMON stands for the files that all parts with guests depend on.
ALL_PARTS="
full      FORM=full                             test     COMMON
kasan     FORM=full,VARIANT=kasan               test     COMMON,tests/configs/kasan.config
coverage  VARIANT=kasan,FORM=full               coverage COMMON,tests/configs/kasan.config,tests/harness/test.sh
drm-kunit VARIANT=drm-kunit,TESTS=_test         test     COMMON,tests/configs/drm-kunit.config
swiotlb   CMDLINE=swiotlb=force,PASSES=SWIOTLB,TESTS=swiotlb test COMMON
large     RESERVED_SIZE=6G,GUEST_MEM=9216M,PASSES=LARGE,TESTS=large,NO_CONTRACT=1 test COMMON
iommufd   FORM=full                             iommufd  COMMON
kvm       FORM=full                             kvm      COMMON
kvm-kasan FORM=full,VARIANT=kasan               kvm      COMMON,tests/configs/kasan.config
nested    -                                     nested   COMMON
prove     -                                     selftest-prove COMMON,tests/prove,tests/harness/prove.sh
harness   -                                     selftest COMMON,tests/harness
inject    -                                     inject   COMMON
race      RACE_SECONDS=$RACE                    race     COMMON
race-kasan VARIANT=kasan,RACE_SECONDS=$RACE     race     COMMON,tests/configs/kasan.config
race-kcsan VARIANT=kcsan,RACE_SECONDS=$RACE     race     COMMON,tests/configs/kcsan.config
bench     -                                     bench    COMMON,tests/configs/bench.config
mutations -                                     mutate   COMMON,tests/mutations
configs   -                                     check-configs SOURCES,tests/configs/base.config
docs      -                                     docs-check COMMON,Documentation,README.md,tests/harness/docs-check.list
series    -                                     series   SOURCES,Documentation,tests/configs,tests/harness/lib/untrace.awk,tests/harness/lib/commits.sh
"
COMMON=drivers,include,virt,tools,patches,tests/configs/base.config,tests/contract,tests/guest,tests/igt
COMMON+=,tests/harness/lib,tests/harness/results,tests/harness/kernel.sh
# What parts without guests compile, and with which commands
SOURCES=drivers,include,virt,tools,patches,tests/harness/lib/kbuild.sh,tests/harness/lib/source.sh

# part_key VARIABLES SCRIPT INPUTS - a hash that changes with the part's inputs
part_key() {
	local inputs list=tests/harness/$2.sh,$3
	list=${list/,COMMON/,$COMMON}
	IFS=, read -ra inputs <<<"${list/,SOURCES/,$SOURCES}"
	{
		echo "$1 $2 ${LINUX:-}"
		cd "$TOP" && repo_files "${inputs[@]}" | xargs -d '\n' sha256sum
	} | sha256sum | cut -c 1-16
}

# parts - the lines of ALL_PARTS that PARTS selects
parts() {
	awk 'NF' <<<"$ALL_PARTS" | while read -r name rest; do
		[[ ! $name =~ ^(${PARTS:-.*})$ ]] || echo "$name $rest"
	done
}

# result_of NAME KEY - the file with the closing line of a part, if the part passed
result_of() {
	echo "$CACHE/full/$1-$2"
}

# last_time NAME - the duration of the part's last run
last_time() {
	if [[ -s $CACHE/full/$1.seconds ]]; then
		hms "$(<"$CACHE/full/$1.seconds")"
	else
		echo "an unknown time"
	fi
}

# agenda - list the parts, each with its result or the duration of its last run
agenda() {
	local name variables script inputs file
	while read -r name variables script inputs; do
		file=$(result_of "$name" "$(part_key "$variables" "$script" "$inputs")")
		if [[ -s $file ]]; then
			note "$(printf '%-10s has a result: %s (%s)' "$name" "$(<"$file")" "$(date -r "$file" '+%F %H:%M')")"
		else
			note "$(printf '%-10s to run; it took %s last time' "$name" "$(last_time "$name")")"
		fi
	done < <(parts)
}

# run_part NAME VARIABLES SCRIPT FILE
run_part() {
	local log=$OUT/log/full-$1.log start=$SECONDS settings=() tmp rc=0 last
	[[ $2 == - ]] || IFS=, read -ra settings <<<"$2"
	mkdir -p "$OUT/log"
	run_child env "${settings[@]}" "$HARNESS/$3.sh" > >(tee "$log") 2>&1 || rc=$?
	last=$(tail -n 1 "$log")
	if ! [[ $last =~ ^[0-9]+\ passed,\ [0-9]+\ failed,\ [0-9]+\ skipped$ ]]; then
		note "$1 ended without its closing line"
		last="0 passed, 1 failed, 0 skipped"
	fi
	tmp_for tmp "$4"
	echo "$last" >"$tmp"
	echo $((SECONDS - start)) >"$CACHE/full/$1.seconds"
	if ((rc == 0)); then publish "$tmp" "$4"; fi
	RESULT=$last
}

[[ -n $(parts) ]] || die "PARTS=$PARTS: it matches none. There are: $(awk 'NF { printf "%s ", $1 }' <<<"$ALL_PARTS")"
agenda
sum=(0 0 0)
summary=
while read -r name variables script inputs <&3; do
	file=$(result_of "$name" "$(part_key "$variables" "$script" "$inputs")")
	if [[ -s $file ]]; then
		RESULT=$(<"$file")
	else
		note "part: $name"
		run_part "$name" "$variables" "$script" "$file"
	fi
	summary+=$(printf '%-10s %s, %s' "$name" "$RESULT" "$(last_time "$name")")$'\n'
	[[ $RESULT =~ ([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped ]]
	for i in 0 1 2; do sum[i]=$((sum[i] + BASH_REMATCH[i + 1])); done
done 3< <(parts)
printf '%s' "$summary"
closing_line "${sum[@]}"
((sum[1] == 0)) || exit 1
