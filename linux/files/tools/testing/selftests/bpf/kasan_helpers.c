// SPDX-License-Identifier: GPL-2.0
/* For tests of BPF programs under KASAN: reads its reports from the kernel log. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kasan_helpers.h"
#include "sysctl_helpers.h"
#include "test_progs.h"

#define SYSCTL		"/proc/sys/kernel/bpf_kasan"
#define STACK_SYSCTL	"/proc/sys/kernel/bpf_kasan_stack"
#define TOTALS		"/sys/kernel/debug/bpf_kasan"
#define MODULE		"bpf_test_kasan"
#define TAGS		"/sys/module/" MODULE "/parameters/tags"
#define BYTES		"shadow of bytes: the kernel compares tags, of 16 bytes each"
#define HARDEN		"/proc/sys/net/core/bpf_jit_harden"
#define RECORD_SIZE	8192
#define MAX_REPORTS	16
#define BAR		"======================================================"

static char old_sysctl[16], old_stack_sysctl[16];

enum report_state {
	OUTSIDE,	/* of a report */
	NEED_BUG,	/* the bar was seen */
	NEED_ACCESS,	/* the bug class and the function are known */
	COMPLETE,	/* all is known; the rest is for people, up to the closing bar */
};

int kasan_log_open(void)
{
	int fd;

	fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;

	if (lseek(fd, 0, SEEK_END) < 0) {
		close(fd);
		return -EIO;
	}
	return fd;
}

/*
 * Reads the message of one record, without the fields in front of it. Returns 1, 0 when there is
 * none, or a negative error.
 */
static int read_message(int fd, char *message)
{
	char record[RECORD_SIZE], *text;
	ssize_t len;

	len = read(fd, record, sizeof(record) - 1);
	if (len < 0)
		return errno == EAGAIN ? 0 : -errno;

	record[len] = 0;
	text = strchr(record, ';');
	if (!text)
		return -EBADMSG;

	text[strcspn(text, "\n")] = 0;
	memcpy(message, text + 1, strlen(text));
	return 1;
}

/* All of the location stays where it is not exactly what that of a program looks like. */
static bool parse_bug(const char *message, struct kasan_report *report)
{
	char tag[17], func[sizeof(report->func)];
	unsigned long off, size;

	memset(report, 0, sizeof(*report));
	if (sscanf(message, "BUG: KASAN: %31s in %127s", report->bug, report->func) != 2)
		return false;

	if (sscanf(report->func, "bpf_prog_%16[0-9a-f]_%127[^+]+0x%lx/0x%lx",
		   tag, func, &off, &size) == 4 &&
	    strlen(tag) == 16 && off && off < size)
		memcpy(report->func, func, sizeof(func));
	return true;
}

static bool parse_access(const char *message, struct kasan_report *report)
{
	char dir[8];

	if (sscanf(message, "%7s of size %d at addr %llx by task ", dir, &report->size,
		   &report->addr) != 3)
		return false;

	report->write = !strcmp(dir, "Write");
	return report->write || !strcmp(dir, "Read");
}

/* Right below the access. */
static void parse_prog(const char *message, struct kasan_report *report)
{
	if (!strncmp(message, "by BPF program ", 15) || !strncmp(message, "called from BPF ", 16))
		snprintf(report->prog, sizeof(report->prog), "%s", message);
	else if (report->prog[0] && !strncmp(message, "  insn ", 7))
		snprintf(report->insn, sizeof(report->insn), "%s", message + 2);
	else if (report->prog[0] && !strncmp(message, "  ", 2) && strstr(message, ".c:"))
		snprintf(report->source, sizeof(report->source), "%s", message + 2);
}

/*
 * Other lines may come in between, from another processor for instance; a line is taken only when
 * it is the one to come next.
 */
static enum report_state parse_message(enum report_state state, const char *message,
				       struct kasan_report *report)
{
	switch (state) {
	case OUTSIDE:
		return strncmp(message, BAR, strlen(BAR)) ? OUTSIDE : NEED_BUG;
	case NEED_BUG:
		return parse_bug(message, report) ? NEED_ACCESS : NEED_BUG;
	case NEED_ACCESS:
		return parse_access(message, report) ? COMPLETE : NEED_ACCESS;
	case COMPLETE:
		parse_prog(message, report);
		return strncmp(message, BAR, strlen(BAR)) ? COMPLETE : OUTSIDE;
	}
	return OUTSIDE;
}

int kasan_log_read_line(int fd, char *line, size_t size)
{
	char message[RECORD_SIZE];
	int err = read_message(fd, message);

	if (err > 0)
		snprintf(line, size, "%s", message);
	return err;
}

int kasan_log_read(int fd, struct kasan_report *reports, int max)
{
	enum report_state state = OUTSIDE, next;
	struct kasan_report report = {};
	char message[RECORD_SIZE];
	int err, cnt = 0;

	while ((err = read_message(fd, message)) > 0) {
		next = parse_message(state, message, &report);
		if (state == COMPLETE && next == OUTSIDE && cnt++ < max)
			reports[cnt - 1] = report;
		state = next;
	}
	if (err)
		return err;
	return state == OUTSIDE ? cnt : -EBADMSG;
}

void kasan_print_reports(const struct kasan_report *reports, int cnt)
{
	for (int i = 0; i < cnt; i++)
		printf("report: %s in %s, %s of %d bytes at %#llx\n",
		       reports[i].bug, reports[i].func, reports[i].write ? "write" : "read",
		       reports[i].size, reports[i].addr);
}

static bool check_report(const struct kasan_report *report, const char *bug, const char *func,
			 const char *type, const struct kasan_access *acc)
{
	char wanted[64];

	snprintf(wanted, sizeof(wanted), ", type %s)", type);
	return ASSERT_STREQ(report->bug, bug, "bug class") &
	       ASSERT_STREQ(report->func, func, "function") &
	       ASSERT_HAS_SUBSTR(report->prog, wanted, "program") &
	       ASSERT_EQ(report->write, acc->write, "is a write") &
	       ASSERT_EQ(report->size, acc->size, "size");
}

bool kasan_check_reports(int fd, const char *bug, const char *func, const char *type,
			 const struct kasan_access *accesses, int cnt)
{
	struct kasan_report reports[MAX_REPORTS];
	bool ok;
	int n;

	n = kasan_log_read(fd, reports, MAX_REPORTS);
	ok = ASSERT_EQ(n, cnt, "reports");
	if (!ok && n > 0)
		kasan_print_reports(reports, MIN(n, MAX_REPORTS));
	for (int i = 0; ok && i < n; i++)
		ok = check_report(&reports[i], bug, func, type, &accesses[i]);
	return ok;
}

/* The number behind @name on a line of its own, as in "name:	1" or "name 1" */
static long read_number(const char *path, const char *name)
{
	size_t len = strlen(name);
	long value = -1;
	char line[128];
	FILE *f;

	f = fopen(path, "r");
	if (!ASSERT_OK_PTR(f, path))
		return -1;
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, name, len) && (line[len] == ':' || line[len] == ' '))
			value = strtol(line + len + 1, NULL, 10);
	fclose(f);
	return value;
}

long kasan_read_count(int prog_fd, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", prog_fd);
	return read_number(path, name);
}

long kasan_read_total(const char *name)
{
	return read_number(TOTALS, name);
}

bool kasan_is_portable(void)
{
	return kasan_read_total("portable") == 1;
}

void kasan_expect(int fd, const struct kasan_report *expected, int cnt)
{
	struct kasan_report reports[MAX_REPORTS];
	int found = kasan_log_read(fd, reports, MAX_REPORTS);

	if (!ASSERT_EQ(found, cnt, "reports"))
		kasan_print_reports(reports, MIN(found, MAX_REPORTS));
	for (int i = 0; i < MIN(found, MIN(cnt, MAX_REPORTS)); i++) {
		ASSERT_STREQ(reports[i].bug, expected->bug, "bug class");
		ASSERT_STREQ(reports[i].func, expected->func, "function");
		ASSERT_EQ(reports[i].write, expected->write, "is a write");
		ASSERT_EQ(reports[i].size, expected->size, "size");
	}
}

bool kasan_instrument(bool on)
{
	return !sysctl_set_or_fail(SYSCTL, NULL, on ? "1" : "0");
}

bool kasan_has_stack(void)
{
	return !access(STACK_SYSCTL, F_OK);
}

bool kasan_check_stack(bool on)
{
	if (!kasan_has_stack())
		return !on;
	return !sysctl_set_or_fail(STACK_SYSCTL, NULL, on ? "1" : "0");
}

int kasan_module_btf(void)
{
	struct bpf_btf_info info;
	__u32 id = 0, len;
	char name[64];
	int fd;

	while (!bpf_btf_get_next_id(id, &id)) {
		fd = bpf_btf_get_fd_by_id(id);
		if (fd < 0)
			continue;

		memset(&info, 0, sizeof(info));
		len = sizeof(info);
		info.name = ptr_to_u64(name);
		info.name_len = sizeof(name);
		if (!bpf_btf_get_info_by_fd(fd, &info, &len) && !strcmp(name, MODULE))
			return fd;
		close(fd);
	}
	return -ENOENT;
}

/* Without multi-shot only the first report of a boot is printed. */
static bool is_multi_shot(void)
{
	char cmdline[4096] = "";
	FILE *f;

	f = fopen("/proc/cmdline", "r");
	if (!f)
		return false;
	if (!fgets(cmdline, sizeof(cmdline), f))
		cmdline[0] = 0;
	fclose(f);
	return strstr(cmdline, "kasan_multi_shot");
}

static int skip(const char *what)
{
	printf("SKIP:no %s\n", what);
	test__skip();
	return -ENOENT;
}

bool kasan_has_tags(void)
{
	char answer = 0;
	FILE *f;

	f = fopen(TAGS, "r");
	if (!ASSERT_OK_PTR(f, TAGS))
		return false;
	ASSERT_EQ(fread(&answer, 1, 1, f), 1, "read " TAGS);
	fclose(f);
	return answer == 'Y';
}

/* On a busy machine, programs that are no longer there keep it for some seconds. */
static int unload(void)
{
	int err, tries = 0;

	while ((err = unload_module(MODULE, false)) && errno == EAGAIN && ++tries < 20)
		usleep(500000);
	return err;
}

static int start(bool generic, bool tags)
{
	int fd;

	if (access(SYSCTL, F_OK))
		return skip(SYSCTL ", which a kernel with CONFIG_BPF_KASAN has");
	if (access(MODULE ".ko", F_OK))
		return skip(MODULE ".ko in the current directory");
	if (!ASSERT_TRUE(is_multi_shot(), "kasan_multi_shot on the kernel's command line"))
		return -EINVAL;

	unload();
	if (!ASSERT_OK(load_module(MODULE ".ko", false), "load " MODULE))
		return -EINVAL;
	if (!(kasan_has_tags() ? tags : generic)) {
		unload();
		return skip(tags ? "tags in pointers" : BYTES);
	}

	fd = kasan_log_open();
	if (ASSERT_OK_FD(fd, "open the log") &&
	    ASSERT_OK(sysctl_set(SYSCTL, old_sysctl, "1"), "set " SYSCTL) &&
	    (!kasan_has_stack() ||
	     ASSERT_OK(sysctl_set(STACK_SYSCTL, old_stack_sysctl, "1"), "set " STACK_SYSCTL)))
		return fd;

	unload();
	return -EINVAL;
}

int kasan_test_start(void)
{
	return start(true, false);
}

int kasan_test_start_tags(void)
{
	return start(false, true);
}

int kasan_test_start_any(void)
{
	return start(true, true);
}

bool kasan_skip_with_tags(void)
{
	return kasan_has_tags() && skip(BYTES);
}

static void restore_sysctls(void)
{
	sysctl_set_or_fail(SYSCTL, NULL, old_sysctl);
	if (kasan_has_stack())
		sysctl_set_or_fail(STACK_SYSCTL, NULL, old_stack_sysctl);
}

void kasan_test_end(int fd)
{
	ASSERT_EQ(kasan_log_read(fd, NULL, 0), 0, "reports after the last test");
	restore_sysctls();
	ASSERT_OK(unload(), "unload " MODULE);
	close(fd);
}

void kasan_test_abandon(int fd)
{
	restore_sysctls();
	close(fd);
}

/* Programs that a JIT does not support */

bool kasan_jit_is_complete(void)
{
#if defined(__x86_64__) || defined(__aarch64__)
	return true;
#else
	return false;
#endif
}

bool kasan_jit_has_acquire(void)
{
#ifdef __s390__
	return false;
#else
	return true;
#endif
}

bool kasan_skip_without_memory(int err)
{
#ifdef __riscv
	if (err)
		test__skip();
	return err;
#else
	return false;
#endif
}

static char refused_prog[64], refused_map[64];

static int find_refused(enum libbpf_print_level level, const char *format, va_list args)
{
	char line[256];

	vsnprintf(line, sizeof(line), format, args);
	if (strstr(line, "BPF program load failed"))
		sscanf(line, "libbpf: prog '%63[^']'", refused_prog);
	if (strstr(line, "failed to create"))
		sscanf(line, "libbpf: map '%63[^']'", refused_map);
	return 0;
}

/* Sets @refused_prog or @refused_map if it was one of these that made it fail. */
static int try_load(struct bpf_object *obj)
{
	libbpf_print_fn_t print = libbpf_set_print(find_refused);
	int err;

	refused_prog[0] = 0;
	refused_map[0] = 0;
	err = bpf_object__load(obj);
	libbpf_set_print(print);
	return err;
}

static void copy_choice(struct bpf_object *from, struct bpf_object *to)
{
	struct bpf_program *prog;
	struct bpf_map *map;

	bpf_object__for_each_program(prog, from)
		bpf_program__set_autoload(bpf_object__find_program_by_name(to,
									   bpf_program__name(prog)),
					  bpf_program__autoload(prog));
	bpf_object__for_each_map(map, from)
		if (!bpf_map__autocreate(map))
			bpf_map__set_autocreate(bpf_object__find_map_by_name(to,
									     bpf_map__name(map)),
						false);
}

/* Returns whether one more program of @obj has been left out, or a map that some need. */
static bool leave_out_one(struct bpf_object *obj, const void *(*elf_bytes)(size_t *size))
{
	struct bpf_object *trial;
	const void *bytes;
	size_t size;
	int err;

	bytes = elf_bytes(&size);
	trial = bpf_object__open_mem(bytes, size, NULL);
	if (!ASSERT_OK_PTR(trial, "open_mem"))
		return false;
	copy_choice(obj, trial);
	err = try_load(trial);
	bpf_object__close(trial);
	if (!err || !ASSERT_TRUE(refused_prog[0] || refused_map[0], "program or map is refused"))
		return false;
	printf("%s%s: not supported, error %d\n", refused_prog, refused_map, err);
	if (refused_map[0])
		bpf_map__set_autocreate(bpf_object__find_map_by_name(obj, refused_map), false);
	else
		bpf_program__set_autoload(bpf_object__find_program_by_name(obj, refused_prog),
					  false);
	return true;
}

void kasan_leave_out_unsupported(struct bpf_object *obj, const void *(*elf_bytes)(size_t *size))
{
	char mode[16];

	if (kasan_jit_is_complete() ||
	    !ASSERT_OK(sysctl_set(SYSCTL, mode, "0"), "set " SYSCTL))
		return;
	while (leave_out_one(obj, elf_bytes))
		;
	sysctl_set_or_fail(SYSCTL, NULL, mode);
}

bool kasan_is_supported(const struct bpf_object *obj, const char *prog)
{
	if (bpf_program__autoload(bpf_object__find_program_by_name(obj, prog)))
		return true;
	test__skip();
	return false;
}

/* Programs whose target is good or bad */

static const struct mode {
	const char *name;
	bool instrumented;
	bool blinded;
	__u32 flags;
} modes[] = {
	{ "off" },
	{ "on", true },
	{ "blinded", true, true },
	{ "rnd_hi32", true, .flags = BPF_F_TEST_RND_HI32 },
};

static struct bpf_object *load_targets(const void *(*elf_bytes)(size_t *size), __u32 flags)
{
	struct bpf_program *prog;
	struct bpf_object *obj;
	const void *bytes;
	size_t size;

	bytes = elf_bytes(&size);
	obj = bpf_object__open_mem(bytes, size, NULL);
	if (!ASSERT_OK_PTR(obj, "open_mem"))
		return NULL;

	bpf_object__for_each_program(prog, obj)
		bpf_program__set_flags(prog, bpf_program__flags(prog) | flags);
	kasan_leave_out_unsupported(obj, elf_bytes);
	if (ASSERT_OK(bpf_object__load(obj), "load"))
		return obj;
	bpf_object__close(obj);
	return NULL;
}

static bool run_target(const struct bpf_object *obj, const char *name, __u64 arg, int *retval)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &arg, .ctx_size_in = sizeof(arg));
	const struct bpf_program *prog;

	prog = bpf_object__find_program_by_name(obj, name);
	if (!ASSERT_OK_PTR(prog, name) ||
	    !ASSERT_OK(bpf_prog_test_run_opts(bpf_program__fd(prog), &opts), "test_run"))
		return false;
	*retval = opts.retval;
	return true;
}

static bool set_target(const struct bpf_object *obj, bool bad)
{
	int err;

	return run_target(obj, "set_target", bad, &err) && ASSERT_OK(err, "set_target");
}

/* For up to a second, where there is no result yet. */
static bool get_result(const struct bpf_object *obj, const struct kasan_target_case *c,
		       int *retval)
{
	if (!run_target(obj, c->prog, c->arg, retval))
		return false;
	if (!c->later)
		return true;
	if (kasan_skip_without_memory(*retval) || !ASSERT_OK(*retval, "start"))
		return false;
	for (int i = 0; i < 1000; i++) {
		if (!run_target(obj, c->later, 0, retval))
			return false;
		if (*retval != -1)
			return true;
		usleep(1000);
	}
	return ASSERT_FAIL("no result of %s", c->prog);
}

static void run_target_case(int fd, const struct bpf_object *obj,
			    const struct kasan_target_case *c, bool bad, bool instrumented)
{
	struct kasan_report expected = {
		.bug = "use-after-free", .write = c->write, .size = c->size ?: 8,
	};
	int retval, cnt = c->clean ? 0 : c->cnt ?: 1;
	bool ran;

	snprintf(expected.func, sizeof(expected.func), "%s", c->func ?: c->prog);
	if (!ASSERT_EQ(kasan_log_read(fd, NULL, 0), 0, "reports before the test") ||
	    !set_target(obj, bad))
		return;
	ran = get_result(obj, c, &retval);
	set_target(obj, false);
	if (!ran)
		return;
	ASSERT_EQ(retval, c->retval, bad ? "bad retval" : "good retval");
	kasan_expect(fd, &expected, bad && instrumented ? cnt : 0);
}

static void run_mode(int fd, const void *(*elf_bytes)(size_t *size), const struct mode *mode,
		     const struct kasan_target_case *cases, int cnt)
{
	struct bpf_object *obj = load_targets(elf_bytes, mode->flags);
	char name[64];

	for (const struct kasan_target_case *c = cases; obj && c < cases + cnt; c++) {
		if (c->variant)
			snprintf(name, sizeof(name), "%s/%s/%s", mode->name, c->prog, c->variant);
		else
			snprintf(name, sizeof(name), "%s/%s/%llu", mode->name, c->prog, c->arg);
		if (!test__start_subtest(name) || !kasan_is_supported(obj, c->prog) ||
		    (c->prepare && !c->prepare(obj)))
			continue;
		run_target_case(fd, obj, c, false, mode->instrumented);
		run_target_case(fd, obj, c, true, mode->instrumented);
	}
	bpf_object__close(obj);
}

void kasan_run_targets(int fd, const void *(*elf_bytes)(size_t *size),
		       const struct kasan_target_case *cases, int cnt)
{
	char harden[16];

	for (const struct mode *mode = modes; mode < modes + ARRAY_SIZE(modes); mode++) {
		const char *level = mode->blinded ? "2" : "0";

		if (!kasan_instrument(mode->instrumented) ||
		    !ASSERT_OK(sysctl_set(HARDEN, harden, level), "set " HARDEN))
			break;
		run_mode(fd, elf_bytes, mode, cases, cnt);
		sysctl_set_or_fail(HARDEN, NULL, harden);
	}
	kasan_instrument(true);
}
