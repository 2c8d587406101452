// SPDX-License-Identifier: GPL-2.0-only
/* 0xffffffff + 1 is 0, unless the JIT leaves the carry in the upper half. */
#include "map-value.bpf.h"

SEC("syscall")
int jit_zext(void *ctx)
{
	__u64 off;
	char *value = map_value();

	if (!value)
		return 1;
	asm volatile("w1 = -1; w1 += 1; r1 >>= 26; %[off] = r1" : [off] "=r"(off) :: "r1");
	value += off;
	note_access(value, 8);
	evidence.value = *(volatile __u64 *)value; /* bad access */
	return 0;
}
