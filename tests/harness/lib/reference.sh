# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# reference.sh - compare the tables of the documentation with the source: module
# parameters, debugfs files, steps of fault injection, trace events, ioctls, and variables
# of make. Sourced after lib.sh.
#
#   links_check       print each link to a file or heading that does not exist
#   reference_check   print each name that is in the source and in no table, or the reverse

# _terms FILE... - the names in the first column of the tables of these pages
_terms() {
	sed -n 's/^   \* - \x60/\x60/p' "$@" | grep -oP '\x60\x60\K[^\x60, ][^\x60]*' |
		sed 's/[=(<].*//; s/ .*//'
}

# _differ WHAT SOURCE TERMS - print the differences of two sorted lists
_differ() {
	comm -23 <(sort -u <<<"$2") <(sort -u <<<"$3") | sed "/^\$/d; s/^/$1 is not documented: /"
	comm -13 <(sort -u <<<"$2") <(sort -u <<<"$3") | sed "/^\$/d; s/^/$1 does not exist: /"
}

# _debugfs FILE... - the debugfs files that these sources create
_debugfs() {
	cat "$@" | tr -d '\n' |
		grep -oP 'debugfs_create_(file|bool|u32|u64|file_unsafe|ulong|atomic_t)\("\K[a-z0-9_]+'
}

# _section FILE TITLE - a section of a page, with its subsections
_section() {
	awk -v title="$2" '
		/^=+$/ && length(last) == length($0) { inside = last == title }
		inside { print }
		{ last = $0 }' "$1"
}

reference_check() {
	local gpu=Documentation/gpu/vgem_pfn- driver=drivers/gpu/drm/vgem_pfn
	local debugfs importer
	cd "$TOP" || return
	debugfs=${gpu}debugfs.rst importer=${gpu}importer.rst

	_differ "module parameter" \
		"$(sed -nE 's/^module_param\((\w+),.*/\1/p' "$driver"/*.c)" \
		"$(_terms <(_section "${gpu}reference.rst" "Module parameters") | grep -v '[-:@]')"

	_differ "debugfs file of the driver" "$(_debugfs "$driver"/*.c)" \
		"$(_terms <(_section "$debugfs" "Files of a device") | grep -vE '_mm$|^fault/')"
	_differ "debugfs file of the importer" "$(_debugfs drivers/dma-buf/dma-buf-pfn-importer*.c)" \
		"$(_terms <(_section "$importer" debugfs))"

	_differ "step of fault injection" \
		"$(sed -nE 's/.*FAULT_[A-Z_]+\]\s*= \{ "([a-z_]+)".*/\1/p' "$driver/vgem_pfn_fault.c")" \
		"$(_terms <(_section "$debugfs" "Fault injection"))"

	_differ "trace event" \
		"$(sed -nE 's/^(TRACE_EVENT\(|DEFINE_EVENT\(.*, )(vgem_pfn_\w+),$/\2/p' "$driver/vgem_pfn_trace.h")" \
		"$(_terms <(_section "${gpu}events.rst" "Trace events"))"
	_differ "trace event of the core" \
		"$(sed -nE 's/^(TRACE_EVENT\(|DEFINE_EVENT\(.*, )(dma_buf_\w+),$/\2/p' include/trace/events/dma_buf_*.h)" \
		"$(_terms <(_section Documentation/driver-api/dma-buf-pfn-debugging.rst "Trace events"))"

	_differ ioctl \
		"$(sed -nE 's/^#define (DRM_IOCTL_VGEM_PFN_\w+).*/\1/p' include/uapi/drm/vgem_pfn_drm.h)" \
		"$(_terms <(_section "${gpu}reference.rst" ioctls))"

	# OVERLAY_PATCH is for mutations only. SECONDS is not exported.
	_differ "variable of make" \
		"$({ echo SECONDS; sed -n 's/^export //p' Makefile | tr ' ' '\n'; } | grep -v OVERLAY_PATCH)" \
		"$(_terms <(_section "${gpu}make.rst" Variables))"
	_differ "make target" \
		"$(sed -nE "s/^\t@echo '  make ([a-z-]+).*/\1/p" Makefile)" \
		"$(grep -E '^   \* - ..make ' "${gpu}make.rst" | grep -oP 'make \K[a-z-]+')"
}

# Sphinx warns about references of pages to each other, but not about names of pages that
# do not exist. Pages of Linux are in PRISTINE.
links_check() {
	local page target file
	cd "$TOP" || return
	while IFS=: read -r page target; do
		file=${target%%#*}
		[[ -z $file || -e $(dirname "$page")/$file ]] || echo "$page: there is no $file"
		[[ $target != *"#"* ]] || sed -n 's/^##* //p' "${file:-$page}" | tr 'A-Z ' 'a-z-' |
			grep -qxF "${target#*#}" || echo "$page: there is no heading #${target#*#}"
	done < <(repo_files '*.md' | xargs grep -oHP '\]\(\K(?!https?://[\w.-]+/)[^)]*')
	while IFS=: read -r page file; do
		[[ -e $file || -e $PRISTINE/$file ]] || echo "$page: there is no $file"
	done < <(repo_files '*.md' 'Documentation/*.rst' |
		xargs grep -oHE 'Documentation/[a-z0-9/_-]+[.]rst' | sort -u)
	repo_files '*.md' 'Documentation/*.rst' |
		xargs grep -nP 'https?:(?!//[\w.-]+(/\S*)?[\s>`)]|//[\w.-]+(/\S*)?$)' || :
}
