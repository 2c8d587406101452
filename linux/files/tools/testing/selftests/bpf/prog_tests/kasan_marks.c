// SPDX-License-Identifier: GPL-2.0
/*
 * CONFIG_BPF_KASAN: what the check of one access looks at, one granule or two, where that depends
 * on what the verifier has learned on several paths, or on where the kernel puts a value.
 */
#include <test_progs.h>

#include "kasan_helpers.h"
#include "sysctl_helpers.h"
#include "kasan_marks.skel.h"

#define SYSCTL		"/proc/sys/kernel/bpf_kasan"
#define PACKET_SIZE	64

static const struct mark_case {
	const char *prog;
	__u64 arg;
	bool bad;		/* one access of 8 bytes is, a load */
	const char *func;	/* that makes it, NULL for the program itself */
} cases[] = {
	{ "aligned_first", 0, true, "read_word" },
	{ "aligned_last", 0, true, "read_word" },
	{ "lpm_value", 0, true },
	{ "probe_straddle", 0, true },
	{ "probe_straddle", 1, true },
	{ "probe_straddle", 2, false },
};

static int kmsg = -1;

static int run(const struct bpf_program *prog, __u64 arg)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	__u8 packet[PACKET_SIZE] = {};

	if (bpf_program__type(prog) == BPF_PROG_TYPE_SYSCALL) {
		opts.ctx_in = &arg;
		opts.ctx_size_in = sizeof(arg);
	} else {
		opts.data_in = packet;
		opts.data_size_in = sizeof(packet);
	}
	if (!ASSERT_OK(bpf_prog_test_run_opts(bpf_program__fd(prog), &opts), "test_run"))
		return -1;
	return opts.retval;
}

static void test_case(const struct bpf_object *obj, const struct mark_case *c)
{
	struct kasan_report report = {};
	struct bpf_program *prog;

	prog = bpf_object__find_program_by_name(obj, c->prog);
	if (!ASSERT_OK_PTR(prog, c->prog))
		return;
	ASSERT_EQ(run(prog, c->arg), 0, "retval");
	if (!ASSERT_EQ(kasan_log_read(kmsg, &report, 1), c->bad, "reports") || !c->bad)
		return;
	ASSERT_STREQ(report.func, c->func ?: c->prog, "function");
	ASSERT_EQ(report.size, 8, "size");
	ASSERT_FALSE(report.write, "is a write");
}

static void run_cases(const struct bpf_object *obj)
{
	char name[64];

	for (int i = 0; i < ARRAY_SIZE(cases); i++) {
		/* The portable form leaves alone what may fault. */
		if (kasan_is_portable() && !strcmp(cases[i].prog, "probe_straddle"))
			continue;
		snprintf(name, sizeof(name), "%s/%llu", cases[i].prog, cases[i].arg);
		if (test__start_subtest(name))
			test_case(obj, &cases[i]);
	}
}

/* With kernel.bpf_kasan=2, loads that may fault are checked too; all others are as with 1. */
void serial_test_kasan_marks(void)
{
	struct kasan_marks *skel;

	kmsg = kasan_test_start();
	if (kmsg < 0)
		return;

	sysctl_set_or_fail(SYSCTL, NULL, "2");
	skel = kasan_marks__open_and_load();
	kasan_instrument(true);
	if (ASSERT_OK_PTR(skel, "open_and_load"))
		run_cases(skel->obj);
	kasan_marks__destroy(skel);
	kasan_test_end(kmsg);
}
