// SPDX-License-Identifier: GPL-2.0-only
/* The byte right behind the packet, which is in its buffer. */
#include "bug.bpf.h"

SEC("tc")
int packet_range(struct __sk_buff *skb)
{
	char *data = (void *)(long)skb->data;

	if (data + 64 > (char *)(long)skb->data_end)
		return 1;
	note_object(data, 64);
	note_access(data + 64, 1);
	evidence.value = *(volatile __u8 *)(data + 64); /* bad access */
	return 0;
}
