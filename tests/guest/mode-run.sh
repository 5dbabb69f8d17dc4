# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# MODE=run: load the driver and let the story program tell its story, with no
# more checks than cost nothing.

if load_modules modules.list; then
	progress "telling the story"
	detached /vgem_pfn/bin/story > /tmp/story.txt 2> /tmp/story.err
	_status=$?
	cat /tmp/story.txt /tmp/story.err >&5
	cp /tmp/story.txt /tmp/story.err "$RESULTS"
	if [ $_status -eq 0 ]; then
		ok "story"
	else
		not_ok "story" "exit status $_status: $(tail -n 1 /tmp/story.err)"
	fi
fi
check_taint
check_lockdep
check_log
