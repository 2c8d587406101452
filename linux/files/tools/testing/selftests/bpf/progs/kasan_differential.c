// SPDX-License-Identifier: GPL-2.0
/* The maps of the programs that prog_tests/kasan_differential.c generates, and their shadow. */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include "bpf_misc.h"
#include "kasan_differential.h"
#include "../kasan_progen.h"
#include "../test_kmods/bpf_test_kasan_kfunc.h"

struct value {
	u64 words[PROGEN_VALUE / 8];
};

struct result {
	u64 words[PROGEN_RESULT / 8];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PROGEN_ENTRIES);
	__type(key, u32);
	__type(value, struct value);
} array SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PROGEN_ENTRIES);
	__type(key, u32);
	__type(value, struct value);
} hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct result);
} result SEC(".maps");

SEC("syscall")
int poison(struct differential_poison *arg)
{
	u32 key = 0, off = arg->off;
	u8 *value;

	if (arg->in_hash)
		value = bpf_map_lookup_elem(&hash, &key);
	else
		value = bpf_map_lookup_elem(&array, &key);
	if (!value || off > PROGEN_VALUE - DIFFERENTIAL_GRANULE)
		return 1;
	arg->start = (u64)value;
	return bpf_test_kasan_poison(value + off, DIFFERENTIAL_GRANULE, arg->shadow);
}

char _license[] SEC("license") = "GPL";
