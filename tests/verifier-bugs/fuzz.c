// SPDX-License-Identifier: GPL-2.0-only
/*
 * fuzz BUG CHECKS FIRST COUNT PROGRESS: load and run the random programs from FIRST on, in a kernel
 * with the bug, or with none of them if it is "none", with kernel.bpf_kasan=CHECKS. Ends at the
 * first report. The file PROGRESS has at any time what has been done.
 *
 * fuzz print SEED: only print a program.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <time.h>

#include "host.h"
#include "kasan_helpers.h"
#include "kasan_progen.h"

#define RUNS		32	/* of each program, with other values in its maps */

static struct {
	unsigned long long tried, accepted, runs;
	struct timespec start;
} done;

/* Of one entry: what is behind it is a redzone. */
static int make_map(const char *name, __u32 size)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, name, sizeof(__u32), size, 1, NULL);

	if (fd < 0)
		die("cannot create a map: %s", strerror(errno));
	return fd;
}

/* Values that arithmetic goes wrong with, if with any. */
static __u64 input(__u64 *random)
{
	__u64 value = 1ULL << (progen_random(random) >> 58);

	switch (progen_random(random) >> 61) {
	case 0:
		return progen_random(random);
	case 1:
		return progen_random(random) >> 60;
	case 2:
		return -value;
	case 3:
		return progen_random(random) >> 58;
	default:
		return value - 1 + (progen_random(random) >> 40) % 3;
	}
}

static void fill_map(int fd, __u64 *random)
{
	__u64 words[PROGEN_VALUE / sizeof(__u64)];
	__u32 key = 0;

	for (size_t i = 0; i < PROGEN_VALUE / sizeof(__u64); i++)
		words[i] = input(random);
	if (bpf_map_update_elem(fd, &key, words, 0))
		die("cannot write a map: %s", strerror(errno));
}

static int load(struct progen_prog *prog)
{
	progen_make(prog);
	done.tried++;
	return bpf_prog_load(prog->type, "progen", "GPL", prog->insns, prog->len, NULL);
}

static void run(const struct progen_prog *prog, int fd)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	char packet[PROGEN_PACKET] = {};
	__u64 random = ~prog->seed;

	opts.data_in = packet;
	opts.data_size_in = sizeof(packet);
	for (int i = 0; i < RUNS; i++) {
		fill_map(prog->maps.array, &random);
		fill_map(prog->maps.hash, &random);
		if (bpf_prog_test_run_opts(fd, &opts))
			die("cannot run program %llu: %s", prog->seed, strerror(errno));
		done.runs++;
	}
}

static void print_progress(char *to, size_t size)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(to, size, "%llu programs tried, %llu accepted, %llu runs, %.1f s", done.tried,
		 done.accepted, done.runs, now.tv_sec - done.start.tv_sec +
		 (now.tv_nsec - done.start.tv_nsec) / 1e9);
}

static void save_progress(int fd)
{
	char text[128] = "";

	print_progress(text, sizeof(text));
	if (pwrite(fd, text, sizeof(text), 0) != sizeof(text))
		die("cannot write the progress: %s", strerror(errno));
}

static void print_prog(const struct progen_prog *prog)
{
	printf("program %llu:\n", prog->seed);
	progen_print(prog);
}

static void print_found(const struct kasan_report *report, const struct progen_prog *prog)
{
	printf("BUG: KASAN: %s in %s, %s of %d\n%s\n  %s\n", report->bug, report->func,
	       report->write ? "write" : "read", report->size, report->prog, report->insn);
	print_prog(prog);
}

/* The first report, if there is one. */
static bool find(struct progen_prog *prog, __u64 count, int kmsg, int progress,
		 struct kasan_report *report)
{
	int fd, cnt;

	for (; count--; prog->seed++) {
		fd = load(prog);
		if (fd < 0)
			continue;
		done.accepted++;
		save_progress(progress);
		run(prog, fd);
		close(fd);
		cnt = kasan_log_read(kmsg, report, 1);
		if (cnt < 0)
			die("cannot read the log: %s", strerror(-cnt));
		if (cnt)
			return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	struct progen_prog prog = { .type = BPF_PROG_TYPE_XDP, .bounds = true };
	struct kasan_report report;
	int kmsg, progress;
	char text[128];
	bool found;

	if (argc == 3 && !strcmp(argv[1], "print")) {
		prog.seed = strtoull(argv[2], NULL, 0);
		progen_make(&prog);
		print_prog(&prog);
		return 0;
	}
	if (argc != 6)
		die("usage: fuzz BUG CHECKS FIRST COUNT PROGRESS, or fuzz print SEED");
	set(PARAMETER, argv[1]);
	set(SYSCTL, argv[2]);
	prog.seed = strtoull(argv[3], NULL, 0);
	prog.maps.array = make_map("array", PROGEN_VALUE);
	prog.maps.hash = make_map("other", PROGEN_VALUE);
	prog.maps.result = make_map("result", PROGEN_RESULT);
	progress = open(argv[5], O_WRONLY | O_CREAT | O_TRUNC | O_SYNC | O_CLOEXEC, 0644);
	kmsg = kasan_log_open();
	if (kmsg < 0 || progress < 0)
		die("cannot open the log or %s: %s", argv[5], strerror(errno));

	clock_gettime(CLOCK_MONOTONIC, &done.start);
	found = find(&prog, strtoull(argv[4], NULL, 0), kmsg, progress, &report);
	save_progress(progress);
	print_progress(text, sizeof(text));
	printf("%s: %s\n", text, found ? "a report" : "no report");
	if (found)
		print_found(&report, &prog);
	return found;
}
