#!/usr/bin/awk -f
# SPDX-License-Identifier: GPL-2.0
#
# untrace.awk - print a source file without its trace events, for the commits of make
# series before those that add trace events. Removes
#
#   #include "...trace.h", #include <trace/...>, #define CREATE_TRACE_POINTS
#   EXPORT_TRACEPOINT_SYMBOL_GPL(...);
#   [if (condition)] [prefix_]trace_<event>(...);     on any number of lines
#   lines with a name that ends in _traced or has _trace.[co] in it
#
# and the blank lines that would be left in pairs or before a closing brace.

dropping {
	if (/;[ \t]*$/)
		dropping = 0
	next
}
/^#include "[^"]*trace\.h"/ || /^#include <trace\// || /^#define CREATE_TRACE_POINTS/ { next }
/^EXPORT_TRACEPOINT_SYMBOL/ || /[a-z]_traced([^a-z_]|$)/ || /_trace\.[co]([^a-z]|$)/ { next }
/^[ \t]+([a-z_]+_)?trace_[a-z_]+\(/ {
	# An "if" without braces belongs to the removed statement.
	if (kept[n] ~ /^[ \t]+if \(.*\)$/)
		n--
	dropping = !/;[ \t]*$/
	next
}
/^$/ && kept[n] == "" { next }
{
	if (/^[ \t]*}/ && kept[n] == "")
		n--
	kept[++n] = $0
}
END {
	for (i = 1; i <= n; i++)
		print kept[i]
}
