// SPDX-License-Identifier: GPL-2.0
/* One bad access each to every kind of memory that the test module hands out. */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include "../test_kmods/bpf_test_kasan_kfunc.h"

SEC("syscall")
int freed_read(void *ctx)
{
	u64 *p = (u64 *)bpf_test_kasan_freed(64);

	return p[4] != 0;
}

char _license[] SEC("license") = "GPL";
