// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bpf_kasan.h>
#include <linux/cache.h>
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

/* movzx r10, byte ptr [r10+0x0], as emit_ldx() writes it. It has not changed R10 if it faults. */
bool bpf_jit_kasan_fault(const struct pt_regs *regs, unsigned long *shadow)
{
	static const u8 load[] = { 0x4d, 0x0f, 0xb6, 0x52, 0x00 };

	*shadow = regs->r10;
	return !memcmp((void *)regs->ip, load, sizeof(load));
}
