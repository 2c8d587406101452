/* SPDX-License-Identifier: GPL-2.0 */
#ifndef __KASAN_HELPERS_H
#define __KASAN_HELPERS_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

struct bpf_object;

/* What a KASAN report says about an access by a BPF program. */
struct kasan_report {
	char bug[32];
	char func[128];		/* of the program; where it is in the kernel if it is there */
	bool write;
	int size;
	__u64 addr;
	/* The lines on the BPF program, empty where the report has none. */
	char prog[192];
	char insn[128];
	char source[192];
};

/* Returns a descriptor that reads what the kernel logs from now on, or a negative error. */
int kasan_log_open(void);

/*
 * Reads the reports logged since the descriptor was opened or read. Returns how many there
 * were, of which the first @max are stored, or a negative error: -EPIPE if the kernel overwrote
 * lines before they were read, -EBADMSG if a report is incomplete.
 */
int kasan_log_read(int fd, struct kasan_report *reports, int max);

/* Reads the text of the next message of the log, as kasan_log_read() would. 0 if there is none. */
int kasan_log_read_line(int fd, char *line, size_t size);

/* One access of which there is to be a report. */
struct kasan_access {
	bool write;
	int size;
};

/*
 * Whether the reports since the last read are those of exactly these accesses, in this order, all
 * of one bug class, in one function of a program of that type, "XDP" for instance.
 */
bool kasan_check_reports(int fd, const char *bug, const char *func, const char *type,
			 const struct kasan_access *accesses, int cnt);

/* A count in the fdinfo of a program, "kasan_checked" for instance, or -1. */
long kasan_read_count(int prog_fd, const char *name);

/* The same of all programs, "checked" for instance. */
long kasan_read_total(const char *name);

/* Whether cold paths are plain bytecode, as for a JIT that has no check call. */
bool kasan_is_portable(void);

/* A descriptor of the BTF of the module, for calls in instructions that libbpf does not see. */
int kasan_module_btf(void);

/* For the log of a test that found others than it expects. */
void kasan_print_reports(const struct kasan_report *reports, int cnt);

/*
 * Reads the reports, and checks that there are @cnt of them, each with the bug class, the function,
 * the direction and the size of @expected.
 */
void kasan_expect(int fd, const struct kasan_report *expected, int cnt);

/* Whether programs that are loaded from now on are instrumented. */
bool kasan_instrument(bool on);

/* Whether the JIT has to support everything that the tests use, as on x86-64 and arm64. */
bool kasan_jit_is_complete(void);

/* Whether it supports acquiring loads and releasing stores. */
bool kasan_jit_has_acquire(void);

/* Skips a test that has failed since kmalloc_nolock() has no memory, as on riscv64. */
bool kasan_skip_without_memory(int err);

/*
 * If a JIT need not be complete, leaves out those programs of an object that the kernel does not
 * even load without checks. @elf_bytes makes a second object of the same.
 */
void kasan_leave_out_unsupported(struct bpf_object *obj, const void *(*elf_bytes)(size_t *size));

/* Whether a program has not been left out; if it has, the current test or subtest is skipped. */
bool kasan_is_supported(const struct bpf_object *obj, const char *prog);

/* Whether the kernel can check the stack, and whether it does in programs from now on. */
bool kasan_has_stack(void);
bool kasan_check_stack(bool on);

/*
 * A program that includes progs/kasan_target.h. It is run once with a target that is good, for no
 * report, and once with one that is bad. Both times it does the same.
 */
struct kasan_target_case {
	const char *prog;
	int retval;
	const char *func;	/* that accesses the target, NULL for the program itself */
	bool write;
	int size;		/* 0 for 8 */
	int cnt;		/* of accesses, 0 for one */
	bool clean;		/* does not access the target */
	__u64 arg;		/* of the program */
	const char *later;	/* what returns the result when there is one, or -1; NULL: @prog */
	const char *variant;	/* of a program with other cases, NULL: @arg */
	bool (*prepare)(struct bpf_object *obj);
};

/*
 * Runs all cases with a new object each for every way to load it: without instrumentation, with it,
 * and with what later passes may do to an instrumented program.
 */
void kasan_run_targets(int fd, const void *(*elf_bytes)(size_t *size),
		       const struct kasan_target_case *cases, int cnt);

/*
 * Around a test that uses the bpf_test_kasan module. Returns a descriptor of the log, or a negative
 * error if the test has been skipped or has failed: it needs CONFIG_BPF_KASAN, the module in the
 * current directory, and kasan_multi_shot on the kernel's command line. A report that nobody has
 * read by the end is a failure.
 *
 * A test of which bytes are bad needs generic KASAN. With CONFIG_KASAN_SW_TAGS, bad is what has
 * another tag than the pointer, 16 bytes at a time: that is for tests which start with _tags(), and
 * _any() is for those to which it is the same.
 */
int kasan_test_start(void);
int kasan_test_start_tags(void);
int kasan_test_start_any(void);

/* In a test for any: whether the kernel compares tags. The second skips the subtest if it does. */
bool kasan_has_tags(void);
bool kasan_skip_with_tags(void);
void kasan_test_end(int fd);

/* The same, where a program that was killed keeps the module for ever. Has to be the last test. */
void kasan_test_abandon(int fd);

#endif /* __KASAN_HELPERS_H */
