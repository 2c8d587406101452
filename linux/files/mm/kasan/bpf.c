// SPDX-License-Identifier: GPL-2.0-only
/*
 * The cold half of a BPF program's KASAN check.
 *
 * The program has found a shadow byte that is not zero. That is an error, or an access to the valid
 * start of a partial granule, or the second granule of a straddling access; the exact test of
 * generic KASAN tells. Or it has found a tag that is not the pointer's, which is an error unless
 * the pointer's matches all. The program has no instrumented code of its own, so that everything
 * that runs here is what runs for the kernel's own accesses: no tracing, no probes, no recursion.
 */
#include <linux/bpf_kasan.h>
#include <linux/btf.h>
#include <linux/filter.h>
#include <linux/kprobes.h>
#include <linux/percpu.h>
#include <linux/uaccess.h>

#include "../../kernel/bpf/kasan_insn.h"
#include "kasan.h"

#ifdef CONFIG_BPF_KASAN_STACK
static_assert((KASAN_LOWER_SHADOW & 0xff) == KASAN_STACK_MID);
static_assert((KASAN_UPPER_SHADOW & 0xff) == KASAN_STACK_RIGHT);
#endif

DEFINE_PER_CPU(u64, bpf_kasan_tested);

/**
 * bpf_kasan_check_at - check one access of a BPF program and report it if it is bad
 * @addr: address of the first byte
 * @size: number of bytes, 1 to 8
 * @write: nonzero for a store or a read-modify-write, 0 for a load
 * @ip: address in the program, which the report names
 *
 * For the thunk of a JIT that supports the check call and knows @ip better than a C function.
 *
 * Context: Any, as kasan_check_range().
 */
notrace void bpf_kasan_check_at(u64 addr, u64 size, u64 write, unsigned long ip)
{
	kasan_check_range((void *)(long)addr, size, write, ip);
}

NOKPROBE_SYMBOL(bpf_kasan_check_at);

/* Inlined, unlike copy_from_kernel_nofault(): nothing here may be traced. */
static __always_inline bool shadow_is_good_or_unmapped(u64 addr)
{
	const void *ptr = (void *)(long)addr;
	u8 good = get_tag(ptr), shadow = good; /* 0 if there are no tags */

	pagefault_disable();
	__get_kernel_nofault(&shadow, kasan_mem_to_shadow(kasan_reset_tag(ptr)), u8, unmapped);
unmapped:
	pagefault_enable();
	return shadow == good;
}

/**
 * bpf_kasan_probe_at - check one access that may fault by design
 * @addr: address of the first byte, or anything else
 * @size: number of bytes, 1 to 8
 * @write: 0
 * @ip: address in the program, which the report names
 *
 * A wild pointer changes nothing: the program does not fault, and neither does this.
 *
 * Context: Any, as kasan_check_range().
 */
notrace void bpf_kasan_probe_at(u64 addr, u64 size, u64 write, unsigned long ip)
{
	u64 last = addr + size - 1;

	if (!addr_has_metadata((void *)(long)addr) || !addr_has_metadata((void *)(long)last))
		return;
	if (!shadow_is_good_or_unmapped(addr) || !shadow_is_good_or_unmapped(last))
		kasan_check_range((void *)(long)addr, size, write, ip);
}

NOKPROBE_SYMBOL(bpf_kasan_probe_at);

__bpf_kfunc_start_defs();

/**
 * __bpf_kasan_check - check one access of the calling BPF program and report it if it is bad
 * @addr: address of the first byte
 * @access: size, direction and number of the access, as in the check instruction's offset
 * @load: how many shadow loads come before the check in the program
 *
 * What the check call in the xlated program names. In the portable form it is what is called. Only
 * the verifier's fixups insert a call: the function is in no kfunc set, so that no program can.
 *
 * Return: 1 if the access is good, 0 if it has been reported.
 * Context: Any, as kasan_check_range(). Called by a BPF program only, as the report names the
 * address that this function returns to.
 */
__bpf_kfunc notrace u64 __bpf_kasan_check(u64 addr, u64 access, u64 load)
{
	u64 interrupted, good;

	preempt_disable_notrace();
	interrupted = __this_cpu_read(bpf_kasan_tested);
	__this_cpu_write(bpf_kasan_tested, KASAN_TESTED(load, access >> BPF_KASAN_NTH_SHIFT));
	good = kasan_check_range((void *)(long)addr, access & BPF_KASAN_SIZE,
				 access & BPF_KASAN_WRITE, _RET_IP_);
	__this_cpu_write(bpf_kasan_tested, interrupted);
	preempt_enable_notrace();
	return good;
}

NOKPROBE_SYMBOL(__bpf_kasan_check);

__bpf_kfunc_end_defs();
