// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the redzones around stack frames, included by kasan_insn_kunit.c: which frames
 * have them, and that they are poisoned in the subprogram and nowhere else.
 */

/* More than all redzones and checks of a test's program take */
#define MAX_GROWTH	20

struct stack_subprog {
	u16 len;		/* in instructions */
	u16 depth;
	bool computed, tail_call, is_private, is_async_cb, is_exception_cb;
};

/* @len instructions, with room for what the rewrite makes of them. */
static struct bpf_prog *new_roomy_prog(struct kunit *test, u32 len)
{
	struct bpf_prog *prog = new_prog(test, (len + 1) * MAX_GROWTH);

	prog->len = len;
	return prog;
}

static struct bpf_verifier_env *new_stack_env(struct kunit *test, struct bpf_prog *prog,
					      const struct stack_subprog *subprogs, u32 nr)
{
	struct bpf_verifier_env *env = alloc_env(test, prog);
	u32 i, start = 0;

	for (i = 0; i < nr; i++) {
		struct bpf_subprog_info *info = &env->subprog_info[i];

		info->start = start;
		info->stack_depth = subprogs[i].depth;
		info->kasan_computed = subprogs[i].computed;
		info->has_tail_call = subprogs[i].tail_call;
		info->is_async_cb = subprogs[i].is_async_cb;
		info->is_exception_cb = subprogs[i].is_exception_cb;
		info->priv_stack_mode = subprogs[i].is_private ? PRIV_STACK_ADAPTIVE :
								 NO_PRIV_STACK;
		env->seen_exception |= subprogs[i].is_exception_cb;
		start += subprogs[i].len;
	}
	env->subprog_info[nr].start = start;
	env->subprog_cnt = nr;
	return env;
}

static void start_stack_rewrite(struct kunit *test, struct kasan_rewrite *rw,
				struct bpf_prog *prog, struct bpf_verifier_env *env)
{
	*rw = (struct kasan_rewrite){ .prog = prog, .env = env, .stack = true };
	KUNIT_ASSERT_EQ(test, init_rewrite(rw), 0);
	KUNIT_ASSERT_EQ(test, plan_rewrite(rw), 0);
	KUNIT_ASSERT_LE(test, rw->pos[rw->len], (rw->len + 1) * MAX_GROWTH);
}

static void end_stack_rewrite(struct kasan_rewrite *rw)
{
	kvfree(rw->env);
	end_rewrite(rw);
}

/* What the verifier has seen */

static void test_stack_marks(struct kunit *test)
{
	const struct bpf_insn constant = BPF_ALU64_IMM(BPF_ADD, BPF_REG_1, 8);
	const struct bpf_insn computed = BPF_ALU64_REG(BPF_ADD, BPF_REG_1, BPF_REG_2);
	struct bpf_prog *prog = new_prog(test, 1);
	struct bpf_verifier_env *env = alloc_env(test, prog);
	struct bpf_reg_state *reg = kunit_kzalloc(test, sizeof(*reg), GFP_KERNEL);
	struct bpf_kasan_mark mark = {};

	KUNIT_ASSERT_NOT_NULL(test, reg);
	env->cur_state->frame[0]->subprogno = 3;
	reg->type = PTR_TO_MAP_VALUE;
	bpf_kasan_mark_arith(env, &computed, reg);
	KUNIT_EXPECT_FALSE(test, env->subprog_info[3].kasan_computed);
	reg->type = PTR_TO_STACK;
	bpf_kasan_mark_arith(env, &constant, reg);
	KUNIT_EXPECT_FALSE(test, env->subprog_info[3].kasan_computed);
	bpf_kasan_mark_stack(env, &mark, reg);
	KUNIT_EXPECT_FALSE(test, mark.computed);

	bpf_kasan_mark_arith(env, &computed, reg);
	KUNIT_EXPECT_TRUE(test, env->subprog_info[3].kasan_computed);
	bpf_kasan_mark_stack(env, &mark, reg);
	KUNIT_EXPECT_TRUE(test, mark.computed);
	reg->type = PTR_TO_MAP_VALUE;
	mark.computed = false;
	bpf_kasan_mark_stack(env, &mark, reg);
	KUNIT_EXPECT_FALSE(test, mark.computed);
	kvfree(env);
	bpf_prog_free(prog);
}

/* Which stack accesses are checked: in the subprogram that computes, or with a mark. */
static void test_stack_checked(struct kunit *test)
{
	static const struct stack_subprog subprogs[] = { { 2, 64, true }, { 3, 64 } };
	struct bpf_prog *prog = new_roomy_prog(test, 5);
	struct bpf_verifier_env *env = new_stack_env(test, prog, subprogs, 2);
	struct kasan_rewrite rw;
	u32 i;

	for (i = 0; i < 5; i++)
		prog->insnsi[i] = R1_LOAD(BPF_B, 64 * i);
	prog->insnsi[1] = BPF_EXIT_INSN();
	prog->insnsi[4] = BPF_EXIT_INSN();
	for (i = 0; i < 5; i++)
		env->insn_aux_data[i].kasan.key = insn_key(&prog->insnsi[i]);
	env->insn_aux_data[3].kasan.computed = true;
	start_stack_rewrite(test, &rw, prog, env);
	KUNIT_ASSERT_EQ(test, rw.nr_checks, 2);
	KUNIT_EXPECT_EQ(test, rw.checks[0].insn, 0);
	KUNIT_EXPECT_EQ(test, rw.checks[1].insn, 3);
	KUNIT_EXPECT_EQ(test, rw.count[KASAN_SKIP_STACK], 1);
	KUNIT_EXPECT_EQ(test, rw.checks[0].stack_depth, 64 + KASAN_REDZONE_SIZE);
	KUNIT_EXPECT_EQ(test, rw.checks[1].stack_depth, 64);
	end_stack_rewrite(&rw);
}

/* Limits */

#define MAX_STACK_SUBPROGS 4

struct limit_case {
	const char *name;
	struct stack_subprog subprogs[MAX_STACK_SUBPROGS];
	u8 calls[3][2];			/* caller, callee; of one more call than is made all 0 */
	u8 lower;			/* bit of each subprogram whose frame has it */
	u32 redzones, omitted;
	bool pointer;			/* calls are addresses of functions */
};

static const struct limit_case limit_cases[] = {
	{ "nothing computed", { { 0, 64 } }, {}, 0, 0, 0 },
	{ "one frame", { { 0, 64, true } }, {}, 1, 2, 0 },
	{ "just fits", { { 0, 480, true } }, {}, 1, 2, 0 },
	{ "one byte too deep", { { 0, 481, true } }, {}, 0, 1, 1 },
	{ "just fits into a chain", { { 0, 240, true }, { 0, 240 } }, { { 0, 1 } }, 1, 2, 0 },
	{ "too deep for a chain", { { 0, 240, true }, { 0, 241 } }, { { 0, 1 } }, 0, 1, 1 },
	{ "too deep as each frame is aligned", { { 0, 232, true }, { 0, 248 } }, { { 0, 1 } },
	  0, 1, 1 },
	{ "callee too deep for a chain", { { 0, 256 }, { 0, 240, true } }, { { 0, 1 } }, 0, 1, 1 },
	{ "first come", { { 0, 240, true }, { 0, 240, true } }, { { 0, 1 } }, 1, 3, 1 },
	{ "one after the other", { { 0, 100, true }, { 0, 300, true }, { 0, 300, true } },
	  { { 0, 1 }, { 0, 2 } }, 7, 6, 0 },
	{ "the deeper of two callers", { { 0, 16 }, { 0, 200 }, { 0, 280, true } },
	  { { 0, 1 }, { 0, 2 }, { 1, 2 } }, 0, 1, 1 },
	{ "the deeper of two stacks",
	  { { 0, 200 }, { 0, 16, .is_async_cb = true }, { 0, 280, true } },
	  { { 0, 2 }, { 1, 2 } }, 0, 1, 1 },
	{ "three deep", { { 0, 160 }, { 0, 160 }, { 0, 160, true } },
	  { { 0, 1 }, { 1, 2 } }, 4, 2, 0 },
	{ "four too deep", { { 0, 160, true }, { 0, 80 }, { 0, 160 }, { 0, 84 } },
	  { { 1, 3 }, { 0, 2 }, { 2, 1 } }, 0, 1, 1 },
	{ "another chain is too deep already",
	  { { 0, 16 }, { 0, 512 }, { 0, 32, true } }, { { 0, 1 }, { 0, 2 } }, 4, 2, 0 },
	{ "called by address", { { 0, 240, true }, { 0, 256 } }, { { 0, 1 } }, 0, 1, 1, true },
	{ "runs later", { { 0, 240, true }, { 0, 256, .is_async_cb = true } }, { { 0, 1 } },
	  1, 2, 0, true },
	{ "above a tail call", { { 0, 208, true }, { 0, 16, .tail_call = true } },
	  { { 0, 1 } }, 1, 2, 0 },
	{ "too deep above a tail call", { { 0, 224, true }, { 0, 16, .tail_call = true } },
	  { { 0, 1 } }, 0, 1, 1 },
	{ "with a tail call", { { 0, 400, true, .tail_call = true } }, {}, 1, 2, 0 },
	{ "private", { { 0, 480, true, .is_private = true }, { 0, 480, true, .is_private = true } },
	  { { 0, 1 } }, 3, 4, 0 },
	{ "private, too deep", { { 0, 496, true, .is_private = true } }, {}, 0, 1, 1 },
	{ "private, with exceptions", { { 0, 64, true, .is_private = true },
					{ 0, 0, .is_exception_cb = true } }, {}, 0, 0, 2 },
};

/* Subprograms of 8 instructions, so that calls go first, and an exit is last. */
#define LIMIT_LEN 8

static void check_limit(struct kunit *test, const struct limit_case *c)
{
	struct stack_subprog subprogs[MAX_STACK_SUBPROGS];
	struct bpf_prog *prog = new_roomy_prog(test, LIMIT_LEN * MAX_STACK_SUBPROGS);
	struct kasan_rewrite rw;
	u32 i;

	memcpy(subprogs, c->subprogs, sizeof(subprogs));
	for (i = 0; i < prog->len; i++)
		prog->insnsi[i] = i % LIMIT_LEN == LIMIT_LEN - 1 ? BPF_EXIT_INSN() :
								   BPF_MOV64_IMM(BPF_REG_0, 0);
	for (i = 0; i < ARRAY_SIZE(c->calls) && c->calls[i][1]; i++) {
		u32 at = c->calls[i][0] * LIMIT_LEN + 2 * i;
		s32 off = c->calls[i][1] * LIMIT_LEN - at - 1;
		const struct bpf_insn func[] = {
			BPF_LD_IMM64_RAW(BPF_REG_1, BPF_PSEUDO_FUNC, (u32)off),
		};

		prog->insnsi[at] = BPF_CALL_REL(off);
		if (c->pointer)
			memcpy(&prog->insnsi[at], func, sizeof(func));
	}
	for (i = 0; i < MAX_STACK_SUBPROGS; i++)
		subprogs[i].len = LIMIT_LEN;
	start_stack_rewrite(test, &rw, prog,
			    new_stack_env(test, prog, subprogs, MAX_STACK_SUBPROGS));
	for (i = 0; i < MAX_STACK_SUBPROGS; i++)
		KUNIT_EXPECT_EQ_MSG(test, rw.frames && rw.frames[i].lower, !!(c->lower & BIT(i)),
				    "%s, %u", c->name, i);
	KUNIT_EXPECT_EQ_MSG(test, rw.redzones, c->redzones, "%s", c->name);
	KUNIT_EXPECT_EQ_MSG(test, rw.redzones_omitted, c->omitted, "%s", c->name);
	end_stack_rewrite(&rw);
}

static void test_stack_limits(struct kunit *test)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(limit_cases); i++)
		check_limit(test, &limit_cases[i]);
}

/* What is written */

static void expect_guard(struct kunit *test, const struct bpf_insn *insn, int lower_off,
			 bool poison)
{
	const struct bpf_insn expected[] = {
		BPF_RAW_INSN(BPF_LD | BPF_IMM | BPF_DW, BPF_REG_AX, 0, 0,
			     lower_32_bits((u64)KASAN_SHADOW_OFFSET << 3)),
		BPF_RAW_INSN(0, 0, 0, 0, upper_32_bits((u64)KASAN_SHADOW_OFFSET << 3)),
		BPF_ALU64_REG(BPF_ADD, BPF_REG_AX, BPF_REG_FP),
		BPF_ALU64_IMM(BPF_ARSH, BPF_REG_AX, 3),
		BPF_ST_MEM(BPF_W, BPF_REG_AX, lower_off, poison ? KASAN_LOWER_SHADOW : 0),
		BPF_ST_MEM(BPF_H, BPF_REG_AX, 0, poison ? KASAN_UPPER_SHADOW : 0),
	};

	KUNIT_EXPECT_MEMEQ(test, insn, expected, sizeof(expected));
}

/* Of a main program with a frame of 20 bytes, and of the callback of its exceptions, with 64. */
static void test_stack_guards(struct kunit *test)
{
	static const struct stack_subprog subprogs[] = {
		{ 4, 20, true }, { 2, 64, true, .is_exception_cb = true },
	};
	struct bpf_prog *prog = new_roomy_prog(test, 6);
	const struct bpf_insn *insn = prog->insnsi;
	struct kasan_rewrite rw;

	prog->insnsi[0] = BPF_MOV64_IMM(BPF_REG_0, 1);
	prog->insnsi[1] = BPF_RAW_INSN(BPF_JMP | BPF_TAIL_CALL, 0, 0, 0, 0);
	prog->insnsi[2] = BPF_MOV64_IMM(BPF_REG_0, 2);
	prog->insnsi[3] = BPF_EXIT_INSN();
	prog->insnsi[4] = BPF_MOV64_IMM(BPF_REG_0, 3);
	prog->insnsi[5] = BPF_EXIT_INSN();
	start_stack_rewrite(test, &rw, prog, new_stack_env(test, prog, subprogs, 2));
	move_insns(&rw);
	bpf_kasan_extend_frames(&rw);
	bpf_kasan_emit_redzones(&rw);
	KUNIT_ASSERT_EQ(test, prog->len, 6 + 7 * 6);
	expect_guard(test, insn, -7, true);
	expect_guard(test, insn + 7, -7, false);
	expect_guard(test, insn + 14, -7, true);
	expect_guard(test, insn + 21, -7, false);
	expect_guard(test, insn + 28, -7, false);
	expect_guard(test, insn + 34, -12, true);
	expect_guard(test, insn + 41, -12, false);
	KUNIT_EXPECT_EQ(test, rw.env->subprog_info[0].stack_depth, 24 + 32);
	KUNIT_EXPECT_EQ(test, rw.env->subprog_info[1].stack_depth, 64 + 32);
	KUNIT_EXPECT_EQ(test, prog->aux->stack_depth, 24 + 32);
	end_stack_rewrite(&rw);
}

/* An interpreter does not poison what is around its frames; other stores by way of AX stay. */
static void test_stack_disarm(struct kunit *test)
{
	static const struct stack_subprog subprog = { 3, 8, true };
	const struct bpf_insn foreign = BPF_ST_MEM(BPF_W, BPF_REG_AX, 0, 0);
	struct bpf_prog *prog = new_roomy_prog(test, 3);
	struct kasan_rewrite rw;
	u32 i;

	prog->insnsi[0] = BPF_MOV64_REG(BPF_REG_AX, BPF_REG_1);
	prog->insnsi[1] = foreign;
	prog->insnsi[2] = BPF_EXIT_INSN();
	start_stack_rewrite(test, &rw, prog, new_stack_env(test, prog, &subprog, 1));
	move_insns(&rw);
	bpf_kasan_emit_redzones(&rw);
	bpf_kasan_disarm(prog);
	for (i = 0; i < prog->len; i++)
		if (prog->insnsi[i].code != foreign.code)
			KUNIT_EXPECT_NE(test, BPF_CLASS(prog->insnsi[i].code), BPF_ST);
		else
			KUNIT_EXPECT_EQ(test, i, rw.pos[1]);
	KUNIT_EXPECT_MEMEQ(test, &prog->insnsi[rw.pos[1]], &foreign, sizeof(foreign));
	end_stack_rewrite(&rw);
}

/* On every path */

#define CLEAN		BIT(0)
#define POISONED	BIT(1)

static bool is_way_out(const struct bpf_insn *insn)
{
	return insn->code == (BPF_JMP | BPF_EXIT) || insn->code == (BPF_JMP | BPF_TAIL_CALL);
}

/* What may the redzones be after @insn, if they may be @before? */
static u8 redzones_after(const struct bpf_insn *insn, u8 before)
{
	if (insn->code != (BPF_ST | BPF_MEM | BPF_H) || insn->dst_reg != BPF_REG_AX)
		return before;
	return insn->imm ? POISONED : CLEAN;
}

/* What the redzones may be before each instruction: to be repeated until nothing is new. */
static bool follow_paths(const struct bpf_insn *insns, u32 len, u8 *states)
{
	bool found = false;
	u32 i;

	for (i = 0; i < len; i++) {
		u8 after = redzones_after(&insns[i], states[i]);
		u32 next = i + (bpf_is_ldimm64(&insns[i]) ? 2 : 1);

		if (!after)
			continue;
		if (is_jump(&insns[i])) {
			found |= after & ~states[jump_dest(insns, i)];
			states[jump_dest(insns, i)] |= after;
		}
		if (bpf_kasan_ends_flow(&insns[i]))
			continue;
		found |= after & ~states[next];
		states[next] |= after;
	}
	return found;
}

static struct bpf_insn random_stack_insn(struct rnd_state *rnd, u32 i, u32 len)
{
	s32 rel = prandom_u32_state(rnd) % len - i - 1;

	switch (prandom_u32_state(rnd) % 8) {
	case 0:
		return BPF_EXIT_INSN();
	case 1:
		return BPF_RAW_INSN(BPF_JMP | BPF_TAIL_CALL, 0, 0, 0, 0);
	case 2:
		return BPF_JMP_A(rel);
	case 3:
		return R1_LOAD(BPF_DW, 8 * i);
	default:
		return BPF_JMP_REG(BPF_JEQ, BPF_REG_1, BPF_REG_2, rel);
	}
}

/* Jumps go anywhere, also to the first instruction, and to what comes after a tail call. */
static void check_stack_paths(struct kunit *test, struct rnd_state *rnd, u32 len)
{
	const struct stack_subprog subprog = { len, 64, true };
	struct bpf_prog *prog = new_roomy_prog(test, len);
	struct bpf_insn *old = kunit_kcalloc(test, len, sizeof(*old), GFP_KERNEL);
	u8 *states = kunit_kzalloc(test, (len + 1) * MAX_GROWTH, GFP_KERNEL);
	struct kasan_rewrite rw;
	u32 i, wrong = 0;

	KUNIT_ASSERT_NOT_NULL(test, old);
	KUNIT_ASSERT_NOT_NULL(test, states);
	for (i = 0; i < len; i++)
		old[i] = i < len - 1 ? random_stack_insn(rnd, i, len) : BPF_EXIT_INSN();
	memcpy(prog->insnsi, old, len * sizeof(*old));
	start_stack_rewrite(test, &rw, prog, new_stack_env(test, prog, &subprog, 1));
	move_insns(&rw);
	bpf_kasan_emit_redzones(&rw);

	states[0] = CLEAN;
	while (follow_paths(prog->insnsi, prog->len, states))
		;
	for (i = 0; i < len; i++) {
		u8 state = states[new_place(&rw, i)];

		wrong += state && state != (is_way_out(&old[i]) ? CLEAN : POISONED);
	}
	KUNIT_EXPECT_EQ_MSG(test, wrong, 0, "of %u instructions", len);
	end_stack_rewrite(&rw);
	kunit_kfree(test, states);
	kunit_kfree(test, old);
}

static void test_stack_paths(struct kunit *test)
{
	struct rnd_state rnd;
	u32 len;

	prandom_seed_state(&rnd, 7);
	for (len = 1; len < 200; len++)
		check_stack_paths(test, &rnd, len);
}

static struct kunit_case bpf_kasan_stack_cases[] = {
	KUNIT_CASE(test_stack_marks),
	KUNIT_CASE(test_stack_checked),
	KUNIT_CASE(test_stack_limits),
	KUNIT_CASE(test_stack_guards),
	KUNIT_CASE(test_stack_disarm),
	KUNIT_CASE(test_stack_paths),
	{}
};

static struct kunit_suite bpf_kasan_stack_suite = {
	.name = "bpf_kasan_stack",
	.test_cases = bpf_kasan_stack_cases,
};

kunit_test_suite(bpf_kasan_stack_suite);
