// SPDX-License-Identifier: GPL-2.0-only
/*
 * KASAN for BPF programs: redzones around stack frames.
 *
 * A pointer that the verifier takes for one into a stack frame is as good as its arithmetic. If a
 * program adds a register to such a pointer, what it accesses by way of it is checked, and the
 * frame gets a redzone at each end, from the entry of its subprogram to every way out.
 *
 * r10 cannot move. What is right above it is what the JIT's prologue has saved, or a guard of a
 * private stack, which no instrumented code touches: that makes the upper redzone. The lower one is
 * below all that the subprogram has on the stack, and makes the frame larger.
 */
#include <linux/bitmap.h>
#include <linux/bpf.h>
#include <linux/bpf_verifier.h>
#include <linux/kasan.h>
#include <linux/sysctl.h>

#include "kasan_insn.h"

#define GRANULE			8
#define FRAME_ALIGN		16	/* of a frame, as check_max_stack_depth() counts it */
#define MAX_TAIL_CALLER		256	/* its limit for what is above a tail call */

int bpf_kasan_stack __read_mostly = 1;

/* First part: what the verifier knows */

static struct bpf_subprog_info *frame_owner(struct bpf_verifier_env *env,
					    const struct bpf_reg_state *reg)
{
	return &env->subprog_info[env->cur_state->frame[reg->frameno]->subprogno];
}

/**
 * bpf_kasan_mark_arith - record that a program computes with a pointer
 * @env: verifier state
 * @insn: addition or subtraction
 * @reg: the pointer
 *
 * That of a register counts, also where the verifier thinks that it knows the value: it may be
 * wrong. A constant in the instruction cannot be.
 */
void bpf_kasan_mark_arith(struct bpf_verifier_env *env, const struct bpf_insn *insn,
			  const struct bpf_reg_state *reg)
{
	if (reg->type == PTR_TO_STACK && BPF_SRC(insn->code) == BPF_X)
		frame_owner(env, reg)->kasan_computed = true;
}

/**
 * bpf_kasan_mark_stack - record whether an access is made by way of a computed stack pointer
 * @env: verifier state
 * @mark: of the access
 * @reg: its base
 */
void bpf_kasan_mark_stack(struct bpf_verifier_env *env, struct bpf_kasan_mark *mark,
			  const struct bpf_reg_state *reg)
{
	if (reg->type == PTR_TO_STACK && frame_owner(env, reg)->kasan_computed)
		mark->computed = true;
}

/**
 * bpf_kasan_is_computed - may the base of a stack access be computed?
 * @rw: rewrite
 * @subprog: that makes the access
 * @mark: what the verifier has seen of it
 *
 * The verifier need not have walked to the access after every computation, since it takes two
 * pointers with one offset for the same. In the subprogram that has the frame, any access counts.
 *
 * Return: false also where the stack is not to be checked.
 */
bool bpf_kasan_is_computed(const struct kasan_rewrite *rw, u32 subprog,
			   const struct bpf_kasan_mark *mark)
{
	return rw->stack && (mark->computed || rw->env->subprog_info[subprog].kasan_computed);
}

/* Second part: is there room? */

/* Who calls whom, and how much of the stack they take. */
struct kasan_chains {
	u32 nr;			/* subprograms */
	unsigned long *calls;	/* bit caller * nr + callee */
	u32 *above;		/* bytes of a subprogram's callers, at most; 0 for a first one */
	u32 *guarded;		/* the same, with redzones */
};

static bool has_private_stack(const struct bpf_subprog_info *info)
{
	return info->priv_stack_mode == PRIV_STACK_ADAPTIVE;
}

static u32 own_size(const struct kasan_rewrite *rw, u32 subprog)
{
	u32 depth = rw->env->subprog_info[subprog].stack_depth;

	return round_up(bpf_kasan_guarded_depth(rw, subprog, depth), FRAME_ALIGN);
}

/* What it adds to the kernel's stack. */
static u32 shared_size(const struct kasan_rewrite *rw, u32 subprog)
{
	return has_private_stack(&rw->env->subprog_info[subprog]) ? 0 : own_size(rw, subprog);
}

static void find_calls(const struct kasan_rewrite *rw, struct kasan_chains *chains)
{
	const struct bpf_subprog_info *info = rw->env->subprog_info;
	const struct bpf_insn *insn = rw->prog->insnsi;
	u32 i, caller = 0;
	int callee;

	for (i = 0; i < rw->len; i++, insn++) {
		if (caller + 1 < chains->nr && info[caller + 1].start == i)
			caller++;
		if (!bpf_pseudo_call(insn) && !bpf_pseudo_func(insn))
			continue;
		callee = bpf_find_subprog(rw->env, i + insn->imm + 1);
		/* What runs later has a stack of its own. */
		if (callee < 0 || (bpf_pseudo_func(insn) && info[callee].is_async_cb))
			continue;
		__set_bit(caller * chains->nr + callee, chains->calls);
	}
}

/* No subprogram calls itself, so that this ends; a chain is at most as long as there are some. */
static void measure(const struct kasan_rewrite *rw, const struct kasan_chains *chains, u32 *above)
{
	u32 bit, pass, caller, depth, *callee;
	bool grown = true;

	memset(above, 0, chains->nr * sizeof(*above));
	for (pass = 0; grown && pass < chains->nr; pass++) {
		grown = false;
		for_each_set_bit(bit, chains->calls, chains->nr * chains->nr) {
			caller = bit / chains->nr;
			callee = &above[bit % chains->nr];
			depth = above[caller] + shared_size(rw, caller);
			grown |= depth > *callee;
			*callee = max(*callee, depth);
		}
	}
}

/*
 * The limits of check_max_stack_depth(), with a redzone of @subprog. What no redzone makes deeper
 * may be beyond them, as other fixups do not ask.
 */
static bool is_within_limits(const struct kasan_rewrite *rw, const struct kasan_chains *chains,
			     u32 subprog)
{
	u32 i;

	if (own_size(rw, subprog) > MAX_BPF_STACK)
		return false;
	for (i = 0; i < chains->nr; i++) {
		if (i != subprog && chains->guarded[i] == chains->above[i])
			continue;
		if (chains->guarded[i] + shared_size(rw, i) > MAX_BPF_STACK)
			return false;
		if (i && rw->env->subprog_info[i].has_tail_call &&
		    chains->guarded[i] >= MAX_TAIL_CALLER)
			return false;
	}
	return true;
}

static void add_lower(struct kasan_rewrite *rw, struct kasan_chains *chains, u32 subprog)
{
	struct kasan_frame *frame = &rw->frames[subprog];

	frame->depth = round_up(rw->env->subprog_info[subprog].stack_depth, GRANULE);
	frame->lower = true;
	measure(rw, chains, chains->guarded);
	frame->lower = is_within_limits(rw, chains, subprog);
	rw->redzones += frame->lower;
	rw->redzones_omitted += !frame->lower;
}

/* bpf_throw() clears what it unwinds of the task's stack, and no other. */
static bool is_unwound_elsewhere(const struct bpf_verifier_env *env,
				 const struct bpf_subprog_info *info)
{
	return env->seen_exception && has_private_stack(info);
}

static void add_redzones(struct kasan_rewrite *rw, struct kasan_chains *chains)
{
	u32 i;

	find_calls(rw, chains);
	measure(rw, chains, chains->above);
	for (i = 0; i < chains->nr; i++) {
		const struct bpf_subprog_info *info = &rw->env->subprog_info[i];

		if (!info->kasan_computed)
			continue;
		if (is_unwound_elsewhere(rw->env, info)) {
			rw->redzones_omitted += 2;
			continue;
		}
		rw->frames[i].upper = true;
		rw->redzones++;
		add_lower(rw, chains, i);
	}
}

static int plan_frames(struct kasan_rewrite *rw)
{
	u32 nr = rw->env->subprog_cnt;
	struct kasan_chains chains = {
		.nr = nr,
		.calls = kvcalloc(BITS_TO_LONGS(nr * nr), sizeof(long), GFP_KERNEL_ACCOUNT),
		.above = kvcalloc(nr, sizeof(u32), GFP_KERNEL_ACCOUNT),
		.guarded = kvcalloc(nr, sizeof(u32), GFP_KERNEL_ACCOUNT),
	};
	int err = -ENOMEM;

	rw->frames = kvcalloc(nr, sizeof(*rw->frames), GFP_KERNEL_ACCOUNT);
	if (rw->frames && chains.calls && chains.above && chains.guarded) {
		add_redzones(rw, &chains);
		err = 0;
	}
	kvfree(chains.guarded);
	kvfree(chains.above);
	kvfree(chains.calls);
	return err;
}

/* Third part: where they are poisoned, and where no more */

#define KASAN_REDZONE_ADDR_LEN	4	/* the computation of a shadow address */

static u32 guard_len(const struct kasan_frame *frame)
{
	return KASAN_REDZONE_ADDR_LEN + frame->upper + frame->lower;
}

static void add_guard(struct kasan_rewrite *rw, u32 insn, u32 frame, bool poison)
{
	rw->guards[rw->nr_guards++] = (struct kasan_guard){
		.insn = insn,
		.frame = frame,
		.before = rw->check_len[insn],
		.poison = poison,
	};
	rw->check_len[insn] += guard_len(&rw->frames[frame]);
}

static bool is_tail_call(const struct bpf_insn *insn)
{
	return insn->code == (BPF_JMP | BPF_TAIL_CALL);
}

/* An exception is the third way out. */
static bool leaves_frame(const struct bpf_insn *insn)
{
	return insn->code == (BPF_JMP | BPF_EXIT) || is_tail_call(insn);
}

/*
 * A loop may go back to the first instruction: to poison twice changes nothing. A tail call that
 * fails goes on after it. The callback of an exception has the frame of the main program.
 */
static void plan_guards(struct kasan_rewrite *rw, u32 subprog)
{
	const struct bpf_subprog_info *info = &rw->env->subprog_info[subprog];
	bool enters = true;
	u32 i;

	if (info->is_exception_cb && rw->frames[0].upper)
		add_guard(rw, info->start, 0, false);
	if (!rw->frames[subprog].upper)
		return;
	for (i = info[0].start; i < info[1].start; i++) {
		const struct bpf_insn *insn = &rw->prog->insnsi[i];

		if (enters || leaves_frame(insn))
			add_guard(rw, i, subprog, !leaves_frame(insn));
		enters = is_tail_call(insn);
	}
}

static bool computes_in_frames(const struct bpf_verifier_env *env)
{
	u32 i;

	for (i = 0; i < env->subprog_cnt; i++)
		if (env->subprog_info[i].kasan_computed)
			return true;
	return false;
}

/* At most: one at each way out, one after it, one or two at each start. */
static u32 count_guards(const struct kasan_rewrite *rw)
{
	u32 i, nr = 2 * rw->env->subprog_cnt;

	for (i = 0; i < rw->len; i++)
		nr += 2 * leaves_frame(&rw->prog->insnsi[i]);
	return nr;
}

/**
 * bpf_kasan_plan_redzones - decide which frames have redzones, and where they are poisoned
 * @rw: rewrite; &kasan_rewrite.check_len is all 0, and becomes what the redzones need
 *
 * Return: 0, or -ENOMEM.
 */
int bpf_kasan_plan_redzones(struct kasan_rewrite *rw)
{
	int err;
	u32 i;

	if (!rw->stack || !computes_in_frames(rw->env))
		return 0;
	err = plan_frames(rw);
	if (err)
		return err;
	rw->guards = kvmalloc_array(count_guards(rw), sizeof(*rw->guards), GFP_KERNEL_ACCOUNT);
	if (!rw->guards)
		return -ENOMEM;
	for (i = 0; i < rw->env->subprog_cnt; i++)
		plan_guards(rw, i);
	return 0;
}

/**
 * bpf_kasan_extend_frames - make room on the stack for lower redzones
 * @rw: rewrite; its checks are planned
 */
void bpf_kasan_extend_frames(struct kasan_rewrite *rw)
{
	u32 i;

	if (!rw->frames)
		return;
	for (i = 0; i < rw->env->subprog_cnt; i++) {
		u16 *depth = &rw->env->subprog_info[i].stack_depth;

		*depth = bpf_kasan_guarded_depth(rw, i, *depth);
	}
	rw->prog->aux->stack_depth = rw->env->subprog_info[0].stack_depth;
}

/* Fourth part: generate */

/* r10 is at a granule, so that the shadow of both redzones is at a constant distance of its own. */
static void emit_guard(struct bpf_insn *to, const struct kasan_frame *frame, bool poison)
{
	const struct bpf_insn addr[] = {
		BPF_RAW_INSN(BPF_LD | BPF_IMM | BPF_DW, BPF_REG_AX, 0, 0,
			     lower_32_bits(KASAN_FOLDED_OFFSET)),
		BPF_RAW_INSN(0, 0, 0, 0, upper_32_bits(KASAN_FOLDED_OFFSET)),
		BPF_ALU64_REG(BPF_ADD, BPF_REG_AX, BPF_REG_FP),
		BPF_ALU64_IMM(BPF_ARSH, BPF_REG_AX, 3),
	};
	s16 off = -(frame->depth + KASAN_REDZONE_SIZE) / GRANULE;

	static_assert(ARRAY_SIZE(addr) == KASAN_REDZONE_ADDR_LEN);
	memcpy(to, addr, sizeof(addr));
	to += ARRAY_SIZE(addr);
	static_assert(KASAN_REDZONE_SIZE == 4 * GRANULE);
	if (frame->lower)
		*to++ = BPF_ST_MEM(BPF_W, BPF_REG_AX, off, poison ? KASAN_LOWER_SHADOW : 0);
	*to = BPF_ST_MEM(BPF_H, BPF_REG_AX, 0, poison ? KASAN_UPPER_SHADOW : 0);
}

/**
 * bpf_kasan_emit_redzones - write what poisons and unpoisons redzones
 * @rw: rewrite, whose instructions are where they belong
 */
void bpf_kasan_emit_redzones(const struct kasan_rewrite *rw)
{
	u32 i;

	for (i = 0; i < rw->nr_guards; i++) {
		const struct kasan_guard *guard = &rw->guards[i];

		emit_guard(rw->prog->insnsi + rw->pos[guard->insn] + guard->before,
			   &rw->frames[guard->frame], guard->poison);
	}
}

/**
 * bpf_kasan_is_redzone_store - does an instruction poison or unpoison a redzone?
 * @insn: any instruction of an instrumented program but the first two
 *
 * Return: true for a store to the shadow.
 */
bool bpf_kasan_is_redzone_store(const struct bpf_insn *insn)
{
	for (; insn->code == (BPF_ST | BPF_MEM | BPF_W) || insn->code == (BPF_ST | BPF_MEM | BPF_H);
	     insn--) {
		if (insn->dst_reg != BPF_REG_AX)
			return false;
		if (insn[-1].code == (BPF_ALU64 | BPF_ARSH | BPF_K) &&
		    insn[-1].dst_reg == BPF_REG_AX)
			return true;
	}
	return false;
}

static const struct ctl_table sysctls[] = {
	{
		.procname	= "bpf_kasan_stack",
		.data		= &bpf_kasan_stack,
		.maxlen		= sizeof(bpf_kasan_stack),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= SYSCTL_ZERO,
		.extra2		= SYSCTL_ONE,
	},
};

static int __init bpf_kasan_stack_init(void)
{
	register_sysctl_init("kernel", sysctls);
	return 0;
}
late_initcall(bpf_kasan_stack_init);
