/* SPDX-License-Identifier: GPL-2.0-only */
/* What the programs that run in the guest share. */
#ifndef HOST_H
#define HOST_H

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PARAMETER	"/sys/module/verifier/parameters/bug"
#define SYSCTL		"/proc/sys/kernel/bpf_kasan"

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("error: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	exit(2);
}

static void set(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value, strlen(value)) != (ssize_t)strlen(value))
		die("cannot write %s to %s: %s", value, path, strerror(errno));
	close(fd);
}

#endif /* HOST_H */
