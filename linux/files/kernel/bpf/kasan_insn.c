// SPDX-License-Identifier: GPL-2.0-only
/*
 * KASAN for BPF programs: rewrite the bytecode so that each memory access is checked first.
 *
 * The pass is the last step of bpf_do_misc_fixups(), so that it also sees what earlier fixups have
 * made of the program: converted context accesses, inlined helpers. For every instruction it
 * decides whether it is a memory access to check (decide), lays out the program with room for the
 * checks and for the jumps that get too long (lay out), and then moves every instruction to its
 * new place, last one first, and writes the checks (generate). Each step is linear in the length
 * of the program. See Documentation/bpf/kasan.rst.
 */
#include <linux/bitmap.h>
#include <linux/bpf.h>
#include <linux/bpf_kasan.h>
#include <linux/bpf_verifier.h>
#include <linux/debugfs.h>
#include <linux/filter.h>
#include <linux/kasan.h>
#include <linux/seq_file.h>
#include <linux/sysctl.h>
#include <linux/vmalloc.h>

#define verbose(env, fmt, args...) bpf_verifier_log_write(env, fmt, ##args)

/*
 * Jumps at most this long stay as they are. Passes that run later (zero extension, constant
 * blinding, BPF_F_TEST_RND_HI32) replace one instruction by up to four, and refuse the program if a
 * 16-bit offset overflows then.
 */
#define KASAN_MAX_JUMP (S16_MAX / 4)

enum kasan_kind {
	KASAN_NO_ACCESS,
	KASAN_CHECKED,
	KASAN_SKIP_STACK,	/* stack on every verified path */
	KASAN_SKIP_PROBE,	/* may fault by design */
	KASAN_SKIP_AX,		/* inside a fixup's patch that has a value in BPF_REG_AX */
	KASAN_NR_KINDS,
};

struct kasan_access {
	u8 base;
	u8 size;		/* in bytes */
	s16 off;
	bool write;
	bool straddles;		/* may cover two granules */
	bool probe;		/* may fault by design */
};

struct kasan_rewrite {
	struct bpf_verifier_env *env;	/* NULL for classic BPF */
	struct bpf_prog *prog;
	bool probe;			/* check what may fault by design too */
	u32 len;			/* length before the rewrite */
	u32 *pos;			/* new place of instruction i, or of the check before it */
	u8 *check_len;			/* instructions to insert before instruction i */
	unsigned long *ax_live;		/* BPF_REG_AX has a value before instruction i */
	unsigned long *relaxed;		/* jump i becomes a long one */
	u32 count[KASAN_NR_KINDS];
	u32 straddles;
};

enum {
	KASAN_OFF,
	KASAN_ON,
	KASAN_ON_PROBE,		/* also the loads whose faults BPF tolerates */
};

static int bpf_kasan_mode __read_mostly = KASAN_ON;

/* First part: what the verifier knows */

static u32 insn_key(const struct bpf_insn *insn)
{
	u32 key;

	BUILD_BUG_ON(offsetof(struct bpf_insn, imm) != sizeof(key));
	memcpy(&key, insn, sizeof(key));
	return key;
}

/*
 * Is the real address of such a pointer a multiple of 8 where the verifier counts from 0? That is
 * the case for the values of a map, but not where the key's length decides, and for kernel objects
 * if the layout that the compiler gave them counts. It is not for packets, for memory from helpers
 * and kfuncs (a dynptr slice starts anywhere) and for pointers into a context.
 */
static bool base_is_aligned(const struct bpf_reg_state *reg)
{
	switch (base_type(reg->type)) {
	case PTR_TO_MAP_VALUE:
		return reg->map_ptr->map_type != BPF_MAP_TYPE_LPM_TRIE;
	case PTR_TO_BTF_ID:
		return true;
	default:
		return false;
	}
}

static bool access_is_aligned(const struct bpf_reg_state *reg, int off, int size)
{
	struct tnum addr = tnum_add(reg->var_off, tnum_const(off));

	return size == 1 || (base_is_aligned(reg) && tnum_is_aligned(addr, size));
}

/**
 * bpf_kasan_mark_access - record what the verifier knows of a memory access
 * @env: verifier state
 * @insn_idx: instruction that makes the access; not an access itself where a helper makes it
 * @reg: base of the access
 * @off: constant offset from @reg, in bytes
 * @size: in bytes
 *
 * Called once for each verified path. What one path has proved counts only if no other disagrees.
 */
void bpf_kasan_mark_access(struct bpf_verifier_env *env, int insn_idx,
			   const struct bpf_reg_state *reg, int off, int size)
{
	struct bpf_kasan_mark *mark = &env->insn_aux_data[insn_idx].kasan;

	mark->key = insn_key(&env->prog->insnsi[insn_idx]);
	if (reg->type != PTR_TO_STACK)
		mark->not_stack = true;
	if (!access_is_aligned(reg, off, size))
		mark->unaligned = true;
	if (!tnum_equals_const(reg->var_off, 0))
		mark->moved = true;
}

/* What the verifier has marked instruction @i with, or NULL where that is not what was verified. */
static const struct bpf_kasan_mark *get_mark(const struct kasan_rewrite *rw, u32 i)
{
	const struct bpf_kasan_mark *mark;

	if (!rw->env)
		return NULL;
	mark = &rw->env->insn_aux_data[i].kasan;
	return mark->key == insn_key(&rw->prog->insnsi[i]) ? mark : NULL;
}

/*
 * Is instruction @i an access of a context, or of the kernel's structure that this was converted
 * to? Then the field is as aligned as the compiler has laid it out. insn_aux_data still has what
 * was verified: the pointer's type, if the key says that it was an access.
 */
static bool is_ctx_field(const struct kasan_rewrite *rw, u32 i)
{
	const struct bpf_insn_aux_data *aux;
	u8 code;

	if (!rw->env)
		return false;
	aux = &rw->env->insn_aux_data[i];
	memcpy(&code, &aux->kasan.key, sizeof(code));
	switch (BPF_CLASS(code)) {
	case BPF_LDX:
	case BPF_ST:
	case BPF_STX:
		return aux->ptr_type == PTR_TO_CTX && !aux->kasan.moved;
	default:
		return false;
	}
}

/* Second part: decide */

static enum kasan_kind decode_mode(const struct bpf_insn *insn)
{
	u8 mode = BPF_MODE(insn->code);

	switch (BPF_CLASS(insn->code)) {
	case BPF_LDX:
		return mode == BPF_MEM || mode == BPF_MEMSX ? KASAN_CHECKED : KASAN_SKIP_PROBE;
	case BPF_ST:
		if (mode == BPF_NOSPEC)
			return KASAN_NO_ACCESS;
		return mode == BPF_MEM ? KASAN_CHECKED : KASAN_SKIP_PROBE;
	case BPF_STX:
		return mode == BPF_MEM || mode == BPF_ATOMIC ? KASAN_CHECKED : KASAN_SKIP_PROBE;
	default:
		return KASAN_NO_ACCESS;
	}
}

/* Fill in @acc and say whether @insn is a plain access (KASAN_CHECKED), or what else it is. */
static enum kasan_kind decode(const struct bpf_insn *insn, struct kasan_access *acc)
{
	enum kasan_kind kind = decode_mode(insn);

	if (kind == KASAN_NO_ACCESS)
		return kind;
	acc->write = BPF_CLASS(insn->code) != BPF_LDX && !bpf_atomic_is_load_acq(insn);
	acc->base = acc->write ? insn->dst_reg : insn->src_reg;
	acc->size = bpf_size_to_bytes(BPF_SIZE(insn->code));
	acc->off = insn->off;
	return kind;
}

/* A load through a pointer that BPF does not trust; not one of an arena, which has no shadow. */
static bool is_probe_mem(const struct bpf_insn *insn)
{
	u8 mode = BPF_MODE(insn->code);

	return BPF_CLASS(insn->code) == BPF_LDX &&
	       (mode == BPF_PROBE_MEM || mode == BPF_PROBE_MEMSX);
}

static bool may_straddle(const struct kasan_rewrite *rw, u32 i, const struct kasan_access *acc,
			 const struct bpf_kasan_mark *mark)
{
	if (acc->size == 1)
		return false;
	if (is_ctx_field(rw, i))
		return acc->off % acc->size;
	return !mark || mark->unaligned;
}

static enum kasan_kind decide(const struct kasan_rewrite *rw, u32 i, struct kasan_access *acc)
{
	const struct bpf_insn *insn = &rw->prog->insnsi[i];
	enum kasan_kind kind = decode(insn, acc);
	const struct bpf_kasan_mark *mark;

	acc->probe = rw->probe && is_probe_mem(insn);
	if (kind != KASAN_CHECKED && !acc->probe)
		return kind;
	if (acc->base == BPF_REG_FP || acc->base == BPF_REG_PARAMS)
		return KASAN_SKIP_STACK;
	mark = get_mark(rw, i);
	if (mark && !mark->not_stack)
		return KASAN_SKIP_STACK;
	if (test_bit(i, rw->ax_live))
		return KASAN_SKIP_AX;
	acc->straddles = !acc->probe && may_straddle(rw, i, acc, mark);
	return KASAN_CHECKED;
}

static bool is_gotol(const struct bpf_insn *insn)
{
	return insn->code == (BPF_JMP32 | BPF_JA);
}

static bool is_goto(const struct bpf_insn *insn)
{
	return insn->code == (BPF_JMP | BPF_JA) || is_gotol(insn);
}

/* A jump whose target is relative to it; not gotox. */
static bool is_jump(const struct bpf_insn *insn)
{
	u8 class = BPF_CLASS(insn->code);

	if (class != BPF_JMP && class != BPF_JMP32)
		return false;
	switch (BPF_OP(insn->code)) {
	case BPF_CALL:
	case BPF_EXIT:
	case BPF_TAIL_CALL:
		return false;
	case BPF_JA:
		return is_goto(insn);
	default:
		return true;
	}
}

static s32 jump_off(const struct bpf_insn *insn)
{
	return is_gotol(insn) ? insn->imm : insn->off;
}

static bool reads_ax(const struct bpf_insn *insn)
{
	u8 class = BPF_CLASS(insn->code);
	bool src = insn->src_reg == BPF_REG_AX, dst = insn->dst_reg == BPF_REG_AX;

	switch (class) {
	case BPF_LDX:
		return src;
	case BPF_ST:
	case BPF_STX:
		return src || dst;
	case BPF_ALU:
	case BPF_ALU64:
		return src || (dst && BPF_OP(insn->code) != BPF_MOV);
	case BPF_JMP:
	case BPF_JMP32:
		return is_jump(insn) && (src || dst);
	default:
		return false;
	}
}

static bool writes_ax(const struct bpf_insn *insn)
{
	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
	case BPF_LDX:
	case BPF_ALU:
	case BPF_ALU64:
		return insn->dst_reg == BPF_REG_AX;
	default:
		return false;
	}
}

/*
 * Where does BPF_REG_AX have a value that is still to be read? Only inside the patches of other
 * fixups, whose jumps all go forward, so that one walk backwards finds it.
 */
static void find_ax_live(struct kasan_rewrite *rw)
{
	const struct bpf_insn *insn = rw->prog->insnsi + rw->len;
	bool live = false;
	u32 i = rw->len;

	while (i-- > 0) {
		insn--;
		if (insn->code == (BPF_JMP | BPF_EXIT) || is_goto(insn))
			live = false;
		if (is_jump(insn) && jump_off(insn) >= 0)
			live |= test_bit(i + 1 + jump_off(insn), rw->ax_live);
		live = reads_ax(insn) || (live && !writes_ax(insn));
		if (live)
			__set_bit(i, rw->ax_live);
	}
}

/* Third part: generate */

#define KASAN_SHADOW_INSNS	5
#define KASAN_MAX_COLD_LEN	3
#define KASAN_MAX_CHECK_LEN	(2 * (KASAN_SHADOW_INSNS + 1) + KASAN_MAX_COLD_LEN)

/*
 * The shadow address of a, (a >> 3) + KASAN_SHADOW_OFFSET by definition, is computed with the
 * offset folded in before the shift, so that one register and one constant are enough:
 *
 *	(a + (KASAN_SHADOW_OFFSET << 3)) s>> 3
 *
 * Both are the same modulo 2^61, and the sign extension supplies the top three bits. So it is exact
 * if the top four bits of the shadow address are equal, which has to hold for every address that
 * has a shadow: these are the ends of that range. Kernel addresses are the upper half of at most 57
 * bits here.
 */
#define KASAN_FOLDED_OFFSET	((u64)KASAN_SHADOW_OFFSET << 3)
#define KASAN_FOLDED_SHADOW(a)	((u64)((s64)((a) + KASAN_FOLDED_OFFSET) >> 3))
#define KASAN_TRUE_SHADOW(a)	(((u64)(a) >> 3) + KASAN_SHADOW_OFFSET)

static_assert(KASAN_SHADOW_SCALE_SHIFT == 3);
static_assert(KASAN_FOLDED_SHADOW(~0ULL) == KASAN_TRUE_SHADOW(~0ULL));
static_assert(KASAN_FOLDED_SHADOW(~0ULL << 56) == KASAN_TRUE_SHADOW(~0ULL << 56));

/* AX = the shadow byte of *(base + off) */
static struct bpf_insn *emit_shadow_load(struct bpf_insn *to, u8 base, int off)
{
	const struct bpf_insn addr[] = { BPF_LD_IMM64(BPF_REG_AX, KASAN_FOLDED_OFFSET + off) };

	*to++ = addr[0];
	*to++ = addr[1];
	*to++ = BPF_ALU64_REG(BPF_ADD, BPF_REG_AX, base);
	*to++ = BPF_ALU64_IMM(BPF_ARSH, BPF_REG_AX, 3);
	*to++ = BPF_LDX_MEM(BPF_B, BPF_REG_AX, BPF_REG_AX, 0);
	return to;
}

static int cold_len(const struct kasan_access *acc)
{
	return acc->off ? 3 : 2;
}

/* The exact address and then the call, which looks at size and direction. */
static struct bpf_insn *emit_cold(struct bpf_insn *to, const struct kasan_access *acc)
{
	*to++ = BPF_MOV64_REG(BPF_REG_AX, acc->base);
	if (acc->off)
		*to++ = BPF_ALU64_IMM(BPF_ADD, BPF_REG_AX, acc->off);
	*to = BPF_KASAN_CHECK(acc->size, acc->write);
	if (acc->probe)
		to->off |= BPF_KASAN_PROBE;
	return to + 1;
}

/*
 * An access that may straddle looks at the granules of its first and of its last byte, and never at
 * one that it does not touch: the next page of shadow may not be mapped. Where not even the shadow
 * of the access itself need be mapped, the call alone looks at it.
 */
static int emit_check(struct bpf_insn *buf, const struct kasan_access *acc)
{
	struct bpf_insn *to = buf;
	int off = acc->off;

	if (acc->probe)
		return emit_cold(to, acc) - buf;
	if (acc->straddles) {
		to = emit_shadow_load(to, acc->base, off);
		*to++ = BPF_JMP_IMM(BPF_JNE, BPF_REG_AX, 0, KASAN_SHADOW_INSNS + 1);
		off += acc->size - 1;
	}
	to = emit_shadow_load(to, acc->base, off);
	*to++ = BPF_JMP_IMM(BPF_JEQ, BPF_REG_AX, 0, cold_len(acc));
	to = emit_cold(to, acc);
	return to - buf;
}

/* Fourth part: lay out */

/* The same comparison with the opposite result, or 0 where there is none. */
static u8 invert_jump(u8 code)
{
	static const u8 inverse[16] = {
		[BPF_JEQ >> 4] = BPF_JNE,	[BPF_JNE >> 4] = BPF_JEQ,
		[BPF_JGT >> 4] = BPF_JLE,	[BPF_JLE >> 4] = BPF_JGT,
		[BPF_JGE >> 4] = BPF_JLT,	[BPF_JLT >> 4] = BPF_JGE,
		[BPF_JSGT >> 4] = BPF_JSLE,	[BPF_JSLE >> 4] = BPF_JSGT,
		[BPF_JSGE >> 4] = BPF_JSLT,	[BPF_JSLT >> 4] = BPF_JSGE,
	};
	u8 op = inverse[BPF_OP(code) >> 4];

	return op ? op | (code & ~0xf0) : 0;
}

/* Write the long form of a jump, all but the offset, and return its last instruction, the gotol. */
static struct bpf_insn *emit_long_jump(struct bpf_insn *to, const struct bpf_insn *insn)
{
	u8 inverse = invert_jump(insn->code);

	if (!is_goto(insn)) {
		*to = *insn;
		to->off = 1;
		if (inverse)
			to->code = inverse;
		else
			*++to = BPF_JMP_A(1);
		to++;
	}
	*to = BPF_JMP32_A(0);
	return to;
}

static u32 insn_len(const struct kasan_rewrite *rw, u32 i)
{
	struct bpf_insn buf[3];

	if (!test_bit(i, rw->relaxed))
		return 1;
	return emit_long_jump(buf, &rw->prog->insnsi[i]) - buf + 1;
}

static void place_insns(struct kasan_rewrite *rw)
{
	u32 i, next = 0;

	for (i = 0; i < rw->len; i++) {
		rw->pos[i] = next;
		next += rw->check_len[i] + insn_len(rw, i);
	}
	rw->pos[rw->len] = next;
}

/* Which jumps have become too long? They make the program longer, so ask again until none has. */
static bool relax_jumps(struct kasan_rewrite *rw)
{
	const struct bpf_insn *insn = rw->prog->insnsi;
	bool relaxed = false;
	u32 i;

	for (i = 0; i < rw->len; i++, insn++) {
		if (!is_jump(insn) || is_gotol(insn) || test_bit(i, rw->relaxed))
			continue;
		if (abs((s32)(rw->pos[i + 1 + insn->off] - rw->pos[i])) <= KASAN_MAX_JUMP)
			continue;
		__set_bit(i, rw->relaxed);
		relaxed = true;
	}
	return relaxed;
}

static void lay_out(struct kasan_rewrite *rw)
{
	struct bpf_insn buf[KASAN_MAX_CHECK_LEN];
	enum kasan_kind kind;
	u32 i;

	find_ax_live(rw);
	for (i = 0; i < rw->len; i++) {
		struct kasan_access acc = {};

		kind = decide(rw, i, &acc);
		rw->count[kind]++;
		if (kind != KASAN_CHECKED)
			continue;
		rw->straddles += acc.straddles;
		rw->check_len[i] = emit_check(buf, &acc);
	}
	do {
		place_insns(rw);
	} while (relax_jumps(rw));
}

/* Write instruction @i to its new place. What is relative to it follows its target. */
static void write_insn(const struct kasan_rewrite *rw, u32 i, struct bpf_insn *insns)
{
	const struct bpf_insn insn = insns[i];
	struct bpf_insn *to = insns + rw->pos[i] + rw->check_len[i];
	s32 *imm = NULL;
	u32 target = i + 1;

	if (test_bit(i, rw->relaxed)) {
		to = emit_long_jump(to, &insn);
		target += insn.off;
		imm = &to->imm;
	} else {
		*to = insn;
		if (bpf_pseudo_call(&insn) || bpf_pseudo_func(&insn) || is_gotol(&insn)) {
			target += insn.imm;
			imm = &to->imm;
		} else if (is_jump(&insn)) {
			to->off = rw->pos[target + insn.off] - (to - insns) - 1;
		}
	}
	if (imm)
		*imm = rw->pos[target] - (to - insns) - 1;
}

static void move_insns(struct kasan_rewrite *rw)
{
	struct bpf_insn *insns = rw->prog->insnsi;
	u32 i = rw->len;

	while (i-- > 0) {
		struct kasan_access acc = {};
		struct bpf_insn check[KASAN_MAX_CHECK_LEN];

		if (rw->check_len[i]) {
			decide(rw, i, &acc);
			emit_check(check, &acc);
		}
		write_insn(rw, i, insns);
		memcpy(insns + rw->pos[i], check, rw->check_len[i] * sizeof(*check));
	}
	rw->prog->len = rw->pos[rw->len];
}

/*
 * The data of an access stays with the access. But the target of an indirect jump is the check
 * before it.
 */
static void move_aux_data(struct kasan_rewrite *rw)
{
	struct bpf_insn_aux_data *aux = rw->env->insn_aux_data;
	u32 i = rw->len;

	while (i-- > 0) {
		struct bpf_insn_aux_data data = aux[i];
		u32 pos = rw->pos[i], at = pos + rw->check_len[i], j;
		bool indirect_target = data.indirect_target;

		for (j = pos; j < rw->pos[i + 1]; j++)
			aux[j] = (struct bpf_insn_aux_data) {
				.seen = data.seen,
				.orig_idx = data.orig_idx,
			};
		data.indirect_target = 0;
		aux[at] = data;
		aux[pos].indirect_target = indirect_target;
	}
}

static void move_references(struct kasan_rewrite *rw)
{
	struct bpf_verifier_env *env = rw->env;
	struct bpf_prog_aux *aux = rw->prog->aux;
	u32 i;

	for (i = 0; i <= env->subprog_cnt; i++)
		env->subprog_info[i].start = rw->pos[env->subprog_info[i].start];
	for (i = 0; i < aux->nr_linfo; i++)
		aux->linfo[i].insn_off = rw->pos[aux->linfo[i].insn_off];
	for (i = 0; i < aux->size_poke_tab; i++)
		aux->poke_tab[i].insn_idx = rw->pos[aux->poke_tab[i].insn_idx];
	for (i = 0; i < env->insn_array_map_cnt; i++)
		bpf_insn_array_move(env->insn_array_maps[i], rw->pos);
}

/* Everything that can fail happens here, before anything is changed. */
static int make_room(struct kasan_rewrite *rw)
{
	u32 len = rw->pos[rw->len];
	struct bpf_verifier_env *env = rw->env;
	struct bpf_insn_aux_data *aux;
	struct bpf_prog *prog;

	if (env) {
		aux = vrealloc(env->insn_aux_data, array_size(len, sizeof(*aux)),
			       GFP_KERNEL_ACCOUNT | __GFP_ZERO);
		if (!aux)
			return -ENOMEM;
		env->insn_aux_data = aux;
	}
	prog = bpf_prog_realloc(rw->prog, bpf_prog_size(len), GFP_USER);
	if (!prog)
		return -ENOMEM;
	rw->prog = prog;
	if (env)
		env->prog = prog;
	return 0;
}

/* Of all programs since boot. */
static struct {
	atomic_long_t progs, failed, reports;
	atomic_long_t checked, straddling, skipped_stack, skipped_probe, skipped_fixup;
} totals;

static void count_stats(const struct kasan_rewrite *rw)
{
	struct bpf_kasan_stats *stats = &rw->prog->aux->kasan;

	stats->checked = rw->count[KASAN_CHECKED];
	stats->straddling = rw->straddles;
	stats->skipped_stack = rw->count[KASAN_SKIP_STACK];
	stats->skipped_probe = rw->count[KASAN_SKIP_PROBE];
	stats->skipped_fixup = rw->count[KASAN_SKIP_AX];

	atomic_long_inc(&totals.progs);
	atomic_long_add(stats->checked, &totals.checked);
	atomic_long_add(stats->straddling, &totals.straddling);
	atomic_long_add(stats->skipped_stack, &totals.skipped_stack);
	atomic_long_add(stats->skipped_probe, &totals.skipped_probe);
	atomic_long_add(stats->skipped_fixup, &totals.skipped_fixup);
}

static void log_stats(const struct kasan_rewrite *rw)
{
	const struct bpf_kasan_stats *stats = &rw->prog->aux->kasan;

	if (!rw->env || !(rw->env->log.level & BPF_LOG_STATS))
		return;
	verbose(rw->env,
		"kasan: %u accesses checked (%u for straddling), %u skipped (%u stack, %u fault-tolerant, %u in fixups)\n",
		stats->checked, stats->straddling,
		stats->skipped_stack + stats->skipped_probe + stats->skipped_fixup,
		stats->skipped_stack, stats->skipped_probe, stats->skipped_fixup);
}

static int rewrite(struct kasan_rewrite *rw)
{
	int err;

	lay_out(rw);
	err = make_room(rw);
	if (err)
		return err;
	count_stats(rw);
	log_stats(rw);
	move_insns(rw);
	if (rw->env) {
		move_aux_data(rw);
		move_references(rw);
	}
	return 0;
}

static void free_rewrite(struct kasan_rewrite *rw)
{
	kvfree(rw->relaxed);
	kvfree(rw->ax_live);
	kvfree(rw->check_len);
	kvfree(rw->pos);
}

static int init_rewrite(struct kasan_rewrite *rw)
{
	size_t words = BITS_TO_LONGS(rw->prog->len);

	rw->len = rw->prog->len;
	rw->pos = kvmalloc_array(rw->len + 1, sizeof(*rw->pos), GFP_KERNEL_ACCOUNT);
	rw->check_len = kvzalloc(rw->len, GFP_KERNEL_ACCOUNT);
	rw->ax_live = kvcalloc(words, sizeof(long), GFP_KERNEL_ACCOUNT);
	rw->relaxed = kvcalloc(words, sizeof(long), GFP_KERNEL_ACCOUNT);
	if (rw->pos && rw->check_len && rw->ax_live && rw->relaxed)
		return 0;
	free_rewrite(rw);
	return -ENOMEM;
}

static int rewrite_prog(struct kasan_rewrite *rw)
{
	int err = init_rewrite(rw);

	if (err)
		return err;
	rw->probe = READ_ONCE(bpf_kasan_mode) == KASAN_ON_PROBE;
	err = rewrite(rw);
	free_rewrite(rw);
	return err;
}

static bool should_instrument(const struct bpf_prog *prog)
{
	return READ_ONCE(bpf_kasan_mode) != KASAN_OFF && prog->jit_requested &&
	       bpf_jit_supports_kasan_check();
}

/**
 * bpf_kasan_instrument - put a KASAN check before each memory access of a verified program
 * @env: verifier state; env->prog, insn_aux_data and all else that holds an instruction's index
 *	are moved along
 *
 * A program that cannot be instrumented, for lack of memory, stays as it is: with KASAN, nothing
 * is refused that is accepted without.
 *
 * Context: Process context, at the end of bpf_do_misc_fixups(). May sleep.
 */
void bpf_kasan_instrument(struct bpf_verifier_env *env)
{
	struct kasan_rewrite rw = { .env = env, .prog = env->prog };

	if (!should_instrument(env->prog) || bpf_prog_is_offloaded(env->prog->aux))
		return;
	if (rewrite_prog(&rw)) {
		atomic_long_inc(&totals.failed);
		verbose(env, "kasan: out of memory, the program has no checks\n");
	}
}

/**
 * bpf_kasan_instrument_classic - the same for a classic program converted to eBPF
 * @prog: converted program, which no verifier has seen
 *
 * Return: the program, which may have been moved.
 * Context: Process context, before bpf_prog_select_runtime(). May sleep.
 */
struct bpf_prog *bpf_kasan_instrument_classic(struct bpf_prog *prog)
{
	struct kasan_rewrite rw = { .prog = prog };

	if (should_instrument(prog) && rewrite_prog(&rw))
		atomic_long_inc(&totals.failed);
	return rw.prog;
}

/* The check call that ends the check which starts at @insn, or NULL if none starts there. */
static struct bpf_insn *check_end(struct bpf_insn *insn, const struct bpf_insn *end)
{
	const struct bpf_insn *last;

	if (insn->dst_reg != BPF_REG_AX)
		return NULL;
	if (insn->code == (BPF_LD | BPF_IMM | BPF_DW))
		last = insn + KASAN_MAX_CHECK_LEN;
	else if (insn->code == (BPF_ALU64 | BPF_MOV | BPF_X))
		last = insn + KASAN_MAX_COLD_LEN;
	else
		return NULL;
	for (last = min(last, end); insn < last; insn++)
		if (bpf_is_kasan_check(insn))
			return insn;
	return NULL;
}

/**
 * bpf_kasan_disarm - make a program's checks harmless
 * @prog: instrumented program that no JIT has compiled
 *
 * The interpreter cannot make the check call. Where it takes over from a JIT that has failed, each
 * check is jumped over.
 */
void bpf_kasan_disarm(struct bpf_prog *prog)
{
	struct bpf_insn *insn = prog->insnsi, *end = insn + prog->len, *call;

	for (; insn < end; insn++) {
		call = check_end(insn, end);
		if (!call)
			continue;
		*insn = BPF_JMP_A(call - insn);
		insn = call;
	}
}

static const struct ctl_table bpf_kasan_sysctls[] = {
	{
		.procname	= "bpf_kasan",
		.data		= &bpf_kasan_mode,
		.maxlen		= sizeof(bpf_kasan_mode),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= SYSCTL_ZERO,
		.extra2		= SYSCTL_TWO,
	},
};

/**
 * bpf_kasan_count_report - count a report of which bpf_kasan_describe() has named the program
 * @prog: main program
 *
 * Context: Any.
 */
void bpf_kasan_count_report(struct bpf_prog *prog)
{
	atomic_inc(&prog->aux->kasan.reports);
	atomic_long_inc(&totals.reports);
}

/**
 * bpf_kasan_show_fdinfo - print a program's counts for its file descriptor
 * @m: where to
 * @prog: main program
 */
void bpf_kasan_show_fdinfo(struct seq_file *m, const struct bpf_prog *prog)
{
	const struct bpf_kasan_stats *stats = &prog->aux->kasan;

	seq_printf(m, "kasan_checked:\t%u\n", stats->checked);
	seq_printf(m, "kasan_straddling:\t%u\n", stats->straddling);
	seq_printf(m, "kasan_skipped_stack:\t%u\n", stats->skipped_stack);
	seq_printf(m, "kasan_skipped_probe:\t%u\n", stats->skipped_probe);
	seq_printf(m, "kasan_skipped_fixup:\t%u\n", stats->skipped_fixup);
	seq_printf(m, "kasan_reports:\t%u\n", atomic_read(&stats->reports));
}

static int stats_show(struct seq_file *m, void *v)
{
	seq_printf(m, "progs %lu\n", atomic_long_read(&totals.progs));
	seq_printf(m, "failed %lu\n", atomic_long_read(&totals.failed));
	seq_printf(m, "checked %lu\n", atomic_long_read(&totals.checked));
	seq_printf(m, "straddling %lu\n", atomic_long_read(&totals.straddling));
	seq_printf(m, "skipped_stack %lu\n", atomic_long_read(&totals.skipped_stack));
	seq_printf(m, "skipped_probe %lu\n", atomic_long_read(&totals.skipped_probe));
	seq_printf(m, "skipped_fixup %lu\n", atomic_long_read(&totals.skipped_fixup));
	seq_printf(m, "reports %lu\n", atomic_long_read(&totals.reports));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

static int __init bpf_kasan_init(void)
{
	register_sysctl_init("kernel", bpf_kasan_sysctls);
	debugfs_create_file("bpf_kasan", 0400, NULL, NULL, &stats_fops);
	return 0;
}
late_initcall(bpf_kasan_init);

static int __init bpf_kasan_setup(char *arg)
{
	bool on;
	int err = kstrtobool(arg, &on);

	if (!err)
		bpf_kasan_mode = on ? KASAN_ON : KASAN_OFF;
	return err;
}
early_param("bpf_kasan", bpf_kasan_setup);

#ifdef CONFIG_BPF_KASAN_KUNIT_TEST
#include "kasan_insn_kunit.c"
#endif
