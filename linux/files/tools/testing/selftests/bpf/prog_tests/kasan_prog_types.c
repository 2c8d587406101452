// SPDX-License-Identifier: GPL-2.0
/*
 * CONFIG_BPF_KASAN: programs of every type, run as the kernel runs them where that is possible.
 *
 * Each does the same work, once on good memory and once on bad, and comes to the same result. What
 * differs are the reports. All of it once more without instrumentation: no reports.
 */
#include <linux/perf_event.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <test_progs.h>
#include <cgroup_helpers.h>
#include <network_helpers.h>

#include "cap_helpers.h"
#include "kasan_helpers.h"
#include "sysctl_helpers.h"
#include "../progs/kasan_prog_types.h"

#include "kasan_prog_types.skel.h"

#ifdef __x86_64__
#define ON_X86		true
#else
#define ON_X86		false
#endif
#ifdef __aarch64__
#define HAS_BARRIERS	false	/* the JIT says that the processor needs none */
#else
#define HAS_BARRIERS	true
#endif
#define UNPRIV_SYSCTL	"/proc/sys/kernel/unprivileged_bpf_disabled"
#define LO		1		/* index of the interface */
#define INPUT		0x8123456789abcdefULL
#define SECCOMP_ERRNO	77
#define MAGIC		0x4b415341
#define PLAIN_RETURN	4	/* of bpf_modify_return_test() */

#ifndef BPF_NOSPEC
#define BPF_NOSPEC	0xc0
#endif

static struct kasan_prog_types *skel;
static int cgroup = -1;
static int kmsg = -1;

/* Ways to attach a program */

static struct bpf_link *attach_cgroup(const struct bpf_program *prog)
{
	return bpf_program__attach_cgroup(prog, cgroup);
}

static struct bpf_link *attach_tcx(const struct bpf_program *prog)
{
	return bpf_program__attach_tcx(prog, LO, NULL);
}

static struct bpf_link *attach_xdp(const struct bpf_program *prog)
{
	return bpf_program__attach_xdp(prog, LO);
}

static struct bpf_link *attach_sockmap(const struct bpf_program *prog)
{
	return bpf_program__attach_sockmap(prog, bpf_map__fd(skel->maps.sockmap));
}

/* The clock is a timer in the kernel, which any machine has. */
static struct bpf_link *attach_clock(const struct bpf_program *prog)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.size = sizeof(attr),
		.sample_period = 1000000,
	};
	struct bpf_link *link;
	int fd;

	fd = syscall(__NR_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (!ASSERT_OK_FD(fd, "perf_event_open"))
		return NULL;

	link = bpf_program__attach_perf_event(prog, fd);
	if (!link)
		close(fd);
	return link;
}

static struct bpf_link *attach_tcp_ops(const struct bpf_program *prog)
{
	return bpf_map__attach_struct_ops(skel->maps.tcp_ops);
}

/* Ways to run it. Each returns what the caller sees of the program's verdict, or -errno. */

static int run_with_opts(const struct bpf_program *prog, struct bpf_test_run_opts *opts)
{
	if (!ASSERT_OK(bpf_prog_test_run_opts(bpf_program__fd(prog), opts), "test_run"))
		return -EINVAL;
	return opts->retval;
}

static int run_alone(const struct bpf_program *prog)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	return run_with_opts(prog, &opts);
}

static int run_packet(const struct bpf_program *prog)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	opts.data_in = &pkt_v4;
	opts.data_size_in = sizeof(pkt_v4);
	return run_with_opts(prog, &opts);
}

static int run_sk_lookup(const struct bpf_program *prog)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	struct bpf_sk_lookup ctx = { .family = AF_INET, .protocol = IPPROTO_TCP };

	opts.ctx_in = &ctx;
	opts.ctx_size_in = sizeof(ctx);
	return run_with_opts(prog, &opts);
}

static int run_dummy_ops(const struct bpf_program *prog)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int state = 0;
	__u64 arg = ptr_to_u64(&state);

	opts.ctx_in = &arg;
	opts.ctx_size_in = sizeof(arg);
	return run_with_opts(prog, &opts);
}

/* The kernel's test functions, as programs that are attached to them see it. */
static int run_caller(const struct bpf_program *prog)
{
	return run_alone(skel->progs.caller);
}

/*
 * The lower half of the result is what two functions return, added up. The program is attached to
 * the first of them.
 */
static int run_modified(const struct bpf_program *prog)
{
	__u16 modified = run_alone(prog), plain = run_alone(prog);

	return modified - plain + PLAIN_RETURN;
}

static int run_getpgid(const struct bpf_program *prog)
{
	int pgid = getpgid(0);

	return pgid == getpgrp() ? 0 : pgid;
}

#ifdef __riscv
/* There is no uprobe on a compressed instruction, or between two others, if the kernel has none. */
__weak __attribute__((naked)) __aligned(4) void kasan_uprobe_target(void)
{
	asm volatile (".option push; .option norvc; nop; ret; .option pop");
}
#else
__weak void kasan_uprobe_target(void)
{
	asm volatile ("");
}
#endif

static int run_uprobe_target(const struct bpf_program *prog)
{
	kasan_uprobe_target();
	return 0;
}

static int run_spin(const struct bpf_program *prog)
{
	__u64 start = get_time_ns();

	while (!READ_ONCE(skel->bss->runs) && get_time_ns() - start < 5000000000ULL)
		;
	return 0;
}

static int run_open(const struct bpf_program *prog)
{
	int fd = open("/dev/null", O_RDONLY);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int run_read_sysctl(const struct bpf_program *prog)
{
	char buf[64];
	int fd, err;

	fd = open("/proc/sys/kernel/ostype", O_RDONLY);
	if (!ASSERT_OK_FD(fd, "open"))
		return -EINVAL;
	err = read(fd, buf, sizeof(buf)) < 0 ? -errno : 0;
	close(fd);
	return err;
}

static int run_socket(const struct bpf_program *prog)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int with_socket(int (*run)(int fd))
{
	int fd, err;

	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (!ASSERT_OK_FD(fd, "socket"))
		return -EINVAL;
	err = run(fd) ? -errno : 0;
	close(fd);
	return err;
}

static int do_bind(int fd)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };

	return bind(fd, (void *)&addr, sizeof(addr));
}

static int run_bind(const struct bpf_program *prog)
{
	return with_socket(do_bind);
}

static int do_connect(int fd)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(9),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	return connect(fd, (void *)&addr, sizeof(addr));
}

static int run_connect(const struct bpf_program *prog)
{
	return with_socket(do_connect);
}

static int do_getsockopt(int fd)
{
	socklen_t len = sizeof(int);
	int value;

	return getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &value, &len);
}

static int run_getsockopt(const struct bpf_program *prog)
{
	return with_socket(do_getsockopt);
}

static int do_setsockopt(int fd)
{
	int value = 4096;

	return setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &value, sizeof(value));
}

static int run_setsockopt(const struct bpf_program *prog)
{
	return with_socket(do_setsockopt);
}

static int send_and_receive(int from, int to)
{
	char byte = 'x';

	if (send(from, &byte, 1, 0) != 1 || recv(to, &byte, 1, MSG_DONTWAIT) != 1)
		return -errno;
	return 0;
}

/*
 * One packet over the loopback device, which delivers before send() returns. @option attaches the
 * program to the receiver if it is not 0.
 */
static int run_udp_option(const struct bpf_program *prog, int option)
{
	int prog_fd = bpf_program__fd(prog), server, client, err = -EINVAL;
	int reuseport = option == SO_ATTACH_REUSEPORT_EBPF;

	server = socket(AF_INET, SOCK_DGRAM, 0);
	ASSERT_OK(setsockopt(server, SOL_SOCKET, SO_REUSEPORT, &reuseport, sizeof(reuseport)),
		  "reuseport");
	ASSERT_OK(do_bind(server), "bind");
	if (option)
		ASSERT_OK(setsockopt(server, SOL_SOCKET, option, &prog_fd, sizeof(prog_fd)),
			  "attach to socket");
	client = connect_to_fd(server, 0);
	if (ASSERT_OK_FD(client, "connect"))
		err = send_and_receive(client, server);
	close(client);
	close(server);
	return err;
}

static int run_udp(const struct bpf_program *prog)
{
	return run_udp_option(prog, 0);
}

static int run_socket_filter(const struct bpf_program *prog)
{
	return run_udp_option(prog, SO_ATTACH_BPF);
}

static int run_reuseport(const struct bpf_program *prog)
{
	return run_udp_option(prog, SO_ATTACH_REUSEPORT_EBPF);
}

static int run_clsact(const struct bpf_program *prog)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = LO, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = bpf_program__fd(prog));
	int err = -EINVAL;

	if (!ASSERT_OK(bpf_tc_hook_create(&hook), "hook_create"))
		return err;
	if (ASSERT_OK(bpf_tc_attach(&hook, &opts), "tc_attach"))
		err = run_udp(prog);
	hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
	bpf_tc_hook_destroy(&hook);
	return err;
}

/* A connection whose client is @client, which is not connected yet. */
static int connect_tcp(int client, int *server, int *accepted)
{
	*server = start_server(AF_INET, SOCK_STREAM, "127.0.0.1", 0, 0);
	if (!ASSERT_OK_FD(*server, "start_server"))
		return -EINVAL;
	if (!ASSERT_OK(connect_fd_to_fd(client, *server, 0), "connect"))
		return -EINVAL;
	*accepted = accept(*server, NULL, NULL);
	return ASSERT_OK_FD(*accepted, "accept") ? 0 : -EINVAL;
}

static int run_tcp_with(const char *congestion, bool in_map)
{
	int client, server = -1, accepted = -1, err;
	__u32 key = 0;
	__u64 value;

	client = socket(AF_INET, SOCK_STREAM, 0);
	if (congestion)
		ASSERT_OK(setsockopt(client, SOL_TCP, TCP_CONGESTION, congestion,
				     strlen(congestion)), "congestion control");
	err = connect_tcp(client, &server, &accepted);
	if (!err && in_map) {
		/* what the client sends, or what comes in at it */
		value = client;
		ASSERT_OK(bpf_map__update_elem(skel->maps.sockmap, &key, sizeof(key), &value,
					       sizeof(value), BPF_ANY), "add to sockmap");
		err = send_and_receive(client, accepted) ?: send_and_receive(accepted, client);
	}
	close(accepted);
	close(client);
	close(server);
	return err;
}

static int run_tcp(const struct bpf_program *prog)
{
	return run_tcp_with(NULL, false);
}

static int run_tcp_ops(const struct bpf_program *prog)
{
	return run_tcp_with(TCP_CA, false);
}

static int run_sockmap(const struct bpf_program *prog)
{
	return run_tcp_with(NULL, true);
}

/* The table */

static const struct type_case {
	const char *prog;
	const char *type;	/* as a report names it */
	struct bpf_link *(*attach)(const struct bpf_program *prog); /* if not up to run() */
	int (*run)(const struct bpf_program *prog);
	int verdict;		/* what run() returns after work that came out right */
	int runs;		/* that are to do the work; 0 for one */
	bool fprobe_exit;	/* attached to the return by way of an fprobe */
} cases[] = {
	{ "fentry",		"TRACING",	bpf_program__attach, run_alone, 0 },
	{ "fexit",		"TRACING",	bpf_program__attach, run_alone, 0 },
	{ "fmod_ret",		"TRACING",	bpf_program__attach, run_modified,
						MODIFIED_RETURN },
	{ "fsession",		"TRACING",	bpf_program__attach, run_alone, 0, 2 },
	{ "fentry_multi",	"TRACING",	bpf_program__attach, run_alone, 0, 2 },
	{ "fexit_multi",	"TRACING",	bpf_program__attach, run_alone, 0, 2 },
	{ "fsession_multi",	"TRACING",	bpf_program__attach, run_alone, 0, 3 },
	{ "fentry_s",		"TRACING",	bpf_program__attach, run_getpgid, 0 },
	{ "fexit_s",		"TRACING",	bpf_program__attach, run_getpgid, 0 },
	{ "fmod_ret_s",		"TRACING",	bpf_program__attach, run_getpgid,
						MODIFIED_RETURN },
	{ "fsession_s",		"TRACING",	bpf_program__attach, run_getpgid, 0, 2 },
	{ "tp_btf",		"TRACING",	bpf_program__attach, run_getpgid, 0 },
	{ "kprobe",		"KPROBE",	bpf_program__attach, run_caller, 0 },
	{ "kretprobe",		"KPROBE",	bpf_program__attach, run_caller, 0 },
	{ "kprobe_multi",	"KPROBE",	bpf_program__attach, run_caller, 0, 2 },
	{ "kretprobe_multi",	"KPROBE",	bpf_program__attach, run_caller, 0, 2, true },
	{ "kprobe_session",	"KPROBE",	bpf_program__attach, run_caller, 0, 3, true },
	{ "uprobe",		"KPROBE",	bpf_program__attach, run_uprobe_target, 0 },
	{ "uprobe_s",		"KPROBE",	bpf_program__attach, run_uprobe_target, 0 },
	{ "uprobe_multi",	"KPROBE",	bpf_program__attach, run_uprobe_target, 0 },
	{ "tp",			"TRACEPOINT",	bpf_program__attach, run_getpgid, 0 },
	{ "raw_tp",		"RAW_TRACEPOINT", bpf_program__attach, run_getpgid, 0 },
	{ "raw_tp_run",		"RAW_TRACEPOINT", NULL, run_alone, 1 },
	{ "perf_clock",		"PERF_EVENT",	attach_clock, run_spin, 0 },

	{ "lsm",		"LSM",		bpf_program__attach, run_open, -EPERM },
	{ "lsm_s",		"LSM",		bpf_program__attach, run_open, -EPERM },
	{ "lsm_cgroup",		"LSM",		attach_cgroup, run_bind, -EPERM },

	{ "xdp_run",		"XDP",		NULL, run_packet, XDP_TX },
	{ "xdp_frags_run",	"XDP",		NULL, run_packet, XDP_TX },
	{ "xdp_lo",		"XDP",		attach_xdp, run_udp, -EAGAIN },
	{ "tc_run",		"SCHED_CLS",	NULL, run_packet, 1 },
	{ "tc_lo",		"SCHED_CLS",	NULL, run_clsact, -EAGAIN },
	{ "tcx_ingress_lo",	"SCHED_CLS",	attach_tcx, run_udp, -EAGAIN },
	{ "tcx_egress_lo",	"SCHED_CLS",	attach_tcx, run_udp, -EAGAIN },
	{ "act_run",		"SCHED_ACT",	NULL, run_packet, 1 },
	{ "lwt_in_run",		"LWT_IN",	NULL, run_packet, 1 },
	{ "lwt_out_run",	"LWT_OUT",	NULL, run_packet, 1 },
	{ "lwt_xmit_run",	"LWT_XMIT",	NULL, run_packet, 1 },
	{ "dissector_run",	"FLOW_DISSECTOR", NULL, run_packet, BPF_DROP },
	{ "netfilter_run",	"NETFILTER",	NULL, run_packet, 1 },
	{ "sk_lookup_run",	"SK_LOOKUP",	NULL, run_sk_lookup, 1 },
	{ "socket_run",		"SOCKET_FILTER", NULL, run_packet, 1 },
	{ "socket_filter",	"SOCKET_FILTER", NULL, run_socket_filter, -EAGAIN },
	{ "reuseport",		"SK_REUSEPORT",	NULL, run_reuseport, -EAGAIN },
	{ "msg_verdict",	"SK_MSG",	attach_sockmap, run_sockmap, -EACCES },
	{ "skb_verdict",	"SK_SKB",	attach_sockmap, run_sockmap, -EAGAIN },

	{ "cg_skb_run",		"CGROUP_SKB",	NULL, run_packet, 1 },
	{ "cg_skb_egress",	"CGROUP_SKB",	attach_cgroup, run_udp, -EPERM },
	{ "cg_skb_ingress",	"CGROUP_SKB",	attach_cgroup, run_udp, -EAGAIN },
	{ "cg_sysctl",		"CGROUP_SYSCTL", attach_cgroup, run_read_sysctl, -EPERM },
	{ "cg_getsockopt",	"CGROUP_SOCKOPT", attach_cgroup, run_getsockopt, -EPERM },
	{ "cg_setsockopt",	"CGROUP_SOCKOPT", attach_cgroup, run_setsockopt, -EPERM },
	{ "cg_connect4",	"CGROUP_SOCK_ADDR", attach_cgroup, run_connect, -EPERM },
	{ "cg_sock_create",	"CGROUP_SOCK",	attach_cgroup, run_socket, -EPERM },
	{ "cg_dev",		"CGROUP_DEVICE", attach_cgroup, run_open, -EPERM },
	{ "sockops_tcp",	"SOCK_OPS",	attach_cgroup, run_tcp, 0 },

	{ "syscall_run",	"SYSCALL",	NULL, run_alone, 1 },
	{ "dummy_op",		"STRUCT_OPS",	NULL, run_dummy_ops, 1 },
	{ "dummy_op_s",		"STRUCT_OPS",	NULL, run_dummy_ops, 1 },
	{ "tcp_init",		"STRUCT_OPS",	attach_tcp_ops, run_tcp_ops, 0 },
};

/* What work() does; each run of it is reported as a whole. */
static const struct kasan_access work_accesses[] = {
	{ .write = true,  .size = 8 },
	{ .write = true,  .size = 4 },
	{ .write = false, .size = 2 },
};

#define MAX_RUNS 3

static bool check_work_reports(const struct type_case *c, int runs)
{
	struct kasan_access accesses[MAX_RUNS * ARRAY_SIZE(work_accesses)];

	for (int i = 0; i < runs; i++)
		memcpy(accesses + i * ARRAY_SIZE(work_accesses), work_accesses,
		       sizeof(work_accesses));
	return kasan_check_reports(kmsg, "slab-use-after-free", c->prog, c->type, accesses,
				   runs * ARRAY_SIZE(work_accesses));
}

/* In the upper half there is what the addition finds. */
static __u64 expected_output(void)
{
	__u32 old = INPUT >> 32;

	return (__u64)old << 16 | (__u16)(old + ADDEND);
}

static void run_work(const struct bpf_program *prog, const struct type_case *c, bool bad,
		     bool instrumented)
{
	int runs = c->runs ?: 1, fd = bpf_program__fd(prog), verdict;
	long reports = kasan_read_count(fd, "kasan_reports");
	int reported = bad && instrumented ? runs : 0;

	skel->bss->bad = bad;
	skel->bss->input = INPUT;
	skel->bss->expected = expected_output();
	skel->bss->output = 0;
	skel->bss->runs = 0;
	WRITE_ONCE(skel->bss->armed, runs);
	verdict = c->run(prog);
	WRITE_ONCE(skel->bss->armed, 0);

	ASSERT_EQ(verdict, c->verdict, "verdict");
	ASSERT_EQ(skel->bss->runs, runs, "runs");
	ASSERT_EQ(skel->bss->output, expected_output(), "output");
	check_work_reports(c, reported);
	ASSERT_EQ(kasan_read_count(fd, "kasan_reports") - reports,
		  reported * ARRAY_SIZE(work_accesses), "reports in fdinfo");
}

static void test_case(const struct type_case *c, bool instrumented)
{
	const struct bpf_program *prog;
	struct bpf_link *link = NULL;

	prog = bpf_object__find_program_by_name(skel->obj, c->prog);
	if (!ASSERT_OK_PTR(prog, c->prog))
		return;
	/* It warns, and the program does not run. */
	if (c->fprobe_exit && kasan_has_tags()) {
		printf("SKIP:an fprobe keeps a size where its address may have a tag\n");
		test__skip();
		return;
	}

	ASSERT_EQ(kasan_read_count(bpf_program__fd(prog), "kasan_checked") > 0, instrumented,
		  "instrumented");
	if (c->attach) {
		link = c->attach(prog);
		/* One trampoline for many functions is not for every architecture. */
		if (!ON_X86 && !link && errno == EOPNOTSUPP) {
			test__skip();
			return;
		}
		if (!ASSERT_OK_PTR(link, "attach"))
			return;
	}
	run_work(prog, c, false, instrumented);
	run_work(prog, c, true, instrumented);
	bpf_link__destroy(link);
}

static void test_types(bool instrumented)
{
	char name[64];

	kasan_instrument(instrumented);
	skel = kasan_prog_types__open_and_load();
	kasan_instrument(true);
	if (!ASSERT_OK_PTR(skel, "open_and_load"))
		return;

	for (int i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(name, sizeof(name), "%s/%s", instrumented ? "on" : "off", cases[i].prog);
		if (test__start_subtest(name))
			test_case(&cases[i], instrumented);
	}
	kasan_prog_types__destroy(skel);
}

/* A filter of system calls, which is classic BPF. Nothing of its input could be made bad. */

static int install_seccomp(void)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_STMT(BPF_ST, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0]) +
					    LOW_PART(8, 4)),
		BPF_STMT(BPF_LDX | BPF_W | BPF_MEM, 3),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MAGIC, 0, 3),
		BPF_STMT(BPF_MISC | BPF_TXA, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_getpgid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | SECCOMP_ERRNO),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { .len = ARRAY_SIZE(insns), .filter = insns };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ?:
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

/* Returns 0 if the filter lets pass and refuses what it should. */
static int try_seccomp(void)
{
	if (install_seccomp())
		return 1;
	if (syscall(__NR_getpgid, 0) < 0 || syscall(__NR_getsid, MAGIC) >= 0 || errno != ESRCH)
		return 2;
	if (syscall(__NR_getpgid, MAGIC) >= 0 || errno != SECCOMP_ERRNO)
		return 3;
	return 0;
}

static void test_seccomp(bool instrumented)
{
	long progs = kasan_read_total("progs"), checked = kasan_read_total("checked");
	int status = -1;
	pid_t pid;

	kasan_instrument(instrumented);
	pid = fork();
	if (!pid)
		_exit(try_seccomp());
	if (ASSERT_GT(pid, 0, "fork"))
		ASSERT_EQ(waitpid(pid, &status, 0), pid, "waitpid");
	kasan_instrument(true);

	ASSERT_TRUE(WIFEXITED(status), "exited");
	ASSERT_EQ(WEXITSTATUS(status), 0, "filter");
	ASSERT_EQ(kasan_read_total("progs") - progs, instrumented, "programs");
	/* both fields; not the scratch memory, which is on the stack */
	ASSERT_EQ(kasan_read_total("checked") - checked, instrumented ? 2 : 0, "checked");
	ASSERT_EQ(kasan_log_read(kmsg, NULL, 0), 0, "reports");
}

/*
 * A program of a user who may do nothing else. The verifier guards it against speculation, if the
 * kernel does so at all.
 */

static int create_unpriv_map(void)
{
	return bpf_map_create(BPF_MAP_TYPE_ARRAY, "unpriv", sizeof(__u32),
			      sizeof(struct unpriv_value), 1, NULL);
}

/* Adds to the word that the first word names. */
static int load_unpriv_prog(int map_fd)
{
	struct bpf_insn insns[] = {
		BPF_ST_MEM(BPF_W, BPF_REG_10, -4, 0),
		BPF_MOV64_REG(BPF_REG_2, BPF_REG_10),
		BPF_ALU64_IMM(BPF_ADD, BPF_REG_2, -4),
		BPF_LD_MAP_FD(BPF_REG_1, map_fd),
		BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
		BPF_JMP_IMM(BPF_JEQ, BPF_REG_0, 0, 9),
		/* where a load could speculate that the pointer is not there yet */
		BPF_STX_MEM(BPF_DW, BPF_REG_10, BPF_REG_0, -16),
		BPF_LDX_MEM(BPF_DW, BPF_REG_6, BPF_REG_10, -16),
		BPF_LDX_MEM(BPF_DW, BPF_REG_1, BPF_REG_6, 0),
		BPF_JMP_IMM(BPF_JGE, BPF_REG_1, UNPRIV_WORDS, 5),
		/* where it could speculate that the index is good */
		BPF_ALU64_IMM(BPF_LSH, BPF_REG_1, 3),
		BPF_ALU64_REG(BPF_ADD, BPF_REG_6, BPF_REG_1),
		BPF_LDX_MEM(BPF_DW, BPF_REG_2, BPF_REG_6, 0),
		BPF_ALU64_IMM(BPF_ADD, BPF_REG_2, ADDEND),
		BPF_STX_MEM(BPF_W, BPF_REG_6, BPF_REG_2, LOW_PART(8, 4)),
		BPF_MOV64_IMM(BPF_REG_0, 0),
		BPF_EXIT_INSN(),
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts);
	char log[4096] = "";
	int fd;

	opts.log_buf = log;
	opts.log_size = sizeof(log);
	fd = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "unpriv_add", "GPL", insns,
			   ARRAY_SIZE(insns), &opts);
	if (fd < 0)
		printf("%s", log);
	return fd;
}

static int count_nospec(int prog_fd)
{
	struct bpf_insn *insns;
	__u32 i, len, cnt = 0;

	if (!ASSERT_OK(get_xlated_program(prog_fd, &insns, &len), "xlated"))
		return -1;
	for (i = 0; i < len; i++)
		cnt += insns[i].code == (BPF_ST | BPF_NOSPEC);
	free(insns);
	return cnt;
}

static bool send_filtered(int prog_fd)
{
	int fds[2], err;

	if (!ASSERT_OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), "socketpair"))
		return false;
	ASSERT_OK(setsockopt(fds[1], SOL_SOCKET, SO_ATTACH_BPF, &prog_fd, sizeof(prog_fd)),
		  "attach to socket");
	err = send_and_receive(fds[0], fds[1]);
	close(fds[0]);
	close(fds[1]);
	return ASSERT_EQ(err, -EAGAIN, "dropped");
}

static void poison_unpriv(__u64 on)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	opts.ctx_in = &on;
	opts.ctx_size_in = sizeof(on);
	ASSERT_EQ(run_with_opts(skel->progs.poison_unpriv, &opts), 0, "poison");
}

static void run_unpriv(int map_fd, int prog_fd, bool bad, bool instrumented)
{
	static const struct kasan_access accesses[] = {
		{ .write = false, .size = 8 },
		{ .write = true,  .size = 4 },
	};
	struct unpriv_value value = { .words = { UNPRIV_BAD, [UNPRIV_BAD] = INPUT } };
	__u32 key = 0;

	ASSERT_OK(bpf_map_update_elem(map_fd, &key, &value, BPF_ANY), "update");
	if (bad)
		poison_unpriv(true);
	send_filtered(prog_fd);
	if (bad)
		poison_unpriv(false);

	ASSERT_OK(bpf_map_lookup_elem(map_fd, &key, &value), "lookup");
	ASSERT_EQ(value.words[UNPRIV_BAD], INPUT + ADDEND, "sum");
	ASSERT_EQ(value.words[UNPRIV_BAD + 1], 0, "word after it");
	kasan_check_reports(kmsg, "use-after-free", "unpriv_add", "SOCKET_FILTER", accesses,
			    bad && instrumented ? ARRAY_SIZE(accesses) : 0);
}

static bool load_unpriv(int *map_fd, int *prog_fd)
{
	const __u64 caps = 1ULL << CAP_SYS_ADMIN | 1ULL << CAP_NET_ADMIN | 1ULL << CAP_PERFMON |
			   1ULL << CAP_BPF;
	__u64 old_caps = 0;

	if (!ASSERT_OK(cap_disable_effective(caps, &old_caps), "drop capabilities"))
		return false;
	*map_fd = create_unpriv_map();
	*prog_fd = load_unpriv_prog(*map_fd);
	ASSERT_OK(cap_enable_effective(old_caps & caps, NULL), "get capabilities back");
	return ASSERT_OK_FD(*map_fd, "map") && ASSERT_OK_FD(*prog_fd, "load");
}

static void test_unpriv_prog(int map_fd, int prog_fd, bool instrumented)
{
	ASSERT_EQ(kasan_read_count(prog_fd, "kasan_checked") > 0, instrumented, "instrumented");

	skel = kasan_prog_types__open();
	if (!ASSERT_OK_PTR(skel, "open"))
		return;
	if (ASSERT_OK(bpf_map__reuse_fd(skel->maps.unpriv, map_fd), "reuse map") &&
	    ASSERT_OK(kasan_prog_types__load(skel), "load")) {
		ASSERT_EQ(count_nospec(prog_fd) > 0,
			  HAS_BARRIERS && run_alone(skel->progs.has_mitigations), "barriers");
		run_unpriv(map_fd, prog_fd, false, instrumented);
		run_unpriv(map_fd, prog_fd, true, instrumented);
	}
	kasan_prog_types__destroy(skel);
}

static void test_unpriv(bool instrumented)
{
	int map_fd = -1, prog_fd = -1;
	char old[16];

	if (sysctl_set_or_fail(UNPRIV_SYSCTL, old, "0"))
		return;

	kasan_instrument(instrumented);
	if (load_unpriv(&map_fd, &prog_fd))
		test_unpriv_prog(map_fd, prog_fd, instrumented);
	kasan_instrument(true);
	sysctl_set_or_fail(UNPRIV_SYSCTL, NULL, old);
	close(prog_fd);
	close(map_fd);
}

void serial_test_kasan_prog_types(void)
{
	kmsg = kasan_test_start_any();
	if (kmsg < 0)
		return;

	cgroup = test__join_cgroup("/kasan_prog_types");
	if (ASSERT_OK_FD(cgroup, "join_cgroup")) {
		test_types(true);
		test_types(false);
		close(cgroup);
	}
	if (test__start_subtest("on/seccomp"))
		test_seccomp(true);
	if (test__start_subtest("off/seccomp"))
		test_seccomp(false);
	if (test__start_subtest("on/unpriv") && !kasan_skip_with_tags())
		test_unpriv(true);
	if (test__start_subtest("off/unpriv") && !kasan_skip_with_tags())
		test_unpriv(false);
	kasan_test_end(kmsg);
}
