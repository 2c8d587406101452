// SPDX-License-Identifier: GPL-2.0-only
/* A helper that writes 65 bytes to 64, with a plain memcpy(). */
#include "map-value.bpf.h"

volatile __u64 size SEC(".data.inputs") = 65;

SEC("tc")
int helper_copy(struct __sk_buff *skb)
{
	__u64 len = size;
	char *value = map_value();

	if (!value)
		return 1;
	note_access(value, 65);
	if (len < 1 || len > 65)
		return 1;
	bpf_skb_load_bytes(skb, 0, value, len); /* bad access */
	return 0;
}
