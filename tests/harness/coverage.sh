#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# coverage.sh - make coverage: the lines of the driver that the last run of `make
# test VARIANT=kasan` executed. Prints the percentage of each file and the total,
# and writes to out/coverage/
#   summary.txt      the printed table
#   uncovered.txt    the lines that never ran: file:number: text
#   coverage.json    the same as data, see coverage.jq
# The exit status is 0 if the total is at least FLOOR percent (90).

# shellcheck source=tests/harness/lib/lib.sh
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source=tests/harness/lib/results.sh
. "$HARNESS/lib/results.sh"
# shellcheck source=tests/harness/lib/outcome.sh
. "$HARNESS/lib/outcome.sh"

VARIANT=${VARIANT:-kasan}
FLOOR=${FLOOR:-90}
SOURCES=drivers/gpu/drm/vgem_pfn
RUN=$OUT/test-$VARIANT
[[ ${FORM:-short} == short ]] || RUN+=-$FORM
GCNO=$OUT/kernel/$VARIANT/gcno
DIR=$OUT/coverage

# missed - print uncovered.txt, from coverage.json
missed() {
	local file line
	jq -r '.[] | .file as $f | .missed[] | "\($f) \(.)"' "$DIR/coverage.json" |
		while read -r file line; do
			printf '%s/%s:%d: %s\n' "$SOURCES" "$file" "$line" \
				"$(sed -n "${line}s/^[[:space:]]*//p" "$TOP/$SOURCES/$file")"
		done
}

summary() {
	jq -r '
		def pad($n): " " * ([$n - length, 0] | max);
		def share: if .lines == 0 then 100 else .covered * 1000 / .lines | floor / 10 end;
		def row: "\(.file)\(.file | pad(28))\(share | tostring | pad(6) + .) %  \(.covered) of \(.lines) lines";
		(.[] | row),
		({ file: "all", lines: (map(.lines) | add), covered: (map(.covered) | add) } | row)
		' "$DIR/coverage.json"
}

# counters TO - sum up the counters of all guests of the run
counters() {
	local guest first=1
	mkdir -p "$1/sum"
	for guest in "$RUN"/guest-*/results/gcov; do
		if ((first)); then
			cp "$guest"/*.gcda "$1/sum"
			first=0
		else
			gcov-tool merge -o "$1/next" "$1/sum" "$guest"
			rm -rf "$1/sum"
			mv "$1/next" "$1/sum"
		fi
	done
	mv "$1"/sum/*.gcda "$1"
	rm -rf "$1/sum"
}

compgen -G "$RUN/guest-*/results/gcov/*.gcda" >/dev/null ||
	die "there is no coverage of a run: make test VARIANT=$VARIANT"
[[ -n $(find "$GCNO" -name '*.gcno' -print -quit 2>/dev/null) ]] ||
	die "the kernel $VARIANT was not built to count lines"

tmp=
tmp_for tmp "$DIR"
mkdir -p "$tmp"
cp "$GCNO"/*.gcno "$tmp"
run_logged "$OUT/log/coverage.log" counters "$tmp" ||
	die "the counters of the guests cannot be added up" "$OUT/log/coverage.log"
(cd "$tmp" && gcov --json-format --stdout ./*.gcda) >"$tmp/gcov.json" 2>"$tmp/gcov.log" ||
	die "gcov could not read the counters" "$tmp/gcov.log"
jq -n --arg path "(^|/)$SOURCES/[^/]*\\.[ch]\$" -f "$HARNESS/results/coverage.jq" \
	"$tmp/gcov.json" >"$tmp/coverage.json"
rm -f "$tmp"/*.gcno "$tmp"/*.gcda
publish "$tmp" "$DIR"
missed >"$DIR/uncovered.txt"
summary | tee "$DIR/summary.txt"
note "lines that never ran: $DIR/uncovered.txt"
rc=0
jq -e --argjson floor "$FLOOR" '(map(.covered) | add) * 100 >= (map(.lines) | add) * $floor' \
	"$DIR/coverage.json" >/dev/null || rc=1
outcome "$rc" "$(tail -n 1 "$DIR/summary.txt" | awk '{ print $2 }') % of the driver's lines ran, at least $FLOOR % should" \
	"$DIR/summary.txt"
outcomes || exit 1
