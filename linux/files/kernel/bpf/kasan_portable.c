// SPDX-License-Identifier: GPL-2.0-only
/*
 * KASAN for BPF programs: the cold path for a JIT that does not emit the check call.
 *
 * It is plain bytecode: what the call would clobber goes to the stack and comes back, with the
 * subprogram's stack extended for it. That makes it long, but it is cold, and any JIT can do it.
 */
#include <linux/bpf.h>
#include <linux/bpf_verifier.h>

#include "kasan_insn.h"

#define NR_CLOBBERED	(BPF_REG_5 + 1)		/* r0 to r5 */
#define SPILL_BYTES	(NR_CLOBBERED * BPF_REG_SIZE)

/* Offset of the slot of a register, below what the subprogram has on its stack. */
static s16 spill_slot(u32 stack_depth, u8 reg)
{
	return -(s32)round_up(stack_depth, BPF_REG_SIZE) - (reg + 1) * BPF_REG_SIZE;
}

/*
 * Registers that a check has to preserve. Liveness was computed for the verified instruction: where
 * it is another one, all count. Either way, the base of the access is one of them.
 */
static u16 live_regs(const struct kasan_rewrite *rw, const struct kasan_check *check)
{
	u16 clobbered = BIT(NR_CLOBBERED) - 1;

	if (bpf_kasan_get_mark(rw, check->insn))
		clobbered &= rw->env->insn_aux_data[check->insn].live_regs_before;
	return clobbered;
}

static struct bpf_insn *emit_portable_test(struct bpf_insn *to, const struct kasan_check *check,
					   const struct kasan_test *test, u32 stack_depth)
{
	const struct bpf_insn call[] = {
		BPF_MOV64_IMM(BPF_REG_2, test->size | (test->write ? BPF_KASAN_WRITE : 0) |
			      test->nth << BPF_KASAN_NTH_SHIFT),
		BPF_MOV64_IMM(BPF_REG_3, check->loads_before),
		BPF_EMIT_CALL(__bpf_kasan_check),
	};

	*to++ = check->base < NR_CLOBBERED ?
		BPF_LDX_MEM(BPF_DW, BPF_REG_1, BPF_REG_FP, spill_slot(stack_depth, check->base)) :
		BPF_MOV64_REG(BPF_REG_1, check->base);
	*to++ = BPF_ALU64_IMM(BPF_ADD, BPF_REG_1, test->off);
	memcpy(to, call, sizeof(call));
	return to + ARRAY_SIZE(call);
}

#define PORTABLE_TEST_LEN 5

/**
 * bpf_kasan_portable_len - how long is the portable form of a cold path?
 * @rw: rewrite
 * @check: whose
 *
 * Return: number of instructions, without the jump back.
 */
u32 bpf_kasan_portable_len(const struct kasan_rewrite *rw, const struct kasan_check *check)
{
	return 2 * hweight16(live_regs(rw, check)) + check->nr_tests * PORTABLE_TEST_LEN;
}

/**
 * bpf_kasan_emit_portable - write the portable form of a cold path
 * @rw: rewrite
 * @check: whose
 * @to: where to
 *
 * Return: the instruction after it.
 */
struct bpf_insn *bpf_kasan_emit_portable(const struct kasan_rewrite *rw,
					 const struct kasan_check *check, struct bpf_insn *to)
{
	u32 depth = check->stack_depth;
	u16 regs = live_regs(rw, check);
	u8 reg;
	u32 i;

	for (reg = 0; reg < NR_CLOBBERED; reg++)
		if (regs & BIT(reg))
			*to++ = BPF_STX_MEM(BPF_DW, BPF_REG_FP, reg, spill_slot(depth, reg));
	for (i = 0; i < check->nr_tests; i++)
		to = emit_portable_test(to, check, &rw->tests[check->tests + i], depth);
	for (reg = 0; reg < NR_CLOBBERED; reg++)
		if (regs & BIT(reg))
			*to++ = BPF_LDX_MEM(BPF_DW, reg, BPF_REG_FP, spill_slot(depth, reg));
	return to;
}

/**
 * bpf_kasan_extend_stack - make room on the stack for what cold paths save
 * @rw: rewrite; its checks are planned, and remember the stack depth before
 */
void bpf_kasan_extend_stack(struct kasan_rewrite *rw)
{
	struct bpf_prog_aux *aux = rw->prog->aux;
	u32 i;

	for (i = 0; rw->env && i < rw->env->subprog_cnt; i++) {
		u16 *depth = &rw->env->subprog_info[i].stack_depth;

		*depth = round_up(*depth, BPF_REG_SIZE) + SPILL_BYTES;
	}
	aux->stack_depth = rw->env ? rw->env->subprog_info[0].stack_depth :
			   round_up(aux->stack_depth, BPF_REG_SIZE) + SPILL_BYTES;
}
