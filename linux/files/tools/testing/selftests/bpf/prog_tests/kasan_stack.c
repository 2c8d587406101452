// SPDX-License-Identifier: GPL-2.0
/* CONFIG_BPF_KASAN_STACK: what is outside of a frame is bad, as long as the frame is there. */
#include <test_progs.h>

#include "kasan_helpers.h"
#include "sysctl_helpers.h"
#include "kasan_stack.skel.h"
#include "kasan_stack_ext.skel.h"

#define HARDEN		"/proc/sys/net/core/bpf_jit_harden"
#define RUNS		3	/* of each case */

static const struct stack_case {
	const char *prog;
	long index;
	int reports;
	const char *func;	/* that makes the access, NULL for the program */
	int retval;
	int size;		/* 0 for 1 */
	bool write;
	const char *tail_called;
} cases[] = {
	{ "read_1", 0 },
	{ "read_1", 31 },
	{ "read_1", 63 },
	{ "read_1", 64, 1 },
	{ "read_1", 79, 1 },
	{ "read_1", -1, 1 },
	{ "read_1", -32, 1 },
	{ "read_8", 0, .size = 8 },
	{ "read_8", 56, .size = 8 },
	{ "read_8", 57, 1, .size = 8 },
	{ "read_8", 72, 1, .size = 8 },
	{ "read_8", -7, 1, .size = 8 },
	{ "write_8", 56, .size = 8, .write = true },
	{ "write_8", 64, 1, .size = 8, .write = true },
	{ "write_8", -8, 1, .size = 8, .write = true },
	{ "read_constant", 63 },
	{ "read_constant", 64, 1 },
	{ "read_constant", -1, 1 },
	{ "read_joined", 0 },
	{ "read_joined", 64, 1 },
	{ "read_joined", -1, 1 },
	{ "read_odd", 12 },
	{ "read_odd", 13, 1 },
	{ "read_odd", -3 },
	{ "read_odd", -4, 1 },

	{ "read_by_kfunc", 56 },

	{ "read_deep", 0 },
	{ "read_deep", 512, 1 },
	{ "read_deep", -1 },

	{ "call_sub", 63, .func = "sub_read" },
	{ "call_sub", 64, 1, "sub_read" },
	{ "call_sub", -1, 1, "sub_read" },
	{ "call_compute", 63 },
	{ "call_compute", 64, 1, "sub_compute" },
	{ "call_compute", -1, 1, "sub_compute" },
	{ "call_access", 63 },
	{ "call_access", 64, 1, "sub_access" },
	{ "call_access", -1, 1, "sub_access" },
	{ "call_loop", 63 },
	{ "call_loop", 64, 3, "loop_callback" },
	{ "call_loop", -1, 3, "loop_callback" },

	{ "tail", 63 },
	{ "tail", 64, 1 },
	{ "tail", -1, 1 },
	{ "tail", 63, .tail_called = "read_1" },
	{ "tail", 64, 1, "read_1", .tail_called = "read_1" },
	{ "tail", -1, 1, "read_1", .tail_called = "read_1" },
	{ "tail", 0, .tail_called = "constants", .retval = 7 },
	{ "tail_from_sub", 63 },
	{ "tail_from_sub", 64, 1, "sub_tail" },
	{ "tail_from_sub", -1, 1, "sub_tail" },
	{ "tail_from_sub", 63, .tail_called = "read_1" },
	{ "tail_from_sub", 64, 1, "read_1", .tail_called = "read_1" },

	{ "throw", 63, .retval = 7 },
	{ "throw", 64, 1, .retval = 7 },
	{ "throw_from_sub", 0, .retval = 7 },
	{ "throw_from_sub", 63, .retval = 7, .func = "sub_throw" },
	{ "throw_caught", 0, .retval = 128 },
};

static int kmsg = -1;

static int run_on(struct bpf_program *prog, long index)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	opts.ctx_in = &index;
	opts.ctx_size_in = sizeof(index);
	if (!ASSERT_OK(bpf_prog_test_run_opts(bpf_program__fd(prog), &opts), "test_run"))
		return -1;
	return opts.retval;
}

static bool set_tail_call(struct kasan_stack *skel, const char *name)
{
	int map = bpf_map__fd(skel->maps.jumps), fd;
	__u32 slot = 0;

	if (!name) {
		bpf_map_delete_elem(map, &slot);
		return true;
	}
	fd = bpf_program__fd(bpf_object__find_program_by_name(skel->obj, name));
	return ASSERT_OK(bpf_map_update_elem(map, &slot, &fd, BPF_ANY), "update prog array");
}

static void run_case(struct kasan_stack *skel, const struct stack_case *c, bool on)
{
	struct kasan_report expected = {
		.bug = "stack-out-of-bounds",
		.write = c->write,
		.size = c->size ?: 1,
	};
	struct bpf_program *prog = bpf_object__find_program_by_name(skel->obj, c->prog);
	int i;

	if (!ASSERT_OK_PTR(prog, c->prog) || !set_tail_call(skel, c->tail_called))
		return;
	snprintf(expected.func, sizeof(expected.func), "%s", c->func ?: c->prog);
	for (i = 0; i < RUNS; i++) {
		ASSERT_EQ(run_on(prog, c->index), c->retval, "retval");
		kasan_expect(kmsg, &expected, on ? c->reports : 0);
		ASSERT_EQ(run_on(skel->progs.stale, 0), 0, "poisoned granules");
	}
}

static void run_cases(struct kasan_stack *skel, const char *mode, bool on)
{
	const struct stack_case *c;
	char name[64];

	for (c = cases; c < cases + ARRAY_SIZE(cases); c++) {
		snprintf(name, sizeof(name), "%s/%s/%ld/%s", mode, c->prog, c->index,
			 c->tail_called ?: "");
		if (test__start_subtest(name) && kasan_is_supported(skel->obj, c->prog) &&
		    (!c->tail_called || kasan_is_supported(skel->obj, c->tail_called)))
			run_case(skel, c, on);
	}
}

/* What the kernel does with memory on the stack. */
static void test_kfunc(struct kasan_stack *skel)
{
	struct kasan_report report = {};

	ASSERT_EQ(run_on(skel->progs.read_by_kfunc, 57), 0, "retval");
	if (!ASSERT_EQ(kasan_log_read(kmsg, &report, 1), 1, "reports"))
		return;
	ASSERT_STREQ(report.bug, "stack-out-of-bounds", "bug class");
	ASSERT_HAS_SUBSTR(report.func, "bpf_test_kasan_read+", "function");
#ifndef __riscv /* where no program is found on the stack */
	ASSERT_HAS_SUBSTR(report.prog, "called from BPF program read_by_kfunc ", "program");
#endif
	ASSERT_EQ(report.size, 8, "size");
}

/* On the stack of an interrupt. */
static void test_timer(struct kasan_stack *skel)
{
	struct kasan_report expected = {
		.bug = "stack-out-of-bounds",
		.func = "timer_callback",
		.size = 1,
	};
	static const struct {
		long index;
		int reports;
	} calls[] = { { 63, 0 }, { 64, 1 }, { -1, 1 }, { 0, 0 } };
	int i, tries, err;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		err = run_on(skel->progs.call_timer, calls[i].index);
		if (kasan_skip_without_memory(err))
			return;
		ASSERT_EQ(err, 0, "retval");
		for (tries = 0; tries < 1000 && !READ_ONCE(skel->bss->called); tries++)
			usleep(10000);
		ASSERT_EQ(skel->bss->called, 1, "called");
		kasan_expect(kmsg, &expected, calls[i].reports);
	}
}

static struct bpf_link *attach(struct kasan_stack_ext *ext, const char *name,
			       struct bpf_program *target, const char *func)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(ext->obj, name);

	bpf_program__set_autoload(prog, true);
	if (!ASSERT_OK(bpf_program__set_attach_target(prog, bpf_program__fd(target), func),
		       "set_attach_target") ||
	    !ASSERT_OK(kasan_stack_ext__load(ext), "load"))
		return NULL;
	return bpf_program__attach(prog);
}

/* With something attached to the target meanwhile: what @c says, and how often that has run. */
static void run_attached(struct kasan_stack *skel, const char *name, struct bpf_program *target,
			 const char *func, const struct stack_case *c, __u64 runs)
{
	struct kasan_stack_ext *ext = kasan_stack_ext__open();
	struct bpf_link *link;

	if (!ASSERT_OK_PTR(ext, "open"))
		return;
	link = attach(ext, name, target, func);
	if (ASSERT_OK_PTR(link, name)) {
		run_case(skel, c, true);
		ASSERT_EQ(ext->bss->entries + ext->bss->exits, runs, "runs");
	}
	bpf_link__destroy(link);
	kasan_stack_ext__destroy(ext);
}

static void test_attached(struct kasan_stack *skel)
{
	const struct stack_case good = { "read_1", 63 }, bad = { "read_1", 64, 1 };
	const struct stack_case replaced = { "call_replaceable", 64, 1, "bad_index", .retval = 5 };
	const struct stack_case not_replaced = { "call_replaceable", 2, .retval = 12 };

	run_attached(skel, "before", skel->progs.read_1, "read_1", &good, RUNS);
	run_attached(skel, "before", skel->progs.read_1, "read_1", &bad, RUNS);
	run_attached(skel, "after", skel->progs.read_1, "read_1", &good, RUNS);
	run_attached(skel, "after", skel->progs.read_1, "read_1", &bad, RUNS);
	run_case(skel, &not_replaced, true);
	run_attached(skel, "extension", skel->progs.call_replaceable, "replaceable", &replaced, 0);
	run_case(skel, &not_replaced, true);
}

/* A frame that is not on the task's stack. What stays poisoned is found when it is freed. */
static void test_private(struct kasan_stack *skel)
{
	struct kasan_report expected = {
		.bug = "stack-out-of-bounds",
		.func = "read_private",
		.size = 1,
	};
	static const long bad[] = { 64, 79, -1, -32 };
	int i;

	run_on(skel->progs.read_private, 63);
	kasan_expect(kmsg, &expected, 0);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		run_on(skel->progs.read_private, bad[i]);
		kasan_expect(kmsg, &expected, 1);
	}
}

static void expect_redzones(struct bpf_program *prog, int redzones, int omitted)
{
	int fd = bpf_program__fd(prog);

	ASSERT_EQ(kasan_read_count(fd, "kasan_redzones"), redzones, bpf_program__name(prog));
	ASSERT_EQ(kasan_read_count(fd, "kasan_redzones_omitted"), omitted,
		  bpf_program__name(prog));
}

static void test_counts(struct kasan_stack *off, struct kasan_stack *skel)
{
	expect_redzones(off->progs.read_1, 0, 0);
	expect_redzones(skel->progs.read_1, 2, 0);
	expect_redzones(skel->progs.read_deep, 1, 1);
	expect_redzones(skel->progs.chain_full, 2, 2);
	expect_redzones(skel->progs.chain_fits, 4, 0);
	expect_redzones(skel->progs.call_sub, 2, 0);
	expect_redzones(skel->progs.call_compute, 2, 0);
	expect_redzones(skel->progs.read_private, 2, 0);
	expect_redzones(skel->progs.constants, 0, 0);
}

static __u32 xlated_len(struct bpf_program *prog)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);

	if (!ASSERT_OK(bpf_prog_get_info_by_fd(bpf_program__fd(prog), &info, &len), "info"))
		return 0;
	return info.xlated_prog_len;
}

static void test_same(struct kasan_stack *off, struct kasan_stack *on)
{
	long seed;

	ASSERT_EQ(xlated_len(off->progs.constants), xlated_len(on->progs.constants), "length");
	ASSERT_EQ(run_on(on->progs.constants, 0), 7, "retval");
	ASSERT_GT(kasan_read_count(bpf_program__fd(on->progs.sort), "kasan_redzones"), 0,
		  "redzones");
	for (seed = 0; seed < 10; seed++)
		ASSERT_EQ(run_on(off->progs.sort, seed), run_on(on->progs.sort, seed), "checksum");
}

static struct kasan_stack *load(bool on, bool harden)
{
	struct kasan_stack *skel;
	char old[16];

	if (!kasan_check_stack(on) ||
	    sysctl_set_or_fail(HARDEN, old, harden ? "2" : "0"))
		return NULL;
	skel = kasan_stack__open();
	if (ASSERT_OK_PTR(skel, "open")) {
		kasan_leave_out_unsupported(skel->obj, kasan_stack__elf_bytes);
		ASSERT_OK(kasan_stack__load(skel), "load");
	}
	sysctl_set_or_fail(HARDEN, NULL, old);
	return skel;
}

void serial_test_kasan_stack(void)
{
	struct kasan_stack *off = NULL, *on = NULL, *hardened = NULL;

	if (!kasan_has_stack()) {
		test__skip();
		return;
	}
	kmsg = kasan_test_start();
	if (kmsg < 0)
		return;

	off = load(false, false);
	on = load(true, false);
	hardened = load(true, true);
	if (off && on && hardened) {
		run_cases(off, "off", false);
		run_cases(on, "on", true);
		run_cases(hardened, "hardened", true);
		if (test__start_subtest("kfunc"))
			test_kfunc(on);
		if (test__start_subtest("timer"))
			test_timer(on);
		if (test__start_subtest("attached"))
			test_attached(on);
		if (test__start_subtest("private"))
			test_private(on);
		if (test__start_subtest("counts"))
			test_counts(off, on);
		if (test__start_subtest("same"))
			test_same(off, on);
	}
	kasan_stack__destroy(hardened);
	kasan_stack__destroy(on);
	kasan_stack__destroy(off);
	kasan_test_end(kmsg);
}
