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
 * Both take a range of the arena that starts at a granule. poison() writes @value to the shadow of
 * every granule that the range touches; unpoison() leaves bytes of the last granule invalid when
 * the range ends within it.
 */
int bpf_test_kasan_poison(u32 off, u32 size, u8 value) __ksym;
int bpf_test_kasan_unpoison(u32 off, u32 size) __ksym;

/*
 * Poison memory that the program has by other means, 128 bytes at most, or a field of the sk_buff
 * behind a context. Nothing else may touch it before restore(), which gives it its shadow back; a
 * second call without one in between is refused.
 */
int bpf_test_kasan_poison_mem(void *mem, u32 mem__sz) __ksym;
int bpf_test_kasan_poison_skb_len(struct __sk_buff *ctx) __ksym;
int bpf_test_kasan_poison_skb_mark(struct __sk_buff *ctx) __ksym;
__ksym void bpf_test_kasan_restore(void);

#endif /* _BPF_TEST_KASAN_KFUNC_H */
