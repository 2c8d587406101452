// SPDX-License-Identifier: GPL-2.0-only
/* 0xffffffff + 1 is taken for -1 + 1. */
#include "map-value.bpf.h"

SEC("syscall")
int mov32_sign(void *ctx)
{
	char *value = map_value();
	__u64 off;

	if (!value)
		return 1;
	asm volatile("w1 = -1; r1 += 1; r1 >>= 26; %[off] = r1" : [off] "=r"(off) :: "r1");
	value += off;
	note_access(value, 4);
	*(volatile __u32 *)value = 0x41414141; /* bad access */
	evidence.value = *(volatile __u32 *)value;
	return 0;
}
