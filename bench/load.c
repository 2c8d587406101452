// SPDX-License-Identifier: GPL-2.0-only
/*
 * load OBJECTS OUT ROUNDS [PROGRAM...]: the part of make bench that runs in the guest.
 *
 * Loads each program without checks, with them, and, where the kernel offers that, with a call
 * before each access, runs all of them in turn, and prints what they cost:
 *
 *	micro PROGRAM		one of the small programs
 *	load PROGRAM SIDE CHECKED STRADDLING XLATED JITED NS
 *	run PROGRAM SIDE UNITS NS
 *
 * NS is in the guest's time, which is instructions under scripts/boot --icount. A run's is the
 * least of all rounds. The images go to OUT, for replay.c.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "micro.h"

#define MAX_SIDES 3

/* What kernel.bpf_kasan is for each. */
static const struct side {
	const char *name, *mode;
} sides[MAX_SIDES] = { { "off", "0" }, { "ours", "1" }, { "outline", "3" } };

static int nr_sides = MAX_SIDES;

struct loaded {
	struct bpf_object *obj;
	struct bpf_program *prog;
	u64 best;
};

static const char *objects, *out;

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, ": %s\n", strerror(errno));
	exit(1);
}

static u64 now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static bool has_mode(const char *mode)
{
	FILE *f = fopen("/proc/sys/kernel/bpf_kasan", "w");

	if (!f)
		die("kernel.bpf_kasan");
	return fputs(mode, f) >= 0 && !fclose(f);
}

static void set_mode(const char *mode)
{
	if (!has_mode(mode))
		die("kernel.bpf_kasan=%s", mode);
}

/* A number in the program's fdinfo. */
static unsigned int fdinfo(int fd, const char *name)
{
	char path[64], line[256];
	unsigned int value = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	if (!f)
		die("%s", path);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == ':')
			value = atoi(line + strlen(name) + 1);
	fclose(f);
	return value;
}

static void save(const char *name, const char *side, const char *what, const void *data, size_t len)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.%s.%s", out, name, side, what);
	f = fopen(path, "w");
	if (!f || fwrite(data, 1, len, f) != len || fclose(f))
		die("%s", path);
}

/* The image, where it is, and the program that it was made of. */
static void save_images(int fd, const char *name, const char *side, struct bpf_prog_info *info)
{
	u32 len = sizeof(*info), xlated = info->xlated_prog_len, jited = info->jited_prog_len;
	void *insns = malloc(xlated), *image = malloc(jited);
	__u64 addr;

	memset(info, 0, sizeof(*info));
	info->xlated_prog_insns = (uintptr_t)insns;
	info->xlated_prog_len = xlated;
	info->jited_prog_insns = (uintptr_t)image;
	info->jited_prog_len = jited;
	info->jited_ksyms = (uintptr_t)&addr;
	info->nr_jited_ksyms = 1;
	if (bpf_prog_get_info_by_fd(fd, info, &len))
		die("%s: info", name);
	save(name, side, "xlated", insns, xlated);
	save(name, side, "jited", image, jited);
	save(name, side, "addr", &addr, sizeof(addr));
	free(insns);
	free(image);
}

static void load(struct loaded *l, const char *object, const char *program, const char *name,
		 const struct side *side)
{
	struct bpf_prog_info info = {};
	struct bpf_program *prog;
	u32 len = sizeof(info);
	char path[4096];
	u64 start;
	int fd;

	snprintf(path, sizeof(path), "%s/%s.bpf.o", objects, object);
	l->obj = bpf_object__open_file(path, NULL);
	if (!l->obj)
		die("%s", path);
	bpf_object__for_each_program(prog, l->obj)
		bpf_program__set_autoload(prog, !strcmp(bpf_program__name(prog), program));
	l->prog = bpf_object__find_program_by_name(l->obj, program);
	l->best = UINT64_MAX;
	/* Without what it takes to create the maps. */
	if (!l->prog || bpf_object__prepare(l->obj))
		die("%s: %s", path, program);
	set_mode(side->mode);
	start = now();
	if (bpf_object__load(l->obj))
		die("%s: load %s", path, program);
	start = now() - start;
	fd = bpf_program__fd(l->prog);
	if (bpf_prog_get_info_by_fd(fd, &info, &len))
		die("%s: info", program);
	if (!name)
		return;
	printf("load %s %s %u %u %u %u %llu\n", name, side->name, fdinfo(fd, "kasan_checked"),
	       fdinfo(fd, "kasan_straddling"), info.xlated_prog_len, info.jited_prog_len, start);
	fflush(stdout);
	save_images(fd, name, side->name, &info);
}

/* One test run, in nanoseconds for one repetition. */
static u64 test_run(int fd, enum run_type type, const void *packet, int len, int repeat,
		    u32 expected)
{
	static char packet_out[4096];
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	u64 start = now();
	int err;

	if (type != RUN_RAW_TP) {
		opts.data_in = packet;
		opts.data_size_in = len;
		opts.data_out = packet_out;
		opts.data_size_out = sizeof(packet_out);
		opts.repeat = repeat;
	}
	err = bpf_prog_test_run_opts(fd, &opts);
	start = now() - start;
	if (err)
		die("test run");
	if (opts.retval != expected && expected != ~0U) {
		fprintf(stderr, "test run: returns %u and not %u\n", opts.retval, expected);
		exit(1);
	}
	return type == RUN_RAW_TP ? start : opts.duration;
}

/* What a test run costs with a program that does nothing. */
static u64 overhead(enum run_type type, const void *packet, int len, int repeat, int rounds)
{
	static const char *const program[] = {
		[RUN_TC] = "bench_nothing_tc",
		[RUN_XDP] = "bench_nothing_xdp",
		[RUN_RAW_TP] = "bench_nothing_raw_tp",
	};
	u64 best = UINT64_MAX, ns;
	struct loaded l;

	load(&l, "micro", program[type], NULL, &sides[0]);
	while (rounds--) {
		ns = test_run(bpf_program__fd(l.prog), type, packet, len, repeat, ~0U);
		if (ns < best)
			best = ns;
	}
	bpf_object__close(l.obj);
	return best;
}

static void run(struct loaded *l, const char *name, enum run_type type, const void *packet, int len,
		int repeat, int units, u32 expected, int rounds)
{
	u64 base = overhead(type, packet, len, repeat, rounds), ns;
	int i, round;

	for (round = 0; round < rounds; round++) {
		for (i = 0; i < nr_sides; i++) {
			ns = test_run(bpf_program__fd(l[i].prog), type, packet, len, repeat,
				      expected);
			if (ns < l[i].best)
				l[i].best = ns;
		}
	}
	for (i = 0; i < nr_sides; i++)
		printf("run %s %s %d %lld\n", name, sides[i].name, units,
		       (long long)(l[i].best - base));
	fflush(stdout);
}

static void close_all(struct loaded *l)
{
	for (int i = 0; i < nr_sides; i++)
		bpf_object__close(l[i].obj);
}

static void fill_memory(struct bpf_object *obj)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, ".bss");
	static u8 data[MICRO_SIZE];
	const u32 zero = 0;

	micro_fill(data);
	if (!map || bpf_map__value_size(map) != sizeof(data) ||
	    bpf_map_update_elem(bpf_map__fd(map), &zero, data, 0))
		die("micro: memory");
}

static void bench_micro(const char *name, int accesses, int rounds)
{
	static const u8 packet[64];
	struct loaded l[MAX_SIDES];
	char program[64];

	printf("micro %s\n", name);
	snprintf(program, sizeof(program), "bench_%s", name);
	for (int i = 0; i < nr_sides; i++) {
		load(&l[i], "micro", program, name, &sides[i]);
		fill_memory(l[i].obj);
	}
	run(l, name, RUN_TC, packet, sizeof(packet), 1, accesses, ~0U, rounds);
	close_all(l);
}

static void bench_real(const struct real *real, int rounds)
{
	u8 packet[MAX_PACKET];
	struct loaded l[MAX_SIDES];
	int len = 0;

	for (int i = 0; i < nr_sides; i++) {
		load(&l[i], real->object, real->program, real->name, &sides[i]);
		if (real->setup)
			len = real->setup(l[i].obj, packet);
		if (len < 0)
			die("%s: set up", real->name);
	}
	if (real->type != RUN_NOT)
		run(l, real->name, real->type, packet, len, real->repeat, real->units,
		    real->expected, rounds);
	close_all(l);
}

static bool wanted(const char *name, char **names)
{
	if (!*names)
		return true;
	while (*names)
		if (!strcmp(*names++, name))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	int rounds;

	if (argc < 4) {
		fprintf(stderr, "usage: load OBJECTS OUT ROUNDS [PROGRAM...]\n");
		return 2;
	}
	objects = argv[1];
	out = argv[2];
	rounds = atoi(argv[3]);
	if (!has_mode(sides[MAX_SIDES - 1].mode))
		nr_sides--;
#define BENCH(name, accesses, kind)			\
	if (wanted(#name, argv + 4))			\
		bench_micro(#name, accesses, rounds);
	MICRO_PROGS(BENCH)
	for (int i = 0; i < nr_reals; i++)
		if (wanted(reals[i].name, argv + 4))
			bench_real(&reals[i], rounds);
	return 0;
}
