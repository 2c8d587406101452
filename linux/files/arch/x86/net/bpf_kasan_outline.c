// SPDX-License-Identifier: GPL-2.0-only
/*
 * A call of __asan_loadN() or __asan_storeN() before an access, as good as it can be: only the
 * registers are saved that have a value still to be read, and the kernel's own function for the
 * size is called, which looks at a second granule only if the access goes there.
 *
 * R10 and R11 hold nothing across BPF instructions, and the stack needs no alignment.
 */
#include <linux/bpf_kasan_outline.h>
#include <linux/bpf_verifier.h>
#include <linux/errno.h>
#include <linux/string.h>
#include <linux/text-patching.h>
#include <linux/unaligned.h>

#include "../../../mm/kasan/kasan.h"
#include "bpf_kasan.h"

#define RDI	7
#define R9	9

/* The number of the x86 register for each BPF register. */
static const u8 x86_reg[] = {
	[BPF_REG_0] = 0,
	[BPF_REG_1] = RDI,
	[BPF_REG_2] = 6,
	[BPF_REG_3] = 2,
	[BPF_REG_4] = 1,
	[BPF_REG_5] = 8,
	[BPF_REG_6] = 3,
	[BPF_REG_7] = 13,
	[BPF_REG_8] = 14,
	[BPF_REG_9] = 15,
};

static void *const asan_funcs[2][4] = {
	{
		__asan_load1_noabort, __asan_load2_noabort,
		__asan_load4_noabort, __asan_load8_noabort,
	},
	{
		__asan_store1_noabort, __asan_store2_noabort,
		__asan_store4_noabort, __asan_store8_noabort,
	},
};

static u8 *emit(u8 *to, const void *code, int len)
{
	memcpy(to, code, len);
	return to + len;
}

/* push (0x50) or pop (0x58) */
static u8 *emit_stack(u8 *to, u8 opcode, u8 reg)
{
	const u8 code[] = { 0x41, opcode | (reg & 7) };

	return reg >= 8 ? emit(to, code, 2) : emit(to, code + 1, 1);
}

static u8 *emit_save(u8 *to, u8 live, bool r9)
{
	int i;

	for (i = BPF_REG_0; i <= BPF_REG_5; i++)
		if (live & BIT(i))
			to = emit_stack(to, 0x50, x86_reg[i]);
	return r9 ? emit_stack(to, 0x50, R9) : to;
}

static u8 *emit_restore(u8 *to, u8 live, bool r9)
{
	int i;

	if (r9)
		to = emit_stack(to, 0x58, R9);
	for (i = BPF_REG_5; i >= BPF_REG_0; i--)
		if (live & BIT(i))
			to = emit_stack(to, 0x58, x86_reg[i]);
	return to;
}

/* RDI = base + off, by mov or lea */
static u8 *emit_address(u8 *to, u8 base, s16 off)
{
	const u8 rex = base >= 8 ? 0x49 : 0x48;
	const u8 mov[] = { rex, 0x8b, 0xc0 | RDI << 3 | (base & 7) };
	const u8 lea8[] = { rex, 0x8d, 0x40 | RDI << 3 | (base & 7), off };
	const u8 lea32[] = { rex, 0x8d, 0x80 | RDI << 3 | (base & 7) };
	const s32 disp = off;

	if (off == (s8)off && off)
		return emit(to, lea8, sizeof(lea8));
	if (off)
		return emit(emit(to, lea32, sizeof(lea32)), &disp, sizeof(disp));
	return base == RDI ? to : emit(to, mov, sizeof(mov));
}

/* Does the JIT keep the private stack's frame pointer or the sixth argument there? */
static bool uses_r9(const struct bpf_verifier_env *env, const struct bpf_prog *prog)
{
	return prog->aux->priv_stack_ptr ||
	       (env && env->subprog_info[prog->aux->func_idx].stack_arg_cnt);
}

/**
 * bpf_kasan_emit_outline - write the native code of an out-of-line check
 * @pprog: where to, and moved behind it
 * @env: verifier state, or NULL
 * @bpf_prog: program or subprogram
 * @insn: instruction for which bpf_is_kasan_outline() holds
 * @ip: where that code will be
 *
 * Return: 0, or -ERANGE if the call is too far.
 */
int bpf_kasan_emit_outline(u8 **pprog, const struct bpf_verifier_env *env,
			   const struct bpf_prog *bpf_prog, const struct bpf_insn *insn, u8 *ip)
{
	int size = ilog2(bpf_kasan_check_size(insn));
	u8 *func = asan_funcs[bpf_kasan_check_write(insn)][size];
	u8 live = bpf_kasan_outline_live(insn);
	bool r9 = uses_r9(env, bpf_prog);
	u8 *prog = *pprog;
	s64 disp;

	prog = emit_save(prog, live, r9);
	prog = emit_address(prog, x86_reg[bpf_kasan_outline_base(insn)],
			    bpf_kasan_outline_off(insn));
	disp = func - (ip + (prog - *pprog) + CALL_INSN_SIZE);
	if (disp != (s32)disp)
		return -ERANGE;
	*prog++ = CALL_INSN_OPCODE;
	put_unaligned((s32)disp, (s32 *)prog);
	prog += sizeof(s32);
	*pprog = emit_restore(prog, live, r9);
	return 0;
}
