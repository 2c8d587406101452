// SPDX-License-Identifier: GPL-2.0-only
/* The program that is called last by the function moves the packet. */
#include "bug.bpf.h"

SEC("tc")
int grow(struct __sk_buff *skb)
{
	return bpf_skb_change_head(skb, 256, 0);
}

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__array(values, int (void *));
} programs SEC(".maps") = {
	.values = { (void *)&grow },
};

__noinline int call_grow(struct __sk_buff *skb)
{
	volatile int ret = 1;

	bpf_tail_call_static(skb, &programs, 0);
	return ret;
}

SEC("tc")
int packet_tail_call(struct __sk_buff *skb)
{
	char *old = (void *)(long)skb->data;

	if (old + 8 > (char *)(long)skb->data_end)
		return 1;
	if (call_grow(skb))
		return 1;
	note_object((void *)(long)skb->data, skb->len);
	note_access(old, 8);
	evidence.value = *(volatile __u64 *)old; /* bad access */
	return 0;
}
