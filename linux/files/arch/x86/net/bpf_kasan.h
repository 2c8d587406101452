/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ARCH_X86_NET_BPF_KASAN_H
#define _ARCH_X86_NET_BPF_KASAN_H

#include <linux/filter.h>
#include <linux/log2.h>

/* Indexed by kind (read, write, probing read) and log2 of the size in bytes. */
extern void *const bpf_kasan_thunks[3][4];

/**
 * bpf_kasan_thunk - the function that a KASAN check call becomes
 * @insn: instruction for which bpf_is_kasan_check() holds
 *
 * Return: address of a thunk that takes the access's address in R10 (BPF_REG_AX) and preserves
 * every register that a program or the JIT keeps a value in.
 */
static inline void *bpf_kasan_thunk(const struct bpf_insn *insn)
{
	int kind = bpf_kasan_check_probe(insn) ? 2 : bpf_kasan_check_write(insn);

	return bpf_kasan_thunks[kind][ilog2(bpf_kasan_check_size(insn))];
}

/**
 * bpf_is_kasan_load - is this a check's load of shadow bytes?
 * @insn: any instruction
 *
 * Return: true for one that ends the computation of a shadow address, and that a jump depends on,
 * which is the only one to read the result.
 */
static inline bool bpf_is_kasan_load(const struct bpf_insn *insn)
{
	return IS_ENABLED(CONFIG_BPF_KASAN) && BPF_CLASS(insn->code) == BPF_LDX &&
	       BPF_MODE(insn->code) == BPF_MEM && insn->dst_reg == BPF_REG_AX &&
	       insn->src_reg == BPF_REG_AX && !insn->off &&
	       insn[-1].code == (BPF_ALU64 | BPF_ARSH | BPF_K) &&
	       insn[-1].dst_reg == BPF_REG_AX &&
	       insn[1].code == (BPF_JMP | BPF_JNE | BPF_K) &&
	       insn[1].dst_reg == BPF_REG_AX && !insn[1].imm;
}

/**
 * bpf_is_kasan_jump - is this the jump that depends on a check's load?
 * @insn: any instruction
 *
 * Return: true if the flags already tell whether to jump, from bpf_kasan_emit_load().
 */
static inline bool bpf_is_kasan_jump(const struct bpf_insn *insn)
{
	return IS_ENABLED(CONFIG_BPF_KASAN) && insn->code == (BPF_JMP | BPF_JNE | BPF_K) &&
	       insn->dst_reg == BPF_REG_AX && bpf_is_kasan_load(insn - 1);
}

u8 *bpf_kasan_emit_load(u8 *prog, const struct bpf_insn *insn);

#endif /* _ARCH_X86_NET_BPF_KASAN_H */
