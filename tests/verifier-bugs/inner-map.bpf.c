// SPDX-License-Identifier: GPL-2.0-only
/* A value of an inner map of which nobody had anything else, and that has been replaced. */
#include "bug.bpf.h"

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, char[64]);
} inner SEC(".maps"), other SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct inner);
} outer SEC(".maps") = {
	.values = { &inner },
};

static __u32 key, other_fd;

static __always_inline int replace_inner(void)
{
	union bpf_attr attr = {};

	key = 0;
	other_fd = evidence.other_fd;
	attr.map_fd = evidence.outer_fd;
	attr.key = address(&key);
	attr.value = address(&other_fd);
	return bpf_sys_bpf(BPF_MAP_UPDATE_ELEM, &attr, sizeof(attr));
}

SEC("syscall")
int inner_map(void *ctx)
{
	__u32 zero = 0;
	char *value;
	void *map;

	map = bpf_map_lookup_elem(&outer, &zero);
	if (!map)
		return 1;
	value = bpf_map_lookup_elem(map, &zero);
	if (!value || replace_inner())
		return 1;
	wait_until_freed(value);
	note_access(value, 8);
	evidence.value = *(volatile __u64 *)value; /* bad access */
	return 0;
}
