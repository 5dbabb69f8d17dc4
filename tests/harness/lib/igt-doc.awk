#!/usr/bin/awk -f
# SPDX-License-Identifier: GPL-2.0
#
# igt-doc.awk - read the documentation of the subtests in the sources of the IGT tests,
# as IGT's scripts/igt_doc.py does, and print a line "program@subtest" for each
# documented subtest. A line of any other form is an error, "FILE:LINE: message".
#
#   awk -f igt-doc.awk -v fields=REGEX -v mandatory="FIELD|FIELD" tests/igt/*/*.[ch]
#
#   fields      names of fields, "A|B|C"
#   mandatory   those that each test must have; each subtest must have "Description"
#
# Blocks begin with "/**" and stand in <x>/vgem_pfn_<x>.c. A name with %s or %d has one
# value of a list for each of its wildcards:
#
#   /**
#    * SUBTEST: name-%s
#    * Description: text about arg[1],
#    *		continued after tabs
#    *
#    * arg[1]:
#    *
#    * @value: its meaning
#    */
#
# or instead of the last three lines "arg[1].values: value, value".

function bad(text, line)
{
	printf "%s:%d: %s\n", FILENAME, line ? line : FNR, text
}

# expand(NAME, N) - print NAME with all values for its wildcards from the N-th on
function expand(name, n,    i, head, tail)
{
	if (!match(name, /%(s|d|ld|lld|i|u|lu|llu)/)) {
		print program "@" name
		return
	}
	if (!num_values[n]) {
		bad("SUBTEST " name " has no values of arg[" n "]", subtest_line)
		return
	}
	head = substr(name, 1, RSTART - 1)
	tail = substr(name, RSTART + RLENGTH)
	for (i = 1; i <= num_values[n]; i++)
		expand(head values[n, i] tail, n + 1)
}

function add_value(n, value)
{
	if ((n, value) in known)
		bad("\"" value "\" is twice in the values of arg[" n "]")
	known[n, value] = 1
	values[n, ++num_values[n]] = value
}

# end_section() - the test or subtest has all of its fields
function end_section(    i, n, need)
{
	if (section == "SUBTEST" && !("Description" in have))
		bad("SUBTEST " names[num_names] " has no Description", subtest_line)
	n = split(mandatory, need, "|")
	for (i = 1; section == "TEST" && i <= n; i++)
		if (!(need[i] in have))
			bad("TEST has no field " need[i])
	split("", have)
	section = field = ""
}

# end_block() - print the block's subtests
function end_block(    i, n, wildcards, text)
{
	end_section()
	for (i = 1; i <= num_names; i++) {
		subtest_line = lines[i]
		text = names[i]
		n = gsub(/%/, "&", text)
		wildcards = n > wildcards ? n : wildcards
		expand(names[i], 1)
	}
	for (n in num_values)
		if (n + 0 > wildcards)
			bad("arg[" n "] belongs to no SUBTEST of this block")
	split("", num_values)
	split("", values)
	split("", known)
	num_names = arg = 0
	block = ""
}

function end_file()
{
	if (program != "" && !tests)
		bad("no TEST in a \"/**\" block", 1)
}

FNR == 1 {
	if (NR > 1) {
		last = FILENAME
		FILENAME = previous
		end_file()
		FILENAME = last
	}
	previous = FILENAME
	n = split(FILENAME, path, "/")
	program = path[n] == "vgem_pfn_" path[n - 1] ".c" ? "vgem_pfn_" path[n - 1] : ""
	tests = 0
	block = ""
}
END { end_file() }

# Outside of a block
block == "" && /^[ \t]*\/\*\*$/ {
	block = "begins"
	next
}
block == "" {
	if (/^[ \t]*(\/\*)?[ \t]*\*+[ \t]*(TEST|SUBTESTS?):/)
		bad("the comment does not begin with \"/**\"")
	next
}
/^[ \t]*\*\/$/ {
	if (block == "doc")
		end_block()
	block = ""
	next
}

# Kernel-doc of a function, not documentation of tests
{ line = $0; sub(/^[ \t]*\* ?/, "", line) }
block == "begins" && line !~ /^(TEST|SUBTESTS?):/ { block = "other" }
block == "other" {
	if (line ~ /^(TEST|SUBTESTS?):/)
		bad("TEST or SUBTEST is not in the first line of its block")
	next
}

# Documentation
block == "begins" {
	block = "doc"
	if (program == "")
		bad("documentation of subtests belongs in vgem_pfn_<directory>.c")
	if (line ~ /^SUBTEST/ && !tests)
		bad("SUBTEST before TEST")
}
line == "" || $0 ~ /^[ \t]*\*$/ {
	field = ""
	next
}
line ~ /^TEST:/ {
	if (++tests > 1 || num_names)
		bad("TEST is not the first block of its file")
	section = "TEST"
	next
}
line ~ /^SUBTESTS?:/ {
	end_section()
	section = "SUBTEST"
	sub(/^SUBTESTS?:[ \t]*/, "", line)
	if (line !~ /^[a-z0-9%-]+$/)
		bad("\"" line "\" is not a name of lower-case letters, digits and minus signs")
	names[++num_names] = line
	lines[num_names] = subtest_line = FNR
	next
}
match(line, "^(" fields "):") {
	field = substr(line, 1, RLENGTH - 1)
	if (arg || field in have)
		bad(arg ? "field after arg[" arg "]" : "field " field " is there twice")
	if (line !~ /:[ \t]+[^ \t]/)
		bad("field " field " is empty")
	have[field] = 1
	next
}
match(line, /^arg\[[0-9]+\]\.values:/) {
	arg = substr(line, 5) + 0
	n = split(substr(line, RLENGTH + 1), list, ",")
	for (i = 1; i <= n; i++) {
		gsub(/[ \t]/, "", list[i])
		if (list[i] != "")
			add_value(arg, list[i])
	}
	next
}
line ~ /^arg\[[0-9]+\]:$/ {
	arg = substr(line, 5) + 0
	num_values[arg] += 0
	next
}
arg && match(line, /^@[^ \t]+:[ \t]+[^ \t]/) {
	sub(/:.*/, "", line)
	add_value(arg, substr(line, 2))
	field = "value"
	next
}
field != "" && line ~ /^[ \t]+[^ \t]/ { next }
{ bad("not a field, a value of an argument, or a continued line") }
