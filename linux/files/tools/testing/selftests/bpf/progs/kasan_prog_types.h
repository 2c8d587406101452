/* SPDX-License-Identifier: GPL-2.0 */
#ifndef __KASAN_PROG_TYPES_H
#define __KASAN_PROG_TYPES_H

#include "kasan_low_part.h"

#define ADDEND		7
#define MODIFIED_RETURN	77	/* of the kernel's function */
#define TCP_CA		"kasan_test"

#define UNPRIV_WORDS	8
#define UNPRIV_BAD	5	/* the word that is poisoned */

/* What a program without privileges shares with the test. */
struct unpriv_value {
	__u64 words[UNPRIV_WORDS];
};

#ifdef __BPF__
extern bool CONFIG_CPU_MITIGATIONS __kconfig __weak;
#endif

#endif /* __KASAN_PROG_TYPES_H */
