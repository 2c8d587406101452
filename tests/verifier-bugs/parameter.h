/* SPDX-License-Identifier: GPL-2.0-only */
/* linux/bpf_verifier_bug.h of the kernel that has the bugs in it. */
#ifndef _LINUX_BPF_VERIFIER_BUG_H
#define _LINUX_BPF_VERIFIER_BUG_H

#include <linux/types.h>

/* Whether the parameter verifier.bug selects this one. */
bool bpf_verifier_bug(const char *name);

#endif /* _LINUX_BPF_VERIFIER_BUG_H */
