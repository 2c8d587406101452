// SPDX-License-Identifier: GPL-2.0-only
/* The path with the limit 1000 is taken for one that has been verified with 56. */
#include "map-value.bpf.h"

volatile __u64 off SEC(".data.inputs") = 64;

SEC("syscall")
int prune_precision(void *ctx)
{
	__u64 limit, at, which = two;
	__u32 key = 0;
	char *value;

	/* Not map_value(): the jumps and instructions up to here count as well, see below. */
	value = bpf_map_lookup_elem(&map, &key);
	if (!value)
		return 1;
	note_object(value, VALUE_SIZE);
	at = off;
	/* With two jumps and eight instructions the verifier saves a state behind them. */
	asm volatile("%[limit] = 1000;"
		     "if %[which] != 0 goto +9;"
		     "goto +0;"
		     "%[limit] = 1;"
		     "%[limit] = 2;"
		     "%[limit] = 3;"
		     "%[limit] = 4;"
		     "%[limit] = 5;"
		     "%[limit] = 6;"
		     "%[limit] = 7;"
		     "%[limit] = 56;"
		     : [limit] "=&r"(limit) : [which] "r"(which));
	asm volatile goto("if %[at] > %[limit] goto %l[out]"
			  :: [at] "r"(at), [limit] "r"(limit) :: out);
	value += at;
	note_access(value, 8);
	evidence.value = *(volatile __u64 *)value; /* bad access */
	return 0;
out:
	return 1;
}
