// SPDX-License-Identifier: GPL-2.0-only
/* A helper that writes 72 bytes to 64, in code that the compiler has instrumented. */
#include "map-value.bpf.h"

volatile __u64 size SEC(".data.inputs") = 72;

SEC("syscall")
int helper_write(void *ctx)
{
	static const char text[] = "%072d";
	__u64 len = size, arg = 1;
	char *value = map_value();

	if (!value)
		return 1;
	note_access(value, 72);
	if (len < 1 || len > 72)
		return 1;
	bpf_snprintf(value, len, text, &arg, sizeof(arg)); /* bad access */
	return 0;
}
