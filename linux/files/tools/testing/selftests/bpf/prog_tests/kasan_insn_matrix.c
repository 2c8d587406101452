// SPDX-License-Identifier: GPL-2.0
/*
 * CONFIG_BPF_KASAN: every instruction that accesses memory, through every register, at every
 * alignment, with the shadow such that exactly the wrong byte, or none, is bad.
 *
 * A generated program loads r0-r9 from its context, makes one access, and stores r0-r9 back. A
 * model of the instruction says what they and the memory have to be, report or not.
 */
#include <test_progs.h>
#include <bpf/btf.h>

#include "kasan_helpers.h"
#include "sysctl_helpers.h"
#include "../progs/kasan_insn_matrix.h"
#include "kasan_insn_matrix.skel.h"

#define NR_REGS		10
#define REG_PARAMS	11	/* where arguments from the sixth on are */
#define MAX_INSNS	80
#define MEM_SIZE	0x20000
#define MIDDLE		0x10000
#define FETCH(op)	((op) | BPF_FETCH)

/* The verifier takes a map's value for aligned, and what a kfunc returns not. */
enum memory { IN_ARENA, IN_MAP, NR_MEMORIES };

static const char *const memory_names[] = { "arena", "map" };

struct op {
	const char *name;
	__u8 code;
	__s32 imm;
};

#define LDX(size)	(BPF_LDX | BPF_MEM | (size))
#define LDSX(size)	(BPF_LDX | BPF_MEMSX | (size))
#define ST(size)	(BPF_ST | BPF_MEM | (size))
#define STX(size)	(BPF_STX | BPF_MEM | (size))
#define ATOMIC(size)	(BPF_STX | BPF_ATOMIC | (size))

static const struct op ops[] = {
	{ "ldx1", LDX(BPF_B) },
	{ "ldx2", LDX(BPF_H) },
	{ "ldx4", LDX(BPF_W) },
	{ "ldx8", LDX(BPF_DW) },
	{ "ldsx1", LDSX(BPF_B) },
	{ "ldsx2", LDSX(BPF_H) },
	{ "ldsx4", LDSX(BPF_W) },
	{ "st1", ST(BPF_B), -3 },
	{ "st2", ST(BPF_H), -3 },
	{ "st4", ST(BPF_W), -3 },
	{ "st8", ST(BPF_DW), -3 },
	{ "stx1", STX(BPF_B) },
	{ "stx2", STX(BPF_H) },
	{ "stx4", STX(BPF_W) },
	{ "stx8", STX(BPF_DW) },
	{ "add4", ATOMIC(BPF_W), BPF_ADD },
	{ "add8", ATOMIC(BPF_DW), BPF_ADD },
	{ "or4", ATOMIC(BPF_W), BPF_OR },
	{ "or8", ATOMIC(BPF_DW), BPF_OR },
	{ "and4", ATOMIC(BPF_W), BPF_AND },
	{ "and8", ATOMIC(BPF_DW), BPF_AND },
	{ "xor4", ATOMIC(BPF_W), BPF_XOR },
	{ "xor8", ATOMIC(BPF_DW), BPF_XOR },
	{ "fetch_add4", ATOMIC(BPF_W), FETCH(BPF_ADD) },
	{ "fetch_add8", ATOMIC(BPF_DW), FETCH(BPF_ADD) },
	{ "fetch_or4", ATOMIC(BPF_W), FETCH(BPF_OR) },
	{ "fetch_or8", ATOMIC(BPF_DW), FETCH(BPF_OR) },
	{ "fetch_and4", ATOMIC(BPF_W), FETCH(BPF_AND) },
	{ "fetch_and8", ATOMIC(BPF_DW), FETCH(BPF_AND) },
	{ "fetch_xor4", ATOMIC(BPF_W), FETCH(BPF_XOR) },
	{ "fetch_xor8", ATOMIC(BPF_DW), FETCH(BPF_XOR) },
	{ "xchg4", ATOMIC(BPF_W), BPF_XCHG },
	{ "xchg8", ATOMIC(BPF_DW), BPF_XCHG },
	{ "cmpxchg4", ATOMIC(BPF_W), BPF_CMPXCHG },
	{ "cmpxchg8", ATOMIC(BPF_DW), BPF_CMPXCHG },
	{ "load_acq1", ATOMIC(BPF_B), BPF_LOAD_ACQ },
	{ "load_acq2", ATOMIC(BPF_H), BPF_LOAD_ACQ },
	{ "load_acq4", ATOMIC(BPF_W), BPF_LOAD_ACQ },
	{ "load_acq8", ATOMIC(BPF_DW), BPF_LOAD_ACQ },
	{ "store_rel1", ATOMIC(BPF_B), BPF_STORE_REL },
	{ "store_rel2", ATOMIC(BPF_H), BPF_STORE_REL },
	{ "store_rel4", ATOMIC(BPF_W), BPF_STORE_REL },
	{ "store_rel8", ATOMIC(BPF_DW), BPF_STORE_REL },
};

/* An access to make: where, by which instruction, through which registers. */
struct access {
	const struct op *op;
	enum memory memory;
	__u8 base;
	__u8 other;		/* source or destination */
	__s16 off;		/* of the instruction */
	__u32 addr;		/* of the first byte, from the start of the memory */
};

/* What is bad while the program runs. */
enum pattern {
	NOTHING,
	ALL_ELSE,		/* all but the bytes of the access, as far as shadow can say */
	ALL_ELSE_AND_LAST,	/* the last byte of the access, too */
	FIRST_GRANULE,
	FIRST_GRANULE_END,	/* its last byte, which not every access reaches */
	LAST_GRANULE,
};

static const char *const pattern_names[] = {
	"nothing", "all else", "all else and the last byte", "first granule",
	"last byte of first granule", "last granule",
};

/* The state that an instruction changes. */
struct machine {
	__u64 regs[NR_REGS];
	__u64 words[2];		/* from the granule of the first byte */
};

static struct kasan_insn_matrix *skel;
static struct bpf_insn insn_area[2], insn_arena;
static int btf_fds[8];		/* insn_arena has the index of the module's */
static __u32 prog_flags;
static int kmsg = -1;

static int op_size(const struct op *op)
{
	static const int sizes[] = {
		[BPF_B >> 3] = 1, [BPF_H >> 3] = 2, [BPF_W >> 3] = 4, [BPF_DW >> 3] = 8,
	};

	return sizes[BPF_SIZE(op->code) >> 3];
}

static bool is_atomic(const struct op *op)
{
	return BPF_CLASS(op->code) == BPF_STX && BPF_MODE(op->code) == BPF_ATOMIC;
}

static bool is_read(const struct op *op)
{
	return BPF_CLASS(op->code) == BPF_LDX || (is_atomic(op) && op->imm == BPF_LOAD_ACQ);
}

static struct bpf_insn make_insn(const struct access *acc)
{
	struct bpf_insn insn = {
		.code = acc->op->code,
		.imm = acc->op->imm,
		.off = acc->off,
		.dst_reg = is_read(acc->op) ? acc->other : acc->base,
		.src_reg = is_read(acc->op) ? acc->base : acc->other,
	};

	if (BPF_CLASS(insn.code) == BPF_ST)
		insn.src_reg = 0;
	return insn;
}

/* The model */

static __u64 mask(__u64 value, int size)
{
	return size == 8 ? value : value & ((1ULL << size * 8) - 1);
}

/* Where in a u64 its least significant bytes are. */
static void *low_bytes(__u64 *value, int size)
{
	bool big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;

	return (void *)value + (big_endian ? sizeof(*value) - size : 0);
}

static __u64 load(const void *from, int size)
{
	__u64 value = 0;

	memcpy(low_bytes(&value, size), from, size);
	return value;
}

static void store(void *to, int size, __u64 value)
{
	memcpy(to, low_bytes(&value, size), size);
}

static __u64 sign_extend(__u64 value, int size)
{
	int shift = 64 - size * 8;

	return (__s64)(value << shift) >> shift;
}

static __u64 read_modify(int imm, __u64 old, __u64 src, __u64 r0, int size)
{
	switch (imm) {
	case BPF_XCHG:
		return src;
	case BPF_CMPXCHG:
		return old == mask(r0, size) ? src : old;
	}
	switch (imm & ~BPF_FETCH) {
	case BPF_ADD:
		return old + src;
	case BPF_OR:
		return old | src;
	case BPF_AND:
		return old & src;
	default:
		return old ^ src;
	}
}

static void execute_atomic(struct machine *m, const struct bpf_insn *insn, void *mem, int size)
{
	__u64 old = load(mem, size), src = m->regs[insn->src_reg];

	if (insn->imm == BPF_LOAD_ACQ) {
		m->regs[insn->dst_reg] = old;
		return;
	}
	if (insn->imm == BPF_STORE_REL) {
		store(mem, size, src);
		return;
	}
	store(mem, size, read_modify(insn->imm, old, src, m->regs[0], size));
	if (insn->imm == BPF_CMPXCHG)
		m->regs[0] = old;
	else if (insn->imm & BPF_FETCH)
		m->regs[insn->src_reg] = old;
}

static void execute(struct machine *m, const struct access *acc)
{
	struct bpf_insn insn = make_insn(acc);
	void *mem = (void *)m->words + acc->addr % 8;
	int size = op_size(acc->op);

	switch (BPF_CLASS(insn.code)) {
	case BPF_LDX:
		m->regs[insn.dst_reg] = load(mem, size);
		if (BPF_MODE(insn.code) == BPF_MEMSX)
			m->regs[insn.dst_reg] = sign_extend(m->regs[insn.dst_reg], size);
		break;
	case BPF_ST:
		store(mem, size, (__s64)insn.imm);
		break;
	default:
		if (is_atomic(acc->op))
			execute_atomic(m, &insn, mem, size);
		else
			store(mem, size, m->regs[insn.src_reg]);
	}
}

/* The program */

#define CTX_SLOT	(-8)
#define BASE_SLOT	(-16)
#define REG_SLOT(reg)	(-16 - 8 * ((reg) + 1))

static struct bpf_insn *emit_base(struct bpf_insn *to, const struct access *acc)
{
	if (acc->memory == IN_MAP) {
		memcpy(to, insn_area, sizeof(insn_area));
		to += 2;
	} else {
		*to++ = BPF_MOV64_IMM(BPF_REG_1, MEM_SIZE);
		*to++ = insn_arena;
	}
	*to++ = BPF_ALU64_IMM(BPF_ADD, BPF_REG_0, acc->addr - acc->off);
	*to++ = BPF_STX_MEM(BPF_DW, BPF_REG_10, BPF_REG_0, BASE_SLOT);
	return to;
}

static struct bpf_insn *emit_load_regs(struct bpf_insn *to, const struct access *acc)
{
	*to++ = BPF_LDX_MEM(BPF_DW, acc->base, BPF_REG_10, CTX_SLOT);
	for (int reg = 0; reg < NR_REGS; reg++)
		if (reg != acc->base)
			*to++ = BPF_LDX_MEM(BPF_DW, reg, acc->base, reg * 8);
	*to++ = BPF_LDX_MEM(BPF_DW, acc->base, BPF_REG_10, BASE_SLOT);
	return to;
}

/* By way of the stack, which is not checked. */
static struct bpf_insn *emit_store_regs(struct bpf_insn *to)
{
	for (int reg = 0; reg < NR_REGS; reg++)
		*to++ = BPF_STX_MEM(BPF_DW, BPF_REG_10, reg, REG_SLOT(reg));
	*to++ = BPF_LDX_MEM(BPF_DW, BPF_REG_6, BPF_REG_10, CTX_SLOT);
	for (int reg = 0; reg < NR_REGS; reg++) {
		*to++ = BPF_LDX_MEM(BPF_DW, BPF_REG_1, BPF_REG_10, REG_SLOT(reg));
		*to++ = BPF_STX_MEM(BPF_DW, BPF_REG_6, BPF_REG_1, reg * 8);
	}
	return to;
}

static int load_access(const struct access *acc)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts);
	struct bpf_insn insns[MAX_INSNS], *to = insns;
	char log[4096] = "";
	int fd;

	*to++ = BPF_STX_MEM(BPF_DW, BPF_REG_10, BPF_REG_1, CTX_SLOT);
	to = emit_base(to, acc);
	to = emit_load_regs(to, acc);
	*to++ = make_insn(acc);
	to = emit_store_regs(to);
	*to++ = BPF_MOV64_IMM(BPF_REG_0, 0);
	*to++ = BPF_EXIT_INSN();

	opts.prog_flags = BPF_F_SLEEPABLE | prog_flags;
	opts.fd_array = btf_fds;
	opts.log_buf = log;
	opts.log_size = sizeof(log);
	fd = bpf_prog_load(BPF_PROG_TYPE_SYSCALL, "access", "GPL", insns, to - insns, &opts);
	if (!ASSERT_OK_FD(fd, "load"))
		printf("%s", log);
	return fd;
}

/* One run */

static bool run_with_ctx(int fd, void *ctx, __u32 size)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	opts.ctx_in = ctx;
	opts.ctx_size_in = size;
	return ASSERT_OK(bpf_prog_test_run_opts(fd, &opts), "test_run") &&
	       ASSERT_OK(opts.retval, "retval");
}

static bool run_step(const struct bpf_program *prog, struct matrix_step *step)
{
	return run_with_ctx(bpf_program__fd(prog), step, sizeof(*step));
}

/*
 * Returns the bug class of the report to expect, or NULL for none. KASAN names the class after the
 * next granule if one is bad in part.
 */
static const char *set_pattern(struct matrix_step *step, const struct access *acc,
			       enum pattern pattern)
{
	__u32 end = acc->addr + op_size(acc->op);

	step->in_map = acc->memory == IN_MAP;
	step->granule = acc->addr & ~7;
	step->window = step->granule - MATRIX_WINDOW / 2;
	step->bad = step->window;
	step->good = step->granule;

	switch (pattern) {
	case ALL_ELSE:
		step->bad_size = MATRIX_WINDOW;
		step->good_size = end - step->granule;
		return NULL;
	case ALL_ELSE_AND_LAST:
		step->bad_size = MATRIX_WINDOW;
		step->good_size = end - step->granule - 1;
		return "use-after-free";
	case FIRST_GRANULE:
		step->bad = step->granule;
		step->bad_size = 8;
		return "use-after-free";
	case FIRST_GRANULE_END:
		step->good_size = 7;
		return end - step->granule >= 8 ? "out-of-bounds" : NULL;
	case LAST_GRANULE:
		step->bad = (end - 1) & ~7;
		step->bad_size = 8;
		return "use-after-free";
	default:
		return NULL;
	}
}

static void init_machine(struct machine *m, const struct access *acc, enum pattern pattern)
{
	for (int reg = 0; reg < NR_REGS; reg++)
		m->regs[reg] = 0x9182736455463728ULL + reg * 0x1111111111111111ULL;
	m->words[0] = 0x8899aabbccddeeffULL;
	m->words[1] = 0xf7e6d5c4b3a29180ULL;
	/* so that cmpxchg also finds what it compares with */
	if (acc->op->imm == BPF_CMPXCHG && pattern % 2)
		m->words[0] = m->regs[0];
}

static bool check_reports_in(const char *func, const struct access *acc,
			     const struct matrix_step *step, const char *bug)
{
	struct kasan_report report = {};
	int cnt;

	cnt = kasan_log_read(kmsg, &report, 1);
	if (!ASSERT_EQ(cnt, !!bug, "reports")) {
		kasan_print_reports(&report, cnt > 0);
		return false;
	}
	return !cnt || (ASSERT_STREQ(report.bug, bug, "bug class") &
			ASSERT_STREQ(report.func, func, "function") &
			ASSERT_EQ(report.write, !is_read(acc->op), "is a write") &
			ASSERT_EQ(report.size, op_size(acc->op), "size") &
			ASSERT_EQ(report.addr, step->start + acc->addr, "address"));
}

static bool check_reports(const struct access *acc, const struct matrix_step *step,
			  const char *bug)
{
	return check_reports_in("access", acc, step, bug);
}

static bool check_machine(const struct machine *m, const struct machine *expected)
{
	bool ok = ASSERT_EQ(m->words[0], expected->words[0], "first word") &
		  ASSERT_EQ(m->words[1], expected->words[1], "second word");
	char name[] = "r0";

	for (int reg = 0; reg < NR_REGS; reg++) {
		name[1] = '0' + reg;
		ok &= ASSERT_EQ(m->regs[reg], expected->regs[reg], name);
	}
	return ok;
}

static bool run_pattern(int fd, const struct access *acc, enum pattern pattern)
{
	struct matrix_step step = {};
	struct machine m, expected;
	const char *bug;

	init_machine(&m, acc, pattern);
	memcpy(step.words, m.words, sizeof(m.words));
	bug = set_pattern(&step, acc, pattern);
	if (!run_step(skel->progs.before_access, &step))
		return false;

	expected = m;
	expected.regs[acc->base] = step.start + acc->addr - acc->off;
	execute(&expected, acc);
	if (!run_with_ctx(fd, m.regs, sizeof(m.regs)) ||
	    !run_step(skel->progs.after_access, &step))
		return false;

	memcpy(m.words, step.words, sizeof(m.words));
	return check_reports(acc, &step, bug) & check_machine(&m, &expected);
}

static void run_access(const struct access *acc, const enum pattern *patterns, int cnt)
{
	int fd;

	fd = load_access(acc);
	if (fd < 0)
		goto fail;

	for (int i = 0; i < cnt; i++) {
		if (!run_pattern(fd, acc, patterns[i])) {
			printf("with bad: %s\n", pattern_names[patterns[i]]);
			goto fail;
		}
	}
	close(fd);
	return;
fail:
	printf("%s: base r%d, other r%d, offset %d, at %#x of %s\n", acc->op->name, acc->base,
	       acc->other, acc->off, acc->addr, memory_names[acc->memory]);
	if (fd >= 0)
		close(fd);
}

/* The matrix */

static void test_op(const struct op *op, enum memory memory)
{
	static const enum pattern patterns[] = {
		NOTHING, ALL_ELSE, ALL_ELSE_AND_LAST, FIRST_GRANULE, FIRST_GRANULE_END,
		LAST_GRANULE,
	};
	int step = is_atomic(op) ? op_size(op) : 1;

	/* The verifier refuses an atomic access that is not aligned. */
	for (int at = 0; at < 8; at += step) {
		struct access acc = {
			.op = op, .memory = memory, .base = BPF_REG_1, .other = BPF_REG_2,
			.off = 24, .addr = MIDDLE + at,
		};

		run_access(&acc, patterns, ARRAY_SIZE(patterns));
	}
}

static const struct op *find_op(const char *name)
{
	for (int i = 0; i < ARRAY_SIZE(ops); i++)
		if (!strcmp(ops[i].name, name))
			return &ops[i];
	ASSERT_FAIL("no instruction %s", name);
	return NULL;
}

/* The verifier refuses an instruction whose result overwrites its base before the write. */
static bool overwrites_base(const struct access *acc)
{
	if (!is_atomic(acc->op) || is_read(acc->op))
		return false;
	if (acc->op->imm == BPF_CMPXCHG)
		return acc->base == BPF_REG_0;
	return (acc->op->imm & BPF_FETCH) && acc->base == acc->other;
}

/* Both of these take the cold path, with a report and without. */
static void test_regs(const char *name)
{
	static const enum pattern patterns[] = { ALL_ELSE, ALL_ELSE_AND_LAST };
	const struct op *op = find_op(name);

	for (int i = 0; op && i < NR_REGS * 2; i++) {
		struct access acc = {
			.op = op, .memory = IN_MAP, .base = i / 2,
			.other = (i / 2 + i % 2) % NR_REGS, .off = -16, .addr = MIDDLE,
		};

		if (!overwrites_base(&acc))
			run_access(&acc, patterns, ARRAY_SIZE(patterns));
	}
}

static void test_offset(const struct op *op, int memory, __s16 off)
{
	static const enum pattern patterns[] = { ALL_ELSE, ALL_ELSE_AND_LAST };
	struct access acc = {
		.op = op, .memory = memory, .base = BPF_REG_3, .other = BPF_REG_4,
		.off = off, .addr = MIDDLE + off,
	};

	run_access(&acc, patterns, ARRAY_SIZE(patterns));
}

static void test_offsets(const char *name)
{
	static const __s16 offs[] = {
		-32768, -32767, -4097, -129, -128, -127, -1, 0, 1, 127, 128, 4096, 32766, 32767,
	};
	const struct op *op = find_op(name);

	for (int i = 0; op && i < ARRAY_SIZE(offs) * NR_MEMORIES; i++)
		test_offset(op, i % NR_MEMORIES, offs[i / NR_MEMORIES]);
}

/* Passes that run after the checks are there, and rewrite the program once more. */

static void test_blinded(const char *name)
{
	const char *sysctl = "/proc/sys/net/core/bpf_jit_harden";
	const struct op *op = find_op(name);
	char old[16];

	if (!op || !ASSERT_OK(sysctl_set(sysctl, old, "2"), "set bpf_jit_harden"))
		return;
	test_op(op, IN_MAP);
	sysctl_set_or_fail(sysctl, NULL, old);
}

static void test_rnd_hi32(const char *name)
{
	const struct op *op = find_op(name);

	prog_flags = BPF_F_TEST_RND_HI32;
	if (op)
		test_op(op, IN_MAP);
	prog_flags = 0;
}

/*
 * Arguments of a function, "access", from the sixth on. No instruction names the register that they
 * are in, or it is the stack. The function returns, or throws, a value made of all of them.
 */
#define NR_STACK_ARGS	3

struct stack_args {
	bool in_caller;		/* where the access is, when the arguments are in place */
	bool throws;
};

struct stack_args_ctx {
	__u64 in[NR_STACK_ARGS];
	__u64 out;
};

/* A function that returns a u64 and takes a pointer, and then u64s. */
static int add_func(struct btf *btf, const char *name, int linkage, int nr_args)
{
	int ptr = btf__add_ptr(btf, 0);
	int u64 = btf__add_int(btf, "u64", 8, 0);
	int proto = btf__add_func_proto(btf, u64);
	char arg[] = "a";

	for (int i = 0; i < nr_args; i++, arg[0]++)
		ASSERT_OK(btf__add_func_param(btf, arg, i ? u64 : ptr), "add_func_param");
	return btf__add_func(btf, name, linkage, proto);
}

static struct btf *make_stack_args_btf(struct bpf_func_info *infos)
{
	struct btf *btf;

	btf = btf__new_empty();
	if (!ASSERT_OK_PTR(btf, "new btf"))
		return NULL;

	infos[0].type_id = add_func(btf, "main", BTF_FUNC_GLOBAL, 1);
	infos[1].type_id = add_func(btf, "access", BTF_FUNC_STATIC, 5 + NR_STACK_ARGS);
	if (ASSERT_OK(btf__load_into_kernel(btf), "load btf"))
		return btf;
	btf__free(btf);
	return NULL;
}

static struct bpf_insn *emit_stack_args_caller(struct bpf_insn *to, const struct access *acc,
					       bool has_access)
{
	*to++ = BPF_MOV64_REG(BPF_REG_6, BPF_REG_1);
	memcpy(to, insn_area, sizeof(insn_area));
	to += 2;
	*to++ = BPF_MOV64_REG(BPF_REG_1, BPF_REG_0);
	*to++ = BPF_ALU64_IMM(BPF_ADD, BPF_REG_1, acc->addr - acc->off);
	for (int i = 0; i < NR_STACK_ARGS; i++) {
		*to++ = BPF_LDX_MEM(BPF_DW, BPF_REG_2, BPF_REG_6, 8 * i);
		*to++ = BPF_STX_MEM(BPF_DW, REG_PARAMS, BPF_REG_2, -8 * (i + 1));
	}
	if (has_access)
		*to++ = make_insn(acc);
	for (int reg = BPF_REG_2; reg <= BPF_REG_5; reg++)
		*to++ = BPF_MOV64_IMM(reg, 0);
	*to++ = BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 3);
	*to++ = BPF_STX_MEM(BPF_DW, BPF_REG_6, BPF_REG_0, 8 * NR_STACK_ARGS);
	*to++ = BPF_MOV64_IMM(BPF_REG_0, 0);
	*to++ = BPF_EXIT_INSN();
	return to;
}

static __u64 mix_stack_args(const __u64 *args)
{
	__u64 value = 0;

	for (int i = 0; i < NR_STACK_ARGS; i++)
		value = value * 3 + args[i];
	return value;
}

static struct bpf_insn *emit_stack_args_callee(struct bpf_insn *to, const struct access *acc,
					       bool has_access, int throw_id)
{
	if (has_access)
		*to++ = make_insn(acc);
	*to++ = BPF_MOV64_IMM(BPF_REG_0, 0);
	for (int i = 0; i < NR_STACK_ARGS; i++) {
		*to++ = BPF_ALU64_IMM(BPF_MUL, BPF_REG_0, 3);
		*to++ = BPF_LDX_MEM(BPF_DW, BPF_REG_2, REG_PARAMS, 8 * (i + 1));
		*to++ = BPF_ALU64_REG(BPF_ADD, BPF_REG_0, BPF_REG_2);
	}
	if (throw_id) {
		*to++ = BPF_MOV64_REG(BPF_REG_1, BPF_REG_0);
		*to++ = BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_KFUNC_CALL, 0, throw_id);
	}
	*to++ = BPF_EXIT_INSN();
	return to;
}

static int find_throw(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	int id = btf__find_by_name_kind(btf, "bpf_throw", BTF_KIND_FUNC);

	btf__free(btf);
	ASSERT_GT(id, 0, "btf id of bpf_throw");
	return id;
}

static int load_stack_args(const struct access *acc, const struct stack_args *args)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts);
	struct bpf_insn insns[MAX_INSNS], *to = insns;
	struct bpf_func_info infos[2] = {};
	char log[4096] = "";
	struct btf *btf;
	int fd;

	to = emit_stack_args_caller(to, acc, args->in_caller);
	infos[1].insn_off = to - insns;
	to = emit_stack_args_callee(to, acc, !args->in_caller, args->throws ? find_throw() : 0);
	btf = make_stack_args_btf(infos);
	if (!btf)
		return -EINVAL;

	opts.prog_btf_fd = btf__fd(btf);
	opts.func_info = infos;
	opts.func_info_cnt = ARRAY_SIZE(infos);
	opts.func_info_rec_size = sizeof(infos[0]);
	opts.prog_flags = BPF_F_SLEEPABLE;
	opts.log_buf = log;
	opts.log_size = sizeof(log);
	fd = bpf_prog_load(BPF_PROG_TYPE_SYSCALL, "main", "GPL", insns, to - insns, &opts);
	if (!kasan_jit_is_complete() && strstr(log, "JIT does not support function"))
		test__skip();
	else if (!ASSERT_OK_FD(fd, "load"))
		printf("%s", log);
	btf__free(btf);
	return fd;
}

static void run_stack_args(int fd, const struct access *acc, const struct stack_args *args,
			   enum pattern pattern)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	struct stack_args_ctx ctx = { .in = { 0x6162636465666768ULL, 0x7172, 0x8182838485ULL } };
	struct matrix_step step = {};
	const char *bug;

	opts.ctx_in = &ctx;
	opts.ctx_size_in = sizeof(ctx);
	bug = set_pattern(&step, acc, pattern);
	if (!run_step(skel->progs.before_access, &step) ||
	    !ASSERT_OK(bpf_prog_test_run_opts(fd, &opts), "test_run") ||
	    !run_step(skel->progs.after_access, &step))
		return;

	check_reports_in(args->in_caller ? "main" : "access", acc, &step, bug);
	if (args->throws)
		ASSERT_EQ(opts.retval, (__u32)mix_stack_args(ctx.in), "what was thrown");
	else
		ASSERT_EQ(ctx.out, mix_stack_args(ctx.in), "what was returned");
}

static void test_stack_args(const struct stack_args *args)
{
	const struct access acc = {
		.op = find_op("ldx4"), .memory = IN_MAP, .base = BPF_REG_1, .other = BPF_REG_2,
		.addr = MIDDLE,
	};
	int fd;

	fd = load_stack_args(&acc, args);
	if (fd < 0)
		return;

	/* In the portable form, such a function's accesses are not checked. */
	run_stack_args(fd, &acc, args, ALL_ELSE);
	if (!kasan_is_portable())
		run_stack_args(fd, &acc, args, ALL_ELSE_AND_LAST);
	close(fd);
}

static const struct group {
	const char *name;
	void (*test)(const char *op);
	const char *ops[16];
} groups[] = {
	{ "regs", test_regs,
	  { "ldx4", "ldsx4", "st4", "stx4", "add4", "fetch_add4", "xchg4", "cmpxchg4",
	    "load_acq4", "store_rel4" } },
	{ "offsets", test_offsets, { "ldx1", "ldx4", "stx8" } },
	{ "blinded", test_blinded, { "ldx1", "ldx4", "st4", "stx8", "fetch_add4" } },
	{ "rnd_hi32", test_rnd_hi32, { "ldx1", "ldx4", "st4", "stx8", "fetch_add4" } },
};

static bool starts_op(const char *name, const struct op *op)
{
	if (!test__start_subtest(name))
		return false;
	if (kasan_jit_has_acquire() || !is_atomic(op) ||
	    (op->imm != BPF_LOAD_ACQ && op->imm != BPF_STORE_REL))
		return true;
	test__skip();
	return false;
}

static void run_ops(enum memory memory)
{
	char name[64];

	for (int i = 0; i < ARRAY_SIZE(ops); i++) {
		snprintf(name, sizeof(name), "ops/%s/%s", memory_names[memory], ops[i].name);
		if (starts_op(name, &ops[i]))
			test_op(&ops[i], memory);
	}
}

static void run_group(const struct group *group)
{
	char name[64];

	for (int i = 0; group->ops[i]; i++) {
		snprintf(name, sizeof(name), "%s/%s", group->name, group->ops[i]);
		if (starts_op(name, find_op(group->ops[i])))
			group->test(group->ops[i]);
	}
}

static void run_matrix(void)
{
	run_ops(IN_ARENA);
	run_ops(IN_MAP);
	for (int i = 0; i < ARRAY_SIZE(groups); i++)
		run_group(&groups[i]);
	if (test__start_subtest("stack_args/callee"))
		test_stack_args(&(struct stack_args) {});
	if (test__start_subtest("stack_args/caller"))
		test_stack_args(&(struct stack_args) { .in_caller = true });
	if (test__start_subtest("stack_args/callee_throws"))
		test_stack_args(&(struct stack_args) { .throws = true });
	if (test__start_subtest("stack_args/caller_throws"))
		test_stack_args(&(struct stack_args) { .in_caller = true, .throws = true });
}

static bool get_insns(void)
{
	const struct bpf_insn *insns = bpf_program__insns(skel->progs.template);
	int fd;

	memcpy(insn_area, insns, sizeof(insn_area));
	insn_arena = insns[3];
	fd = kasan_module_btf();
	if (!ASSERT_OK_FD(fd, "module's btf") ||
	    !ASSERT_LT(insn_arena.off, ARRAY_SIZE(btf_fds), "index of btf"))
		return false;

	btf_fds[insn_arena.off] = fd;
	return true;
}

void serial_test_kasan_insn_matrix(void)
{
	kmsg = kasan_test_start();
	if (kmsg < 0)
		return;

	skel = kasan_insn_matrix__open_and_load();
	if (ASSERT_OK_PTR(skel, "open_and_load") && get_insns()) {
		run_matrix();
		close(btf_fds[insn_arena.off]);
	}
	kasan_insn_matrix__destroy(skel);
	kasan_test_end(kmsg);
}
