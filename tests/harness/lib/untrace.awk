#!/usr/bin/awk -f
# SPDX-License-Identifier: GPL-2.0
#
# untrace.awk - a source file without its trace events, for the commits of make series
# that come before those which add trace events.  Removed are
#
#   #include "...trace.h"
#   [if (condition)] [prefix_]trace_<event>(...);     on any number of lines
#   lines with a name that ends in _traced or has _trace.[co] in it
#
# and the blank lines that this leaves behind.

function emit(line) {
	# No two blank lines, and none before a closing brace
	if (line == "" && last == "")
		return
	if (held) {
		if (!(pending == "" && line ~ /^[ \t]*}/))
			print pending
	}
	pending = line
	last = line
	held = 1
}

# drop_if - the "if" without braces that the removed statement belongs to
function drop_if() {
	if (held && pending ~ /^[ \t]+if \(.*\)$/) {
		held = 0
		last = "x"
	}
}

dropping {
	if (/;[ \t]*$/)
		dropping = 0
	next
}
/^#include "[^"]*trace\.h"/ || /[a-z]_traced([^a-z_]|$)/ || /_trace\.[co]([^a-z]|$)/ { next }
/^[ \t]+([a-z_]+_)?trace_[a-z_]+\(/ {
	drop_if()
	if (!/;[ \t]*$/)
		dropping = 1
	next
}
{ emit($0) }
END {
	if (held)
		print pending
}
