// SPDX-License-Identifier: GPL-2.0-only
/* That 2^32 is not below 2 says nothing about its lower half, which is 0. */
#include "map-value.bpf.h"

volatile __u64 large SEC(".data.inputs") = 0x100000000;

SEC("syscall")
int bounds_64_to_32(void *ctx)
{
	__u64 low = large, off = 2, found = 0;
	char *value = map_value();

	if (!value)
		return 1;
	asm volatile goto("r1 = %[low];"
			  "if r1 < 2 goto %l[out];"
			  "if w1 > 2 goto %l[out];"
			  "w1 = w1;"
			  "*(u64 *)%[found] = r1"
			  :: [low] "r"(low), [found] "m"(found) : "r1" : out);
	off = (off - found) << 5;
	barrier_var(off);
	value += off;
	note_access(value, 8);
	evidence.value = *(volatile __u64 *)value; /* bad access */
	return 0;
out:
	return 1;
}
