/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random BPF programs that the verifier accepts, and a model that runs them in user space: what
 * they compute, and which bytes of the maps they access, in which order.
 */
#ifndef __KASAN_PROGEN_H
#define __KASAN_PROGEN_H

#define PROGEN_MAX_INSNS	4096
#define PROGEN_MAX_ACCESSES	4096
#define PROGEN_PACKET		64	/* bytes, all of which a program may access */
#define PROGEN_VALUE		64	/* bytes of a map's value */
#define PROGEN_ENTRIES		2	/* of the array and of the hash */
#define PROGEN_STACK		128	/* bytes of the stack that end up in the result */
#define PROGEN_REGS		6	/* and registers */
#define PROGEN_RESULT		(PROGEN_REGS * 8 + PROGEN_STACK)

/* The program that defines the maps needs no more. */
#ifndef __bpf__

#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/types.h>

struct progen_maps {
	int array;	/* PROGEN_ENTRIES values of PROGEN_VALUE bytes, keys are u32 */
	int hash;	/* the same; all its keys are there */
	int result;	/* an array of one value of PROGEN_RESULT bytes */
};

struct progen_prog {
	__u64 seed;
	enum bpf_prog_type type;	/* XDP or SCHED_CLS */
	struct progen_maps maps;
	int len;
	struct bpf_insn insns[PROGEN_MAX_INSNS];
	bool bounds;	/* for bugs in the bounds of the verifier, which may refuse the program */
};

/* The same seed, type, bounds and maps give the same program. */
void progen_make(struct progen_prog *prog);
void progen_print(const struct progen_prog *prog);

/* A pseudo-random number that depends on nothing but @state, which it changes. */
__u64 progen_random(__u64 *state);

enum progen_map { PROGEN_ARRAY, PROGEN_HASH, PROGEN_NR_MAPS };

/* An access of the value with key 0. */
struct progen_access {
	enum progen_map map;
	int off;
	int size;
	bool write;
};

/* What a program may change, before it runs and after. */
struct progen_memory {
	__u8 values[PROGEN_NR_MAPS][PROGEN_ENTRIES][PROGEN_VALUE];
	__u8 result[PROGEN_RESULT];
	__u8 packet[PROGEN_PACKET];
};

struct progen_run {
	struct progen_memory memory;
	struct __sk_buff skb;		/* the fields that a program may write */
	__u32 retval;
	int nr_accesses;
	struct progen_access accesses[PROGEN_MAX_ACCESSES];
};

/* Runs the program on the memory in @run. False if the model does not know what it does. */
bool progen_run(const struct progen_prog *prog, struct progen_run *run);

#endif /* __bpf__ */
#endif /* __KASAN_PROGEN_H */
