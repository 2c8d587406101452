// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bpf_kasan.h>
#include <linux/kasan.h>
#include <linux/math.h>
#include <linux/ptrace.h>
#include <asm/insn.h>

#include "bpf_kasan.h"

#define REG_AX		9
#define REG_CALL	10	/* the JIT's for the target of a call */
#define RD_MASK		0x1f
#define BLR_REG_CALL	(0xd63f0000 | REG_CALL << 5)

/* LDRB, LDRH or LDR of x9 from [x9], but for the size, which are the two upper bits */
#define LOAD_AX		0x39400129
#define LOAD_SIZE_MASK	0xc0000000

static u32 insn_at(const __le32 *ip)
{
	return le32_to_cpu(*ip);
}

/* What 64-bit MOVZ, MOVN and MOVK make of a register's value. */
static u64 move_wide(u64 value, u32 insn)
{
	u64 imm = aarch64_insn_decode_immediate(AARCH64_INSN_IMM_16, insn);
	int shift = (insn >> 21 & 3) * 16;

	if (aarch64_insn_is_movk(insn))
		return (value & ~(0xffffULL << shift)) | imm << shift;
	return aarch64_insn_is_movn(insn) ? ~(imm << shift) : imm << shift;
}

static bool is_move_wide(u32 insn)
{
	return aarch64_insn_is_movz(insn) || aarch64_insn_is_movn(insn) ||
	       aarch64_insn_is_movk(insn);
}

/*
 * Walk over a part of a JITed program, with the value of one register where it is a constant:
 * straight line code, built just before it is used.
 */
static u64 follow(u64 value, u32 insn, u8 reg)
{
	return is_move_wide(insn) && (insn & RD_MASK) == reg ? move_wide(value, insn) : value;
}

static bool calls_thunk(const __le32 *ip, u64 target)
{
	u32 insn = insn_at(ip);

	if (aarch64_insn_is_bl(insn))
		target = (u64)ip + aarch64_get_branch_offset(insn);
	else if (insn != BLR_REG_CALL)
		return false;
	return target == (u64)bpf_kasan_thunk;
}

int bpf_jit_count_kasan_checks(const void *start, const void *end)
{
	const __le32 *ip;
	u64 target = 0;
	int nr = 0;

	for (ip = start; ip < (const __le32 *)end; ip++) {
		nr += calls_thunk(ip, target);
		target = follow(target, insn_at(ip), REG_CALL);
	}
	return nr;
}

/* The constant of a check is one that no program has by chance. */
static bool is_kasan_constant(u64 value)
{
	const u64 constant = (u64)KASAN_SHADOW_OFFSET << KASAN_SHADOW_SCALE_SHIFT;

	return abs((s64)(value - constant)) < S32_MAX;
}

/* It is complete when something else than a move comes. */
int bpf_jit_count_kasan_loads(const void *start, const void *end)
{
	const __le32 *ip;
	u64 value = 0;
	int nr = 0;

	for (ip = start; ip < (const __le32 *)end; ip++) {
		u32 insn = insn_at(ip);

		if (is_move_wide(insn) && (insn & RD_MASK) == REG_AX) {
			value = move_wide(value, insn);
			continue;
		}
		nr += is_kasan_constant(value);
		value = 0;
	}
	return nr;
}

/* If the load of a shadow byte faults, x9 has not changed. */
bool bpf_jit_kasan_fault(const struct pt_regs *regs, unsigned long *shadow)
{
	*shadow = regs->regs[REG_AX];
	return (insn_at((const __le32 *)regs->pc) & ~LOAD_SIZE_MASK) == LOAD_AX;
}
