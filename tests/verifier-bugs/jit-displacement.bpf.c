// SPDX-License-Identifier: GPL-2.0-only
/* The JIT reads at +56 where the program reads at -200. */
#include "bug.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, char[256]);
} map SEC(".maps");

SEC("syscall")
int jit_displacement(void *ctx)
{
	__u32 key = 0;
	__u64 found;
	char *value;

	value = bpf_map_lookup_elem(&map, &key);
	if (!value)
		return 1;
	note_object(value, 256);
	evidence.expected = 0x4242424242424242;
	*(volatile __u64 *)(value + 48) = 0x4242424242424242;
	note_access(value + 48, 8);
	asm volatile("%[value] += 248; %[found] = *(u64 *)(%[value] - 200)" /* bad access */
		     : [value] "+r"(value), [found] "=&r"(found) :: "memory");
	evidence.value = found;
	return 0;
}
