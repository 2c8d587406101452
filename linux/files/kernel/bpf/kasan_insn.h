/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the parts of the rewriter that puts KASAN checks into BPF programs: what is checked
 * where (kasan_plan.c), how the program gets there (kasan_insn.c), what is counted (kasan_stats.c).
 */
#ifndef _KERNEL_BPF_KASAN_INSN_H
#define _KERNEL_BPF_KASAN_INSN_H

#include <linux/bpf_kasan.h>
#include <linux/filter.h>

enum {
	KASAN_OFF,
	KASAN_ON,
	KASAN_ON_PROBE,		/* also the loads whose faults BPF tolerates */
};

/* The kernel.bpf_kasan sysctl, and whether the command line asks for the portable form. */
extern int bpf_kasan_mode;
extern bool bpf_kasan_portable;

/* The kernel.bpf_kasan_stack sysctl, with CONFIG_BPF_KASAN_STACK. */
extern int bpf_kasan_stack;

/*
 * Added to an address before it is shifted, so that the shadow address comes out; see kasan_insn.c
 * for where that is exact.
 */
#define KASAN_FOLDED_OFFSET	((u64)KASAN_SHADOW_OFFSET << KASAN_SHADOW_SCALE_SHIFT)

/* What a shadow byte describes, in bytes: 8 in generic KASAN, 16 where it is a tag. */
#define KASAN_GRANULE		((s32)BIT(KASAN_SHADOW_SCALE_SHIFT))

/*
 * A check's load of shadow and what is around it, in instructions; the address begins with a
 * ld_imm64. A tag has to be compared, where generic KASAN tests for 0.
 */
#define KASAN_ADDR_LEN		(IS_ENABLED(CONFIG_KASAN_SW_TAGS) ? 5 : 4)
#define KASAN_COMPARE_LEN	(IS_ENABLED(CONFIG_KASAN_SW_TAGS) ? 3 : 0)
#define KASAN_LOAD_LEN		(KASAN_ADDR_LEN + 1 + KASAN_COMPARE_LEN + 1)

/* Which access a call of __bpf_kasan_check() on this CPU is about, or 0. */
DECLARE_PER_CPU(u64, bpf_kasan_tested);
#define KASAN_TESTED(load, nth)	(((u64)(load) + 1) << 16 | (nth))
#define KASAN_TESTED_LOAD(t)	(((t) >> 16) - 1)
#define KASAN_TESTED_NTH(t)	((t) & 0xffff)

enum kasan_kind {
	KASAN_NO_ACCESS,
	KASAN_CHECKED,
	KASAN_ELIDED,		/* an earlier check covers it */
	KASAN_SKIP_STACK,	/* on the stack */
	KASAN_SKIP_PROBE,	/* may fault by design */
	KASAN_SKIP_AX,		/* a check would lose a value, in BPF_REG_AX for instance */
	KASAN_NR_KINDS,
};

struct kasan_access {
	u8 base;
	u8 size;		/* in bytes */
	s16 off;
	bool write;
	bool probe;		/* may fault by design */
};

/*
 * One check: some neighbouring accesses by way of one value, the first of which it precedes. Its
 * shadow loads look at every granule that they touch, and at no other. If one of them finds a
 * nonzero byte, the cold path makes the exact test for each access.
 */
struct kasan_check {
	u32 insn;		/* the first access */
	u32 cold;		/* where its cold path goes, in the new program */
	u32 loads;		/* index of the first */
	u32 loads_before;	/* in the program */
	u32 tests;		/* index of the first */
	u16 redzone_len;	/* instructions for redzones that come before it */
	u8 nr_loads;		/* 0: the test alone, in place */
	u8 nr_tests;
	u8 base;		/* register of the first access */
	u16 stack_depth;	/* of the subprogram, before it is extended for cold paths */
};

struct kasan_load {
	s32 off;		/* from the base, to any byte of the first granule */
	u8 size;		/* in shadow bytes: how many granules */
};

struct kasan_test {
	s32 off;		/* from the base */
	u16 nth;		/* so many accesses after the first one of the check */
	u8 size;
	bool write;
	bool probe;
};

/* Cold paths, put before an instruction of the old program. */
struct kasan_island {
	u32 insn;
	u32 end;		/* up to which check */
	bool jumped_over;
};

/* Which redzones a subprogram's frame has. */
struct kasan_frame {
	u16 depth;		/* what the lower one is below, in whole granules */
	bool upper;
	bool lower;
};

/* Instructions that poison or unpoison the redzones of a frame. */
struct kasan_guard {
	u32 insn;		/* of the old program, which they come before */
	u16 frame;
	u8 before;		/* so many instructions for other redzones come first */
	bool poison;
};

struct kasan_rewrite {
	struct bpf_verifier_env *env;	/* NULL for classic BPF */
	struct bpf_prog *prog;
	bool stack;			/* check computed stack pointers, with redzones */
	bool probe;			/* check what may fault by design too */
	bool portable;			/* the JIT has no check call */
	u32 len;			/* length before the rewrite */
	u32 *pos;			/* new place of instruction i, or of what is before it */
	u16 *check_len;			/* instructions to insert before instruction i */
	unsigned long *ax_live;		/* BPF_REG_AX has a value before instruction i */
	unsigned long *target;		/* instruction i is reached by a jump or a call */
	unsigned long *relaxed;		/* jump i becomes a long one */

	struct kasan_check *checks;	/* in the order of the program */
	struct kasan_load *loads;
	struct kasan_test *tests;
	struct kasan_island *islands;
	struct kasan_frame *frames;	/* of each subprogram; NULL: no redzones at all */
	struct kasan_guard *guards;	/* in the order of the subprograms */
	u32 nr_checks, nr_loads, nr_tests, nr_islands, nr_guards;

	u32 count[KASAN_NR_KINDS];
	u32 straddling;
	u32 redzones, redzones_omitted;
};

enum kasan_kind bpf_kasan_decode(const struct bpf_insn *insn, struct kasan_access *acc);
bool bpf_kasan_ends_flow(const struct bpf_insn *insn);
const struct bpf_kasan_mark *bpf_kasan_get_mark(const struct kasan_rewrite *rw, u32 i);
void bpf_kasan_get_alignment(const struct kasan_rewrite *rw, u32 i, const struct kasan_access *acc,
			     u8 *known_bits, u8 *low_bits);

struct kasan_plan;

struct kasan_plan *bpf_kasan_new_plan(void);
void bpf_kasan_plan(struct kasan_rewrite *rw, struct kasan_plan *plan);

/* Is @insn, not the first of its program, a check's own load? */
static inline bool bpf_kasan_is_shadow_load(const struct bpf_insn *insn)
{
	return BPF_CLASS(insn->code) == BPF_LDX && insn->dst_reg == BPF_REG_AX &&
	       insn->src_reg == BPF_REG_AX &&
	       insn[-1].code == (BPF_ALU64 | BPF_ARSH | BPF_K) && insn[-1].dst_reg == BPF_REG_AX;
}

u32 bpf_kasan_portable_len(const struct kasan_rewrite *rw, const struct kasan_check *check);
struct bpf_insn *bpf_kasan_emit_portable(const struct kasan_rewrite *rw,
					 const struct kasan_check *check, struct bpf_insn *to);
void bpf_kasan_extend_stack(struct kasan_rewrite *rw);

#define KASAN_REDZONE_SIZE 32	/* of the lower one, which takes stack */

/*
 * The shadow of both, where a report says stack-out-of-bounds. After KASAN_STACK_LEFT it would look
 * for what compilers say of a frame.
 */
#define KASAN_LOWER_SHADOW ((s32)0xf2f2f2f2)
#define KASAN_UPPER_SHADOW 0xf3f3

/* How deep is the frame of a subprogram with its lower redzone, if it has @depth bytes without? */
static inline u32 bpf_kasan_guarded_depth(const struct kasan_rewrite *rw, u32 subprog, u32 depth)
{
	if (!rw->frames || !rw->frames[subprog].lower)
		return depth;
	return rw->frames[subprog].depth + KASAN_REDZONE_SIZE;
}

#ifdef CONFIG_BPF_KASAN_STACK

void bpf_kasan_mark_stack(struct bpf_verifier_env *env, struct bpf_kasan_mark *mark,
			  const struct bpf_reg_state *reg);
bool bpf_kasan_is_computed(const struct kasan_rewrite *rw, u32 subprog,
			   const struct bpf_kasan_mark *mark);
int bpf_kasan_plan_redzones(struct kasan_rewrite *rw);
void bpf_kasan_extend_frames(struct kasan_rewrite *rw);
void bpf_kasan_emit_redzones(const struct kasan_rewrite *rw);
bool bpf_kasan_is_redzone_store(const struct bpf_insn *insn);

#else /* !CONFIG_BPF_KASAN_STACK */

static inline void bpf_kasan_mark_stack(struct bpf_verifier_env *env, struct bpf_kasan_mark *mark,
					const struct bpf_reg_state *reg)
{
}

static inline bool bpf_kasan_is_computed(const struct kasan_rewrite *rw, u32 subprog,
					 const struct bpf_kasan_mark *mark)
{
	return false;
}

static inline int bpf_kasan_plan_redzones(struct kasan_rewrite *rw)
{
	return 0;
}

static inline void bpf_kasan_extend_frames(struct kasan_rewrite *rw)
{
}

static inline void bpf_kasan_emit_redzones(const struct kasan_rewrite *rw)
{
}

static inline bool bpf_kasan_is_redzone_store(const struct bpf_insn *insn)
{
	return false;
}

#endif /* CONFIG_BPF_KASAN_STACK */

void bpf_kasan_count_prog(const struct kasan_rewrite *rw);
void bpf_kasan_count_failure(void);

#endif /* _KERNEL_BPF_KASAN_INSN_H */
