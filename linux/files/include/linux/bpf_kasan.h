/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * KASAN for BPF programs, see Documentation/bpf/kasan.rst.
 */
#ifndef _LINUX_BPF_KASAN_H
#define _LINUX_BPF_KASAN_H

#include <linux/types.h>

struct bpf_insn;
struct bpf_prog;
struct bpf_reg_state;
struct bpf_verifier_env;

/*
 * What the verifier saw of one memory access, over all paths that reach it.
 *
 * Patching moves insn_aux_data to the last instruction of a patch, which may be another access than
 * the one that was verified. @key tells: it holds opcode, registers and offset of the verified
 * instruction, and a mark with another key than the instruction it sits on says nothing. All zero,
 * as for an instruction that the verifier has never seen, says nothing either.
 */
struct bpf_kasan_mark {
	u32 key;
	bool not_stack;		/* some path had a base other than PTR_TO_STACK */
	bool unaligned;		/* some path could not prove natural alignment */
};

#ifdef CONFIG_BPF_KASAN

void bpf_kasan_mark_access(struct bpf_verifier_env *env, int insn_idx,
			   const struct bpf_reg_state *reg, int off, int size);
int bpf_kasan_instrument(struct bpf_verifier_env *env);
struct bpf_prog *bpf_kasan_instrument_classic(struct bpf_prog *prog);
void bpf_kasan_disarm(struct bpf_prog *prog);

u64 __bpf_kasan_check(u64 addr, u64 size, u64 write);
void bpf_kasan_check_at(u64 addr, u64 size, u64 write, unsigned long ip);

void bpf_kasan_describe(const char *bug_type, const void *addr, size_t size, bool write,
			unsigned long ip);

/**
 * bpf_jit_count_kasan_checks - how many check calls are there in a part of a JITed program?
 * @start: first byte
 * @end: first byte that does not count
 *
 * Return: their number, or 0 where the JIT cannot tell.
 */
int bpf_jit_count_kasan_checks(const void *start, const void *end);

#else /* !CONFIG_BPF_KASAN */

static inline void bpf_kasan_mark_access(struct bpf_verifier_env *env, int insn_idx,
					 const struct bpf_reg_state *reg, int off, int size)
{
}

static inline int bpf_kasan_instrument(struct bpf_verifier_env *env)
{
	return 0;
}

static inline struct bpf_prog *bpf_kasan_instrument_classic(struct bpf_prog *prog)
{
	return prog;
}

static inline void bpf_kasan_disarm(struct bpf_prog *prog)
{
}

static inline void bpf_kasan_describe(const char *bug_type, const void *addr, size_t size,
				      bool write, unsigned long ip)
{
}

#endif /* CONFIG_BPF_KASAN */

#endif /* _LINUX_BPF_KASAN_H */
