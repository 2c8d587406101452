// SPDX-License-Identifier: GPL-2.0-only
/*
 * KASAN for BPF programs: rewrite the bytecode so that each memory access is checked first.
 *
 * The pass is the last step of bpf_do_misc_fixups(), so that it also sees what earlier fixups have
 * made of the program: converted context accesses, inlined helpers. It decides what is checked
 * where (kasan_plan.c), lays out the program with room for the checks and for the jumps that get
 * too long, and then moves every instruction to its new place, last one first, and writes the
 * checks. Each step is linear in the length of the program. See Documentation/bpf/kasan.rst.
 */
#include <linux/bitmap.h>
#include <linux/bpf.h>
#include <linux/bpf_verifier.h>
#include <linux/kasan.h>
#include <linux/log2.h>
#include <linux/vmalloc.h>

#include "kasan_insn.h"

#define verbose(env, fmt, args...) bpf_verifier_log_write(env, fmt, ##args)

/*
 * Jumps at most this long stay as they are. Passes that run later (zero extension, constant
 * blinding, BPF_F_TEST_RND_HI32) replace one instruction by up to four, and refuse the program if a
 * 16-bit offset overflows then.
 */
#define KASAN_MAX_JUMP (S16_MAX / 4)

/* Cold paths at most this far from their checks are in reach, whatever comes between grows to. */
#define KASAN_MAX_ISLAND_DIST (KASAN_MAX_JUMP / 2)

/* First part: what the verifier knows */

static u32 insn_key(const struct bpf_insn *insn)
{
	u32 key;

	BUILD_BUG_ON(offsetof(struct bpf_insn, imm) != sizeof(key));
	memcpy(&key, insn, sizeof(key));
	return key;
}

/*
 * How many of the lowest 3 bits of a pointer's real address does the verifier know, in this state?
 *
 * The values of a map start at a multiple of 8, but not where the key's length decides. A kernel
 * object is as aligned as its fields need, if the layout that the compiler gave them counts. The
 * verifier does count from 0 for packets, for memory from helpers and kfuncs (a dynptr slice starts
 * anywhere) and for pointers into a context, but that says nothing.
 */
static u8 known_bits(const struct bpf_reg_state *reg, int off, int size, u8 *low_bits)
{
	struct tnum addr = tnum_add(reg->var_off, tnum_const(off));

	switch (base_type(reg->type)) {
	case PTR_TO_MAP_VALUE:
		if (reg->map_ptr->map_type == BPF_MAP_TYPE_LPM_TRIE)
			return 0;
		*low_bits = reg->var_off.value;
		return __ffs64(reg->var_off.mask | BIT(3));
	case PTR_TO_BTF_ID:
		*low_bits = -off;
		return tnum_is_aligned(addr, size) ? ilog2(size) : 0;
	default:
		return 0;
	}
}

/* What another path knows: keep only what is the same. */
static void merge_known_bits(struct bpf_kasan_mark *mark, u8 known_bits, u8 low_bits)
{
	u8 differ = mark->low_bits ^ low_bits;

	mark->known_bits = min3(mark->known_bits, known_bits, (u8)__ffs(differ | BIT(3)));
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
	u8 low_bits = 0, bits = known_bits(reg, off, size, &low_bits);

	if (mark->key) {
		merge_known_bits(mark, bits, low_bits);
	} else {
		mark->known_bits = bits;
		mark->low_bits = low_bits;
	}
	mark->key = insn_key(&env->prog->insnsi[insn_idx]);
	if (reg->type != PTR_TO_STACK)
		mark->not_stack = true;
	if (!tnum_equals_const(reg->var_off, 0))
		mark->moved = true;
	bpf_kasan_mark_stack(env, mark, reg);
}

/**
 * bpf_kasan_get_mark - what has the verifier seen of an access?
 * @rw: rewrite
 * @i: instruction
 *
 * Return: NULL where instruction @i is not what was verified.
 */
const struct bpf_kasan_mark *bpf_kasan_get_mark(const struct kasan_rewrite *rw, u32 i)
{
	const struct bpf_kasan_mark *mark;

	if (!rw->env)
		return NULL;
	mark = &rw->env->insn_aux_data[i].kasan;
	return mark->key == insn_key(&rw->prog->insnsi[i]) ? mark : NULL;
}

/*
 * Is instruction @i an access of a context, or of the kernel's structure that this was converted
 * to? insn_aux_data still has what was verified: the pointer's type, if the key says that it was an
 * access.
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

/**
 * bpf_kasan_get_alignment - what is known of the lowest bits of an access's base?
 * @rw: rewrite
 * @i: instruction
 * @acc: the access that it makes
 * @known_bits: where to put how many of them are known, 0 to 3
 * @low_bits: where to put the bits; what is above @known_bits means nothing
 *
 * A field of a context is as aligned as the compiler has laid it out.
 */
void bpf_kasan_get_alignment(const struct kasan_rewrite *rw, u32 i, const struct kasan_access *acc,
			     u8 *known_bits, u8 *low_bits)
{
	const struct bpf_kasan_mark *mark = bpf_kasan_get_mark(rw, i);

	if (is_ctx_field(rw, i)) {
		*known_bits = acc->off % acc->size ? 0 : ilog2(acc->size);
		*low_bits = 0;
	} else {
		*known_bits = mark ? mark->known_bits : 0;
		*low_bits = mark ? mark->low_bits : 0;
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

/**
 * bpf_kasan_decode - is an instruction a memory access?
 * @insn: instruction
 * @acc: filled in if it is, except for &kasan_access.probe
 *
 * Return: KASAN_CHECKED for a plain access, KASAN_SKIP_PROBE for one that may fault by design,
 * KASAN_NO_ACCESS for anything else.
 */
enum kasan_kind bpf_kasan_decode(const struct bpf_insn *insn, struct kasan_access *acc)
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

/**
 * bpf_kasan_ends_flow - does the program never go on with the next instruction?
 * @insn: instruction
 *
 * Return: true for an exit and for an unconditional jump.
 */
bool bpf_kasan_ends_flow(const struct bpf_insn *insn)
{
	return insn->code == (BPF_JMP | BPF_EXIT) || is_goto(insn) ||
	       insn->code == (BPF_JMP | BPF_JA | BPF_X);
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
		if (bpf_kasan_ends_flow(insn))
			live = false;
		if (is_jump(insn) && jump_off(insn) >= 0)
			live |= test_bit(i + 1 + jump_off(insn), rw->ax_live);
		live = reads_ax(insn) || (live && !writes_ax(insn));
		if (live)
			__set_bit(i, rw->ax_live);
	}
}

/* Where does control come from elsewhere? */
static void find_targets(struct kasan_rewrite *rw)
{
	const struct bpf_insn *insn = rw->prog->insnsi;
	struct bpf_verifier_env *env = rw->env;
	u32 i;

	for (i = 0; i < rw->len; i++, insn++)
		if (is_jump(insn))
			__set_bit(i + 1 + jump_off(insn), rw->target);
	if (!env)
		return;
	for (i = 0; i < rw->len; i++)
		if (env->insn_aux_data[i].indirect_target)
			__set_bit(i, rw->target);
	for (i = 0; i < env->subprog_cnt; i++)
		__set_bit(env->subprog_info[i].start, rw->target);
}

/* Third part: generate */

/*
 * The shadow address of a, (a >> 3) + KASAN_SHADOW_OFFSET by definition, is computed with the
 * offset folded in before the shift, so that one register and one constant are enough:
 *
 *	(a + (KASAN_SHADOW_OFFSET << 3)) s>> 3
 *
 * Both are the same modulo 2^61, and the sign extension supplies the top three bits. So it is exact
 * if the top four bits of the shadow address are equal, which has to hold for every address that
 * has a shadow: these are the ends of that range. Kernel addresses are the upper half of at most 57
 * bits, but on s390, where they are all up to 53 bits.
 *
 * If pointers have tags, a granule is 16 bytes, and the tag must not count. Neither must what the
 * addition carries into it:
 *
 *	((a + (KASAN_SHADOW_OFFSET << 4)) << 8) s>> 12
 *
 * That is the same modulo 2^52, so that the top 13 bits have to be equal. Such addresses, without
 * the tag, are the upper half of at most 53 bits.
 */
#ifdef CONFIG_KASAN_SW_TAGS
#define KASAN_FOLDED_SHADOW(a)	((u64)((s64)(((a) + KASAN_FOLDED_OFFSET) << 8) >> 12))
#define KASAN_FIRST_ADDR	(~0ULL << 52)
#define KASAN_LAST_ADDR		(~0ULL)
static_assert(KASAN_FOLDED_SHADOW(KASAN_FIRST_ADDR & ~0ULL >> 8) ==
	      KASAN_FOLDED_SHADOW(KASAN_FIRST_ADDR));
static_assert(KASAN_FOLDED_SHADOW(KASAN_LAST_ADDR & ~0ULL >> 8) ==
	      KASAN_FOLDED_SHADOW(KASAN_LAST_ADDR));
#else
#define KASAN_FOLDED_SHADOW(a)	((u64)((s64)((a) + KASAN_FOLDED_OFFSET) >> 3))
#define KASAN_FIRST_ADDR	(IS_ENABLED(CONFIG_S390) ? 0 : ~0ULL << 56)
#define KASAN_LAST_ADDR		(IS_ENABLED(CONFIG_S390) ? ~0ULL >> 11 : ~0ULL)
#endif
#define KASAN_TRUE_SHADOW(a)	(((u64)(a) >> KASAN_SHADOW_SCALE_SHIFT) + KASAN_SHADOW_OFFSET)

static_assert(KASAN_SHADOW_SCALE_SHIFT == (IS_ENABLED(CONFIG_KASAN_SW_TAGS) ? 4 : 3));
static_assert(KASAN_FOLDED_SHADOW(KASAN_FIRST_ADDR) == KASAN_TRUE_SHADOW(KASAN_FIRST_ADDR));
static_assert(KASAN_FOLDED_SHADOW(KASAN_LAST_ADDR) == KASAN_TRUE_SHADOW(KASAN_LAST_ADDR));

/*
 * If any of these shadow bytes is not 0, go to the cold path; or if this one is not the pointer's
 * tag. A pointer whose tag matches any memory goes there too, and the exact test lets it pass.
 *
 * The tag is that of the base. An offset that carried into the tag of the address would have to
 * lead over an end of the 56 bits below it, where nothing is mapped.
 */
static void emit_load(struct bpf_insn *to, const struct kasan_check *check,
		      const struct kasan_load *load, int cold)
{
	const struct bpf_insn insns[] = {
		BPF_LD_IMM64(BPF_REG_AX, KASAN_FOLDED_OFFSET + load->off),
		BPF_ALU64_REG(BPF_ADD, BPF_REG_AX, check->base),
#ifdef CONFIG_KASAN_SW_TAGS
		BPF_ALU64_IMM(BPF_LSH, BPF_REG_AX, 8),
		BPF_ALU64_IMM(BPF_ARSH, BPF_REG_AX, 8 + KASAN_SHADOW_SCALE_SHIFT),
#else
		BPF_ALU64_IMM(BPF_ARSH, BPF_REG_AX, 3),
#endif
		BPF_LDX_MEM(bytes_to_bpf_size(load->size), BPF_REG_AX, BPF_REG_AX, 0),
#ifdef CONFIG_KASAN_SW_TAGS
		BPF_ALU64_IMM(BPF_LSH, BPF_REG_AX, 56),
		BPF_ALU64_REG(BPF_XOR, BPF_REG_AX, check->base),
		BPF_ALU64_IMM(BPF_RSH, BPF_REG_AX, 56),
#endif
		BPF_JMP_IMM(BPF_JNE, BPF_REG_AX, 0, cold - KASAN_LOAD_LEN),
	};

	static_assert(ARRAY_SIZE(insns) == KASAN_LOAD_LEN);
	memcpy(to, insns, sizeof(insns));
}

/* The exact address and then the call, which looks at size and direction. */
static struct bpf_insn *emit_test(struct bpf_insn *to, u8 base, const struct kasan_test *test)
{
	*to++ = BPF_MOV64_REG(BPF_REG_AX, base);
	if (test->off)
		*to++ = BPF_ALU64_IMM(BPF_ADD, BPF_REG_AX, test->off);
	*to++ = BPF_KASAN_CHECK(test->size, (test->write ? BPF_KASAN_WRITE : 0) |
				(test->probe ? BPF_KASAN_PROBE : 0), test->nth);
	return to;
}

static u32 tests_len(const struct kasan_rewrite *rw, const struct kasan_check *check)
{
	const struct kasan_test *test = &rw->tests[check->tests];
	u32 i, len = 0;

	if (rw->portable)
		return bpf_kasan_portable_len(rw, check);
	for (i = 0; i < check->nr_tests; i++, test++)
		len += test->off ? 3 : 2;
	return len;
}

static struct bpf_insn *emit_tests(const struct kasan_rewrite *rw, const struct kasan_check *check,
				   struct bpf_insn *to)
{
	u32 i;

	if (rw->portable)
		return bpf_kasan_emit_portable(rw, check, to);
	for (i = 0; i < check->nr_tests; i++)
		to = emit_test(to, check->base, &rw->tests[check->tests + i]);
	return to;
}

/* What is put before the access. */
static u32 hot_len(const struct kasan_rewrite *rw, const struct kasan_check *check)
{
	return check->nr_loads ? check->nr_loads * KASAN_LOAD_LEN : tests_len(rw, check);
}

/* What is put elsewhere: the tests, and the jump back. */
static u32 cold_len(const struct kasan_rewrite *rw, const struct kasan_check *check)
{
	return check->nr_loads ? tests_len(rw, check) + 1 : 0;
}

/*
 * Never looks at the shadow of memory that no access touches: it need not be mapped. Where not even
 * the shadow of the access itself need be mapped, the call alone looks at it.
 */
static void emit_hot(const struct kasan_rewrite *rw, const struct kasan_check *check)
{
	u32 i, pos = rw->pos[check->insn] + check->redzone_len;

	if (!check->nr_loads)
		emit_tests(rw, check, rw->prog->insnsi + pos);
	for (i = 0; i < check->nr_loads; i++, pos += KASAN_LOAD_LEN)
		emit_load(rw->prog->insnsi + pos, check, &rw->loads[check->loads + i],
			  check->cold - pos);
}

static void emit_cold(const struct kasan_rewrite *rw, const struct kasan_check *check)
{
	u32 back = rw->pos[check->insn] + rw->check_len[check->insn];
	struct bpf_insn *to;

	if (!check->nr_loads)
		return;
	to = emit_tests(rw, check, rw->prog->insnsi + check->cold);
	*to = BPF_JMP_A(0);
	to->off = back - (to - rw->prog->insnsi) - 1;
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

#define KASAN_MAX_INSN_LEN 3

static u32 insn_len(const struct kasan_rewrite *rw, u32 i)
{
	struct bpf_insn buf[KASAN_MAX_INSN_LEN];

	if (!test_bit(i, rw->relaxed))
		return 1;
	return emit_long_jump(buf, &rw->prog->insnsi[i]) - buf + 1;
}

/* The first check whose cold path is in the island. */
static u32 island_start(const struct kasan_rewrite *rw, u32 island)
{
	return island ? rw->islands[island - 1].end : 0;
}

static u32 place_island(struct kasan_rewrite *rw, u32 island, u32 next)
{
	u32 i;

	next += rw->islands[island].jumped_over;
	for (i = island_start(rw, island); i < rw->islands[island].end; i++) {
		rw->checks[i].cold = next;
		next += cold_len(rw, &rw->checks[i]);
	}
	return next;
}

static void place_insns(struct kasan_rewrite *rw)
{
	u32 i, next = 0, island = 0;

	for (i = 0; i <= rw->len; i++) {
		if (island < rw->nr_islands && rw->islands[island].insn == i)
			next = place_island(rw, island++, next);
		rw->pos[i] = next;
		if (i < rw->len)
			next += rw->check_len[i] + insn_len(rw, i);
	}
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

static bool starts_subprog(const struct kasan_rewrite *rw, u32 i, u32 *subprog)
{
	const struct bpf_subprog_info *info;

	if (!rw->env || *subprog + 1 >= rw->env->subprog_cnt)
		return false;
	info = &rw->env->subprog_info[*subprog + 1];
	if (info->start != i)
		return false;
	++*subprog;
	return true;
}

static void add_island(struct kasan_rewrite *rw, u32 i, u32 end, bool is_end)
{
	rw->islands[rw->nr_islands++] = (struct kasan_island){
		.insn = i,
		.end = end,
		.jumped_over = !is_end && !bpf_kasan_ends_flow(&rw->prog->insnsi[i - 1]),
	};
}

/* How much longer does @check make the program, with what redzones need before it? */
static u32 add_check(struct kasan_rewrite *rw, struct kasan_check *check)
{
	u16 *len = &rw->check_len[check->insn];

	check->redzone_len = *len;
	*len += hot_len(rw, check);
	return *len + cold_len(rw, check);
}

/*
 * Cold paths go to the end of the subprogram, out of the way of what is executed. In a long one
 * they have to come earlier, to be in reach.
 */
static void plan_islands(struct kasan_rewrite *rw)
{
	u32 i, end = 0, start = 0, dist = 0, subprog = 0;
	const struct bpf_insn *insn = rw->prog->insnsi;

	for (i = 0; i <= rw->len; i++, insn++) {
		bool is_end = i == rw->len || starts_subprog(rw, i, &subprog);

		if (start < end && (is_end || (dist > KASAN_MAX_ISLAND_DIST && insn->code))) {
			add_island(rw, i, end, is_end);
			start = end;
			dist = 0;
		}
		if (end < rw->nr_checks && rw->checks[end].insn == i)
			dist += add_check(rw, &rw->checks[end++]);
		else if (start < end)
			dist += rw->check_len[i];
		if (start < end)
			dist += KASAN_MAX_INSN_LEN;
	}
}

static void lay_out(struct kasan_rewrite *rw, struct kasan_plan *plan)
{
	find_ax_live(rw);
	find_targets(rw);
	bpf_kasan_plan(rw, plan);
	plan_islands(rw);
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

static void write_island(struct kasan_rewrite *rw, u32 island)
{
	u32 i, at = rw->islands[island].insn, start = island_start(rw, island);

	for (i = start; i < rw->islands[island].end; i++)
		emit_cold(rw, &rw->checks[i]);
	if (rw->islands[island].jumped_over) {
		u32 over = rw->checks[start].cold - 1;

		rw->prog->insnsi[over] = BPF_JMP_A(0);
		rw->prog->insnsi[over].off = rw->pos[at] - over - 1;
	}
}

static void move_insns(struct kasan_rewrite *rw)
{
	u32 i = rw->len, check = rw->nr_checks, island = rw->nr_islands;

	for (;;) {
		if (island && rw->islands[island - 1].insn == i)
			write_island(rw, --island);
		if (!i--)
			break;
		write_insn(rw, i, rw->prog->insnsi);
		if (check && rw->checks[check - 1].insn == i)
			emit_hot(rw, &rw->checks[--check]);
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

/* Of the instruction itself, not of what is before it. */
static u32 new_place(const struct kasan_rewrite *rw, u32 i)
{
	return rw->pos[i] + rw->check_len[i];
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
		aux->poke_tab[i].insn_idx = new_place(rw, aux->poke_tab[i].insn_idx);
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

static int rewrite(struct kasan_rewrite *rw)
{
	int err = make_room(rw);

	if (err)
		return err;
	bpf_kasan_count_prog(rw);
	bpf_kasan_extend_frames(rw);
	if (rw->portable)
		bpf_kasan_extend_stack(rw);
	move_insns(rw);
	bpf_kasan_emit_redzones(rw);
	if (rw->env) {
		move_aux_data(rw);
		move_references(rw);
	}
	return 0;
}

static u32 count_accesses(const struct bpf_prog *prog)
{
	struct kasan_access acc;
	u32 i, nr = 0;

	for (i = 0; i < prog->len; i++)
		nr += bpf_kasan_decode(&prog->insnsi[i], &acc) != KASAN_NO_ACCESS;
	return nr;
}

static void free_rewrite(struct kasan_rewrite *rw)
{
	kvfree(rw->guards);
	kvfree(rw->frames);
	kvfree(rw->islands);
	kvfree(rw->tests);
	kvfree(rw->loads);
	kvfree(rw->checks);
	kvfree(rw->relaxed);
	kvfree(rw->target);
	kvfree(rw->ax_live);
	kvfree(rw->check_len);
	kvfree(rw->pos);
}

static int init_rewrite(struct kasan_rewrite *rw)
{
	size_t words = BITS_TO_LONGS(rw->prog->len + 1);
	u32 nr = count_accesses(rw->prog);

	rw->len = rw->prog->len;
	rw->pos = kvmalloc_array(rw->len + 1, sizeof(*rw->pos), GFP_KERNEL_ACCOUNT);
	rw->check_len = kvcalloc(rw->len + 1, sizeof(*rw->check_len), GFP_KERNEL_ACCOUNT);
	rw->ax_live = kvcalloc(words, sizeof(long), GFP_KERNEL_ACCOUNT);
	rw->target = kvcalloc(words, sizeof(long), GFP_KERNEL_ACCOUNT);
	rw->relaxed = kvcalloc(words, sizeof(long), GFP_KERNEL_ACCOUNT);
	rw->checks = kvmalloc_array(nr, sizeof(*rw->checks), GFP_KERNEL_ACCOUNT);
	rw->loads = kvmalloc_array(nr, 2 * sizeof(*rw->loads), GFP_KERNEL_ACCOUNT);
	rw->tests = kvmalloc_array(nr, sizeof(*rw->tests), GFP_KERNEL_ACCOUNT);
	rw->islands = kvmalloc_array(nr, sizeof(*rw->islands), GFP_KERNEL_ACCOUNT);
	if (rw->pos && rw->check_len && rw->ax_live && rw->target && rw->relaxed && rw->checks &&
	    rw->loads && rw->tests && rw->islands)
		return 0;
	free_rewrite(rw);
	return -ENOMEM;
}

static int plan_rewrite(struct kasan_rewrite *rw)
{
	struct kasan_plan *plan;
	int err;

	err = bpf_kasan_plan_redzones(rw);
	if (err)
		return err;
	plan = bpf_kasan_new_plan();
	if (!plan)
		return -ENOMEM;
	lay_out(rw, plan);
	kfree(plan);
	return 0;
}

static int rewrite_prog(struct kasan_rewrite *rw)
{
	int err = init_rewrite(rw);

	if (err)
		return err;
	rw->portable = bpf_kasan_portable || !bpf_jit_supports_kasan_check();
	rw->probe = READ_ONCE(bpf_kasan_mode) == KASAN_ON_PROBE && !rw->portable;
	rw->stack = IS_ENABLED(CONFIG_BPF_KASAN_STACK) && READ_ONCE(bpf_kasan_stack) && rw->env;
	err = plan_rewrite(rw) ?: rewrite(rw);
	free_rewrite(rw);
	return err;
}

static bool should_instrument(const struct bpf_prog *prog)
{
	return READ_ONCE(bpf_kasan_mode) != KASAN_OFF && prog->jit_requested;
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
		bpf_kasan_count_failure();
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
		bpf_kasan_count_failure();
	return rw.prog;
}

bool __weak bpf_jit_supports_kasan_check(void)
{
	return false;
}

/* The jump to a cold path; other fixups may test BPF_REG_AX too. */
static bool is_cold_jump(const struct bpf_insn *insn)
{
	return insn->code == (BPF_JMP | BPF_JNE | BPF_K) && insn->dst_reg == BPF_REG_AX &&
	       bpf_kasan_is_shadow_load(insn - 1 - KASAN_COMPARE_LEN);
}

/**
 * bpf_kasan_disarm - make a program's checks harmless
 * @prog: instrumented program that no JIT has compiled
 *
 * The interpreter, taking over from a JIT that has failed, cannot make the check call. It can load
 * shadow bytes; what they are does not matter then. It must not store any, as what is around its
 * frames is other memory.
 */
void bpf_kasan_disarm(struct bpf_prog *prog)
{
	struct bpf_insn *insn = prog->insnsi + prog->len;

	/* Backwards, as some are recognized by what is before them. */
	while (insn-- > prog->insnsi)
		if (bpf_is_kasan_check(insn) || is_cold_jump(insn) ||
		    bpf_kasan_is_redzone_store(insn))
			*insn = BPF_JMP_A(0);
}

#ifdef CONFIG_BPF_KASAN_KUNIT_TEST
#include "kasan_insn_kunit.c"
#endif
