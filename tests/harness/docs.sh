#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# docs.sh - `make docs`: our documentation, and Linux's dma-buf.rst with our changes,
# as web pages in out/docs/html.  Fails if Sphinx warns about a file of ours or one
# that we patch; out/docs/warnings.log has all it said.
#
# Documentation has thousands of pages, so ours get a source directory of their own,
# with links to the rest of the tree beside it, where the directives that include a
# source file look for it.  Configuration and extensions are the kernel's.

# shellcheck source=tests/harness/lib/lib.sh
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source=tests/harness/lib/packages.sh
. "$HARNESS/lib/packages.sh"
# shellcheck source=tests/harness/lib/source.sh
. "$HARNESS/lib/source.sh"

DOCS=$OUT/docs
STEPS=3

# stage_pages - $DOCS/src/Documentation with our pages and an index of them
stage_pages() {
	local page pages f
	mapfile -t pages < <(_overlay_files | sed -n 's|^Documentation/\(.*\)[.]rst$|\1|p')
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
		printf '   %s\n' "${pages[@]}"
	} >"$DOCS/src/Documentation/index.rst"
}

# run_sphinx - where the kernel's configuration expects to be run
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
	# The manifest names what is ours and what we patch.
	if grep -F -f "$WORK/manifest" "$DOCS/warnings.log" >"$DOCS/ours.log"; then
		die "Sphinx warns about our files" "$DOCS/ours.log"
	fi
}

step "1/$STEPS" "tools and sources"
need_tools fetch docs
source_id
with_lock "work-$SRC_ID" _docs
note "out/docs/html/index.html, $(elapsed)"
