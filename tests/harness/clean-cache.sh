#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# clean-cache.sh - `make clean-cache`: remove what this project keeps in CACHE,
# and only that, whatever directory VGEM_PFN_CACHE names.

# shellcheck source=tests/harness/lib/lib.sh
. "$(dirname "$0")/lib/lib.sh"

[[ -d $CACHE ]] || exit 0
note "$(du -sh "$CACHE" | cut -f1) in $CACHE"
for part in accel apt ccache deb image linux lock log rootfs work; do
	rm -rf -- "${CACHE:?}/$part"
done
rmdir -- "$CACHE" 2>/dev/null || {
	note "left in place, as not ours:"
	ls -A -- "$CACHE" >&2
}
