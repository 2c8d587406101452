// SPDX-License-Identifier: GPL-2.0-only
/*
 * A packet counter with a use-after-free that no verifier can see: a kfunc of the test module looks
 * up a "flow", and hands out one that has been freed.
 */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>

struct flow {
	__u64 packets;
	__u64 bytes;
};

__u8 *bpf_test_kasan_freed(const int size) __ksym;

SEC("tc")
int count_packet(struct __sk_buff *skb)
{
	struct flow *flow = (struct flow *)bpf_test_kasan_freed(sizeof(*flow));

	flow->packets++;
	flow->bytes += skb->len;
	return 0;
}

char _license[] SEC("license") = "GPL";
