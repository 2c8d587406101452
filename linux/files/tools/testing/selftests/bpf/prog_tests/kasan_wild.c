// SPDX-License-Identifier: GPL-2.0
/*
 * CONFIG_BPF_KASAN: a pointer to where no memory is. It has no shadow either, so that the program
 * dies of looking for it, and the oops has to say what the program meant.
 *
 * Each case kills a process in the middle of a program. A preemptible kernel loses nothing else
 * but the module, which can no longer be unloaded: so this is the last test in the alphabet.
 */
#include <sys/wait.h>
#include <test_progs.h>

#include "kasan_helpers.h"
#include "sysctl_helpers.h"

#include "kasan_report_prog.skel.h"

#define PANIC_ON_OOPS	"/proc/sys/kernel/panic_on_oops"
#define ACCESS_OFF	16	/* of the program's load from the pointer */
#define MAX_LINE	512

static const struct wild_case {
	const char *name;
	__u64 addr;
	const char *bug;
} cases[] = {
	{ "null", 8, "null-ptr-deref" },
	{ "user", 0x7f1234560000, "probably user-memory-access" },
	{ "noncanonical", 0x4000000000000000, "probably wild-memory-access" },
	{ "poison", 0xdead000000000100, "probably wild-memory-access" },
};

/* The JIT has to tell a shadow load from other instructions, and only this one does. */
#ifdef __x86_64__
static const bool explained = true;
#else
static const bool explained;
#endif

static int kmsg = -1;

/* The process does not survive it. */
static void run_in_child(int fd, __u64 addr)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int status = 0;
	pid_t pid;

	opts.ctx_in = &addr;
	opts.ctx_size_in = sizeof(addr);
	pid = fork();
	if (!ASSERT_GE(pid, 0, "fork"))
		return;
	if (!pid)
		_exit(bpf_prog_test_run_opts(fd, &opts) ? 1 : 0);
	ASSERT_EQ(waitpid(pid, &status, 0), pid, "waitpid");
	ASSERT_TRUE(WIFSIGNALED(status), "killed");
}

static bool find_line(const char *wanted)
{
	char line[MAX_LINE];

	while (kasan_log_read_line(kmsg, line, sizeof(line)) > 0)
		if (!strcmp(line, wanted))
			return true;
	return false;
}

static void expect_next(const char *wanted)
{
	char line[MAX_LINE] = "";

	ASSERT_EQ(kasan_log_read_line(kmsg, line, sizeof(line)), 1, "next line");
	ASSERT_HAS_SUBSTR(line, wanted, "line");
}

static void test_case(const struct bpf_program *prog, const struct wild_case *c)
{
	__u64 granule = (c->addr + ACCESS_OFF) & ~7ULL;
	char wanted[MAX_LINE];

	run_in_child(bpf_program__fd(prog), c->addr);
	snprintf(wanted, sizeof(wanted), "KASAN: %s in range [0x%016llx-0x%016llx]", c->bug,
		 granule, granule + 7);
	if (!ASSERT_TRUE(find_line(wanted), wanted))
		return;
	expect_next("by BPF program report_wild (id ");
	expect_next(" = *(u64 *)(r");
	expect_next("/* wild read */");
	while (kasan_log_read_line(kmsg, wanted, sizeof(wanted)) > 0)
		;
}

static void test_cases(void)
{
	struct kasan_report_prog *skel;
	char old[16];

	skel = kasan_report_prog__open_and_load();
	if (!ASSERT_OK_PTR(skel, "open_and_load"))
		return;
	if (!sysctl_set_or_fail(PANIC_ON_OOPS, old, "0")) {
		for (int i = 0; i < ARRAY_SIZE(cases); i++)
			if (test__start_subtest(cases[i].name))
				test_case(skel->progs.report_wild, &cases[i]);
		sysctl_set_or_fail(PANIC_ON_OOPS, NULL, old);
	}
	kasan_report_prog__destroy(skel);
}

void serial_test_kasan_wild(void)
{
	if (!explained) {
		printf("SKIP:the JIT does not explain faults\n");
		test__skip();
		return;
	}
	kmsg = kasan_test_start();
	if (kmsg < 0)
		return;
	test_cases();
	kasan_test_abandon(kmsg);
}
