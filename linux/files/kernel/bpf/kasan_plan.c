// SPDX-License-Identifier: GPL-2.0-only
/*
 * KASAN for BPF programs: what is checked where.
 *
 * A walk over the program follows which registers hold the same value, give or take a constant.
 * That alone says which accesses are neighbours, and which have been checked before. What the
 * verifier knows of a register's range plays no part in it: the checks are to find out when the
 * verifier is wrong.
 *
 * Accesses that are all made if the first one is, with no call between that might free what they
 * access, share a check if they touch neighbouring granules. An access is not checked again while
 * nothing has happened since that could have changed the outcome.
 */
#include <linux/bpf.h>
#include <linux/bpf_verifier.h>
#include <linux/sort.h>

#include "kasan_insn.h"

#define GRANULE			KASAN_GRANULE
#define MAX_PENDING		64	/* accesses that wait for neighbours */
#define MAX_COVERED		32	/* spans known to be checked */
#define MAX_NTH			((U16_MAX >> BPF_KASAN_NTH_SHIFT) / 2)
#define MAX_DELTA		(S32_MAX / 4)	/* no sum of it with an offset overflows */
#define STACK_VALUE		0

/* What a register holds: a value that was made somewhere, plus a constant. */
struct kasan_value {
	u32 id;
	s32 delta;
};

struct kasan_span {
	u32 id;
	s32 start, end;		/* relative to the value; end is the first byte after */
	bool write;
};

struct kasan_pending {
	struct kasan_span span;
	u32 insn;
	u32 nth;		/* access of the program */
	struct kasan_access acc;
	u8 known_bits, low_bits;	/* of the value: how many of its lowest, and which */
	s32 first, last;	/* its granules, as offsets of bytes in them */
};

struct kasan_plan {
	struct kasan_value regs[16];	/* what a register field can name */
	u32 nr_values;
	u32 nr_accesses;
	u32 nr_loads;
	u32 subprog;
	bool stack_args;	/* passed to or by this subprogram */
	u32 nr_pending, nr_covered, next_covered;
	struct kasan_pending pending[MAX_PENDING];
	struct kasan_span covered[MAX_COVERED];
};

static void set_unknown(struct kasan_plan *plan, u8 reg)
{
	plan->regs[reg] = (struct kasan_value){ .id = ++plan->nr_values };
}

static void forget_all(struct kasan_plan *plan)
{
	u8 reg;

	for (reg = 0; reg < ARRAY_SIZE(plan->regs); reg++)
		set_unknown(plan, reg);
	plan->regs[BPF_REG_FP] = (struct kasan_value){ .id = STACK_VALUE };
	plan->nr_covered = 0;
}

static void add_constant(struct kasan_plan *plan, u8 reg, s64 constant)
{
	s64 delta = plan->regs[reg].delta + constant;

	if (abs(delta) < MAX_DELTA)
		plan->regs[reg].delta = delta;
	else
		set_unknown(plan, reg);
}

static void follow_alu64(struct kasan_plan *plan, const struct bpf_insn *insn)
{
	switch (insn->code) {
	case BPF_ALU64 | BPF_MOV | BPF_X:
		/* With an offset it is a sign extension or another address space. */
		if (!insn->off) {
			plan->regs[insn->dst_reg] = plan->regs[insn->src_reg];
			return;
		}
		break;
	case BPF_ALU64 | BPF_ADD | BPF_K:
		add_constant(plan, insn->dst_reg, insn->imm);
		return;
	case BPF_ALU64 | BPF_SUB | BPF_K:
		add_constant(plan, insn->dst_reg, -(s64)insn->imm);
		return;
	}
	set_unknown(plan, insn->dst_reg);
}

static void follow_atomic(struct kasan_plan *plan, const struct bpf_insn *insn)
{
	if (bpf_atomic_is_load_acq(insn))
		set_unknown(plan, insn->dst_reg);
	else if (insn->imm == BPF_CMPXCHG)
		set_unknown(plan, BPF_REG_0);
	else if (insn->imm & BPF_FETCH)
		set_unknown(plan, insn->src_reg);
}

static void follow_call(struct kasan_plan *plan)
{
	u8 reg;

	for (reg = BPF_REG_0; reg <= BPF_REG_5; reg++)
		set_unknown(plan, reg);
}

static bool is_call(const struct bpf_insn *insn)
{
	u8 class = BPF_CLASS(insn->code), op = BPF_OP(insn->code);

	if (class == BPF_LD)
		return BPF_MODE(insn->code) != BPF_IMM;
	return class == BPF_JMP && (op == BPF_CALL || op == BPF_TAIL_CALL);
}

static void follow(struct kasan_plan *plan, const struct bpf_insn *insn)
{
	if (is_call(insn)) {
		follow_call(plan);
		return;
	}
	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
	case BPF_LDX:
	case BPF_ALU:
		set_unknown(plan, insn->dst_reg);
		break;
	case BPF_ALU64:
		follow_alu64(plan, insn);
		break;
	case BPF_STX:
		if (BPF_MODE(insn->code) == BPF_ATOMIC || BPF_MODE(insn->code) == BPF_PROBE_ATOMIC)
			follow_atomic(plan, insn);
		break;
	}
}

/* A report says whether it is of a write, so that the check of a read does not do for one. */
static bool is_covered(const struct kasan_plan *plan, const struct kasan_span *span)
{
	u32 i;

	for (i = 0; i < plan->nr_covered; i++)
		if (plan->covered[i].id == span->id && plan->covered[i].start <= span->start &&
		    plan->covered[i].end >= span->end && plan->covered[i].write >= span->write)
			return true;
	return false;
}

static void cover(struct kasan_plan *plan, const struct kasan_span *span)
{
	struct kasan_span *old;

	for (old = plan->covered; old < plan->covered + plan->nr_covered; old++) {
		if (old->id != span->id || old->write != span->write ||
		    old->start > span->end || old->end < span->start)
			continue;
		old->start = min(old->start, span->start);
		old->end = max(old->end, span->end);
		return;
	}
	if (plan->nr_covered < MAX_COVERED)
		plan->covered[plan->nr_covered++] = *span;
	else
		plan->covered[plan->next_covered++ % MAX_COVERED] = *span;
}

static u8 low_bits_of(s32 n, u8 bits)
{
	return n & ((1 << bits) - 1);
}

/* The start of the part of a granule that is known to hold byte @off of the value. */
static s32 round_to_known(s32 off, u8 known_bits, u8 low_bits)
{
	return off - low_bits_of(off + low_bits, known_bits);
}

static void set_granules(struct kasan_pending *p, u8 known_bits, u8 low_bits)
{
	p->first = round_to_known(p->span.start, known_bits, low_bits);
	p->last = round_to_known(p->span.end - 1, known_bits, low_bits);
}

/* Of how many granules? Several can be tested for 0 at once, but only one compared with a tag. */
static u8 widest_load(void)
{
	return IS_ENABLED(CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS) &&
	       !IS_ENABLED(CONFIG_KASAN_SW_TAGS) ? 8 : 1;
}

/*
 * Plan the shadow loads for granules, all of which are touched, from the one of byte @first to that
 * of byte @last. Whatever the alignment, a load of n granules from the one of byte b covers the
 * bytes from b to b + GRANULE * (n - 1) for certain; it touches no granule after that of @last if
 * that is not after @last. The next load may start up to one granule later.
 */
static void plan_loads(struct kasan_rewrite *rw, struct kasan_check *check, s32 first, s32 last,
		       s32 base)
{
	u8 widest = widest_load();
	s32 covered = first - GRANULE;

	while (covered < last) {
		u8 size = 1;
		s32 start;

		while (size < widest && covered + GRANULE * size < last &&
		       last - GRANULE * (2 * size - 1) >= first)
			size *= 2;
		start = min(covered + GRANULE, last - GRANULE * (size - 1));
		rw->loads[rw->nr_loads++] = (struct kasan_load){
			.off = start - base,
			.size = size,
		};
		check->nr_loads++;
		covered = start + GRANULE * (size - 1);
	}
}

static void plan_test(struct kasan_rewrite *rw, struct kasan_check *check,
		      const struct kasan_pending *leader, const struct kasan_pending *p)
{
	rw->tests[rw->nr_tests++] = (struct kasan_test){
		.off = p->span.start - leader->span.start + leader->acc.off,
		.nth = p->nth - leader->nth,
		.size = p->acc.size,
		.write = p->acc.write,
		.probe = p->acc.probe,
	};
	check->nr_tests++;
}

static u16 stack_depth(const struct kasan_rewrite *rw, const struct kasan_plan *plan)
{
	return rw->env ? rw->env->subprog_info[plan->subprog].stack_depth :
			 rw->prog->aux->stack_depth;
}

static struct kasan_check *new_check(struct kasan_rewrite *rw, const struct kasan_plan *plan,
				     const struct kasan_pending *leader)
{
	struct kasan_check *check = &rw->checks[rw->nr_checks++];

	*check = (struct kasan_check){
		.insn = leader->insn,
		.loads = rw->nr_loads,
		.tests = rw->nr_tests,
		.base = leader->acc.base,
		.stack_depth = bpf_kasan_guarded_depth(rw, plan->subprog, stack_depth(rw, plan)),
	};
	return check;
}

static int cmp_insns(const void *a, const void *b)
{
	return cmp_int(((struct kasan_pending *)a)->insn, ((struct kasan_pending *)b)->insn);
}

static int cmp_spans(const void *a, const void *b)
{
	const struct kasan_pending *p = a, *q = b;

	return cmp_int(p->span.id, q->span.id) ?: cmp_int(p->first, q->first);
}

static int cmp_checks(const void *a, const void *b)
{
	return cmp_int(((struct kasan_check *)a)->insn, ((struct kasan_check *)b)->insn);
}

/* One check for @n accesses that touch neighbouring granules, the lowest of which comes first. */
static void plan_check(struct kasan_rewrite *rw, const struct kasan_plan *plan,
		       struct kasan_pending *p, u32 n)
{
	s32 first = p->first, last = p->last, base;
	struct kasan_check *check;
	u32 i;

	sort(p, n, sizeof(*p), cmp_insns, NULL);
	base = p->span.start - p->acc.off;
	check = new_check(rw, plan, p);
	for (i = 0; i < n; i++) {
		last = max(last, p[i].last);
		plan_test(rw, check, p, &p[i]);
	}
	plan_loads(rw, check, first, last, base);
}

/* All @n accesses are made by way of one value. What one of them knows of its alignment holds. */
static void share_alignment(struct kasan_pending *p, u32 n)
{
	u8 known_bits = 0, low_bits = 0;
	u32 i;

	for (i = 0; i < n; i++) {
		if (p[i].known_bits <= known_bits)
			continue;
		known_bits = p[i].known_bits;
		low_bits = p[i].low_bits;
	}
	for (i = 0; i < n; i++)
		set_granules(&p[i], known_bits, low_bits);
}

/* Of @n accesses, ordered by value: how many are made by way of the first one's? */
static u32 same_value(const struct kasan_pending *p, u32 n)
{
	u32 i = 1;

	while (i < n && p[i].span.id == p->span.id)
		i++;
	return i;
}

/* Of @n accesses by way of one value, ordered: how many, from the first, leave no granule out? */
static u32 neighbours(const struct kasan_pending *p, u32 n)
{
	s32 last = p->last;
	u32 i = 1;

	while (i < n && p[i].first <= last + GRANULE) {
		last = max(last, p[i].last);
		i++;
	}
	return i;
}

/* Control may go elsewhere now, or memory be freed: plan the checks for what waits. */
static void flush(struct kasan_rewrite *rw, struct kasan_plan *plan)
{
	struct kasan_pending *p = plan->pending, *end = p + plan->nr_pending;
	u32 n, first = rw->nr_checks;

	if (p == end)
		return;
	sort(p, end - p, sizeof(*p), cmp_spans, NULL);
	for (; p < end; p += n) {
		n = same_value(p, end - p);
		share_alignment(p, n);
	}
	/* Where more is known, all are rounded further down, which keeps the order. */
	for (p = plan->pending; p < end; p += n) {
		n = neighbours(p, same_value(p, end - p));
		plan_check(rw, plan, p, n);
	}
	sort(&rw->checks[first], rw->nr_checks - first, sizeof(*rw->checks), cmp_checks, NULL);
	for (; first < rw->nr_checks; first++) {
		rw->checks[first].loads_before = plan->nr_loads;
		plan->nr_loads += rw->checks[first].nr_loads;
	}
	plan->nr_pending = 0;
}

static bool is_on_stack(const struct kasan_rewrite *rw, const struct kasan_plan *plan,
			const struct kasan_span *span)
{
	s32 depth = stack_depth(rw, plan);

	return span->id == STACK_VALUE && span->start >= -depth && span->end <= 0;
}

/* A load through a pointer that BPF does not trust; not one of an arena, which has no shadow. */
static bool is_probe_mem(const struct bpf_insn *insn)
{
	u8 mode = BPF_MODE(insn->code);

	return BPF_CLASS(insn->code) == BPF_LDX &&
	       (mode == BPF_PROBE_MEM || mode == BPF_PROBE_MEMSX);
}

/* One that may fault has no neighbours: they might not be mapped. */
static bool is_alone(const struct kasan_rewrite *rw, const struct kasan_pending *p)
{
	return p->acc.probe;
}

/*
 * Where BPF_REG_AX has a value there is no place for a check, but there may be one at an earlier
 * access that is to be a neighbour.
 */
static bool has_place(const struct kasan_rewrite *rw, const struct kasan_plan *plan,
		      const struct kasan_pending *p)
{
	const struct kasan_pending *q;

	if (!test_bit(p->insn, rw->ax_live))
		return true;
	for (q = plan->pending; q < p; q++)
		if (!is_alone(rw, p) && q->span.id == p->span.id &&
		    p->first <= q->last + GRANULE && q->first <= p->last + GRANULE)
			return true;
	return false;
}

static enum kasan_kind decide(const struct kasan_rewrite *rw, const struct kasan_plan *plan,
			      const struct kasan_pending *p, enum kasan_kind kind)
{
	const struct bpf_kasan_mark *mark;

	if (kind != KASAN_CHECKED && !p->acc.probe)
		return kind;
	if (p->acc.base == BPF_REG_FP || p->acc.base == BPF_REG_PARAMS ||
	    is_on_stack(rw, plan, &p->span))
		return KASAN_SKIP_STACK;
	mark = bpf_kasan_get_mark(rw, p->insn);
	if (mark && !mark->not_stack && !bpf_kasan_is_computed(rw, plan->subprog, mark))
		return KASAN_SKIP_STACK;
	if (rw->portable && plan->stack_args)
		return KASAN_SKIP_AX;
	if (!is_alone(rw, p) && is_covered(plan, &p->span))
		return KASAN_ELIDED;
	return has_place(rw, plan, p) ? KASAN_CHECKED : KASAN_SKIP_AX;
}

static void add_pending(struct kasan_rewrite *rw, struct kasan_plan *plan, struct kasan_pending *p)
{
	rw->straddling += p->first != p->last;
	cover(plan, &p->span);
	plan->nr_pending++;
}

static void add_alone(struct kasan_rewrite *rw, struct kasan_plan *plan,
		      const struct kasan_pending *p)
{
	const struct kasan_pending alone = *p;

	flush(rw, plan);
	plan_test(rw, new_check(rw, plan, &alone), &alone, &alone);
}

static void visit_access(struct kasan_rewrite *rw, struct kasan_plan *plan, u32 i)
{
	struct kasan_pending *p = &plan->pending[plan->nr_pending];
	const struct bpf_insn *insn = &rw->prog->insnsi[i];
	enum kasan_kind kind;

	kind = bpf_kasan_decode(insn, &p->acc);
	if (kind == KASAN_NO_ACCESS)
		return;
	p->acc.probe = rw->probe && is_probe_mem(insn);
	p->insn = i;
	p->nth = plan->nr_accesses++;
	p->span.id = plan->regs[p->acc.base].id;
	p->span.start = plan->regs[p->acc.base].delta + p->acc.off;
	p->span.end = p->span.start + p->acc.size;
	p->span.write = p->acc.write;
	bpf_kasan_get_alignment(rw, i, &p->acc, &p->known_bits, &p->low_bits);
	p->low_bits -= plan->regs[p->acc.base].delta;
	set_granules(p, p->known_bits, p->low_bits);
	kind = decide(rw, plan, p, kind);
	rw->count[kind]++;
	if (kind != KASAN_CHECKED)
		return;
	if (is_alone(rw, p))
		add_alone(rw, plan, p);
	else
		add_pending(rw, plan, p);
	if (plan->nr_pending == MAX_PENDING)
		flush(rw, plan);
}

/* The call on a portable cold path would lose an argument that is in a register of the JIT's. */
static bool has_stack_args(const struct kasan_rewrite *rw, u32 subprog)
{
	const struct bpf_subprog_info *info = &rw->env->subprog_info[subprog];
	u32 i;

	for (i = info[0].start; i < info[1].start; i++) {
		const struct bpf_insn *insn = &rw->prog->insnsi[i];
		u8 class = BPF_CLASS(insn->code);

		if ((class == BPF_LDX && insn->src_reg == BPF_REG_PARAMS) ||
		    ((class == BPF_ST || class == BPF_STX) && insn->dst_reg == BPF_REG_PARAMS))
			return true;
	}
	return false;
}

static void enter_subprog(struct kasan_rewrite *rw, struct kasan_plan *plan, u32 i)
{
	if (!rw->env)
		return;
	if (i && plan->subprog + 1 < rw->env->subprog_cnt &&
	    rw->env->subprog_info[plan->subprog + 1].start == i)
		plan->subprog++;
	if (rw->env->subprog_info[plan->subprog].start == i)
		plan->stack_args = has_stack_args(rw, plan->subprog);
}

static void enter_insn(struct kasan_rewrite *rw, struct kasan_plan *plan, u32 i)
{
	enter_subprog(rw, plan, i);
	if (test_bit(i, rw->target)) {
		flush(rw, plan);
		forget_all(plan);
	}
	if (plan->nr_pending && plan->nr_accesses - plan->pending[0].nth >= MAX_NTH)
		flush(rw, plan);
}

/* A call may free what has been checked. A jump leaves that as it is, where it is not taken. */
static void leave_insn(struct kasan_rewrite *rw, struct kasan_plan *plan,
		       const struct bpf_insn *insn)
{
	u8 class = BPF_CLASS(insn->code);

	follow(plan, insn);
	if (class == BPF_JMP || class == BPF_JMP32 || is_call(insn) ||
	    insn->code == (BPF_ST | BPF_NOSPEC))
		flush(rw, plan);
	if (is_call(insn))
		plan->nr_covered = 0;
	if (bpf_kasan_ends_flow(insn))
		forget_all(plan);
}

/**
 * bpf_kasan_plan - decide what is checked where
 * @rw: rewrite; &kasan_rewrite.ax_live and &kasan_rewrite.target say what they should, and there is
 *	room for a check, two loads and a test for each access
 * @plan: work space
 */
void bpf_kasan_plan(struct kasan_rewrite *rw, struct kasan_plan *plan)
{
	const struct bpf_insn *insn = rw->prog->insnsi;
	u32 i;

	forget_all(plan);
	for (i = 0; i < rw->len; i++, insn++) {
		if (!insn->code) /* second half of a ld_imm64 */
			continue;
		enter_insn(rw, plan, i);
		visit_access(rw, plan, i);
		leave_insn(rw, plan, insn);
	}
	flush(rw, plan);
}

/**
 * bpf_kasan_new_plan - allocate what bpf_kasan_plan() works with
 *
 * Return: to be freed with kfree(), or NULL.
 */
struct kasan_plan *bpf_kasan_new_plan(void)
{
	return kzalloc(sizeof(struct kasan_plan), GFP_KERNEL_ACCOUNT);
}
