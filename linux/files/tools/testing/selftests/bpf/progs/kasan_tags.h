/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by the kasan_tags test and its programs. */
#ifndef __KASAN_TAGS_H
#define __KASAN_TAGS_H

#define AT 8			/* the offset in the instruction */

/* The same as in bpf_test_kasan_kfunc.h, which is not for user space */
#define END		112
#define MATCH_ALL	0x100

struct tag_args {
	__u64 freed;		/* an object that is, instead of the one with these bits flipped */
	__u64 flip;		/* in the pointer's tag */
	__u64 off;		/* from where the object starts; at least AT */
	__u64 value;		/* what is there */
};

#endif /* __KASAN_TAGS_H */
