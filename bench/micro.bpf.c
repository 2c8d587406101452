// SPDX-License-Identifier: GPL-2.0-only
#include "micro.h"

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* Zero here; the loader and the replay fill it in the same way. */
u8 memory[MICRO_SIZE] __attribute__((aligned(8)));

#define MICRO_PROG(name, accesses, kind)			\
SEC("tc")							\
int bench_##name(struct __sk_buff *skb)				\
{								\
	u8 *data = memory;					\
								\
	micro_hide(data);					\
	return name(data);					\
}

MICRO_PROGS(MICRO_PROG)

/* What a test run of each type costs by itself. */
SEC("tc")
int bench_nothing_tc(struct __sk_buff *skb)
{
	return 0;
}

SEC("xdp")
int bench_nothing_xdp(struct xdp_md *xdp)
{
	return XDP_TX;
}

SEC("raw_tp")
int bench_nothing_raw_tp(void *ctx)
{
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
