// SPDX-License-Identifier: GPL-2.0-only
/* (s8)0x80 >> 26 is taken for 0x80 >> 26, which is 0, and is 63. */
#include "bug.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, char[64]);
} map SEC(".maps");

volatile __u8 byte SEC(".data.inputs") = 0x80;

SEC("syscall")
int sext_var_off(void *ctx)
{
	__u32 key = 0;
	char *value;
	__u64 off;

	value = bpf_map_lookup_elem(&map, &key);
	if (!value)
		return 1;
	note_object(value, 64);
	off = byte;
	asm volatile("r1 = %[off]; r1 &= 0xff; w1 = (s8)w1; r1 >>= 26; %[off] = r1"
		     : [off] "+r"(off) :: "r1");
	value += off + 8;
	note_access(value, 8);
	evidence.value = *(volatile __u64 *)value; /* bad access */
	return 0;
}
