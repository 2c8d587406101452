// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of kasan_insn.c, which includes this file: what the verifier knows, the decoder, the
 * generator, the layout, and the result run by the JIT.
 */
#include <kunit/test.h>
#include <linux/prandom.h>
#include <linux/slab.h>
#include <trace/events/bpf_kasan.h>

#define HAS_TAGS IS_ENABLED(CONFIG_KASAN_SW_TAGS)
#define HAS_WIDE_LOADS (IS_ENABLED(CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS) && !HAS_TAGS)

/* What the verifier knows */

struct known_case {
	enum bpf_reg_type type;
	struct tnum var_off;
	int off, size;
	u8 known_bits, low_bits;
	enum bpf_map_type map_type;
};

static const struct known_case known_cases[] = {
	{ PTR_TO_MAP_VALUE, { 0, 0 }, 4, 4, 3, 0, BPF_MAP_TYPE_HASH },
	{ PTR_TO_MAP_VALUE, { 6, 0 }, 2, 2, 3, 6, BPF_MAP_TYPE_ARRAY },
	{ PTR_TO_MAP_VALUE, { 4, 0xf8 }, 0, 4, 3, 4, BPF_MAP_TYPE_ARRAY },
	{ PTR_TO_MAP_VALUE, { 2, 0xfc }, 0, 2, 2, 2, BPF_MAP_TYPE_ARRAY },
	{ PTR_TO_MAP_VALUE, { 0, 0xff }, 0, 1, 0, 0, BPF_MAP_TYPE_ARRAY },
	{ PTR_TO_MAP_VALUE, { 0, 0 }, 0, 8, 0, 0, BPF_MAP_TYPE_LPM_TRIE },
	{ PTR_TO_BTF_ID, { 0, 0 }, 16, 8, 3, 0 },
	{ PTR_TO_BTF_ID, { 4, 0 }, 4, 8, 3, 4 },
	{ PTR_TO_BTF_ID, { 0, 0 }, 4, 8, 0, 0 },
	{ PTR_TO_BTF_ID, { 4, 0 }, 8, 8, 0, 0 },
	{ PTR_TO_BTF_ID, { 0, 0 }, 6, 2, 1, 0 },
	{ PTR_TO_MEM, { 0, 0 }, 8, 8, 0, 0 },
	{ PTR_TO_PACKET, { 0, 0 }, 8, 8, 0, 0 },
	{ PTR_TO_CTX, { 0, 0 }, 8, 8, 0, 0 },
};

static void test_known_bits(struct kunit *test)
{
	struct bpf_reg_state *reg = kunit_kzalloc(test, sizeof(*reg), GFP_KERNEL);
	struct bpf_map *map = kunit_kzalloc(test, sizeof(*map), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, reg);
	KUNIT_ASSERT_NOT_NULL(test, map);
	for (i = 0; i < ARRAY_SIZE(known_cases); i++) {
		const struct known_case *c = &known_cases[i];
		u8 bits, low_bits = 0;

		map->map_type = c->map_type;
		reg->type = c->type;
		reg->var_off = c->var_off;
		reg->map_ptr = c->map_type ? map : NULL;
		bits = known_bits(reg, c->off, c->size, &low_bits);
		KUNIT_EXPECT_EQ_MSG(test, bits, c->known_bits, "case %d", i);
		KUNIT_EXPECT_EQ_MSG(test, low_bits & (BIT(bits) - 1), c->low_bits, "case %d", i);
	}
}

struct merge_case {
	u8 known_bits[2], low_bits[2];	/* of two paths */
	u8 merged;
};

static void test_merge_known_bits(struct kunit *test)
{
	static const struct merge_case cases[] = {
		{ { 3, 3 }, { 6, 6 }, 3 }, { { 3, 3 }, { 6, 2 }, 2 }, { { 3, 3 }, { 6, 4 }, 1 },
		{ { 3, 3 }, { 6, 5 }, 0 }, { { 2, 3 }, { 2, 6 }, 2 }, { { 3, 1 }, { 6, 4 }, 1 },
		{ { 0, 3 }, { 0, 0 }, 0 }, { { 3, 0 }, { 0, 0 }, 0 },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct bpf_kasan_mark mark = {
			.known_bits = cases[i].known_bits[0],
			.low_bits = cases[i].low_bits[0],
		};

		merge_known_bits(&mark, cases[i].known_bits[1], cases[i].low_bits[1]);
		KUNIT_EXPECT_EQ_MSG(test, mark.known_bits, cases[i].merged, "case %d", i);
	}
}

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
			KUNIT_EXPECT_EQ_MSG(test, bpf_kasan_decode(&insn, &acc),
					    expected_kind(code), "opcode %#x", code);
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

		KUNIT_EXPECT_EQ(test, bpf_kasan_decode(&c->insn, &acc), KASAN_CHECKED);
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
	prog->aux->stack_depth = MAX_BPF_STACK;
	return prog;
}

static void start_rewrite(struct kunit *test, struct kasan_rewrite *rw, struct bpf_prog *prog)
{
	memset(rw, 0, sizeof(*rw));
	rw->prog = prog;
	KUNIT_ASSERT_EQ(test, init_rewrite(rw), 0);
	KUNIT_ASSERT_EQ(test, plan_rewrite(rw), 0);
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

/* By way of a jump over cold paths, perhaps. */
static bool reaches(const struct bpf_insn *insns, u32 from, u32 to)
{
	return from == to || (is_goto(&insns[from]) && jump_dest(insns, from) == to);
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
		KUNIT_EXPECT_EQ(test, jump_dest(insns, at), at + 2);
		KUNIT_EXPECT_TRUE(test, reaches(insns, at + 2, next));
		KUNIT_EXPECT_TRUE(test, is_gotol(&insns[at + 1]));
		KUNIT_EXPECT_EQ(test, jump_dest(insns, at + 1), target);
	} else {
		KUNIT_EXPECT_EQ(test, insns[at].code, old[i].code);
		KUNIT_EXPECT_EQ(test, jump_dest(insns, at), at + 2);
		KUNIT_EXPECT_EQ(test, jump_dest(insns, at + 1), at + 3);
		KUNIT_EXPECT_TRUE(test, reaches(insns, at + 3, next));
		KUNIT_EXPECT_TRUE(test, is_gotol(&insns[at + 2]));
		KUNIT_EXPECT_EQ(test, jump_dest(insns, at + 2), target);
	}
}

/*
 * One jump over a single access and filling, @dist instructions long. Forward: jump, access,
 * filling, target. Backward: target, access, filling, jump.
 */
static struct bpf_prog *new_jump(struct kunit *test, u8 op, bool backward, u32 dist)
{
	u32 len = dist + 2, at = backward ? dist : 0, i;
	struct bpf_prog *prog = new_prog(test, len);
	struct bpf_insn *insns = prog->insnsi;

	for (i = 0; i < len; i++)
		insns[i] = BPF_MOV64_IMM(BPF_REG_0, i);
	insns[1] = BPF_LDX_MEM(BPF_B, BPF_REG_0, BPF_REG_1, 0);
	insns[at] = op == BPF_JA ? BPF_JMP_A(0) : BPF_JMP_IMM(op, BPF_REG_0, 7, 0);
	insns[at].off = backward ? -(int)dist - 1 : dist - 1;
	insns[len - 1] = BPF_EXIT_INSN();
	return prog;
}

/* By how much does the check, with its cold path, lengthen such a jump? */
static u32 growth(struct kunit *test, bool backward)
{
	u32 dist = KASAN_MAX_JUMP - 100, grown;
	struct kasan_rewrite rw;

	start_rewrite(test, &rw, new_jump(test, BPF_JA, backward, dist));
	grown = rw.pos[dist] - dist;
	end_rewrite(&rw);
	return grown;
}

/* Of just the longest distance that stays, or of one more. */
static void check_boundary(struct kunit *test, u8 op, bool backward, bool too_long)
{
	u32 dist = KASAN_MAX_JUMP - growth(test, backward) + too_long, len = dist + 2;
	struct bpf_prog *prog = new_jump(test, op, backward, dist);
	u32 at = backward ? dist : 0;
	struct kasan_rewrite rw;
	struct bpf_insn *old;

	old = kunit_kmalloc(test, len * sizeof(*old), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, old);
	memcpy(old, prog->insnsi, len * sizeof(*old));
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

/* Instruction @i of the old program is in its place, with what it names. */
static void expect_insn(struct kunit *test, const struct kasan_rewrite *rw, u32 i,
			const struct bpf_insn *old)
{
	const struct bpf_insn *insn = &rw->prog->insnsi[rw->pos[i] + rw->check_len[i]];

	if (is_jump(&old[i])) {
		expect_jump(test, rw, i, old);
	} else if (bpf_pseudo_call(&old[i]) || bpf_pseudo_func(&old[i])) {
		KUNIT_EXPECT_EQ(test, insn->code, old[i].code);
		KUNIT_EXPECT_EQ(test, rw->pos[i] + 1 + insn->imm, rw->pos[i + 1 + old[i].imm]);
	} else {
		KUNIT_EXPECT_MEMEQ(test, insn, &old[i], sizeof(*insn));
	}
}

/* The loads are in place and go to the cold path; that makes the tests and comes back. */
static void expect_check(struct kunit *test, const struct kasan_rewrite *rw,
			 const struct kasan_check *check)
{
	const struct bpf_insn *insns = rw->prog->insnsi, *insn;
	u32 i, pos = rw->pos[check->insn];

	KUNIT_EXPECT_GT(test, check->nr_loads, 0);
	for (i = 0; i < check->nr_loads; i++, pos += KASAN_LOAD_LEN) {
		KUNIT_EXPECT_TRUE(test, bpf_is_kasan_ld_imm64(&insns[pos]));
		KUNIT_EXPECT_EQ(test, (u8)insns[pos + 2].src_reg, check->base);
		KUNIT_EXPECT_EQ(test, jump_dest(insns, pos + KASAN_LOAD_LEN - 1), check->cold);
	}
	insn = &insns[check->cold];
	for (i = 0; i < check->nr_tests; i++) {
		KUNIT_EXPECT_EQ(test, (u8)insn->src_reg, check->base);
		insn += rw->tests[check->tests + i].off ? 2 : 1;
		KUNIT_EXPECT_TRUE(test, bpf_is_kasan_check(insn));
		insn++;
	}
	KUNIT_EXPECT_EQ(test, insn->code, BPF_JMP | BPF_JA);
	KUNIT_EXPECT_EQ(test, jump_dest(insns, insn - insns), pos);
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
	for (i = 0; i < rw.nr_checks; i++)
		expect_check(test, &rw, &rw.checks[i]);
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
		BPF_LDX_MEM(BPF_DW, BPF_REG_AX, BPF_REG_1, 64),		/* defines it */
		BPF_LDX_MEM(BPF_DW, BPF_REG_2, BPF_REG_1, 128),		/* across */
		BPF_JMP_IMM(BPF_JEQ, BPF_REG_2, 0, 2),
		BPF_LDX_MEM(BPF_DW, BPF_REG_3, BPF_REG_1, 192),		/* dead on this way */
		BPF_JMP_A(1),
		BPF_STX_MEM(BPF_DW, BPF_REG_1, BPF_REG_AX, 256),		/* value */
		BPF_LDX_MEM(BPF_DW, BPF_REG_AX, BPF_REG_1, 320),
		BPF_LDX_MEM(BPF_DW, BPF_REG_0, BPF_REG_AX, 0),		/* base */
		BPF_STX_MEM(BPF_DW, BPF_REG_1, BPF_REG_0, 384),
		BPF_LDX_MEM(BPF_DW, BPF_REG_AX, BPF_REG_1, 448),
		BPF_LDX_MEM(BPF_DW, BPF_REG_2, BPF_REG_1, 512),
		BPF_JMP_IMM(BPF_JEQ, BPF_REG_AX, 0, 0),			/* compared */
		BPF_LDX_MEM(BPF_DW, BPF_REG_AX, BPF_REG_1, 576),
		BPF_LDX_MEM(BPF_DW, BPF_REG_2, BPF_REG_1, 640),
		BPF_ALU64_IMM(BPF_ADD, BPF_REG_AX, 1),			/* operand */
		BPF_LDX_MEM(BPF_DW, BPF_REG_2, BPF_REG_1, 704),
		BPF_EXIT_INSN(),
	};
	static const bool checked[] = {
		true, true, false, false, true, false, false, true, false, true,
		true, false, false, true, false, false, true, false,
	};
	struct bpf_prog *prog = new_prog(test, ARRAY_SIZE(insns));
	struct kasan_rewrite rw;
	int i;

	memcpy(prog->insnsi, insns, sizeof(insns));
	start_rewrite(test, &rw, prog);
	for (i = 0; i < ARRAY_SIZE(insns); i++)
		KUNIT_EXPECT_EQ_MSG(test, !!rw.check_len[i], checked[i], "insn %d", i);
	KUNIT_EXPECT_EQ(test, rw.count[KASAN_SKIP_AX], 5);
	end_rewrite(&rw);
}

/* The plan */

#define MAX_PLAN_INSNS 16
#define MAX_PLAN_CHECKS 3
#define R1_LOAD(SIZE, OFF) BPF_LDX_MEM(SIZE, BPF_REG_0, BPF_REG_1, OFF)

struct plan_case {
	const char *name;
	struct bpf_insn insns[MAX_PLAN_INSNS];	/* an exit comes after them */
	bool aligned;				/* base is known to be a multiple of 8 */
	u32 elided, on_stack;
	struct {
		u8 insn, nr_tests, nr_loads;
		struct kasan_load loads[3];
	} checks[MAX_PLAN_CHECKS];
	/* Per insn: how many low bits of its base are known, and which. NULL: 3, 0. */
	const u8 (*low_bits)[2];
};

static const struct plan_case plan_cases[] = {
	{ "one byte", { R1_LOAD(BPF_B, 3) }, false, 0, 0,
	  { { 0, 1, 1, { { 3, 1 } } } } },
	{ "unaligned", { R1_LOAD(BPF_W, -4) }, false, 0, 0,
	  { { 0, 1, 2, { { -4, 1 }, { -1, 1 } } } } },
	{ "aligned", { R1_LOAD(BPF_W, 12) }, true, 0, 0,
	  { { 0, 1, 1, { { 8, 1 } } } } },
	{ "one granule", { R1_LOAD(BPF_W, 12), R1_LOAD(BPF_B, 8), R1_LOAD(BPF_H, 10) }, true, 0, 0,
	  { { 0, 3, 1, { { 8, 1 } } } } },
	{ "second access is covered", { BPF_ST_MEM(BPF_DW, BPF_REG_1, 0, 0), R1_LOAD(BPF_W, 4) },
	  false, 1, 0, { { 0, 1, 2, { { 0, 1 }, { 7, 1 } } } } },
	{ "write after read", { R1_LOAD(BPF_DW, 0), BPF_ST_MEM(BPF_W, BPF_REG_1, 4, 0) },
	  false, 0, 0, { { 0, 2, 2, { { 0, 1 }, { 7, 1 } } } } },
	{ "covered by two", { R1_LOAD(BPF_W, 0), R1_LOAD(BPF_W, 4), R1_LOAD(BPF_DW, 0) },
	  true, 1, 0, { { 0, 2, 1, { { 0, 1 } } } } },
	{ "only in part covered", { R1_LOAD(BPF_W, 0), R1_LOAD(BPF_DW, 0) },
	  true, 0, 0, { { 0, 2, 1, { { 0, 1 } } } } },
	{ "covered after a jump that is not taken",
	  { R1_LOAD(BPF_B, 0), BPF_JMP_IMM(BPF_JEQ, BPF_REG_0, 0, 1), R1_LOAD(BPF_B, 0) },
	  false, 1, 0, { { 0, 1, 1, { { 0, 1 } } } } },
	{ "neighbour after a jump",
	  { R1_LOAD(BPF_B, 0), BPF_JMP_IMM(BPF_JEQ, BPF_REG_0, 0, 1), R1_LOAD(BPF_B, 1) },
	  false, 0, 0, { { 0, 1, 1, { { 0, 1 } } }, { 2, 1, 1, { { 1, 1 } } } } },
	{ "jumped over",
	  { BPF_JMP_IMM(BPF_JEQ, BPF_REG_1, 0, 1), R1_LOAD(BPF_B, 0), R1_LOAD(BPF_B, 0) },
	  false, 0, 0, { { 1, 1, 1, { { 0, 1 } } }, { 2, 1, 1, { { 0, 1 } } } } },
	{ "call", { R1_LOAD(BPF_B, 0), BPF_MOV64_REG(BPF_REG_6, BPF_REG_1),
		    BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_ktime_get_ns),
		    BPF_LDX_MEM(BPF_B, BPF_REG_0, BPF_REG_6, 0) },
	  false, 0, 0, { { 0, 1, 1, { { 0, 1 } } }, { 3, 1, 1, { { 0, 1 } } } } },
	{ "speculation barrier", { R1_LOAD(BPF_B, 0), BPF_ST_NOSPEC(), R1_LOAD(BPF_B, 1) },
	  false, 0, 0, { { 0, 1, 1, { { 0, 1 } } }, { 2, 1, 1, { { 1, 1 } } } } },
	{ "base loaded by way of itself",
	  { BPF_LDX_MEM(BPF_DW, BPF_REG_1, BPF_REG_1, 0), R1_LOAD(BPF_B, 0) },
	  false, 0, 0, { { 0, 1, 2, { { 0, 1 }, { 7, 1 } } }, { 1, 1, 1, { { 0, 1 } } } } },
	{ "base fetched", { R1_LOAD(BPF_B, 0),
			    BPF_ATOMIC_OP(BPF_DW, BPF_XCHG, BPF_REG_2, BPF_REG_1, 0),
			    R1_LOAD(BPF_B, 0) },
	  true, 0, 0, { { 0, 1, 1, { { 0, 1 } } }, { 1, 1, 1, { { 0, 1 } } },
			{ 2, 1, 1, { { 0, 1 } } } } },
	{ "base exchanged", { BPF_LDX_MEM(BPF_B, BPF_REG_3, BPF_REG_0, 0),
			      BPF_ATOMIC_OP(BPF_DW, BPF_CMPXCHG, BPF_REG_0, BPF_REG_3, 0),
			      BPF_LDX_MEM(BPF_B, BPF_REG_3, BPF_REG_0, 0) },
	  true, 0, 0, { { 0, 2, 1, { { 0, 1 } } }, { 2, 1, 1, { { 0, 1 } } } } },
	{ "copied base", { R1_LOAD(BPF_B, 4), BPF_MOV64_REG(BPF_REG_2, BPF_REG_1),
			   BPF_ALU64_IMM(BPF_ADD, BPF_REG_2, 8),
			   BPF_LDX_MEM(BPF_B, BPF_REG_3, BPF_REG_2, -3),
			   BPF_LDX_MEM(BPF_B, BPF_REG_2, BPF_REG_2, -4) },
	  true, 1, 0, { { 0, 2, 1, { { 0, 1 } } } } },
	{ "low half of the base", { R1_LOAD(BPF_B, 0), BPF_MOV32_REG(BPF_REG_1, BPF_REG_1),
				    R1_LOAD(BPF_B, 0) },
	  false, 0, 0, { { 0, 1, 1, { { 0, 1 } } }, { 2, 1, 1, { { 0, 1 } } } } },
	{ "low half of the base, plus a constant",
	  { R1_LOAD(BPF_B, 0), BPF_ALU32_IMM(BPF_ADD, BPF_REG_1, 0), R1_LOAD(BPF_B, 0) },
	  false, 0, 0, { { 0, 1, 1, { { 0, 1 } } }, { 2, 1, 1, { { 0, 1 } } } } },
	{ "sign-extended base",
	  { R1_LOAD(BPF_B, 0),
	    BPF_RAW_INSN(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_1, BPF_REG_1, 32, 0),
	    R1_LOAD(BPF_B, 0) },
	  false, 0, 0, { { 0, 1, 1, { { 0, 1 } } }, { 2, 1, 1, { { 0, 1 } } } } },
	{ "base plus a register",
	  { R1_LOAD(BPF_B, 0), BPF_ALU64_REG(BPF_ADD, BPF_REG_1, BPF_REG_2), R1_LOAD(BPF_B, 0) },
	  false, 0, 0, { { 0, 1, 1, { { 0, 1 } } }, { 2, 1, 1, { { 0, 1 } } } } },
	{ "base plus 4 GiB",
	  { R1_LOAD(BPF_B, 0), BPF_ALU64_IMM(BPF_ADD, BPF_REG_1, S32_MAX),
	    BPF_ALU64_IMM(BPF_ADD, BPF_REG_1, S32_MAX), BPF_ALU64_IMM(BPF_ADD, BPF_REG_1, 2),
	    R1_LOAD(BPF_B, 0) },
	  false, 0, 0, { { 0, 1, 1, { { 0, 1 } } }, { 4, 1, 1, { { 0, 1 } } } } },
	{ "constant base",
	  { R1_LOAD(BPF_B, 0), BPF_LD_IMM64(BPF_REG_1, 0), R1_LOAD(BPF_B, 0) },
	  false, 0, 0, { { 0, 1, 1, { { 0, 1 } } }, { 3, 1, 1, { { 0, 1 } } } } },
	{ "base acquired",
	  { R1_LOAD(BPF_B, 0), BPF_ATOMIC_OP(BPF_DW, BPF_LOAD_ACQ, BPF_REG_1, BPF_REG_1, 0),
	    R1_LOAD(BPF_B, 0) },
	  true, 0, 0, { { 0, 2, 1, { { 0, 1 } } }, { 2, 1, 1, { { 0, 1 } } } } },
	{ "base returned",
	  { BPF_MOV64_REG(BPF_REG_6, BPF_REG_0),
	    BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_ktime_get_ns),
	    BPF_LDX_MEM(BPF_B, BPF_REG_1, BPF_REG_6, 0),
	    BPF_LDX_MEM(BPF_B, BPF_REG_1, BPF_REG_0, 0) },
	  false, 0, 0, { { 2, 1, 1, { { 0, 1 } } }, { 3, 1, 1, { { 0, 1 } } } } },
	{ "base copied on one of two paths",
	  { BPF_JMP_IMM(BPF_JEQ, BPF_REG_2, 0, 1), BPF_MOV64_REG(BPF_REG_2, BPF_REG_1),
	    R1_LOAD(BPF_B, 0), BPF_LDX_MEM(BPF_B, BPF_REG_0, BPF_REG_2, 0) },
	  false, 0, 0, { { 2, 1, 1, { { 0, 1 } } }, { 3, 1, 1, { { 0, 1 } } } } },
	{ "neighbour after a 32-bit jump",
	  { R1_LOAD(BPF_B, 0), BPF_JMP32_IMM(BPF_JEQ, BPF_REG_0, 0, 1), R1_LOAD(BPF_B, 1) },
	  false, 0, 0, { { 0, 1, 1, { { 0, 1 } } }, { 2, 1, 1, { { 1, 1 } } } } },
	{ "no place at another value's access",
	  { R1_LOAD(BPF_B, 0), BPF_LDX_MEM(BPF_B, BPF_REG_AX, BPF_REG_1, 1),
	    BPF_LDX_MEM(BPF_B, BPF_REG_0, BPF_REG_2, 2), BPF_MOV64_REG(BPF_REG_3, BPF_REG_AX) },
	  true, 0, 0, { { 0, 2, 1, { { 0, 1 } } } } },
	{ "no place but at a neighbour",
	  { R1_LOAD(BPF_B, 0), BPF_LDX_MEM(BPF_B, BPF_REG_AX, BPF_REG_1, 1), R1_LOAD(BPF_B, 2),
	    BPF_LDX_MEM(BPF_B, BPF_REG_2, BPF_REG_1, 64), BPF_MOV64_REG(BPF_REG_3, BPF_REG_AX) },
	  true, 0, 0, { { 0, 3, 1, { { 0, 1 } } } } },
	{ "stack", { BPF_MOV64_REG(BPF_REG_2, BPF_REG_FP), BPF_ALU64_IMM(BPF_SUB, BPF_REG_2, 8),
		     BPF_ST_MEM(BPF_DW, BPF_REG_2, 0, 0),
		     BPF_LDX_MEM(BPF_W, BPF_REG_3, BPF_REG_2, 4) },
	  false, 0, 2, { } },
	{ "below and above the frame", { BPF_MOV64_REG(BPF_REG_2, BPF_REG_FP),
		     BPF_LDX_MEM(BPF_B, BPF_REG_3, BPF_REG_2, 0),
		     BPF_LDX_MEM(BPF_B, BPF_REG_3, BPF_REG_2, -MAX_BPF_STACK - 1) },
	  false, 0, 0, { { 1, 1, 1, { { 0, 1 } } },
			 { 2, 1, 1, { { -MAX_BPF_STACK - 1, 1 } } } } },
};

/* Those that depend on what a granule is, and on how many of them a load may look at */
static const struct plan_case wide_plan_cases[] = {
	{ "two granules", { R1_LOAD(BPF_DW, 8), R1_LOAD(BPF_DW, 0) }, true, 0, 0,
	  { { 0, 2, 1, { { 0, 2 } } } } },
	{ "three granules", { R1_LOAD(BPF_DW, 16), R1_LOAD(BPF_DW, 0), R1_LOAD(BPF_B, 9) },
	  true, 0, 0, { { 0, 3, 2, { { 0, 2 }, { 16, 1 } } } } },
	{ "seven granules", { R1_LOAD(BPF_B, 0), R1_LOAD(BPF_B, 8), R1_LOAD(BPF_B, 16),
			      R1_LOAD(BPF_B, 24), R1_LOAD(BPF_B, 32), R1_LOAD(BPF_B, 40),
			      R1_LOAD(BPF_B, 48) },
	  true, 0, 0, { { 0, 7, 2, { { 0, 4 }, { 24, 4 } } } } },
	{ "nine granules", { R1_LOAD(BPF_B, 0), R1_LOAD(BPF_B, 8), R1_LOAD(BPF_B, 16),
			     R1_LOAD(BPF_B, 24), R1_LOAD(BPF_B, 32), R1_LOAD(BPF_B, 40),
			     R1_LOAD(BPF_B, 48), R1_LOAD(BPF_B, 56), R1_LOAD(BPF_B, 64) },
	  true, 0, 0, { { 0, 9, 2, { { 0, 8 }, { 64, 1 } } } } },
	{ "granule between is not accessed", { R1_LOAD(BPF_DW, 0), R1_LOAD(BPF_DW, 16) },
	  true, 0, 0, { { 0, 1, 1, { { 0, 1 } } }, { 1, 1, 1, { { 16, 1 } } } } },
	{ "header, unaligned", { R1_LOAD(BPF_W, 0), R1_LOAD(BPF_H, 4), R1_LOAD(BPF_DW, 6) },
	  false, 0, 0, { { 0, 3, 2, { { 0, 2 }, { 13, 1 } } } } },
	{ "base is 6 above a granule", { R1_LOAD(BPF_H, 8), R1_LOAD(BPF_H, 2) },
	  true, 0, 0, { { 0, 2, 1, { { 2, 1 } } } },
	  (const u8[][2]) { { 3, 6 }, { 3, 6 } } },
	{ "copied base is 6 above a granule",
	  { BPF_MOV64_REG(BPF_REG_2, BPF_REG_1), BPF_ALU64_IMM(BPF_ADD, BPF_REG_2, 6),
	    BPF_LDX_MEM(BPF_H, BPF_REG_0, BPF_REG_2, 2),
	    BPF_LDX_MEM(BPF_H, BPF_REG_0, BPF_REG_2, 0) },
	  true, 0, 0, { { 2, 2, 1, { { -6, 2 } } } },
	  (const u8[][2]) { {}, {}, { 3, 6 }, { 3, 6 } } },
	{ "alignment known at one of two", { R1_LOAD(BPF_B, 9), R1_LOAD(BPF_H, 8) },
	  true, 0, 0, { { 0, 2, 1, { { 2, 1 } } } },
	  (const u8[][2]) { { 0, 0 }, { 3, 6 } } },
};

static const struct plan_case tag_plan_cases[] = {
	{ "one granule, not known", { R1_LOAD(BPF_DW, 8), R1_LOAD(BPF_DW, 0) }, true, 0, 0,
	  { { 0, 2, 2, { { 0, 1 }, { 8, 1 } } } } },
	{ "two granules", { R1_LOAD(BPF_DW, 16), R1_LOAD(BPF_DW, 0) }, true, 0, 0,
	  { { 0, 2, 2, { { 0, 1 }, { 16, 1 } } } } },
	{ "three granules", { R1_LOAD(BPF_DW, 32), R1_LOAD(BPF_DW, 0), R1_LOAD(BPF_B, 17) },
	  true, 0, 0, { { 0, 3, 3, { { 0, 1 }, { 16, 1 }, { 32, 1 } } } } },
	{ "three granules at most", { R1_LOAD(BPF_DW, 0), R1_LOAD(BPF_DW, 8), R1_LOAD(BPF_DW, 16),
				      R1_LOAD(BPF_DW, 24) },
	  true, 0, 0, { { 0, 4, 3, { { 0, 1 }, { 16, 1 }, { 24, 1 } } } } },
	{ "granule between is not accessed", { R1_LOAD(BPF_DW, 0), R1_LOAD(BPF_DW, 24) },
	  true, 0, 0, { { 0, 1, 1, { { 0, 1 } } }, { 1, 1, 1, { { 24, 1 } } } } },
	{ "header, unaligned", { R1_LOAD(BPF_W, 0), R1_LOAD(BPF_H, 4), R1_LOAD(BPF_DW, 6) },
	  false, 0, 0, { { 0, 3, 2, { { 0, 1 }, { 13, 1 } } } } },
	{ "base is 6 above 8 bytes", { R1_LOAD(BPF_H, 8), R1_LOAD(BPF_H, 2) },
	  true, 0, 0, { { 0, 2, 1, { { 2, 1 } } } },
	  (const u8[][2]) { { 3, 6 }, { 3, 6 } } },
	{ "copied base is 6 above 8 bytes",
	  { BPF_MOV64_REG(BPF_REG_2, BPF_REG_1), BPF_ALU64_IMM(BPF_ADD, BPF_REG_2, 6),
	    BPF_LDX_MEM(BPF_H, BPF_REG_0, BPF_REG_2, 2),
	    BPF_LDX_MEM(BPF_H, BPF_REG_0, BPF_REG_2, 0) },
	  true, 0, 0, { { 2, 2, 2, { { -6, 1 }, { 2, 1 } } } },
	  (const u8[][2]) { {}, {}, { 3, 6 }, { 3, 6 } } },
	{ "alignment known at one of two", { R1_LOAD(BPF_B, 9), R1_LOAD(BPF_H, 8) },
	  true, 0, 0, { { 0, 2, 1, { { 2, 1 } } } },
	  (const u8[][2]) { { 0, 0 }, { 3, 6 } } },
};

static struct bpf_verifier_env *alloc_env(struct kunit *test, struct bpf_prog *prog)
{
	struct bpf_verifier_env *env = kvzalloc(sizeof(*env), GFP_KERNEL);
	struct bpf_verifier_state *state = kunit_kzalloc(test, sizeof(*state), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, env);
	KUNIT_ASSERT_NOT_NULL(test, state);
	state->frame[0] = kunit_kzalloc(test, sizeof(*state->frame[0]), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, state->frame[0]);
	env->cur_state = state;
	env->prog = prog;
	env->insn_aux_data = kunit_kcalloc(test, prog->len, sizeof(*env->insn_aux_data),
					   GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, env->insn_aux_data);
	return env;
}

/* As if the verifier had seen a map's value in every base. */
static struct bpf_verifier_env *new_env(struct kunit *test, const struct plan_case *c,
					struct bpf_prog *prog)
{
	struct bpf_verifier_env *env = alloc_env(test, prog);
	u32 i;

	for (i = 0; i < prog->len; i++)
		env->insn_aux_data[i].kasan = (struct bpf_kasan_mark){
			.key = insn_key(&prog->insnsi[i]),
			.not_stack = true,
			.known_bits = 3,
		};
	for (i = 0; c->low_bits && i < prog->len - 1; i++) {
		env->insn_aux_data[i].kasan.known_bits = c->low_bits[i][0];
		env->insn_aux_data[i].kasan.low_bits = c->low_bits[i][1];
	}
	env->subprog_cnt = 1;
	return env;
}

static void expect_plan(struct kunit *test, const struct plan_case *c,
			const struct kasan_rewrite *rw)
{
	u32 i, nr = 0;

	KUNIT_EXPECT_EQ_MSG(test, rw->count[KASAN_ELIDED], c->elided, "%s", c->name);
	KUNIT_EXPECT_EQ_MSG(test, rw->count[KASAN_SKIP_STACK], c->on_stack, "%s", c->name);
	while (nr < MAX_PLAN_CHECKS && c->checks[nr].nr_tests)
		nr++;
	KUNIT_ASSERT_EQ_MSG(test, rw->nr_checks, nr, "%s", c->name);
	for (i = 0; i < nr; i++) {
		const struct kasan_check *check = &rw->checks[i];

		KUNIT_EXPECT_EQ_MSG(test, check->insn, c->checks[i].insn, "%s %u", c->name, i);
		KUNIT_EXPECT_EQ_MSG(test, check->nr_tests, c->checks[i].nr_tests, "%s %u", c->name,
				    i);
		KUNIT_ASSERT_EQ_MSG(test, check->nr_loads, c->checks[i].nr_loads, "%s %u", c->name,
				    i);
		for (nr = 0; nr < check->nr_loads; nr++) {
			const struct kasan_load *load = &rw->loads[check->loads + nr];

			KUNIT_EXPECT_EQ_MSG(test, load->off, c->checks[i].loads[nr].off, "%s %u",
					    c->name, i);
			KUNIT_EXPECT_EQ_MSG(test, load->size, c->checks[i].loads[nr].size, "%s %u",
					    c->name, i);
		}
		nr = rw->nr_checks;
	}
}

struct path_case {
	enum bpf_reg_type types[2];	/* of the base, on two paths */
	bool not_stack;
	u8 known_bits;
};

static void check_paths(struct kunit *test, const struct path_case *c)
{
	struct bpf_prog *prog = new_prog(test, 1);
	struct bpf_verifier_env *env = alloc_env(test, prog);
	struct bpf_reg_state *reg = kunit_kzalloc(test, sizeof(*reg), GFP_KERNEL);
	struct kasan_rewrite rw = { .prog = prog, .env = env };
	const struct bpf_kasan_mark *mark;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, reg);
	prog->insnsi[0] = R1_LOAD(BPF_DW, 8);
	KUNIT_EXPECT_TRUE(test, !bpf_kasan_get_mark(&rw, 0));
	for (i = 0; i < ARRAY_SIZE(c->types); i++) {
		reg->type = c->types[i];
		bpf_kasan_mark_access(env, 0, reg, 8, 8);
	}
	mark = bpf_kasan_get_mark(&rw, 0);
	KUNIT_ASSERT_NOT_NULL(test, mark);
	KUNIT_EXPECT_EQ(test, mark->not_stack, c->not_stack);
	KUNIT_EXPECT_EQ(test, mark->known_bits, c->known_bits);
	/* What a fixup has put there instead has not been verified. */
	prog->insnsi[0].off = 16;
	KUNIT_EXPECT_TRUE(test, !bpf_kasan_get_mark(&rw, 0));
	kvfree(env);
	bpf_prog_free(prog);
}

static void test_marks(struct kunit *test)
{
	static const struct path_case cases[] = {
		{ { PTR_TO_STACK, PTR_TO_STACK }, false, 0 },
		{ { PTR_TO_STACK, PTR_TO_BTF_ID }, true, 0 },
		{ { PTR_TO_BTF_ID, PTR_TO_STACK }, true, 0 },
		{ { PTR_TO_BTF_ID, PTR_TO_BTF_ID }, true, 3 },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		check_paths(test, &cases[i]);
}

static u32 plan_len(const struct plan_case *c)
{
	u32 len = 0;

	while (len < MAX_PLAN_INSNS && c->insns[len].code)
		len += bpf_is_ldimm64(&c->insns[len]) ? 2 : 1;
	return len;
}

static void check_plan(struct kunit *test, const struct plan_case *c)
{
	u32 len = plan_len(c);
	struct kasan_rewrite rw = {};
	struct bpf_prog *prog;

	prog = new_prog(test, len + 1);
	memcpy(prog->insnsi, c->insns, len * sizeof(*c->insns));
	prog->insnsi[len] = BPF_EXIT_INSN();

	rw.prog = prog;
	rw.env = c->aligned ? new_env(test, c, prog) : NULL;
	KUNIT_ASSERT_EQ(test, init_rewrite(&rw), 0);
	KUNIT_ASSERT_EQ(test, plan_rewrite(&rw), 0);
	expect_plan(test, c, &rw);
	kvfree(rw.env);
	end_rewrite(&rw);
}

static void test_plan(struct kunit *test)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(plan_cases); i++)
		check_plan(test, &plan_cases[i]);
	for (i = 0; HAS_WIDE_LOADS && i < ARRAY_SIZE(wide_plan_cases); i++)
		check_plan(test, &wide_plan_cases[i]);
	for (i = 0; HAS_TAGS && i < ARRAY_SIZE(tag_plan_cases); i++)
		check_plan(test, &tag_plan_cases[i]);
}

/* What comes before the target of an indirect jump need not have run. */
static void test_plan_indirect_target(struct kunit *test)
{
	struct bpf_prog *prog = new_prog(test, 3);
	struct kasan_rewrite rw = { .prog = prog, .env = alloc_env(test, prog) };

	prog->insnsi[0] = R1_LOAD(BPF_B, 0);
	prog->insnsi[1] = R1_LOAD(BPF_B, 0);
	prog->insnsi[2] = BPF_EXIT_INSN();
	rw.env->subprog_cnt = 1;
	rw.env->insn_aux_data[1].indirect_target = true;
	KUNIT_ASSERT_EQ(test, init_rewrite(&rw), 0);
	KUNIT_ASSERT_EQ(test, plan_rewrite(&rw), 0);
	KUNIT_EXPECT_EQ(test, rw.nr_checks, 2);
	kvfree(rw.env);
	end_rewrite(&rw);
}

/* Loads that may fault are checked on request, each by itself and in place; arenas never. */
static void check_probe(struct kunit *test, bool probe)
{
	static const struct bpf_insn insns[] = {
		R1_LOAD(BPF_B, 0),
		BPF_RAW_INSN(BPF_LDX | BPF_PROBE_MEM | BPF_B, BPF_REG_0, BPF_REG_1, 8, 0),
		BPF_RAW_INSN(BPF_LDX | BPF_PROBE_MEMSX | BPF_B, BPF_REG_0, BPF_REG_1, 16, 0),
		BPF_RAW_INSN(BPF_LDX | BPF_PROBE_MEM32 | BPF_B, BPF_REG_0, BPF_REG_1, 24, 0),
		BPF_EXIT_INSN(),
	};
	struct bpf_prog *prog = new_prog(test, ARRAY_SIZE(insns));
	struct kasan_rewrite rw = { .prog = prog, .probe = probe };
	u32 i;

	memcpy(prog->insnsi, insns, sizeof(insns));
	KUNIT_ASSERT_EQ(test, init_rewrite(&rw), 0);
	KUNIT_ASSERT_EQ(test, plan_rewrite(&rw), 0);
	KUNIT_EXPECT_EQ(test, rw.count[KASAN_SKIP_PROBE], probe ? 1 : 3);
	KUNIT_ASSERT_EQ(test, rw.nr_checks, probe ? 3 : 1);
	KUNIT_ASSERT_EQ(test, make_room(&rw), 0);
	move_insns(&rw);
	for (i = 0; i < rw.nr_checks; i++) {
		const struct bpf_insn *call = &rw.prog->insnsi[rw.pos[i] + 2];

		KUNIT_EXPECT_EQ(test, rw.checks[i].insn, i);
		KUNIT_EXPECT_EQ(test, rw.checks[i].nr_tests, 1);
		KUNIT_EXPECT_EQ(test, rw.checks[i].nr_loads, i ? 0 : 1);
		if (!i)
			continue;
		KUNIT_EXPECT_TRUE(test, bpf_is_kasan_check(call));
		KUNIT_EXPECT_TRUE(test, bpf_kasan_check_probe(call));
	}
	end_rewrite(&rw);
}

static void test_plan_probe(struct kunit *test)
{
	check_probe(test, false);
	check_probe(test, true);
}

static void expect_saved(struct kunit *test, struct kasan_rewrite *rw, u32 nr)
{
	const struct kasan_check check = { .nr_tests = 1, .base = BPF_REG_1 };
	struct bpf_insn cold[32];
	u32 len = bpf_kasan_portable_len(rw, &check), i, stores = 0;

	KUNIT_ASSERT_LE(test, len, ARRAY_SIZE(cold));
	rw->tests = &(struct kasan_test){ .size = 1 };
	KUNIT_EXPECT_PTR_EQ(test, bpf_kasan_emit_portable(rw, &check, cold), cold + len);
	for (i = 0; i < len; i++)
		stores += BPF_CLASS(cold[i].code) == BPF_STX;
	KUNIT_EXPECT_EQ(test, stores, nr);
}

/* The verifier knows what is live before an instruction that it has seen, and of no other. */
static void test_portable_saves(struct kunit *test)
{
	struct bpf_prog *prog = new_prog(test, 1);
	struct kasan_rewrite rw = { .prog = prog, .env = alloc_env(test, prog) };

	prog->insnsi[0] = R1_LOAD(BPF_B, 0);
	rw.env->insn_aux_data[0].kasan.key = insn_key(prog->insnsi);
	rw.env->insn_aux_data[0].live_regs_before = BIT(BPF_REG_1) | BIT(BPF_REG_5) |
						    BIT(BPF_REG_6);
	expect_saved(test, &rw, 2);
	prog->insnsi[0].off = 8;
	expect_saved(test, &rw, 6);
	kvfree(rw.env);
	rw.env = NULL;
	expect_saved(test, &rw, 6);
	bpf_prog_free(prog);
}

/* What waits for neighbours does so only for as long as a call can name them. */
static void test_plan_long_block(struct kunit *test)
{
	u32 len = BIT(16 - BPF_KASAN_NTH_SHIFT) + 2, i;
	struct bpf_prog *prog = new_prog(test, len);
	struct kasan_rewrite rw;

	for (i = 0; i < len; i++)
		prog->insnsi[i] = BPF_ST_MEM(BPF_DW, BPF_REG_FP, -8, 0);
	prog->insnsi[0] = R1_LOAD(BPF_B, 0);
	prog->insnsi[len - 2] = R1_LOAD(BPF_B, 1);
	prog->insnsi[len - 1] = BPF_EXIT_INSN();
	start_rewrite(test, &rw, prog);
	KUNIT_EXPECT_EQ(test, rw.nr_checks, 2);
	end_rewrite(&rw);
}

/* An island that has to come early, @lead instructions later or not, in a row of constants. */
static void check_island(struct kunit *test, u32 lead)
{
	const struct bpf_insn constant[] = { BPF_LD_IMM64(BPF_REG_0, -1ULL) };
	u32 len = KASAN_MAX_ISLAND_DIST + lead, i;
	struct bpf_prog *prog = new_prog(test, len);
	struct kasan_rewrite rw;

	for (i = 0; i <= lead; i++)
		prog->insnsi[i] = R1_LOAD(BPF_B, 0);
	for (; i + 2 < len; i += 2)
		memcpy(&prog->insnsi[i], constant, sizeof(constant));
	for (; i < len; i++)
		prog->insnsi[i] = BPF_EXIT_INSN();
	start_rewrite(test, &rw, prog);
	KUNIT_ASSERT_EQ(test, rw.nr_islands, 1);
	KUNIT_EXPECT_LT(test, rw.islands[0].insn, len - 2);
	KUNIT_EXPECT_TRUE(test, bpf_is_ldimm64(&prog->insnsi[rw.islands[0].insn]));
	end_rewrite(&rw);
}

static void test_island_between_constants(struct kunit *test)
{
	check_island(test, 0);
	check_island(test, 1);
}

/* No check leads anywhere. What another fixup does with BPF_REG_AX stays as it is. */
static void test_disarm(struct kunit *test)
{
	const struct bpf_insn foreign = BPF_JMP_IMM(BPF_JNE, BPF_REG_AX, 0, 0);
	struct bpf_prog *prog = new_prog(test, 5);
	struct kasan_rewrite rw;
	u32 i, nops = 0;

	prog->insnsi[0] = BPF_LDX_MEM(BPF_DW, BPF_REG_0, BPF_REG_1, 8);
	prog->insnsi[1] = BPF_STX_MEM(BPF_B, BPF_REG_1, BPF_REG_0, 0);
	prog->insnsi[2] = BPF_MOV64_REG(BPF_REG_AX, BPF_REG_0);
	prog->insnsi[3] = foreign;
	prog->insnsi[4] = BPF_EXIT_INSN();
	start_rewrite(test, &rw, prog);
	KUNIT_ASSERT_EQ(test, make_room(&rw), 0);
	move_insns(&rw);
	bpf_kasan_disarm(rw.prog);

	for (i = 0; i < rw.prog->len; i++) {
		KUNIT_EXPECT_FALSE(test, bpf_is_kasan_check(&rw.prog->insnsi[i]));
		KUNIT_EXPECT_FALSE(test, is_cold_jump(&rw.prog->insnsi[i]));
		nops += is_goto(&rw.prog->insnsi[i]) && !rw.prog->insnsi[i].off;
	}
	KUNIT_EXPECT_EQ(test, nops, rw.nr_tests + rw.nr_loads);
	KUNIT_EXPECT_MEMEQ(test, &rw.prog->insnsi[rw.pos[3]], &foreign, sizeof(foreign));
	end_rewrite(&rw);
}

/* Run by the JIT */

#define TEST_BYTES (16 * KASAN_GRANULE)
#define MAX_REPORTS 64

struct exec_report {
	unsigned long addr;
	size_t size;
	bool write;
	int insn;
};

struct exec_reports {
	struct exec_report reports[MAX_REPORTS];
	int nr;
};

static void report_probe(void *data, u32 prog_id, unsigned long addr, size_t size, bool write,
			 int insn)
{
	struct exec_reports *reports = data;

	if (reports->nr < MAX_REPORTS)
		reports->reports[reports->nr] = (struct exec_report){ addr, size, write, insn };
	reports->nr++;
}

static u8 tag_of(const void *addr)
{
	return HAS_TAGS ? (unsigned long)addr >> 56 : 0;
}

/* The same address with another tag. */
static void *with_tag(const void *addr, u8 tag)
{
	return (void *)((unsigned long)addr ^ (unsigned long)(tag_of(addr) ^ tag) << 56);
}

/* 0 is good. Where memory has tags, anything else is how its tag differs from the pointer's. */
static __no_sanitize_address void set_shadow(const void *addr, u8 shadow)
{
	*(u8 *)kasan_mem_to_shadow(kasan_reset_tag(addr)) = shadow ^ tag_of(addr);
}

/* An instrumented program of @insns, and an exit. */
static struct bpf_prog *new_jited(struct kunit *test, const struct bpf_insn *insns, u32 len)
{
	struct bpf_prog *prog = new_prog(test, len + 2);
	int err;

	prog->insnsi[0] = BPF_MOV64_IMM(BPF_REG_0, 0);
	memcpy(&prog->insnsi[1], insns, len * sizeof(*insns));
	prog->insnsi[len + 1] = BPF_EXIT_INSN();
	prog = bpf_prog_select_runtime(bpf_kasan_instrument_classic(prog), &err);
	KUNIT_ASSERT_EQ(test, err, 0);
	KUNIT_ASSERT_TRUE(test, prog->jited);
	bpf_prog_kallsyms_add(prog);
	return prog;
}

/* Run it with @mem in r1. */
static void run_jited(struct kunit *test, struct bpf_prog *prog, void *mem)
{
	/* A report fails the test that current runs. */
	current->kunit_test = NULL;
	migrate_disable();
	bpf_prog_run(prog, mem);
	migrate_enable();
	current->kunit_test = test;
}

static void free_jited(struct bpf_prog *prog)
{
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
 * all of them if it is negative, or if it is a tag, and another one.
 */
static bool is_bad(const s8 *shadow, int off, int size)
{
	int i, value;

	for (i = off; i < off + size; i++) {
		value = shadow[i / KASAN_GRANULE];
		if (value < 0 || (value && (HAS_TAGS || i % KASAN_GRANULE >= value)))
			return true;
	}
	return false;
}

static void set_shadows(u8 *mem, const s8 *shadow, int nr)
{
	int i;

	for (i = 0; i < nr; i++)
		set_shadow(mem + KASAN_GRANULE * i, shadow ? shadow[i] : 0);
}

/* One access of two granules with these shadow bytes, at each offset. */
static void exec_offsets(struct kunit *test, const struct exec_insn *exec,
			 struct exec_reports *reports, u8 *mem, const s8 *shadow)
{
	const struct exec_report *report = reports->reports;
	struct bpf_insn insn = exec->insn;
	bool aligned = BPF_MODE(insn.code) == BPF_ATOMIC && !IS_ENABLED(CONFIG_X86);
	int off;

	/* The verifier accepts no atomic access that is not aligned, and only x86 can do it. */
	for (off = 0; off <= 2 * KASAN_GRANULE - exec->size; off += aligned ? exec->size : 1) {
		bool bad = is_bad(shadow, off, exec->size);
		struct bpf_prog *prog;

		insn.off = off;
		prog = new_jited(test, &insn, 1);
		reports->nr = 0;
		set_shadows(mem, shadow, 2);
		run_jited(test, prog, mem);
		set_shadows(mem, NULL, 2);
		free_jited(prog);
		KUNIT_ASSERT_EQ_MSG(test, reports->nr, bad, "shadow %d %d, off %d", shadow[0],
				    shadow[1], off);
		if (!bad)
			continue;
		KUNIT_EXPECT_EQ(test, report->addr, (unsigned long)mem + off);
		KUNIT_EXPECT_EQ(test, report->size, exec->size);
		KUNIT_EXPECT_EQ(test, report->write, exec->write);
	}
}

static void start_reports(struct kunit *test, struct exec_reports *reports)
{
	KUNIT_ASSERT_EQ(test, register_trace_bpf_kasan_report(report_probe, reports), 0);
}

static void stop_reports(struct exec_reports *reports)
{
	unregister_trace_bpf_kasan_report(report_probe, reports);
	tracepoint_synchronize_unregister();
}

static void test_exec(struct kunit *test)
{
	static const s8 shadows[][2] = {
		{ 0, 0 }, { 0, -5 }, { -5, 0 }, { 5, 0 }, { 0, 5 }, { 7, 1 },
	};
	struct exec_reports *reports = kunit_kzalloc(test, sizeof(*reports), GFP_KERNEL);
	u8 *mem = kunit_kmalloc(test, TEST_BYTES, GFP_KERNEL);
	int i, j;

	KUNIT_ASSERT_NOT_NULL(test, reports);
	KUNIT_ASSERT_NOT_NULL(test, mem);
	start_reports(test, reports);
	for (i = 0; i < ARRAY_SIZE(exec_insns); i++)
		for (j = 0; j < ARRAY_SIZE(shadows); j++)
			exec_offsets(test, &exec_insns[i], reports, mem, shadows[j]);
	stop_reports(reports);
}

/* Does the jump after a check's load from @mem see anything but 0? */
static bool load_sees(struct kunit *test, u8 size, const u8 *mem)
{
	const struct bpf_insn insns[] = {
		BPF_LD_IMM64(BPF_REG_AX, (unsigned long)kasan_reset_tag(mem) << 3),
		BPF_ALU64_IMM(BPF_ARSH, BPF_REG_AX, 3),
		BPF_LDX_MEM(size, BPF_REG_AX, BPF_REG_AX, 0),
		BPF_JMP_IMM(BPF_JNE, BPF_REG_AX, 0, 2),
		BPF_MOV64_IMM(BPF_REG_0, 0),
		BPF_EXIT_INSN(),
		BPF_MOV64_IMM(BPF_REG_0, 1),
		BPF_EXIT_INSN(),
	};
	struct bpf_prog *prog = new_prog(test, ARRAY_SIZE(insns));
	bool sees;
	int err;

	memcpy(prog->insnsi, insns, sizeof(insns));
	prog = bpf_prog_select_runtime(prog, &err);
	KUNIT_ASSERT_EQ(test, err, 0);
	migrate_disable();
	sees = bpf_prog_run(prog, NULL);
	migrate_enable();
	bpf_prog_free(prog);
	return sees;
}

/* A JIT that makes one instruction of load and jump looks at as many bytes as the load has. */
static void test_exec_load(struct kunit *test)
{
	static const u8 sizes[] = { BPF_B, BPF_H, BPF_W, BPF_DW };
	u8 *mem = kunit_kzalloc(test, 16, GFP_KERNEL);
	int i, nonzero;

	KUNIT_ASSERT_NOT_NULL(test, mem);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (nonzero = 0; nonzero < 16; nonzero++) {
			mem[nonzero] = 0x80;
			KUNIT_EXPECT_EQ_MSG(test, load_sees(test, sizes[i], mem), nonzero < BIT(i),
					    "%lu bytes, nonzero %d", BIT(i), nonzero);
			mem[nonzero] = 0;
		}
	}
}

/* How many reports are there of a load or store of 8 bytes at @mem + @off? */
static int reports_of(struct kunit *test, struct exec_reports *reports, void *mem, int off,
		      bool write)
{
	const struct bpf_insn insn = write ? BPF_STX_MEM(BPF_DW, BPF_REG_1, BPF_REG_1, off) :
					     BPF_LDX_MEM(BPF_DW, BPF_REG_1, BPF_REG_1, off);
	struct bpf_prog *prog = new_jited(test, &insn, 1);

	reports->nr = 0;
	run_jited(test, prog, mem);
	free_jited(prog);
	if (reports->nr)
		KUNIT_EXPECT_EQ(test, reports->reports->addr, (unsigned long)mem + off);
	return reports->nr;
}

#define TAG_TEST_BYTES (3 * KASAN_GRANULE) /* of an object whose slab has more */

static void exec_tags(struct kunit *test, struct exec_reports *reports, u8 *mem, bool write)
{
	u8 tag = tag_of(mem), bit;
	int last = TAG_TEST_BYTES - 8;

	KUNIT_EXPECT_NE(test, tag, 0xff);
	KUNIT_EXPECT_EQ(test, reports_of(test, reports, mem, 0, write), 0);
	KUNIT_EXPECT_EQ(test, reports_of(test, reports, mem, last, write), 0);
	KUNIT_EXPECT_EQ(test, reports_of(test, reports, mem, last + 8, write), 1);
	KUNIT_EXPECT_EQ(test, reports_of(test, reports, mem, last + 4, write), 1);
	/* Each bit of the tag counts, and 0xff matches all, also what is out of bounds. */
	for (bit = 0; bit < 8; bit++)
		KUNIT_EXPECT_EQ_MSG(test, reports_of(test, reports, with_tag(mem, tag ^ BIT(bit)),
						     0, write),
				    (tag ^ BIT(bit)) != 0xff, "tag %x, bit %u", tag, bit);
	KUNIT_EXPECT_EQ(test, reports_of(test, reports, with_tag(mem, 0xff), 0, write), 0);
	KUNIT_EXPECT_EQ(test, reports_of(test, reports, with_tag(mem, 0xff), last + 8, write), 0);
}

/* With the tags that the allocator has given to memory and pointer. */
static void test_exec_tags(struct kunit *test)
{
	struct exec_reports *reports = kunit_kzalloc(test, sizeof(*reports), GFP_KERNEL);
	u8 *mem = kunit_kmalloc(test, TAG_TEST_BYTES, GFP_KERNEL);

	if (!HAS_TAGS)
		kunit_skip(test, "needs CONFIG_KASAN_SW_TAGS");
	KUNIT_ASSERT_NOT_NULL(test, reports);
	KUNIT_ASSERT_NOT_NULL(test, mem);
	start_reports(test, reports);
	exec_tags(test, reports, mem, false);
	exec_tags(test, reports, mem, true);
	stop_reports(reports);
}

/*
 * Blocks of random accesses, on random shadow. What is reported is just each bad access that no
 * earlier one of the block covers.
 */

#define BLOCK_LEN 12
#define BLOCK_GRANULES (TEST_BYTES / KASAN_GRANULE)

struct block_access {
	struct bpf_insn insn;
	int off;		/* in the memory */
	u8 size;
	bool write, bad, reported;
};

struct block {
	struct bpf_insn insns[BLOCK_LEN + 3];
	struct block_access accesses[BLOCK_LEN];
	s8 shadow[BLOCK_GRANULES];
	int start, copy;	/* r1 and r2 point to these bytes of the memory */
};

static u32 below(struct rnd_state *rnd, u32 n)
{
	return prandom_u32_state(rnd) % n;
}

static void fill_access(struct rnd_state *rnd, struct block *block, struct block_access *acc)
{
	static const u8 sizes[] = { BPF_B, BPF_H, BPF_W, BPF_DW };
	u8 log = below(rnd, 4), base = BPF_REG_1 + below(rnd, 2);
	int off;

	acc->size = 1 << log;
	acc->off = below(rnd, TEST_BYTES - acc->size + 1);
	if (below(rnd, 2)) /* near others */
		acc->off %= 3 * KASAN_GRANULE;
	acc->write = below(rnd, 2);
	off = acc->off - (base == BPF_REG_1 ? block->start : block->copy);
	acc->insn = acc->write ? BPF_ST_MEM(sizes[log], base, off, 0) :
				 BPF_LDX_MEM(sizes[log], BPF_REG_0, base, off);
	acc->bad = is_bad(block->shadow, acc->off, acc->size);
}

static void fill_block(struct rnd_state *rnd, struct block *block)
{
	static const s8 shadows[] = { 0, 0, 0, 0, 0, 0, 3, -5 };
	int i;

	memset(block, 0, sizeof(*block));
	for (i = 0; i < BLOCK_GRANULES; i++)
		block->shadow[i] = shadows[below(rnd, ARRAY_SIZE(shadows))];
	block->start = below(rnd, KASAN_GRANULE);
	block->copy = below(rnd, TEST_BYTES);
	block->insns[0] = BPF_ALU64_IMM(BPF_ADD, BPF_REG_1, block->start);
	block->insns[1] = BPF_MOV64_REG(BPF_REG_2, BPF_REG_1);
	block->insns[2] = BPF_ALU64_IMM(BPF_ADD, BPF_REG_2, block->copy - block->start);
	for (i = 0; i < BLOCK_LEN; i++) {
		fill_access(rnd, block, &block->accesses[i]);
		block->insns[i + 3] = block->accesses[i].insn;
	}
}

/* Do earlier accesses touch every byte of this one, or write it if it is a write? */
static bool block_covers(const struct block *block, int nr)
{
	const struct block_access *acc = &block->accesses[nr];
	u8 covered[TEST_BYTES] = {};
	int i;

	for (i = 0; i < nr; i++)
		if (block->accesses[i].write >= acc->write)
			memset(covered + block->accesses[i].off, 1, block->accesses[i].size);
	return !memchr_inv(covered + acc->off, 1, acc->size);
}

/* The access that a report is about, by its address and by its instruction. */
static struct block_access *reported_access(struct block *block, const struct bpf_prog *prog,
					    const struct exec_report *report, const u8 *mem)
{
	struct block_access *acc;

	for (acc = block->accesses; acc < block->accesses + BLOCK_LEN; acc++)
		if (!acc->reported && report->addr == (unsigned long)mem + acc->off &&
		    report->size == acc->size && report->write == acc->write &&
		    report->insn >= 0 &&
		    !memcmp(&prog->insnsi[report->insn], &acc->insn, sizeof(acc->insn)))
			return acc;
	return NULL;
}

static void exec_block(struct kunit *test, struct block *block, struct exec_reports *reports,
		       u8 *mem)
{
	struct bpf_prog *prog = new_jited(test, block->insns, ARRAY_SIZE(block->insns));
	struct block_access *acc;
	int i;

	reports->nr = 0;
	set_shadows(mem, block->shadow, BLOCK_GRANULES);
	run_jited(test, prog, mem);
	set_shadows(mem, NULL, BLOCK_GRANULES);
	for (i = 0; i < reports->nr; i++) {
		acc = reported_access(block, prog, &reports->reports[i], mem);
		KUNIT_ASSERT_NOT_NULL(test, acc);
		KUNIT_EXPECT_TRUE(test, acc->bad);
		acc->reported = true;
	}
	for (i = 0; i < BLOCK_LEN; i++) {
		acc = &block->accesses[i];
		KUNIT_EXPECT_TRUE_MSG(test, !acc->bad || acc->reported || block_covers(block, i),
				      "access %d of %u bytes at %d", i, acc->size, acc->off);
	}
	free_jited(prog);
}

static void test_exec_blocks(struct kunit *test)
{
	struct exec_reports *reports = kunit_kzalloc(test, sizeof(*reports), GFP_KERNEL);
	struct block *block = kunit_kzalloc(test, sizeof(*block), GFP_KERNEL);
	u8 *mem = kunit_kmalloc(test, TEST_BYTES, GFP_KERNEL);
	struct rnd_state rnd;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, reports);
	KUNIT_ASSERT_NOT_NULL(test, block);
	KUNIT_ASSERT_NOT_NULL(test, mem);
	prandom_seed_state(&rnd, 7);
	start_reports(test, reports);
	for (i = 0; i < 300; i++) {
		fill_block(&rnd, block);
		exec_block(test, block, reports, mem);
	}
	stop_reports(reports);
}

/*
 * A check, run without the JIT and without memory: which shadow it loads, and whether it calls. It
 * must not load the shadow of a byte that the access does not touch, which need not be mapped.
 */

struct check_run {
	u64 base;		/* value of r1 */
	u64 bad;		/* the granule with this address is bad, all others are good */
	u64 first, last;	/* shadow that the check may load */
	u64 ax;
	const struct bpf_insn *call;
};

static u64 shadow_of(u64 addr)
{
	return (unsigned long)kasan_mem_to_shadow(kasan_reset_tag((void *)(unsigned long)addr));
}

static u64 load_shadow(struct kunit *test, const struct check_run *run, u64 addr, u32 size)
{
	u64 value = tag_of((void *)(unsigned long)run->base);

	KUNIT_EXPECT_GE_MSG(test, addr, run->first, "%llx", run->base);
	KUNIT_EXPECT_LE_MSG(test, addr + size - 1, run->last, "%llx", run->base);
	for (; size--; addr++)
		value ^= addr == shadow_of(run->bad) ? 0xff : 0;
	return value;
}

static u64 check_operand(const struct check_run *run, const struct bpf_insn *insn)
{
	if (BPF_SRC(insn->code) == BPF_K)
		return insn->imm;
	return insn->src_reg == BPF_REG_1 ? run->base : run->ax;
}

/* Returns the next instruction, or NULL for one that has no business in a check. */
static const struct bpf_insn *step_check(struct kunit *test, struct check_run *run,
					 const struct bpf_insn *insn)
{
	u64 src = check_operand(run, insn);
	bool zero = !run->ax;

	if (bpf_is_kasan_check(insn)) {
		run->call = insn;
		return insn + 1;
	}
	if (insn->code == (BPF_JMP | BPF_JA))
		return insn + 1 + insn->off;
	if (insn->dst_reg != BPF_REG_AX)
		return NULL;
	switch (insn->code) {
	case BPF_LD | BPF_IMM | BPF_DW:
		run->ax = (u32)insn[0].imm | (u64)insn[1].imm << 32;
		return insn + 2;
	case BPF_ALU64 | BPF_MOV | BPF_X:
		run->ax = src;
		return insn + 1;
	case BPF_ALU64 | BPF_ADD | BPF_X:
	case BPF_ALU64 | BPF_ADD | BPF_K:
		run->ax += src;
		return insn + 1;
	case BPF_ALU64 | BPF_ARSH | BPF_K:
		run->ax = (s64)run->ax >> src;
		return insn + 1;
	case BPF_ALU64 | BPF_LSH | BPF_K:
		run->ax <<= src;
		return insn + 1;
	case BPF_ALU64 | BPF_RSH | BPF_K:
		run->ax >>= src;
		return insn + 1;
	case BPF_ALU64 | BPF_XOR | BPF_X:
		run->ax ^= src;
		return insn + 1;
	case BPF_LDX | BPF_MEM | BPF_B:
	case BPF_LDX | BPF_MEM | BPF_H:
	case BPF_LDX | BPF_MEM | BPF_W:
	case BPF_LDX | BPF_MEM | BPF_DW:
		run->ax = load_shadow(test, run, run->ax + insn->off,
				      bpf_size_to_bytes(BPF_SIZE(insn->code)));
		return insn + 1;
	case BPF_JMP | BPF_JEQ | BPF_K:
		return insn + 1 + (zero && !src ? insn->off : 0);
	case BPF_JMP | BPF_JNE | BPF_K:
		return insn + 1 + (!zero && !src ? insn->off : 0);
	default:
		return NULL;
	}
}

/* The check before @access in @prog, up to the access. */
static void check_shadow_loads(struct kunit *test, const struct bpf_prog *prog,
			       const struct bpf_insn *access, u64 addr, u64 bad)
{
	const struct bpf_insn *insn = prog->insnsi, *end = insn + prog->len;
	u32 size = bpf_size_to_bytes(BPF_SIZE(access->code));
	u64 last = addr + size - 1;
	struct check_run run = {
		.base = addr - access->off,
		.bad = bad,
		.first = shadow_of(addr),
		.last = shadow_of(last),
	};

	while (insn && insn < end && memcmp(insn, access, sizeof(*insn)))
		insn = step_check(test, &run, insn);
	KUNIT_ASSERT_TRUE(test, insn && insn < end);
	KUNIT_EXPECT_EQ_MSG(test, !!run.call,
			    shadow_of(bad) == run.first || shadow_of(bad) == run.last,
			    "size %u at %llx, bad %llx", size, addr, bad);
	if (!run.call)
		return;
	KUNIT_EXPECT_EQ(test, run.ax, addr);
	KUNIT_EXPECT_EQ(test, bpf_kasan_check_size(run.call), size);
	KUNIT_EXPECT_EQ(test, bpf_kasan_check_write(run.call), BPF_CLASS(access->code) != BPF_LDX);
}

static void check_shadow_of(struct kunit *test, struct bpf_insn access, u64 mem)
{
	struct bpf_prog *prog = new_prog(test, 2);
	struct kasan_rewrite rw;
	u64 addr, bad;

	prog->insnsi[0] = access;
	prog->insnsi[1] = BPF_EXIT_INSN();
	start_rewrite(test, &rw, prog);
	KUNIT_ASSERT_EQ(test, make_room(&rw), 0);
	move_insns(&rw);
	for (addr = mem + KASAN_GRANULE; addr < mem + 2 * KASAN_GRANULE; addr++)
		for (bad = mem; bad < mem + 4 * KASAN_GRANULE; bad += KASAN_GRANULE)
			check_shadow_loads(test, rw.prog, &access, addr, bad);
	end_rewrite(&rw);
}

static void test_shadow_loads(struct kunit *test)
{
	static const u8 sizes[] = { BPF_B, BPF_H, BPF_W, BPF_DW };
	static const s16 offs[] = { 0, 1, -1, 8, S16_MAX, S16_MIN };
	u8 *mem = kunit_kmalloc(test, TEST_BYTES, GFP_KERNEL);
	u64 addr = (unsigned long)mem;
	struct bpf_insn insn;
	int i, j;

	KUNIT_ASSERT_NOT_NULL(test, mem);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (j = 0; j < ARRAY_SIZE(offs); j++) {
			insn = BPF_LDX_MEM(sizes[i], BPF_REG_0, BPF_REG_1, offs[j]);
			check_shadow_of(test, insn, addr);
			insn = BPF_STX_MEM(sizes[i], BPF_REG_1, BPF_REG_0, offs[j]);
			check_shadow_of(test, insn, addr);
		}
	}
}

static struct kunit_case bpf_kasan_cases[] = {
	KUNIT_CASE(test_known_bits),
	KUNIT_CASE(test_merge_known_bits),
	KUNIT_CASE(test_decode_opcodes),
	KUNIT_CASE(test_decode_operands),
	KUNIT_CASE(test_invert_jump),
	KUNIT_CASE(test_relax_boundaries),
	KUNIT_CASE(test_random_programs),
	KUNIT_CASE(test_ax_live),
	KUNIT_CASE(test_marks),
	KUNIT_CASE(test_plan),
	KUNIT_CASE(test_plan_indirect_target),
	KUNIT_CASE(test_plan_probe),
	KUNIT_CASE(test_portable_saves),
	KUNIT_CASE(test_plan_long_block),
	KUNIT_CASE(test_island_between_constants),
	KUNIT_CASE(test_disarm),
	KUNIT_CASE(test_shadow_loads),
	{}
};

/* What makes reports takes longer than all else. */
static struct kunit_case bpf_kasan_exec_cases[] = {
	KUNIT_CASE(test_exec_load),
	KUNIT_CASE_SLOW(test_exec),
	KUNIT_CASE_SLOW(test_exec_blocks),
	KUNIT_CASE(test_exec_tags),
	{}
};

static struct kunit_suite bpf_kasan_suite = {
	.name = "bpf_kasan",
	.test_cases = bpf_kasan_cases,
};

static struct kunit_suite bpf_kasan_exec_suite = {
	.name = "bpf_kasan_exec",
	.test_cases = bpf_kasan_exec_cases,
};

kunit_test_suites(&bpf_kasan_suite, &bpf_kasan_exec_suite);

#ifdef CONFIG_BPF_KASAN_STACK
#include "kasan_stack_kunit.c"
#endif
