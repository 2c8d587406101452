// SPDX-License-Identifier: GPL-2.0
/* What is attached to programs whose frames have redzones. */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "bpf_misc.h"
#include "../test_kmods/bpf_test_kasan_kfunc.h"

u64 cell, entries, exits;

SEC("?fentry")
int BPF_PROG(before)
{
	entries++;
	return 0;
}

SEC("?fexit")
int BPF_PROG(after)
{
	exits++;
	return 0;
}

/* An index that is not what the verifier thinks, as in kasan_stack.c. */
static __used __naked int bad_index(void)
{
	asm volatile ("r6 = r1;"
		      "r7 = r6;"
		      "r7 &= 31;"
		      "*(u64 *)(r10 - 8) = r7;"
		      "r1 = %[cell] ll;"
		      "*(u64 *)(r1 + 0) = r10;"
		      "r1 = *(u64 *)(r1 + 0);"
		      "r1 += -8;"
		      "r2 = r6;"
		      "call %[bpf_test_kasan_write_at];"
		      "r7 = *(u64 *)(r10 - 8);"
		      "r2 = r10;"
		      "r2 += -64;"
		      "r2 += r7;"
		      "r0 = *(u8 *)(r2 + 0);"
		      "r0 = 5;"
		      "exit;"
		      : : __imm_addr(cell), __imm(bpf_test_kasan_write_at) : __clobber_all);
}

SEC("?freplace")
int extension(u64 index)
{
	int result;

	asm volatile ("r1 = %[index];"
		      "call bad_index;"
		      "%[result] = r0;"
		      : [result] "=r"(result) : [index] "r"(index) : __clobber_common);
	return result;
}

/* So that the object describes what only assembly calls. */
void __kfunc_btf_root(void)
{
	bpf_test_kasan_write_at(0, 0);
}

char _license[] SEC("license") = "GPL";
