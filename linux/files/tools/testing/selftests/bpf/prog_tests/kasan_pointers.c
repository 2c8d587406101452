// SPDX-License-Identifier: GPL-2.0
/*
 * CONFIG_BPF_KASAN: every kind of pointer. Each program accesses good memory, and then the same
 * memory while it is bad, and sees the same; so it does without instrumentation.
 */
#include <test_progs.h>

#include "kasan_helpers.h"
#include "sysctl_helpers.h"

#include "kasan_pointers.skel.h"

#define SYSCTL		"/proc/sys/kernel/bpf_kasan"
#define PACKET_SIZE	64
#define MAX_ACCESSES	5
#define R(bytes)	{ .write = false, .size = (bytes) }
#define W(bytes)	{ .write = true,  .size = (bytes) }

/* Values of the sysctl */
enum mode { OFF, ON, PROBE };

static const char *const mode_names[] = { "off", "on", "probe" };

static const struct pointer_case {
	const char *prog;
	struct kasan_access accesses[MAX_ACCESSES];	/* of bad memory; none: use() */
	const char *bug;		/* if it is not the one of poison */
	bool probe;			/* all accesses may fault by design */
	bool never;			/* they are never checked */
} cases[] = {
	{ "value_array" },
	{ "value_hash" },
	{ "value_hash_alloc" },
	{ "value_lru" },
	{ "value_percpu_array" },
	{ "value_percpu_hash" },
	{ "value_percpu_lru" },
	{ "value_percpu_elem" },
	{ "value_lpm" },
	{ "value_inner" },
	{ "value_global" },
	{ "value_task_storage" },
	{ "value_cgrp_storage" },
	{ "value_sk_storage" },

	{ "mem_ringbuf" },
	{ "dynptr_local" },
	{ "dynptr_ringbuf" },
	{ "slice_skb" },
	{ "slice_xdp" },
	{ "slice_unaligned" },
	{ "slice_local" },
	{ "slice_buffer",	{ R(8) } },

	{ "packet_tc" },
	{ "packet_xdp" },
	{ "packet_unaligned" },
	{ "packet_last_byte",	{ R(1), R(2), R(4), R(8) } },
	{ "packet_meta" },

	{ "obj_new" },
	{ "obj_kptr" },
	{ "obj_percpu" },
	{ "sock_field",		{ R(4) } },
	{ "xdp_chain",		{ R(4) } },

	{ "arena_all",		.never = true },
	{ "probe_widths",	{ R(8), R(4), R(2), R(1), R(4) }, "slab-use-after-free",
				.probe = true },
};

/* What use() in the programs does. */
static const struct kasan_access use_accesses[] = { W(4), R(8) };

static int kmsg = -1;

static int run(const struct bpf_program *prog)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	__u8 packet[PACKET_SIZE];

	memset(packet, 0x6b, sizeof(packet));
	if (bpf_program__type(prog) != BPF_PROG_TYPE_SYSCALL) {
		opts.data_in = packet;
		opts.data_size_in = sizeof(packet);
	}
	if (!ASSERT_OK(bpf_prog_test_run_opts(bpf_program__fd(prog), &opts), "test_run"))
		return -1;
	return opts.retval;
}

static const char *type_name(const struct bpf_program *prog)
{
	switch (bpf_program__type(prog)) {
	case BPF_PROG_TYPE_SCHED_CLS:
		return "SCHED_CLS";
	case BPF_PROG_TYPE_XDP:
		return "XDP";
	default:
		return "SYSCALL";
	}
}

static int count_accesses(const struct kasan_access *accesses)
{
	int cnt = 0;

	while (cnt < MAX_ACCESSES && accesses[cnt].size)
		cnt++;
	return cnt;
}

/* The programs that read freed memory do so whether they are told that it is bad or not. */
static void check_reports(const struct bpf_program *prog, const struct pointer_case *c, bool bad,
			  enum mode mode)
{
	int cnt = count_accesses(c->accesses);
	const struct kasan_access *accesses = cnt ? c->accesses : use_accesses;

	cnt = cnt ?: ARRAY_SIZE(use_accesses);
	if (c->never || mode < (c->probe ? PROBE : ON) || (!bad && !c->probe))
		cnt = 0;
	kasan_check_reports(kmsg, c->bug ?: "use-after-free", c->prog, type_name(prog), accesses,
			    cnt);
}

/* Are the accesses checked, or left alone for what they are? */
static void check_counts(const struct bpf_program *prog, const struct pointer_case *c,
			 enum mode mode)
{
	long checked = kasan_read_count(bpf_program__fd(prog), "kasan_checked");
	long skipped = kasan_read_count(bpf_program__fd(prog), "kasan_skipped_probe");

	if (c->never)
		ASSERT_EQ(checked, 0, "checked");
	else if (!c->probe || mode == PROBE)
		ASSERT_EQ(checked > 0, mode != OFF, "checked");
	if (c->never || c->probe)
		ASSERT_EQ(skipped > 0, mode != OFF && (c->never || mode != PROBE), "left alone");
}

static void test_case(struct kasan_pointers *skel, const struct pointer_case *c, enum mode mode)
{
	const struct bpf_program *prog;
	int err;

	prog = bpf_object__find_program_by_name(skel->obj, c->prog);
	if (!ASSERT_OK_PTR(prog, c->prog))
		return;

	check_counts(prog, c, mode);
	/* What is good has to be good with any tag. What is bad is less than 16 bytes. */
	for (int bad = 0; bad <= !kasan_has_tags(); bad++) {
		skel->bss->bad = bad;
		err = run(prog);
		if (strstr(c->prog, "_storage") && kasan_skip_without_memory(err))
			return;
		ASSERT_EQ(err, 0, bad ? "retval with bad memory" : "retval");
		check_reports(prog, c, bad, mode);
	}
}

static void test_mode(enum mode mode)
{
	char name[64], value[] = { '0' + mode, 0 };
	struct kasan_pointers *skel;
	int err;

	sysctl_set_or_fail(SYSCTL, NULL, value);
	skel = kasan_pointers__open();
	if (!ASSERT_OK_PTR(skel, "open"))
		return;
	kasan_leave_out_unsupported(skel->obj, kasan_pointers__elf_bytes);
	err = kasan_pointers__load(skel);
	kasan_instrument(true);
	if (!ASSERT_OK(err, "load"))
		goto out;

	for (int i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(name, sizeof(name), "%s/%s", mode_names[mode], cases[i].prog);
		if (test__start_subtest(name) && kasan_is_supported(skel->obj, cases[i].prog))
			test_case(skel, &cases[i], mode);
	}
out:
	kasan_pointers__destroy(skel);
}

void serial_test_kasan_pointers(void)
{
	kmsg = kasan_test_start_any();
	if (kmsg < 0)
		return;

	test_mode(ON);
	test_mode(OFF);
	/* The portable form leaves alone what may fault. */
	if (!kasan_is_portable())
		test_mode(PROBE);
	kasan_test_end(kmsg);
}
