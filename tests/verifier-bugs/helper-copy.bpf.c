// SPDX-License-Identifier: GPL-2.0-only
/* A helper that writes 65 bytes to 64, with a plain memcpy(). */
#include "bug.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, char[64]);
} map SEC(".maps");

volatile __u64 size SEC(".data.inputs") = 65;

SEC("tc")
int helper_copy(struct __sk_buff *skb)
{
	__u64 len = size;
	__u32 key = 0;
	char *value;

	value = bpf_map_lookup_elem(&map, &key);
	if (!value)
		return 1;
	note_object(value, 64);
	note_access(value, 65);
	if (len < 1 || len > 65)
		return 1;
	bpf_skb_load_bytes(skb, 0, value, len); /* bad access */
	return 0;
}
