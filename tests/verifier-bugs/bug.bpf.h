/* SPDX-License-Identifier: GPL-2.0-only */
/* For the programs that a verifier with a bug accepts: what they note for the runner. */
#ifndef BUG_BPF_H
#define BUG_BPF_H

#include <vmlinux.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include "evidence.h"

#define SHADOW_OFFSET	0xdffffc0000000000ULL	/* KASAN_SHADOW_OFFSET of x86-64 */
#define MAX_WAITS	1000000
#define WAIT_NS		2000000000ULL

char _license[] SEC("license") = "GPL";

/* The runner finds it by the name of its section. */
volatile struct evidence evidence SEC(".bss.evidence");

/* A number that the verifier does not know. */
volatile __u64 two SEC(".data.inputs") = 2;

/* By way of memory: the verifier does no arithmetic on a pointer's bits. */
static __always_inline __u64 address(const void *p)
{
	evidence.addr = (__u64)p;
	return evidence.addr;
}

static __always_inline __u8 shadow_of(__u64 addr)
{
	__u8 shadow = 0;

	bpf_probe_read_kernel(&shadow, sizeof(shadow), (void *)((addr >> 3) + SHADOW_OFFSET));
	return shadow;
}

/* What the program may access. */
static __always_inline void note_object(const void *start, __u32 size)
{
	evidence.start = address(start);
	evidence.end = evidence.start + size;
}

/* What it will access next, and what KASAN knows of its last byte. */
static __always_inline void note_access(const void *p, __u32 size)
{
	evidence.size = size;
	evidence.shadow = shadow_of(address(p) + size - 1);
}

struct wait {
	__u64 addr, end;
};

static long is_over(__u64 i, struct wait *wait)
{
	char none;

	bpf_copy_from_user(&none, sizeof(none), NULL); /* may sleep */
	return shadow_of(wait->addr) != 0 || bpf_ktime_get_ns() > wait->end;
}

/* In a sleepable program, outside of what RCU protects; not for ever. */
static __always_inline void wait_until_freed(const void *p)
{
	struct wait wait = { address(p), bpf_ktime_get_ns() + WAIT_NS };

	bpf_loop(MAX_WAITS, is_over, &wait, 0);
}

#endif /* BUG_BPF_H */
