// SPDX-License-Identifier: GPL-2.0
/*
 * CONFIG_BPF_KASAN with CONFIG_KASAN_SW_TAGS: an access is bad if the memory's tag is not the
 * pointer's, and not if the pointer matches all.
 */
#include <test_progs.h>

#include "kasan_helpers.h"
#include "progs/kasan_tags.h"

#include "kasan_tags.skel.h"

#define FREED_WORD 0x5a5a5a5a5a5a5a5aULL	/* what the constructor left there */

static const struct tag_case {
	const char *name;
	struct tag_args args;
	bool bad;
	const char *bug;	/* NULL for any: what KASAN remembers may have been overwritten */
} cases[] = {
	{ "first",		{ .off = AT } },
	{ "last",		{ .off = END - 8 } },
	{ "two_granules",	{ .off = END - 20 } },
	{ "past",		{ .off = END }, true },
	{ "straddle",		{ .off = END - 1 }, true },
	{ "freed",		{ .off = AT, .freed = 1, .value = FREED_WORD }, true,
				"slab-use-after-free" },
	{ "wrong_lowest",	{ .off = AT, .flip = 0x01 }, true },
	{ "wrong_highest",	{ .off = AT, .flip = 0x80 }, true },
	{ "match_all",		{ .off = AT, .flip = MATCH_ALL } },
	{ "match_all_past",	{ .off = END, .flip = MATCH_ALL } },
};

static int kmsg = -1;

static void check_report(const struct tag_case *c, const char *prog, bool write)
{
	struct kasan_report report = {};
	int cnt = kasan_log_read(kmsg, &report, 1);

	if (!ASSERT_EQ(cnt, c->bad, "reports") || !cnt)
		return;
	if (c->bug)
		ASSERT_STREQ(report.bug, c->bug, "bug class");
	ASSERT_STREQ(report.func, prog, "function");
	ASSERT_HAS_SUBSTR(report.prog, ", type SYSCALL)", "program");
	ASSERT_HAS_SUBSTR(report.insn, " +8)", "instruction");
	ASSERT_EQ(report.write, write, "is a write");
	ASSERT_EQ(report.size, 8, "size");
	if (!c->args.freed)
		ASSERT_EQ(report.addr % 128, c->args.off, "offset");
}

static void run_case(const struct bpf_program *prog, const struct tag_case *c, bool instrumented)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	const char *name = bpf_program__name(prog);
	struct tag_args args = c->args;

	opts.ctx_in = &args;
	opts.ctx_size_in = sizeof(args);
	if (!ASSERT_OK(bpf_prog_test_run_opts(bpf_program__fd(prog), &opts), "test_run"))
		return;
	ASSERT_EQ(opts.retval, 0, "retval");
	if (instrumented)
		check_report(c, name, !strncmp(name, "store", 5));
	else
		ASSERT_EQ(kasan_log_read(kmsg, NULL, 0), 0, "reports without checks");
}

static void run_cases(bool instrumented)
{
	const char *mode = instrumented ? "on" : "off";
	struct bpf_program *prog;
	struct kasan_tags *skel;
	char name[64];

	kasan_instrument(instrumented);
	skel = kasan_tags__open_and_load();
	kasan_instrument(true);
	if (!ASSERT_OK_PTR(skel, "open_and_load"))
		return;
	bpf_object__for_each_program(prog, skel->obj) {
		for (int i = 0; i < ARRAY_SIZE(cases); i++) {
			snprintf(name, sizeof(name), "%s/%s/%s", mode, bpf_program__name(prog),
				 cases[i].name);
			if (test__start_subtest(name))
				run_case(prog, &cases[i], instrumented);
		}
	}
	kasan_tags__destroy(skel);
}

void serial_test_kasan_tags(void)
{
	kmsg = kasan_test_start_tags();
	if (kmsg < 0)
		return;
	run_cases(true);
	run_cases(false);
	kasan_test_end(kmsg);
}
