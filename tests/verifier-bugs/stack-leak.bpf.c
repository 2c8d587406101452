// SPDX-License-Identifier: GPL-2.0-only
/* The same bug as in mov32-sign, on the stack: the return address is above it. */
#include "bug.bpf.h"

SEC("syscall")
int stack_leak(void *ctx)
{
	__u64 buf[1] = { 0 }, off;
	char *p = (char *)buf;

	asm volatile("w1 = -1; r1 += 1; r1 >>= 29; r1 *= 3; %[off] = r1" : [off] "=r"(off) :: "r1");
	note_object(buf, sizeof(buf));
	p += off;
	note_access(p, 8);
	evidence.value = *(volatile __u64 *)p; /* bad access */
	return 0;
}
