// SPDX-License-Identifier: GPL-2.0-only
/* A helper that writes 72 bytes to 64, in code that the compiler has instrumented. */
#include "bug.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, char[64]);
} map SEC(".maps");

volatile __u64 size SEC(".data.inputs") = 72;

SEC("syscall")
int helper_write(void *ctx)
{
	static const char text[] = "%072d";
	__u64 len = size, arg = 1;
	__u32 key = 0;
	char *value;

	value = bpf_map_lookup_elem(&map, &key);
	if (!value)
		return 1;
	note_object(value, 64);
	note_access(value, 72);
	if (len < 1 || len > 72)
		return 1;
	bpf_snprintf(value, len, text, &arg, sizeof(arg)); /* bad access */
	return 0;
}
