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
struct pt_regs;
struct seq_file;

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
	bool moved;		/* some path had a base that is not where its object starts */
	bool computed;		/* some path had a pointer into a frame that is computed into */
	u8 known_bits;		/* so many of the base's lowest 3 bits are known on all paths */
	u8 low_bits;		/* and these are they */
};

/* What has become of the accesses of a program, and what came of it. */
struct bpf_kasan_stats {
	u32 checked;		/* all that are checked */
	u32 straddling;		/* those of them that may cover two granules */
	u32 merged;		/* those of them that share the check of a neighbour */
	u32 elided;		/* those of them that an earlier check has covered */
	u32 skipped_stack;
	u32 skipped_probe;	/* may fault by design */
	u32 skipped_fixup;	/* inside a fixup's patch */
	u32 redzones;		/* of stack frames */
	u32 redzones_omitted;	/* no room for them */
	atomic_t reports;
};

#ifdef CONFIG_BPF_KASAN

void bpf_kasan_mark_access(struct bpf_verifier_env *env, int insn_idx,
			   const struct bpf_reg_state *reg, int off, int size);
void bpf_kasan_instrument(struct bpf_verifier_env *env);
struct bpf_prog *bpf_kasan_instrument_classic(struct bpf_prog *prog);
void bpf_kasan_disarm(struct bpf_prog *prog);
void bpf_kasan_count_report(struct bpf_prog *prog);
void bpf_kasan_show_fdinfo(struct seq_file *m, const struct bpf_prog *prog);

u64 __bpf_kasan_check(u64 addr, u64 access, u64 load);
void bpf_kasan_check_at(u64 addr, u64 size, u64 write, unsigned long ip);
void bpf_kasan_probe_at(u64 addr, u64 size, u64 write, unsigned long ip);

void bpf_kasan_describe(const char *bug_type, const void *addr, size_t size, bool write,
			unsigned long ip);

/**
 * bpf_jit_count_kasan_checks - how many check calls are there in a part of a JITed program?
 * @start: first byte
 * @end: first byte that does not count
 *
 * Return: their number, or -1 where the JIT cannot tell.
 */
int bpf_jit_count_kasan_checks(const void *start, const void *end);

/**
 * bpf_jit_count_kasan_loads - how many shadow addresses does a part of a JITed program compute?
 * @start: first byte
 * @end: first byte that does not count
 *
 * Return: their number, or -1 where the JIT cannot tell.
 */
int bpf_jit_count_kasan_loads(const void *start, const void *end);

/**
 * bpf_jit_kasan_fault - has the load of a shadow byte by a BPF program faulted?
 * @regs: registers at the fault; the instruction pointer is inside a BPF program
 * @shadow: where to put the address that it loaded from
 *
 * The load is of 1, 2, 4 or 8 bytes.
 *
 * Return: false if it was another instruction, or where the JIT cannot tell.
 */
bool bpf_jit_kasan_fault(const struct pt_regs *regs, unsigned long *shadow);

#else /* !CONFIG_BPF_KASAN */

static inline void bpf_kasan_mark_access(struct bpf_verifier_env *env, int insn_idx,
					 const struct bpf_reg_state *reg, int off, int size)
{
}

static inline void bpf_kasan_instrument(struct bpf_verifier_env *env)
{
}

static inline struct bpf_prog *bpf_kasan_instrument_classic(struct bpf_prog *prog)
{
	return prog;
}

static inline void bpf_kasan_disarm(struct bpf_prog *prog)
{
}

static inline void bpf_kasan_show_fdinfo(struct seq_file *m, const struct bpf_prog *prog)
{
}

static inline void bpf_kasan_describe(const char *bug_type, const void *addr, size_t size,
				      bool write, unsigned long ip)
{
}

#endif /* CONFIG_BPF_KASAN */

#ifdef CONFIG_BPF_KASAN_STACK

void bpf_kasan_mark_arith(struct bpf_verifier_env *env, const struct bpf_insn *insn,
			  const struct bpf_reg_state *reg);

#else /* !CONFIG_BPF_KASAN_STACK */

static inline void bpf_kasan_mark_arith(struct bpf_verifier_env *env, const struct bpf_insn *insn,
					const struct bpf_reg_state *reg)
{
}

#endif /* CONFIG_BPF_KASAN_STACK */

#endif /* _LINUX_BPF_KASAN_H */
