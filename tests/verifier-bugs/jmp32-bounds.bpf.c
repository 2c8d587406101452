// SPDX-License-Identifier: GPL-2.0-only
/* [1, 2^32 + 1] becomes 1 by a comparison of the lower half. */
#include "map-value.bpf.h"

SEC("syscall")
int jmp32_bounds(void *ctx)
{
	__u64 off = two, found = 0;
	char *value = map_value();

	if (!value)
		return 1;
	asm volatile goto("r1 = %[off];"
			  "r2 = 0x100000001 ll;"
			  "if r1 > r2 goto %l[out];"
			  "if r1 == 0 goto %l[out];"
			  "if w1 == 5 goto %l[out];"
			  "w1 = w1;"
			  "*(u64 *)%[found] = r1"
			  :: [off] "r"(off), [found] "m"(found) : "r1", "r2" : out);
	off = (found - 1) << 6;
	barrier_var(off);
	value += off;
	note_access(value, 8);
	evidence.value = *(volatile __u64 *)value; /* bad access */
	return 0;
out:
	return 1;
}
