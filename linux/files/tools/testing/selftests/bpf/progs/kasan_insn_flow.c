// SPDX-License-Identifier: GPL-2.0
/*
 * Bad accesses in all the places that a program has: subprograms, loops, jump targets, contexts,
 * packets, maps, what the fixups make of helper calls; and stack accesses, which are not checked.
 */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf_atomic.h>
#include "bpf_misc.h"
#include "../test_kmods/bpf_test_kasan_kfunc.h"

#define BUF	64
#define WORDS	16
#define POISON	0xff
#define VALUE	0x0123456789abcdefULL

struct value {
	u64 words[2];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct value);
} array SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct value);
} hash SEC(".maps");

u64 global_word = VALUE;
u32 global_key[2] __aligned(8);	/* a granule */
u64 fields[16];

/* What a socket program and a packet hold is what prog_tests/kasan_insn.c put there. */
struct args {
	u64 take_stack;
};

/* The access is the first instruction, where the calls go. */
static __noinline u64 read_word(u64 *p)
{
	return READ_ONCE(*p);
}

__noinline u64 global_read_word(u64 *p __arg_nonnull)
{
	return READ_ONCE(*p);
}

SEC("syscall")
int subprog(void *ctx)
{
	u64 *p = (u64 *)bpf_test_kasan_freed(BUF);

	return read_word(p + 1) == 0;
}

SEC("syscall")
int subprog_global(void *ctx)
{
	u64 *p = (u64 *)bpf_test_kasan_freed(BUF);

	return global_read_word(p + 1) == 0;
}

SEC("syscall")
int subprog_stack(void *ctx)
{
	u64 word = VALUE;
	int err;

	err = bpf_test_kasan_poison(&word, sizeof(word), POISON);
	err |= read_word(&word) != VALUE;
	err |= bpf_test_kasan_unpoison(&word, sizeof(word));
	return err;
}

/* One instruction, two call sites: the stack is verified first, or last. */
SEC("syscall")
int subprog_mixed(void *ctx)
{
	u64 *p = (u64 *)bpf_test_kasan_freed(BUF);
	u64 word = VALUE;

	return read_word(&word) != VALUE || read_word(p + 1) == 0 || read_word(&word) != VALUE;
}

/* The access is the target of a jump back. */
SEC("syscall")
__naked int jump_to_access(void)
{
	asm volatile ("r1 = 64;"
		      "call %[bpf_test_kasan_freed];"
		      "r1 = r0;"
		      "r0 = 0;"
		      "1: r2 = *(u64 *)(r1 + 8);"
		      "r0 += 1;"
		      "if r0 < 3 goto 1b;"
		      "r0 -= 3;"
		      "exit;"
		      : : __imm(bpf_test_kasan_freed)
		      : __clobber_all);
}

SEC("syscall")
__naked int jump_over_access(void)
{
	asm volatile ("r6 = *(u64 *)(r1 + 0);"
		      "r1 = 64;"
		      "call %[bpf_test_kasan_freed];"
		      "r1 = r0;"
		      "r0 = 0;"
		      "if r6 == 0 goto 1f;"
		      "r2 = *(u64 *)(r1 + 8);"
		      "1: exit;"
		      : : __imm(bpf_test_kasan_freed)
		      : __clobber_all);
}

/*
 * The stack on one path, freed memory on the other. The verifier goes on with the next instruction
 * before it follows the jump.
 */
SEC("syscall")
__naked int mixed_stack_last(void)
{
	asm volatile ("r6 = *(u64 *)(r1 + 0);"
		      "r1 = 64;"
		      "call %[bpf_test_kasan_freed];"
		      "*(u64 *)(r10 - 8) = 7;"
		      "r1 = r10;"
		      "r1 += -8;"
		      "if r6 != 0 goto 1f;"
		      "r1 = r0;"
		      "1: r2 = *(u64 *)(r1 + 0);"
		      "r0 = 0;"
		      "exit;"
		      : : __imm(bpf_test_kasan_freed)
		      : __clobber_all);
}

SEC("syscall")
__naked int mixed_stack_first(void)
{
	asm volatile ("r6 = *(u64 *)(r1 + 0);"
		      "r1 = 64;"
		      "call %[bpf_test_kasan_freed];"
		      "*(u64 *)(r10 - 8) = 7;"
		      "r1 = r0;"
		      "if r6 == 0 goto 1f;"
		      "r1 = r10;"
		      "r1 += -8;"
		      "1: r2 = *(u64 *)(r1 + 0);"
		      "r0 = 0;"
		      "exit;"
		      : : __imm(bpf_test_kasan_freed)
		      : __clobber_all);
}

/*
 * Two instructions that only differ in what the verifier knows of their base, among some that the
 * fixups replace by several.
 */
SEC("tc")
__naked int twins_stack_first(void)
{
	asm volatile ("r6 = r1;"
		      "r1 = 64;"
		      "call %[bpf_test_kasan_freed];"
		      "*(u64 *)(r10 - 8) = 7;"
		      "r3 = *(u32 *)(r6 + %[gso_size]);"
		      "r1 = r10;"
		      "r1 += -8;"
		      "r2 = *(u64 *)(r1 + 0);"
		      "r3 = *(u32 *)(r6 + %[gso_size]);"
		      "r1 = r0;"
		      "r2 = *(u64 *)(r1 + 0);"
		      "r0 = 0;"
		      "exit;"
		      : : __imm(bpf_test_kasan_freed),
			  __imm_const(gso_size, offsetof(struct __sk_buff, gso_size))
		      : __clobber_all);
}

SEC("tc")
__naked int twins_stack_last(void)
{
	asm volatile ("r6 = r1;"
		      "r1 = 64;"
		      "call %[bpf_test_kasan_freed];"
		      "*(u64 *)(r10 - 8) = 7;"
		      "r3 = *(u32 *)(r6 + %[gso_size]);"
		      "r1 = r0;"
		      "r2 = *(u64 *)(r1 + 0);"
		      "r3 = *(u32 *)(r6 + %[gso_size]);"
		      "r1 = r10;"
		      "r1 += -8;"
		      "r2 = *(u64 *)(r1 + 0);"
		      "r0 = 0;"
		      "exit;"
		      : : __imm(bpf_test_kasan_freed),
			  __imm_const(gso_size, offsetof(struct __sk_buff, gso_size))
		      : __clobber_all);
}

/* By r10, by copies of it, at offsets that only the program knows, and from another frame. */
SEC("syscall")
int stack_only(void *ctx)
{
	u64 words[WORDS] = {};
	u32 i = bpf_get_prandom_u32() % WORDS;
	int err;

	words[3] = VALUE;
	err = bpf_test_kasan_poison(words, sizeof(words), POISON);
	WRITE_ONCE(words[i], READ_ONCE(words[i]));
	err |= READ_ONCE(words[3]) != VALUE || read_word(words + 3) != VALUE;
	err |= bpf_test_kasan_unpoison(words, sizeof(words));
	return err;
}

SEC("syscall")
int global_value(void *ctx)
{
	int err;

	err = bpf_test_kasan_poison(&global_word, sizeof(global_word), POISON);
	err |= READ_ONCE(global_word) != VALUE;
	err |= bpf_test_kasan_unpoison(&global_word, sizeof(global_word));
	err |= READ_ONCE(global_word) != VALUE;
	return err;
}

static __always_inline int write_value(struct value *value)
{
	int err;

	if (!value)
		return 1;
	err = bpf_test_kasan_poison(value, sizeof(*value), POISON);
	WRITE_ONCE(value->words[1], VALUE);
	err |= bpf_test_kasan_unpoison(value, sizeof(*value));
	return err || READ_ONCE(value->words[1]) != VALUE;
}

SEC("syscall")
int array_value(void *ctx)
{
	u32 key = 0;

	return write_value(bpf_map_lookup_elem(&array, &key));
}

SEC("syscall")
int hash_value(void *ctx)
{
	struct value value = {};
	u32 key = 0;

	return bpf_map_update_elem(&hash, &key, &value, BPF_ANY) ||
	       write_value(bpf_map_lookup_elem(&hash, &key));
}

/* The fixups replace the call by a load of the key. */
SEC("syscall")
int inlined_lookup(void *ctx)
{
	struct value *value;
	int err;

	err = bpf_test_kasan_poison(global_key, sizeof(global_key), POISON);
	value = bpf_map_lookup_elem(&array, global_key);
	err |= bpf_test_kasan_unpoison(global_key, sizeof(global_key));
	return err || !value;
}

SEC("tc")
int skb_read(struct __sk_buff *skb)
{
	u32 len = READ_ONCE(skb->len), again;

	bpf_test_kasan_poison_skb_len(skb);
	again = READ_ONCE(skb->len);
	bpf_test_kasan_unpoison_skb(skb);
	return again != len;
}

/* The conversion loads the field whole. */
SEC("tc")
int skb_read_narrow(struct __sk_buff *skb)
{
	u8 len = READ_ONCE(*(u8 *)&skb->len), again;

	bpf_test_kasan_poison_skb_len(skb);
	again = READ_ONCE(*(u8 *)&skb->len);
	bpf_test_kasan_unpoison_skb(skb);
	return again != len;
}

SEC("tc")
int skb_write(struct __sk_buff *skb)
{
	bpf_test_kasan_poison_skb_mark(skb);
	WRITE_ONCE(skb->mark, 7);
	bpf_test_kasan_unpoison_skb(skb);
	return READ_ONCE(skb->mark) != 7;
}

/* Some conversions keep a value in the register that a check would take. */
SEC("tc")
int skb_fields(struct __sk_buff *skb)
{
	fields[0] = skb->len;
	fields[1] = skb->mark;
	fields[2] = skb->priority;
	fields[3] = skb->gso_segs;
	fields[4] = skb->gso_size;
	fields[5] = skb->tstamp;
	fields[6] = skb->protocol;
	fields[7] = skb->pkt_type;
	fields[8] = skb->vlan_present;
	fields[9] = skb->queue_mapping;
	fields[10] = skb->hwtstamp;
	fields[11] = skb->cb[2];
	fields[12] = skb->hash;
	fields[13] = skb->wire_len;
	skb->tstamp = 3;
	fields[14] = skb->tstamp;
	skb->queue_mapping = 5;
	fields[15] = skb->queue_mapping;
	return 0;
}

/*
 * Poisons the second whole granule of a packet, and returns where it is, or a negative error. How a
 * packet is aligned is for the architecture to say; only a whole granule can be unpoisoned.
 */
static __always_inline int poison_packet(void *data)
{
	if (!bpf_test_kasan_unpoison(data + 8, 8))
		return bpf_test_kasan_poison(data + 8, 8, POISON) ?: 8;
	/* With a NET_IP_ALIGN of 2. */
	if (!bpf_test_kasan_unpoison(data + 14, 8))
		return bpf_test_kasan_poison(data + 14, 8, POISON) ?: 14;
	return -1;
}

static __always_inline int read_packet(void *data, void *data_end)
{
	int err;

	if (data + 40 > data_end)
		return 1;
	switch (poison_packet(data)) {
	case 8:
		READ_ONCE(*(u8 *)(data + 9));
		err = bpf_test_kasan_unpoison(data + 8, 8);
		break;
	case 14:
		READ_ONCE(*(u8 *)(data + 15));
		err = bpf_test_kasan_unpoison(data + 14, 8);
		break;
	default:
		return 2;
	}
	READ_ONCE(*(u32 *)(data + 28));
	READ_ONCE(*(u8 *)(data + 9));
	READ_ONCE(*(u8 *)(data + 15));
	return err;
}

SEC("tc")
int packet_read(struct __sk_buff *skb)
{
	return read_packet((void *)(long)skb->data, (void *)(long)skb->data_end);
}

/* Its verdict is the result: XDP_ABORTED is 0 */
SEC("xdp")
int packet_read_xdp(struct xdp_md *xdp)
{
	return read_packet((void *)(long)xdp->data, (void *)(long)xdp->data_end);
}

SEC("tc")
int packet_straddle(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *data_end = (void *)(long)skb->data_end;

	if (data + 40 > data_end)
		return 1;
	switch (poison_packet(data)) {
	case 8:
		WRITE_ONCE(*(u64 *)(data + 2), 0);
		return bpf_test_kasan_unpoison(data + 8, 8);
	case 14:
		WRITE_ONCE(*(u64 *)(data + 8), 0);
		return bpf_test_kasan_unpoison(data + 14, 8);
	default:
		return 2;
	}
}

/* The packet holds 0, 1, 2 ... behind its Ethernet header. */
SEC("tc")
__naked int packet_ld_abs(void)
{
	asm volatile ("r6 = r1;"
		      "r7 = 21;"
		      "r0 = *(u16 *)skb[16];"
		      "if r0 != 0x0203 goto 1f;"
		      "r0 = *(u8 *)skb[r7];"
		      "if r0 != 7 goto 1f;"
		      "r0 = *(u32 *)(r6 + %[len]);"
		      "if r0 != 64 goto 1f;"
		      "r0 = 0;"
		      "exit;"
		      "1: r0 = 1;"
		      "exit;"
		      : : __imm_const(len, offsetof(struct __sk_buff, len))
		      : __clobber_all);
}

static __noinline u64 read_with_stack(u64 *p, u64 seed)
{
	u64 words[WORDS];

	for (int i = 0; i < WORDS; i++)
		WRITE_ONCE(words[i], seed + i);
	READ_ONCE(*p);
	for (int i = 0; i < WORDS; i++) {
		if (READ_ONCE(words[i]) != seed + i)
			return 0;
	}
	return seed;
}

/* Programs of this type, with that much of it, have their stack elsewhere. */
SEC("raw_tp")
int private_stack(void *ctx)
{
	u64 *p = (u64 *)bpf_test_kasan_freed(BUF);
	u64 seed = bpf_get_prandom_u32() + 1ULL;

	return read_with_stack(p + 1, seed) != seed;
}

char _license[] SEC("license") = "GPL";
