# SPDX-License-Identifier: GPL-2.0
#
# docs-blocks.awk - the code blocks and inline make commands of .rst and .md files. Each
# record ends with the byte 1: its first line is "FILE:LINE KIND", the rest is the text.
#
#   commands  a block of "::", or of ```sh in .md
#   session   the same, if it begins with a prompt: commands after "# " or "$ ", output
#   text      .. code-block:: none, ```text: output, diagrams
#   inline    ``make TARGET ...``
#
# Blocks in other languages are left out.

function emit(kind, at, text) {
	printf "%s:%d %s\n%s\001", FILENAME, at, kind, text
}

function flush(	kind, i, text) {
	while (lines && block[lines] !~ /[^ \t]/) lines--
	for (i = 1; i <= lines; i++) text = text substr(block[i], indent + 1) "\n"
	kind = language
	if (kind == "commands" && substr(block[1], indent + 1) ~ /^[#$] /) kind = "session"
	if (lines && kind ~ /^(commands|session|text)$/) emit(kind, first, text)
	inside = lines = 0
}

function begin(lang, b) {
	inside = 1
	lines = 0
	language = lang
	base = b
}

FNR == 1 { flush() }
{ match($0, /^ */); spaces = RLENGTH; fenced = FILENAME ~ /[.]md$/ }

inside && (fenced ? /^```/ : /[^ ]/ && spaces <= base) {
	flush()
	if (fenced) next
}
inside {
	if (!lines && !/[^ ]/) next
	if (!lines) { first = FNR; indent = spaces }
	block[++lines] = $0
	next
}
fenced && /^```/ {
	begin(/^```sh/ || /^```console/ ? "commands" : /^```text/ ? "text" : "unmarked", -1)
	next
}
fenced && /^    [^ ]/ && before !~ /[^ ]/ { emit("unmarked", FNR, $0) }
!fenced && /^ *[.][.] code-block::/ { begin($3 == "none" ? "text" : $3, spaces) }
!fenced && /::$/ && !/^ *[.][.] [a-z:-]+::$/ { begin("commands", spaces) }
{
	before = rest = $0
	while (match(rest, /`make( [A-Za-z0-9_=.|\/-]+)+`/)) {
		emit("inline", FNR, substr(rest, RSTART + 1, RLENGTH - 2))
		rest = substr(rest, RSTART + RLENGTH)
	}
}
END { flush() }
