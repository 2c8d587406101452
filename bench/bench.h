/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>

struct bpf_object;

/* How a program is run. */
enum run_type {
	RUN_NOT,	/* only loaded */
	RUN_TC,
	RUN_XDP,
	RUN_RAW_TP,
};

struct real {
	const char *name;	/* in the table */
	const char *object;	/* of the kernel's selftests, without .bpf.o */
	const char *program;
	enum run_type type;
	int repeat;		/* runs in one call of BPF_PROG_TEST_RUN */
	int units;		/* packets or samples that one run handles */
	int expected;		/* what a run returns */
	/* Fill the maps and make the packet; its length, or -1. */
	int (*setup)(struct bpf_object *obj, void *packet);
};

#define MAX_PACKET 256

extern const struct real reals[];
extern const int nr_reals;

#endif /* BENCH_H */
