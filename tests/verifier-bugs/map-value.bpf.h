/* SPDX-License-Identifier: GPL-2.0-only */
/* For the programs that leave a map's value: a map with one of them, behind which is a redzone. */
#ifndef MAP_VALUE_BPF_H
#define MAP_VALUE_BPF_H

#include "bug.bpf.h"

#ifndef VALUE_SIZE
#define VALUE_SIZE 64
#endif

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, char[VALUE_SIZE]);
} map SEC(".maps");

static __always_inline char *map_value(void)
{
	__u32 key = 0;
	char *value = bpf_map_lookup_elem(&map, &key);

	if (value)
		note_object(value, VALUE_SIZE);
	return value;
}

#endif /* MAP_VALUE_BPF_H */
