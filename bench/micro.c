// SPDX-License-Identifier: GPL-2.0-only
/* The small programs as C functions: built once as they are and once with gcc's KASAN. */
#include "micro.h"
#include "replay.h"

#ifdef MICRO_KASAN
#define SIDE(name) gcc_kasan_##name
#define TABLE micro_gcc_kasan
#else
#define SIDE(name) gcc_##name
#define TABLE micro_gcc
#endif

#define FUNCTION(name, accesses, kind)			\
static u64 SIDE(name)(void *data)			\
{							\
	return (u32)name(data);				\
}

MICRO_PROGS(FUNCTION)

#define ENTRY(name, accesses, kind) SIDE(name),

micro_function *const TABLE[] = { MICRO_PROGS(ENTRY) };
