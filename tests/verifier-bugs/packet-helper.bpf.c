// SPDX-License-Identifier: GPL-2.0-only
/* The helper moves the packet. */
#include "bug.bpf.h"

SEC("tc")
int packet_helper(struct __sk_buff *skb)
{
	char *old = (void *)(long)skb->data;

	if (old + 8 > (char *)(long)skb->data_end)
		return 1;
	if (bpf_skb_change_head(skb, 256, 0))
		return 1;
	note_object((void *)(long)skb->data, skb->len);
	note_access(old, 8);
	evidence.value = *(volatile __u64 *)old; /* bad access */
	return 0;
}
