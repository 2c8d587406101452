// SPDX-License-Identifier: GPL-2.0-only
/*
 * KASAN for BPF programs: the switch, and the counts of what it has done.
 */
#include <linux/bpf.h>
#include <linux/bpf_verifier.h>
#include <linux/debugfs.h>
#include <linux/seq_file.h>
#include <linux/sysctl.h>

#include "kasan_insn.h"

int bpf_kasan_mode __read_mostly = KASAN_ON;
bool bpf_kasan_portable __ro_after_init;

/* Of all programs since boot. */
static struct {
	atomic_long_t progs, failed, reports;
	atomic_long_t checked, straddling, merged, elided;
	atomic_long_t skipped_stack, skipped_probe, skipped_fixup;
	atomic_long_t redzones, redzones_omitted;
} totals;

static void log_stats(struct bpf_verifier_env *env, const struct bpf_kasan_stats *stats)
{
	bpf_verifier_log_write(env,
			       "kasan: %u accesses checked (%u for straddling, %u merged, %u elided), %u skipped (%u stack, %u fault-tolerant, %u in fixups)\n",
			       stats->checked, stats->straddling, stats->merged, stats->elided,
			       stats->skipped_stack + stats->skipped_probe + stats->skipped_fixup,
			       stats->skipped_stack, stats->skipped_probe, stats->skipped_fixup);
	if (stats->redzones + stats->redzones_omitted)
		bpf_verifier_log_write(env, "kasan: %u redzones of stack frames, %u omitted\n",
				       stats->redzones, stats->redzones_omitted);
}

/**
 * bpf_kasan_count_prog - count what becomes of a program's accesses
 * @rw: rewrite, of which all is decided
 */
void bpf_kasan_count_prog(const struct kasan_rewrite *rw)
{
	struct bpf_kasan_stats *stats = &rw->prog->aux->kasan;

	stats->checked = rw->count[KASAN_CHECKED] + rw->count[KASAN_ELIDED];
	stats->straddling = rw->straddling;
	stats->merged = rw->nr_tests - rw->nr_checks;
	stats->elided = rw->count[KASAN_ELIDED];
	stats->skipped_stack = rw->count[KASAN_SKIP_STACK];
	stats->skipped_probe = rw->count[KASAN_SKIP_PROBE];
	stats->skipped_fixup = rw->count[KASAN_SKIP_AX];
	stats->redzones = rw->redzones;
	stats->redzones_omitted = rw->redzones_omitted;

	atomic_long_inc(&totals.progs);
	atomic_long_add(stats->checked, &totals.checked);
	atomic_long_add(stats->straddling, &totals.straddling);
	atomic_long_add(stats->merged, &totals.merged);
	atomic_long_add(stats->elided, &totals.elided);
	atomic_long_add(stats->skipped_stack, &totals.skipped_stack);
	atomic_long_add(stats->skipped_probe, &totals.skipped_probe);
	atomic_long_add(stats->skipped_fixup, &totals.skipped_fixup);
	atomic_long_add(stats->redzones, &totals.redzones);
	atomic_long_add(stats->redzones_omitted, &totals.redzones_omitted);
	if (rw->env && rw->env->log.level & BPF_LOG_STATS)
		log_stats(rw->env, stats);
}

/**
 * bpf_kasan_count_failure - count a program that has no checks for lack of memory
 */
void bpf_kasan_count_failure(void)
{
	atomic_long_inc(&totals.failed);
}

static const struct ctl_table bpf_kasan_sysctls[] = {
	{
		.procname	= "bpf_kasan",
		.data		= &bpf_kasan_mode,
		.maxlen		= sizeof(bpf_kasan_mode),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= SYSCTL_ZERO,
		.extra2		= SYSCTL_TWO,
	},
};

/**
 * bpf_kasan_count_report - count a report of which bpf_kasan_describe() has named the program
 * @prog: main program
 *
 * Context: Any.
 */
void bpf_kasan_count_report(struct bpf_prog *prog)
{
	atomic_inc(&prog->aux->kasan.reports);
	atomic_long_inc(&totals.reports);
}

/**
 * bpf_kasan_show_fdinfo - print a program's counts for its file descriptor
 * @m: where to
 * @prog: main program
 */
void bpf_kasan_show_fdinfo(struct seq_file *m, const struct bpf_prog *prog)
{
	const struct bpf_kasan_stats *stats = &prog->aux->kasan;

	seq_printf(m, "kasan_checked:\t%u\n", stats->checked);
	seq_printf(m, "kasan_straddling:\t%u\n", stats->straddling);
	seq_printf(m, "kasan_merged:\t%u\n", stats->merged);
	seq_printf(m, "kasan_elided:\t%u\n", stats->elided);
	seq_printf(m, "kasan_skipped_stack:\t%u\n", stats->skipped_stack);
	seq_printf(m, "kasan_skipped_probe:\t%u\n", stats->skipped_probe);
	seq_printf(m, "kasan_skipped_fixup:\t%u\n", stats->skipped_fixup);
	seq_printf(m, "kasan_redzones:\t%u\n", stats->redzones);
	seq_printf(m, "kasan_redzones_omitted:\t%u\n", stats->redzones_omitted);
	seq_printf(m, "kasan_reports:\t%u\n", atomic_read(&stats->reports));
}

static int stats_show(struct seq_file *m, void *v)
{
	seq_printf(m, "portable %d\n", bpf_kasan_portable || !bpf_jit_supports_kasan_check());
	seq_printf(m, "progs %lu\n", atomic_long_read(&totals.progs));
	seq_printf(m, "failed %lu\n", atomic_long_read(&totals.failed));
	seq_printf(m, "checked %lu\n", atomic_long_read(&totals.checked));
	seq_printf(m, "straddling %lu\n", atomic_long_read(&totals.straddling));
	seq_printf(m, "merged %lu\n", atomic_long_read(&totals.merged));
	seq_printf(m, "elided %lu\n", atomic_long_read(&totals.elided));
	seq_printf(m, "skipped_stack %lu\n", atomic_long_read(&totals.skipped_stack));
	seq_printf(m, "skipped_probe %lu\n", atomic_long_read(&totals.skipped_probe));
	seq_printf(m, "skipped_fixup %lu\n", atomic_long_read(&totals.skipped_fixup));
	seq_printf(m, "redzones %lu\n", atomic_long_read(&totals.redzones));
	seq_printf(m, "redzones_omitted %lu\n", atomic_long_read(&totals.redzones_omitted));
	seq_printf(m, "reports %lu\n", atomic_long_read(&totals.reports));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

static int __init bpf_kasan_init(void)
{
	register_sysctl_init("kernel", bpf_kasan_sysctls);
	debugfs_create_file("bpf_kasan", 0400, NULL, NULL, &stats_fops);
	return 0;
}
late_initcall(bpf_kasan_init);

static int __init bpf_kasan_setup(char *arg)
{
	bool on;
	int err;

	if (arg && !strcmp(arg, "portable")) {
		bpf_kasan_portable = true;
		return 0;
	}
	err = kstrtobool(arg, &on);
	if (!err)
		bpf_kasan_mode = on ? KASAN_ON : KASAN_OFF;
	return err;
}
early_param("bpf_kasan", bpf_kasan_setup);
