# SPDX-License-Identifier: GPL-2.0-only
# The front door. What happens is in scripts/, each of which can be run by itself.

.DEFAULT_GOAL := help
TARGETS := demo check check-full check-verifier-bugs fuzz bench bench-load bench-stack mutate kernel selftests run shell deps series check-series export deb
.PHONY: help $(TARGETS) $(TARGETS:%=do-%) clean distclean
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory --no-builtin-rules

export ARCH KERNEL LINUX CONFIG TIMEOUT DRYRUN JOBS MEM CPUS GUESTS
CMD ?=

help:
	@echo "make demo          build all, then catch a use-after-free of a BPF program in a guest"
	@echo "make check         all tests: of the kernel code, in a guest, and of these tools"
	@echo "make check-full    the kernel's own BPF selftests, with checks and without; takes hours, TESTS='progs/*'"
	@echo "make check-verifier-bugs   put bugs of the verifier back: are their programs caught? PROGRAMS='a b'"
	@echo "make fuzz BUG=name   random programs on a kernel with such a bug, until one is caught; COUNT=10000"
	@echo "make bench         measure what a check costs, next to a call before each access"
	@echo "make bench-load    how long programs take to load, with checks and without; PROGRAMS='pyperf*'"
	@echo "make bench-stack   what redzones of stack frames add to the call of a subprogram"
	@echo "make mutate        does some test notice each of the bugs in tests/mutants, or MUTANTS='a b'?"
	@echo "make series        write out/series-KERNEL: patches for git am, with a cover letter"
	@echo "make check-series  apply, build and check each of these patches, with gcc and clang"
	@echo "make export FROM=dir BASE=v7.2   take back the series from a git tree in which it was edited"
	@echo "make deb           installable kernel packages; FLAVOUR=debian: with Debian's options"
	@echo "make kernel        get, patch, configure and build the kernel"
	@echo "make selftests     build test_progs with the tests of this project, or TESTS='a b'"
	@echo "make run CMD='..'  run a command in the guest, in this directory"
	@echo "make shell         a shell in the guest"
	@echo "make deps          install the packages that all of this needs"
	@echo "make clean         remove what was built for this kernel; distclean: all of the cache"
	@echo
	@echo "KERNEL=7.2|7.3       which kernel (7.2)         TIMEOUT=seconds   limit of a boot (900)"
	@echo "ARCH=x86_64|arm64|riscv64|s390x  of the guest   MEM=2G CPUS=2     of the guest"
	@echo "LINUX=dir|tarball    your own kernel source     DRYRUN=1          only print the QEMU command"
	@echo "CONFIG=file          more kernel options        JOBS=n            parallel jobs (all CPUs)"

# These end make with the exit status of their script, see scripts/exit_status.c. Before there is a
# compiler, with make's.
ifneq ($(filter $(TARGETS),$(MAKECMDGOALS)),)
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/bpf-kasan
STATUS := $(shell mktemp -u)
ifeq ($(words $(CACHE)),1) # else the script will complain
-load $(CACHE)/exit_status.so
$(CACHE)/exit_status.so: scripts/exit_status.c
	@{ mkdir -p $(@D) && gcc -shared -fPIC -O -o $@ $<; } 2>/dev/null || rm -f $@ 2>/dev/null
endif
endif

do-demo do-check do-bench do-bench-stack do-kernel do-deps do-series do-check-series: do-%:
	@scripts/$*; echo $$? >$(STATUS)

do-selftests:
	@scripts/selftests $(TESTS); echo $$? >$(STATUS)

do-mutate:
	@scripts/mutate $(MUTANTS); echo $$? >$(STATUS)

do-fuzz:
	@scripts/fuzz $(BUG) $(COUNT); echo $$? >$(STATUS)

do-check-verifier-bugs:
	@scripts/check-verifier-bugs $(PROGRAMS); echo $$? >$(STATUS)

# Patterns are not for this shell.
do-check-full:
	@set -f; scripts/check-full $(TESTS); echo $$? >$(STATUS)

do-bench-load:
	@set -f; scripts/bench-load $(PROGRAMS); echo $$? >$(STATUS)

do-export:
	@scripts/export $(FROM) $(BASE); echo $$? >$(STATUS)

do-deb:
	@scripts/deb $(FLAVOUR); echo $$? >$(STATUS)

do-run:
	$(if $(value CMD),,$(error give a command: make run CMD='uname -a'))
	@scripts/run "$$GUEST_COMMAND"; echo $$? >$(STATUS)
do-run: export GUEST_COMMAND := $(value CMD)

do-shell:
	@scripts/run; echo $$? >$(STATUS)

$(TARGETS): %: do-%
	@$(exit-status $(STATUS)) exit $$(cat $(STATUS); rm -f $(STATUS))

clean distclean:
	@scripts/clean $@

%:
	@echo "error: there is no target '$@': make help lists them" >&2; exit 1
Makefile: ;
