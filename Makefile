# SPDX-License-Identifier: GPL-2.0
#
# The test harness of vgem_pfn: each target runs a script in tests/harness/.  The
# makefiles below drivers/ are used by kbuild, not by this one.

H := tests/harness

# Variables that the scripts read from the environment
export LINUX KERNEL DEB_VERSION MODULE PROGRAM SHARE LIMIT TESTS PASSES SUITES VARIANT CONFIG_EXTRA OVERLAY_PATCH SEED VGEM_PFN_CACHE JOBS V
export THREADS REPLAY TRACE OLD NEW WITHIN RESERVED_SIZE GUEST_MEM TIMES TIMEOUT IGT
export ACCEL CMDLINE FORM GUESTS REPEAT RESUME MUTATIONS PARTS RACE RECORD RERUN CONFIGS SERIES COMPILE PAGES

.PHONY: help run run-kvm test prove race coverage bench bench-compare residency shell kernel check \
	check-configs docs docs-check deb series igt-series test-times test-list test-inject test-harness test-prove \
	test-mutations test-deb test-iommufd test-kvm test-nested test-stock test-full \
	clean clean-cache

help:
	@echo 'vgem_pfn - a test driver that moves the memory of imported dma-bufs, without hardware'
	@echo
	@echo '  make run             show a move of an imported buffer, step by step'
	@echo '  make run-kvm         also watch DMA of a device, and a virtual machine, while memory moves'
	@echo '  make test            run the tests in guests; results in out/'
	@echo '  make test-times      the duration of the parts of the last make test'
	@echo '  make test-list       list the tests of make test and of make test-full'
	@echo '  make prove MODULE=x.ko [PROGRAM=x]   check an importer against the contract'
	@echo '  make coverage        lines of the driver that make test VARIANT=kasan executed'
	@echo '  make bench           count instructions, measure time; out/bench.json, plots in out/bench/'
	@echo '  make bench-compare OLD=x.json [NEW=y.json]   compare two results of make bench'
	@echo '  make residency TRACE=file   draw the placement of buffers from a trace'
	@echo '  make shell           a shell in a guest with the driver loaded'
	@echo '  make kernel          build only the guest'\''s kernel'
	@echo '  make check           checkpatch, sparse, W=1, kernel-doc, shellcheck, docs of subtests'
	@echo '  make check-configs   compile in other configurations, with other compilers, for other CPUs'
	@echo '  make series          the patches as commits to send, each compiled and checked'
	@echo '  make deb             packages for Debian: the driver for DKMS, and the programs'
	@echo '  make test-deb        install, use, upgrade and remove these packages on Debian 13'
	@echo '  make igt-series IGT=dir   the IGT tests as commits to send, for this tree of IGT'
	@echo '  make docs            build the documentation as web pages, in out/docs/html/'
	@echo '  make docs-check      run the commands of all pages, and compare their output'
	@echo '  make test-harness    test that the harness detects deliberate failures'
	@echo '  make test-prove      test make prove with importers and programs of each kind'
	@echo '  make test-inject     test that one failing subtest does not affect others'
	@echo '  make test-mutations  test that the tests detect deliberately broken drivers'
	@echo '  make test-iommufd    Linux'\''s selftests of IOMMUFD, an importer'
	@echo '  make test-kvm        tests with KVM as importer, in a guest that has virtualization'
	@echo '  make test-nested     tests with virtio-gpu as importer, in a nested guest'
	@echo '  make race            random concurrent operations for SECONDS=n'
	@echo '  make test-stock      what can run on one of Debian'\''s kernels, KERNEL=...'
	@echo '  make test-full       all suites, forms and kernels (hours); continues an interrupted run'
	@echo '  make clean           remove out/'
	@echo '  make clean-cache     also remove downloads and builds'
	@echo
	@echo 'Variables:'
	@echo '  LINUX=/path          use a copy of this tree instead of Debian'\''s package'
	@echo '  KERNEL=6.12|7.2|7.3|newest|patched'
	@echo '                       run (6.12), test, prove (patched): Debian'\''s own kernel, or ours'
	@echo '  TESTS=regex          run only the tests whose names match'
	@echo '  PASSES=regex         with only these kinds of memory (tests/guest/lists/passes.list)'
	@echo '  FORM=full            also the long forms of tests, with all kinds of memory'
	@echo '  RESUME=1             continue an interrupted make test'
	@echo '  REPEAT=n             run the selected IGT subtests n times'
	@echo '  GUESTS=n             number of parallel guests (one per CPU, three at most, no more than units)'
	@echo '  ACCEL=kvm|tcg        override the choice of the faster one (svm, icount: see accel.sh)'
	@echo '  CMDLINE="x=y ..."    additional parameters of the kernels of guests'
	@echo '  SUITES=regex         of KUnit modules run only these suites'
	@echo '  MODULE, PROGRAM      for make prove: a directory or .ko files, and a command'
	@echo '  TIMEOUT=s            time limit of that command (300)'
	@echo '  SHARE, LIMIT         options of vgem_pfn_share; limit of invalidate_mappings in ms'
	@echo '  SEED=n               seed of the offsets in make bench, or of make race'
	@echo '  TIMES=moves|all      rows that make bench also measures in time (all with KVM, else moves)'
	@echo '  RESERVED_SIZE=nG     memory for the buffers of make bench (9G if available, else 2G)'
	@echo '  GUEST_MEM=nM         memory of a guest (4224M)'
	@echo '  SECONDS=n            duration of make race (60); THREADS=n, REPLAY=text'
	@echo '  VARIANT=name         kernel configuration tests/configs/name.config (base)'
	@echo '  CONFIG_EXTRA=file    additional options'
	@echo '  MUTATIONS=regex      for make test-mutations; PARTS=regex, RACE=s for make test-full'
	@echo '  RECORD=1, RERUN=1    make test-full: write results to tests/harness/full.results; ignore those'
	@echo '  SERIES=regex         which series make series checks with checkpatch; COMPILE=n: no builds'
	@echo '  PAGES=regex          only these pages, for make docs-check'
	@echo '  VGEM_PFN_CACHE=dir   directory for downloads and builds'
	@echo '                       (~/.cache/vgem_pfn; about 5 GB)'
	@echo '  JOBS=n               parallel compilers (one per CPU)'
	@echo '  V=1                  show the output of commands'

run test prove coverage bench bench-compare residency shell kernel check check-configs docs docs-check deb series igt-series:
	@exec $(H)/$@.sh

test-times test-list test-inject test-iommufd test-kvm test-nested test-stock test-full: test-%:
	@exec $(H)/$*.sh

run-kvm:
	@GUEST_IOMMU=1 exec $(H)/run.sh

test-harness:
	@exec $(H)/selftest.sh

test-prove:
	@exec $(H)/selftest-prove.sh

test-deb:
	@exec $(H)/deb-test.sh

test-mutations:
	@exec $(H)/mutate.sh

# SECONDS is a special variable of bash.
race:
	@RACE_SECONDS='$(SECONDS)' exec $(H)/race.sh

clean:
	rm -rf out

clean-cache: clean
	@exec $(H)/clean-cache.sh
