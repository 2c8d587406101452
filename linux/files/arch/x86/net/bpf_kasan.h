/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ARCH_X86_NET_BPF_KASAN_H
#define _ARCH_X86_NET_BPF_KASAN_H

#include <linux/bpf_kasan_outline.h>
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

int bpf_kasan_emit_outline(u8 **pprog, const struct bpf_verifier_env *env,
			   const struct bpf_prog *bpf_prog, const struct bpf_insn *insn, u8 *ip);

#endif /* _ARCH_X86_NET_BPF_KASAN_H */
