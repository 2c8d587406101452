/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For programs that run with good memory and with bad memory, and do the same: one word of three,
 * whose shadow a test changes while the program does not run, and two that stay good.
 */
#ifndef __KASAN_TARGET_H
#define __KASAN_TARGET_H

#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf_atomic.h>
#include "../test_kmods/bpf_test_kasan_kfunc.h"
#include "kasan_low_part.h"

#define POISON		0xff
#define FIRST		100
#define TARGET		20
#define LAST		3

struct shadow_args {
	u64 bad;
};

u64 words[3] = { FIRST, TARGET, LAST };

/* Offsets, for assembly */
#define AT_FIRST	0
#define AT_TARGET	8
#define AT_LAST		16

static __always_inline u64 first(void)
{
	return READ_ONCE(words[0]);
}

static __always_inline u64 target(void)
{
	return READ_ONCE(words[1]);
}

static __always_inline u64 last(void)
{
	return READ_ONCE(words[2]);
}

/* The program may have written to all of them. */
SEC("syscall")
int set_target(struct shadow_args *args)
{
	if (args->bad)
		return bpf_test_kasan_poison(&words[1], sizeof(words[1]), POISON);
	if (bpf_test_kasan_unpoison(&words[1], sizeof(words[1])))
		return 1;
	WRITE_ONCE(words[0], FIRST);
	WRITE_ONCE(words[1], TARGET);
	WRITE_ONCE(words[2], LAST);
	return 0;
}

char _license[] SEC("license") = "GPL";

#endif /* __KASAN_TARGET_H */
