// SPDX-License-Identifier: GPL-2.0
/* Bad accesses of which the report's words matter. A test finds their lines by the comments. */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include <bpf_atomic.h>
#include "../test_kmods/bpf_test_kasan_kfunc.h"

#define BUF 64

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64[8]);
} values SEC(".maps");

int nested_runs;
u64 traced_addr;
u64 traced_size;
int traced_write;
int traced_insn;
u32 traced_id;
u64 probed;
u64 where;

SEC("syscall")
int report_main(void *ctx)
{
	u64 *p = (u64 *)bpf_test_kasan_freed(BUF);

	if (!p)
		return 0;
	return READ_ONCE(p[2]) == 0; /* main reads */
}

static __noinline int report_sub_write(u64 *p)
{
	if (!p)
		return 0;
	WRITE_ONCE(*(u32 *)p, 1); /* sub writes */
	return 0;
}

SEC("syscall")
int report_sub(void *ctx)
{
	return report_sub_write((u64 *)bpf_test_kasan_freed(BUF));
}

SEC("syscall")
int report_kernel(void *ctx)
{
	u8 *p = bpf_test_kasan_freed(BUF);

	if (!p)
		return 0;
	return bpf_test_kasan_read(p, 8); /* kernel reads */
}

SEC("syscall")
int report_probe(void *ctx)
{
	struct bpf_test_kasan_obj *obj = bpf_test_kasan_list();

	if (!obj)
		return 0;
	probed = obj->next->value; /* tolerant read */
	return 0;
}

SEC("syscall")
int report_probe_wild(u64 *addr)
{
	u64 base = *addr - bpf_core_field_offset(struct task_struct, pid);
	struct task_struct *task;

	task = bpf_rdonly_cast((void *)base, bpf_core_type_id_kernel(struct task_struct));
	probed = task->pid;
	return 0;
}

SEC("syscall")
int report_where(void *ctx)
{
	where = (u64)&probed;
	return 0;
}

/* An aligned access and one that may not be, one of the stack, one that may fault. */
SEC("syscall")
int report_counted(void *ctx)
{
	struct bpf_test_kasan_obj *obj = bpf_test_kasan_list();
	u64 on_stack;
	u8 *p = bpf_test_kasan_arena(BUF);

	if (!obj || !p)
		return 0;
	WRITE_ONCE(on_stack, READ_ONCE(*(u32 *)p));
	return obj->next->value == 0;
}

/*
 * One check for three neighbours. Reading one of them again needs none. What is written in between
 * is somewhere else.
 */
SEC("syscall")
int report_merged(void *ctx)
{
	u32 key = 0;
	u64 *value = bpf_map_lookup_elem(&values, &key);
	u64 sum;

	if (!value || bpf_test_kasan_poison(&value[2], sizeof(*value), 0xff))
		return 1;
	sum = READ_ONCE(value[1]);
	WRITE_ONCE(value[7], 1);
	sum += READ_ONCE(value[2]); /* second of three */
	sum += READ_ONCE(value[3]);
	sum += READ_ONCE(value[1]);
	return bpf_test_kasan_unpoison(&value[2], sizeof(*value)) ?: sum;
}

/* A converted field is as aligned as the compiler has laid it out. */
SEC("tc")
int report_ctx(struct __sk_buff *skb)
{
	return skb->len;
}

/* Makes the value of the map bad, or good again. */
SEC("syscall")
int poison_value(u64 *poison)
{
	u32 key = 0;
	u64 *value = bpf_map_lookup_elem(&values, &key);

	if (!value)
		return 1;
	return *poison ? bpf_test_kasan_poison(value, sizeof(*value), 0xff) :
			 bpf_test_kasan_unpoison(value, sizeof(*value));
}

SEC("syscall")
int report_wild(u64 *addr)
{
	u64 *p = (u64 *)bpf_test_kasan_wild(*addr, BUF);

	if (!p)
		return 0;
	return READ_ONCE(p[2]) == 0; /* wild read */
}

/* Runs inside of the report, and makes a bad access itself. */
SEC("tp_btf/bpf_kasan_report")
int BPF_PROG(report_nested, u32 prog_id, unsigned long addr, size_t size, bool write, int insn)
{
	u64 *p = (u64 *)bpf_test_kasan_freed(BUF);

	traced_id = prog_id;
	traced_addr = addr;
	traced_size = size;
	traced_write = write;
	traced_insn = insn;
	__sync_fetch_and_add(&nested_runs, 1);
	if (p)
		READ_ONCE(p[0]); /* nested read */
	return 0;
}

char _license[] SEC("license") = "GPL";
