// SPDX-License-Identifier: GPL-2.0-only
/* A helper that reads 64 bytes of the stack, where the program has 8. */
#include "bug.bpf.h"

volatile __u64 size SEC(".data.inputs") = 64;

SEC("tc")
int helper_stack(struct __sk_buff *skb)
{
	__u64 buf[1] = { 0 }, len = size;

	note_object(buf, sizeof(buf));
	note_access(buf, 64);
	if (len < 1 || len > 64)
		return 1;
	bpf_skb_store_bytes(skb, 0, buf, len, 0); /* bad access */
	bpf_skb_load_bytes(skb, sizeof(buf) * 3, (void *)&evidence.value, 8);
	return 0;
}
