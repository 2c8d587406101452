/* SPDX-License-Identifier: GPL-2.0-only */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM bpf_kasan

#if !defined(_TRACE_BPF_KASAN_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_BPF_KASAN_H

#include <linux/tracepoint.h>

/*
 * One KASAN report that a BPF program has to do with. @insn is the xlated instruction that made the
 * access, or -1: the kernel made it for the program, or the JIT cannot tell.
 */
TRACE_EVENT(bpf_kasan_report,

	TP_PROTO(u32 prog_id, unsigned long addr, size_t size, bool write, int insn),

	TP_ARGS(prog_id, addr, size, write, insn),

	TP_STRUCT__entry(
		__field(u32, prog_id)
		__field(unsigned long, addr)
		__field(size_t, size)
		__field(bool, write)
		__field(int, insn)
	),

	TP_fast_assign(
		__entry->prog_id = prog_id;
		__entry->addr = addr;
		__entry->size = size;
		__entry->write = write;
		__entry->insn = insn;
	),

	TP_printk("prog_id=%u addr=%#lx size=%zu write=%d insn=%d", __entry->prog_id, __entry->addr,
		  __entry->size, __entry->write, __entry->insn)
);

#endif /* _TRACE_BPF_KASAN_H */

#include <trace/define_trace.h>
