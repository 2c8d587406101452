/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The small programs of make bench: one access after another. The same source becomes BPF programs
 * and C functions, so that what the checks add to the one can be compared with what gcc's
 * -fsanitize=kernel-address adds to the other.
 *
 * An access is isolated if no other is near enough to share a check with it.
 */
#ifndef MICRO_H
#define MICRO_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed int s32;

#define MICRO_SIZE	16384	/* of the memory that they work on */
#define MICRO_SLOT	192	/* from one object to the next */
#define MICRO_SLOTS	64
#define MICRO_OBJECTS	8	/* of several fields each */
#define MICRO_LOOPS	8
#define MICRO_CHAIN	0x3ff8	/* offsets in the memory, 8 bytes each */
#define MICRO_TEXT	63	/* characters of a string */
#define MICRO_TEXT_A	4096
#define MICRO_TEXT_B	8192
#define MICRO_TEXT_LOOPS 8

/* The compiler must not know what this is, nor that it is the same as before. */
#define micro_hide(var)	asm volatile("" : "+r"(var))
#ifdef __clang__
#define micro_unrolled	_Pragma("clang loop unroll(full)")
#define micro_rolled	_Pragma("clang loop unroll(disable)")
#else
#define micro_unrolled	_Pragma("GCC unroll 64")
#define micro_rolled	_Pragma("GCC unroll 1")
#endif

#define micro_loop(n)	micro_rolled for (int loop = 0; loop < (n); loop++)
#define micro_slots	micro_unrolled for (int slot = 0; slot < MICRO_SLOTS; slot++)
#define micro_objects	micro_unrolled for (int slot = 0; slot < MICRO_OBJECTS; slot++)
#define micro_at(type, off) \
	(*(volatile type *)(data + slot * MICRO_SLOT + (off)))

#define MICRO_LOAD(name, type)						\
static inline __attribute__((always_inline)) u64 name(u8 *data)		\
{									\
	u64 sum = 0;							\
									\
	micro_loop(MICRO_LOOPS) {					\
		micro_hide(data);					\
		micro_slots						\
			sum += micro_at(type, 0);			\
	}								\
	return sum;							\
}

#define MICRO_STORE(name, type)						\
static inline __attribute__((always_inline)) u64 name(u8 *data)		\
{									\
	u64 value = 1;							\
									\
	micro_hide(value);						\
	micro_loop(MICRO_LOOPS) {					\
		micro_hide(data);					\
		micro_slots						\
			micro_at(type, 0) = value;			\
	}								\
	return 0;							\
}

MICRO_LOAD(load1, u8)
MICRO_LOAD(load2, u16)
MICRO_LOAD(load4, u32)
MICRO_LOAD(load8, u64)
MICRO_STORE(store1, u8)
MICRO_STORE(store2, u16)
MICRO_STORE(store4, u32)
MICRO_STORE(store8, u64)

/* The verifier cannot know that this is aligned: each may lie in two granules. */
static inline __attribute__((always_inline)) u64 load8_any(u8 *data)
{
	u64 sum = 0, off;

	micro_loop(MICRO_LOOPS) {
		off = *(volatile u8 *)(data + MICRO_SIZE - 1) & 31;
		data += off;
		micro_slots
			sum += micro_at(u64, 0);
		data -= off;
		micro_hide(data);
	}
	return sum;
}

/* Eight fields of one object, all its 64 bytes. */
static inline __attribute__((always_inline)) u64 fields_load(u8 *data)
{
	u64 sum = 0;

	micro_loop(MICRO_LOOPS) {
		micro_hide(data);
		micro_objects {
			sum += micro_at(u64, 0);
			sum += micro_at(u64, 8);
			sum += micro_at(u64, 16);
			sum += micro_at(u64, 24);
			sum += micro_at(u64, 32);
			sum += micro_at(u64, 40);
			sum += micro_at(u64, 48);
			sum += micro_at(u64, 56);
		}
	}
	return sum;
}

static inline __attribute__((always_inline)) u64 fields_store(u8 *data)
{
	u64 value = 1;

	micro_hide(value);
	micro_loop(MICRO_LOOPS) {
		micro_hide(data);
		micro_objects {
			micro_at(u64, 0) = value;
			micro_at(u64, 8) = value;
			micro_at(u64, 16) = value;
			micro_at(u64, 24) = value;
			micro_at(u64, 32) = value;
			micro_at(u64, 40) = value;
			micro_at(u64, 48) = value;
			micro_at(u64, 56) = value;
		}
	}
	return 0;
}

/* Fields of all sizes, 32 bytes, some loaded and some stored. */
static inline __attribute__((always_inline)) u64 fields_mixed(u8 *data)
{
	u64 sum = 0;

	micro_loop(MICRO_LOOPS) {
		micro_hide(data);
		micro_objects {
			sum += micro_at(u64, 0);
			sum += micro_at(u32, 8);
			sum += micro_at(u16, 12);
			sum += micro_at(u8, 14);
			micro_at(u8, 15) = sum;
			sum += micro_at(u32, 16);
			micro_at(u32, 20) = sum;
			micro_at(u64, 24) = sum;
		}
	}
	return sum;
}

/* Two counters, the usual end of a program that has looked something up. */
static inline __attribute__((always_inline)) u64 counters(u8 *data)
{
	u64 bytes = 64;

	micro_hide(bytes);
	micro_loop(MICRO_LOOPS) {
		micro_hide(data);
		micro_objects {
			micro_at(u64, 0) += 1;
			micro_at(u64, 8) += bytes;
		}
	}
	return 0;
}

/* Each load says where the next one is. */
static inline __attribute__((always_inline)) u64 chase(u8 *data)
{
	u64 off = 0;

	micro_loop(MICRO_LOOPS) {
		micro_slots
			off = *(volatile u64 *)(data + (off & MICRO_CHAIN));
	}
	return off;
}

/* Byte by byte, up to the first difference or the end. */
static inline __attribute__((always_inline)) u64 compare(u8 *data)
{
	u64 sum = 0;

	micro_loop(MICRO_TEXT_LOOPS) {
		u8 *a = data + MICRO_TEXT_A, *b = data + MICRO_TEXT_B, x, y;

		micro_hide(a);
		micro_hide(b);
		micro_rolled
		for (int i = 0; i <= MICRO_TEXT; i++) {
			x = *(volatile u8 *)(a + i);
			y = *(volatile u8 *)(b + i);
			if (x != y || !x)
				break;
		}
		sum += x;
	}
	return sum;
}

/* The chain goes through all of the memory in steps of 1032 bytes; the two strings are equal. */
static inline void micro_fill(u8 *data)
{
	for (int i = 0; i < MICRO_SIZE; i += 8)
		*(u64 *)(data + i) = (i + 1032) & MICRO_CHAIN;
	for (int i = 0; i < MICRO_TEXT; i++)
		data[MICRO_TEXT_A + i] = data[MICRO_TEXT_B + i] = 'a' + i % 26;
	data[MICRO_TEXT_A + MICRO_TEXT] = data[MICRO_TEXT_B + MICRO_TEXT] = 0;
	data[MICRO_SIZE - 1] = 0;
}

#define MICRO_ALL (MICRO_LOOPS * MICRO_SLOTS) /* or MICRO_OBJECTS, 8 accesses each */

/* name, accesses per run, what it stands for */
#define MICRO_PROGS(X)							\
	X(load1, MICRO_ALL, isolated_load)				\
	X(load2, MICRO_ALL, isolated_load)				\
	X(load4, MICRO_ALL, isolated_load)				\
	X(load8, MICRO_ALL, isolated_load)				\
	X(store1, MICRO_ALL, isolated_store)				\
	X(store2, MICRO_ALL, isolated_store)				\
	X(store4, MICRO_ALL, isolated_store)				\
	X(store8, MICRO_ALL, isolated_store)				\
	X(load8_any, (MICRO_ALL + MICRO_LOOPS), unaligned)		\
	X(fields_load, MICRO_ALL, fields)				\
	X(fields_store, MICRO_ALL, fields)			\
	X(fields_mixed, MICRO_ALL, fields)			\
	X(counters, (MICRO_ALL / 2), fields)				\
	X(chase, MICRO_ALL, chain)					\
	X(compare, (2 * (MICRO_TEXT + 1) * MICRO_TEXT_LOOPS), bytes)

#endif /* MICRO_H */
