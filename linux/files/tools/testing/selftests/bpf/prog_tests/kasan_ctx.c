// SPDX-License-Identifier: GPL-2.0
/*
 * CONFIG_BPF_KASAN: every access of a context, of every width, that the verifier accepts. The
 * fixups replace it by accesses of the kernel's own structure.
 *
 * A generated program makes one. It has to load and to see the same with checks as without, and
 * the same once more while the kernel's structure is bad, with reports.
 */
#include <net/ethernet.h>
#include <test_progs.h>
#include <bpf/btf.h>
#include <cgroup_helpers.h>
#include <network_helpers.h>

#include "kasan_helpers.h"
#include "../progs/kasan_ctx.h"

#include "kasan_ctx.skel.h"

#define PROG		"ctx_access"
#define POISON		0xff
#define STORED		3
#define OWN_ACCESSES	4	/* of each program, to what it shares with the test */
#define MAX_INSNS	32
#define MAX_REPORTS	16

/* What a program does to its context. */
struct access {
	enum bpf_prog_type prog_type;
	enum bpf_attach_type attach_type;
	bool write;		/* and then reads the word that it has written to */
	bool pointer;		/* the result is one */
	int off;
	int size;
	int kern_size;		/* of the kernel's structure */
};

struct ctx_type {
	const char *name;
	const char *type;	/* as a report names it */
	enum bpf_prog_type prog_type;
	enum bpf_attach_type attach_type;
	int size;
	const char *kern_name;
	void (*run)(int prog_fd);
	bool writable;		/* some of it */
};

static struct kasan_ctx *skel;
static struct bpf_insn insn_cast, insn_poison, insn_shared[2];
static int btf_fds[8];		/* insn_poison has the index of the module's */
static int cgroup = -1, server = -1;
static int kmsg = -1;

static void run_with_opts(int prog_fd, struct bpf_test_run_opts *opts)
{
	ASSERT_OK(bpf_prog_test_run_opts(prog_fd, opts), "test_run");
}

static void run_skb(int prog_fd)
{
	struct __sk_buff ctx = {
		.mark = 0x11121314, .priority = 0x21222324, .tstamp = 0x3132333435363738,
		.wire_len = 100, .gso_segs = 3, .gso_size = 20,
		.cb = { 0x41424344, 0x51525354, 0x61626364, 0x71727374, 0x81828384 },
	};
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	opts.data_in = &pkt_v4;
	opts.data_size_in = sizeof(pkt_v4);
	opts.ctx_in = &ctx;
	opts.ctx_size_in = sizeof(ctx);
	run_with_opts(prog_fd, &opts);
}

static void run_xdp(int prog_fd)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	opts.data_in = &pkt_v4;
	opts.data_size_in = sizeof(pkt_v4);
	run_with_opts(prog_fd, &opts);
}

static void run_sk_lookup(int prog_fd)
{
	struct bpf_sk_lookup ctx = {
		.family = AF_INET, .protocol = IPPROTO_TCP, .local_port = 0x1112,
		.remote_port = 0x2122, .local_ip4 = 0x31323334, .remote_ip4 = 0x41424344,
	};
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	opts.ctx_in = &ctx;
	opts.ctx_size_in = sizeof(ctx);
	run_with_opts(prog_fd, &opts);
}

/* Whether what was attached to fails does not matter. */
static void run_attached(int prog_fd, enum bpf_attach_type type, void (*trigger)(void))
{
	int link;

	link = bpf_link_create(prog_fd, cgroup, type, NULL);
	if (!ASSERT_OK_FD(link, "link_create"))
		return;
	trigger();
	close(link);
}

/* Always the same address, so that a program sees the same. */
static void trigger_connect(void)
{
	struct sockaddr_storage addr = {};
	socklen_t len = sizeof(addr);
	int fd;

	ASSERT_OK(getsockname(server, (void *)&addr, &len), "getsockname");
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (ASSERT_OK_FD(fd, "socket"))
		connect(fd, (void *)&addr, len);
	close(fd);
}

static void run_sock_addr(int prog_fd)
{
	run_attached(prog_fd, BPF_CGROUP_INET4_CONNECT, trigger_connect);
}

static void trigger_socket(void)
{
	close(socket(AF_INET, SOCK_DGRAM, 0));
}

static void run_sock(int prog_fd)
{
	run_attached(prog_fd, BPF_CGROUP_INET_SOCK_CREATE, trigger_socket);
}

static void trigger_getsockopt(void)
{
	socklen_t len = sizeof(int);
	int value = 0;

	getsockopt(server, SOL_SOCKET, SO_SNDBUF, &value, &len);
}

static void run_sockopt(int prog_fd)
{
	run_attached(prog_fd, BPF_CGROUP_GETSOCKOPT, trigger_getsockopt);
}

static void trigger_sysctl(void)
{
	char byte;
	int fd;

	fd = open("/proc/sys/kernel/ostype", O_RDONLY);
	if (ASSERT_OK_FD(fd, "open") && read(fd, &byte, 1) != 1)
		ASSERT_EQ(errno, EPERM, "read");
	close(fd);
}

static void run_sysctl(int prog_fd)
{
	run_attached(prog_fd, BPF_CGROUP_SYSCTL, trigger_sysctl);
}

static const struct ctx_type types[] = {
	{ "tc", "SCHED_CLS", BPF_PROG_TYPE_SCHED_CLS, 0, sizeof(struct __sk_buff),
	  "sk_buff", run_skb, true },
	{ "cgroup_skb", "CGROUP_SKB", BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS,
	  sizeof(struct __sk_buff), "sk_buff", run_skb, true },
	{ "xdp", "XDP", BPF_PROG_TYPE_XDP, 0, sizeof(struct xdp_md), "xdp_buff", run_xdp },
	{ "sk_lookup", "SK_LOOKUP", BPF_PROG_TYPE_SK_LOOKUP, BPF_SK_LOOKUP,
	  sizeof(struct bpf_sk_lookup), "bpf_sk_lookup_kern", run_sk_lookup },
	{ "sock_addr", "CGROUP_SOCK_ADDR", BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
	  BPF_CGROUP_INET4_CONNECT, sizeof(struct bpf_sock_addr), "bpf_sock_addr_kern",
	  run_sock_addr, true },
	{ "sock", "CGROUP_SOCK", BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET_SOCK_CREATE,
	  sizeof(struct bpf_sock), "sock", run_sock, true },
	{ "sockopt", "CGROUP_SOCKOPT", BPF_PROG_TYPE_CGROUP_SOCKOPT, BPF_CGROUP_GETSOCKOPT,
	  sizeof(struct bpf_sockopt), "bpf_sockopt_kern", run_sockopt, true },
	{ "sysctl", "CGROUP_SYSCTL", BPF_PROG_TYPE_CGROUP_SYSCTL, BPF_CGROUP_SYSCTL,
	  sizeof(struct bpf_sysctl), "bpf_sysctl_kern", run_sysctl, true },
};

/* The program */

static __u8 bpf_size(int size)
{
	static const __u8 sizes[] = { [1] = BPF_B, [2] = BPF_H, [4] = BPF_W, [8] = BPF_DW };

	return sizes[size];
}

static struct bpf_insn *emit_poison(struct bpf_insn *to, const struct access *acc)
{
	*to++ = BPF_MOV64_REG(BPF_REG_1, BPF_REG_8);
	*to++ = BPF_MOV64_IMM(BPF_REG_2, acc->kern_size);
	*to++ = insn_poison;
	return to;
}

static struct bpf_insn *emit_access(struct bpf_insn *to, const struct access *acc)
{
	if (acc->write) {
		*to++ = BPF_MOV64_IMM(BPF_REG_2, STORED);
		*to++ = BPF_STX_MEM(bpf_size(acc->size), BPF_REG_6, BPF_REG_2, acc->off);
		*to++ = BPF_LDX_MEM(acc->size == 8 ? BPF_DW : BPF_W, BPF_REG_2, BPF_REG_6,
				    acc->off & ~3);
	} else {
		*to++ = BPF_LDX_MEM(bpf_size(acc->size), BPF_REG_2, BPF_REG_6, acc->off);
	}
	if (acc->pointer) {
		*to++ = BPF_JMP_IMM(BPF_JEQ, BPF_REG_2, 0, 1);
		*to++ = BPF_MOV64_IMM(BPF_REG_2, 1);
	} else {
		/* The verifier refuses it where that is a pointer. */
		*to++ = BPF_ALU64_IMM(BPF_XOR, BPF_REG_2, 0);
	}
	*to++ = BPF_STX_MEM(BPF_DW, BPF_REG_7, BPF_REG_2, offsetof(struct ctx_shared, result));
	return to;
}

static int load(const struct access *acc, bool instrumented)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .fd_array = btf_fds,
		    .expected_attach_type = acc->attach_type);
	struct bpf_insn insns[MAX_INSNS], *to = insns;
	int fd;

	*to++ = BPF_MOV64_REG(BPF_REG_6, BPF_REG_1);
	*to++ = insn_cast;
	*to++ = insn_shared[0];
	*to++ = insn_shared[1];
	*to++ = BPF_STX_MEM(BPF_DW, BPF_REG_7, BPF_REG_0, offsetof(struct ctx_shared, kern_ctx));
	*to++ = BPF_LDX_MEM(BPF_DW, BPF_REG_8, BPF_REG_7, offsetof(struct ctx_shared, kern_ctx));
	*to++ = BPF_LDX_MEM(BPF_DW, BPF_REG_3, BPF_REG_7, offsetof(struct ctx_shared, poison));
	to = emit_poison(to, acc);
	to = emit_access(to, acc);
	*to++ = BPF_MOV64_IMM(BPF_REG_3, 0);
	to = emit_poison(to, acc);
	*to++ = BPF_MOV64_IMM(BPF_REG_0, 1);
	*to++ = BPF_EXIT_INSN();

	kasan_instrument(instrumented);
	fd = bpf_prog_load(acc->prog_type, PROG, "GPL", insns, to - insns, &opts);
	kasan_instrument(true);
	return fd;
}

static __u64 run(const struct ctx_type *type, int fd, __u8 poison)
{
	skel->bss->shared.poison = poison;
	skel->bss->shared.result = ~0ULL;
	type->run(fd);
	return skel->bss->shared.result;
}

static bool is_access(const struct bpf_insn *insn)
{
	switch (BPF_CLASS(insn->code)) {
	case BPF_LDX:
		return insn->src_reg != BPF_REG_10;
	case BPF_ST:
	case BPF_STX:
		return insn->dst_reg != BPF_REG_10;
	default:
		return false;
	}
}

/* Those that the fixups have made of one access of the context. None, if all of it is constant. */
static int count_converted(int prog_fd)
{
	struct bpf_insn *insns;
	__u32 i, len;
	int cnt = 0;

	if (!ASSERT_OK(get_xlated_program(prog_fd, &insns, &len), "xlated"))
		return -1;
	for (i = 0; i < len; i++)
		cnt += is_access(&insns[i]);
	free(insns);
	return cnt - OWN_ACCESSES;
}

/* The first of them starts from the kernel's structure. What that points to is good. */
static bool check_reports(const struct ctx_type *type, int converted)
{
	struct kasan_report reports[MAX_REPORTS];
	char wanted[64];
	bool ok;
	int cnt;

	cnt = kasan_log_read(kmsg, reports, MAX_REPORTS);
	ok = ASSERT_EQ(cnt > 0, converted > 0, "reports");
	snprintf(wanted, sizeof(wanted), ", type %s)", type->type);
	for (int i = 0; i < MIN(cnt, MAX_REPORTS); i++)
		ok &= ASSERT_STREQ(reports[i].func, PROG, "function") &
		      ASSERT_HAS_SUBSTR(reports[i].prog, wanted, "program");
	return ok;
}

/* In between, a conversion may have a value in the only register that a check can use. */
static int count_checked(int prog_fd)
{
	int in_fixups = kasan_read_count(prog_fd, "kasan_skipped_fixup");

	ASSERT_LE(in_fixups, 1, "accesses without a check");
	return kasan_read_count(prog_fd, "kasan_checked") + in_fixups;
}

static bool compare(const struct ctx_type *type, int on, int off)
{
	int converted = count_converted(off);
	__u64 result = run(type, off, 0);

	return ASSERT_EQ(kasan_read_count(off, "kasan_checked"), 0, "checks without them") &
	       ASSERT_EQ(count_checked(on), OWN_ACCESSES + converted, "checks") &
	       ASSERT_EQ(run(type, on, 0), result, "result with checks") &
	       ASSERT_EQ(kasan_log_read(kmsg, NULL, 0), 0, "reports of good memory") &
	       ASSERT_EQ(run(type, on, POISON), result, "result with bad memory") &
	       check_reports(type, converted);
}

/* Returns whether there is such an access. */
static bool test_access(const struct ctx_type *type, struct access *acc)
{
	int on, off;

	acc->pointer = false;
	off = load(acc, false);
	if (off < 0) {
		acc->pointer = true;
		off = load(acc, false);
	}
	if (off < 0)
		return false;

	on = load(acc, true);
	if (!ASSERT_OK_FD(on, "load with checks") || !compare(type, on, off))
		printf("%s of %d bytes at %d\n", acc->write ? "write" : "read", acc->size,
		       acc->off);
	close(on);
	close(off);
	return true;
}

static int find_size(const char *name)
{
	struct btf *btf;
	int id, size = -1;

	btf = btf__load_vmlinux_btf();
	if (!ASSERT_OK_PTR(btf, "vmlinux btf"))
		return -1;
	id = btf__find_by_name_kind(btf, name, BTF_KIND_STRUCT);
	if (ASSERT_GT(id, 0, name))
		size = btf__resolve_size(btf, id);
	btf__free(btf);
	return size;
}

static int test_direction(const struct ctx_type *type, bool write, int kern_size)
{
	struct access acc = {
		.prog_type = type->prog_type,
		.attach_type = type->attach_type,
		.write = write,
		.kern_size = kern_size,
	};
	int cnt = 0;

	for (acc.size = 1; acc.size <= 8; acc.size *= 2)
		for (acc.off = 0; acc.off < type->size; acc.off += acc.size)
			cnt += test_access(type, &acc);
	return cnt;
}

static void test_type(const struct ctx_type *type)
{
	int kern_size = find_size(type->kern_name) & ~7; /* whole granules */
	int reads, writes;

	reads = test_direction(type, false, kern_size);
	writes = test_direction(type, true, kern_size);
	printf("%d reads, %d writes\n", reads, writes);
	ASSERT_GT(reads, 0, "reads");
	ASSERT_EQ(writes > 0, type->writable, "writes");
}

static bool get_insns(void)
{
	const struct bpf_insn *insns = bpf_program__insns(skel->progs.template);
	int fd;

	insn_cast = insns[0];
	insn_poison = insns[4];
	memcpy(insn_shared, insns + 5, sizeof(insn_shared));
	insn_shared[0].dst_reg = BPF_REG_7;

	fd = kasan_module_btf();
	if (!ASSERT_OK_FD(fd, "module's btf") ||
	    !ASSERT_LT(insn_poison.off, ARRAY_SIZE(btf_fds), "index of btf"))
		return false;
	btf_fds[insn_poison.off] = fd;
	return true;
}

static void test_types(void)
{
	for (int i = 0; i < ARRAY_SIZE(types); i++)
		if (test__start_subtest(types[i].name))
			test_type(&types[i]);
}

void serial_test_kasan_ctx(void)
{
	kmsg = kasan_test_start();
	if (kmsg < 0)
		return;

	cgroup = test__join_cgroup("/kasan_ctx");
	server = start_server(AF_INET, SOCK_DGRAM, "127.0.0.1", 0, 0);
	skel = kasan_ctx__open_and_load();
	if (ASSERT_OK_FD(cgroup, "join_cgroup") && ASSERT_OK_FD(server, "start_server") &&
	    ASSERT_OK_PTR(skel, "open_and_load") && get_insns()) {
		test_types();
		close(btf_fds[insn_poison.off]);
	}
	kasan_ctx__destroy(skel);
	close(server);
	close(cgroup);
	kasan_test_end(kmsg);
}
