// SPDX-License-Identifier: GPL-2.0
/*
 * Random BPF programs that the verifier accepts by construction.
 *
 * A program is a sequence of statements, each of which finds and leaves the registers as follows:
 * r0 to r5 are scalars, r6 points to the packet, r7 to a value of the array, r8 to one of the hash,
 * r9 to the context. The first PROGEN_STACK bytes of the stack are scalars too. At the end, the
 * scalars go to the result map and, mixed, into the return value.
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <linux/filter.h>

#include "bpf_util.h"
#include "disasm_helpers.h"
#include "kasan_helpers.h"
#include "kasan_progen.h"

#define NR_STATEMENTS	24	/* of the main program, on the outermost level */
#define MAX_BRANCHES	6	/* which double the number of paths that the verifier walks */
#define MAX_CALLS	4
#define MAX_DEPTH	2
#define NR_SUBPROGS	2

/* Below the data */
#define COUNTER_SLOT	(-PROGEN_STACK - 8)
#define SPILL_SLOT	(-PROGEN_STACK - 16)
#define KEY_SLOT	(-PROGEN_STACK - 24)

#define SUBPROG_STACK	64

#define REG_PACKET	BPF_REG_6
#define REG_ARRAY	BPF_REG_7
#define REG_HASH	BPF_REG_8
#define REG_CTX		BPF_REG_9

/* In a subprogram, r6 is its argument: a map's value or its caller's stack. */
#define REG_ARG		BPF_REG_6

struct gen {
	struct progen_prog *prog;
	__u64 random;
	bool in_subprog, in_loop;
	int depth, branches;
	int calls[MAX_CALLS], callees[MAX_CALLS], nr_calls;
};

/* Memory that a statement may access: these bytes, relative to a register. */
struct place {
	__u8 base;
	int start, size;
	bool aligned;		/* the verifier demands it */
	bool no_atomics;
};

typedef void (*statement_fn)(struct gen *g);

static void make_statements(struct gen *g, int nr);

/* xorshift64*: any state but 0 */
__u64 progen_random(__u64 *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dULL;
}

static __u32 below(struct gen *g, __u32 max)
{
	return (progen_random(&g->random) >> 33) % max;
}

static bool one_in(struct gen *g, __u32 n)
{
	return !below(g, n);
}

/* Values at which arithmetic changes its mind, and any others. */
static __s32 imm(struct gen *g)
{
	static const __s32 values[] = {
		0, 1, -1, 2, 7, 8, 63, 127, -128, 255, 256, 0x7fff, -0x8000, 0xffff, 0x7fffffff,
		-0x7fffffff - 1,
	};

	if (one_in(g, 2))
		return values[below(g, ARRAY_SIZE(values))];
	return progen_random(&g->random);
}

static __u8 scalar(struct gen *g)
{
	return below(g, PROGEN_REGS);
}

static struct bpf_insn *emit(struct gen *g, struct bpf_insn insn)
{
	struct bpf_insn *to = &g->prog->insns[g->prog->len++];

	*to = insn;
	return to;
}

static void emit_two(struct gen *g, const struct bpf_insn *insns)
{
	emit(g, insns[0]);
	emit(g, insns[1]);
}

static void emit_map(struct gen *g, __u8 reg, int fd)
{
	const struct bpf_insn insns[] = { BPF_LD_MAP_FD(reg, fd) };

	emit_two(g, insns);
}

static void emit_random(struct gen *g, __u8 reg)
{
	const __u64 value = progen_random(&g->random);
	const struct bpf_insn insns[] = { BPF_LD_IMM64(reg, value) };

	if (one_in(g, 2))
		emit_two(g, insns);
	else
		emit(g, BPF_MOV64_IMM(reg, imm(g)));
}

/* A call leaves nothing in r1 to r5. */
static void emit_randoms(struct gen *g, int first)
{
	for (int reg = first; reg < PROGEN_REGS; reg++)
		emit_random(g, reg);
}

/* A jump over what is emitted until land(). */
static int jump(struct gen *g, struct bpf_insn insn)
{
	emit(g, insn);
	return g->prog->len - 1;
}

static void land(struct gen *g, int at)
{
	g->prog->insns[at].off = g->prog->len - at - 1;
}

/* Arithmetic */

/* The JIT of s390 uses six bits of the count for a shift of 32 bits, too. */
static bool shifts_are_masked(void)
{
#ifdef __s390__
	return false;
#else
	return true;
#endif
}

static void emit_binary(struct gen *g, bool alu64)
{
	static const __u8 ops[] = {
		BPF_ADD, BPF_SUB, BPF_MUL, BPF_OR, BPF_AND, BPF_XOR, BPF_MOV, BPF_LSH, BPF_RSH,
		BPF_ARSH, BPF_DIV, BPF_MOD,
	};
	__u8 op = ops[below(g, sizeof(ops))], class = alu64 ? BPF_ALU64 : BPF_ALU;
	bool shift = op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH;
	bool divide = op == BPF_DIV || op == BPF_MOD;
	__s16 is_signed = divide && one_in(g, 2);
	__s32 value = imm(g);

	if (shift)
		value &= alu64 ? 63 : 31;
	if (divide && !value)
		value = 3;
	if (one_in(g, 2) || (shift && !alu64 && !shifts_are_masked()))
		emit(g, BPF_RAW_INSN(class | op | BPF_K, scalar(g), 0, is_signed, value));
	else
		emit(g, BPF_RAW_INSN(class | op | BPF_X, scalar(g), scalar(g), is_signed, 0));
}

static void emit_unary(struct gen *g, bool alu64)
{
	static const __s32 widths[] = { 16, 32, 64 };
	__u8 class = alu64 ? BPF_ALU64 : BPF_ALU, reg = scalar(g);
	__u8 order = alu64 || one_in(g, 2) ? BPF_TO_LE : BPF_TO_BE;
	__s32 width = widths[below(g, 3)];

	switch (below(g, 3)) {
	case 0:
		emit(g, BPF_RAW_INSN(class | BPF_NEG, reg, 0, 0, 0));
		break;
	case 1:
		emit(g, BPF_RAW_INSN(class | BPF_END | order, reg, 0, 0, width));
		break;
	default:	/* sign extension */
		emit(g, BPF_RAW_INSN(class | BPF_MOV | BPF_X, reg, scalar(g),
				     8 << below(g, alu64 ? 3 : 2), 0));
	}
}

static void make_alu(struct gen *g)
{
	for (int i = below(g, 4); i >= 0; i--) {
		if (one_in(g, 3))
			emit_unary(g, one_in(g, 2));
		else
			emit_binary(g, one_in(g, 2));
	}
}

/* Memory */

static const __u8 sizes[] = { BPF_B, BPF_H, BPF_W, BPF_DW };

static void emit_atomic(struct gen *g, __u8 base, __u8 other, __s16 off, int log_size)
{
	static const __s32 ops[] = {
		BPF_ADD, BPF_AND, BPF_OR, BPF_XOR, BPF_ADD | BPF_FETCH, BPF_AND | BPF_FETCH,
		BPF_OR | BPF_FETCH, BPF_XOR | BPF_FETCH, BPF_XCHG, BPF_CMPXCHG,
	};
	__s32 op = ops[below(g, ARRAY_SIZE(ops))];

	if (log_size < 2 && !kasan_jit_has_acquire()) {
		emit(g, BPF_LDX_MEM(sizes[log_size], other, base, off));
		return;
	}
	if (kasan_jit_has_acquire() && (log_size < 2 || one_in(g, 3)))
		op = one_in(g, 2) ? BPF_LOAD_ACQ : BPF_STORE_REL;
	if (op == BPF_LOAD_ACQ)
		emit(g, BPF_ATOMIC_OP(sizes[log_size], op, other, base, off));
	else
		emit(g, BPF_ATOMIC_OP(sizes[log_size], op, base, other, off));
}

/* One access of the place. A load may overwrite its own base, if that is a scalar afterwards. */
static void emit_access(struct gen *g, const struct place *place)
{
	int log_size = below(g, 4), size = 1 << log_size, kind = below(g, 6);
	int off = place->start + below(g, place->size - size + 1);
	__u8 other = scalar(g);

	if (other == place->base && kind != 0)
		other = place->base - 1;
	if (kind == 5 && place->no_atomics)
		kind = 0;
	if (place->aligned || kind == 5)
		off &= -size;
	switch (kind) {
	case 0:
	case 1:
		emit(g, BPF_LDX_MEM(sizes[log_size], other, place->base, off));
		break;
	case 2:
		emit(g, BPF_RAW_INSN(BPF_LDX | BPF_MEMSX | sizes[log_size % 3], other, place->base,
				     off, 0));
		break;
	case 3:
		emit(g, BPF_ST_MEM(sizes[log_size], place->base, off, imm(g)));
		break;
	case 4:
		emit(g, BPF_STX_MEM(sizes[log_size], place->base, other, off));
		break;
	default:
		emit_atomic(g, place->base, other, off, log_size);
	}
}

/* Through a copy of the base, which may be moved by as much as the program says. */
static void emit_access_by_copy(struct gen *g, const struct place *place, bool moved)
{
	bool aligned = place->aligned || one_in(g, 2);
	struct place copy = *place;
	__u8 index;
	int mask;

	copy.base = BPF_REG_2 + below(g, 4);
	index = BPF_REG_0 + below(g, 2);
	emit(g, BPF_MOV64_REG(copy.base, place->base));
	if (moved) {
		mask = place->size / 4 - (aligned ? 8 : 1);
		/* They have to be aligned, and on the stack the verifier has to know where. */
		copy.no_atomics |= place->aligned || !aligned;
		emit(g, BPF_ALU64_IMM(BPF_AND, index, mask));
		emit(g, BPF_ALU64_REG(BPF_ADD, copy.base, index));
		copy.size -= mask;
	} else {
		emit(g, BPF_ALU64_IMM(BPF_ADD, copy.base, place->start));
		copy.start = 0;
	}
	for (int i = below(g, 3); i >= 0; i--) {
		int at = g->prog->len;

		emit_access(g, &copy);
		if (g->prog->insns[at].dst_reg == copy.base &&
		    BPF_CLASS(g->prog->insns[at].code) == BPF_LDX)
			return;
	}
	emit_random(g, copy.base);
}

static void emit_accesses(struct gen *g, const struct place *place)
{
	switch (below(g, 3)) {
	case 0:
		for (int i = below(g, 3); i >= 0; i--)
			emit_access(g, place);
		break;
	case 1:
		emit_access_by_copy(g, place, false);
		break;
	default:
		emit_access_by_copy(g, place, true);
	}
}

static void make_stack(struct gen *g)
{
	int size = g->in_subprog ? SUBPROG_STACK : PROGEN_STACK;
	const struct place place = {
		.base = BPF_REG_10, .start = -size, .size = size, .aligned = true,
	};

	emit_accesses(g, &place);
}

static const struct place map_places[] = {
	{ .base = REG_ARRAY, .size = PROGEN_VALUE },
	{ .base = REG_HASH, .size = PROGEN_VALUE },
};

static void make_map(struct gen *g)
{
	emit_accesses(g, &map_places[below(g, 2)]);
}

static void make_packet(struct gen *g)
{
	const struct place place = {
		.base = REG_PACKET, .size = PROGEN_PACKET, .no_atomics = true,
	};

	if (one_in(g, 2))
		emit_access_by_copy(g, &place, false);
	else
		emit_access(g, &place);
}

static __s16 data_end_off(const struct gen *g)
{
	return g->prog->type == BPF_PROG_TYPE_XDP ? offsetof(struct xdp_md, data_end) :
						    offsetof(struct __sk_buff, data_end);
}

/* An offset that only the program knows, which it has to compare with the packet's end. */
static void make_packet_variable(struct gen *g)
{
	const struct place place = { .base = BPF_REG_2, .size = 8, .no_atomics = true };
	int over;

	emit(g, BPF_MOV64_REG(BPF_REG_2, REG_PACKET));
	emit(g, BPF_ALU64_IMM(BPF_AND, BPF_REG_1, 63));
	emit(g, BPF_ALU64_REG(BPF_ADD, BPF_REG_2, BPF_REG_1));
	emit(g, BPF_MOV64_REG(BPF_REG_3, BPF_REG_2));
	emit(g, BPF_ALU64_IMM(BPF_ADD, BPF_REG_3, 8));
	emit(g, BPF_LDX_MEM(BPF_W, BPF_REG_4, REG_CTX, data_end_off(g)));
	over = jump(g, BPF_JMP_REG(BPF_JGT, BPF_REG_3, BPF_REG_4, 0));
	emit_randoms(g, BPF_REG_3);
	emit_access(g, &place);
	land(g, over);
	emit_randoms(g, BPF_REG_2);
}

/* A pointer that was in the stack meanwhile. */
static void make_spill(struct gen *g)
{
	struct place place = map_places[below(g, 2)];

	emit(g, BPF_STX_MEM(BPF_DW, BPF_REG_10, place.base, SPILL_SLOT));
	place.base = BPF_REG_1 + below(g, 5);
	emit(g, BPF_LDX_MEM(BPF_DW, place.base, BPF_REG_10, SPILL_SLOT));
	emit_access(g, &place);
	emit_random(g, place.base);
}

static void make_skb_field(struct gen *g)
{
	static const __s16 fields[] = {
		offsetof(struct __sk_buff, mark), offsetof(struct __sk_buff, priority),
		offsetof(struct __sk_buff, cb[0]), offsetof(struct __sk_buff, cb[3]),
	};
	__s16 off = fields[below(g, 4)];
	int log_size = below(g, 3);

	if (one_in(g, 2))
		emit(g, BPF_STX_MEM(BPF_W, REG_CTX, scalar(g), off));
	else
		emit(g, BPF_LDX_MEM(sizes[log_size], scalar(g), REG_CTX, off));
}

static void make_ctx(struct gen *g)
{
	if (g->prog->type == BPF_PROG_TYPE_XDP)
		emit(g, BPF_LDX_MEM(BPF_W, scalar(g), REG_CTX,
				    offsetof(struct xdp_md, rx_queue_index)));
	else
		make_skb_field(g);
}

/* Helpers, of which the fixups inline the first two */

static void emit_key(struct gen *g, int key)
{
	emit(g, BPF_ST_MEM(BPF_W, BPF_REG_10, KEY_SLOT, key));
	emit(g, BPF_MOV64_REG(BPF_REG_2, BPF_REG_10));
	emit(g, BPF_ALU64_IMM(BPF_ADD, BPF_REG_2, KEY_SLOT));
}

static void emit_lookup(struct gen *g, int fd, int key)
{
	emit_key(g, key);
	emit_map(g, BPF_REG_1, fd);
	emit(g, BPF_EMIT_CALL(BPF_FUNC_map_lookup_elem));
}

static int random_map(struct gen *g)
{
	return one_in(g, 2) ? g->prog->maps.array : g->prog->maps.hash;
}

static void make_lookup(struct gen *g)
{
	const struct place place = { .base = BPF_REG_5, .size = PROGEN_VALUE };
	int over;

	emit_lookup(g, random_map(g), below(g, PROGEN_ENTRIES + 1));
	emit_randoms(g, BPF_REG_1);
	over = jump(g, BPF_JMP_IMM(BPF_JEQ, BPF_REG_0, 0, 0));
	emit(g, BPF_MOV64_REG(BPF_REG_5, BPF_REG_0));
	emit_random(g, BPF_REG_0);
	emit_access(g, &place);
	land(g, over);
	emit_random(g, BPF_REG_0);
	emit_random(g, BPF_REG_5);
}

static void make_cpu(struct gen *g)
{
	emit(g, BPF_EMIT_CALL(BPF_FUNC_get_smp_processor_id));
	emit_randoms(g, BPF_REG_0);
}

/* Not of the value that the program has a pointer to: that of a hash is replaced by another. */
static void make_update(struct gen *g)
{
	emit_key(g, 1);
	emit_map(g, BPF_REG_1, random_map(g));
	emit(g, BPF_MOV64_REG(BPF_REG_3, BPF_REG_10));
	emit(g, BPF_ALU64_IMM(BPF_ADD, BPF_REG_3, -PROGEN_VALUE));
	emit(g, BPF_MOV64_IMM(BPF_REG_4, 0));
	emit(g, BPF_EMIT_CALL(BPF_FUNC_map_update_elem));
	emit_randoms(g, BPF_REG_1);
}

/* Subprograms */

static void make_call(struct gen *g)
{
	if (g->nr_calls == MAX_CALLS)
		return;
	switch (below(g, 3)) {
	case 0:
		emit(g, BPF_MOV64_REG(BPF_REG_1, REG_ARRAY));
		break;
	case 1:
		emit(g, BPF_MOV64_REG(BPF_REG_1, REG_HASH));
		break;
	default:
		emit(g, BPF_MOV64_REG(BPF_REG_1, BPF_REG_10));
		emit(g, BPF_ALU64_IMM(BPF_ADD, BPF_REG_1, -PROGEN_VALUE));
	}
	g->calls[g->nr_calls] = g->prog->len;
	g->callees[g->nr_calls++] = below(g, NR_SUBPROGS);
	emit(g, BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 0));
	emit_randoms(g, BPF_REG_1);
}

static void make_argument(struct gen *g)
{
	const struct place place = { .base = REG_ARG, .size = PROGEN_VALUE, .aligned = true };

	emit_accesses(g, &place);
}

/* Pointers that a scalar moves which the verifier has to find bounds of. It need not succeed. */

#define REG_OFFSET	BPF_REG_1
#define REG_OTHER	BPF_REG_2
#define REG_MOVED	BPF_REG_3
#define MAX_OUTS	4

/* Around a power of two, which bounds and encodings change at; more often a small one. */
static __s32 edge(struct gen *g)
{
	__s64 value = (1LL << below(g, one_in(g, 2) ? 32 : 9)) - 1 + below(g, 3);

	return one_in(g, 2) ? value : -value;
}

/* What a pointer that may be NULL is after some arithmetic, if it is NULL. Else it is out. */
static int emit_null(struct gen *g, __u8 reg)
{
	emit_lookup(g, random_map(g), PROGEN_ENTRIES);
	emit_randoms(g, BPF_REG_1);
	emit(g, BPF_MOV64_REG(reg, BPF_REG_0));
	emit(g, BPF_ALU64_IMM(BPF_ADD, reg, below(g, 2 * PROGEN_VALUE)));
	return jump(g, BPF_JMP_IMM(BPF_JNE, BPF_REG_0, 0, 0));
}

/* A constant, or what is in a map. */
static void emit_unknown(struct gen *g, __u8 reg)
{
	int size = below(g, 4), off = below(g, PROGEN_VALUE / 8) * 8;

	switch (below(g, 5)) {
	case 0:
		emit(g, BPF_MOV32_IMM(reg, edge(g)));
		break;
	case 1:
		emit(g, BPF_MOV64_IMM(reg, edge(g)));
		break;
	case 2:
		emit(g, BPF_RAW_INSN(BPF_LDX | BPF_MEMSX | sizes[size % 3], reg, REG_ARRAY, off,
				     0));
		break;
	default:
		emit(g, BPF_LDX_MEM(sizes[size], reg, REG_ARRAY, off));
	}
}

static void emit_step(struct gen *g, __u8 reg, __u8 other)
{
	static const __u8 ops[] = {
		BPF_ADD, BPF_SUB, BPF_MUL, BPF_OR, BPF_AND, BPF_XOR, BPF_MOV, BPF_LSH, BPF_RSH,
		BPF_ARSH, BPF_NEG,
	};
	__u8 op = ops[below(g, sizeof(ops))], class = one_in(g, 2) ? BPF_ALU64 : BPF_ALU;
	bool shift = op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH;
	__s32 value = shift ? below(g, class == BPF_ALU64 ? 64 : 32) : edge(g);

	if (op == BPF_NEG)
		emit(g, BPF_RAW_INSN(class | op, reg, 0, 0, 0));
	else if (op == BPF_MOV)	/* sign extension, or a cast to 32 bits */
		emit(g, BPF_RAW_INSN(class | op | BPF_X, reg, reg, below(g, 3) * 8, 0));
	else if (shift || one_in(g, 2))
		emit(g, BPF_RAW_INSN(class | op | BPF_K, reg, 0, 0, value));
	else
		emit(g, BPF_RAW_INSN(class | op | BPF_X, reg, other, 0, 0));
}

/* A comparison from which the verifier learns, and the way out. */
static int emit_limit(struct gen *g, __u8 reg, __u8 other)
{
	static const __u8 ops[] = {
		BPF_JEQ, BPF_JNE, BPF_JGT, BPF_JGE, BPF_JLT, BPF_JLE, BPF_JSGT, BPF_JSGE, BPF_JSLT,
		BPF_JSLE, BPF_JSET,
	};
	__u8 code = ops[below(g, sizeof(ops))] | (one_in(g, 2) ? BPF_JMP : BPF_JMP32);

	if (one_in(g, 4))
		return jump(g, BPF_RAW_INSN(code | BPF_X, reg, other, 0, 0));
	return jump(g, BPF_RAW_INSN(code | BPF_K, reg, 0, 0, edge(g)));
}

/* Makes an offset of it, and returns the largest; -1 if that is for the verifier to find out. */
static int emit_bound(struct gen *g, __u8 reg, int *outs, int *nr_outs)
{
	int max = 63 >> below(g, 4);

	switch (below(g, 4)) {
	case 0:
		emit(g, BPF_ALU64_IMM(BPF_AND, reg, max));
		return max;
	case 1:
		emit(g, BPF_ALU64_IMM(BPF_RSH, reg, below(g, 64)));
		return -1;
	case 2:
		emit(g, BPF_ALU32_IMM(BPF_RSH, reg, below(g, 32)));
		return -1;
	default:
		outs[(*nr_outs)++] = jump(g, BPF_JMP_IMM(BPF_JGT, reg, max, 0));
		return max;
	}
}

/* The last byte of a value, at the largest offset, or the byte behind it. */
static void emit_tight(struct gen *g, int max)
{
	int log_size = below(g, 4);
	__s16 off = PROGEN_VALUE - max - (1 << log_size) + below(g, 2);

	if (one_in(g, 2))
		emit(g, BPF_LDX_MEM(sizes[log_size], BPF_REG_0, REG_MOVED, off));
	else
		emit(g, BPF_ST_MEM(sizes[log_size], REG_MOVED, off, imm(g)));
}

static void emit_moved(struct gen *g, int max)
{
	struct place place = { .base = REG_MOVED, .size = PROGEN_VALUE, .no_atomics = true };
	__s32 far = one_in(g, 2) ? edge(g) : 0;

	emit(g, BPF_MOV64_REG(REG_MOVED, map_places[below(g, 2)].base));
	if (max >= 0 && one_in(g, 2)) {
		emit(g, BPF_ALU64_REG(BPF_ADD, REG_MOVED, REG_OFFSET));
		emit_tight(g, max);
		return;
	}
	/* There and back. */
	if (far)
		emit(g, BPF_ALU64_IMM(BPF_ADD, REG_MOVED, far));
	emit(g, BPF_ALU64_REG(one_in(g, 8) ? BPF_SUB : BPF_ADD, REG_MOVED, REG_OFFSET));
	if (far && one_in(g, 2))
		emit(g, BPF_ALU64_IMM(BPF_SUB, REG_MOVED, far));
	else if (far)
		emit(g, BPF_ALU64_IMM(BPF_ADD, REG_MOVED, -(__s64)far));
	if (one_in(g, 2))
		place.size = 8;
	emit_access(g, &place);
}

static void make_bounds(struct gen *g)
{
	int outs[MAX_OUTS], nr_outs = 0, max;

	emit_unknown(g, REG_OTHER);
	if (one_in(g, 8))
		outs[nr_outs++] = emit_null(g, REG_OFFSET);
	else
		emit_unknown(g, REG_OFFSET);
	if (one_in(g, 2))
		outs[nr_outs++] = emit_limit(g, REG_OFFSET, REG_OTHER);
	for (int i = below(g, 3); i > 0; i--)
		emit_step(g, REG_OFFSET, REG_OTHER);
	if (one_in(g, 2))
		outs[nr_outs++] = emit_limit(g, REG_OFFSET, REG_OTHER);
	for (int i = below(g, 3); i > 0; i--)
		emit_step(g, REG_OFFSET, REG_OTHER);
	max = emit_bound(g, REG_OFFSET, outs, &nr_outs);
	emit_moved(g, max);
	while (nr_outs)
		land(g, outs[--nr_outs]);
	emit_randoms(g, BPF_REG_0);
}

/* Control flow */

static void make_branch(struct gen *g)
{
	static const __u8 ops[] = {
		BPF_JEQ, BPF_JNE, BPF_JGT, BPF_JGE, BPF_JLT, BPF_JLE, BPF_JSGT, BPF_JSGE, BPF_JSLT,
		BPF_JSLE, BPF_JSET,
	};
	__u8 code = ops[below(g, sizeof(ops))] | (one_in(g, 2) ? BPF_JMP : BPF_JMP32);
	int over, end;

	if (g->branches++ >= MAX_BRANCHES || g->depth >= MAX_DEPTH)
		return;
	if (one_in(g, 2))
		over = jump(g, BPF_RAW_INSN(code | BPF_X, scalar(g), scalar(g), 0, 0));
	else
		over = jump(g, BPF_RAW_INSN(code | BPF_K, scalar(g), 0, 0, imm(g)));
	make_statements(g, 1 + below(g, 3));
	if (one_in(g, 2)) {
		land(g, over);
		return;
	}
	end = jump(g, BPF_JMP_A(0));
	land(g, over);
	make_statements(g, 1 + below(g, 3));
	land(g, end);
}

static void make_loop(struct gen *g)
{
	int start;

	if (g->in_loop || g->depth >= MAX_DEPTH)
		return;
	g->in_loop = true;
	emit(g, BPF_ST_MEM(BPF_DW, BPF_REG_10, COUNTER_SLOT, 2 + below(g, 3)));
	start = g->prog->len;
	make_statements(g, 1 + below(g, 3));
	emit(g, BPF_LDX_MEM(BPF_DW, BPF_REG_1, BPF_REG_10, COUNTER_SLOT));
	emit(g, BPF_ALU64_IMM(BPF_ADD, BPF_REG_1, -1));
	emit(g, BPF_STX_MEM(BPF_DW, BPF_REG_10, BPF_REG_1, COUNTER_SLOT));
	emit(g, BPF_JMP_IMM(BPF_JNE, BPF_REG_1, 0, start - g->prog->len - 1));
	g->in_loop = false;
}

static const statement_fn main_statements[] = {
	make_alu, make_alu, make_stack, make_stack, make_map, make_map, make_map, make_packet,
	make_packet_variable, make_spill, make_ctx, make_lookup, make_cpu, make_update, make_call,
	make_branch, make_branch, make_loop,
};

static const statement_fn subprog_statements[] = {
	make_alu, make_stack, make_argument, make_argument, make_branch,
};

static void make_statements(struct gen *g, int nr)
{
	const statement_fn *fns = g->in_subprog ? subprog_statements : main_statements;
	int nr_fns = g->in_subprog ? ARRAY_SIZE(subprog_statements) : ARRAY_SIZE(main_statements);

	g->depth++;
	while (nr-- > 0)
		fns[below(g, nr_fns)](g);
	g->depth--;
}

static void make_prologue(struct gen *g, int *fails)
{
	bool xdp = g->prog->type == BPF_PROG_TYPE_XDP;

	emit(g, BPF_MOV64_REG(REG_CTX, BPF_REG_1));
	emit(g, BPF_LDX_MEM(BPF_W, REG_PACKET, REG_CTX, xdp ? offsetof(struct xdp_md, data) :
							      offsetof(struct __sk_buff, data)));
	emit(g, BPF_LDX_MEM(BPF_W, BPF_REG_2, REG_CTX, data_end_off(g)));
	emit(g, BPF_MOV64_REG(BPF_REG_3, REG_PACKET));
	emit(g, BPF_ALU64_IMM(BPF_ADD, BPF_REG_3, PROGEN_PACKET));
	fails[0] = jump(g, BPF_JMP_REG(BPF_JGT, BPF_REG_3, BPF_REG_2, 0));
	emit_lookup(g, g->prog->maps.array, 0);
	fails[1] = jump(g, BPF_JMP_IMM(BPF_JEQ, BPF_REG_0, 0, 0));
	emit(g, BPF_MOV64_REG(REG_ARRAY, BPF_REG_0));
	emit_lookup(g, g->prog->maps.hash, 0);
	fails[2] = jump(g, BPF_JMP_IMM(BPF_JEQ, BPF_REG_0, 0, 0));
	emit(g, BPF_MOV64_REG(REG_HASH, BPF_REG_0));
	for (int off = -PROGEN_STACK; off < 0 && !g->prog->bounds; off += 8)
		emit(g, BPF_ST_MEM(BPF_DW, BPF_REG_10, off, imm(g)));
	emit_randoms(g, BPF_REG_0);
}

static void make_result(struct gen *g)
{
	const struct bpf_insn result[] = { BPF_LD_MAP_VALUE(BPF_REG_6, g->prog->maps.result, 0) };

	emit_two(g, result);
	for (int reg = 0; reg < PROGEN_REGS; reg++)
		emit(g, BPF_STX_MEM(BPF_DW, BPF_REG_6, reg, reg * 8));
	for (int off = 0; off < PROGEN_STACK; off += 8) {
		emit(g, BPF_LDX_MEM(BPF_DW, BPF_REG_1, BPF_REG_10, off - PROGEN_STACK));
		emit(g, BPF_STX_MEM(BPF_DW, BPF_REG_6, BPF_REG_1, PROGEN_REGS * 8 + off));
	}
	for (int reg = 1; reg < PROGEN_REGS; reg++)
		emit(g, BPF_ALU64_REG(BPF_XOR, BPF_REG_0, reg));
}

static void make_epilogue(struct gen *g, const int *fails)
{
	emit(g, BPF_EXIT_INSN());
	for (int i = 0; i < 3; i++)
		land(g, fails[i]);
	emit(g, BPF_MOV64_IMM(BPF_REG_0, 0));
	emit(g, BPF_EXIT_INSN());
}

/* One that nobody calls would be refused. */
static void make_subprog(struct gen *g, int nr)
{
	int start = g->prog->len;
	bool called = false;

	for (int i = 0; i < g->nr_calls; i++) {
		if (g->callees[i] != nr)
			continue;
		g->prog->insns[g->calls[i]].imm = start - g->calls[i] - 1;
		called = true;
	}
	if (!called)
		return;
	g->in_subprog = true;
	g->branches = MAX_BRANCHES / 2;
	emit(g, BPF_MOV64_REG(REG_ARG, BPF_REG_1));
	for (int off = -SUBPROG_STACK; off < 0; off += 8)
		emit(g, BPF_ST_MEM(BPF_DW, BPF_REG_10, off, imm(g)));
	emit_randoms(g, BPF_REG_0);
	make_statements(g, NR_STATEMENTS / 4);
	emit(g, BPF_EXIT_INSN());
}

void progen_make(struct progen_prog *prog)
{
	struct gen g = { .prog = prog, .random = prog->seed * 2 + 1 };
	int fails[3];

	prog->len = 0;
	for (int i = 0; i < 8; i++)
		progen_random(&g.random);
	make_prologue(&g, fails);
	if (prog->bounds) {
		make_bounds(&g);
		emit(&g, BPF_MOV64_IMM(BPF_REG_0, 0));
	} else {
		make_statements(&g, NR_STATEMENTS);
		make_result(&g);
	}
	make_epilogue(&g, fails);
	for (int i = 0; i < NR_SUBPROGS; i++)
		make_subprog(&g, i);
}

void progen_print(const struct progen_prog *prog)
{
	struct bpf_insn *insn = (struct bpf_insn *)prog->insns, *next;
	char text[64];

	for (; insn < prog->insns + prog->len; insn = next) {
		next = disasm_insn(insn, text, sizeof(text));
		printf("%4d: (%02x) %s\n", (int)(insn - prog->insns), insn->code, text);
	}
}
