// SPDX-License-Identifier: GPL-2.0-only
/* The same bug as in mov32-sign, backwards: the map's own header is before its values. */
#include "map-value.bpf.h"

SEC("syscall")
int map_header(void *ctx)
{
	__u32 header = bpf_core_field_offset(struct bpf_array, value);
	char *value = map_value();
	__u64 one;

	if (!value)
		return 1;
	asm volatile("w1 = -1; r1 += 1; r1 >>= 32; %[one] = r1" : [one] "=r"(one) :: "r1");
	value -= one * (header - bpf_core_field_offset(struct bpf_map, ops));
	note_access(value, 8);
	evidence.value = *(volatile __u64 *)value; /* bad access */
	return 0;
}
