/* SPDX-License-Identifier: GPL-2.0 */
#ifndef __KASAN_CTX_H
#define __KASAN_CTX_H

/* What a generated program shares with the test. */
struct ctx_shared {
	__u64 kern_ctx;		/* its address, which is a number once it has been here */
	__u64 poison;		/* value of its shadow during the access */
	__u64 result;		/* of the access */
};

#endif /* __KASAN_CTX_H */
