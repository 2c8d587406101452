// SPDX-License-Identifier: GPL-2.0
/*
 * Programs whose index into their stack is not what the verifier thinks it is: a kfunc changes it
 * where it is spilled. The frames are written in assembly, so that it is certain where they end.
 */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf_atomic.h>
#include "bpf_experimental.h"
#include "bpf_misc.h"
#include "../test_kmods/bpf_test_kasan_kfunc.h"

#define SORTED		16
#define CLOCK_MONOTONIC	1

u64 cell;		/* a stack address, on its way to become a number */
u64 callback_index;
u64 called;		/* by the timer */

struct timer_value {
	struct bpf_timer timer;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct timer_value);
} timers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u32);
} jumps SEC(".maps");

/*
 * r7 is the index that is in r6, and the verifier knows that it is of what is in r7 before. The
 * slot of 8 bytes is part of the frame.
 */
#define BELIEVE							\
	"*(u64 *)(r10 - 8) = r7;"				\
	"r1 = %[cell] ll;"					\
	"*(u64 *)(r1 + 0) = r10;"				\
	"r1 = *(u64 *)(r1 + 0);"				\
	"r1 += -8;"						\
	"r2 = r6;"						\
	"call %[bpf_test_kasan_write_at];"				\
	"r7 = *(u64 *)(r10 - 8);"

#define BELIEVE_MASK(MASK) "r7 = r6; r7 &= " #MASK ";" BELIEVE
#define BELIEVE_CONST(VALUE) "r7 = " #VALUE ";" BELIEVE
#define INDEX "r9 = r1; r6 = *(u64 *)(r1 + 0);"
#define POINTER(OFF) "r2 = r10; r2 += " #OFF "; r2 += r7;"
#define READ(SIZE, OFF) "r2 = r10; r2 += " #OFF "; r2 += r7; r0 = *(" #SIZE " *)(r2 + 0);"
#define OUT "r0 = 0; exit;"

#define OPERANDS							\
	[cell] "i"(&cell), __imm_addr(callback_index), __imm_addr(called),	\
	__imm_addr(jumps),						\
	__imm(bpf_test_kasan_write_at), __imm(bpf_test_kasan_stale),	\
	__imm(bpf_test_kasan_read),					\
	__imm(bpf_tail_call), __imm(bpf_throw)

/* So that the object describes what only assembly calls. */
void __kfunc_btf_root(void)
{
	bpf_test_kasan_write_at(0, 0);
	bpf_test_kasan_stale(0);
	bpf_test_kasan_read(NULL, 0);
	bpf_throw(0);
}

/* How many granules are poisoned, up to where the frame of a program is? */
SEC("syscall")
__naked int stale(void)
{
	asm volatile ("r1 = %[cell] ll;"
		      "*(u64 *)(r1 + 0) = r10;"
		      "r1 = *(u64 *)(r1 + 0);"
		      "r1 += 16;"
		      "call %[bpf_test_kasan_stale];"
		      "exit;"
		      : : OPERANDS : __clobber_all);
}

/* Frames of 64 bytes, the first of which has index 0 */

SEC("syscall")
__naked int read_1(void)
{
	asm volatile (INDEX BELIEVE_MASK(31) READ(u8, -64) OUT
		      : : OPERANDS : __clobber_all);
}

SEC("syscall")
__naked int read_8(void)
{
	asm volatile (INDEX BELIEVE_MASK(24) READ(u64, -64) OUT
		      : : OPERANDS : __clobber_all);
}

/* Changes nothing where it hits. Atomics are for constant offsets, as far as the verifier knows. */
SEC("syscall")
__naked int write_8(void)
{
	asm volatile (INDEX BELIEVE_CONST(0)
		      "r0 = 0;"
		      "*(u64 *)(r10 - 64) = r0;" POINTER(-64)
		      "lock *(u64 *)(r2 + 0) += r0;" OUT
		      : : OPERANDS : __clobber_all);
}

SEC("syscall")
__naked int read_constant(void)
{
	asm volatile (INDEX BELIEVE_CONST(0) READ(u8, -64) OUT
		      : : OPERANDS : __clobber_all);
}

/* On one of two paths, which to the verifier come to the same. */
SEC("syscall")
__naked int read_joined(void)
{
	asm volatile (INDEX BELIEVE_CONST(0)
		      "r2 = r10;"
		      "r2 += -64;"
		      "if r6 == 0 goto 1f;"
		      "r2 += r7;"
		      "1: r0 = *(u8 *)(r2 + 0);" OUT
		      : : OPERANDS : __clobber_all);
}

/* What is below goes to the next granule. */
SEC("syscall")
__naked int read_odd(void)
{
	asm volatile (INDEX BELIEVE_MASK(3) READ(u8, -13) OUT
		      : : OPERANDS : __clobber_all);
}

SEC("syscall")
__naked int read_by_kfunc(void)
{
	asm volatile (INDEX BELIEVE_MASK(31) POINTER(-64)
		      "r1 = r2;"
		      "r2 = 8;"
		      "call %[bpf_test_kasan_read];" OUT
		      : : OPERANDS : __clobber_all);
}

SEC("raw_tp")
__naked int read_private(void)
{
	asm volatile (INDEX BELIEVE_MASK(31) READ(u8, -64) OUT
		      : : OPERANDS : __clobber_all);
}

/* Without a redzone at one end, or at both of several */

SEC("syscall")
__naked int read_deep(void)
{
	asm volatile (INDEX BELIEVE_MASK(31) READ(u8, -512) OUT
		      : : OPERANDS : __clobber_all);
}

static __used __naked int sub_112(void)
{
	asm volatile ("r6 = r1;" BELIEVE_MASK(31) READ(u8, -112) OUT
		      : : OPERANDS : __clobber_all);
}

SEC("syscall")
__naked int chain_full(void)
{
	asm volatile (INDEX BELIEVE_MASK(0) READ(u8, -400)
		      "r1 = r6;"
		      "call sub_112;" OUT
		      : : OPERANDS : __clobber_all);
}

SEC("syscall")
__naked int chain_fits(void)
{
	asm volatile (INDEX BELIEVE_MASK(0) READ(u8, -336)
		      "r1 = r6;"
		      "call sub_112;" OUT
		      : : OPERANDS : __clobber_all);
}

/* Subprograms */

static __used __naked int sub_read(void)
{
	asm volatile ("r6 = r1;" BELIEVE_MASK(31) READ(u8, -64) OUT
		      : : OPERANDS : __clobber_all);
}

SEC("syscall")
__naked int call_sub(void)
{
	asm volatile ("r1 = *(u64 *)(r1 + 0);"
		      "call sub_read;" OUT
		      : : OPERANDS : __clobber_all);
}

static __used __naked int sub_compute(void)
{
	asm volatile ("r1 += r2;"
		      "r0 = *(u8 *)(r1 + 0);" OUT
		      : : OPERANDS : __clobber_all);
}

SEC("syscall")
__naked int call_compute(void)
{
	asm volatile (INDEX BELIEVE_MASK(31)
		      "r1 = r10;"
		      "r1 += -64;"
		      "r2 = r7;"
		      "call sub_compute;" OUT
		      : : OPERANDS : __clobber_all);
}

static __used __naked int sub_access(void)
{
	asm volatile ("r0 = *(u8 *)(r1 + 0);" OUT
		      : : OPERANDS : __clobber_all);
}

SEC("syscall")
__naked int call_access(void)
{
	asm volatile (INDEX BELIEVE_MASK(31) POINTER(-64)
		      "r1 = r2;"
		      "call sub_access;" OUT
		      : : OPERANDS : __clobber_all);
}

static __used __naked int loop_callback(void)
{
	asm volatile ("r1 = %[callback_index] ll;"
		      "r6 = *(u64 *)(r1 + 0);" BELIEVE_MASK(31) READ(u8, -64) OUT
		      : : OPERANDS : __clobber_all);
}

SEC("syscall")
int call_loop(u64 *index)
{
	callback_index = *index;
	bpf_loop(3, loop_callback, NULL, 0);
	return 0;
}

/* On another stack, when the program is over. */
static __used __naked int timer_callback(void)
{
	asm volatile ("r1 = %[callback_index] ll;"
		      "r6 = *(u64 *)(r1 + 0);" BELIEVE_MASK(31) READ(u8, -64)
		      "r1 = %[called] ll;"
		      "r2 = 1;"
		      "*(u64 *)(r1 + 0) = r2;" OUT
		      : : OPERANDS : __clobber_all);
}

SEC("syscall")
int call_timer(u64 *index)
{
	struct timer_value *value;
	u32 zero = 0;

	callback_index = *index;
	called = 0;
	value = bpf_map_lookup_elem(&timers, &zero);
	if (!value)
		return 1;
	/* It may have been initialized before. */
	bpf_timer_init(&value->timer, &timers, CLOCK_MONOTONIC);
	return bpf_timer_set_callback(&value->timer, timer_callback) ||
	       bpf_timer_start(&value->timer, 0, 0);
}

/* What an extension may replace, with a frame of its own. */
__noinline int replaceable(u64 index)
{
	u64 frame[4] = {};

	barrier_var(index);
	index &= 3;
	WRITE_ONCE(frame[index], index + 10);
	return READ_ONCE(frame[index]);
}

SEC("syscall")
int call_replaceable(u64 *index)
{
	return replaceable(*index);
}

/* Tail calls, which succeed or not */

#define TAIL_CALL "r1 = r9; r2 = %[jumps] ll; r3 = 0; call %[bpf_tail_call];"

SEC("syscall")
__naked int tail(void)
{
	asm volatile (INDEX BELIEVE_MASK(31) POINTER(-64)
		      "*(u64 *)(r10 - 8) = r2;" TAIL_CALL
		      "r2 = *(u64 *)(r10 - 8);"
		      "r0 = *(u8 *)(r2 + 0);" OUT
		      : : OPERANDS : __clobber_all);
}

static __used __naked int sub_tail(void)
{
	asm volatile (INDEX BELIEVE_MASK(31) POINTER(-64)
		      "*(u64 *)(r10 - 8) = r2;" TAIL_CALL
		      "r2 = *(u64 *)(r10 - 8);"
		      "r0 = *(u8 *)(r2 + 0);" OUT
		      : : OPERANDS : __clobber_all);
}

SEC("syscall")
__naked int tail_from_sub(void)
{
	asm volatile ("call sub_tail;" OUT
		      : : OPERANDS : __clobber_all);
}

/* Exceptions: a frame, or two, are not left by way of an exit. */

static __used __naked int sub_throw(void)
{
	asm volatile ("r6 = r1;" BELIEVE_MASK(31) READ(u8, -64)
		      "r1 = 7;"
		      "call %[bpf_throw];" OUT
		      : : OPERANDS : __clobber_all);
}

SEC("syscall")
__naked int throw(void)
{
	asm volatile (INDEX BELIEVE_MASK(31) READ(u8, -64)
		      "r1 = 7;"
		      "call %[bpf_throw];" OUT
		      : : OPERANDS : __clobber_all);
}

SEC("syscall")
__naked int throw_from_sub(void)
{
	asm volatile (INDEX BELIEVE_MASK(0) READ(u8, -64)
		      "r1 = r6;"
		      "call sub_throw;" OUT
		      : : OPERANDS : __clobber_all);
}

/* Uses all of what was the frame of the program, and more. */
__noinline int catch(u64 cookie)
{
	u8 buf[256];
	u64 sum = 0;

	for (u32 i = 0; i < sizeof(buf); i++)
		WRITE_ONCE(buf[(cookie + i) % sizeof(buf)], i);
	for (u32 i = 0; i < sizeof(buf); i++)
		sum += READ_ONCE(buf[(cookie * i) % sizeof(buf)]);
	return sum & 0xff;
}

SEC("syscall")
__exception_cb(catch)
__naked int throw_caught(void)
{
	asm volatile (INDEX BELIEVE_MASK(0) READ(u8, -64)
		      "r1 = r6;"
		      "call sub_throw;" OUT
		      : : OPERANDS : __clobber_all);
}

/* Without a wrong index */

SEC("syscall")
__naked int constants(void)
{
	asm volatile ("r2 = r10;"
		      "r2 += -16;"
		      "r1 = 7;"
		      "*(u64 *)(r2 + 0) = r1;"
		      "r0 = *(u64 *)(r10 - 16);"
		      "exit;"
		      : : OPERANDS : __clobber_all);
}

/* Something that compilers make of an array: the result is a checksum of numbers in order. */
SEC("syscall")
int sort(u64 *seed)
{
	u32 numbers[SORTED + 1] = {}, x = *seed, sum = 0;

	for (u32 i = 0; i < SORTED; i++) {
		x = x * 1664525 + 1013904223;
		numbers[i] = x >> 16;
	}
	for (u32 i = 1; i < SORTED; i++) {
		for (u32 j = i; j && can_loop; j--) {
			u32 k = j - 1, a, b;

			barrier_var(k);
			k &= SORTED - 1;
			a = READ_ONCE(numbers[k]);
			b = READ_ONCE(numbers[k + 1]);
			WRITE_ONCE(numbers[k], a < b ? a : b);
			WRITE_ONCE(numbers[k + 1], a < b ? b : a);
		}
	}
	for (u32 i = 0; i < SORTED; i++)
		sum = sum * 31 + numbers[i];
	return sum & 0x7fffffff;
}

char _license[] SEC("license") = "GPL";
