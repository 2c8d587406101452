// SPDX-License-Identifier: GPL-2.0
/*
 * Memory for tests of instrumented BPF programs: kfuncs that return pointers to bytes that the
 * verifier takes for valid and that KASAN knows not to be.
 *
 * Every byte handed out is backed by memory of this module, and bad writes hit nothing that anyone
 * reads, so that a program which misbehaves as told does no harm. This file is built without KASAN:
 * it writes the shadow directly.
 */
#include <linux/bits.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/init.h>
#include <linux/kasan.h>
#include <linux/kasan-checks.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/task_stack.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include "bpf_test_kasan_kfunc.h"

#define OBJ_SIZE	128
#define TAIL_SIZE	100
#define TAIL_OFF	(TAIL_SIZE - BPF_TEST_KASAN_TAIL)
#define OBJ_FILL	0x5a
#define SKB_POISON	0xff
#define GRANULE_SIZE	BIT(KASAN_SHADOW_SCALE_SHIFT)

static struct kmem_cache *obj_cache;
static u8 *obj_pair[2];
static u8 *slab_area;
static u8 *vmalloc_area;
static u8 *arena_area, *arena;
static struct bpf_test_kasan_obj list;

/*
 * A cache with a constructor keeps its free pointer, and KASAN's notes about freed objects, out of
 * the object: one that is freed can be written to.
 */
static void obj_ctor(void *obj)
{
	memset(obj, OBJ_FILL, OBJ_SIZE);
}

/* Memory has tags, as pointers do. Tests ask for this. */
static bool tags = IS_ENABLED(CONFIG_KASAN_SW_TAGS);
module_param(tags, bool, 0444);
MODULE_PARM_DESC(tags, "Whether KASAN compares tags");

#if defined(CONFIG_KASAN_GENERIC) || defined(CONFIG_KASAN_SW_TAGS)
static const bool have_kasan = true;

static u8 *shadow_of(const void *mem)
{
	return kasan_mem_to_shadow(kasan_reset_tag(mem));
}

/* What makes memory good for this pointer. */
static u8 good_shadow(const void *mem)
{
	return IS_ENABLED(CONFIG_KASAN_SW_TAGS) ? (unsigned long)mem >> 56 : 0;
}

static int poison(const void *mem, u32 size, u8 value)
{
	u8 *first = shadow_of(mem), *last = shadow_of(mem + size - 1);

	if (!size)
		return -EINVAL;

	memset(first, value ^ good_shadow(mem), last - first + 1);
	return 0;
}

static int unpoison(const void *mem, u32 size)
{
	u8 *last = shadow_of(mem + size - 1);
	int err;

	if (!IS_ALIGNED((unsigned long)mem, GRANULE_SIZE))
		return -EINVAL;

	err = poison(mem, size, 0);
	if (!err && !IS_ENABLED(CONFIG_KASAN_SW_TAGS))
		*last = size % GRANULE_SIZE;
	return err;
}

static int count_poisoned(const void *start, const void *end)
{
	const u8 *shadow = shadow_of(start), *last = shadow_of(end);
	int cnt = 0;

	for (; shadow < last; shadow++)
		cnt += *shadow != 0;
	return cnt;
}
#else
static const bool have_kasan;

static int poison(const void *mem, u32 size, u8 value)
{
	return -EOPNOTSUPP;
}

static int unpoison(const void *mem, u32 size)
{
	return -EOPNOTSUPP;
}

static int count_poisoned(const void *start, const void *end)
{
	return -EOPNOTSUPP;
}
#endif

__bpf_kfunc_start_defs();

/* When there is no memory the program gets bytes that are valid, and its test sees no report. */
__bpf_kfunc u8 *bpf_test_kasan_freed(const int rdwr_buf_size)
{
	u8 *obj = kmem_cache_alloc(obj_cache, GFP_ATOMIC);

	if (!obj)
		return arena;

	/* Without a quarantine it may be one that a program has written to. */
	obj_ctor(obj);
	kmem_cache_free(obj_cache, obj);
	return obj;
}

__bpf_kfunc u8 *bpf_test_kasan_tail(const int rdwr_buf_size)
{
	return slab_area + TAIL_OFF;
}

__bpf_kfunc u8 *bpf_test_kasan_vmalloc_tail(const int rdwr_buf_size)
{
	return vmalloc_area + PAGE_SIZE + TAIL_OFF;
}

/* The first object of a slab may lie at the start of a page, behind memory of someone else. */
__bpf_kfunc u8 *bpf_test_kasan_before(const int rdwr_buf_size)
{
	u8 *obj = PAGE_ALIGNED(obj_pair[0]) ? obj_pair[1] : obj_pair[0];

	return obj - BPF_TEST_KASAN_BEFORE;
}

__bpf_kfunc u8 *bpf_test_kasan_arena(const int rdwr_buf_size)
{
	return arena;
}

__bpf_kfunc u8 *bpf_test_kasan_tagged(u64 flip, const int rdwr_buf_size)
{
	unsigned long addr = (unsigned long)slab_area;

	if (flip == BPF_TEST_KASAN_MATCH_ALL)
		return (u8 *)(addr | 0xffUL << 56);
	return (u8 *)(addr ^ flip << 56);
}

__bpf_kfunc u8 *bpf_test_kasan_wild(u64 addr, const int rdwr_buf_size)
{
	return (u8 *)addr;
}

__bpf_kfunc struct bpf_test_kasan_obj *bpf_test_kasan_list(void)
{
	list.next = (struct bpf_test_kasan_obj *)bpf_test_kasan_freed(OBJ_SIZE);
	return &list;
}

__bpf_kfunc int bpf_test_kasan_poison(void *mem, u32 mem__sz, u8 value)
{
	return poison(mem, mem__sz, value);
}

__bpf_kfunc int bpf_test_kasan_unpoison(void *mem, u32 mem__sz)
{
	return unpoison(mem, mem__sz);
}

__bpf_kfunc void bpf_test_kasan_poison_at(u64 addr, u32 size, u8 value)
{
	poison((void *)(long)addr, size, value);
}

__bpf_kfunc void bpf_test_kasan_write_at(u64 addr, u64 value)
{
	*(u64 *)addr = value;
}

__bpf_kfunc int bpf_test_kasan_stale(u64 addr)
{
	return count_poisoned(task_stack_page(current), (void *)addr);
}

__bpf_kfunc int bpf_test_kasan_read(const void *mem, u32 mem__sz)
{
	return !__kasan_check_read(mem, mem__sz);
}

__bpf_kfunc void bpf_test_kasan_poison_skb_len(struct __sk_buff *ctx)
{
	struct sk_buff *skb = (struct sk_buff *)ctx;

	poison(&skb->len, sizeof(skb->len), SKB_POISON);
}

__bpf_kfunc void bpf_test_kasan_poison_skb_mark(struct __sk_buff *ctx)
{
	struct sk_buff *skb = (struct sk_buff *)ctx;

	poison(&skb->mark, sizeof(skb->mark), SKB_POISON);
}

__bpf_kfunc void bpf_test_kasan_unpoison_skb(struct __sk_buff *ctx)
{
	struct sk_buff *skb = (struct sk_buff *)ctx;

	poison(&skb->len, sizeof(skb->len), 0);
	poison(&skb->mark, sizeof(skb->mark), 0);
}

__bpf_kfunc_end_defs();

BTF_KFUNCS_START(bpf_test_kasan_ids)
BTF_ID_FLAGS(func, bpf_test_kasan_freed)
BTF_ID_FLAGS(func, bpf_test_kasan_tail)
BTF_ID_FLAGS(func, bpf_test_kasan_vmalloc_tail)
BTF_ID_FLAGS(func, bpf_test_kasan_before)
BTF_ID_FLAGS(func, bpf_test_kasan_arena)
BTF_ID_FLAGS(func, bpf_test_kasan_tagged)
BTF_ID_FLAGS(func, bpf_test_kasan_wild)
BTF_ID_FLAGS(func, bpf_test_kasan_list)
BTF_ID_FLAGS(func, bpf_test_kasan_poison)
BTF_ID_FLAGS(func, bpf_test_kasan_unpoison)
BTF_ID_FLAGS(func, bpf_test_kasan_poison_at)
BTF_ID_FLAGS(func, bpf_test_kasan_write_at)
BTF_ID_FLAGS(func, bpf_test_kasan_stale)
BTF_ID_FLAGS(func, bpf_test_kasan_read)
BTF_ID_FLAGS(func, bpf_test_kasan_poison_skb_len)
BTF_ID_FLAGS(func, bpf_test_kasan_poison_skb_mark)
BTF_ID_FLAGS(func, bpf_test_kasan_unpoison_skb)
BTF_KFUNCS_END(bpf_test_kasan_ids)

static const struct btf_kfunc_id_set bpf_test_kasan_set = {
	.owner	= THIS_MODULE,
	.set	= &bpf_test_kasan_ids,
};

static void free_memory(void)
{
	if (arena)
		unpoison(arena, BPF_TEST_KASAN_ARENA);
	vfree(arena_area);
	vfree(vmalloc_area);
	kfree(slab_area);
	for (int i = 0; i < ARRAY_SIZE(obj_pair); i++) {
		if (obj_pair[i])
			kmem_cache_free(obj_cache, obj_pair[i]);
	}
	kmem_cache_destroy(obj_cache);
}

static int alloc_memory(void)
{
	obj_cache = kmem_cache_create("bpf_test_kasan", OBJ_SIZE, 0, SLAB_NO_MERGE, obj_ctor);
	if (!obj_cache)
		return -ENOMEM;

	for (int i = 0; i < ARRAY_SIZE(obj_pair); i++) {
		obj_pair[i] = kmem_cache_alloc(obj_cache, GFP_KERNEL);
		if (!obj_pair[i])
			return -ENOMEM;
	}

	slab_area = kzalloc(TAIL_SIZE, GFP_KERNEL);
	vmalloc_area = vzalloc(PAGE_SIZE + TAIL_SIZE);
	/* A report shows the shadow before the bad address too, which has to be mapped. */
	arena_area = vzalloc(PAGE_SIZE + BPF_TEST_KASAN_ARENA);
	if (arena_area)
		arena = arena_area + PAGE_SIZE;
	return slab_area && vmalloc_area && arena ? 0 : -ENOMEM;
}

static int __init bpf_test_kasan_init(void)
{
	int err;

	if (!have_kasan)
		return -EOPNOTSUPP;

	/* BPF_PROG_TYPE_UNSPEC: for programs of every type */
	err = alloc_memory();
	if (!err)
		err = register_btf_kfunc_id_set(BPF_PROG_TYPE_UNSPEC, &bpf_test_kasan_set);
	if (err)
		free_memory();
	return err;
}

static void __exit bpf_test_kasan_exit(void)
{
	free_memory();
}

module_init(bpf_test_kasan_init);
module_exit(bpf_test_kasan_exit);

MODULE_DESCRIPTION("Bad memory for tests of BPF programs under KASAN");
MODULE_LICENSE("GPL");
