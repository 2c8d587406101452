// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the out-of-line checks call, on a shadow in this process: as the kernel's own functions in
 * mm/kasan/generic.c, a test of the address and one of the granule that has the last byte, and of
 * that of the first byte only where it is another one. To be compiled as those are.
 */
#include "replay.h"

#define LOWEST (1UL << 39) /* as the kernel's lowest address, a constant of more than 32 bits */

static inline signed char shadow_of(unsigned long addr)
{
	return *(volatile signed char *)((addr >> 3) + SHADOW_OFFSET);
}

/* Does the byte lie behind those of its granule that may be accessed? */
static inline int bad_byte(unsigned long addr)
{
	signed char shadow = shadow_of(addr);

	return __builtin_expect(shadow, 0) && (signed char)(addr & 7) >= shadow;
}

static inline int bad(unsigned long addr, unsigned long size)
{
	unsigned long last = addr + size - 1;

	if (size > 1 && __builtin_expect((last & 7) < size - 1, 0) && shadow_of(addr))
		return 1;
	return bad_byte(last);
}

#define ASAN_FUNCTION(name, size)						\
void name(unsigned long addr)							\
{										\
	if (__builtin_expect(addr + (size) < addr, 0) ||			\
	    __builtin_expect(addr < LOWEST, 0) || bad(addr, size))		\
		report_bad(addr, size, (unsigned long)__builtin_return_address(0)); \
}

ASAN_FUNCTION(asan_load1, 1)
ASAN_FUNCTION(asan_load2, 2)
ASAN_FUNCTION(asan_load4, 4)
ASAN_FUNCTION(asan_load8, 8)
ASAN_FUNCTION(asan_store1, 1)
ASAN_FUNCTION(asan_store2, 2)
ASAN_FUNCTION(asan_store4, 4)
ASAN_FUNCTION(asan_store8, 8)
