/* SPDX-License-Identifier: GPL-2.0 */
#ifndef __KASAN_DIFFERENTIAL_H
#define __KASAN_DIFFERENTIAL_H

#define DIFFERENTIAL_GRANULE	8

/* What is bad of the value with key 0, as the shadow of one of its granules. */
struct differential_poison {
	__u32 in_hash;		/* or in the array */
	__u32 off;		/* of the granule */
	__u32 shadow;		/* 0: nothing is bad */
	__u32 pad;
	__u64 start;		/* address of the value */
};

#endif /* __KASAN_DIFFERENTIAL_H */
