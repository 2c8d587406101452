/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a KASAN check call of a BPF program becomes: one thunk for each size and direction, so that
 * the call costs the program 5 bytes and no register.
 *
 * In: R10 (BPF_REG_AX) is the address of the access. Out: only R10, R11 and the flags have changed,
 * which hold nothing across BPF instructions. R9 is saved too: the JIT keeps the private stack's
 * frame pointer or the sixth argument there.
 */
#include <linux/linkage.h>
#include <asm/asm.h>
#include <asm/nospec-branch.h>

	.code64
	.section .text, "ax"

.macro BPF_KASAN_THUNK name size write func=bpf_kasan_check_at
SYM_FUNC_START_LOCAL(\name)
	ANNOTATE_NOENDBR
	pushq	%rbp
	movq	%rsp, %rbp
	pushq	%rax
	pushq	%rdi
	pushq	%rsi
	pushq	%rdx
	pushq	%rcx
	pushq	%r8
	pushq	%r9

	movq	%r10, %rdi
	movl	$\size, %esi
	movl	$\write, %edx
	/* The report is to name the program, not this function. */
	movq	8(%rbp), %rcx
	CALL_DEPTH_ACCOUNT
	call	\func

	popq	%r9
	popq	%r8
	popq	%rcx
	popq	%rdx
	popq	%rsi
	popq	%rdi
	popq	%rax
	popq	%rbp
	RET
SYM_FUNC_END(\name)
_ASM_NOKPROBE(\name)
.endm

BPF_KASAN_THUNK bpf_kasan_read1,  1, 0
BPF_KASAN_THUNK bpf_kasan_read2,  2, 0
BPF_KASAN_THUNK bpf_kasan_read4,  4, 0
BPF_KASAN_THUNK bpf_kasan_read8,  8, 0
BPF_KASAN_THUNK bpf_kasan_write1, 1, 1
BPF_KASAN_THUNK bpf_kasan_write2, 2, 1
BPF_KASAN_THUNK bpf_kasan_write4, 4, 1
BPF_KASAN_THUNK bpf_kasan_write8, 8, 1

BPF_KASAN_THUNK bpf_kasan_probe1, 1, 0, bpf_kasan_probe_at
BPF_KASAN_THUNK bpf_kasan_probe2, 2, 0, bpf_kasan_probe_at
BPF_KASAN_THUNK bpf_kasan_probe4, 4, 0, bpf_kasan_probe_at
BPF_KASAN_THUNK bpf_kasan_probe8, 8, 0, bpf_kasan_probe_at

	.section .rodata, "a"
SYM_DATA_START(bpf_kasan_thunks)
	.quad	bpf_kasan_read1, bpf_kasan_read2, bpf_kasan_read4, bpf_kasan_read8
	.quad	bpf_kasan_write1, bpf_kasan_write2, bpf_kasan_write4, bpf_kasan_write8
	.quad	bpf_kasan_probe1, bpf_kasan_probe2, bpf_kasan_probe4, bpf_kasan_probe8
SYM_DATA_END(bpf_kasan_thunks)
