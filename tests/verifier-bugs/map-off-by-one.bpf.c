// SPDX-License-Identifier: GPL-2.0-only
/* The byte right behind the value. */
#include "bug.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, char[64]);
} map SEC(".maps");

SEC("syscall")
int map_off_by_one(void *ctx)
{
	__u64 off = two << 5;
	__u32 key = 0;
	char *value;

	value = bpf_map_lookup_elem(&map, &key);
	if (!value || off > 64)
		return 1;
	note_object(value, 64);
	value += off;
	note_access(value, 1);
	*(volatile __u8 *)value = 0x41; /* bad access */
	evidence.value = *(volatile __u8 *)value;
	return 0;
}
