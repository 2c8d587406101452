// SPDX-License-Identifier: GPL-2.0-only
/* The end of kernel/bpf/verifier.c, in the kernel that has the bugs in it only. */
#include <linux/moduleparam.h>
#include <linux/string.h>

static char verifier_bug_name[32];
module_param_string(bug, verifier_bug_name, sizeof(verifier_bug_name), 0644);

bool bpf_verifier_bug(const char *name)
{
	return sysfs_streq(verifier_bug_name, name);
}
