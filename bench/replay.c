// SPDX-License-Identifier: GPL-2.0-only
/*
 * replay IMAGES SYMBOLS [ROUNDS [PROGRAM]]: time the small programs on this machine's processor.
 *
 * Takes the JIT's output from IMAGES, where load.c has put it, maps it into this process, and lets
 * it work on memory and on a shadow of this process. What has to be relocated for that are the
 * constants of the checks, the addresses of map values, and the calls; SYMBOLS is from nm of the
 * kernel. All sides of a program run in turn, again and again, so that whatever else this machine
 * does hits them all; each round puts the images at another place. Of each round the least time of
 * each side counts, and of the ratios that these have in each round the median:
 *
 *	replay PROGRAM KIND ACCESSES OFF OURS OUTLINE GCC GCC_KASAN OURS/OUTLINE OURS/GCC_KASAN
 *
 * with the times in nanoseconds for one access, and the ratios of what the checks add.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "micro.h"
#include "replay.h"

/* CONFIG_KASAN_SHADOW_OFFSET of x86-64, and as the checks have it, before the shift. */
#define KERNEL_OFFSET	0xdffffc0000000000UL
#define KERNEL_FOLDED	(KERNEL_OFFSET << 3)
#define FOLDED		(SHADOW_OFFSET << 3)
#define NEAR		(1UL << 20)	/* more than the offset of any access */

#define BPF_REG_AX	12

#define PLACES		4096	/* bytes in which an image starts somewhere */

enum { OFF, OURS, OUTLINE, GCC, GCC_KASAN, NR_SIDES };

struct image {
	const char *name, *side;
	u8 *original, *area, *code;
	size_t len;
	u64 addr;		/* in the kernel */
	struct bpf_insn *insns;
	size_t nr_insns, next;	/* the next one that may load the address of a map value */
	int shadows, calls, colds;
};

struct symbol {
	u64 addr;
	char name[48];
};

static struct symbol *symbols;
static size_t nr_symbols;
static const char *dir;
static double tsc_ns;

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("replay: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

/* Code of the kernel does not align the stack as the C library needs it. */
#define ALIGN_STACK __attribute__((force_align_arg_pointer))

void ALIGN_STACK report_bad(unsigned long addr, unsigned long size, unsigned long ip)
{
	die("bad access of %lu bytes at %#lx from %#lx", size, addr, ip);
}

/* Of gcc's inline checks. */
#define REPORT(name, size)						\
void __asan_report_##name##_noabort(unsigned long addr);		\
void __asan_report_##name##_noabort(unsigned long addr)			\
{									\
	report_bad(addr, size, (unsigned long)__builtin_return_address(0)); \
}

REPORT(load1, 1)
REPORT(load2, 2)
REPORT(load4, 4)
REPORT(load8, 8)
REPORT(store1, 1)
REPORT(store2, 2)
REPORT(store4, 4)
REPORT(store8, 8)

/* The checks' cold path. No shadow byte here is other than 0. */
static void ALIGN_STACK cold(void)
{
	die("the cold path was taken");
}

/* First part: relocate */

static void *read_file(size_t *len, const char *format, ...)
{
	size_t size = 0, got;
	char *data = NULL, path[4096];
	va_list args;
	FILE *f;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	f = fopen(path, "r");
	if (!f)
		die("%s: %s", path, strerror(errno));
	do {
		data = realloc(data, size + 65536);
		got = fread(data + size, 1, 65536, f);
		size += got;
	} while (got);
	fclose(f);
	*len = size;
	return data;
}

static void read_symbols(const char *path)
{
	FILE *f = fopen(path, "r");
	struct symbol s;

	if (!f)
		die("%s: %s", path, strerror(errno));
	while (fscanf(f, "%llx %*s %47s", &s.addr, s.name) == 2) {
		symbols = realloc(symbols, (nr_symbols + 1) * sizeof(s));
		symbols[nr_symbols++] = s;
	}
	fclose(f);
}

static const char *symbol_at(u64 addr)
{
	for (size_t i = 0; i < nr_symbols; i++)
		if (symbols[i].addr == addr)
			return symbols[i].name;
	return NULL;
}

static bool starts_with(const char *s, const char *start)
{
	return !strncmp(s, start, strlen(start));
}

static void *asan_function(const char *name)
{
	static void *const loads[] = { asan_load1, asan_load2, asan_load4, asan_load8 };
	static void *const stores[] = { asan_store1, asan_store2, asan_store4, asan_store8 };
	unsigned int size;

	if (sscanf(name, "__asan_load%u", &size) == 1 && size <= 8)
		return loads[__builtin_ctz(size)];
	if (sscanf(name, "__asan_store%u", &size) == 1 && size <= 8)
		return stores[__builtin_ctz(size)];
	return NULL;
}

/* The program's next load of a map value's address: the offset in the value. */
static u64 next_map_value(struct image *im)
{
	for (; im->next + 1 < im->nr_insns; im->next++) {
		struct bpf_insn *insn = &im->insns[im->next];

		if (insn->code != (BPF_LD | BPF_IMM | BPF_DW) || insn->dst_reg == BPF_REG_AX ||
		    insn->src_reg != BPF_PSEUDO_MAP_VALUE)
			continue;
		im->next += 2;
		return (u32)insn[1].imm;
	}
	die("%s.%s: an address that is not of a map value", im->name, im->side);
}

/* The new value of the constant of a movabs. */
static u64 relocate_constant(struct image *im, u64 value)
{
	if (value - KERNEL_FOLDED + NEAR < 2 * NEAR) {
		im->shadows++;
		return value - KERNEL_FOLDED + FOLDED;
	}
	if (value - KERNEL_OFFSET + NEAR < 2 * NEAR) {
		im->shadows++;
		return value - KERNEL_OFFSET + SHADOW_OFFSET;
	}
	if (value >> 47 == (1 << 17) - 1)
		return (u64)DATA + next_map_value(im);
	return value;
}

/* Where a call or jump out of the image goes to. */
static void *relocate_target(struct image *im, u64 target)
{
	const char *name = symbol_at(target);

	if (!name)
		return NULL;
	if (starts_with(name, "__asan_")) {
		im->calls++;
		return asan_function(name);
	}
	if (starts_with(name, "bpf_kasan_") || starts_with(name, "__bpf_kasan_")) {
		im->colds++;
		return cold;
	}
	return NULL;
}

/*
 * Without a disassembler: that eight or four bytes somewhere in another instruction are near the
 * shadow, or lead just to the start of one of a few functions, will not happen.
 */
static void relocate(struct image *im)
{
	for (size_t i = 0; i + 5 <= im->len; i++) {
		u8 *p = im->code + i;
		void *target;
		s32 disp;
		u64 value;

		if (i + 10 <= im->len && (p[0] & 0xf8) == 0x48 && (p[1] & 0xf8) == 0xb8) {
			memcpy(&value, p + 2, sizeof(value));
			value = relocate_constant(im, value);
			memcpy(p + 2, &value, sizeof(value));
			i += 9;
			continue;
		}
		/* call, jmp and the long form of a conditional jump */
		if (p[0] != 0xe8 && p[0] != 0xe9 && !(i && p[-1] == 0x0f && (p[0] & 0xf0) == 0x80))
			continue;
		memcpy(&disp, p + 1, sizeof(disp));
		if (p[0] == 0xe9 && symbol_at(im->addr + i + 5 + disp) &&
		    strstr(symbol_at(im->addr + i + 5 + disp), "return_thunk")) {
			*p = 0xc3;
			continue;
		}
		target = relocate_target(im, im->addr + i + 5 + disp);
		if (!target)
			continue;
		disp = (uintptr_t)target - (uintptr_t)(p + 5);
		memcpy(p + 1, &disp, sizeof(disp));
		i += 4;
	}
}

/* Helpers are not here. */
static void refuse_calls(const struct image *im)
{
	for (size_t i = 0; i < im->nr_insns; i++)
		if (im->insns[i].code == (BPF_JMP | BPF_CALL) && im->insns[i].dst_reg != BPF_REG_AX)
			die("%s.%s: insn %zu is a call", im->name, im->side, i);
}

/* As near as its calls have to be: this program is not position-independent. */
static void read_image(struct image *im, const char *name, const char *side)
{
	size_t len;
	void *data;

	*im = (struct image){ .name = name, .side = side };
	im->insns = read_file(&len, "%s/%s.%s.xlated", dir, name, side);
	im->nr_insns = len / sizeof(*im->insns);
	refuse_calls(im);
	data = read_file(&len, "%s/%s.%s.addr", dir, name, side);
	memcpy(&im->addr, data, sizeof(im->addr));
	free(data);
	im->original = read_file(&im->len, "%s/%s.%s.jited", dir, name, side);
	im->area = mmap(NULL, im->len + PLACES, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (im->area == MAP_FAILED)
		die("mmap: %s", strerror(errno));
}

static bool is_complete(const struct image *im)
{
	if (!strcmp(im->side, "ours"))
		return im->shadows && im->colds && !im->calls;
	if (!strcmp(im->side, "outline"))
		return im->calls && !im->shadows && !im->colds;
	return !im->calls && !im->shadows && !im->colds;
}

/* Where code lies can make it faster or slower, and a JIT puts it anywhere. */
static micro_function *place(struct image *im, size_t offset)
{
	if (mprotect(im->area, im->len + PLACES, PROT_READ | PROT_WRITE))
		die("mprotect: %s", strerror(errno));
	im->code = memcpy(im->area + offset, im->original, im->len);
	im->next = 0;
	im->shadows = 0;
	im->calls = 0;
	im->colds = 0;
	relocate(im);
	if (!is_complete(im))
		die("%s.%s: %d shadow constants, %d cold calls, %d calls", im->name, im->side,
		    im->shadows, im->colds, im->calls);
	if (mprotect(im->area, im->len + PLACES, PROT_READ | PROT_EXEC))
		die("mprotect: %s", strerror(errno));
	return (micro_function *)im->code;
}

static void free_image(struct image *im)
{
	munmap(im->area, im->len + PLACES);
	free(im->original);
	free(im->insns);
}

static void map_at(void *addr, size_t len)
{
	if (mmap(addr, len, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_POPULATE, -1, 0) != addr)
		die("mmap at %p: %s", addr, strerror(errno));
}

/* Second part: measure */

#define CALLS 8		/* in one sample */
#define SAMPLES 40	/* of which the least is one round's time */

static double sample(micro_function *f)
{
	unsigned int aux;
	u64 start = __rdtscp(&aux);

	_mm_lfence();
	for (int i = 0; i < CALLS; i++)
		f(DATA);
	return (__rdtscp(&aux) - start) * tsc_ns / CALLS;
}

static void one_round(micro_function *const *sides, double *best)
{
	for (int i = 0; i < NR_SIDES; i++)
		best[i] = 1e30;
	for (int n = 0; n < SAMPLES; n++)
		for (int i = 0; i < NR_SIDES; i++) {
			double t = sample(sides[i]);

			if (t < best[i])
				best[i] = t;
		}
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, int n)
{
	qsort(values, n, sizeof(*values), compare_doubles);
	return values[n / 2];
}

/* All sides have to do the same. */
static void compare_results(const char *name, micro_function *const *sides)
{
	u64 expected = 0, result;

	for (int i = 0; i < NR_SIDES; i++) {
		micro_fill(DATA);
		result = (u32)sides[i](DATA);
		if (!i)
			expected = result;
		else if (result != expected)
			die("%s: side %d gives %llu and not %llu", name, i, result, expected);
	}
}

static void print_result(const char *name, const char *kind, int accesses, int rounds,
			 double (*times)[NR_SIDES])
{
	double *values = calloc(rounds, sizeof(double));

	printf("replay %s %s %d", name, kind, accesses);
	for (int i = 0; i < NR_SIDES; i++) {
		for (int n = 0; n < rounds; n++)
			values[n] = times[n][i] / accesses;
		printf(" %.4f", median(values, rounds));
	}
	for (int n = 0; n < rounds; n++)
		values[n] = (times[n][OURS] - times[n][OFF]) / (times[n][OUTLINE] - times[n][OFF]);
	printf(" %.4f", median(values, rounds));
	for (int n = 0; n < rounds; n++)
		values[n] = (times[n][OURS] - times[n][OFF]) / (times[n][GCC_KASAN] - times[n][GCC]);
	printf(" %.4f\n", median(values, rounds));
	fflush(stdout);
	free(values);
}

static void bench(const char *name, const char *kind, int nr, int accesses, int rounds)
{
	static const char *const names[] = { "off", "ours", "outline" };
	double (*times)[NR_SIDES] = calloc(rounds, sizeof(*times));
	micro_function *sides[NR_SIDES] = {
		[GCC] = micro_gcc[nr],
		[GCC_KASAN] = micro_gcc_kasan[nr],
	};
	struct image images[OUTLINE + 1];

	for (int i = OFF; i <= OUTLINE; i++)
		read_image(&images[i], name, names[i]);
	for (int n = 0; n < rounds; n++) {
		for (int i = OFF; i <= OUTLINE; i++)
			sides[i] = place(&images[i], rand() % (PLACES / 16) * 16);
		compare_results(name, sides);
		one_round(sides, times[n]);
	}
	print_result(name, kind, accesses, rounds, times);
	for (int i = OFF; i <= OUTLINE; i++)
		free_image(&images[i]);
	free(times);
}

static void calibrate(void)
{
	struct timespec a, b;
	unsigned int aux;
	u64 start;

	clock_gettime(CLOCK_MONOTONIC, &a);
	start = __rdtscp(&aux);
	do {
		clock_gettime(CLOCK_MONOTONIC, &b);
		tsc_ns = (b.tv_sec - a.tv_sec) * 1e9 + b.tv_nsec - a.tv_nsec;
	} while (tsc_ns < 1e8);
	tsc_ns /= __rdtscp(&aux) - start;
}

static void pin(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(sched_getcpu(), &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
}

int main(int argc, char **argv)
{
	int nr = 0, rounds = argc > 3 ? atoi(argv[3]) : 201;

	if (argc < 3)
		die("usage: replay IMAGES SYMBOLS [ROUNDS [PROGRAM]]");
	dir = argv[1];
	read_symbols(argv[2]);
	map_at(DATA, MICRO_SIZE);
	map_at((void *)(((uintptr_t)DATA >> 3) + SHADOW_OFFSET), 4096);
	pin();
	calibrate();
#define BENCH(name, accesses, kind)					\
	if (argc < 5 || !strcmp(argv[4], #name))			\
		bench(#name, #kind, nr, accesses, rounds);		\
	nr++;
	MICRO_PROGS(BENCH)
	return 0;
}
