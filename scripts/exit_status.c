// SPDX-License-Identifier: GPL-2.0-only
/*
 * $(exit-status FILE): end make with the exit status that FILE holds, unless it is 0.
 *
 * Make knows no other failure than 2; "make run CMD=..." is to fail as the command did.
 */
#include <stdio.h>
#include <stdlib.h>
#include <gnumake.h>

int plugin_is_GPL_compatible;

static char *exit_status(const char *name, unsigned int argc, char **argv)
{
	FILE *file = fopen(argv[0], "r");
	int status = 2;

	(void)name;
	(void)argc;
	if (file) {
		if (fscanf(file, "%d", &status) != 1)
			status = 2;
		fclose(file);
	}
	if (status) {
		remove(argv[0]);
		exit(status);
	}
	return NULL;
}

int exit_status_gmk_setup(void)
{
	gmk_add_function("exit-status", exit_status, 1, 1, GMK_FUNC_DEFAULT);
	return 1;
}
