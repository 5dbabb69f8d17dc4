#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# docs.sh - `make docs`: build our documentation, and Linux's dma-buf.rst with our
# changes, as web pages in out/docs/html. Fails if Sphinx warns about one of our
# files or a file that we patch; all warnings are in out/docs/warnings.log.
#
# Linux's Documentation has thousands of pages, so only ours are built. Their source
# directory has links to the rest of the tree, because directives include source
# files from there. Configuration and extensions are the kernel's.

# shellcheck source=tests/harness/lib/lib.sh
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source=tests/harness/lib/packages.sh
. "$HARNESS/lib/packages.sh"
# shellcheck source=tests/harness/lib/source.sh
. "$HARNESS/lib/source.sh"

DOCS=$OUT/docs
STEPS=3

# stage_pages - create $DOCS/src/Documentation with our pages and an index
stage_pages() {
	local page pages f
	mapfile -t pages < <(overlay_files | sed -n 's|^Documentation/\(.*\)[.]rst$|\1|p')
	pages+=(driver-api/dma-buf)
	rm -rf -- "$DOCS"
	mkdir -p "$DOCS/src/Documentation"
	for f in "$WORK"/src/*; do
		[[ ${f##*/} == Documentation ]] || ln -s "$f" "$DOCS/src/"
	done
	for page in "${pages[@]}"; do
		mkdir -p "$DOCS/src/Documentation/${page%/*}"
		cp -- "$WORK/src/Documentation/$page.rst" "$DOCS/src/Documentation/$page.rst"
	done
	{
		printf 'vgem_pfn\n========\n\n.. toctree::\n   :maxdepth: 2\n\n'
		# gpu/vgem_pfn and driver-api/dma-buf-pfn have toctrees of their other pages.
		printf '   %s\n' "${pages[@]}" | grep -v -e ' gpu/vgem_pfn-' -e ' driver-api/dma-buf-pfn-'
	} >"$DOCS/src/Documentation/index.rst"
}

# run_sphinx - run Sphinx in the directory that the kernel's configuration expects
run_sphinx() {
	cd "$WORK/src/Documentation"
	srctree=$WORK/src KERNELDOC=$WORK/src/tools/docs/kernel-doc PYTHONDONTWRITEBYTECODE=1 \
		sphinx-build -b html -E -j "$JOBS" -c . -D version=7.3 -D release=7.3 \
		-d "$DOCS/doctrees" -w "$DOCS/warnings.log" "$DOCS/src/Documentation" "$DOCS/html"
}

_docs() {
	source_prepare
	step "2/$STEPS" "pages"
	stage_pages
	step "3/$STEPS" "Sphinx"
	run_logged "$DOCS/sphinx.log" run_sphinx || die "Sphinx failed" "$DOCS/sphinx.log"
	# The manifest lists our files and those that we patch.
	if grep -F -f "$WORK/manifest" "$DOCS/warnings.log" >"$DOCS/ours.log"; then
		die "Sphinx warns about our files" "$DOCS/ours.log"
	fi
}

step "1/$STEPS" "tools and sources"
need_tools fetch docs
source_id
with_lock "work-$SRC_ID" _docs
note "out/docs/html/index.html, $(elapsed)"
