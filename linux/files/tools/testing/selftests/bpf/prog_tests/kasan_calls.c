// SPDX-License-Identifier: GPL-2.0
/* CONFIG_BPF_KASAN: bad accesses in what a program calls, and in what calls it. */
#include <test_progs.h>

#include "kasan_helpers.h"

#include "kasan_calls.skel.h"
#include "kasan_calls_ext.skel.h"

static struct bpf_link *extension;

static int find_fd(const struct bpf_object *obj, const char *prog)
{
	return bpf_program__fd(bpf_object__find_program_by_name(obj, prog));
}

/* A slot of the prog array, NULL to empty it */
static bool set_slot(struct bpf_object *obj, __u32 slot, const char *prog)
{
	int map = bpf_object__find_map_fd_by_name(obj, "jumps"), fd;

	if (!prog) {
		bpf_map_delete_elem(map, &slot);
		return true;
	}
	fd = find_fd(obj, prog);
	return ASSERT_OK(bpf_map_update_elem(map, &slot, &fd, BPF_ANY), "update prog array");
}

static bool jump_nowhere(struct bpf_object *obj)
{
	return set_slot(obj, 0, NULL) && set_slot(obj, 1, NULL);
}

static bool jump_to_read(struct bpf_object *obj)
{
	return set_slot(obj, 0, "tail_read") && set_slot(obj, 1, "tail_write");
}

static bool jump_to_write(struct bpf_object *obj)
{
	return set_slot(obj, 0, "tail_write") && set_slot(obj, 1, "tail_read");
}

static bool jump_second(struct bpf_object *obj)
{
	return set_slot(obj, 0, NULL) && set_slot(obj, 1, "tail_read");
}

/* Until the next case. */
static bool extend(struct bpf_object *obj, const char *name)
{
	struct kasan_calls_ext *skel;
	struct bpf_program *prog;

	bpf_link__destroy(extension);
	extension = NULL;
	if (!name)
		return true;

	skel = kasan_calls_ext__open();
	if (!ASSERT_OK_PTR(skel, "open"))
		return false;

	prog = bpf_object__find_program_by_name(skel->obj, name);
	bpf_program__set_autoload(prog, true);
	if (ASSERT_OK(bpf_map__reuse_fd(skel->maps.data,
					bpf_object__find_map_fd_by_name(obj, ".data")),
		      "reuse the words") &&
	    ASSERT_OK(bpf_program__set_attach_target(prog, find_fd(obj, "call_replaceable"),
						     "replaceable"), "set_attach_target") &&
	    ASSERT_OK(kasan_calls_ext__load(skel), "load"))
		extension = bpf_program__attach_freplace(prog, 0, NULL);
	kasan_calls_ext__destroy(skel);
	return ASSERT_OK_PTR(extension, "attach");
}

static bool extend_by_main(struct bpf_object *obj)
{
	return extend(obj, "extension");
}

static bool extend_by_sub(struct bpf_object *obj)
{
	return extend(obj, "extension_with_sub");
}

static bool extend_no_more(struct bpf_object *obj)
{
	return extend(obj, NULL);
}

static const struct kasan_target_case cases[] = {
	{ "call_static",	123,	.func = "static_read" },
	{ "call_nested",	307,	.func = "static_write", .write = true, .size = 4 },
	{ "call_global",	223,	.func = "global_read" },

	{ "call_loop",		172,	.func = "loop_callback", .cnt = 3 },
	{ "call_for_each",	126,	.func = "elem_callback" },
	{ "call_timer",		123,	.func = "timer_callback", .later = "get_later" },

	{ "call_replaceable",	123,	.func = "replaceable", },
	{ "call_replaceable",	146,	.func = "extension", .prepare = extend_by_main,
					.variant = "extended" },
	{ "call_replaceable",	263,	.func = "extension_sub", .prepare = extend_by_sub,
					.variant = "extended_by_sub" },
	{ "call_replaceable",	123,	.func = "replaceable", .prepare = extend_no_more,
					.variant = "again" },

	{ "tail_direct", 123,
	  .prepare = jump_nowhere, .variant = "jump_nowhere" },
	{ "tail_direct", 120, .func = "tail_read",
	  .prepare = jump_to_read, .variant = "jump_to_read" },
	{ "tail_direct", 3, .func = "tail_write", .write = true, .size = 2,
	  .prepare = jump_to_write, .variant = "jump_to_write" },
	{ "tail_direct", 120, .func = "tail_read",
	  .prepare = jump_second, .variant = "jump_second" },
	{ "tail_direct", 123,
	  .prepare = jump_nowhere, .variant = "jump_nowhere" },
	{ "tail_indirect", 123,
	  .prepare = jump_nowhere, .variant = "jump_nowhere" },
	{ "tail_indirect", 120, .func = "tail_read",
	  .prepare = jump_to_read, .variant = "jump_to_read" },
	{ "tail_indirect", 3, .func = "tail_write", .write = true, .size = 2,
	  .prepare = jump_to_write, .variant = "jump_to_write" },
	{ "tail_indirect", 120, .func = "tail_read",
	  .prepare = jump_second, .variant = "jump_second" },
	{ "tail_indirect", 123,
	  .prepare = jump_nowhere, .variant = "jump_nowhere" },
	{ "tail_direct_from_sub", 123, .func = "tail_direct_sub",
	  .prepare = jump_nowhere, .variant = "jump_nowhere" },
	{ "tail_direct_from_sub", 123, .func = "tail_read",
	  .prepare = jump_to_read, .variant = "jump_to_read" },
	{ "tail_direct_from_sub", 6, .func = "tail_write", .write = true, .size = 2,
	  .prepare = jump_to_write, .variant = "jump_to_write" },
	{ "tail_direct_from_sub", 123, .func = "tail_direct_sub",
	  .prepare = jump_nowhere, .variant = "jump_nowhere" },
	{ "tail_indirect_from_sub", 123, .func = "tail_indirect_sub",
	  .prepare = jump_nowhere, .variant = "jump_nowhere" },
	{ "tail_indirect_from_sub", 123, .func = "tail_read",
	  .prepare = jump_to_read, .variant = "jump_to_read" },
	{ "tail_indirect_from_sub", 6, .func = "tail_write", .write = true, .size = 2,
	  .prepare = jump_to_write, .variant = "jump_to_write" },
	{ "tail_indirect_from_sub", 123, .func = "tail_indirect_sub",
	  .prepare = jump_nowhere, .variant = "jump_nowhere" },

	{ "throw_main",		120 },
	{ "throw_sub",		121,	.func = "throw_if" },
	{ "throw_not",		23,	.func = "throw_if" },
	{ "throw_to_bad",	221,	.func = "catch_bad" },
	{ "throw_default",	21,	.func = "throw_if" },
};

static struct kasan_calls *open_supported(void)
{
	struct kasan_calls *skel = kasan_calls__open();

	if (ASSERT_OK_PTR(skel, "open"))
		kasan_leave_out_unsupported(skel->obj, kasan_calls__elf_bytes);
	return skel;
}

/* When the map has a program already, it is for the JIT to write the jump, and nobody else does. */
static void test_filled_before(void)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	struct kasan_calls *filler = open_supported(), *skel = open_supported();
	struct bpf_program *prog;

	if (!filler || !skel || !kasan_is_supported(skel->obj, "tail_direct_from_sub"))
		goto out;
	prog = skel->progs.tail_direct_from_sub;
	if (ASSERT_OK(kasan_calls__load(filler), "load") &&
	    set_slot(filler->obj, 0, "tail_write") &&
	    ASSERT_OK(bpf_map__reuse_fd(skel->maps.jumps, bpf_map__fd(filler->maps.jumps)),
		      "reuse the prog array") &&
	    ASSERT_OK(kasan_calls__load(skel), "load") &&
	    ASSERT_OK(bpf_prog_test_run_opts(bpf_program__fd(prog), &opts), "test_run"))
		ASSERT_EQ(opts.retval, 6, "retval");
out:
	kasan_calls__destroy(skel);
	kasan_calls__destroy(filler);
}

void serial_test_kasan_calls(void)
{
	int kmsg = kasan_test_start();

	if (kmsg < 0)
		return;

	kasan_run_targets(kmsg, kasan_calls__elf_bytes, cases, ARRAY_SIZE(cases));
	bpf_link__destroy(extension);
	if (test__start_subtest("filled_before"))
		test_filled_before();
	kasan_test_end(kmsg);
}
