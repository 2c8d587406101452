// SPDX-License-Identifier: GPL-2.0
/*
 * Accesses to every kind of memory that the test module hands out: at the first byte that is bad,
 * and at the last one that is not.
 */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf_atomic.h>
#include "../test_kmods/bpf_test_kasan_kfunc.h"

#define BUF		64
#define POISON		0xff
#define FREED_WORD	0x5a5a5a5a5a5a5a5aULL	/* what the constructor left there */

static __always_inline int load1(u8 *p)
{
	READ_ONCE(*p);
	return 0;
}

static __always_inline int load4(u8 *p)
{
	READ_ONCE(*(u32 *)p);
	return 0;
}

static __always_inline int load8(u8 *p)
{
	READ_ONCE(*(u64 *)p);
	return 0;
}

static __always_inline int store1(u8 *p)
{
	WRITE_ONCE(*p, 1);
	return 0;
}

/* A report does not stop the access: the program sees what is there. */
SEC("syscall")
int freed_read(void *ctx)
{
	u64 *p = (u64 *)bpf_test_kasan_freed(BUF);

	return READ_ONCE(p[4]) != FREED_WORD;
}

SEC("syscall")
int freed_write(void *ctx)
{
	u32 *p = (u32 *)bpf_test_kasan_freed(BUF);

	WRITE_ONCE(p[5], 1);
	return 0;
}

SEC("syscall")
int freed_add(void *ctx)
{
	u64 *p = (u64 *)bpf_test_kasan_freed(BUF);

	return __sync_fetch_and_add(p + 6, 1) != FREED_WORD;
}

SEC("syscall")
int tail_whole(void *ctx)
{
	return load8(bpf_test_kasan_tail(BUF));
}

SEC("syscall")
int tail_half(void *ctx)
{
	return load4(bpf_test_kasan_tail(BUF) + 8);
}

SEC("syscall")
int tail_last(void *ctx)
{
	return load1(bpf_test_kasan_tail(BUF) + 11);
}

SEC("syscall")
int tail_last_write(void *ctx)
{
	return store1(bpf_test_kasan_tail(BUF) + 11);
}

SEC("syscall")
int tail_straddle(void *ctx)
{
	return load8(bpf_test_kasan_tail(BUF) + 4);
}

SEC("syscall")
int tail_past(void *ctx)
{
	return load1(bpf_test_kasan_tail(BUF) + 12);
}

SEC("syscall")
int tail_past_write(void *ctx)
{
	return store1(bpf_test_kasan_tail(BUF) + 12);
}

SEC("syscall")
int tail_past_half(void *ctx)
{
	return load8(bpf_test_kasan_tail(BUF) + 8);
}

SEC("syscall")
int tail_past_unaligned(void *ctx)
{
	return load4(bpf_test_kasan_tail(BUF) + 9);
}

SEC("syscall")
int tail_past_straddle(void *ctx)
{
	return load8(bpf_test_kasan_tail(BUF) + 5);
}

SEC("syscall")
int vmalloc_last(void *ctx)
{
	return load1(bpf_test_kasan_vmalloc_tail(BUF) + 11);
}

SEC("syscall")
int vmalloc_past(void *ctx)
{
	return load1(bpf_test_kasan_vmalloc_tail(BUF) + 12);
}

SEC("syscall")
int vmalloc_past_write(void *ctx)
{
	return store1(bpf_test_kasan_vmalloc_tail(BUF) + 16);
}

SEC("syscall")
int before_first(void *ctx)
{
	return load8(bpf_test_kasan_before(BUF) + 8);
}

SEC("syscall")
int before_past(void *ctx)
{
	return load1(bpf_test_kasan_before(BUF) + 7);
}

/* The second of the two granules is the good one. */
SEC("syscall")
int before_past_straddle(void *ctx)
{
	return load8(bpf_test_kasan_before(BUF) + 4);
}

SEC("syscall")
int arena_clean(void *ctx)
{
	u8 *p = bpf_test_kasan_arena(BUF);

	return bpf_test_kasan_poison(p + 16, 8, POISON) ||
	       load8(p + 8) || load8(p + 24) ||
	       bpf_test_kasan_unpoison(p + 16, 8) ||
	       load8(p + 16);
}

static __always_inline int load_poisoned(u8 value)
{
	u8 *p = bpf_test_kasan_arena(BUF);

	return bpf_test_kasan_poison(p + 16, 8, value) ||
	       load8(p + 8) || load8(p + 16) || load8(p + 24) ||
	       bpf_test_kasan_unpoison(p + 16, 8);
}

SEC("syscall")
int arena_poisoned(void *ctx)
{
	return load_poisoned(POISON);
}

/* Of all the values that are less than 0 the one farthest from it, and one that nothing uses. */
SEC("syscall")
int arena_poisoned_min(void *ctx)
{
	return load_poisoned(0x80);
}

char _license[] SEC("license") = "GPL";
