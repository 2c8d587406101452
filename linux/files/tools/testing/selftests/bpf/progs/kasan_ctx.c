// SPDX-License-Identifier: GPL-2.0
/* Source of the instructions in prog_tests/kasan_ctx.c that only libbpf can write. */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include "bpf_kfuncs.h"
#include "bpf_misc.h"
#include "kasan_ctx.h"
#include "../test_kmods/bpf_test_kasan_kfunc.h"

struct ctx_shared shared;

SEC("tc")
__naked int template(void)
{
	asm volatile ("call %[bpf_cast_to_kern_ctx];"
		      "r1 = 0;"
		      "r2 = 8;"
		      "r3 = 0;"
		      "call %[bpf_test_kasan_poison_at];"
		      "r0 = %[shared] ll;"
		      "r0 = 0;"
		      "exit;"
		      : : __imm(bpf_cast_to_kern_ctx), __imm(bpf_test_kasan_poison_at),
			  __imm_addr(shared)
		      : __clobber_all);
}

/* Never runs. Only a call in C makes the compiler describe a function. */
SEC("tc")
int declare(struct __sk_buff *ctx)
{
	bpf_test_kasan_poison_at(!bpf_cast_to_kern_ctx(ctx), 0, 0);
	return 0;
}

char _license[] SEC("license") = "GPL";
