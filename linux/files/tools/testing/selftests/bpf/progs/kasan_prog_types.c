// SPDX-License-Identifier: GPL-2.0
/*
 * The same work in a program of every type: a few accesses of memory that is good, or that was
 * freed, whose result decides about what the program returns. Where a program judges over
 * something, it only interferes after work that came out right.
 */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf_atomic.h>
#include "bpf_misc.h"
#include "bpf_kfuncs.h"
#include "kasan_prog_types.h"
#include "../test_kmods/bpf_test_kasan_kfunc.h"

#define BUF	64
#define EPERM	1
#define ALLOW	1
#define TC_NEXT	-1
#define TC_DROP	2

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} sockmap SEC(".maps");

/* Where a program without privileges works. The test makes this map itself. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct unpriv_value);
} unpriv SEC(".maps");

bool bad;	/* the memory */
u32 armed;	/* runs to come that do some work */
u32 runs;	/* that did it */
u64 input, expected, output;

#define UPPER_HALF (12 - LOW_PART(8, 4))

/* The accesses are listed in prog_tests/kasan_prog_types.c. None is covered by another's check. */
static __always_inline bool work(void)
{
	u32 old;
	u8 *p;

	if (!armed)
		return false;
	armed--;
	runs++;

	if (bad)
		p = bpf_test_kasan_freed(BUF);
	else
		p = bpf_test_kasan_arena(BUF);
	WRITE_ONCE(*(u64 *)(p + 8), input);
	asm volatile ("" : "+m"(p));
	old = __sync_fetch_and_add((u32 *)(p + UPPER_HALF), ADDEND);
	asm volatile ("" : "+m"(p));
	output = (u64)old << 16 | READ_ONCE(*(u16 *)(p + UPPER_HALF + LOW_PART(4, 2)));
	return output == expected;
}

/* Tracing */

/* Its test run calls bpf_fentry_test1() and its like, for other programs. */
SEC("fentry/bpf_fentry_test1")
int caller(void *ctx)
{
	return 0;
}

SEC("fentry/bpf_fentry_test1")
int fentry(void *ctx)
{
	work();
	return 0;
}

SEC("fexit/bpf_fentry_test1")
int fexit(void *ctx)
{
	work();
	return 0;
}

SEC("fmod_ret/bpf_modify_return_test")
int fmod_ret(void *ctx)
{
	return work() ? MODIFIED_RETURN : 0;
}

/* Does the work on entry, and again on return. */
SEC("fsession/bpf_fentry_test1")
int fsession(void *ctx)
{
	work();
	return 0;
}

SEC("fentry.multi/bpf_fentry_test*")
int fentry_multi(void *ctx)
{
	work();
	return 0;
}

SEC("fexit.multi/bpf_fentry_test*")
int fexit_multi(void *ctx)
{
	work();
	return 0;
}

SEC("fsession.multi/bpf_fentry_test*")
int fsession_multi(void *ctx)
{
	work();
	return 0;
}

SEC("fentry.s/" SYS_PREFIX "sys_getpgid")
int fentry_s(void *ctx)
{
	work();
	return 0;
}

SEC("fexit.s/" SYS_PREFIX "sys_getpgid")
int fexit_s(void *ctx)
{
	work();
	return 0;
}

SEC("fmod_ret.s/" SYS_PREFIX "sys_getpgid")
int fmod_ret_s(void *ctx)
{
	return work() ? MODIFIED_RETURN : 0;
}

SEC("fsession.s/" SYS_PREFIX "sys_getpgid")
int fsession_s(void *ctx)
{
	work();
	return 0;
}

SEC("kprobe/bpf_fentry_test1")
int kprobe(void *ctx)
{
	work();
	return 0;
}

SEC("kretprobe/bpf_fentry_test1")
int kretprobe(void *ctx)
{
	work();
	return 0;
}

SEC("kprobe.multi/bpf_fentry_test*")
int kprobe_multi(void *ctx)
{
	work();
	return 0;
}

SEC("kretprobe.multi/bpf_fentry_test*")
int kretprobe_multi(void *ctx)
{
	work();
	return 0;
}

SEC("kprobe.session/bpf_fentry_test*")
int kprobe_session(void *ctx)
{
	work();
	return 0;
}

SEC("uprobe//proc/self/exe:kasan_uprobe_target")
int uprobe(void *ctx)
{
	work();
	return 0;
}

SEC("uprobe.s//proc/self/exe:kasan_uprobe_target")
int uprobe_s(void *ctx)
{
	work();
	return 0;
}

SEC("uprobe.multi//proc/self/exe:kasan_uprobe_target")
int uprobe_multi(void *ctx)
{
	work();
	return 0;
}

SEC("tp/syscalls/sys_enter_getpgid")
int tp(void *ctx)
{
	work();
	return 0;
}

SEC("raw_tp/sys_enter")
int raw_tp(void *ctx)
{
	work();
	return 0;
}

/* Not attached but run by the test, so that it has something to return. */
SEC("raw_tp/sys_enter")
int raw_tp_run(void *ctx)
{
	return work();
}

SEC("tp_btf/sys_enter")
int tp_btf(void *ctx)
{
	work();
	return 0;
}

SEC("perf_event")
int perf_clock(void *ctx)
{
	work();
	return 0;
}

/* Security */

SEC("lsm/file_open")
int lsm(void *ctx)
{
	return work() ? -EPERM : 0;
}

SEC("lsm.s/file_open")
int lsm_s(void *ctx)
{
	return work() ? -EPERM : 0;
}

SEC("lsm_cgroup/socket_bind")
int lsm_cgroup(void *ctx)
{
	return !work();
}

/* Network */

SEC("xdp")
int xdp_run(struct xdp_md *ctx)
{
	return work() ? XDP_TX : XDP_ABORTED;
}

SEC("xdp.frags")
int xdp_frags_run(struct xdp_md *ctx)
{
	return work() ? XDP_TX : XDP_ABORTED;
}

SEC("xdp")
int xdp_lo(struct xdp_md *ctx)
{
	return work() ? XDP_DROP : XDP_PASS;
}

SEC("tc")
int tc_run(struct __sk_buff *ctx)
{
	return work();
}

SEC("action")
int act_run(struct __sk_buff *ctx)
{
	return work();
}

SEC("tc")
int tc_lo(struct __sk_buff *ctx)
{
	return work() ? TC_DROP : TC_NEXT;
}

SEC("tcx/ingress")
int tcx_ingress_lo(struct __sk_buff *ctx)
{
	return work() ? TC_DROP : TC_NEXT;
}

SEC("tcx/egress")
int tcx_egress_lo(struct __sk_buff *ctx)
{
	return work() ? TC_DROP : TC_NEXT;
}

SEC("lwt_in")
int lwt_in_run(struct __sk_buff *ctx)
{
	return work();
}

SEC("lwt_out")
int lwt_out_run(struct __sk_buff *ctx)
{
	return work();
}

SEC("lwt_xmit")
int lwt_xmit_run(struct __sk_buff *ctx)
{
	return work();
}

SEC("flow_dissector")
int dissector_run(struct __sk_buff *ctx)
{
	return work() ? BPF_DROP : BPF_OK;
}

SEC("netfilter")
int netfilter_run(struct bpf_nf_ctx *ctx)
{
	return work();
}

SEC("sk_lookup")
int sk_lookup_run(struct bpf_sk_lookup *ctx)
{
	return work();
}

SEC("socket")
int socket_run(struct __sk_buff *ctx)
{
	return work();
}

SEC("socket")
int socket_filter(struct __sk_buff *ctx)
{
	return work() ? 0 : ctx->len;
}

SEC("sk_reuseport")
int reuseport(struct sk_reuseport_md *ctx)
{
	return work() ? SK_DROP : SK_PASS;
}

SEC("sk_msg")
int msg_verdict(struct sk_msg_md *ctx)
{
	return work() ? SK_DROP : SK_PASS;
}

SEC("sk_skb/verdict")
int skb_verdict(struct __sk_buff *ctx)
{
	return work() ? SK_DROP : SK_PASS;
}

/* Control groups */

SEC("cgroup/skb")
int cg_skb_run(struct __sk_buff *ctx)
{
	return work();
}

SEC("cgroup_skb/egress")
int cg_skb_egress(struct __sk_buff *ctx)
{
	return !work();
}

SEC("cgroup_skb/ingress")
int cg_skb_ingress(struct __sk_buff *ctx)
{
	return !work();
}

SEC("cgroup/sysctl")
int cg_sysctl(struct bpf_sysctl *ctx)
{
	return !work();
}

SEC("cgroup/getsockopt")
int cg_getsockopt(struct bpf_sockopt *ctx)
{
	return !work();
}

SEC("cgroup/setsockopt")
int cg_setsockopt(struct bpf_sockopt *ctx)
{
	return !work();
}

SEC("cgroup/connect4")
int cg_connect4(struct bpf_sock_addr *ctx)
{
	return !work();
}

SEC("cgroup/sock_create")
int cg_sock_create(struct bpf_sock *ctx)
{
	return !work();
}

SEC("cgroup/dev")
int cg_dev(struct bpf_cgroup_dev_ctx *ctx)
{
	return !work();
}

SEC("sockops")
int sockops_tcp(struct bpf_sock_ops *ctx)
{
	work();
	return ALLOW;
}

/* Others */

SEC("syscall")
int syscall_run(void *ctx)
{
	return work();
}

SEC("struct_ops/test_1")
int BPF_PROG(dummy_op, struct bpf_dummy_ops_state *state)
{
	return work();
}

SEC("struct_ops.s/test_sleepable")
int BPF_PROG(dummy_op_s, struct bpf_dummy_ops_state *state)
{
	return work();
}

SEC(".struct_ops")
struct bpf_dummy_ops dummy_ops = {
	.test_1 = (void *)dummy_op,
	.test_sleepable = (void *)dummy_op_s,
};

SEC("struct_ops/init")
void BPF_PROG(tcp_init, struct sock *sk)
{
	work();
}

SEC("struct_ops/ssthresh")
u32 BPF_PROG(tcp_ssthresh, struct sock *sk)
{
	return 2;
}

SEC("struct_ops/cong_avoid")
void BPF_PROG(tcp_cong_avoid, struct sock *sk, u32 ack, u32 acked)
{
}

SEC("struct_ops/undo_cwnd")
u32 BPF_PROG(tcp_undo_cwnd, struct sock *sk)
{
	return 2;
}

SEC(".struct_ops.link")
struct tcp_congestion_ops tcp_ops = {
	.init = (void *)tcp_init,
	.ssthresh = (void *)tcp_ssthresh,
	.cong_avoid = (void *)tcp_cong_avoid,
	.undo_cwnd = (void *)tcp_undo_cwnd,
	.name = TCP_CA,
};

SEC("syscall")
int has_mitigations(void *ctx)
{
	return CONFIG_CPU_MITIGATIONS;
}

/* For a program that cannot call kfuncs. */
SEC("syscall")
int poison_unpriv(u64 *on)
{
	u32 key = 0;
	struct unpriv_value *value = bpf_map_lookup_elem(&unpriv, &key);

	if (!value)
		return 1;
	return *on ? bpf_test_kasan_poison(&value->words[UNPRIV_BAD], sizeof(u64), 0xff) :
		     bpf_test_kasan_unpoison(&value->words[UNPRIV_BAD], sizeof(u64));
}

char _license[] SEC("license") = "GPL";
