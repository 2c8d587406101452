// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of kasan_insn.c, which includes this file: the decoder, the generator, the layout,
 * and the result run by the JIT.
 */
#include <kunit/test.h>
#include <linux/prandom.h>
#include <linux/slab.h>
#include <trace/events/bpf_kasan.h>

/* The decoder */

static enum kasan_kind expected_kind(u8 code)
{
	static const u8 checked[] = {
		0x61, 0x69, 0x71, 0x79,		/* LDX MEM: W, H, B, DW */
		0x81, 0x89, 0x91, 0x99,		/* LDX MEMSX */
		0x62, 0x6a, 0x72, 0x7a,		/* ST MEM */
		0x63, 0x6b, 0x73, 0x7b,		/* STX MEM */
		0xc3, 0xcb, 0xd3, 0xdb,		/* STX ATOMIC */
	};
	static const u8 probing[] = {
		0x21, 0x29, 0x31, 0x39,		/* LDX PROBE_MEM */
		0x41, 0x49, 0x51, 0x59,		/* LDX PROBE_MEMSX */
		0xa1, 0xa9, 0xb1, 0xb9,		/* LDX PROBE_MEM32 */
		0xc1, 0xc9, 0xd1, 0xd9,		/* LDX PROBE_MEM32SX */
		0xa2, 0xaa, 0xb2, 0xba,		/* ST PROBE_MEM32 */
		0xa3, 0xab, 0xb3, 0xbb,		/* STX PROBE_MEM32 */
		0xe3, 0xeb, 0xf3, 0xfb,		/* STX PROBE_ATOMIC */
	};

	if (memchr(checked, code, sizeof(checked)))
		return KASAN_CHECKED;
	if (memchr(probing, code, sizeof(probing)))
		return KASAN_SKIP_PROBE;
	return KASAN_NO_ACCESS;
}

/* Loads and stores with a mode that no instruction has. */
static bool opcode_exists(u8 code)
{
	switch (BPF_CLASS(code)) {
	case BPF_LDX:
		return BPF_MODE(code) != BPF_IMM && BPF_MODE(code) != 0xe0;
	case BPF_ST:
	case BPF_STX:
		return expected_kind(code) != KASAN_NO_ACCESS || BPF_MODE(code) == BPF_NOSPEC;
	default:
		return true;
	}
}

static void test_decode_opcodes(struct kunit *test)
{
	struct kasan_access acc;
	int code;

	for (code = 0; code < 256; code++) {
		struct bpf_insn insn = { .code = code, .imm = BPF_ADD };

		if (opcode_exists(code))
			KUNIT_EXPECT_EQ_MSG(test, decode(&insn, &acc), expected_kind(code),
					    "opcode %#x", code);
	}
}

struct decode_case {
	struct bpf_insn insn;
	u8 base, size;
	s16 off;
	bool write;
};

#define ATOMIC(SIZE, BYTES, OP)							\
	{ BPF_ATOMIC_OP(SIZE, OP, BPF_REG_3, BPF_REG_7, 24), BPF_REG_3, BYTES, 24, true }

static const struct decode_case decode_cases[] = {
	{ BPF_LDX_MEM(BPF_B, BPF_REG_1, BPF_REG_2, 3), BPF_REG_2, 1, 3, false },
	{ BPF_LDX_MEM(BPF_H, BPF_REG_1, BPF_REG_2, -2), BPF_REG_2, 2, -2, false },
	{ BPF_LDX_MEM(BPF_W, BPF_REG_2, BPF_REG_2, S16_MIN), BPF_REG_2, 4, S16_MIN, false },
	{ BPF_LDX_MEM(BPF_DW, BPF_REG_0, BPF_REG_9, S16_MAX), BPF_REG_9, 8, S16_MAX, false },
	{ BPF_LDX_MEMSX(BPF_B, BPF_REG_1, BPF_REG_2, 3), BPF_REG_2, 1, 3, false },
	{ BPF_LDX_MEMSX(BPF_W, BPF_REG_1, BPF_REG_2, 4), BPF_REG_2, 4, 4, false },
	{ BPF_ST_MEM(BPF_B, BPF_REG_4, 5, 0), BPF_REG_4, 1, 5, true },
	{ BPF_ST_MEM(BPF_DW, BPF_REG_4, 8, 0), BPF_REG_4, 8, 8, true },
	{ BPF_STX_MEM(BPF_H, BPF_REG_5, BPF_REG_6, 6), BPF_REG_5, 2, 6, true },
	{ BPF_STX_MEM(BPF_DW, BPF_REG_5, BPF_REG_5, 8), BPF_REG_5, 8, 8, true },
	ATOMIC(BPF_W, 4, BPF_ADD), ATOMIC(BPF_DW, 8, BPF_AND), ATOMIC(BPF_W, 4, BPF_OR),
	ATOMIC(BPF_DW, 8, BPF_XOR), ATOMIC(BPF_DW, 8, BPF_ADD | BPF_FETCH),
	ATOMIC(BPF_W, 4, BPF_XCHG), ATOMIC(BPF_DW, 8, BPF_CMPXCHG),
	ATOMIC(BPF_B, 1, BPF_STORE_REL), ATOMIC(BPF_H, 2, BPF_STORE_REL),
	{ BPF_ATOMIC_OP(BPF_B, BPF_LOAD_ACQ, BPF_REG_3, BPF_REG_7, 1), BPF_REG_7, 1, 1, false },
	{ BPF_ATOMIC_OP(BPF_DW, BPF_LOAD_ACQ, BPF_REG_3, BPF_REG_7, 8), BPF_REG_7, 8, 8, false },
};

static void test_decode_operands(struct kunit *test)
{
	struct kasan_access acc;
	int i;

	for (i = 0; i < ARRAY_SIZE(decode_cases); i++) {
		const struct decode_case *c = &decode_cases[i];

		KUNIT_EXPECT_EQ(test, decode(&c->insn, &acc), KASAN_CHECKED);
		KUNIT_EXPECT_EQ_MSG(test, acc.base, c->base, "case %d", i);
		KUNIT_EXPECT_EQ_MSG(test, acc.size, c->size, "case %d", i);
		KUNIT_EXPECT_EQ_MSG(test, acc.off, c->off, "case %d", i);
		KUNIT_EXPECT_EQ_MSG(test, acc.write, c->write, "case %d", i);
	}
}

/* Would a jump with this opcode be taken? */
static bool is_taken(u8 code, u64 dst, u64 src)
{
	switch (BPF_OP(code)) {
	case BPF_JEQ:	return dst == src;
	case BPF_JNE:	return dst != src;
	case BPF_JGT:	return dst > src;
	case BPF_JGE:	return dst >= src;
	case BPF_JLT:	return dst < src;
	case BPF_JLE:	return dst <= src;
	case BPF_JSGT:	return (s64)dst > (s64)src;
	case BPF_JSGE:	return (s64)dst >= (s64)src;
	case BPF_JSLT:	return (s64)dst < (s64)src;
	case BPF_JSLE:	return (s64)dst <= (s64)src;
	default:	return dst & src;
	}
}

static const u8 cond_jumps[] = {
	BPF_JEQ, BPF_JNE, BPF_JGT, BPF_JGE, BPF_JLT, BPF_JLE, BPF_JSGT, BPF_JSGE, BPF_JSLT,
	BPF_JSLE, BPF_JSET,
};

static void test_invert_jump(struct kunit *test)
{
	static const u64 values[] = { 0, 1, 2, S64_MAX, (u64)S64_MIN, U64_MAX };
	int i, j, k;

	for (i = 0; i < ARRAY_SIZE(cond_jumps); i++) {
		u8 code = BPF_JMP32 | BPF_X | cond_jumps[i], inverse = invert_jump(code);

		if (cond_jumps[i] == BPF_JSET) {
			KUNIT_EXPECT_EQ(test, inverse, 0);
			continue;
		}
		KUNIT_EXPECT_EQ(test, inverse & 0xf, code & 0xf);
		for (j = 0; j < ARRAY_SIZE(values); j++)
			for (k = 0; k < ARRAY_SIZE(values); k++)
				KUNIT_EXPECT_NE(test, is_taken(code, values[j], values[k]),
						is_taken(inverse, values[j], values[k]));
	}
}

/* The layout */

static struct bpf_prog *new_prog(struct kunit *test, u32 len)
{
	struct bpf_prog *prog = bpf_prog_alloc(bpf_prog_size(len), 0);

	KUNIT_ASSERT_NOT_NULL(test, prog);
	prog->len = len;
	prog->type = BPF_PROG_TYPE_SOCKET_FILTER;
	prog->jit_requested = 1;
	return prog;
}

static void start_rewrite(struct kunit *test, struct kasan_rewrite *rw, struct bpf_prog *prog)
{
	memset(rw, 0, sizeof(*rw));
	rw->prog = prog;
	KUNIT_ASSERT_EQ(test, init_rewrite(rw), 0);
	lay_out(rw);
}

static void end_rewrite(struct kasan_rewrite *rw)
{
	free_rewrite(rw);
	bpf_prog_free(rw->prog);
}

/* Where does the jump at @i go, and where does the program go on if it is not taken? */
static u32 jump_dest(const struct bpf_insn *insns, u32 i)
{
	return i + 1 + jump_off(&insns[i]);
}

/* Check that old jump @i, at its new place, reaches what it did before, by each of both ways. */
static void expect_jump(struct kunit *test, const struct kasan_rewrite *rw, u32 i,
			const struct bpf_insn *old)
{
	const struct bpf_insn *insns = rw->prog->insnsi;
	u32 at = rw->pos[i], target = rw->pos[jump_dest(old, i)], next = rw->pos[i + 1];

	if (!test_bit(i, rw->relaxed)) {
		KUNIT_EXPECT_EQ(test, insns[at].code, old[i].code);
		KUNIT_EXPECT_EQ(test, jump_dest(insns, at), target);
	} else if (is_goto(&old[i])) {
		KUNIT_EXPECT_TRUE(test, is_gotol(&insns[at]));
		KUNIT_EXPECT_EQ(test, jump_dest(insns, at), target);
	} else if (invert_jump(old[i].code)) {
		KUNIT_EXPECT_EQ(test, insns[at].code, invert_jump(old[i].code));
		KUNIT_EXPECT_EQ(test, jump_dest(insns, at), next);
		KUNIT_EXPECT_TRUE(test, is_gotol(&insns[at + 1]));
		KUNIT_EXPECT_EQ(test, jump_dest(insns, at + 1), target);
	} else {
		KUNIT_EXPECT_EQ(test, insns[at].code, old[i].code);
		KUNIT_EXPECT_EQ(test, jump_dest(insns, at), at + 2);
		KUNIT_EXPECT_EQ(test, jump_dest(insns, at + 1), next);
		KUNIT_EXPECT_TRUE(test, is_gotol(&insns[at + 2]));
		KUNIT_EXPECT_EQ(test, jump_dest(insns, at + 2), target);
	}
}

/*
 * One jump of just the longest distance that stays, or one more, over a single access and filling.
 * Forward: jump, access, filling, target. Backward: target, access, filling, jump.
 */
static void check_boundary(struct kunit *test, u8 op, bool backward, bool too_long)
{
	const struct kasan_access acc = { .base = BPF_REG_1, .size = 1 };
	struct bpf_insn buf[KASAN_MAX_CHECK_LEN], *old;
	u32 grown = emit_check(buf, &acc);
	u32 dist = KASAN_MAX_JUMP - grown + too_long;
	u32 len = dist + 2, at = backward ? dist : 0, i;
	struct bpf_prog *prog = new_prog(test, len);
	struct bpf_insn *insns = prog->insnsi;
	struct kasan_rewrite rw;

	for (i = 0; i < len; i++)
		insns[i] = BPF_MOV64_IMM(BPF_REG_0, i);
	insns[1] = BPF_LDX_MEM(BPF_B, BPF_REG_0, BPF_REG_1, 0);
	insns[at] = op == BPF_JA ? BPF_JMP_A(0) : BPF_JMP_IMM(op, BPF_REG_0, 7, 0);
	insns[at].off = backward ? -(int)dist - 1 : dist - 1;
	insns[len - 1] = BPF_EXIT_INSN();

	old = kunit_kmalloc(test, len * sizeof(*old), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, old);
	memcpy(old, insns, len * sizeof(*old));
	start_rewrite(test, &rw, prog);
	KUNIT_EXPECT_EQ(test, test_bit(at, rw.relaxed), too_long);
	KUNIT_ASSERT_EQ(test, make_room(&rw), 0);
	move_insns(&rw);
	expect_jump(test, &rw, at, old);
	end_rewrite(&rw);
}

static void test_relax_boundaries(struct kunit *test)
{
	static const u8 ops[] = { BPF_JA, BPF_JEQ, BPF_JSLT, BPF_JSET };
	int i;

	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		check_boundary(test, ops[i], false, false);
		check_boundary(test, ops[i], false, true);
		check_boundary(test, ops[i], true, false);
		check_boundary(test, ops[i], true, true);
	}
}

static struct bpf_insn random_insn(struct rnd_state *rnd, u32 i, u32 target)
{
	u8 op = cond_jumps[i % ARRAY_SIZE(cond_jumps)];
	s32 rel = target - i - 1;

	switch (prandom_u32_state(rnd) % 8) {
	case 0:
		return BPF_JMP_REG(op, BPF_REG_1, BPF_REG_2, rel);
	case 1:
		return BPF_JMP_A(rel);
	case 2:
		return BPF_JMP32_A(rel);
	case 3:
		return BPF_CALL_REL(rel);
	case 4:
		return BPF_MOV64_IMM(BPF_REG_0, i);
	case 5:
		return BPF_LDX_MEM(BPF_DW, BPF_REG_0, BPF_REG_1, target);
	default:
		return BPF_STX_MEM(BPF_B, BPF_REG_2, BPF_REG_1, target);
	}
}

/* Any program, sensible or not; the address of a function, in two slots, comes last. */
static void fill_random(struct rnd_state *rnd, struct bpf_insn *insns, u32 len)
{
	const struct bpf_insn func[] = {
		BPF_LD_IMM64_RAW(BPF_REG_1, BPF_PSEUDO_FUNC, (u32)-(s32)(len / 2)),
	};
	u32 i;

	for (i = 0; i < len - 2; i++)
		insns[i] = random_insn(rnd, i, prandom_u32_state(rnd) % (len - 1));
	memcpy(insns + len - 2, func, sizeof(func));
}

/* Instruction @i of the old program is in its place, with its check before it and what it names. */
static void expect_insn(struct kunit *test, const struct kasan_rewrite *rw, u32 i,
			const struct bpf_insn *old)
{
	const struct bpf_insn *insn = &rw->prog->insnsi[rw->pos[i] + rw->check_len[i]];
	struct bpf_insn check[KASAN_MAX_CHECK_LEN];
	struct kasan_access acc = { .straddles = BPF_SIZE(old[i].code) != BPF_B };
	u32 len = 0;

	if (decode(&old[i], &acc) == KASAN_CHECKED)
		len = emit_check(check, &acc);
	KUNIT_ASSERT_EQ(test, rw->check_len[i], len);
	KUNIT_EXPECT_MEMEQ(test, insn - len, check, len * sizeof(*check));

	if (is_jump(&old[i])) {
		expect_jump(test, rw, i, old);
	} else if (bpf_pseudo_call(&old[i]) || bpf_pseudo_func(&old[i])) {
		KUNIT_EXPECT_EQ(test, insn->code, old[i].code);
		KUNIT_EXPECT_EQ(test, rw->pos[i] + 1 + insn->imm, rw->pos[i + 1 + old[i].imm]);
	} else {
		KUNIT_EXPECT_MEMEQ(test, insn, &old[i], sizeof(*insn));
	}
}

static void check_random(struct kunit *test, struct rnd_state *rnd, u32 len)
{
	struct bpf_prog *prog = new_prog(test, len);
	struct kasan_rewrite rw;
	struct bpf_insn *old;
	u32 i;

	old = kunit_kmalloc(test, len * sizeof(*old), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, old);
	fill_random(rnd, prog->insnsi, len);
	memcpy(old, prog->insnsi, len * sizeof(*old));

	start_rewrite(test, &rw, prog);
	KUNIT_ASSERT_EQ(test, make_room(&rw), 0);
	move_insns(&rw);
	KUNIT_EXPECT_EQ(test, rw.prog->len, rw.pos[len]);
	for (i = 0; i < len; i++)
		expect_insn(test, &rw, i, old);
	end_rewrite(&rw);
	kunit_kfree(test, old);
}

static void test_random_programs(struct kunit *test)
{
	struct rnd_state rnd;
	u32 len;

	prandom_seed_state(&rnd, 42);
	for (len = 3; len < 200; len++)
		check_random(test, &rnd, len);
	/* Long enough that most jumps are relaxed. */
	check_random(test, &rnd, 20000);
}

/*
 * A value in BPF_REG_AX survives, across a forward jump too: the accesses that it lives across are
 * not checked, and those around them are.
 */
static void test_ax_live(struct kunit *test)
{
	static const struct bpf_insn insns[] = {
		BPF_LDX_MEM(BPF_DW, BPF_REG_0, BPF_REG_1, 0),
		BPF_LDX_MEM(BPF_DW, BPF_REG_AX, BPF_REG_1, 8),		/* defines it */
		BPF_LDX_MEM(BPF_DW, BPF_REG_2, BPF_REG_1, 16),		/* across */
		BPF_JMP_IMM(BPF_JEQ, BPF_REG_2, 0, 2),
		BPF_LDX_MEM(BPF_DW, BPF_REG_3, BPF_REG_1, 24),		/* dead on this way */
		BPF_JMP_A(1),
		BPF_STX_MEM(BPF_DW, BPF_REG_1, BPF_REG_AX, 32),		/* value */
		BPF_LDX_MEM(BPF_DW, BPF_REG_AX, BPF_REG_1, 40),
		BPF_LDX_MEM(BPF_DW, BPF_REG_0, BPF_REG_AX, 0),		/* base */
		BPF_STX_MEM(BPF_DW, BPF_REG_1, BPF_REG_0, 48),
		BPF_EXIT_INSN(),
	};
	static const bool checked[] = {
		true, true, false, false, true, false, false, true, false, true, false,
	};
	struct bpf_prog *prog = new_prog(test, ARRAY_SIZE(insns));
	struct kasan_rewrite rw;
	int i;

	memcpy(prog->insnsi, insns, sizeof(insns));
	start_rewrite(test, &rw, prog);
	for (i = 0; i < ARRAY_SIZE(insns); i++)
		KUNIT_EXPECT_EQ_MSG(test, !!rw.check_len[i], checked[i], "insn %d", i);
	KUNIT_EXPECT_EQ(test, rw.count[KASAN_SKIP_AX], 3);
	end_rewrite(&rw);
}

static void test_disarm(struct kunit *test)
{
	struct bpf_prog *prog = new_prog(test, 3);
	struct kasan_rewrite rw;
	struct bpf_insn *insn;

	prog->insnsi[0] = BPF_LDX_MEM(BPF_DW, BPF_REG_0, BPF_REG_1, 8);
	prog->insnsi[1] = BPF_STX_MEM(BPF_B, BPF_REG_1, BPF_REG_0, 0);
	prog->insnsi[2] = BPF_EXIT_INSN();
	start_rewrite(test, &rw, prog);
	KUNIT_ASSERT_EQ(test, make_room(&rw), 0);
	move_insns(&rw);
	bpf_kasan_disarm(rw.prog);

	insn = rw.prog->insnsi;
	KUNIT_EXPECT_TRUE(test, is_goto(insn));
	KUNIT_EXPECT_EQ(test, jump_dest(insn, 0), rw.check_len[0]);
	KUNIT_EXPECT_TRUE(test, is_goto(insn + rw.pos[1]));
	KUNIT_EXPECT_EQ(test, jump_dest(insn, rw.pos[1]), rw.pos[1] + rw.check_len[1]);
	end_rewrite(&rw);
}

/* Run by the JIT */

#define TEST_BYTES 64

struct exec_report {
	unsigned long addr;
	size_t size;
	bool write;
	int nr;
};

static void report_probe(void *data, u32 prog_id, unsigned long addr, size_t size, bool write,
			 int insn)
{
	struct exec_report *report = data;

	report->addr = addr;
	report->size = size;
	report->write = write;
	report->nr++;
}

static __no_sanitize_address void set_shadow(const void *addr, u8 shadow)
{
	*(u8 *)kasan_mem_to_shadow(addr) = shadow;
}

/* Run one access of @mem + @off by an instrumented program, with its base in r1. */
static void run_access(struct kunit *test, struct bpf_insn access, void *mem)
{
	struct bpf_prog *prog = new_prog(test, 3);
	int err;

	prog->insnsi[0] = BPF_MOV64_IMM(BPF_REG_0, 0);
	prog->insnsi[1] = access;
	prog->insnsi[2] = BPF_EXIT_INSN();
	prog = bpf_prog_select_runtime(bpf_kasan_instrument_classic(prog), &err);
	KUNIT_ASSERT_EQ(test, err, 0);
	KUNIT_ASSERT_TRUE(test, prog->jited);
	bpf_prog_kallsyms_add(prog);
	/* A report fails the test that current runs. */
	current->kunit_test = NULL;
	migrate_disable();
	bpf_prog_run(prog, mem);
	migrate_enable();
	current->kunit_test = test;
	bpf_prog_kallsyms_del(prog);
	bpf_prog_free(prog);
}

struct exec_insn {
	struct bpf_insn insn;
	u8 size;
	bool write;
};

static const struct exec_insn exec_insns[] = {
	{ BPF_LDX_MEM(BPF_B, BPF_REG_0, BPF_REG_1, 0), 1, false },
	{ BPF_LDX_MEM(BPF_H, BPF_REG_0, BPF_REG_1, 0), 2, false },
	{ BPF_LDX_MEM(BPF_W, BPF_REG_1, BPF_REG_1, 0), 4, false },
	{ BPF_LDX_MEM(BPF_DW, BPF_REG_0, BPF_REG_1, 0), 8, false },
	{ BPF_ST_MEM(BPF_B, BPF_REG_1, 0, 0), 1, true },
	{ BPF_ST_MEM(BPF_H, BPF_REG_1, 0, 0), 2, true },
	{ BPF_STX_MEM(BPF_W, BPF_REG_1, BPF_REG_0, 0), 4, true },
	{ BPF_STX_MEM(BPF_DW, BPF_REG_1, BPF_REG_0, 0), 8, true },
	{ BPF_ATOMIC_OP(BPF_DW, BPF_ADD, BPF_REG_1, BPF_REG_0, 0), 8, true },
};

/*
 * What the definition of the shadow says: the bytes of a granule from its shadow byte on are bad,
 * all of them if it is negative.
 */
static bool is_bad(int first_shadow, int second_shadow, int off, int size)
{
	int i;

	for (i = off; i < off + size; i++) {
		int shadow = i < 8 ? first_shadow : second_shadow;

		if (shadow < 0 || (shadow && i % 8 >= shadow))
			return true;
	}
	return false;
}

/* One access of two granules with these shadow bytes, at each offset. */
static void exec_offsets(struct kunit *test, const struct exec_insn *exec,
			 struct exec_report *report, u8 *mem, const s8 *shadow)
{
	struct bpf_insn insn = exec->insn;
	int off;

	for (off = 0; off <= 16 - exec->size; off++) {
		bool bad = is_bad(shadow[0], shadow[1], off, exec->size);

		set_shadow(mem, shadow[0]);
		set_shadow(mem + 8, shadow[1]);
		report->nr = 0;
		insn.off = off;
		run_access(test, insn, mem);
		set_shadow(mem, 0);
		set_shadow(mem + 8, 0);
		KUNIT_ASSERT_EQ_MSG(test, report->nr, bad, "shadow %d %d, off %d", shadow[0],
				    shadow[1], off);
		if (!bad)
			continue;
		KUNIT_EXPECT_EQ(test, report->addr, (unsigned long)mem + off);
		KUNIT_EXPECT_EQ(test, report->size, exec->size);
		KUNIT_EXPECT_EQ(test, report->write, exec->write);
	}
}

static void test_exec(struct kunit *test)
{
	static const s8 shadows[][2] = {
		{ 0, 0 }, { 0, -5 }, { -5, 0 }, { 5, 0 }, { 0, 5 }, { 7, 1 },
	};
	u8 *mem = kunit_kmalloc(test, TEST_BYTES, GFP_KERNEL);
	struct exec_report report = {};
	int i, j;

	KUNIT_ASSERT_NOT_NULL(test, mem);
	KUNIT_ASSERT_EQ(test, register_trace_bpf_kasan_report(report_probe, &report), 0);
	for (i = 0; i < ARRAY_SIZE(exec_insns); i++)
		for (j = 0; j < ARRAY_SIZE(shadows); j++)
			exec_offsets(test, &exec_insns[i], &report, mem, shadows[j]);
	unregister_trace_bpf_kasan_report(report_probe, &report);
	tracepoint_synchronize_unregister();
}

static struct kunit_case bpf_kasan_cases[] = {
	KUNIT_CASE(test_decode_opcodes),
	KUNIT_CASE(test_decode_operands),
	KUNIT_CASE(test_invert_jump),
	KUNIT_CASE(test_relax_boundaries),
	KUNIT_CASE(test_random_programs),
	KUNIT_CASE(test_ax_live),
	KUNIT_CASE(test_disarm),
	KUNIT_CASE_SLOW(test_exec),
	{}
};

static struct kunit_suite bpf_kasan_suite = {
	.name = "bpf_kasan",
	.test_cases = bpf_kasan_cases,
};

kunit_test_suite(bpf_kasan_suite);
