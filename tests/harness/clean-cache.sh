#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# clean-cache.sh - `make clean-cache`: remove the files of this project from CACHE,
# and nothing else, whatever directory VGEM_PFN_CACHE names.

# shellcheck source=tests/harness/lib/lib.sh
. "$(dirname "$0")/lib/lib.sh"

[[ -d $CACHE ]] || exit 0
note "$(du -sh "$CACHE" | cut -f1) in $CACHE"
for part in accel apt ccache deb full linux lock log rootfs times work; do
	rm -rf -- "${CACHE:?}/$part"
done
rmdir -- "$CACHE" 2>/dev/null || {
	note "left in place, not files of this project:"
	ls -A -- "$CACHE" >&2
}
