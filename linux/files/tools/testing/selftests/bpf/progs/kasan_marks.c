// SPDX-License-Identifier: GPL-2.0
/*
 * Accesses of which only the second of two granules is bad, or only the first, where the verifier's
 * knowledge of the alignment depends on the path, or on the map.
 */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf_atomic.h>
#include "bpf_kfuncs.h"
#include "bpf_misc.h"
#include "../test_kmods/bpf_test_kasan_kfunc.h"

#define BUF	64
#define POISON	0xff

u64 aligned[2];
u64 seen;

struct lpm_key {
	u32 prefixlen;
	u32 data;		/* so that the value does not begin at a granule */
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct lpm_key);
	__type(value, u64);
} trie SEC(".maps");

/* The access, which the verifier walks once for each call. */
static __noinline u64 read_word(u64 *p)
{
	return READ_ONCE(*p);
}

/* The last 6 bytes of a kfunc's memory, and 2 more. */
static __always_inline u64 *straddling(void)
{
	return (u64 *)(bpf_test_kasan_tail(BUF) + BPF_TEST_KASAN_TAIL - 6);
}

SEC("syscall")
int aligned_first(void *ctx)
{
	seen = read_word(aligned);
	seen += read_word(straddling());
	return 0;
}

SEC("syscall")
int aligned_last(void *ctx)
{
	seen = read_word(straddling());
	seen += read_word(aligned);
	return 0;
}

SEC("tc")
int lpm_value(struct __sk_buff *skb)
{
	struct lpm_key key = { .prefixlen = 32, .data = 1 };
	u64 zero = 0, *value;
	int err;

	if (bpf_map_update_elem(&trie, &key, &zero, BPF_ANY))
		return 1;
	value = bpf_map_lookup_elem(&trie, &key);
	if (!value)
		return 2;
	err = bpf_test_kasan_poison((void *)value + 4, 4, POISON);
	seen = READ_ONCE(*value);
	err |= bpf_test_kasan_poison((void *)value + 4, 4, 0);
	return err;
}

/* The argument is which granule is bad; the load is of the second half of 0 and the first of 1. */
SEC("syscall")
int probe_straddle(u64 *arg)
{
	u8 *mem = bpf_test_kasan_arena(BUF);
	u64 granule = *arg;
	struct timespec64 *ts;
	int err;

	if (granule > 2)
		return 1;
	err = bpf_test_kasan_poison(mem + granule * 8, 8, POISON);
	ts = bpf_rdonly_cast(mem + 4, bpf_core_type_id_kernel(struct timespec64));
	seen = ts->tv_sec;
	err |= bpf_test_kasan_unpoison(mem + granule * 8, 8);
	return err;
}

char _license[] SEC("license") = "GPL";
