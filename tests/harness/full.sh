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
# shellcheck source=tests/harness/lib/outcome.sh
. "$HARNESS/lib/outcome.sh"

# Seconds of random operations with each of the three kernels
RACE=${RACE:-1200}

# Name, variables, script, and what the part is made from in addition to COMMON and the
# script. "=" in front: these alone, without COMMON.
ALL_PARTS="
full      FORM=full                             test     -
kasan     FORM=full,VARIANT=kasan               test     tests/configs/kasan.config
coverage  VARIANT=kasan,FORM=full               coverage tests/configs/kasan.config,tests/harness/test.sh
drm-kunit VARIANT=drm-kunit,TESTS=_test         test     tests/configs/drm-kunit.config
iommufd   -                                     iommufd  -
nested    -                                     nested   -
prove     -                                     selftest-prove tests/prove,tests/harness/prove.sh
harness   -                                     selftest tests/harness
inject    -                                     inject   -
race      RACE_SECONDS=$RACE                    race     -
race-kasan VARIANT=kasan,RACE_SECONDS=$RACE     race     tests/configs/kasan.config
race-kcsan VARIANT=kcsan,RACE_SECONDS=$RACE     race     tests/configs/kcsan.config
mutations -                                     mutate   tests/mutations
configs   -                                     check-configs =drivers,include,patches,tests/configs/base.config
series    -                                     series   =drivers,include,patches,Documentation,tests/configs,tests/harness/lib/untrace.awk
"
COMMON=(drivers include patches tests/configs/base.config tests/contract tests/guest tests/igt
	tests/harness/lib tests/harness/results tests/harness/kernel.sh)

# files PATH... - files in the repository, committed or not
files() {
	(cd "$TOP" && git ls-files -co --exclude-standard -- "$@" | sort -u |
		while read -r f; do [[ ! -f $f ]] || printf '%s\0' "$f"; done)
}

# part_key NAME VARIABLES SCRIPT INPUT
part_key() {
	local inputs=("${COMMON[@]}") more=${4#-}
	[[ $more != =* ]] || inputs=()
	inputs+=("tests/harness/$3.sh" ${more:+$(tr , ' ' <<<"${more#=}")})
	{
		echo "$2 $3 ${LINUX:-}"
		cd "$TOP" && files "${inputs[@]}" | xargs -0 sha256sum
	} | sha256sum | cut -c 1-16
}

# parts - name, variables, script and input of those that PARTS selects
parts() {
	awk 'NF' <<<"$ALL_PARTS" | while read -r name rest; do
		[[ ! $name =~ ^(${PARTS:-.*})$ ]] || echo "$name $rest"
	done
}

# result_of NAME KEY - the file with the closing line of a part, if that passed
result_of() {
	echo "$CACHE/full/$1-$2"
}

# last_time NAME
last_time() {
	if [[ -s $CACHE/full/$1.seconds ]]; then
		hms "$(<"$CACHE/full/$1.seconds")"
	else
		echo "an unknown time"
	fi
}

agenda() {
	local name variables script input file
	while read -r name variables script input; do
		file=$(result_of "$name" "$(part_key "$name" "$variables" "$script" "$input")")
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
while read -r name variables script input <&3; do
	file=$(result_of "$name" "$(part_key "$name" "$variables" "$script" "$input")")
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
