// SPDX-License-Identifier: GPL-2.0-only
/* (s8)0x80 >> 26 is taken for 0x80 >> 26, which is 0, and is 63. */
#include "map-value.bpf.h"

volatile __u8 byte SEC(".data.inputs") = 0x80;

SEC("syscall")
int sext_var_off(void *ctx)
{
	char *value = map_value();
	__u64 off;

	if (!value)
		return 1;
	off = byte;
	asm volatile("r1 = %[off]; r1 &= 0xff; w1 = (s8)w1; r1 >>= 26; %[off] = r1"
		     : [off] "+r"(off) :: "r1");
	value += off + 8;
	note_access(value, 8);
	evidence.value = *(volatile __u64 *)value; /* bad access */
	return 0;
}
