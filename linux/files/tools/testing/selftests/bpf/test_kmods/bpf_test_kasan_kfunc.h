/* SPDX-License-Identifier: GPL-2.0 */

#ifndef _BPF_TEST_KASAN_KFUNC_H
#define _BPF_TEST_KASAN_KFUNC_H

#ifndef __KERNEL__
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#else
#define __ksym
#endif

struct __sk_buff;

struct bpf_test_kasan_obj {
	__u64 value;
	struct bpf_test_kasan_obj *next;
};

/* What is valid behind the pointers, in bytes; whatever rdwr_buf_size says. */
#define BPF_TEST_KASAN_TAIL	12
#define BPF_TEST_KASAN_BEFORE	8
#define BPF_TEST_KASAN_ARENA	0x20000

/*
 * Each of these gives the verifier a buffer of rdwr_buf_size bytes, and gives the program less:
 *
 * freed	128 bytes of a slab object that was freed a moment ago; may be written
 * tail		the last 12 bytes of a slab object of 100 bytes: one full granule, and half of one;
 *		the 28 bytes after them may be written too
 * vmalloc_tail	the same, at the end of a vmalloc() area: the rest of its page may be written
 * before	8 bytes before a slab object, then 128 bytes of it; read only
 * arena	128 KiB, all of it valid until poisoned
 */
u8 *bpf_test_kasan_freed(const int rdwr_buf_size) __ksym;
u8 *bpf_test_kasan_tail(const int rdwr_buf_size) __ksym;
u8 *bpf_test_kasan_vmalloc_tail(const int rdwr_buf_size) __ksym;
u8 *bpf_test_kasan_before(const int rdwr_buf_size) __ksym;
u8 *bpf_test_kasan_arena(const int rdwr_buf_size) __ksym;

/*
 * Where memory and pointers have tags: a slab object of 112 bytes, all of them 0, and 16 after it
 * that may be written too. The pointer's tag is the object's, but for the bits in @flip, or it is
 * the one that matches all.
 */
#define BPF_TEST_KASAN_TAGGED		112
#define BPF_TEST_KASAN_MATCH_ALL	0x100
u8 *bpf_test_kasan_tagged(__u64 flip, const int rdwr_buf_size) __ksym;

/* A buffer at any address, also where no memory is. */
u8 *bpf_test_kasan_wild(__u64 addr, const int rdwr_buf_size) __ksym;

/* A valid object, whose next one was freed a moment ago. */
struct bpf_test_kasan_obj *bpf_test_kasan_list(void)
	__ksym;

/*
 * For any memory that a program may pass, as long as nothing else touches it meanwhile. poison()
 * writes @value to the shadow of every granule with a byte in the range; unpoison() takes a range
 * that starts at a granule, and leaves the last one in part if the range ends within it. Where
 * memory has tags, @value is how its tag is to differ from the pointer's.
 */
int bpf_test_kasan_poison(void *mem, u32 mem__sz, u8 value) __ksym;
int bpf_test_kasan_unpoison(void *mem, u32 mem__sz) __ksym;

/* The same at any address, for what a program may not pass, or not write. 0 makes it good. */
void bpf_test_kasan_poison_at(__u64 addr, __u32 size, __u8 value) __ksym;

/* The same, with 0xff, for fields of the sk_buff behind a context. */
void bpf_test_kasan_poison_skb_len(struct __sk_buff *ctx) __ksym;
void bpf_test_kasan_poison_skb_mark(struct __sk_buff *ctx) __ksym;
void bpf_test_kasan_unpoison_skb(struct __sk_buff *ctx) __ksym;

/* Reads memory as instrumented code does. */
int bpf_test_kasan_read(const void *mem, u32 mem__sz) __ksym;

/* Writes where a program could not, for instance what it has spilled to its stack. */
void bpf_test_kasan_write_at(__u64 addr, __u64 value) __ksym;

/* How many granules of the task's stack are poisoned, from its end up to an address? */
int bpf_test_kasan_stale(__u64 addr) __ksym;

#endif /* _BPF_TEST_KASAN_KFUNC_H */
