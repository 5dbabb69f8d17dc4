# SPDX-License-Identifier: GPL-2.0
#
# The harness of vgem_pfn: every target is a script in tests/harness/.  The
# kernel's own makefiles are below drivers/ and are used by kbuild, not by this.

H := tests/harness

# What the scripts read from the environment.
export LINUX MODULE PROGRAM SHARE LIMIT TESTS PASSES SUITES VARIANT CONFIG_EXTRA OVERLAY_PATCH SEED VGEM_PFN_CACHE JOBS V
export THREADS REPLAY TRACE OLD NEW WITHIN RESERVED_SIZE TIMES TIMEOUT
export ACCEL FORM GUESTS RESUME MUTATIONS PARTS RACE CONFIGS

.PHONY: help run test prove race coverage bench bench-compare residency shell kernel check \
	check-configs docs test-times test-list test-inject test-harness test-prove \
	test-mutations test-iommufd test-nested test-full clean clean-cache

help:
	@echo 'vgem_pfn - memory that moves under dma-buf importers, without hardware'
	@echo
	@echo '  make run             watch a buffer move and fault back in'
	@echo '  make test            run the tests in guests; results in out/'
	@echo '  make test-times      where the time of that went'
	@echo '  make test-list       which tests it runs, and which only make test-full'
	@echo '  make prove MODULE=x.ko [PROGRAM=x]   does this importer keep the rules?'
	@echo '  make coverage        lines of the driver that make test VARIANT=kasan ran'
	@echo '  make bench           count instructions, measure time; out/bench.json, plots in out/bench/'
	@echo '  make bench-compare OLD=x.json [NEW=y.json]   ratios of two such results'
	@echo '  make residency TRACE=file   a trace as a picture of which buffer was where'
	@echo '  make shell           a shell in the guest, driver loaded'
	@echo '  make kernel          only build the guest'\''s kernel'
	@echo '  make check           checkpatch, sparse, W=1, kernel-doc, shellcheck'
	@echo '  make check-configs   our files in other configurations, with other compilers, for other CPUs'
	@echo '  make docs            the documentation as web pages, in out/docs/html/'
	@echo '  make test-harness    failures on purpose: does the harness see them?'
	@echo '  make test-prove      importers and programs of each kind: what make prove says of them'
	@echo '  make test-inject     one failure in each test program: does it change no other?'
	@echo '  make test-mutations  broken drivers on purpose: do the tests see them?'
	@echo '  make test-iommufd    Linux'\''s own selftests of an importer, IOMMUFD'
	@echo '  make test-nested     virtio-gpu, which imports only in a guest of a guest'
	@echo '  make race            everything at once, at random, for SECONDS=n'
	@echo '  make test-full       all suites, forms and kernels: hours; goes on where it was'
	@echo '  make clean           remove out/'
	@echo '  make clean-cache     remove downloads and builds, too'
	@echo
	@echo 'Variables:'
	@echo '  LINUX=/path          use a copy of this 7.3 tree, not Debian'\''s package'
	@echo '  TESTS=regex          run only the tests whose names match'
	@echo '  PASSES=regex         and only over these kinds of memory (tests/guest/lists/passes.list)'
	@echo '  FORM=full            the long forms of tests, too, over all kinds of memory'
	@echo '  RESUME=1             go on with a make test that did not come to its end'
	@echo '  GUESTS=n             guests side by side (one per CPU, three at most)'
	@echo '  ACCEL=kvm|tcg        not what is faster, but this (svm, icount: see accel.sh)'
	@echo '  SUITES=regex         and of KUnit modules only these suites'
	@echo '  MODULE, PROGRAM      of make prove: a directory or .ko files, and a command'
	@echo '  TIMEOUT=s            how long that command may take (300)'
	@echo '  SHARE, LIMIT         how its buffer moves; milliseconds for invalidate_mappings'
	@echo '  SEED=n               of the offsets that make bench asks for, or of make race'
	@echo '  TIMES=moves|all      what make bench measures in time as well (all with KVM, or else moves)'
	@echo '  RESERVED_SIZE=nG     memory for the buffers of make bench (9G if there is so much, or 2G)'
	@echo '  SECONDS=n            how long make race takes (60); THREADS=n, REPLAY=text'
	@echo '  VARIANT=name         kernel configuration tests/configs/name.config (base)'
	@echo '  CONFIG_EXTRA=file    options on top of that'
	@echo '  MUTATIONS=regex      of make test-mutations; PARTS=regex, RACE=s of make test-full'
	@echo '  VGEM_PFN_CACHE=dir   where downloads and builds are kept'
	@echo '                       (~/.cache/vgem_pfn; about 5 GB)'
	@echo '  JOBS=n               compilers at a time (one per CPU)'
	@echo '  V=1                  show the output of what is run'

run test prove coverage bench bench-compare residency shell kernel check check-configs docs:
	@exec $(H)/$@.sh

test-times test-list test-inject test-iommufd test-nested test-full: test-%:
	@exec $(H)/$*.sh

test-harness:
	@exec $(H)/selftest.sh

test-prove:
	@exec $(H)/selftest-prove.sh

test-mutations:
	@exec $(H)/mutate.sh

# bash has a SECONDS of its own.
race:
	@RACE_SECONDS='$(SECONDS)' exec $(H)/race.sh

clean:
	rm -rf out

clean-cache: clean
	@exec $(H)/clean-cache.sh
