// SPDX-License-Identifier: GPL-2.0-only
/* The JIT reads at +56 where the program reads at -200. */
#define VALUE_SIZE 256
#include "map-value.bpf.h"

SEC("syscall")
int jit_displacement(void *ctx)
{
	__u64 found;
	char *value = map_value();

	if (!value)
		return 1;
	evidence.expected = 0x4242424242424242;
	*(volatile __u64 *)(value + 48) = 0x4242424242424242;
	note_access(value + 48, 8);
	asm volatile("%[value] += 248; %[found] = *(u64 *)(%[value] - 200)" /* bad access */
		     : [value] "+r"(value), [found] "=&r"(found) :: "memory");
	evidence.value = found;
	return 0;
}
