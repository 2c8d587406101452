// SPDX-License-Identifier: GPL-2.0-only
/* 0xffffffff + 1 is taken for -1 + 1. */
#include "bug.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, char[64]);
} map SEC(".maps");

SEC("syscall")
int mov32_sign(void *ctx)
{
	__u32 key = 0;
	char *value;
	__u64 off;

	value = bpf_map_lookup_elem(&map, &key);
	if (!value)
		return 1;
	asm volatile("w1 = -1; r1 += 1; r1 >>= 26; %[off] = r1" : [off] "=r"(off) :: "r1");
	note_object(value, 64);
	value += off;
	note_access(value, 4);
	*(volatile __u32 *)value = 0x41414141; /* bad access */
	evidence.value = *(volatile __u32 *)value;
	return 0;
}
