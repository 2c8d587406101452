// SPDX-License-Identifier: GPL-2.0
/* Poisons a part of a packet that only the receiver's classic filter looks at. */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include "../test_kmods/bpf_test_kasan_kfunc.h"
#include "kasan_insn_classic.h"

#define TC_NEXT		-1
#define ETH_P_IP	0x0800
#define POISON		0xff

__u16 port;		/* in network byte order */
bool poison, poisoned;

SEC("tcx/ingress")
int poison_payload(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *data_end = (void *)(long)skb->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);
	struct udphdr *udp = (void *)(ip + 1);
	void *payload = udp + 1;

	if (payload + CLASSIC_PAYLOAD > data_end)
		return TC_NEXT;

	if (eth->h_proto == bpf_htons(ETH_P_IP) && ip->protocol == IPPROTO_UDP &&
	    udp->dest == port && poison)
		poisoned = !bpf_test_kasan_poison(payload + CLASSIC_BAD, CLASSIC_BAD_SIZE, POISON);
	return TC_NEXT;
}

char _license[] SEC("license") = "GPL";
