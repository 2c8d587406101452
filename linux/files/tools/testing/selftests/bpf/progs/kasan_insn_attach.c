// SPDX-License-Identifier: GPL-2.0
/* Where programs may attach to is up to prog_tests/kasan_insn.c. */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>

SEC("fentry")
int on_fentry(void *ctx)
{
	return 0;
}

SEC("kprobe")
int on_kprobe(void *ctx)
{
	return 0;
}

char _license[] SEC("license") = "GPL";
