// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a KASAN report says of the BPF program that made the access, or that called the kernel code
 * which made it: program, instruction, source line. The same goes to the program's stderr stream,
 * for an owner who cannot read the kernel log.
 *
 * All of this runs with interrupts off, in whatever context the access was made. Reports from here
 * are suppressed, as from any part of a report.
 */
#include <linux/bpf.h>
#include <linux/bpf_kasan.h>
#include <linux/btf.h>
#include <linux/ctype.h>
#include <linux/filter.h>
#include <linux/jiffies.h>
#include <linux/kasan.h>
#include <linux/kdebug.h>
#include <linux/kernel.h>
#include <linux/string.h>

#define CREATE_TRACE_POINTS
#include <trace/events/bpf_kasan.h>

#include "disasm.h"
#include "kasan_insn.h"

struct kasan_culprit {
	struct bpf_prog *prog;		/* main program or subprog */
	unsigned long ip;		/* return address in it */
	bool called_kernel;		/* the access was made by what it called */
	const struct bpf_insn *insn;	/* the access, or NULL if it is not known */
	int idx;			/* its number in the whole program, as bpftool shows it */
};

#define LINE_LEN 256
#define MAX_STREAM_REPORTS 10 /* of a program in a second */

static const char *const prog_types[] = {
#define BPF_PROG_TYPE(_id, ...) \
	[_id] = #_id,
#define BPF_MAP_TYPE(...)
#define BPF_LINK_TYPE(...)
#include <linux/bpf_types.h>
#undef BPF_PROG_TYPE
#undef BPF_MAP_TYPE
#undef BPF_LINK_TYPE
};

static const char *prog_type_name(const struct bpf_prog *prog)
{
	const char *name = prog->type < ARRAY_SIZE(prog_types) ? prog_types[prog->type] : NULL;

	return name ? name + strlen("BPF_PROG_TYPE_") : "classic";
}

/* The program's frame keeps it alive once found: it is on this CPU's stack. */
static bool find_prog(struct kasan_culprit *culprit, unsigned long ip)
{
	rcu_read_lock();
	culprit->prog = bpf_prog_ksym_find(ip);
	rcu_read_unlock();
	culprit->ip = ip;
	return culprit->prog;
}

static bool find_caller_cb(void *cookie, u64 ip, u64 sp, u64 bp)
{
	return !find_prog(cookie, ip);
}

static bool find_culprit(struct kasan_culprit *culprit, unsigned long ip)
{
	if (find_prog(culprit, ip))
		return true;
	culprit->called_kernel = true;
	arch_bpf_stack_walk(find_caller_cb, culprit);
	return culprit->prog;
}

static const char *func_name(const struct bpf_prog *prog)
{
	const struct bpf_prog_aux *aux = prog->aux;
	const struct btf_type *func;

	if (!aux->btf || !aux->func_info || aux->func_idx >= aux->func_info_cnt)
		return NULL;
	func = btf_type_by_id(aux->btf, aux->func_info[aux->func_idx].type_id);
	return btf_name_by_offset(aux->btf, func->name_off);
}

int __weak bpf_jit_count_kasan_checks(const void *start, const void *end)
{
	return -1;
}

int __weak bpf_jit_count_kasan_loads(const void *start, const void *end)
{
	return -1;
}

bool __weak bpf_jit_kasan_fault(const struct pt_regs *regs, unsigned long *shadow)
{
	return false;
}

/* The @nr-th instruction of a program for which @is_it holds, counting from 1. */
static const struct bpf_insn *find_nth(const struct bpf_prog *prog, int nr,
				       bool (*is_it)(const struct bpf_insn *insn))
{
	const struct bpf_insn *insn = prog->insnsi, *end = insn + prog->len;

	for (; nr > 0 && insn < end; insn++) {
		nr -= is_it(insn);
		if (!nr)
			return insn;
	}
	return NULL;
}

/* The access at @insn, or the @nth one after it. */
static const struct bpf_insn *find_access(const struct bpf_prog *prog, const struct bpf_insn *insn,
					  int nth)
{
	const struct bpf_insn *end = prog->insnsi + prog->len;
	struct kasan_access acc;

	for (; insn < end; insn++) {
		if (bpf_kasan_decode(insn, &acc) != KASAN_NO_ACCESS &&
		    !bpf_kasan_is_shadow_load(insn) && nth-- == 0)
			return insn;
		/* From a cold path back to what it checks, or over cold paths in a block. */
		if (insn->code == (BPF_JMP | BPF_JA))
			insn += insn->off;
	}
	return NULL;
}

static void set_access(struct kasan_culprit *culprit, const struct bpf_prog *prog,
		       const struct bpf_insn *insn)
{
	if (!insn)
		return;
	culprit->insn = insn;
	culprit->idx = insn - prog->insnsi;
	if (prog != prog->aux->main_prog_aux->prog)
		culprit->idx += prog->aux->subprog_start;
}

/* The constant of a check, not of what poisons redzones. */
static bool is_check_load(const struct bpf_insn *insn)
{
	return bpf_is_kasan_ld_imm64(insn) && bpf_kasan_is_shadow_load(insn + KASAN_ADDR_LEN);
}

/* In the portable form, the call says which access it is for. */
static void find_tested_portable(struct kasan_culprit *culprit, u64 tested)
{
	const struct bpf_prog *main = culprit->prog->aux->main_prog_aux->prog;
	const struct bpf_insn *load;

	load = find_nth(main, KASAN_TESTED_LOAD(tested) + 1, is_check_load);
	if (load)
		set_access(culprit, main, find_access(main, load + 1, KASAN_TESTED_NTH(tested)));
}

/* The access that the culprit has called for. */
static void find_tested(struct kasan_culprit *culprit)
{
	const struct bpf_prog *prog = culprit->prog;
	u64 tested = this_cpu_read(bpf_kasan_tested);
	const struct bpf_insn *check;

	if (culprit->called_kernel)
		return;
	if (tested) {
		find_tested_portable(culprit, tested);
		return;
	}
	check = find_nth(prog, bpf_jit_count_kasan_checks(prog->bpf_func, (void *)culprit->ip),
			 bpf_is_kasan_check);
	if (check)
		set_access(culprit, prog, find_access(prog, check + 1, bpf_kasan_check_nth(check)));
}

/* The access whose shadow the culprit has died of loading. */
static void find_loaded(struct kasan_culprit *culprit)
{
	const struct bpf_prog *prog = culprit->prog;
	const struct bpf_insn *load;

	load = find_nth(prog, bpf_jit_count_kasan_loads(prog->bpf_func, (void *)culprit->ip),
			bpf_is_kasan_ld_imm64);
	if (load)
		set_access(culprit, prog, find_access(prog, load + 1, 0));
}

/* Names and source lines are the program's own: they must not look like other lines of the log. */
static __printf(2, 3) void print_line(struct bpf_stream_stage *ss, const char *fmt, ...)
{
	char line[LINE_LEN], *c;
	va_list args;

	va_start(args, fmt);
	vscnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	for (c = line; *c; c++)
		if (!isprint(*c))
			*c = ' ';
	strim(line);
	pr_err("%s\n", line);
	bpf_stream_printk((*ss), "%s\n", line);
}

static __printf(2, 3) void print_insn_cb(void *buf, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vscnprintf(buf, LINE_LEN / 2, fmt, args);
	va_end(args);
}

/* As bpftool shows it: that a load may fault is nothing that the programmer wrote. */
static struct bpf_insn plain_insn(struct bpf_insn insn)
{
	u8 mode = BPF_MODE(insn.code);

	if (BPF_CLASS(insn.code) != BPF_LDX || (mode != BPF_PROBE_MEM && mode != BPF_PROBE_MEMSX))
		return insn;
	insn.code = BPF_LDX | BPF_SIZE(insn.code) | (mode == BPF_PROBE_MEM ? BPF_MEM : BPF_MEMSX);
	return insn;
}

static void print_access(struct bpf_stream_stage *ss, const struct kasan_culprit *culprit)
{
	char text[LINE_LEN / 2];
	const struct bpf_insn_cbs cbs = {
		.cb_print = print_insn_cb,
		.private_data = text,
	};
	struct bpf_insn insn;

	if (!culprit->insn)
		return;
	insn = plain_insn(*culprit->insn);
	print_bpf_insn(&cbs, &insn, true);
	print_line(ss, "  insn %d: %s", culprit->idx, text);
}

/* Where the access is, which need not be near the call that has found it to be bad. */
static int find_source(const struct kasan_culprit *culprit, const char **file, const char **line,
		       int *nr)
{
	struct bpf_prog *main = culprit->prog->aux->main_prog_aux->prog;
	const struct bpf_line_info *linfo;

	if (!culprit->insn)
		return bpf_prog_get_file_line(culprit->prog, culprit->ip, file, line, nr);
	linfo = main->aux->btf ? bpf_find_linfo(main, culprit->idx) : NULL;
	if (!linfo)
		return -ENOENT;
	*file = kbasename(btf_name_by_offset(main->aux->btf, linfo->file_name_off));
	*line = skip_spaces(btf_name_by_offset(main->aux->btf, linfo->line_off));
	*nr = BPF_LINE_INFO_LINE_NUM(linfo->line_col);
	return 0;
}

static void print_source(struct bpf_stream_stage *ss, const struct kasan_culprit *culprit)
{
	const char *file, *line;
	int nr;

	rcu_read_lock();
	if (!find_source(culprit, &file, &line, &nr))
		print_line(ss, "  %s:%d: %s", file, nr, line);
	rcu_read_unlock();
}

static void print_culprit(struct bpf_stream_stage *ss, const struct kasan_culprit *culprit)
{
	const struct bpf_prog *main = culprit->prog->aux->main_prog_aux->prog;
	const char *func = func_name(culprit->prog);

	print_line(ss, "%s BPF program %s (id %u, tag %*phN, type %s)%s%s",
		   culprit->called_kernel ? "called from" : "by",
		   main->aux->name, main->aux->id, (int)sizeof(main->tag), main->tag,
		   prog_type_name(main), func ? " in " : "", func ?: "");
	print_access(ss, culprit);
	print_source(ss, culprit);
}

/*
 * A program that misbehaves in a loop must not keep its owner from reading, nor cost the time of
 * filling its stream. Racing with an oops, which no lock serializes, is harmless.
 */
static bool stream_is_limited(u32 id)
{
	static struct {
		u32 id, cnt;
		unsigned long begin;
	} limits[16];
	typeof(*limits) *limit = &limits[id % ARRAY_SIZE(limits)];

	if (limit->id != id || time_after(jiffies, limit->begin + HZ)) {
		limit->id = id;
		limit->cnt = 0;
		limit->begin = jiffies;
	}
	return ++limit->cnt > MAX_STREAM_REPORTS;
}

static void print_to_stream(struct bpf_stream_stage *ss, const struct kasan_culprit *culprit)
{
	struct bpf_prog *main = culprit->prog->aux->main_prog_aux->prog;

	if (!stream_is_limited(main->aux->id))
		bpf_stream_stage_commit(ss, main, BPF_STDERR);
	bpf_stream_stage_free(ss);
}

/**
 * bpf_kasan_describe - say which BPF program a report is about
 * @bug_type: as in the report's headline
 * @addr: first byte of the access
 * @size: in bytes
 * @write: direction
 * @ip: address that the report names
 *
 * Prints nothing for a report that no BPF program has to do with.
 *
 * Context: Any, under the lock that serializes KASAN's reports.
 */
void bpf_kasan_describe(const char *bug_type, const void *addr, size_t size, bool write,
			unsigned long ip)
{
	struct kasan_culprit culprit = { .idx = -1 };
	struct bpf_stream_stage ss;
	struct bpf_prog *main;

	if (!find_culprit(&culprit, ip))
		return;
	find_tested(&culprit);
	main = culprit.prog->aux->main_prog_aux->prog;
	bpf_kasan_count_report(main);
	trace_bpf_kasan_report(main->aux->id, (unsigned long)addr, size, write,
			       culprit.idx);

	bpf_stream_stage_init(&ss);
	bpf_stream_printk(ss, "BUG: KASAN: %s in %pS\n%s of size %zu\n", bug_type, (void *)ip,
			  write ? "Write" : "Read", size);
	print_culprit(&ss, &culprit);
	print_to_stream(&ss, &culprit);
}

static const char *wild_bug_type(unsigned long addr)
{
	if (addr < PAGE_SIZE)
		return "null-ptr-deref";
	return addr < TASK_SIZE_MAX ? "probably user-memory-access" :
				      "probably wild-memory-access";
}

/*
 * The shadow of a wild pointer is not mapped, and the program dies of loading it. The oops shows
 * that address; the reader wants the one that the program meant.
 */
static int explain_oops(struct notifier_block *nb, unsigned long action, void *data)
{
	const struct die_args *args = data;
	struct kasan_culprit culprit = { .idx = -1 };
	struct bpf_stream_stage ss;
	unsigned long shadow, addr;

	if (action != DIE_OOPS || !args->regs)
		return NOTIFY_DONE;
	if (!find_prog(&culprit, instruction_pointer(args->regs)) ||
	    !bpf_jit_kasan_fault(args->regs, &shadow))
		return NOTIFY_DONE;
	find_loaded(&culprit);
	addr = (shadow - KASAN_SHADOW_OFFSET) << KASAN_SHADOW_SCALE_SHIFT;

	bpf_stream_stage_init(&ss);
	print_line(&ss, "KASAN: %s in range [0x%016lx-0x%016lx]", wild_bug_type(addr), addr,
		   addr + (1UL << KASAN_SHADOW_SCALE_SHIFT) - 1);
	print_culprit(&ss, &culprit);
	print_to_stream(&ss, &culprit);
	return NOTIFY_DONE;
}

static struct notifier_block oops_notifier = { .notifier_call = explain_oops };

static int __init bpf_kasan_report_init(void)
{
	return register_die_notifier(&oops_notifier);
}
late_initcall(bpf_kasan_report_init);
