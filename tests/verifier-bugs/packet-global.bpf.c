// SPDX-License-Identifier: GPL-2.0-only
/* The function moves the packet. */
#include "bug.bpf.h"

__noinline int grow(struct __sk_buff *skb)
{
	return bpf_skb_change_head(skb, 256, 0);
}

SEC("tc")
int packet_global(struct __sk_buff *skb)
{
	char *old = (void *)(long)skb->data;

	if (old + 8 > (char *)(long)skb->data_end)
		return 1;
	if (grow(skb))
		return 1;
	note_object((void *)(long)skb->data, skb->len);
	note_access(old, 8);
	evidence.value = *(volatile __u64 *)old; /* bad access */
	return 0;
}
