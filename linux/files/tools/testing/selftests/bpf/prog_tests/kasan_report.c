// SPDX-License-Identifier: GPL-2.0
/*
 * CONFIG_BPF_KASAN: what a report says of the program, in the kernel log, in the program's stderr
 * stream, in its fdinfo and to a tracepoint, wherever and however often the bad access happens.
 */
#include <pthread.h>
#include <test_progs.h>

#include "disasm_helpers.h"
#include "kasan_helpers.h"
#include "sysctl_helpers.h"

#include "kasan_report_prog.skel.h"

#define SYSCTL		"/proc/sys/kernel/bpf_kasan"
#define BPF_REG_AX	12
#define RUNS		5	/* whose reports have to fit into the log buffer */
#define FLOOD		40
#define STREAM_LIMIT	10	/* reports of a program in a second */

static int kmsg = -1;

static int run_fd(int fd, __u64 arg)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	opts.ctx_in = &arg;
	opts.ctx_size_in = sizeof(arg);
	return bpf_prog_test_run_opts(fd, &opts);
}

/* Runs a program that is to be reported once. */
static bool run(int fd, struct kasan_report *report)
{
	return ASSERT_OK(run_fd(fd, 0), "test_run") &&
	       ASSERT_EQ(kasan_log_read(kmsg, report, 1), 1, "reports");
}

/* "HOW BPF program NAME (id ID, tag TAG, type TYPE) in FUNC" */
static void format_prog(char *line, size_t size, int fd, const char *how, const char *func)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	char tag[17];

	ASSERT_OK(bpf_prog_get_info_by_fd(fd, &info, &len), "get_info");
	for (int i = 0; i < 8; i++)
		sprintf(tag + 2 * i, "%02x", info.tag[i]);
	snprintf(line, size, "%s BPF program %s (id %u, tag %s, type %s)%s%s", how, info.name,
		 info.id, tag, info.type == BPF_PROG_TYPE_XDP ? "XDP" : "SYSCALL",
		 func ? " in " : "", func ?: "");
}

static bool is_call(const struct bpf_insn *insn)
{
	return insn->code == (BPF_JMP | BPF_CALL);
}

/* Other calls have no destination register. That of the portable form, arguments in r2 and r3. */
static bool is_check_call(const struct bpf_insn *insn)
{
	if (!kasan_is_portable())
		return is_call(insn) && insn->dst_reg == BPF_REG_AX;
	return is_call(insn) && insn[-1].code == (BPF_ALU64 | BPF_MOV | BPF_K) &&
	       insn[-1].dst_reg == BPF_REG_3 && insn[-2].code == insn[-1].code &&
	       insn[-2].dst_reg == BPF_REG_2 && insn[-3].dst_reg == BPF_REG_1;
}

static bool is_access(const struct bpf_insn *insn)
{
	__u8 class = BPF_CLASS(insn->code);
	bool shadow = class == BPF_LDX && insn->dst_reg == BPF_REG_AX;

	return (class == BPF_LDX || class == BPF_ST || class == BPF_STX) && !shadow;
}

static __u32 skip_accesses(const struct bpf_insn *insns, __u32 len, __u32 i, __u32 nth)
{
	for (; i < len; i++)
		if (is_access(&insns[i]) && !nth--)
			break;
	return i;
}

/*
 * The access that the check at @i is for: counting from where the cold path jumps back to, or from
 * the next instruction if the check is in place.
 */
static __u32 checked_access(const struct bpf_insn *insns, __u32 len, __u32 i)
{
	__u32 nth = (__u16)insns[i].off >> 6;

	for (i++; i < len && (insns[i].dst_reg == BPF_REG_AX); i++)
		;
	if (insns[i].code == (BPF_JMP | BPF_JA))
		i += 1 + insns[i].off;
	return skip_accesses(insns, len, i, nth);
}

/* The same for the portable form, which says how many shadow loads come before the check's. */
static __u32 checked_access_portable(const struct bpf_insn *insns, __u32 len, __u32 call)
{
	__u32 i, nth = insns[call - 2].imm >> 6;
	int loads = insns[call - 1].imm;

	for (i = 0; i < len && loads >= 0; i++)
		loads -= insns[i].code == (BPF_LD | BPF_IMM | BPF_DW) &&
			 insns[i].dst_reg == BPF_REG_AX;
	return skip_accesses(insns, len, i, nth);
}

/* "insn NUMBER: TEXT" of the access that check @nr is for, as bpftool would dump it */
static void format_insn(char *line, size_t size, int fd, int nr)
{
	struct bpf_insn *insns;
	char text[64];
	__u32 i, len;

	line[0] = 0;
	if (!ASSERT_OK(get_xlated_program(fd, &insns, &len), "xlated"))
		return;
	for (i = 3; i < len; i++)
		if (is_check_call(&insns[i]) && !nr--)
			break;
	i = kasan_is_portable() ? checked_access_portable(insns, len, i) :
				  checked_access(insns, len, i);
	if (ASSERT_LT(i, len, "access")) {
		disasm_insn(&insns[i], text, sizeof(text));
		snprintf(line, size, "insn %u: (%02x) %s", i, insns[i].code, text);
	}
	free(insns);
}

static void check_text(const struct kasan_report *report, int fd, const char *how,
		       const char *func, const char *insn, const char *comment)
{
	char prog[sizeof(report->prog)];

	format_prog(prog, sizeof(prog), fd, how, func);
	ASSERT_STREQ(report->prog, prog, "program");
	ASSERT_STREQ(report->insn, insn, "instruction");
	ASSERT_HAS_SUBSTR(report->source, "kasan_report_prog.c:", "file");
	ASSERT_HAS_SUBSTR(report->source, comment, "source line");
}

static void test_text(const struct bpf_program *prog, const char *func, const char *comment)
{
	struct kasan_report report;
	int fd = bpf_program__fd(prog);
	char insn[128];

	format_insn(insn, sizeof(insn), fd, 0);
	if (!run(fd, &report))
		return;
	ASSERT_STREQ(report.func, func, "function");
	check_text(&report, fd, "by", func, insn, comment);
}

/* The kernel makes the access, and the report names its function; the program is named below. */
static void test_kernel(const struct bpf_program *prog)
{
	struct kasan_report report;
	int fd = bpf_program__fd(prog);

	if (!run(fd, &report))
		return;
	ASSERT_HAS_SUBSTR(report.func, "bpf_test_kasan_read+", "function");
	check_text(&report, fd, "called from", "report_kernel", "", "/* kernel reads */");
}

/* Such a load is checked with kernel.bpf_kasan=2 only, and reads the same either way. */
static void test_probe(bool checked)
{
	struct kasan_report_prog *skel;
	struct kasan_report report;
	char insn[128];
	int fd;

	sysctl_set_or_fail(SYSCTL, NULL, checked ? "2" : "1");
	skel = kasan_report_prog__open_and_load();
	sysctl_set_or_fail(SYSCTL, NULL, "1");
	if (!ASSERT_OK_PTR(skel, "open_and_load"))
		return;

	fd = bpf_program__fd(skel->progs.report_probe);
	if (!checked) {
		ASSERT_OK(run_fd(fd, 0), "test_run");
		ASSERT_EQ(kasan_log_read(kmsg, NULL, 0), 0, "reports");
	} else if (run(fd, &report)) {
		/* Its check is in place, before the cold path of the other load. */
		format_insn(insn, sizeof(insn), fd, 0);
		check_text(&report, fd, "by", "report_probe", insn, "/* tolerant read */");
	}
	ASSERT_EQ(skel->bss->probed, 0x5a5a5a5a5a5a5a5aULL, "what the load has read");
	kasan_report_prog__destroy(skel);
}

/*
 * Nor is a load that may fault reported where it does. The formula is meant for kernel addresses:
 * it takes this one to @shadow, which has a byte that is not 0. That is so on x86-64, where
 * KASAN_SHADOW_OFFSET is 0xdffffc0000000000.
 */
static void probe_wild(struct kasan_report_prog *skel, u64 shadow)
{
	skel->bss->probed = 1;
	ASSERT_OK(run_fd(bpf_program__fd(skel->progs.report_probe_wild),
			 (shadow - 0xdffffc0000000000) << 3), "test_run");
	ASSERT_EQ(kasan_log_read(kmsg, NULL, 0), 0, "reports");
	ASSERT_EQ(skel->bss->probed, 0, "what the load has read");
}

/* For a shadow, the kernel's text belongs to a user's address, and its data to nobody's. */
static void test_probe_wild(void)
{
	struct kasan_report_prog *skel;
	unsigned long long text;

	if (!ASSERT_OK(kallsyms_find("_stext", &text), "_stext"))
		return;
	sysctl_set_or_fail(SYSCTL, NULL, "2");
	skel = kasan_report_prog__open_and_load();
	sysctl_set_or_fail(SYSCTL, NULL, "1");
	if (!ASSERT_OK_PTR(skel, "open_and_load"))
		return;

	probe_wild(skel, text);
	ASSERT_OK(run_fd(bpf_program__fd(skel->progs.report_where), 0), "test_run");
	probe_wild(skel, skel->bss->where);
	kasan_report_prog__destroy(skel);
}

/* A map value is poisoned by one program, and read by another, which has no BTF. */
static void test_no_btf(struct kasan_report_prog *skel)
{
	struct bpf_insn insns[] = {
		BPF_LD_MAP_VALUE(BPF_REG_1, bpf_map__fd(skel->maps.values), 0),
		BPF_LDX_MEM(BPF_W, BPF_REG_0, BPF_REG_1, 4),
		BPF_EXIT_INSN(),
	};
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	struct kasan_report report;
	char prog[192], insn[128], packet[64] = {};
	int fd;

	fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "no_btf", "GPL", insns, ARRAY_SIZE(insns), NULL);
	if (!ASSERT_OK_FD(fd, "load"))
		return;

	opts.data_in = packet;
	opts.data_size_in = sizeof(packet);
	format_insn(insn, sizeof(insn), fd, 0);
	format_prog(prog, sizeof(prog), fd, "by", NULL);
	ASSERT_OK(run_fd(bpf_program__fd(skel->progs.poison_value), 1), "poison");
	ASSERT_OK(bpf_prog_test_run_opts(fd, &opts), "test_run");
	ASSERT_OK(run_fd(bpf_program__fd(skel->progs.poison_value), 0), "unpoison");
	if (ASSERT_EQ(kasan_log_read(kmsg, &report, 1), 1, "reports")) {
		ASSERT_STREQ(report.prog, prog, "program");
		ASSERT_STREQ(report.insn, insn, "instruction");
		ASSERT_STREQ(report.source, "", "source line");
	}
	close(fd);
}

/* The owner's copy has no addresses. */
static void test_stream(void)
{
	struct kasan_report_prog *skel;
	struct kasan_report report;
	char stream[1024] = "";
	int fd, len;

	skel = kasan_report_prog__open_and_load();
	if (!ASSERT_OK_PTR(skel, "open_and_load"))
		return;

	fd = bpf_program__fd(skel->progs.report_main);
	if (!run(fd, &report))
		goto out;
	len = bpf_prog_stream_read(fd, BPF_STREAM_STDERR, stream, sizeof(stream) - 1, NULL);
	ASSERT_GT(len, 0, "stream_read");
	ASSERT_HAS_SUBSTR(stream, "BUG: KASAN: slab-use-after-free in bpf_prog_", "headline");
	ASSERT_HAS_SUBSTR(stream, "\nRead of size 8\n", "access");
	ASSERT_HAS_SUBSTR(stream, report.prog, "program");
	ASSERT_HAS_SUBSTR(stream, report.insn, "instruction");
	ASSERT_HAS_SUBSTR(stream, report.source, "source line");
out:
	kasan_report_prog__destroy(skel);
}

static int count_in_stream(int fd, const char *text)
{
	static char stream[FLOOD * 1024];
	char *at = stream;
	int len, cnt = 0;

	len = bpf_prog_stream_read(fd, BPF_STREAM_STDERR, stream, sizeof(stream) - 1, NULL);
	if (!ASSERT_GE(len, 0, "stream_read"))
		return -1;
	stream[len] = 0;
	while ((at = strstr(at, text))) {
		at += strlen(text);
		cnt++;
	}
	return cnt;
}

/* What a slow machine may write more is known from the time that the reports took. */
static void test_stream_limit(void)
{
	__u64 begin = get_time_ns(), allowed;
	struct kasan_report_prog *skel;
	struct kasan_report report;
	int fd, cnt;

	skel = kasan_report_prog__open_and_load();
	if (!ASSERT_OK_PTR(skel, "open_and_load"))
		return;

	fd = bpf_program__fd(skel->progs.report_main);
	for (int i = 0; i < FLOOD; i++)
		if (!run(fd, &report))
			goto out;
	allowed = STREAM_LIMIT * (1 + (get_time_ns() - begin) / 1000000000);
	cnt = count_in_stream(fd, "BUG: KASAN: ");
	ASSERT_GE(cnt, STREAM_LIMIT, "reports in the stream");
	if (allowed < FLOOD)
		ASSERT_LE(cnt, allowed, "reports in the stream");
	else
		test__skip();
out:
	kasan_report_prog__destroy(skel);
}

/* A check that several accesses share names the one that is bad. */
static void test_merged(struct kasan_report_prog *skel)
{
	struct kasan_report report;
	char insn[128];
	int fd = bpf_program__fd(skel->progs.report_merged);

	format_insn(insn, sizeof(insn), fd, 1);
	if (run(fd, &report))
		check_text(&report, fd, "by", "report_merged", insn, "/* second of three */");
}

static void test_counts(void)
{
	long reports = kasan_read_total("reports"), checked = kasan_read_total("checked");
	struct kasan_report_prog *skel;
	struct kasan_report report;
	int fd;

	skel = kasan_report_prog__open_and_load();
	if (!ASSERT_OK_PTR(skel, "open_and_load"))
		return;

	fd = bpf_program__fd(skel->progs.report_counted);
	ASSERT_EQ(kasan_read_count(fd, "kasan_checked"), 2, "checked");
	ASSERT_EQ(kasan_read_count(fd, "kasan_straddling"), 1, "straddling");
	ASSERT_EQ(kasan_read_count(fd, "kasan_skipped_stack"), 1, "skipped_stack");
	ASSERT_EQ(kasan_read_count(fd, "kasan_skipped_probe"), 1, "skipped_probe");
	ASSERT_EQ(kasan_read_count(fd, "kasan_skipped_fixup"), 0, "skipped_fixup");

	fd = bpf_program__fd(skel->progs.report_merged);
	ASSERT_EQ(kasan_read_count(fd, "kasan_checked"), 5, "checked");
	ASSERT_EQ(kasan_read_count(fd, "kasan_merged"), 2, "merged");
	ASSERT_EQ(kasan_read_count(fd, "kasan_elided"), 1, "elided");

	fd = bpf_program__fd(skel->progs.report_ctx);
	ASSERT_EQ(kasan_read_count(fd, "kasan_checked"), 1, "checked");
	ASSERT_EQ(kasan_read_count(fd, "kasan_straddling"), 0, "straddling");

	fd = bpf_program__fd(skel->progs.report_main);
	ASSERT_EQ(kasan_read_count(fd, "kasan_reports"), 0, "reports before");
	run(fd, &report);
	run(fd, &report);
	ASSERT_EQ(kasan_read_count(fd, "kasan_reports"), 2, "reports after");

	ASSERT_EQ(kasan_read_total("reports"), reports + 2, "reports of all programs");
	ASSERT_GT(kasan_read_total("checked"), checked, "checked in all programs");
	ASSERT_EQ(kasan_read_total("failed"), 0, "programs without memory for checks");
	kasan_report_prog__destroy(skel);
}

/*
 * A program on the tracepoint runs inside of the report. The bad access that it makes there is not
 * reported, as none is that the report makes.
 */
static void test_nested(struct kasan_report_prog *skel)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	struct kasan_report report;
	struct bpf_link *link;
	int fd = bpf_program__fd(skel->progs.report_sub);

	link = bpf_program__attach(skel->progs.report_nested);
	if (!ASSERT_OK_PTR(link, "attach"))
		return;

	ASSERT_OK(bpf_prog_get_info_by_fd(fd, &info, &len), "get_info");
	if (run(fd, &report)) {
		ASSERT_EQ(skel->bss->nested_runs, 1, "runs");
		ASSERT_EQ(skel->bss->traced_id, info.id, "id");
		ASSERT_EQ(skel->bss->traced_addr, report.addr, "address");
		ASSERT_EQ(skel->bss->traced_size, 4, "size");
		ASSERT_EQ(skel->bss->traced_write, 1, "write");
		ASSERT_EQ(skel->bss->traced_insn, atoi(report.insn + strlen("insn ")), "insn");
	}
	bpf_link__destroy(link);
}

static void *run_many(void *arg)
{
	int err = 0;

	for (int i = 0; i < RUNS; i++)
		err |= run_fd(*(int *)arg, 0);
	return err ? arg : NULL;
}

/* Every report has the lines of its own program. */
static void test_two_cpus(struct kasan_report_prog *skel)
{
	int fds[] = {
		bpf_program__fd(skel->progs.report_main), bpf_program__fd(skel->progs.report_sub),
	};
	struct kasan_report reports[2 * RUNS];
	char progs[2][192];
	pthread_t threads[2];
	int cnt[2] = {};
	void *err;

	format_prog(progs[0], sizeof(progs[0]), fds[0], "by", "report_main");
	format_prog(progs[1], sizeof(progs[1]), fds[1], "by", "report_sub_write");
	for (int i = 0; i < 2; i++)
		ASSERT_OK(pthread_create(&threads[i], NULL, run_many, &fds[i]), "pthread_create");
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], &err);
		ASSERT_NULL(err, "test_run");
	}

	if (!ASSERT_EQ(kasan_log_read(kmsg, reports, 2 * RUNS), 2 * RUNS, "reports"))
		return;
	for (int i = 0; i < 2 * RUNS; i++) {
		bool is_write = reports[i].write;

		ASSERT_STREQ(reports[i].prog, progs[is_write], "program");
		cnt[is_write]++;
	}
	ASSERT_EQ(cnt[0], RUNS, "reads");
	ASSERT_EQ(cnt[1], RUNS, "writes");
}

/* The report is read when its program is long gone. */
static void test_freed(void)
{
	struct kasan_report_prog *skel;
	struct kasan_report report;
	char prog[192];
	int fd;

	skel = kasan_report_prog__open_and_load();
	if (!ASSERT_OK_PTR(skel, "open_and_load"))
		return;
	fd = bpf_program__fd(skel->progs.report_main);
	format_prog(prog, sizeof(prog), fd, "by", "report_main");
	ASSERT_OK(run_fd(fd, 0), "test_run");
	kasan_report_prog__destroy(skel);
	kern_sync_rcu();

	if (ASSERT_EQ(kasan_log_read(kmsg, &report, 1), 1, "reports"))
		ASSERT_STREQ(report.prog, prog, "program");
}

/* On riscv64, no BPF program can be found on the stack, and kmalloc_nolock() has no memory. */
static bool starts_unless_riscv(const char *name)
{
	if (!test__start_subtest(name))
		return false;
#ifdef __riscv
	test__skip();
	return false;
#else
	return true;
#endif
}

static void test_serial(struct kasan_report_prog *skel)
{
	if (test__start_subtest("main"))
		test_text(skel->progs.report_main, "report_main", "/* main reads */");
	if (test__start_subtest("subprog"))
		test_text(skel->progs.report_sub, "report_sub_write", "/* sub writes */");
	if (test__start_subtest("merged") && !kasan_skip_with_tags())
		test_merged(skel);
	if (starts_unless_riscv("called_from"))
		test_kernel(skel->progs.report_kernel);
	if (!kasan_is_portable() && test__start_subtest("probe_on"))
		test_probe(true);
	if (!kasan_is_portable() && test__start_subtest("probe_wild"))
		test_probe_wild();
	if (test__start_subtest("probe_off"))
		test_probe(false);
	if (test__start_subtest("no_btf") && !kasan_skip_with_tags())
		test_no_btf(skel);
	if (starts_unless_riscv("stream"))
		test_stream();
	if (starts_unless_riscv("stream_limit"))
		test_stream_limit();
	if (test__start_subtest("counts"))
		test_counts();
	if (test__start_subtest("nested"))
		test_nested(skel);
	if (test__start_subtest("two_cpus"))
		test_two_cpus(skel);
	if (test__start_subtest("freed"))
		test_freed();
}

void serial_test_kasan_report(void)
{
	struct kasan_report_prog *skel;

	kmsg = kasan_test_start_any();
	if (kmsg < 0)
		return;

	skel = kasan_report_prog__open_and_load();
	if (ASSERT_OK_PTR(skel, "open_and_load"))
		test_serial(skel);
	kasan_report_prog__destroy(skel);
	kasan_test_end(kmsg);
}
