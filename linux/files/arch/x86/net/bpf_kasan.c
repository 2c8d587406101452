// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bpf_kasan.h>
#include <linux/cache.h>
#include <linux/kasan.h>
#include <linux/ptrace.h>
#include <linux/string.h>
#include <linux/text-patching.h>
#include <linux/unaligned.h>

#include "bpf_kasan.h"

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

/* R10 = [R10+0x0] of a byte, word, doubleword or quadword. If it faults, R10 has not changed. */
bool bpf_jit_kasan_fault(const struct pt_regs *regs, unsigned long *shadow)
{
	static const u8 loads[][5] = {
		{ 0x4d, 0x0f, 0xb6, 0x52, 0x00 },
		{ 0x4d, 0x0f, 0xb7, 0x52, 0x00 },
		{ 0x45, 0x8b, 0x52, 0x00 },
		{ 0x4d, 0x8b, 0x52, 0x00 },
	};
	int i;

	*shadow = regs->r10;
	for (i = 0; i < ARRAY_SIZE(loads); i++)
		if (!memcmp((void *)regs->ip, loads[i], i < 2 ? 5 : 4))
			return true;
	return false;
}
