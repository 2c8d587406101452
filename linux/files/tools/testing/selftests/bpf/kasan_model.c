// SPDX-License-Identifier: GPL-2.0
/*
 * The programs of kasan_progen.c, run in user space. The pointers of a program are the model's own,
 * so that an access is a memcpy(), and what it hits is known.
 */
#include <stddef.h>
#include <string.h>
#include <linux/filter.h>

#include "kasan_progen.h"
#include "progs/kasan_low_part.h"

#define NR_REGS		11
#define FRAME_SIZE	512
#define MAX_FRAMES	2
#define MAX_STEPS	100000

struct frame {
	__u64 saved[4];		/* r6 to r9 */
	int pc;			/* to go back to */
	__u8 stack[FRAME_SIZE];
};

struct machine {
	const struct progen_prog *prog;
	struct progen_run *run;
	__u64 regs[NR_REGS];
	int pc, depth;
	struct frame frames[MAX_FRAMES];
	bool failed;
};

static __u64 to_u64(const void *p)
{
	return (unsigned long)p;
}

static bool fail(struct machine *m)
{
	m->failed = true;
	return false;
}

/* Arithmetic */

static __u64 sign_extend(__u64 value, int bits)
{
	return (__s64)(value << (64 - bits)) >> (64 - bits);
}

static __u64 divide(__u64 a, __u64 b, bool modulo, bool is_signed, int bits)
{
	__s64 sa = sign_extend(a, bits), sb = sign_extend(b, bits);

	if (!b)
		return modulo ? a : 0;
	if (!is_signed)
		return modulo ? a % b : a / b;
	if (sb == -1)
		return modulo ? 0 : -a;
	return modulo ? sa % sb : sa / sb;
}

static __u64 swap(__u64 value, const struct bpf_insn *insn)
{
	bool always = BPF_CLASS(insn->code) == BPF_ALU64;
	bool to_be = BPF_SRC(insn->code) == BPF_TO_BE;
	bool host_is_be = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
	bool swaps = always || to_be != host_is_be;

	switch (insn->imm) {
	case 16:
		return swaps ? __builtin_bswap16(value) : (__u16)value;
	case 32:
		return swaps ? __builtin_bswap32(value) : (__u32)value;
	default:
		return swaps ? __builtin_bswap64(value) : value;
	}
}

static __u64 binary(struct machine *m, const struct bpf_insn *insn, __u64 a, __u64 b, int bits)
{
	switch (BPF_OP(insn->code)) {
	case BPF_ADD:
		return a + b;
	case BPF_SUB:
		return a - b;
	case BPF_MUL:
		return a * b;
	case BPF_OR:
		return a | b;
	case BPF_AND:
		return a & b;
	case BPF_XOR:
		return a ^ b;
	case BPF_LSH:
		return a << (b & (bits - 1));
	case BPF_RSH:
		return a >> (b & (bits - 1));
	case BPF_ARSH:
		return (__s64)sign_extend(a, bits) >> (b & (bits - 1));
	case BPF_DIV:
		return divide(a, b, false, insn->off, bits);
	case BPF_MOD:
		return divide(a, b, true, insn->off, bits);
	case BPF_NEG:
		return -a;
	case BPF_MOV:
		return insn->off ? sign_extend(b, insn->off) : b;
	default:
		return fail(m);
	}
}

static __u64 operand(const struct machine *m, const struct bpf_insn *insn)
{
	return BPF_SRC(insn->code) == BPF_X ? m->regs[insn->src_reg] : (__s64)insn->imm;
}

static void run_alu(struct machine *m, const struct bpf_insn *insn)
{
	bool alu64 = BPF_CLASS(insn->code) == BPF_ALU64;
	__u64 *dst = &m->regs[insn->dst_reg], src = operand(m, insn);

	if (BPF_OP(insn->code) == BPF_END)
		*dst = swap(*dst, insn);
	else if (alu64)
		*dst = binary(m, insn, *dst, src, 64);
	else
		*dst = (__u32)binary(m, insn, (__u32)*dst, (__u32)src, 32);
}

/* Jumps */

static bool is_taken(struct machine *m, const struct bpf_insn *insn)
{
	__u64 a = m->regs[insn->dst_reg], b = operand(m, insn);
	__s64 sa = a, sb = b;

	if (BPF_CLASS(insn->code) == BPF_JMP32) {
		sa = (__s32)a;
		sb = (__s32)b;
		a = (__u32)a;
		b = (__u32)b;
	}
	switch (BPF_OP(insn->code)) {
	case BPF_JA:	return true;
	case BPF_JEQ:	return a == b;
	case BPF_JNE:	return a != b;
	case BPF_JGT:	return a > b;
	case BPF_JGE:	return a >= b;
	case BPF_JLT:	return a < b;
	case BPF_JLE:	return a <= b;
	case BPF_JSGT:	return sa > sb;
	case BPF_JSGE:	return sa >= sb;
	case BPF_JSLT:	return sa < sb;
	case BPF_JSLE:	return sa <= sb;
	case BPF_JSET:	return a & b;
	default:	return fail(m);
	}
}

/* Memory */

static int size_of(const struct bpf_insn *insn)
{
	switch (BPF_SIZE(insn->code)) {
	case BPF_B:	return 1;
	case BPF_H:	return 2;
	case BPF_W:	return 4;
	default:	return 8;
	}
}

static bool is_in(__u64 addr, int size, const void *start, size_t len)
{
	return addr >= to_u64(start) && addr + size <= to_u64(start) + len;
}

/* Everything that a program may touch; what it must not is a mistake of the generator. */
static bool is_valid(const struct machine *m, __u64 addr, int size)
{
	const struct progen_memory *mem = &m->run->memory;

	return is_in(addr, size, mem, sizeof(*mem)) ||
	       is_in(addr, size, m->frames, sizeof(m->frames)) ||
	       is_in(addr, size, &m->run->skb, sizeof(m->run->skb));
}

static void note(struct progen_run *run, __u64 addr, int size, bool write)
{
	for (int map = 0; map < PROGEN_NR_MAPS; map++) {
		const __u8 *value = run->memory.values[map][0];

		if (!is_in(addr, size, value, PROGEN_VALUE))
			continue;
		if (run->nr_accesses < PROGEN_MAX_ACCESSES)
			run->accesses[run->nr_accesses] = (struct progen_access) {
				map, addr - to_u64(value), size, write,
			};
		run->nr_accesses++;
	}
}

static void *access(struct machine *m, __u64 addr, int size, bool write)
{
	static __u8 nowhere[8];

	if (!is_valid(m, addr, size)) {
		fail(m);
		return nowhere;
	}
	note(m->run, addr, size, write);
	return (void *)(unsigned long)addr;
}

static __u64 load(const void *from, int size)
{
	__u64 value = 0;

	memcpy((char *)&value + LOW_PART(sizeof(value), size), from, size);
	return value;
}

static void store(void *to, int size, __u64 value)
{
	memcpy(to, (char *)&value + LOW_PART(sizeof(value), size), size);
}

/* A load of the packet's start or end is one of a pointer. */
static bool load_ctx(struct machine *m, const struct bpf_insn *insn)
{
	bool xdp = m->prog->type == BPF_PROG_TYPE_XDP;
	int data = xdp ? offsetof(struct xdp_md, data) : offsetof(struct __sk_buff, data);
	int end = xdp ? offsetof(struct xdp_md, data_end) : offsetof(struct __sk_buff, data_end);
	__u64 *dst = &m->regs[insn->dst_reg];

	if (m->regs[insn->src_reg] != to_u64(&m->run->skb))
		return false;
	if (insn->off == data)
		*dst = to_u64(m->run->memory.packet);
	else if (insn->off == end)
		*dst = to_u64(m->run->memory.packet + PROGEN_PACKET);
	else if (xdp)
		*dst = 0;	/* rx_queue_index */
	else
		return false;
	return true;
}

static void run_load(struct machine *m, const struct bpf_insn *insn)
{
	int size = size_of(insn);
	__u64 value;

	if (load_ctx(m, insn))
		return;
	value = load(access(m, m->regs[insn->src_reg] + insn->off, size, false), size);
	if (BPF_MODE(insn->code) == BPF_MEMSX)
		value = sign_extend(value, size * 8);
	m->regs[insn->dst_reg] = value;
}

static __u64 read_modify(struct machine *m, const struct bpf_insn *insn, __u64 old, int size)
{
	__u64 src = m->regs[insn->src_reg], mask = ~0ULL >> (64 - size * 8);

	switch (insn->imm & ~BPF_FETCH) {
	case BPF_ADD:
		return old + src;
	case BPF_AND:
		return old & src;
	case BPF_OR:
		return old | src;
	case BPF_XOR:
		return old ^ src;
	case BPF_XCHG & ~BPF_FETCH:
		return src;
	case BPF_CMPXCHG & ~BPF_FETCH:
		return old == (m->regs[0] & mask) ? src : old;
	default:
		return fail(m);
	}
}

static void run_atomic(struct machine *m, const struct bpf_insn *insn)
{
	__u64 old;
	int size = size_of(insn);
	void *mem;

	if (insn->imm == BPF_LOAD_ACQ) {
		mem = access(m, m->regs[insn->src_reg] + insn->off, size, false);
		m->regs[insn->dst_reg] = load(mem, size);
		return;
	}
	mem = access(m, m->regs[insn->dst_reg] + insn->off, size, true);
	if (insn->imm == BPF_STORE_REL) {
		store(mem, size, m->regs[insn->src_reg]);
		return;
	}
	old = load(mem, size);
	store(mem, size, read_modify(m, insn, old, size));
	if (insn->imm == BPF_CMPXCHG)
		m->regs[0] = old;
	else if (insn->imm & BPF_FETCH)
		m->regs[insn->src_reg] = old;
}

static void run_store(struct machine *m, const struct bpf_insn *insn)
{
	bool constant = BPF_CLASS(insn->code) == BPF_ST;
	int size = size_of(insn);
	void *mem;

	if (BPF_MODE(insn->code) == BPF_ATOMIC) {
		run_atomic(m, insn);
		return;
	}
	mem = access(m, m->regs[insn->dst_reg] + insn->off, size, true);
	store(mem, size, constant ? (__s64)insn->imm : m->regs[insn->src_reg]);
}

static void run_ld_imm64(struct machine *m, const struct bpf_insn *insn)
{
	__u64 *dst = &m->regs[insn->dst_reg];

	*dst = (__u32)insn[0].imm | (__u64)insn[1].imm << 32;
	if (insn->src_reg == BPF_PSEUDO_MAP_VALUE)
		*dst = to_u64(m->run->memory.result);
	m->pc++;
}

/* Calls */

static void enter(struct machine *m, const struct bpf_insn *insn)
{
	struct frame *frame = &m->frames[m->depth];

	if (m->depth == MAX_FRAMES - 1) {
		fail(m);
		return;
	}
	memcpy(frame->saved, m->regs + BPF_REG_6, sizeof(frame->saved));
	frame->pc = m->pc;
	m->depth++;
	m->pc += insn->imm;
	m->regs[BPF_REG_10] = to_u64(frame[1].stack + FRAME_SIZE);
}

/* False at the end of the main program. */
static bool leave(struct machine *m)
{
	struct frame *frame;

	if (!m->depth)
		return false;
	frame = &m->frames[--m->depth];
	memcpy(m->regs + BPF_REG_6, frame->saved, sizeof(frame->saved));
	m->pc = frame->pc;
	m->regs[BPF_REG_10] = to_u64(frame->stack + FRAME_SIZE);
	return true;
}

static __u8 *map_value(struct machine *m, __u64 map, __u64 key_addr)
{
	__u32 key;

	memcpy(&key, access(m, key_addr, sizeof(key), false), sizeof(key));
	if (key >= PROGEN_ENTRIES)
		return NULL;
	return m->run->memory.values[map == m->prog->maps.hash ? PROGEN_HASH : PROGEN_ARRAY][key];
}

static void run_helper(struct machine *m, const struct bpf_insn *insn)
{
	__u8 *value = NULL;
	const void *from;

	if (insn->imm != BPF_FUNC_get_smp_processor_id)
		value = map_value(m, m->regs[BPF_REG_1], m->regs[BPF_REG_2]);
	m->regs[BPF_REG_0] = 0;
	switch (insn->imm) {
	case BPF_FUNC_map_lookup_elem:
		m->regs[BPF_REG_0] = to_u64(value);
		break;
	case BPF_FUNC_map_update_elem:
		from = access(m, m->regs[BPF_REG_3], PROGEN_VALUE, false);
		if (value)
			memcpy(value, from, PROGEN_VALUE);
		break;
	case BPF_FUNC_get_smp_processor_id:
		break;
	default:
		fail(m);
	}
}

static bool run_jump(struct machine *m, const struct bpf_insn *insn)
{
	switch (BPF_OP(insn->code)) {
	case BPF_EXIT:
		return leave(m);
	case BPF_CALL:
		if (insn->src_reg == BPF_PSEUDO_CALL)
			enter(m, insn);
		else
			run_helper(m, insn);
		return true;
	default:
		if (is_taken(m, insn))
			m->pc += insn->off;
		return true;
	}
}

/* False when the program is at its end. */
static bool run_insn(struct machine *m)
{
	const struct bpf_insn *insn = &m->prog->insns[m->pc++];

	switch (BPF_CLASS(insn->code)) {
	case BPF_ALU:
	case BPF_ALU64:
		run_alu(m, insn);
		return true;
	case BPF_LD:
		run_ld_imm64(m, insn);
		return true;
	case BPF_LDX:
		run_load(m, insn);
		return true;
	case BPF_ST:
	case BPF_STX:
		run_store(m, insn);
		return true;
	default:
		return run_jump(m, insn);
	}
}

bool progen_run(const struct progen_prog *prog, struct progen_run *run)
{
	struct machine m = { .prog = prog, .run = run };
	int steps = 0;

	run->nr_accesses = 0;
	m.regs[BPF_REG_1] = to_u64(&run->skb);
	m.regs[BPF_REG_10] = to_u64(m.frames[0].stack + FRAME_SIZE);
	while (run_insn(&m) && !m.failed && ++steps < MAX_STEPS)
		;
	run->retval = m.regs[BPF_REG_0];
	return !m.failed && steps < MAX_STEPS && run->nr_accesses <= PROGEN_MAX_ACCESSES;
}
