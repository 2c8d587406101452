// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_load PROGRAM...: how long does BPF_PROG_LOAD take with kernel.bpf_kasan 0, how long with 1?
 *
 * PROGRAM is FILE:TYPE, of which the first program is loaded as of that type, or a generated
 * program, gen:SHAPE:LENGTH. Prints a line of tab separated numbers for each, times in us, or why it
 * was "rejected" without checks, or "failed" with them. How long the rewrite and the JIT take comes
 * from the function graph tracer, in which these two are traced alone.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TRACING "/sys/kernel/tracing/"
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

struct load {
	double total;		/* the system call */
	double verify;		/* what the verifier says */
	double rewrite;
	double jit;
	__u32 xlated;		/* instructions */
	__u32 jited;		/* bytes */
};

struct subject {
	enum bpf_prog_type type;
	const struct bpf_insn *insns;
	size_t cnt;
	struct bpf_prog_load_opts opts;
};

static char verifier_log[1 << 20];

static void die(const char *what, const char *arg)
{
	fprintf(stderr, "bench_load: %s %s: %s\n", what, arg, strerror(errno));
	exit(1);
}

static void put_flags(const char *file, const char *text, int flags)
{
	int fd = open(file, O_WRONLY | flags);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		die("cannot write", file);
	close(fd);
}

static void put(const char *file, const char *text)
{
	put_flags(file, text, O_TRUNC);
}

static void start_tracing(void)
{
	put(TRACING "tracing_on", "0");
	put(TRACING "set_ftrace_filter", "bpf_kasan_instrument");
	put_flags(TRACING "set_ftrace_filter", "bpf_int_jit_compile", O_APPEND);
	put(TRACING "options/funcgraph-abstime", "0");
	put(TRACING "current_tracer", "function_graph");
	put(TRACING "tracing_on", "1");
}

/* " 0)   1234.5 us   |  bpf_kasan_instrument();", sums of what was called since the last time. */
static void read_trace(struct load *load)
{
	FILE *f = fopen(TRACING "trace", "r");
	char line[512];

	if (!f)
		die("cannot read", TRACING "trace");
	while (fgets(line, sizeof(line), f)) {
		char *us = strstr(line, " us "), *time = us;

		if (!us || line[0] == '#')
			continue;
		while (time > line && strchr("0123456789.", time[-1]))
			time--;
		if (strstr(us, "bpf_kasan_instrument"))
			load->rewrite += atof(time);
		else
			load->jit += atof(time);
	}
	fclose(f);
	put(TRACING "trace", "");
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e6 + ts.tv_nsec / 1e3;
}

static int load(const struct subject *subject, int kasan, struct load *result)
{
	struct bpf_prog_load_opts opts = subject->opts;
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	const char *verify;
	double start;
	int fd;

	memset(result, 0, sizeof(*result));
	put("/proc/sys/kernel/bpf_kasan", kasan ? "1" : "0");
	verifier_log[0] = 0;
	start = now();
	fd = bpf_prog_load(subject->type, "bench_load", "GPL", subject->insns, subject->cnt, &opts);
	result->total = now() - start;
	if (fd < 0)
		return -errno;
	read_trace(result);
	verify = strstr(verifier_log, "verification time ");
	if (verify)
		result->verify = atof(verify + strlen("verification time "));
	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		die("no information on", "the program");
	result->xlated = info.xlated_prog_len / sizeof(struct bpf_insn);
	result->jited = info.jited_prog_len;
	close(fd);
	return 0;
}

/* The last line of the log but for the statistics. */
static void print_failure(const char *name, const char *what, int err)
{
	char *end = strstr(verifier_log, "verification time"), *line;

	if (end)
		end[0] = 0;
	end = strrchr(verifier_log, '\n');
	if (end)
		end[0] = 0;
	line = strrchr(verifier_log, '\n');
	printf("%s\t%s\t%s: %s\n", name, what, strerror(-err), line ? line + 1 : verifier_log);
	fflush(stdout);
}

static void bench(const char *name, struct subject *subject)
{
	struct load off, on;
	int err;

	subject->opts.sz = sizeof(subject->opts);
	subject->opts.log_buf = verifier_log;
	subject->opts.log_size = sizeof(verifier_log);
	subject->opts.log_level = 4;
	err = load(subject, 0, &off);
	if (err) {
		print_failure(name, "rejected", err);
		return;
	}
	err = load(subject, 1, &on);
	if (err) {
		print_failure(name, "failed", err);
		return;
	}
	printf("%s\t%zu\t%u\t%u\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%u\t%u\n", name,
	       subject->cnt, off.xlated, on.xlated, off.verify, off.total, on.total, on.rewrite,
	       off.jit, on.jit, off.jited, on.jited);
	fflush(stdout);
}

static enum bpf_prog_type type_by_name(const char *name)
{
	int type;

	for (type = 0; libbpf_bpf_prog_type_str(type); type++)
		if (!strcmp(libbpf_bpf_prog_type_str(type), name))
			return type;
	errno = EINVAL;
	die("no program type", name);
	return BPF_PROG_TYPE_UNSPEC;
}

static void bench_object(char *file, const char *type)
{
	struct bpf_object *object = bpf_object__open_file(file, NULL);
	struct bpf_program *prog = object ? bpf_object__next_program(object, NULL) : NULL;
	const char *base = strrchr(file, '/');
	struct subject subject = {};
	char name[256];

	if (!prog)
		die("cannot open", file);
	subject.type = type_by_name(type);
	bpf_program__set_type(prog, subject.type);
	if (bpf_object__prepare(object))
		die("cannot prepare", file);
	subject.insns = bpf_program__insns(prog);
	subject.cnt = bpf_program__insn_cnt(prog);
	subject.opts.expected_attach_type = bpf_program__expected_attach_type(prog);
	subject.opts.prog_btf_fd = bpf_object__btf_fd(object);
	subject.opts.func_info = bpf_program__func_info(prog);
	subject.opts.func_info_cnt = bpf_program__func_info_cnt(prog);
	subject.opts.func_info_rec_size = sizeof(struct bpf_func_info);
	subject.opts.line_info = bpf_program__line_info(prog);
	subject.opts.line_info_cnt = bpf_program__line_info_cnt(prog);
	subject.opts.line_info_rec_size = sizeof(struct bpf_line_info);
	snprintf(name, sizeof(name), "%s", base ? base + 1 : file);
	name[strcspn(name, ".")] = 0;
	bench(name, &subject);
	bpf_object__close(object);
}

#define ALU(op, dst, src) { .code = BPF_ALU64 | BPF_X | (op), .dst_reg = dst, .src_reg = src }
#define ALUI(op, dst, i) { .code = BPF_ALU64 | BPF_K | (op), .dst_reg = dst, .imm = i }
#define LOAD(dst, base, o) \
	{ .code = BPF_LDX | BPF_MEM | BPF_DW, .dst_reg = dst, .src_reg = base, .off = o }
#define STORE(base, o, src) \
	{ .code = BPF_STX | BPF_MEM | BPF_DW, .dst_reg = base, .src_reg = src, .off = o }
#define JUMPI(op, reg, i, o) \
	{ .code = BPF_JMP | BPF_K | (op), .dst_reg = reg, .imm = i, .off = o }

enum { R0, R1, R2, R3, R4, R5, R6 };

/* One access in eight instructions, as in programs that people write, and a jump. */
static const struct bpf_insn typical[] = {
	LOAD(R1, R6, 16),
	ALU(BPF_ADD, R1, R3),
	ALU(BPF_MOV, R2, R1),
	ALUI(BPF_AND, R2, 255),
	ALUI(BPF_LSH, R2, 3),
	JUMPI(BPF_JSGT, R2, 77, 1),
	ALU(BPF_XOR, R1, R2),
	ALU(BPF_MOV, R4, R1),
	ALUI(BPF_RSH, R4, 5),
	ALU(BPF_ADD, R4, R2),
	ALU(BPF_SUB, R1, R4),
	ALUI(BPF_XOR, R1, 12345),
	ALU(BPF_MOV, R3, R1),
	STORE(R6, 24, R1),
	ALUI(BPF_AND, R3, 65535),
	ALUI(BPF_ADD, R3, 1),
};

/*
 * Each access by way of another pointer, so that none can share a check: the worst case. What is added
 * is read anew now and then, because the verifier goes back to there at each addition.
 */
#define ACCESS ALU(BPF_MOV, R1, R6), ALU(BPF_ADD, R1, R2), STORE(R1, 0, R3)
static const struct bpf_insn dense[] = {
	LOAD(R2, R6, 0),
	ALUI(BPF_AND, R2, 56),
	ACCESS, ACCESS, ACCESS, ACCESS, ACCESS, ACCESS, ACCESS, ACCESS,
};

static int new_map(void)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "bench_load", 4, 64, 1, NULL);

	if (fd < 0)
		die("cannot create", "a map");
	return fd;
}

struct shape {
	const char *name;
	const struct bpf_insn *block;
	size_t len;
};

static const struct shape shapes[] = {
	{ "typical", typical, ARRAY_SIZE(typical) },
	{ "dense", dense, ARRAY_SIZE(dense) },
};

/* At most @cnt instructions. */
static struct bpf_insn *put_function(struct bpf_insn *insn, size_t cnt, const struct shape *shape,
				     int map)
{
	const struct bpf_insn *end = insn + cnt;
	const struct bpf_insn head[] = {
		{ .code = BPF_LD | BPF_IMM | BPF_DW, .dst_reg = R6,
		  .src_reg = BPF_PSEUDO_MAP_VALUE, .imm = map },
		{},
		ALUI(BPF_MOV, R3, 0),
		LOAD(R2, R6, 0),
		ALUI(BPF_AND, R2, 56),
	};
	const struct bpf_insn tail[] = {
		ALUI(BPF_MOV, R0, 0),
		{ .code = BPF_JMP | BPF_EXIT },
	};

	memcpy(insn, head, sizeof(head));
	insn += ARRAY_SIZE(head);
	while (insn + shape->len + ARRAY_SIZE(tail) <= end) {
		memcpy(insn, shape->block, shape->len * sizeof(*insn));
		insn += shape->len;
	}
	memcpy(insn, tail, sizeof(tail));
	return insn + ARRAY_SIZE(tail);
}

/* Types of functions 0 to @nr - 1, all of them global: the verifier sees each by itself. */
static struct btf *function_types(struct bpf_func_info *info, int nr)
{
	struct btf *btf = btf__new_empty();
	int i, integer, context, proto, part_proto;
	char name[32];

	integer = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	context = btf__add_ptr(btf, 0);
	proto = btf__add_func_proto(btf, integer);
	btf__add_func_param(btf, "ctx", context);
	part_proto = btf__add_func_proto(btf, integer);
	for (i = 0; i < nr; i++) {
		snprintf(name, sizeof(name), "part%d", i);
		info[i].type_id = btf__add_func(btf, i ? name : "bench_load", BTF_FUNC_GLOBAL,
						i ? part_proto : proto);
	}
	if (btf__load_into_kernel(btf))
		die("cannot load", "types");
	return btf;
}

/*
 * The verifier gives up at 8192 branches that it has still to follow in a function: what is longer
 * consists of several, as programs of that size do.
 */
#define FUNCTION_LEN 50000
#define MAX_FUNCTIONS 32

static void bench_functions(const char *name, const struct shape *shape, size_t cnt, int map,
			    struct bpf_insn *insns)
{
	struct subject subject = { .type = BPF_PROG_TYPE_RAW_TRACEPOINT, .insns = insns };
	int i, nr = (cnt + FUNCTION_LEN - 1) / FUNCTION_LEN;
	struct bpf_func_info info[1 + MAX_FUNCTIONS] = {};
	struct bpf_insn *insn = insns + nr + 2;
	struct btf *btf;

	if (nr > MAX_FUNCTIONS) {
		errno = E2BIG;
		die("too many functions:", name);
	}
	for (i = 0; i < nr; i++) {
		insns[i] = (struct bpf_insn) { .code = BPF_JMP | BPF_CALL,
			.src_reg = BPF_PSEUDO_CALL, .imm = insn - (insns + i + 1) };
		info[1 + i].insn_off = insn - insns;
		insn = put_function(insn, (cnt - nr - 2) / nr, shape, map);
	}
	insns[nr] = (struct bpf_insn)ALUI(BPF_MOV, R0, 0);
	insns[nr + 1] = (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT };
	btf = function_types(info, 1 + nr);
	subject.cnt = insn - insns;
	subject.opts.prog_btf_fd = btf__fd(btf);
	subject.opts.func_info = info;
	subject.opts.func_info_cnt = 1 + nr;
	subject.opts.func_info_rec_size = sizeof(info[0]);
	bench(name, &subject);
	btf__free(btf);
}

static void bench_generated(const char *name, const char *shape_name, size_t cnt)
{
	struct subject subject = { .type = BPF_PROG_TYPE_RAW_TRACEPOINT };
	struct bpf_insn *insns = calloc(cnt, sizeof(*insns));
	const struct shape *shape = shapes;
	int map = new_map();

	while (strcmp(shape->name, shape_name))
		if (++shape == shapes + ARRAY_SIZE(shapes))
			die("no such shape:", name);
	if (!insns)
		die("no memory for", name);
	if (cnt <= 2 * FUNCTION_LEN) {
		subject.insns = insns;
		subject.cnt = put_function(insns, cnt, shape, map) - insns;
		bench(name, &subject);
	} else {
		bench_functions(name, shape, cnt, map, insns);
	}
	free(insns);
	close(map);
}

int main(int argc, char **argv)
{
	int i;

	libbpf_set_print(NULL);
	start_tracing();
	for (i = 1; i < argc; i++) {
		char *arg = argv[i], *colon = strrchr(arg, ':');

		if (!colon)
			die("not a program:", arg);
		if (!strncmp(arg, "gen:", 4)) {
			char name[64], shape[32];

			snprintf(shape, sizeof(shape), "%.*s", (int)(colon - arg - 4), arg + 4);
			snprintf(name, sizeof(name), "%s %s", shape, colon + 1);
			bench_generated(name, shape, atoi(colon + 1));
		} else {
			*colon = 0;
			bench_object(arg, colon + 1);
		}
	}
	return 0;
}
