// SPDX-License-Identifier: GPL-2.0
/*
 * Bad accesses on both sides of every kind of call: subprograms, callbacks that run now or later,
 * tail calls, extensions, exceptions.
 */
#include "kasan_target.h"
#include "bpf_experimental.h"
#include "bpf_misc.h"

#define CLOCK_MONOTONIC	1
#define NOT_YET		-1

struct timer_value {
	struct bpf_timer timer;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 3);
	__type(key, u32);
	__type(value, u64);
} numbers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct timer_value);
} timers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 2);
	__type(key, u32);
	__type(value, u32);
} jumps SEC(".maps");

int later;		/* result of what runs after its program */
u32 slot;		/* that the verifier does not know */

static __noinline u64 static_read(u64 *p)
{
	return READ_ONCE(*p);
}

/* The target, and words of its own frame around the access. */
static __noinline u64 static_write(u64 *p, u64 seed)
{
	u64 frame[2];

	WRITE_ONCE(frame[0], seed);
	WRITE_ONCE(frame[1], seed + 1);
	WRITE_ONCE(*(u32 *)p, 7);
	return READ_ONCE(frame[0]) + READ_ONCE(frame[1]);
}

static __noinline u64 static_outer(u64 *p, u64 seed)
{
	u64 a = first(), b = last();

	return static_write(p, seed) + a + b;
}

__noinline u64 global_read(u64 *p __arg_nonnull, u64 more)
{
	return READ_ONCE(*p) + more;
}

/* What an extension replaces. */
__noinline u64 replaceable(u64 more)
{
	return target() + more;
}

SEC("syscall")
int call_static(void *ctx)
{
	return static_read(&words[0]) + static_read(&words[1]) + static_read(&words[2]);
}

SEC("syscall")
int call_nested(void *ctx)
{
	u64 a = last();

	return static_outer(&words[1], first()) + a;
}

SEC("syscall")
int call_global(void *ctx)
{
	return global_read(&words[0], last()) + global_read(&words[1], first());
}

SEC("syscall")
int call_replaceable(void *ctx)
{
	u64 a = first();

	return replaceable(last()) + a;
}

/* Callbacks */

/*
 * Always 0, but not as a constant: of that the upper half may get random by BPF_F_TEST_RND_HI32,
 * also without KASAN, since the verifier does not see that a loop in place of the helper reads it.
 */
static u64 loop_callback(u64 i, u64 *sum)
{
	*sum += target() * i + last();
	return last() >> 63;
}

/* The fixups turn the helper into a loop with a call. */
SEC("syscall")
int call_loop(void *ctx)
{
	u64 sum = first();

	bpf_loop(3, loop_callback, &sum, 0);
	return sum + last();
}

static u64 elem_callback(struct bpf_map *map, u32 *key, u64 *value, u64 *sum)
{
	*value = *key;
	*sum += *value;
	if (*key == 1)
		*sum += target();
	return 0;
}

SEC("syscall")
int call_for_each(void *ctx)
{
	u64 sum = first();

	bpf_for_each_map_elem(&numbers, elem_callback, &sum, 0);
	return sum + last();
}

static int timer_callback(void *map, u32 *key, struct timer_value *value)
{
	u64 a = first();

	later = a + target() + last();
	return 0;
}

SEC("syscall")
int call_timer(void *ctx)
{
	struct timer_value *value;
	u32 key = 0;

	value = bpf_map_lookup_elem(&timers, &key);
	if (!value)
		return 1;
	later = NOT_YET;
	bpf_timer_init(&value->timer, &timers, CLOCK_MONOTONIC);
	return bpf_timer_set_callback(&value->timer, timer_callback) ||
	       bpf_timer_start(&value->timer, 0, 0);
}

SEC("syscall")
int get_later(void *ctx)
{
	return later;
}

/* Tail calls. The test puts "tail_read" or "tail_write" into a slot, or neither. */

SEC("syscall")
int tail_read(void *ctx)
{
	return first() + target();
}

SEC("syscall")
int tail_write(void *ctx)
{
	WRITE_ONCE(*(u16 *)&words[1], 9);
	return last();
}

/* Two places to patch when the map changes, with accesses before, between and behind them. */
SEC("syscall")
int tail_direct(void *ctx)
{
	u64 sum = first();

	bpf_tail_call_static(ctx, &jumps, 0);
	sum += last();
	bpf_tail_call_static(ctx, &jumps, 1);
	sum += target();
	return sum;
}

SEC("syscall")
int tail_indirect(void *ctx)
{
	u64 sum = first();

	bpf_tail_call(ctx, &jumps, READ_ONCE(slot));
	sum += last();
	bpf_tail_call(ctx, &jumps, READ_ONCE(slot) + 1);
	sum += target();
	return sum;
}

static __noinline int tail_direct_sub(void *ctx)
{
	u64 sum = first();

	bpf_tail_call_static(ctx, &jumps, 0);
	barrier_var(sum);
	return sum + target();
}

static __noinline int tail_indirect_sub(void *ctx)
{
	u64 sum = first();

	bpf_tail_call(ctx, &jumps, READ_ONCE(slot));
	barrier_var(sum);
	return sum + target();
}

/* Where a subprogram's tail call ends, its caller goes on. */
SEC("syscall")
int tail_direct_from_sub(void *ctx)
{
	u64 a = last();

	return tail_direct_sub(ctx) + a;
}

SEC("syscall")
int tail_indirect_from_sub(void *ctx)
{
	u64 a = last();

	return tail_indirect_sub(ctx) + a;
}

/* Exceptions */

__noinline int catch_good(u64 cookie)
{
	return cookie + first();
}

__noinline int catch_bad(u64 cookie)
{
	return cookie + first() + target();
}

static __noinline u64 throw_if(u64 *p, u64 limit)
{
	u64 a = READ_ONCE(*p);

	if (a >= limit)
		bpf_throw(a + 1);
	return a;
}

SEC("syscall")
__exception_cb(catch_good)
int throw_main(void *ctx)
{
	u64 a = target();

	if (a == TARGET)
		bpf_throw(a);
	return a;
}

SEC("syscall")
__exception_cb(catch_good)
int throw_sub(void *ctx)
{
	u64 a = throw_if(&words[2], TARGET);

	return throw_if(&words[1], TARGET) + a;
}

/* It does not throw, but could. */
SEC("syscall")
__exception_cb(catch_good)
int throw_not(void *ctx)
{
	u64 a = throw_if(&words[2], TARGET);

	return throw_if(&words[1], TARGET + 1) + a;
}

SEC("syscall")
__exception_cb(catch_bad)
int throw_to_bad(void *ctx)
{
	return throw_if(&words[0], FIRST);
}

/* Without a callback, the cookie is the result. */
SEC("syscall")
int throw_default(void *ctx)
{
	return throw_if(&words[1], TARGET);
}
