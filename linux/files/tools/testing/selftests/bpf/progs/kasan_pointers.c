// SPDX-License-Identifier: GPL-2.0
/*
 * Every kind of pointer that a program can get hold of. What it points to is made bad for a moment,
 * in which nothing else touches it, and accessed. Each program returns 0 if it has seen what was
 * there.
 */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf_atomic.h>
#include "bpf_kfuncs.h"
#include "bpf_misc.h"
#include <bpf_arena_common.h>
#include "../test_kmods/bpf_test_kasan_kfunc.h"
#include "kasan_low_part.h"

#define POISON		0xff
#define ADDEND		7
#define VALUE		0x8182838485868788ULL
#define FREED_WORD	0x5a5a5a5a5a5a5a5aULL	/* what the module's objects are full of */
#define PACKET_OFF	16	/* aligned as the packet is */
#define PACKET_LEN	32

struct value {
	u64 words[4];
};

#define DEFINE_MAP(name, map_type, map_flag)		\
	struct {					\
		__uint(type, map_type);			\
		__uint(map_flags, map_flag);		\
		__uint(max_entries, 4);			\
		__type(key, u32);			\
		__type(value, struct value);		\
	} name SEC(".maps")

#define DEFINE_STORAGE(name, map_type)			\
	struct {					\
		__uint(type, map_type);			\
		__uint(map_flags, BPF_F_NO_PREALLOC);	\
		__type(key, int);			\
		__type(value, struct value);		\
	} name SEC(".maps")

DEFINE_MAP(array, BPF_MAP_TYPE_ARRAY, 0);
DEFINE_MAP(hash, BPF_MAP_TYPE_HASH, 0);
DEFINE_MAP(hash_alloc, BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC);
DEFINE_MAP(lru, BPF_MAP_TYPE_LRU_HASH, 0);
DEFINE_MAP(percpu_array, BPF_MAP_TYPE_PERCPU_ARRAY, 0);
DEFINE_MAP(percpu_hash, BPF_MAP_TYPE_PERCPU_HASH, 0);
DEFINE_MAP(percpu_lru, BPF_MAP_TYPE_LRU_PERCPU_HASH, 0);
DEFINE_STORAGE(task_storage, BPF_MAP_TYPE_TASK_STORAGE);
DEFINE_STORAGE(cgrp_storage, BPF_MAP_TYPE_CGRP_STORAGE);
DEFINE_STORAGE(sk_storage, BPF_MAP_TYPE_SK_STORAGE);

struct lpm_key {
	u32 prefixlen;
	u8 data[3];	/* so that no value is aligned */
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, struct lpm_key);
	__type(value, struct value);
} lpm SEC(".maps");

struct inner_array {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct value);
} inner SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, u32);
	__array(values, struct inner_array);
} outer SEC(".maps") = {
	.values = { &inner },
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ringbuf SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARENA);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
} arena SEC(".maps");

struct object {
	u64 words[4];
};

struct holder {
	__kptr struct object *object;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct holder);
} holders SEC(".maps");

struct percpu_holder {
	__percpu_kptr struct object *object;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct percpu_holder);
} percpu_holders SEC(".maps");

bool bad;		/* make it bad, or leave it good */
u64 scratch;
u64 probed[8];
static struct value global;

/* A pointer that went through memory is a number for the verifier. */
static __always_inline u64 address(const void *p)
{
	WRITE_ONCE(scratch, (u64)p);
	return READ_ONCE(scratch);
}

static __always_inline void set_bad(u64 addr, u32 size)
{
	if (bad)
		bpf_test_kasan_poison_at(addr, size, POISON);
}

static __always_inline void set_good(u64 addr, u32 size)
{
	if (bad)
		bpf_test_kasan_poison_at(addr, size, 0);
}

/* A store of 4 bytes and a load of 8, in the middle of 32 bytes or more. */
static __always_inline int use(void *mem)
{
	u64 *word = mem, addr, got;

	if (!word)
		return 1;
	word++;
	addr = address(word);
	WRITE_ONCE(*word, VALUE);
	set_bad(addr, sizeof(*word));
	WRITE_ONCE(*(u32 *)((char *)word + LOW_PART(8, 4)), (u32)VALUE + ADDEND);
	got = READ_ONCE(*word);
	set_good(addr, sizeof(*word));
	return got != VALUE + ADDEND || READ_ONCE(*word) != got;
}

/* Map values */

static __always_inline int use_map(void *map)
{
	struct value init = {};
	u32 key = 1;

	return bpf_map_update_elem(map, &key, &init, BPF_ANY) ?:
	       use(bpf_map_lookup_elem(map, &key));
}

SEC("syscall")
int value_array(void *ctx)
{
	return use_map(&array);
}

SEC("syscall")
int value_hash(void *ctx)
{
	return use_map(&hash);
}

SEC("syscall")
int value_hash_alloc(void *ctx)
{
	return use_map(&hash_alloc);
}

SEC("syscall")
int value_lru(void *ctx)
{
	return use_map(&lru);
}

SEC("tc")
int value_percpu_array(struct __sk_buff *ctx)
{
	return use_map(&percpu_array);
}

SEC("tc")
int value_percpu_hash(struct __sk_buff *ctx)
{
	return use_map(&percpu_hash);
}

SEC("tc")
int value_percpu_lru(struct __sk_buff *ctx)
{
	return use_map(&percpu_lru);
}

SEC("tc")
int value_percpu_elem(struct __sk_buff *ctx)
{
	u32 key = 1;

	return use(bpf_map_lookup_percpu_elem(&percpu_array, &key, bpf_get_smp_processor_id()));
}

SEC("syscall")
int value_lpm(void *ctx)
{
	struct lpm_key key = { .prefixlen = 24, .data = { 1, 2, 3 } };
	struct value init = {};

	return bpf_map_update_elem(&lpm, &key, &init, BPF_ANY) ?:
	       use(bpf_map_lookup_elem(&lpm, &key));
}

SEC("tc")
int value_inner(struct __sk_buff *ctx)
{
	u32 key = 0;
	void *map = bpf_map_lookup_elem(&outer, &key);

	return map ? use(bpf_map_lookup_elem(map, &key)) : 1;
}

SEC("syscall")
int value_global(void *ctx)
{
	return use(&global);
}

SEC("syscall")
int value_task_storage(void *ctx)
{
	return use(bpf_task_storage_get(&task_storage, bpf_get_current_task_btf(), NULL,
					BPF_LOCAL_STORAGE_GET_F_CREATE));
}

SEC("tc")
int value_cgrp_storage(struct __sk_buff *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return use(bpf_cgrp_storage_get(&cgrp_storage, task->cgroups->dfl_cgrp, NULL,
					BPF_LOCAL_STORAGE_GET_F_CREATE));
}

SEC("tc")
int value_sk_storage(struct __sk_buff *ctx)
{
	struct bpf_sock *sk = ctx->sk;

	if (!sk)
		return 1;
	sk = bpf_sk_fullsock(sk);
	return sk ? use(bpf_sk_storage_get(&sk_storage, sk, NULL,
					   BPF_LOCAL_STORAGE_GET_F_CREATE)) : 1;
}

/* Memory from helpers and dynptrs */

SEC("syscall")
int mem_ringbuf(void *ctx)
{
	struct value *value = bpf_ringbuf_reserve(&ringbuf, sizeof(*value), 0);
	int err;

	if (!value)
		return 1;
	err = use(value);
	bpf_ringbuf_discard(value, 0);
	return err;
}

SEC("syscall")
int dynptr_local(void *ctx)
{
	struct bpf_dynptr ptr;

	return bpf_dynptr_from_mem(&global, sizeof(global), 0, &ptr) ?:
	       use(bpf_dynptr_data(&ptr, 0, sizeof(global)));
}

SEC("syscall")
int dynptr_ringbuf(void *ctx)
{
	struct bpf_dynptr ptr;
	int err;

	err = bpf_ringbuf_reserve_dynptr(&ringbuf, sizeof(global), 0, &ptr) ?:
	      use(bpf_dynptr_data(&ptr, 0, sizeof(global)));
	bpf_ringbuf_discard_dynptr(&ptr, 0);
	return err;
}

SEC("tc")
int slice_skb(struct __sk_buff *ctx)
{
	struct bpf_dynptr ptr;
	u8 buf[PACKET_LEN];

	return bpf_dynptr_from_skb(ctx, 0, &ptr) ?:
	       use(bpf_dynptr_slice_rdwr(&ptr, PACKET_OFF, buf, sizeof(buf)));
}

SEC("xdp")
int slice_xdp(struct xdp_md *ctx)
{
	struct bpf_dynptr ptr;
	u8 buf[PACKET_LEN];

	return bpf_dynptr_from_xdp(ctx, 0, &ptr) ?:
	       use(bpf_dynptr_slice_rdwr(&ptr, PACKET_OFF, buf, sizeof(buf)));
}

/* A slice that starts anywhere: the verifier counts from 0, and the packet goes on. */
SEC("tc")
int slice_unaligned(struct __sk_buff *ctx)
{
	struct bpf_dynptr ptr;
	u8 buf[PACKET_LEN];

	return bpf_dynptr_from_skb(ctx, 0, &ptr) ?:
	       use(bpf_dynptr_slice_rdwr(&ptr, PACKET_OFF + 3, buf, sizeof(buf)));
}

SEC("tc")
int slice_local(struct __sk_buff *ctx)
{
	struct bpf_dynptr ptr;
	u8 buf[PACKET_LEN];

	return bpf_dynptr_from_mem(&global, sizeof(global), 0, &ptr) ?:
	       use(bpf_dynptr_slice_rdwr(&ptr, 0, buf, sizeof(global)));
}

/* Where the buffer is used after all, it is on the stack. */
SEC("tc")
int slice_buffer(struct __sk_buff *ctx)
{
	u8 buf[PACKET_LEN] __aligned(8) = {};
	struct bpf_dynptr ptr;
	u64 *word;

	if (bpf_dynptr_from_skb(ctx, 0, &ptr))
		return 1;
	word = bpf_dynptr_slice(&ptr, PACKET_OFF, buf, sizeof(buf));
	if (!word)
		return 1;
	set_bad(address(word), sizeof(*word));
	probed[0] = READ_ONCE(*word);
	set_good(address(word), sizeof(*word));
	return READ_ONCE(*word) != probed[0];
}

/* Packets */

SEC("tc")
int packet_tc(struct __sk_buff *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;

	if (data + PACKET_OFF + PACKET_LEN > data_end)
		return 1;
	return use(data + PACKET_OFF);
}

SEC("xdp")
int packet_xdp(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;

	if (data + PACKET_OFF + PACKET_LEN > data_end)
		return 1;
	return use(data + PACKET_OFF);
}

/* Neither access is within a granule. */
SEC("xdp")
int packet_unaligned(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;

	if (data + PACKET_OFF + 6 + PACKET_LEN > data_end)
		return 1;
	return use(data + PACKET_OFF + 6);
}

/* Accesses that reach into a bad granule with their last byte, one by one. */
SEC("xdp")
int packet_last_byte(struct xdp_md *ctx)
{
	u8 *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end, *p;
	u64 addr, before = 0, after = 0;

	p = data + PACKET_OFF;
	if (p + PACKET_LEN > data_end)
		return 1;
	before = *(u64 *)(p + 1) + *(u32 *)(p + 5) + *(u16 *)(p + 7) + p[8];
	addr = address(p + 8);
	set_bad(addr, 8);
	after += READ_ONCE(p[8]);
	after += READ_ONCE(*(u16 *)(p + 7));
	after += READ_ONCE(*(u32 *)(p + 5));
	after += READ_ONCE(*(u64 *)(p + 1));
	after += READ_ONCE(p[7]) - p[7];	/* the neighbour is good */
	set_good(addr, 8);
	return before != after;
}

SEC("xdp")
int packet_meta(struct xdp_md *ctx)
{
	void *meta, *data;

	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(struct value)))
		return 1;
	meta = (void *)(long)ctx->data_meta;
	data = (void *)(long)ctx->data;
	if (meta + sizeof(struct value) > data)
		return 1;
	return use(meta);
}

/* Kernel objects */

/* Not every vmlinux.h declares kfuncs. */
void *bpf_obj_new_impl(u64 local_type_id__k, void *meta__ign) __ksym;
void bpf_obj_drop_impl(void *p__alloc, void *meta__ign) __ksym;
void *bpf_percpu_obj_new_impl(u64 local_type_id__k, void *meta__ign) __ksym;
void bpf_percpu_obj_drop_impl(void *p__alloc, void *meta__ign) __ksym;

#define OBJECT_TYPE	bpf_core_type_id_local(struct object)

SEC("tc")
int obj_new(struct __sk_buff *ctx)
{
	struct object *object = bpf_obj_new_impl(OBJECT_TYPE, NULL);
	int err;

	if (!object)
		return 1;
	err = use(object->words);
	bpf_obj_drop_impl(object, NULL);
	return err;
}

/* In a map, and out of it again. */
SEC("tc")
int obj_kptr(struct __sk_buff *ctx)
{
	struct object *object = bpf_obj_new_impl(OBJECT_TYPE, NULL);
	struct holder *holder;
	u32 key = 0;
	int err;

	holder = bpf_map_lookup_elem(&holders, &key);
	if (object && holder)
		object = bpf_kptr_xchg(&holder->object, object);
	if (object)
		bpf_obj_drop_impl(object, NULL);
	if (!holder)
		return 1;
	object = bpf_kptr_xchg(&holder->object, NULL);
	if (!object)
		return 1;
	err = use(object->words);
	bpf_obj_drop_impl(object, NULL);
	return err;
}

SEC("tc")
int obj_percpu(struct __sk_buff *ctx)
{
	struct object *object = bpf_percpu_obj_new_impl(OBJECT_TYPE, NULL);
	struct percpu_holder *holder;
	u32 key = 0;

	holder = bpf_map_lookup_elem(&percpu_holders, &key);
	if (object && holder)
		object = bpf_kptr_xchg(&holder->object, object);
	if (object)
		bpf_percpu_obj_drop_impl(object, NULL);
	if (!holder)
		return 1;
	object = holder->object;
	if (!object)
		return 1;
	object = bpf_this_cpu_ptr(object);
	return use(object->words);
}

SEC("tc")
int sock_field(struct __sk_buff *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	u64 addr, before, after;

	if (!sk)
		return 1;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return 1;
	addr = address(sk) + bpf_core_field_offset(struct sock, sk_mark);
	before = READ_ONCE(sk->mark);
	set_bad(addr, 4);
	after = READ_ONCE(sk->mark);
	set_good(addr, 4);
	return before != after;
}

/* A field whose conversion goes from one structure to the next. */
SEC("xdp")
int xdp_chain(struct xdp_md *ctx)
{
	struct xdp_buff *xdp = bpf_cast_to_kern_ctx(ctx);
	u32 before = ctx->ingress_ifindex, after;
	u64 addr = address(xdp->rxq->dev) + bpf_core_field_offset(struct net_device, ifindex);

	set_bad(addr, 4);
	after = ctx->ingress_ifindex;
	set_good(addr, 4);
	return before != after;
}

/* Left alone */

#define LOW_OF(type, page)						\
	((type __arena *)((char __arena *)(page) + LOW_PART(8, sizeof(type))))

SEC("syscall")
int arena_all(void *ctx)
{
	u64 __arena *page = bpf_arena_alloc_pages(&arena, NULL, 1, NUMA_NO_NODE, 0);
	u64 sum;

	if (!page)
		return 1;
	WRITE_ONCE(page[0], VALUE);
	sum = READ_ONCE(*LOW_OF(u8, page)) + READ_ONCE(*LOW_OF(u16, page));
	sum += READ_ONCE(*LOW_OF(u32, page)) + READ_ONCE(*page);
	sum += READ_ONCE(*LOW_OF(s8, page));
	WRITE_ONCE(*LOW_OF(u8, page + 1), 1);
	WRITE_ONCE(*LOW_OF(u16, page + 2), 2);
	WRITE_ONCE(*LOW_OF(u32, page + 3), 3);
	sum += __sync_fetch_and_add(page, ADDEND);
	sum += page[1] + page[2] + page[3] + page[0];
	bpf_arena_free_pages(&arena, page, 1);
	return sum != (u8)VALUE + (u16)VALUE + (u32)VALUE + VALUE + (s8)VALUE +
		      VALUE + 1 + 2 + 3 + VALUE + ADDEND;
}

/* With kernel.bpf_kasan=2 these are checked. Reads what was freed. */
SEC("syscall")
int probe_widths(void *ctx)
{
	struct bpf_test_kasan_obj *next = bpf_test_kasan_list()->next;
	s64 word;

	if (READ_ONCE(*(u64 *)&next->value) != FREED_WORD ||
	    READ_ONCE(*(u32 *)&next->value) != (u32)FREED_WORD ||
	    READ_ONCE(*(u16 *)&next->value) != (u16)FREED_WORD ||
	    READ_ONCE(*(u8 *)&next->value) != (u8)FREED_WORD)
		return 1;
	asm volatile ("%[word] = *(s32 *)(%[next] + 0);"
		      : [word]"=r"(word) : [next]"r"(next));
	return word != (s32)FREED_WORD;
}

char _license[] SEC("license") = "GPL";
