// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bpf_kasan.h>
#include <linux/cache.h>
#include <linux/kasan.h>
#include <linux/ptrace.h>
#include <linux/string.h>
#include <linux/text-patching.h>
#include <linux/unaligned.h>

#include "bpf_kasan.h"

bool bpf_jit_supports_kasan_check(void)
{
	return true;
}

static bool is_thunk(const void *func)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(bpf_kasan_thunks) * ARRAY_SIZE(bpf_kasan_thunks[0]); i++)
		if (func == bpf_kasan_thunks[0][i])
			return true;
	return false;
}

/*
 * Any byte may be the opcode of a call. That a constant looks like one of a thunk at just this
 * place is not worth a disassembler: it would spoil one line of a report.
 */
int bpf_jit_count_kasan_checks(const void *start, const void *end)
{
	const u8 *ip;
	int nr = 0;

	for (ip = start; ip + CALL_INSN_SIZE <= (const u8 *)end; ip++)
		if (*ip == CALL_INSN_OPCODE &&
		    is_thunk(ip + CALL_INSN_SIZE + get_unaligned((s32 *)(ip + 1))))
			nr++;
	return nr;
}

/*
 * The constant of a check is one that no program has by chance, so that it is enough to look for
 * movabs r10, imm64.
 */
int bpf_jit_count_kasan_loads(const void *start, const void *end)
{
	const u64 constant = (u64)KASAN_SHADOW_OFFSET << KASAN_SHADOW_SCALE_SHIFT;
	const u8 *ip;
	int nr = 0;

	for (ip = start; ip + 10 <= (const u8 *)end; ip++)
		if (ip[0] == 0x49 && ip[1] == 0xba &&
		    abs((s64)(get_unaligned((u64 *)(ip + 2)) - constant)) < S32_MAX)
			nr++;
	return nr;
}

struct kasan_load_code {
	u8 bytes[5];
	u8 len;
};

/* cmp byte, word, dword or qword ptr [r10], 0; by log2 of the size. If it faults, R10 is intact. */
static const struct kasan_load_code load_codes[] = {
	{ { 0x41, 0x80, 0x3a, 0x00 }, 4 },
	{ { 0x66, 0x41, 0x83, 0x3a, 0x00 }, 5 },
	{ { 0x41, 0x83, 0x3a, 0x00 }, 4 },
	{ { 0x49, 0x83, 0x3a, 0x00 }, 4 },
};

/**
 * bpf_kasan_emit_load - emit a check's load of shadow bytes
 * @prog: where to
 * @insn: instruction for which bpf_is_kasan_load() holds
 *
 * What is emitted only sets the flags: equal to zero, or not.
 *
 * Return: the byte after it.
 */
u8 *bpf_kasan_emit_load(u8 *prog, const struct bpf_insn *insn)
{
	int size = bpf_size_to_bytes(BPF_SIZE(insn->code));
	const struct kasan_load_code *code = &load_codes[ilog2(size)];

	memcpy(prog, code->bytes, code->len);
	return prog + code->len;
}

bool bpf_jit_kasan_fault(const struct pt_regs *regs, unsigned long *shadow)
{
	const struct kasan_load_code *code;

	*shadow = regs->r10;
	for (code = load_codes; code < load_codes + ARRAY_SIZE(load_codes); code++)
		if (!memcmp((void *)regs->ip, code->bytes, code->len))
			return true;
	return false;
}
