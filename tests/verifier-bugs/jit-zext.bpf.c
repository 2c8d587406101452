// SPDX-License-Identifier: GPL-2.0-only
/* 0xffffffff + 1 is 0, unless the JIT leaves the carry in the upper half. */
#include "bug.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, char[64]);
} map SEC(".maps");

SEC("syscall")
int jit_zext(void *ctx)
{
	__u64 off;
	__u32 key = 0;
	char *value;

	value = bpf_map_lookup_elem(&map, &key);
	if (!value)
		return 1;
	note_object(value, 64);
	asm volatile("w1 = -1; w1 += 1; r1 >>= 26; %[off] = r1" : [off] "=r"(off) :: "r1");
	value += off;
	note_access(value, 8);
	evidence.value = *(volatile __u64 *)value; /* bad access */
	return 0;
}
