// SPDX-License-Identifier: GPL-2.0-only
/*
 * A task that has been freed since RCU protected the pointer to it. The verifier takes no reference
 * to it without the bug, and makes the read one that may fault.
 */
#include "bug.bpf.h"

extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
extern struct task_struct *bpf_task_acquire(struct task_struct *task) __ksym;
extern void bpf_task_release(struct task_struct *task) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;

struct holder {
	struct task_struct __kptr *task;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct holder);
} map SEC(".maps");

SEC("syscall")
int prepare(void *ctx)
{
	struct task_struct *task;
	struct holder *holder;
	__u32 key = 0;

	holder = bpf_map_lookup_elem(&map, &key);
	task = bpf_task_from_pid(evidence.pid);
	if (!task)
		return 1;
	if (!holder) {
		bpf_task_release(task);
		return 1;
	}
	task = bpf_kptr_xchg(&holder->task, task);
	if (task)
		bpf_task_release(task);
	return 0;
}

SEC("syscall")
int kptr_rcu(void *ctx)
{
	struct task_struct *task, *mine;
	struct holder *holder;
	__u32 key = 0;

	holder = bpf_map_lookup_elem(&map, &key);
	if (!holder)
		return 1;
	bpf_rcu_read_lock();
	task = holder->task;
	if (!task) {
		bpf_rcu_read_unlock();
		return 1;
	}
	bpf_rcu_read_unlock();
	mine = bpf_kptr_xchg(&holder->task, NULL);
	if (mine)
		bpf_task_release(mine);
	wait_until_freed(task);
	note_access(&task->pid, 4);
	evidence.value = *(volatile int *)&task->pid; /* bad access */
	if ((int)evidence.value < 0) {
		mine = bpf_task_acquire(task);
		if (mine)
			bpf_task_release(mine);
	}
	return 0;
}
