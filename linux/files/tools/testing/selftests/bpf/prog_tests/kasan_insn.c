// SPDX-License-Identifier: GPL-2.0
/*
 * CONFIG_BPF_KASAN: which accesses of a program are reported, and what each report says.
 *
 * Every program returns 0 if it has seen the values that it expects; a report never changes what a
 * program computes. Each case that has a report has others that differ little and have none, and
 * all of them run once more without instrumentation, silently.
 */
#include <test_progs.h>
#include <bpf/btf.h>

#include "kasan_helpers.h"

#include "kasan_insn_attach.skel.h"
#include "kasan_insn_flow.skel.h"
#include "kasan_insn_memory.skel.h"

#define KASAN_CHECK	"__bpf_kasan_check"
#define PACKET_SIZE	64
#define BPF_REG_AX	12

enum access { READ, WRITE };

struct kasan_case {
	const char *prog;
	const char *bug;	/* NULL for no report */
	enum access access;
	int size;
	int cnt;		/* of reports, 0 for one */
	const char *func;	/* that makes the access, NULL for the program itself */
	__u64 arg;
};

static const struct kasan_case memory_cases[] = {
	{ "freed_read",		 "slab-use-after-free",	   READ,  8 },
	{ "freed_write",	 "slab-use-after-free",	   WRITE, 4 },
	{ "freed_add",		 "slab-use-after-free",	   WRITE, 8 },

	{ "tail_past",		 "slab-out-of-bounds",	   READ,  1 },
	{ "tail_past_write",	 "slab-out-of-bounds",	   WRITE, 1 },
	{ "tail_past_half",	 "slab-out-of-bounds",	   READ,  8 },
	{ "tail_past_unaligned", "slab-out-of-bounds",	   READ,  4 },
	{ "tail_past_straddle",	 "slab-out-of-bounds",	   READ,  8 },
	{ "tail_whole" },
	{ "tail_half" },
	{ "tail_last" },
	{ "tail_last_write" },
	{ "tail_straddle" },

	{ "vmalloc_past",	 "vmalloc-out-of-bounds",  READ,  1 },
	{ "vmalloc_past_write",	 "vmalloc-out-of-bounds",  WRITE, 1 },
	{ "vmalloc_last" },

	{ "before_past",	  "slab-out-of-bounds",	   READ,  1 },
	{ "before_past_straddle", "slab-out-of-bounds",	   READ,  8 },
	{ "before_first" },

	{ "arena_poisoned",	 "use-after-free",	   READ,  8 },
	{ "arena_poisoned_min",	 "unknown-crash",	   READ,  8 },
	{ "arena_clean" },
};

static const struct kasan_case flow_cases[] = {
	{ "subprog",		"slab-use-after-free", READ, 8, .func = "read_word" },
	{ "subprog_global",	"slab-use-after-free", READ, 8, .func = "global_read_word" },
	{ "subprog_mixed",	"slab-use-after-free", READ, 8, .func = "read_word" },
	{ "subprog_stack" },

	{ "jump_to_access",	"slab-use-after-free", READ, 8, .cnt = 3 },
	{ "jump_over_access",	"slab-use-after-free", READ, 8, .arg = 1 },
	{ "jump_over_access",	.arg = 0 },

	{ "mixed_stack_first",	"slab-use-after-free", READ, 8, .arg = 0 },
	{ "mixed_stack_first",	.arg = 1 },
	{ "mixed_stack_last",	"slab-use-after-free", READ, 8, .arg = 0 },
	{ "mixed_stack_last",	.arg = 1 },
	{ "twins_stack_first",	"slab-use-after-free", READ, 8 },
	{ "twins_stack_last",	"slab-use-after-free", READ, 8 },
	{ "stack_only" },

	{ "global_value",	"use-after-free", READ, 8 },
	{ "array_value",	"use-after-free", WRITE, 8 },
	{ "hash_value",		"use-after-free", WRITE, 8 },
	{ "inlined_lookup",	"use-after-free", READ, 4 },

	{ "skb_read",		"use-after-free", READ, 4 },
	{ "skb_read_narrow",	"use-after-free", READ, 4 },
	{ "skb_write",		"use-after-free", WRITE, 4 },
	{ "skb_fields" },

	{ "packet_read",	"use-after-free", READ, 1 },
	{ "packet_read_xdp",	"use-after-free", READ, 1 },
	{ "packet_straddle",	"use-after-free", WRITE, 8 },
	{ "packet_ld_abs" },

	{ "private_stack",	"slab-use-after-free", READ, 8, .func = "read_with_stack" },
};

static const struct suite {
	const char *name;
	const void *(*elf_bytes)(size_t *sz);
	const struct kasan_case *cases;
	int cnt;
} suites[] = {
	{ "memory", kasan_insn_memory__elf_bytes, memory_cases, ARRAY_SIZE(memory_cases) },
	{ "flow", kasan_insn_flow__elf_bytes, flow_cases, ARRAY_SIZE(flow_cases) },
};

static int kmsg = -1;

/* Programs that are loaded while the sysctl is 0 stay as they are. */
static struct bpf_object *load_object(const struct suite *suite, bool instrumented)
{
	struct bpf_object *obj;
	const void *bytes;
	size_t size;

	bytes = suite->elf_bytes(&size);
	obj = bpf_object__open_mem(bytes, size, NULL);
	if (!ASSERT_OK_PTR(obj, "open_mem"))
		return NULL;

	if (!kasan_instrument(instrumented) || !ASSERT_OK(bpf_object__load(obj), "load")) {
		bpf_object__close(obj);
		obj = NULL;
	}
	kasan_instrument(true);
	return obj;
}

/* 0, 1, 2 ... behind the Ethernet header */
static void fill_packet(__u8 *packet)
{
	memset(packet, 0, PACKET_SIZE);
	for (int i = ETH_HLEN; i < PACKET_SIZE; i++)
		packet[i] = i - ETH_HLEN;
}

static int run_prog(const struct bpf_program *prog, __u64 arg)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	__u8 packet[PACKET_SIZE];

	switch (bpf_program__type(prog)) {
	case BPF_PROG_TYPE_SYSCALL:
		opts.ctx_in = &arg;
		opts.ctx_size_in = sizeof(arg);
		break;
	case BPF_PROG_TYPE_SCHED_CLS:
	case BPF_PROG_TYPE_XDP:
		fill_packet(packet);
		opts.data_in = packet;
		opts.data_size_in = sizeof(packet);
		break;
	default:
		break;
	}
	if (!ASSERT_OK(bpf_prog_test_run_opts(bpf_program__fd(prog), &opts), "test_run"))
		return -1;
	return opts.retval;
}

static void check_case(const struct bpf_object *obj, const struct kasan_case *c, bool instrumented)
{
	int cnt = instrumented && c->bug ? c->cnt ?: 1 : 0;
	struct kasan_report expected = { .write = c->access == WRITE, .size = c->size };
	struct bpf_program *prog;

	prog = bpf_object__find_program_by_name(obj, c->prog);
	if (!ASSERT_OK_PTR(prog, c->prog) ||
	    !ASSERT_EQ(kasan_log_read(kmsg, NULL, 0), 0, "reports before the test"))
		return;

	ASSERT_EQ(run_prog(prog, c->arg), 0, "retval");
	snprintf(expected.bug, sizeof(expected.bug), "%s", c->bug ?: "");
	snprintf(expected.func, sizeof(expected.func), "%s", c->func ?: c->prog);
	kasan_expect(kmsg, &expected, cnt);
}

static void run_suite(const struct suite *suite, bool instrumented)
{
	struct bpf_object *obj;
	char name[64];

	obj = load_object(suite, instrumented);
	if (!obj)
		return;

	for (const struct kasan_case *c = suite->cases; c < suite->cases + suite->cnt; c++) {
		snprintf(name, sizeof(name), "%s/%s/%s/%s", suite->name,
			 instrumented ? "on" : "off", c->prog, c->bug ? "bad" : "good");
		if (test__start_subtest(name))
			check_case(obj, c, instrumented);
	}
	bpf_object__close(obj);
}

static bool is_check_call(const struct bpf_insn *insn)
{
	static unsigned long long base, check;

	if (!base && (!ASSERT_OK(kallsyms_find("__bpf_call_base", &base), "find base") ||
		      !ASSERT_OK(kallsyms_find(KASAN_CHECK, &check), "find " KASAN_CHECK)))
		return false;
	return insn->code == (BPF_JMP | BPF_CALL) && base + insn->imm == check;
}

/* AX = *(u8 *)(AX + 0), or more shadow bytes at once */
static bool is_shadow_load(const struct bpf_insn *insn)
{
	return BPF_CLASS(insn->code) == BPF_LDX && BPF_MODE(insn->code) == BPF_MEM &&
	       insn->dst_reg == BPF_REG_AX && insn->src_reg == BPF_REG_AX && !insn->off;
}

/* ... and then a jump that depends on it, so that good memory does not cost a call. */
static bool is_tested_load(const struct bpf_insn *insn)
{
	const struct bpf_insn *next = insn + 1;
	__u8 op = BPF_OP(next->code);

	return is_shadow_load(insn) && BPF_CLASS(next->code) == BPF_JMP &&
	       (op == BPF_JEQ || op == BPF_JNE) && next->dst_reg == BPF_REG_AX && !next->imm;
}

static int count_insns(const struct bpf_object *obj, const char *name,
		       bool (*matches)(const struct bpf_insn *insn))
{
	const struct bpf_program *prog;
	struct bpf_insn *insns;
	__u32 i, len;
	int cnt = 0;

	prog = bpf_object__find_program_by_name(obj, name);
	if (!ASSERT_OK_PTR(prog, name) ||
	    !ASSERT_OK(get_xlated_program(bpf_program__fd(prog), &insns, &len), "xlated"))
		return -1;

	for (i = 0; i < len; i++)
		cnt += matches(&insns[i]);
	free(insns);
	return cnt;
}

/* What bpftool prog dump xlated shows. */
static void test_xlated(bool instrumented)
{
	static const struct {
		const char *prog;
		bool checked;
	} progs[] = {
		{ "subprog", true },
		{ "subprog_mixed", true },
		{ "mixed_stack_first", true },
		{ "mixed_stack_last", true },
		{ "inlined_lookup", true },
		{ "subprog_stack", false },
		{ "stack_only", false },
	};
	struct bpf_object *obj;
	int calls, loads;
	bool checked;

	obj = load_object(&suites[1], instrumented);
	if (!obj)
		return;

	for (int i = 0; i < ARRAY_SIZE(progs); i++) {
		checked = instrumented && progs[i].checked;
		calls = count_insns(obj, progs[i].prog, is_check_call);
		loads = count_insns(obj, progs[i].prog, is_shadow_load);
		ASSERT_EQ(calls > 0, checked, progs[i].prog);
		ASSERT_EQ(loads > 0, checked, progs[i].prog);
		ASSERT_EQ(count_insns(obj, progs[i].prog, is_tested_load), loads, progs[i].prog);
	}
	bpf_object__close(obj);
}

/* The fields that the fixups convert in more than one step come out the same. */
static bool run_skb_fields(bool instrumented, __u64 *fields, size_t size)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	struct kasan_insn_flow *skel = NULL;
	__u8 packet[PACKET_SIZE] = {};
	struct __sk_buff ctx = {
		.mark = 11, .priority = 12, .tstamp = 13, .wire_len = 100,
		.gso_segs = 3, .gso_size = 20, .cb[2] = 14,
	};
	bool ok;

	opts.data_in = packet;
	opts.data_size_in = sizeof(packet);
	opts.ctx_in = &ctx;
	opts.ctx_size_in = sizeof(ctx);
	if (!kasan_instrument(instrumented))
		return false;

	skel = kasan_insn_flow__open_and_load();
	ok = ASSERT_OK_PTR(skel, "open_and_load") &&
	     ASSERT_OK(bpf_prog_test_run_opts(bpf_program__fd(skel->progs.skb_fields), &opts),
		       "test_run") &&
	     ASSERT_EQ(sizeof(skel->bss->fields), size, "size of fields");
	if (ok)
		memcpy(fields, skel->bss->fields, size);
	kasan_insn_flow__destroy(skel);
	kasan_instrument(true);
	return ok;
}

static void test_skb_fields(void)
{
	__u64 on[16], off[16];

	if (!run_skb_fields(true, on, sizeof(on)) || !run_skb_fields(false, off, sizeof(off)))
		return;

	ASSERT_MEMEQ(on, off, sizeof(on), "fields");
	ASSERT_EQ(on[1], 11, "mark");
	ASSERT_EQ(on[3], 3, "gso_segs");
	ASSERT_EQ(on[4], 20, "gso_size");
	ASSERT_EQ(on[5], 13, "tstamp");
	ASSERT_EQ(on[14], 3, "tstamp written");
	ASSERT_EQ(kasan_log_read(kmsg, NULL, 0), 0, "reports");
}

static struct bpf_object *load_with_log(const char *name, bool instrumented, char *log, size_t size)
{
	struct bpf_program *prog;
	struct bpf_object *obj;
	const void *bytes;
	size_t bytes_size;

	bytes = suites[0].elf_bytes(&bytes_size);
	obj = bpf_object__open_mem(bytes, bytes_size, NULL);
	if (!ASSERT_OK_PTR(obj, "open_mem"))
		return NULL;

	bpf_object__for_each_program(prog, obj)
		bpf_program__set_autoload(prog, !strcmp(bpf_program__name(prog), name));

	prog = bpf_object__find_program_by_name(obj, name);
	ASSERT_OK(bpf_program__set_log_level(prog, 4), "set_log_level");
	ASSERT_OK(bpf_program__set_log_buf(prog, log, size), "set_log_buf");
	kasan_instrument(instrumented);
	ASSERT_OK(bpf_object__load(obj), "load");
	kasan_instrument(true);
	return obj;
}

/* The program makes one access, of 8 bytes. */
static void test_log(void)
{
	char log[4096] = "";

	bpf_object__close(load_with_log("freed_read", true, log, sizeof(log)));
	ASSERT_HAS_SUBSTR(log, "kasan: 1 accesses checked (1 for straddling, 0 merged, 0 elided), ",
			  "log");

	log[0] = 0;
	bpf_object__close(load_with_log("freed_read", false, log, sizeof(log)));
	ASSERT_NULL(strstr(log, "kasan:"), "log without instrumentation");
}

/* A program that calls a kernel function would have to be told about it by its BTF. */
static void test_not_callable(void)
{
	struct bpf_insn insns[] = {
		BPF_MOV64_IMM(BPF_REG_1, 0),
		BPF_MOV64_IMM(BPF_REG_2, 0),
		BPF_MOV64_IMM(BPF_REG_3, 0),
		BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_KFUNC_CALL, 0, 0),
		BPF_MOV64_IMM(BPF_REG_0, 0),
		BPF_EXIT_INSN(),
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts);
	char log[4096] = "";
	struct btf *btf;
	int fd;

	opts.prog_flags = BPF_F_SLEEPABLE;
	opts.log_buf = log;
	opts.log_size = sizeof(log);
	opts.log_level = 1;

	btf = btf__load_vmlinux_btf();
	if (!ASSERT_OK_PTR(btf, "vmlinux btf"))
		return;

	insns[3].imm = btf__find_by_name_kind(btf, KASAN_CHECK, BTF_KIND_FUNC);
	btf__free(btf);
	if (!ASSERT_GT(insns[3].imm, 0, "btf id of " KASAN_CHECK))
		return;

	fd = bpf_prog_load(BPF_PROG_TYPE_SYSCALL, "call_check", "GPL", insns, ARRAY_SIZE(insns),
			   &opts);
	if (!ASSERT_ERR_FD(fd, "load"))
		close(fd);
	ASSERT_HAS_SUBSTR(log, KASAN_CHECK " is not allowed", "log");
}

static int attach_fentry(const char *func)
{
	struct kasan_insn_attach *skel;
	int err;

	skel = kasan_insn_attach__open();
	if (!ASSERT_OK_PTR(skel, "open"))
		return 0;

	bpf_program__set_autoload(skel->progs.on_kprobe, false);
	err = bpf_program__set_attach_target(skel->progs.on_fentry, 0, func) ?:
	      kasan_insn_attach__load(skel) ?:
	      kasan_insn_attach__attach(skel);
	kasan_insn_attach__destroy(skel);
	return err;
}

static int attach_kprobe(const char *func)
{
	struct kasan_insn_attach *skel;
	struct bpf_link *link = NULL;
	int err;

	skel = kasan_insn_attach__open();
	if (!ASSERT_OK_PTR(skel, "open"))
		return 0;

	bpf_program__set_autoload(skel->progs.on_fentry, false);
	err = kasan_insn_attach__load(skel);
	if (ASSERT_OK(err, "load")) {
		link = bpf_program__attach_kprobe(skel->progs.on_kprobe, false, func);
		err = libbpf_get_error(link);
	}
	bpf_link__destroy(link);
	kasan_insn_attach__destroy(skel);
	return err;
}

/* A program that runs inside of a check would be checked itself. */
static void test_not_traceable(void)
{
	ASSERT_OK(attach_fentry("bpf_fentry_test1"), "fentry of another function");
	ASSERT_ERR(attach_fentry(KASAN_CHECK), "fentry of " KASAN_CHECK);
	ASSERT_OK(attach_kprobe("bpf_fentry_test1"), "kprobe of another function");
	ASSERT_ERR(attach_kprobe(KASAN_CHECK), "kprobe of " KASAN_CHECK);
}

static void run_all(void)
{
	for (int i = 0; i < ARRAY_SIZE(suites); i++) {
		run_suite(&suites[i], true);
		run_suite(&suites[i], false);
	}
	if (test__start_subtest("xlated/on"))
		test_xlated(true);
	if (test__start_subtest("xlated/off"))
		test_xlated(false);
	if (test__start_subtest("skb_fields"))
		test_skb_fields();
	if (test__start_subtest("log"))
		test_log();
	if (test__start_subtest("not_callable"))
		test_not_callable();
	if (test__start_subtest("not_traceable"))
		test_not_traceable();
}

void serial_test_kasan_insn(void)
{
	kmsg = kasan_test_start();
	if (kmsg < 0)
		return;

	/* What is not on the stack is the same without. */
	if (kasan_check_stack(false))
		run_all();
	kasan_test_end(kmsg);
}
