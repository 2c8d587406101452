/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a KASAN check call of a BPF program becomes, see bpf_kasan.h. It preserves what a C function
 * would not: R0 to R5, in x8 and x0 to x4, and the arguments beyond the fifth, in x5 to x7. Nothing
 * is in x9 to x12 across BPF instructions.
 */
#include <linux/linkage.h>
#include <asm/assembler.h>

SYM_FUNC_START(bpf_kasan_thunk)
	stp	x29, x30, [sp, #-96]!
	mov	x29, sp
	stp	x0, x1, [sp, #16]
	stp	x2, x3, [sp, #32]
	stp	x4, x5, [sp, #48]
	stp	x6, x7, [sp, #64]
	str	x8, [sp, #80]

	mov	x0, x9
	and	x1, x11, #0xf		/* BPF_KASAN_SIZE */
	ubfx	x2, x11, #4, #1		/* BPF_KASAN_WRITE */
	/* The report is to name the program, not this function. */
	mov	x3, x30
	tbnz	w11, #5, 1f		/* BPF_KASAN_PROBE */
	bl	bpf_kasan_check_at
	b	2f
1:	bl	bpf_kasan_probe_at

2:	ldr	x8, [sp, #80]
	ldp	x6, x7, [sp, #64]
	ldp	x4, x5, [sp, #48]
	ldp	x2, x3, [sp, #32]
	ldp	x0, x1, [sp, #16]
	ldp	x29, x30, [sp], #96
	ret
SYM_FUNC_END(bpf_kasan_thunk)
NOKPROBE(bpf_kasan_thunk)
