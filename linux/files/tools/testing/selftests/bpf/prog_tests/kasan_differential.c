// SPDX-License-Identifier: GPL-2.0
/*
 * CONFIG_BPF_KASAN: an instrumented program does what it does without. Random programs run with
 * checks and without, and in a model; all three have to agree on the return value and on every byte
 * of maps and packet. Then part of a map's value is bad: there has to be one report for each access
 * that the model makes of it, in this order, and none for the others.
 *
 * KASAN_SEED and KASAN_COUNT in the environment choose other programs. A failure prints the seed.
 */
#include <test_progs.h>

#include "kasan_helpers.h"
#include "kasan_progen.h"
#include "sysctl_helpers.h"
#include "../progs/kasan_differential.h"
#include "kasan_differential.skel.h"

#define HARDEN		"/proc/sys/net/core/bpf_jit_harden"
#define MAX_REPORTS	4
#define FIRST_SEED	1
#define NR_SEEDS	12

static const struct variant {
	const char *name;
	enum bpf_prog_type type;
	__u32 flags;
	bool blinded;
} variants[] = {
	{ "xdp", BPF_PROG_TYPE_XDP },
	{ "tc", BPF_PROG_TYPE_SCHED_CLS },
	{ "xdp_rnd_hi32", BPF_PROG_TYPE_XDP, BPF_F_TEST_RND_HI32 },
	{ "tc_blinded", BPF_PROG_TYPE_SCHED_CLS, 0, true },
};

/* One program, and what it has to do. */
struct experiment {
	struct progen_prog prog;
	struct progen_run before, after;
	int fds[2];		/* by whether it is instrumented */
};

static struct kasan_differential *skel;
static int kmsg = -1;

static int map_fd(enum progen_map map)
{
	return bpf_map__fd(map == PROGEN_HASH ? skel->maps.hash : skel->maps.array);
}

static void fill(__u64 *random, void *to, size_t size)
{
	for (__u8 *byte = to; size--; byte++)
		*byte = progen_random(random) >> 40;
}

static void init_before(struct experiment *ex)
{
	__u64 random = ~ex->prog.seed;
	struct __sk_buff *skb = &ex->before.skb;

	memset(&ex->before, 0, sizeof(ex->before));
	fill(&random, ex->before.memory.values, sizeof(ex->before.memory.values));
	fill(&random, ex->before.memory.packet, sizeof(ex->before.memory.packet));
	fill(&random, &skb->mark, sizeof(skb->mark));
	fill(&random, &skb->priority, sizeof(skb->priority));
	fill(&random, skb->cb, sizeof(skb->cb));
}

/* Programs that are loaded while the sysctl is 0 stay as they are. */
static int load(const struct experiment *ex, const struct variant *v, bool instrumented)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts);
	static char log[1 << 16];
	char old[16];
	int fd;

	log[0] = 0;
	opts.prog_flags = v->flags;
	opts.log_buf = log;
	opts.log_size = sizeof(log);
	if (!kasan_instrument(instrumented) ||
	    (v->blinded && sysctl_set_or_fail(HARDEN, old, "2")))
		return -EINVAL;
	fd = bpf_prog_load(ex->prog.type, "progen", "GPL", ex->prog.insns, ex->prog.len, &opts);
	if (!ASSERT_OK_FD(fd, "load"))
		printf("%s", log);
	if (v->blinded)
		sysctl_set_or_fail(HARDEN, NULL, old);
	kasan_instrument(true);
	return fd;
}

static bool write_maps(const struct progen_memory *memory)
{
	int result = bpf_map__fd(skel->maps.result), map, err = 0;
	__u32 key = 0;

	err |= bpf_map_update_elem(result, &key, memory->result, 0);
	for (map = 0; map < PROGEN_NR_MAPS; map++)
		for (key = 0; key < PROGEN_ENTRIES; key++)
			err |= bpf_map_update_elem(map_fd(map), &key, memory->values[map][key], 0);
	return ASSERT_OK(err, "write maps");
}

static bool read_maps(struct progen_memory *memory)
{
	int result = bpf_map__fd(skel->maps.result), map, err = 0;
	__u32 key = 0;

	err |= bpf_map_lookup_elem(result, &key, memory->result);
	for (map = 0; map < PROGEN_NR_MAPS; map++)
		for (key = 0; key < PROGEN_ENTRIES; key++)
			err |= bpf_map_lookup_elem(map_fd(map), &key, memory->values[map][key]);
	return ASSERT_OK(err, "read maps");
}

/* Packet, context and return value; @run has what they are before, and then what they are after. */
static bool run_prog(const struct experiment *ex, int fd, struct progen_run *run)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	struct __sk_buff skb = run->skb;

	opts.data_in = ex->before.memory.packet;
	opts.data_size_in = PROGEN_PACKET;
	opts.data_out = run->memory.packet;
	opts.data_size_out = PROGEN_PACKET;
	if (ex->prog.type == BPF_PROG_TYPE_SCHED_CLS) {
		opts.ctx_in = &ex->before.skb;
		opts.ctx_size_in = sizeof(ex->before.skb);
		opts.ctx_out = &skb;
		opts.ctx_size_out = sizeof(skb);
	}
	if (!ASSERT_OK(bpf_prog_test_run_opts(fd, &opts), "test_run"))
		return false;
	run->retval = opts.retval;
	run->skb.mark = skb.mark;
	run->skb.priority = skb.priority;
	memcpy(run->skb.cb, skb.cb, sizeof(skb.cb));
	return true;
}

static bool check_run(const struct progen_run *run, const struct progen_run *expected)
{
	const struct progen_memory *memory = &run->memory, *wanted = &expected->memory;

	return ASSERT_EQ(run->retval, expected->retval, "retval") &
	       ASSERT_MEMEQ(memory->result, wanted->result, sizeof(memory->result), "registers") &
	       ASSERT_MEMEQ(memory->values, wanted->values, sizeof(memory->values), "values") &
	       ASSERT_MEMEQ(memory->packet, wanted->packet, sizeof(memory->packet), "packet") &
	       ASSERT_MEMEQ(&run->skb, &expected->skb, sizeof(run->skb), "context");
}

static bool set_shadow(struct differential_poison *poison, __u32 shadow)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int fd = bpf_program__fd(skel->progs.poison);

	poison->shadow = shadow;
	opts.ctx_in = poison;
	opts.ctx_size_in = sizeof(*poison);
	return ASSERT_OK(bpf_prog_test_run_opts(fd, &opts), "poison") &&
	       ASSERT_OK(opts.retval, "retval of poison");
}

/* Is one of the bytes in the granule, and behind the good ones that it begins with? */
static bool is_bad(const struct progen_access *acc, const struct differential_poison *poison)
{
	int good = (__s8)poison->shadow > 0 ? poison->shadow : 0;
	int start = poison->off + good, end = poison->off + DIFFERENTIAL_GRANULE;

	return poison->shadow && acc->map == (poison->in_hash ? PROGEN_HASH : PROGEN_ARRAY) &&
	       acc->off < end && acc->off + acc->size > start;
}

static int find_bad(const struct progen_run *run, const struct differential_poison *poison,
		    struct progen_access *bad)
{
	int cnt = 0;

	for (int i = 0; i < run->nr_accesses; i++)
		if (is_bad(&run->accesses[i], poison) && cnt++ < MAX_REPORTS)
			bad[cnt - 1] = run->accesses[i];
	return cnt;
}

/* The bad access that a report is about, if there is one that no other report is about. */
static int find_reported(const struct kasan_report *report, const struct progen_access *bad,
			 const bool *reported, int cnt, __u64 start)
{
	for (int i = 0; i < cnt; i++)
		if (!reported[i] && bad[i].off == report->addr - start &&
		    bad[i].size == report->size && bad[i].write == report->write)
			return i;
	return -1;
}

/* Is each bad byte of the access one of those of an earlier access, with a report of its own? */
static bool is_covered(const struct progen_access *bad, const bool *reported, int nr,
		       const struct differential_poison *poison)
{
	struct progen_access byte = bad[nr];
	int i;

	byte.size = 1;
	for (; byte.off < bad[nr].off + bad[nr].size; byte.off++) {
		for (i = 0; i < nr; i++)
			if (reported[i] && bad[i].write >= byte.write && byte.off >= bad[i].off &&
			    byte.off < bad[i].off + bad[i].size)
				break;
		if (i == nr && is_bad(&byte, poison))
			return false;
	}
	return true;
}

/* Reports are of bad accesses, and of all of them but for what others have covered. */
static bool check_reports(const struct experiment *ex, const struct differential_poison *poison)
{
	struct progen_access bad[MAX_REPORTS];
	struct kasan_report reports[MAX_REPORTS];
	bool reported[MAX_REPORTS] = {}, ok;
	int cnt, expected, nr;

	expected = find_bad(&ex->after, poison, bad);
	cnt = kasan_log_read(kmsg, reports, MAX_REPORTS);
	ok = ASSERT_LE(cnt, expected, "reports") && ASSERT_GE(cnt, 0, "reports");
	for (int i = 0; ok && i < cnt; i++) {
		nr = find_reported(&reports[i], bad, reported, expected, poison->start);
		ok = ASSERT_GE(nr, 0, "access of the report");
		if (ok)
			reported[nr] = true;
	}
	for (int i = 0; ok && i < expected; i++)
		ok = reported[i] || ASSERT_TRUE(is_covered(bad, reported, i, poison), "covered");
	if (!ok)
		kasan_print_reports(reports, MIN(cnt, MAX_REPORTS));
	return ok;
}

static bool run_once(const struct experiment *ex, bool instrumented, __u32 shadow,
		     struct differential_poison *poison)
{
	struct progen_run run = ex->before;
	bool ok;

	if (!write_maps(&ex->before.memory) || !set_shadow(poison, shadow))
		return false;
	ok = run_prog(ex, ex->fds[instrumented], &run);
	if (!set_shadow(poison, 0) || !ok || !read_maps(&run.memory))
		return false;
	poison->shadow = shadow;
	return check_run(&run, &ex->after) & check_reports(ex, poison);
}

/* A granule of which not too many accesses are bad, and some, if there is one. */
static __u32 choose_shadow(const struct experiment *ex, struct differential_poison *poison)
{
	__u64 random = ex->prog.seed * 2 + 1;
	struct progen_access bad[MAX_REPORTS];
	int cnt;

	for (int i = 0; i < 100; i++) {
		poison->in_hash = progen_random(&random) >> 63;
		poison->off = (progen_random(&random) >> 40) % PROGEN_VALUE & -DIFFERENTIAL_GRANULE;
		poison->shadow = (progen_random(&random) >> 40) % DIFFERENTIAL_GRANULE ?: 0xff;
		cnt = find_bad(&ex->after, poison, bad);
		if (cnt && cnt <= MAX_REPORTS)
			return poison->shadow;
	}
	/* Any granule, of which the model says that nothing is accessed, or nothing at all. */
	return cnt ? 0 : poison->shadow;
}

static bool run_experiment(struct experiment *ex, const struct variant *v)
{
	struct differential_poison poison = {};
	__u32 shadow;

	init_before(ex);
	ex->after = ex->before;
	if (!ASSERT_TRUE(progen_run(&ex->prog, &ex->after), "model"))
		return false;
	for (int i = 0; i < 2; i++) {
		ex->fds[i] = load(ex, v, i);
		if (ex->fds[i] < 0 || !run_once(ex, i, 0, &poison))
			return false;
	}
	if (!ASSERT_EQ(kasan_read_count(ex->fds[0], "kasan_checked"), 0, "checked with 0") ||
	    !ASSERT_GT(kasan_read_count(ex->fds[1], "kasan_checked"), 0, "checked"))
		return false;
	shadow = choose_shadow(ex, &poison);
	return run_once(ex, true, shadow, &poison);
}

static bool test_seed(const struct variant *v, __u64 seed)
{
	static struct experiment ex;
	bool ok;

	ex.prog.seed = seed;
	ex.prog.type = v->type;
	ex.prog.maps.array = bpf_map__fd(skel->maps.array);
	ex.prog.maps.hash = bpf_map__fd(skel->maps.hash);
	ex.prog.maps.result = bpf_map__fd(skel->maps.result);
	ex.fds[0] = -1;
	ex.fds[1] = -1;
	progen_make(&ex.prog);
	ok = run_experiment(&ex, v);
	if (!ok) {
		printf("%s: again with KASAN_SEED=%llu KASAN_COUNT=1\n", v->name, seed);
		progen_print(&ex.prog);
	}
	close(ex.fds[0]);
	close(ex.fds[1]);
	return ok;
}

static __u64 read_env(const char *name, __u64 otherwise)
{
	const char *value = getenv(name);

	return value ? strtoull(value, NULL, 0) : otherwise;
}

/* The first failure is enough: what follows may come of it. */
static void run_variants(void)
{
	__u64 first = read_env("KASAN_SEED", FIRST_SEED), cnt = read_env("KASAN_COUNT", NR_SEEDS);

	for (int i = 0; i < ARRAY_SIZE(variants); i++) {
		if (!test__start_subtest(variants[i].name))
			continue;
		ASSERT_GT(cnt, 0, "number of programs");
		for (__u64 seed = first; seed < first + cnt; seed++)
			if (!test_seed(&variants[i], seed))
				break;
	}
}

void serial_test_kasan_differential(void)
{
	kmsg = kasan_test_start();
	if (kmsg < 0)
		return;

	skel = kasan_differential__open_and_load();
	if (ASSERT_OK_PTR(skel, "open_and_load"))
		run_variants();
	kasan_differential__destroy(skel);
	kasan_test_end(kmsg);
}
