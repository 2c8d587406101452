// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_stack: what do redzones of stack frames cost?
 *
 * Calls a subprogram with a frame of 64 bytes a thousand times: without checks, with them, and with
 * redzones. Prints a line of tab separated numbers for each frame: for each of the three, nanoseconds
 * of a call and bytes of the program, as bytecode and JITed. A call of an empty frame is subtracted.
 * Under scripts/boot --icount, nanoseconds are instructions.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/filter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define CALLS		1000
#define RUNS		20	/* in one system call */
#define ROUNDS		3	/* of which the fastest counts */
#define MAX_INSNS	16
#define NR_SIDES	3

#define EXIT		BPF_RAW_INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
#define IMM(OP, REG, N)	BPF_RAW_INSN(BPF_ALU64 | (OP) | BPF_K, REG, 0, 0, N)
#define REG(OP, TO, BY)	BPF_RAW_INSN(BPF_ALU64 | (OP) | BPF_X, TO, BY, 0, 0)
#define STORE(TO, OFF)	BPF_RAW_INSN(BPF_ST | BPF_MEM | BPF_DW, TO, 0, OFF, 1)

/* r2 points into the frame, where the verifier does not know. */
#define COMPUTE							\
	STORE(BPF_REG_10, -64),					\
	IMM(BPF_AND, BPF_REG_1, 32), REG(BPF_MOV, BPF_REG_2, BPF_REG_10), \
	IMM(BPF_ADD, BPF_REG_2, -64), REG(BPF_ADD, BPF_REG_2, BPF_REG_1)
#define OUT IMM(BPF_MOV, BPF_REG_0, 0), EXIT

static const struct side {
	const char *checks, *redzones;
} sides[NR_SIDES] = { { "0", "0" }, { "1", "0" }, { "1", "1" } };

struct cost {
	double ns;
	__u32 xlated, jited;
};

static const struct frame {
	const char *name;
	struct bpf_insn insns[MAX_INSNS];
} empty = { "empty", { STORE(BPF_REG_10, -64), OUT } }, frames[] = {
	{ "constant index", { STORE(BPF_REG_10, -64), STORE(BPF_REG_10, -56), OUT } },
	{ "computed, no access", { COMPUTE, OUT } },
	{ "computed, 1 store", { COMPUTE, STORE(BPF_REG_2, 0), OUT } },
	{ "computed, 4 stores", { COMPUTE, STORE(BPF_REG_2, 0), STORE(BPF_REG_2, 8),
				  STORE(BPF_REG_2, 16), STORE(BPF_REG_2, 24), OUT } },
};

/* Calls the subprogram that comes after it. */
static const struct bpf_insn caller[] = {
	IMM(BPF_MOV, BPF_REG_6, CALLS),
	REG(BPF_MOV, BPF_REG_1, BPF_REG_6),
	BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 4),
	IMM(BPF_SUB, BPF_REG_6, 1),
	BPF_RAW_INSN(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_6, 0, -4, 0),
	OUT,
};

static void __attribute__((noreturn)) die(const char *what, const char *name)
{
	fprintf(stderr, "bench_stack: %s %s: %s\n", what, name, strerror(errno));
	exit(1);
}

static void put(const char *file, const char *text)
{
	FILE *f = fopen(file, "w");

	if (!f || fputs(text, f) < 0 || fclose(f))
		die("cannot write", file);
}

static int load(const struct frame *frame, const struct side *side)
{
	struct bpf_insn insns[ARRAY_SIZE(caller) + MAX_INSNS];
	unsigned int len = 0;
	int fd;

	memcpy(insns, caller, sizeof(caller));
	while (len < MAX_INSNS && frame->insns[len].code)
		len++;
	memcpy(insns + ARRAY_SIZE(caller), frame->insns, len * sizeof(*insns));
	put("/proc/sys/kernel/bpf_kasan", side->checks);
	put("/proc/sys/kernel/bpf_kasan_stack", side->redzones);
	fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "bench_stack", "GPL", insns,
			   ARRAY_SIZE(caller) + len, NULL);
	if (fd < 0)
		die("cannot load", frame->name);
	return fd;
}

static struct cost measure(const struct frame *frame, const struct side *side)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	__u32 best = ~0U;
	char packet[64] = {};
	int fd = load(frame, side);

	opts.data_in = packet;
	opts.data_size_in = sizeof(packet);
	opts.repeat = RUNS;
	for (int i = 0; i < ROUNDS; i++) {
		if (bpf_prog_test_run_opts(fd, &opts))
			die("cannot run", frame->name);
		if (opts.duration < best)
			best = opts.duration;
	}
	if (bpf_prog_get_info_by_fd(fd, &info, &len))
		die("cannot find out about", frame->name);
	close(fd);
	return (struct cost){ (double)best / CALLS, info.xlated_prog_len,
			      info.jited_prog_len };
}

int main(void)
{
	struct cost base[NR_SIDES], cost;

	for (int i = 0; i < NR_SIDES; i++)
		base[i] = measure(&empty, &sides[i]);
	for (unsigned int f = 0; f < ARRAY_SIZE(frames); f++) {
		printf("%s", frames[f].name);
		for (int i = 0; i < NR_SIDES; i++) {
			cost = measure(&frames[f], &sides[i]);
			printf("\t%.1f\t%u\t%u", cost.ns - base[i].ns, cost.xlated, cost.jited);
		}
		printf("\n");
	}
	return 0;
}
