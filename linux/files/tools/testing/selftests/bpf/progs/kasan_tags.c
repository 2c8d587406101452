// SPDX-License-Identifier: GPL-2.0
/*
 * Loads and stores of memory with a tag, by way of a pointer with a tag. The base of the access is
 * also what is loaded or stored, or it is not.
 */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include "../test_kmods/bpf_test_kasan_kfunc.h"
#include "kasan_tags.h"

#define BUF 128

#if END != BPF_TEST_KASAN_TAGGED || MATCH_ALL != BPF_TEST_KASAN_MATCH_ALL
#error "user space has other constants"
#endif

static __always_inline u8 *memory(const struct tag_args *args)
{
	u8 *mem = args->freed ? bpf_test_kasan_freed(BUF) : bpf_test_kasan_tagged(args->flip, BUF);

	/* The instructions add the rest. */
	return mem + (args->off - AT) % (BUF - AT - sizeof(u64) + 1);
}

/* Whether the program has seen what it should have, and nothing else */
static __always_inline int result(const struct tag_args *args, u64 value)
{
	return value != args->value;
}

SEC("syscall")
int load(struct tag_args *args)
{
	u8 *base = memory(args);
	u64 value;

	asm volatile ("%[value] = *(u64 *)(%[base] + 8);"
		      : [value] "=&r"(value) : [base] "r"(base) : "memory");
	return result(args, value);
}

SEC("syscall")
int load_base(struct tag_args *args)
{
	u64 base = (u64)memory(args);

	asm volatile ("%[base] = *(u64 *)(%[base] + 8);" : [base] "+r"(base) : : "memory");
	return result(args, base);
}

/* The store covers what comes after it, which has no check of its own. */
SEC("syscall")
int store(struct tag_args *args)
{
	u64 value = ~args->value, old = args->value;
	u8 *base = memory(args);

	asm volatile ("*(u64 *)(%[base] + 8) = %[value];"
		      "%[value] = *(u64 *)(%[base] + 8);"
		      "*(u64 *)(%[base] + 8) = %[old];"
		      : [value] "+r"(value) : [base] "r"(base), [old] "r"(old) : "memory");
	return result(args, ~value);
}

SEC("syscall")
int store_base(struct tag_args *args)
{
	u64 value, old = args->value;
	u8 *base = memory(args);

	asm volatile ("*(u64 *)(%[base] + 8) = %[base];"
		      "%[value] = *(u64 *)(%[base] + 8);"
		      "*(u64 *)(%[base] + 8) = %[old];"
		      : [value] "=&r"(value) : [base] "r"(base), [old] "r"(old) : "memory");
	return value != (u64)base;
}

char _license[] SEC("license") = "GPL";
