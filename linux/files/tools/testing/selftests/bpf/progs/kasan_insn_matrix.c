// SPDX-License-Identifier: GPL-2.0
/*
 * What prog_tests/kasan_insn_matrix.c needs for the programs that it generates: memory of two
 * kinds, one that the verifier knows to be aligned and one that it does not, and their shadow.
 */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include "bpf_misc.h"
#include "kasan_insn_matrix.h"
#include "../test_kmods/bpf_test_kasan_kfunc.h"

#define POISON	0xff

u8 area[BPF_TEST_KASAN_ARENA] __aligned(8);

/* Source of the instructions that only libbpf can write. */
SEC("syscall")
__naked int template(void)
{
	asm volatile ("r0 = %[area] ll;"
		      "r1 = 64;"
		      "call %[bpf_test_kasan_arena];"
		      "r0 = 0;"
		      "exit;"
		      : : __imm_addr(area), __imm(bpf_test_kasan_arena)
		      : __clobber_all);
}

static __always_inline bool fits(u32 off, u32 size)
{
	return size <= MATRIX_WINDOW && off <= BPF_TEST_KASAN_ARENA - MATRIX_WINDOW;
}

static __always_inline int set_words(u8 *mem, struct matrix_step *step)
{
	u32 off = step->granule;

	if (!fits(off, 16))
		return 1;
	*(u64 *)(mem + off) = step->words[0];
	*(u64 *)(mem + off + 8) = step->words[1];
	return 0;
}

static __always_inline int set_bad(u8 *mem, struct matrix_step *step)
{
	u32 off = step->bad, size = step->bad_size;

	if (!fits(off, size))
		return 1;
	return size ? bpf_test_kasan_poison(mem + off, size, POISON) : 0;
}

static __always_inline int set_good(u8 *mem, struct matrix_step *step)
{
	u32 off = step->good, size = step->good_size;

	if (!fits(off, size))
		return 1;
	return size ? bpf_test_kasan_unpoison(mem + off, size) : 0;
}

static __always_inline int get_words(u8 *mem, struct matrix_step *step)
{
	u32 window = step->window, off = step->granule;

	if (!fits(window, MATRIX_WINDOW) || !fits(off, 16) ||
	    bpf_test_kasan_unpoison(mem + window, MATRIX_WINDOW))
		return 1;
	step->words[0] = *(u64 *)(mem + off);
	step->words[1] = *(u64 *)(mem + off + 8);
	return 0;
}

static __always_inline int before(u8 *mem, struct matrix_step *step)
{
	step->start = (u64)mem;
	return set_words(mem, step) || set_bad(mem, step) || set_good(mem, step);
}

SEC("syscall")
int before_access(struct matrix_step *step)
{
	if (step->in_map)
		return before(area, step);
	return before(bpf_test_kasan_arena(BPF_TEST_KASAN_ARENA), step);
}

SEC("syscall")
int after_access(struct matrix_step *step)
{
	if (step->in_map)
		return get_words(area, step);
	return get_words(bpf_test_kasan_arena(BPF_TEST_KASAN_ARENA), step);
}

char _license[] SEC("license") = "GPL";
