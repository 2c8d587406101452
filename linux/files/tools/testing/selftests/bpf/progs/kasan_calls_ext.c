// SPDX-License-Identifier: GPL-2.0
/* What replaces a function of kasan_calls.c. The words are those of the program that calls it. */
#include "kasan_target.h"

static __noinline u64 extension_sub(u64 *p)
{
	return READ_ONCE(*p);
}

SEC("?freplace")
u64 extension(u64 more)
{
	u64 a = last();

	return 2 * target() + a + more;
}

SEC("?freplace")
u64 extension_with_sub(u64 more)
{
	u64 a = extension_sub(&words[1]);

	return 3 * a + extension_sub(&words[0]) + more;
}
