// SPDX-License-Identifier: GPL-2.0-only
/* The packet moves, its slice does not. */
#include "bug.bpf.h"

extern int bpf_dynptr_from_skb(struct __sk_buff *skb, __u64 flags, struct bpf_dynptr *ptr) __ksym;
extern void *bpf_dynptr_slice(const struct bpf_dynptr *ptr, __u64 off, void *buf,
			      __u64 size) __ksym;

SEC("tc")
int dynptr_slice(struct __sk_buff *skb)
{
	struct bpf_dynptr ptr;
	char *slice;

	if (bpf_dynptr_from_skb(skb, 0, &ptr))
		return 1;
	slice = bpf_dynptr_slice(&ptr, 16, NULL, 8);
	if (!slice)
		return 1;
	if (bpf_skb_change_head(skb, 256, 0))
		return 1;
	note_object((void *)(long)skb->data, skb->len);
	note_access(slice, 8);
	evidence.value = *(volatile __u64 *)slice; /* bad access */
	return 0;
}
