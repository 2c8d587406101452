/* SPDX-License-Identifier: GPL-2.0 */
#ifndef __KASAN_INSN_MATRIX_H
#define __KASAN_INSN_MATRIX_H

#define MATRIX_WINDOW	128	/* bytes around an access that a step may poison */

/* One run of a program: what memory looks like before, and what is in it after. */
struct matrix_step {
	__u32 in_map;		/* or in the module's arena */
	__u32 window;		/* all offsets are from the start of that memory */
	__u32 bad;
	__u32 bad_size;
	__u32 good;
	__u32 good_size;
	__u32 granule;		/* of the first byte that the program accesses */
	__u32 pad;
	__u64 words[2];		/* there */
	__u64 start;		/* address of the memory */
};

#endif /* __KASAN_INSN_MATRIX_H */
