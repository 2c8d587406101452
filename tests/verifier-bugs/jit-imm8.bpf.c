// SPDX-License-Identifier: GPL-2.0-only
/* The JIT adds 56 where the program subtracts 200. */
#define VALUE_SIZE 256
#include "map-value.bpf.h"

SEC("syscall")
int jit_imm8(void *ctx)
{
	char *value = map_value();

	if (!value)
		return 1;
	asm volatile("%[value] += 248; %[value] += -200" : [value] "+r"(value));
	note_access(value, 8);
	evidence.value = *(volatile __u64 *)value; /* bad access */
	return 0;
}
