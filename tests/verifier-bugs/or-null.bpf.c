// SPDX-License-Identifier: GPL-2.0-only
/* NULL + 64 is taken for 0 once NULL has been seen. */
#include "bug.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, char[64]);
} map SEC(".maps");

SEC("syscall")
int or_null(void *ctx)
{
	__u32 no_key = 1, key = 0;
	char *null, *value;
	__u64 off;

	value = bpf_map_lookup_elem(&map, &key);
	null = bpf_map_lookup_elem(&map, &no_key);
	if (!value)
		return 1;
	asm volatile("%[off] = %[null]; %[off] += 64" : [off] "=&r"(off) : [null] "r"(null));
	if (null)
		return 1;
	note_object(value, 64);
	value += off;
	note_access(value, 8);
	*(volatile __u64 *)value = 0x4141414141414141; /* bad access */
	evidence.value = *(volatile __u64 *)value;
	return 0;
}
