// SPDX-License-Identifier: GPL-2.0-only
/*
 * runner DIRECTORY PROGRAM BUG: load DIRECTORY/PROGRAM.bpf.o into a kernel without the bug, into
 * one with it, and into one with it that has checks; and run it.
 *
 * Prints a line with tabs between: what the kernel does without the bug ("rejects", "runs" or
 * "fails") and why; what the bug lets it do ("accepts", "rejects") and why; whether the access went
 * wrong without checks ("bad", "good") and how; whether that was reported; with checks, who was
 * reported ("program", "kernel", "nothing"), as what, where, and the access.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <signal.h>
#include <sys/wait.h>

#include "evidence.h"
#include "host.h"
#include "kasan_helpers.h"

#define MAX_REPORTS	8
#define PACKET		64
#define KASAN_FREED	0xfb	/* of a slab */

/* One time that the program is loaded, and maybe run. */
struct attempt {
	bool loaded, ran;
	char why[256];		/* it was not */
	struct evidence evidence;
	int nr_reports;
	struct kasan_report reports[MAX_REPORTS];
};

static char verifier_log[1 << 20];

/* The verifier's last word comes before its statistics. */
static void last_words(char *to, size_t size)
{
	char *end = strstr(verifier_log, "\nprocessed "), *start;

	if (end)
		*end = 0;
	start = strrchr(verifier_log, '\n');
	snprintf(to, size, "%s", start ? start + 1 : verifier_log);
}

static struct bpf_object *load(const char *path, struct attempt *try)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts);
	struct bpf_object *obj;

	verifier_log[0] = 0;
	opts.kernel_log_buf = verifier_log;
	opts.kernel_log_size = sizeof(verifier_log);
	opts.kernel_log_level = 1;
	obj = bpf_object__open_file(path, &opts);
	if (!obj)
		die("cannot open %s: %s", path, strerror(errno));
	try->loaded = !bpf_object__load(obj);
	if (!try->loaded)
		last_words(try->why, sizeof(try->why));
	return obj;
}

static struct evidence *find_evidence(struct bpf_object *obj)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, ".bss.evidence");
	size_t size;
	void *value = map ? bpf_map__initial_value(map, &size) : NULL;

	if (!value || size < sizeof(struct evidence))
		die("the program has no evidence");
	return value;
}

static int map_fd(struct bpf_object *obj, const char *name)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, name);

	return map ? bpf_map__fd(map) : -1;
}

static bool run_prog(struct bpf_object *obj, const char *name, struct attempt *try)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(obj, name);
	static char packet[PACKET];
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int err;

	if (!prog)
		die("there is no program %s", name);
	if (bpf_program__type(prog) != BPF_PROG_TYPE_SYSCALL) {
		opts.data_in = packet;
		opts.data_size_in = sizeof(packet);
	}
	err = bpf_prog_test_run_opts(bpf_program__fd(prog), &opts);
	if (!err && !opts.retval)
		return true;
	snprintf(try->why, sizeof(try->why), "%s returned %d, error %d", name, opts.retval, err);
	return false;
}

/* With a child, of which nobody knows anything afterwards. */
static bool run_prepare(struct bpf_object *obj, struct evidence *evidence, struct attempt *try)
{
	pid_t pid;
	bool ok;

	if (!bpf_object__find_program_by_name(obj, "prepare"))
		return true;
	pid = fork();
	if (pid < 0)
		die("cannot fork: %s", strerror(errno));
	if (!pid) {
		pause();
		_exit(0);
	}
	evidence->pid = pid;
	ok = run_prog(obj, "prepare", try);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return ok;
}

static void run(struct bpf_object *obj, const char *name, struct attempt *try)
{
	struct evidence *evidence = find_evidence(obj);

	evidence->outer_fd = map_fd(obj, "outer");
	evidence->other_fd = map_fd(obj, "other");
	close(map_fd(obj, "inner"));
	try->ran = run_prepare(obj, evidence, try) && run_prog(obj, name, try);
	try->evidence = *evidence;
}

/* In a child: all that it has opened goes with it. */
static void attempt(const char *path, const char *name, struct attempt *try)
{
	struct bpf_object *obj;
	int kmsg, fds[2];
	pid_t pid;

	memset(try, 0, sizeof(*try));
	kmsg = kasan_log_open();
	if (kmsg < 0 || pipe(fds))
		die("cannot open the log: %s", strerror(errno));
	pid = fork();
	if (!pid) {
		obj = load(path, try);
		if (try->loaded)
			run(obj, name, try);
		if (write(fds[1], try, sizeof(*try)) != sizeof(*try))
			_exit(1);
		_exit(0);
	}
	close(fds[1]);
	if (pid < 0 || read(fds[0], try, sizeof(*try)) != sizeof(*try))
		snprintf(try->why, sizeof(try->why), "the process that ran it died");
	close(fds[0]);
	waitpid(pid, NULL, 0);
	try->nr_reports = kasan_log_read(kmsg, try->reports, MAX_REPORTS);
	if (try->nr_reports < 0)
		die("cannot read the log: %s", strerror(-try->nr_reports));
	close(kmsg);
}

static bool went_wrong(const struct evidence *e)
{
	if (e->expected)
		return e->value != e->expected;
	return e->shadow || (e->end && (e->addr < e->start || e->addr + e->size > e->end));
}

static void print_evidence(const struct attempt *try)
{
	const struct evidence *e = &try->evidence;

	if (!try->ran)
		printf("\tgood\t%s", try->why);
	else if (e->expected)
		printf("\t%s\treads %#llx where %#llx is", went_wrong(e) ? "bad" : "good",
		       e->value, e->expected);
	else if (e->shadow == KASAN_FREED || !e->end)
		printf("\t%s\t%u bytes of %s memory, shadow %02x, value %#llx",
		       went_wrong(e) ? "bad" : "good", e->size,
		       e->shadow == KASAN_FREED ? "freed" : "valid", e->shadow, e->value);
	else
		printf("\t%s\t%u bytes at %+lld of %lld, shadow %02x, value %#llx",
		       went_wrong(e) ? "bad" : "good", e->size, (long long)(e->addr - e->start),
		       (long long)(e->end - e->start), e->shadow, e->value);
	printf("\t%d", try->nr_reports);
}

static void print_fixed(const struct attempt *try)
{
	if (!try->loaded)
		printf("rejects\t%s", try->why);
	else if (!try->ran)
		printf("fails\t%s", try->why);
	else if (try->nr_reports || went_wrong(&try->evidence))
		printf("fails\taccepted, and the access is bad");
	else
		printf("runs\t");
}

/* The source line without the text, and the access. */
static void print_report(const struct attempt *try, const char *name)
{
	const struct kasan_report *report = &try->reports[0];
	bool kernel = !strncmp(report->prog, "called from ", 12);

	if (!try->nr_reports) {
		printf("\tnothing\t-\t-\t-");
		return;
	}
	printf("\t%s\t%s\t%.*s\t%s of %d in %s", kernel ? "kernel" : "program", report->bug,
	       (int)strcspn(report->source, " "), report->source, report->write ? "write" : "read",
	       report->size, report->func);
	if (!kernel && strcmp(report->func, name))
		printf(", not in %s", name);
}

int main(int argc, char **argv)
{
	static struct attempt fixed, without, with;
	char path[4096], name[64];

	if (argc != 4)
		die("usage: runner DIRECTORY PROGRAM BUG");
	snprintf(path, sizeof(path), "%s/%s.bpf.o", argv[1], argv[2]);
	snprintf(name, sizeof(name), "%s", argv[2]);
	for (char *c = name; *c; c++)
		if (*c == '-')
			*c = '_';
	libbpf_set_print(NULL);
	setvbuf(stdout, NULL, _IOFBF, BUFSIZ);

	set(SYSCTL, "1");
	set(PARAMETER, "none");
	attempt(path, name, &fixed);
	set(PARAMETER, argv[3]);
	set(SYSCTL, "0");
	attempt(path, name, &without);
	set(SYSCTL, "1");
	attempt(path, name, &with);
	set(PARAMETER, "none");

	print_fixed(&fixed);
	printf("\t%s\t%s", without.loaded && with.loaded ? "accepts" : "rejects",
	       without.loaded ? with.loaded ? "" : with.why : without.why);
	print_evidence(&without);
	print_report(&with, name);
	printf("\n");
	return 0;
}
