// SPDX-License-Identifier: GPL-2.0-only
/* The JIT adds 56 where the program subtracts 200. */
#include "bug.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, char[256]);
} map SEC(".maps");

SEC("syscall")
int jit_imm8(void *ctx)
{
	__u32 key = 0;
	char *value;

	value = bpf_map_lookup_elem(&map, &key);
	if (!value)
		return 1;
	note_object(value, 256);
	asm volatile("%[value] += 248; %[value] += -200" : [value] "+r"(value));
	note_access(value, 8);
	evidence.value = *(volatile __u64 *)value; /* bad access */
	return 0;
}
