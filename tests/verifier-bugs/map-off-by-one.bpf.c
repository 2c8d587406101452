// SPDX-License-Identifier: GPL-2.0-only
/* The byte right behind the value. */
#include "map-value.bpf.h"

SEC("syscall")
int map_off_by_one(void *ctx)
{
	__u64 off = two << 5;
	char *value = map_value();

	if (!value || off > 64)
		return 1;
	value += off;
	note_access(value, 1);
	*(volatile __u8 *)value = 0x41; /* bad access */
	evidence.value = *(volatile __u8 *)value;
	return 0;
}
