// SPDX-License-Identifier: GPL-2.0
/* CONFIG_BPF_KASAN: bad accesses in loops, and around jumps of every kind. */
#include <test_progs.h>

#include "kasan_helpers.h"

#include "kasan_loops.skel.h"

static const struct kasan_target_case cases[] = {
	{ "may_goto_access",	1160, .cnt = 3 },
	{ "may_goto_continue",	163, .cnt = 3 },
	{ "may_goto_break",	320 },
	{ "may_goto_sub",	280, .func = "sum_down", .cnt = 4 },
	{ "may_goto_timed",	200019 },
	{ "may_goto_timeout",	21 },

	{ "iter_num",		169, .cnt = 3 },
	{ "iter_num_write",	5, .write = true, .size = 2 },
	{ "iter_nested",	358, .cnt = 2 },
	{ "iter_repeat",	420 },

	/* The argument is the index into the table, in the end one too many. */
	{ "gotox_main",		106, .clean = true, .arg = 0 },
	{ "gotox_main",		203, .clean = true, .arg = 1 },
	{ "gotox_main",		1123, .arg = 2 },
	{ "gotox_main",		126, .arg = 3 },
	{ "gotox_main",		203, .clean = true, .arg = 4 },
	{ "gotox_main",		100, .clean = true, .arg = 5 },

	{ "gotox_sub",		109, .func = "jump_in_sub", .clean = true, .arg = 0 },
	{ "gotox_sub",		206, .func = "jump_in_sub", .clean = true, .arg = 1 },
	{ "gotox_sub",		1126, .func = "jump_in_sub", .arg = 2 },
	{ "gotox_sub",		129, .func = "jump_in_sub", .arg = 3 },
	{ "gotox_sub",		206, .func = "jump_in_sub", .clean = true, .arg = 4 },
	{ "gotox_sub",		103, .func = "jump_in_sub", .clean = true, .arg = 5 },

	/* With 0 the first jump is taken, with an odd number the second; from 0, the one back. */
	{ "long_jumps",		149, .cnt = 2, .arg = 0 },
	{ "long_jumps",		26, .arg = 1 },
	{ "long_jumps",		126, .arg = 2 },
};

void serial_test_kasan_loops(void)
{
	int kmsg = kasan_test_start();

	if (kmsg < 0)
		return;

	kasan_run_targets(kmsg, kasan_loops__elf_bytes, cases, ARRAY_SIZE(cases));
	kasan_test_end(kmsg);
}
