#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# full.sh - make test-full: run all suites one after the other, even if one fails.
# If a part passes, its result is kept in the cache under a hash of the part's
# inputs: an interrupted run continues where it was, and after a commit only those
# parts run whose inputs have changed. PARTS=regex selects parts.
#
# RECORD=1 also writes the results of parts that pass to full.results, for a commit. A part
# whose inputs are those of a recorded result is not run on another machine, either,
# except with RERUN=1.
#
# First lists the parts to run and how long each took last time. The closing line
# has the sum of all parts.

# shellcheck source=tests/harness/lib/lib.sh
. "$(dirname "$0")/lib/lib.sh"

# Seconds of random operations with each of the three kernels
RACE=${RACE:-1200}

# Name, variables, script, and the files that the result depends on in addition to the
# script. COMMON stands for the files that all parts with guests depend on, ALL also for
# all IGT tests, and igt/NAME for the test in tests/igt/NAME/.
ALL_PARTS="
full      FORM=full                             test     ALL
kasan     FORM=full,VARIANT=kasan               test     ALL,tests/configs/kasan.config
coverage  VARIANT=kasan,FORM=full               coverage ALL,tests/configs/kasan.config,tests/harness/test.sh
drm-kunit VARIANT=drm-kunit,TESTS=_test         test     COMMON,tests/configs/drm-kunit.config
swiotlb   CMDLINE=swiotlb=force,PASSES=SWIOTLB,TESTS=swiotlb test COMMON,igt/import,igt/media,igt/umem
large     RESERVED_SIZE=6G,GUEST_MEM=9216M,PASSES=LARGE,TESTS=large,NO_CONTRACT=1 test COMMON,igt/import,igt/umem
iommufd   FORM=full                             iommufd  COMMON,igt/iommufd,igt/hotplug,igt/dma,igt/media,igt/umem,igt/prime
kvm       FORM=full                             kvm      COMMON,igt/kvm
kvm-kasan FORM=full,VARIANT=kasan               kvm      COMMON,igt/kvm,tests/configs/kasan.config
nested    -                                     nested   COMMON,igt/virtgpu
prove     -                                     selftest-prove COMMON,tests/prove,tests/harness/prove.sh
harness   -                                     selftest ALL,tests/harness
stock-6.12 KERNEL=6.12                          stock    ALL,compat,tests/prove,tests/harness/run.sh,tests/harness/test.sh,tests/harness/prove.sh
stock-7.2 KERNEL=7.2                            stock    ALL,compat,tests/prove,tests/harness/run.sh,tests/harness/test.sh,tests/harness/prove.sh
stock-7.3 KERNEL=7.3                            stock    ALL,compat,tests/prove,tests/harness/run.sh,tests/harness/test.sh,tests/harness/prove.sh
packages  -                                     deb-test ALL,compat,packaging,tests/harness/deb.sh
inject    -                                     inject   ALL
race      RACE_SECONDS=$RACE                    race     COMMON,igt/race
race-kasan VARIANT=kasan,RACE_SECONDS=$RACE     race     COMMON,igt/race,tests/configs/kasan.config
race-kcsan VARIANT=kcsan,RACE_SECONDS=$RACE     race     COMMON,igt/race,tests/configs/kcsan.config
bench     -                                     bench    COMMON,igt/speed,tests/configs/bench.config
mutations-a-j MUTATIONS=^[a-j]                  mutate   ALL,tests/mutations
mutations-k-o MUTATIONS=^[k-o]                  mutate   ALL,tests/mutations
mutations-p MUTATIONS=^p                        mutate   ALL,tests/mutations
mutations-q-z MUTATIONS=^[q-z]                  mutate   ALL,tests/mutations
configs   -                                     check-configs SOURCES,tests/configs/base.config
docs      -                                     docs-check ALL,Documentation,README.md,tests/harness/docs-check.list
series    -                                     series   SOURCES,Documentation,tests/configs/base.config,tests/harness/series.config,tests/harness/lib/untrace.awk,tests/harness/lib/commits.sh
"
COMMON=drivers,include,virt,tools,patches,tests/configs/base.config,tests/configs/source,tests/contract,tests/guest
COMMON+=,tests/igt/Makefile,tests/igt/compat,tests/igt/include,tests/igt/lib
COMMON+=,tests/harness/lib,tests/harness/results,tests/harness/kernel.sh
ALL=$COMMON,tests/igt
# What parts without guests compile, and with which commands
SOURCES=drivers,include,virt,tools,patches,tests/harness/lib/kbuild.sh,tests/harness/lib/source.sh

# Both have lines "PART KEY DATE SECONDS CLOSING-LINE". KEY is "-" if the part failed.
RECORDED=$HARNESS/full.results
RESULTS=$CACHE/full/results

# part_key VARIABLES SCRIPT INPUTS - a hash that changes with the part's inputs
part_key() {
	local inputs list=tests/harness/$2.sh,$3
	list=${list/,COMMON/,$COMMON}
	list=${list/,ALL/,$ALL}
	list=${list/,SOURCES/,$SOURCES}
	IFS=, read -ra inputs <<<"${list//,igt\//,tests/igt/}"
	{
		echo "$1 $2 ${LINUX:-}"
		cd "$TOP" && repo_files "${inputs[@]}" | grep -vx "tests/harness/${RECORDED##*/}" |
			xargs -d '\n' sha256sum
	} | sha256sum | cut -c 1-16
}

# parts - the lines of ALL_PARTS that PARTS selects
parts() {
	awk 'NF' <<<"$ALL_PARTS" | while read -r name rest; do
		[[ ! $name =~ ^(${PARTS:-.*})$ ]] || echo "$name $rest"
	done
}

# all_results - the lines of both, the newest of this machine last
all_results() {
	cat "$RECORDED" "$RESULTS" 2>/dev/null || :
}

# result_of NAME KEY - the last result of a part with these inputs, or nothing
result_of() {
	if [[ -n ${RERUN:-} ]]; then cat "$RESULTS" 2>/dev/null || :; else all_results; fi |
		awk -v part="$1" -v key="$2" '$1 == part && $2 == key { line = $0 } END { print line }'
}

# closing_of RESULT - its closing line
closing_of() {
	cut -d' ' -f 5- <<<"$1"
}

# last_time NAME - the duration of the part's last run
last_time() {
	local t
	t=$(all_results | awk -v part="$1" '$1 == part { t = $4 } END { print t }')
	if [[ -n $t ]]; then hms "$t"; else echo "an unknown time"; fi
}

# The hash of the inputs of each part
declare -A KEYS

# agenda - list the parts, each with its result or the duration of its last run. Sets KEYS
agenda() {
	local name variables script inputs result
	while read -r name variables script inputs; do
		KEYS[$name]=$(part_key "$variables" "$script" "$inputs")
		result=$(result_of "$name" "${KEYS[$name]}")
		if [[ -n $result ]]; then
			note "$(printf '%-13s has a result: %s (%s)' "$name" "$(closing_of "$result")" "$(cut -d' ' -f 3 <<<"$result")")"
		else
			note "$(printf '%-13s to run; it took %s last time' "$name" "$(last_time "$name")")"
		fi
	done < <(parts)
}

# record LINE - replace the recorded result of this part
record() {
	local tmp
	tmp_for tmp "$RECORDED"
	{
		awk -v part="${1%% *}" '$1 != part' "$RECORDED" 2>/dev/null || :
		echo "$1"
	} >"$tmp"
	publish "$tmp" "$RECORDED"
}

# run_part NAME VARIABLES SCRIPT KEY - set RESULT
run_part() {
	local log=$OUT/log/full-$1.log start=$SECONDS settings=() key=$4 rc=0 last
	[[ $2 == - ]] || IFS=, read -ra settings <<<"$2"
	mkdir -p "$OUT/log" "${RESULTS%/*}"
	run_child env "${settings[@]}" "$HARNESS/$3.sh" > >(tee "$log") 2>&1 || rc=$?
	last=$(tail -n 1 "$log")
	if ! closing_counts "$last"; then
		note "$1 ended without its closing line"
		last="0 passed, 1 failed, 0 skipped"
	fi
	[[ $last == *" 0 failed"* && $rc == 0 ]] || key=-
	RESULT="$1 $key $(date +%F) $((SECONDS - start)) $last"
	echo "$RESULT" >>"$RESULTS"
	[[ -z ${RECORD:-} || $key == - ]] || record "$RESULT"
}

[[ -n $(parts) ]] || die "PARTS=$PARTS: it matches none. There are: $(awk 'NF { printf "%s ", $1 }' <<<"$ALL_PARTS")"
agenda
sum=(0 0 0)
summary=
while read -r name variables script _ <&3; do
	RESULT=$(result_of "$name" "${KEYS[$name]}")
	if [[ -z $RESULT ]]; then
		note "part: $name"
		run_part "$name" "$variables" "$script" "${KEYS[$name]}"
	elif [[ -n ${RECORD:-} ]]; then
		record "$RESULT"
	fi
	summary+=$(printf '%-13s %s, %s' "$name" "$(closing_of "$RESULT")" "$(last_time "$name")")$'\n'
	closing_counts "$(closing_of "$RESULT")"
	for i in 0 1 2; do sum[i]=$((sum[i] + COUNTS[i])); done
done 3< <(parts)
printf '%s' "$summary"
closing_line "${sum[@]}"
((sum[1] == 0)) || exit 1
