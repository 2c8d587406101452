// SPDX-License-Identifier: GPL-2.0-only
/* NULL + 64 is taken for 0 once NULL has been seen. */
#include "map-value.bpf.h"

SEC("syscall")
int or_null(void *ctx)
{
	__u32 no_key = 1;
	char *null, *value;
	__u64 off;

	value = map_value();
	null = bpf_map_lookup_elem(&map, &no_key);
	if (!value)
		return 1;
	asm volatile("%[off] = %[null]; %[off] += 64" : [off] "=&r"(off) : [null] "r"(null));
	if (null)
		return 1;
	value += off;
	note_access(value, 8);
	*(volatile __u64 *)value = 0x4141414141414141; /* bad access */
	evidence.value = *(volatile __u64 *)value;
	return 0;
}
