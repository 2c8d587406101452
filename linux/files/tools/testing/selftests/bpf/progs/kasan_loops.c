// SPDX-License-Identifier: GPL-2.0
/*
 * Bad accesses in loops of every kind, and at and around the targets of jumps: short ones, ones
 * that the checks make too long, and ones through a table.
 */
#include "kasan_target.h"
#include "bpf_experimental.h"
#include "bpf_misc.h"

#define PAST_COUNT	100000	/* loops, more than may_goto counts before it looks at the clock */

/* The jump goes to an access, as does the one back. */
SEC("syscall")
__naked int may_goto_access(void)
{
	asm volatile ("r6 = %[words] ll;"
		      "r0 = 0;"
		      "1: r2 = *(u64 *)(r6 + 8);"
		      "r0 += r2;"
		      "may_goto 2f;"
		      "if r0 < 60 goto 1b;"
		      "r0 += 1000;"
		      "2: r2 = *(u64 *)(r6 + 0);"
		      "r0 += r2;"
		      "exit;"
		      : : __imm_addr(words)
		      : __clobber_all);
}

SEC("syscall")
int may_goto_continue(void *ctx)
{
	u64 i = 0, sum = first();

#pragma clang loop unroll(disable)
	while (i < 3 && can_loop)
		sum += target() * i++;
	return sum + last();
}

SEC("syscall")
int may_goto_break(void *ctx)
{
	u64 sum = 0;

	for (u64 i = first(); i; i--) {
		sum += last();
		if (i == 7)
			sum += target();
		cond_break;
	}
	return sum;
}

static __noinline u64 sum_down(u64 *p, u64 from)
{
	u64 sum = 0;

#pragma clang loop unroll(disable)
	while (from-- && can_loop)
		sum += READ_ONCE(*p);
	return sum;
}

SEC("syscall")
int may_goto_sub(void *ctx)
{
	u64 sum = 0;

	for (u64 i = 0; i < 2 && can_loop; i++)
		sum += sum_down(&words[1], 2) + sum_down(&words[0], 1);
	return sum;
}

/*
 * The clock is looked at, by a call from between two checks. The verifier would follow a counter
 * that starts at a constant through all of the loop.
 */
SEC("syscall")
int may_goto_timed(void *ctx)
{
	u64 i = first() - FIRST;

	while (can_loop) {
		WRITE_ONCE(words[2], i);
		if (++i == PAST_COUNT)
			break;
	}
	return i + last() + target();
}

/* The clock ends the loop. */
SEC("syscall")
int may_goto_timeout(void *ctx)
{
	u64 i = first() - FIRST;

	while (can_loop) {
		WRITE_ONCE(words[2], i);
		i++;
	}
	return (i > PAST_COUNT) + target();
}

SEC("syscall")
int iter_num(void *ctx)
{
	u64 sum = first();
	int i;

	bpf_for(i, 0, 3)
		sum += target() * i + last();
	return sum;
}

SEC("syscall")
int iter_num_write(void *ctx)
{
	u64 sum = 0;
	int i;

	bpf_for(i, 0, ARRAY_SIZE(words)) {
		WRITE_ONCE(*(u16 *)((char *)&words[i] + LOW_PART(8, 2)), i);
		sum += i;
	}
	return sum + first() + last();
}

SEC("syscall")
int iter_nested(void *ctx)
{
	u64 sum = 0;
	int i, j;

	bpf_for(i, 0, 3) {
		bpf_for(j, 0, 3) {
			if (j == i + 1)
				sum += target();
			if (j == 2)
				break;
			sum += last();
		}
		sum += first();
	}
	return sum;
}

SEC("syscall")
int iter_repeat(void *ctx)
{
	u64 i = 0, sum = 0;

	bpf_repeat(5) {
		sum += first();
		if (i++ == 3) {
			sum += target();
			break;
		}
	}
	return sum;
}

/*
 * r1 points to the words, r2 is an index into a table with targets before and behind the jump. All
 * but the third are accesses, the fourth that of the target.
 */
#define GOTOX(section)					\
	".set section_%=, " section ";"			\
	".pushsection .jumptables,\"\",@progbits;"	\
	"table_%=:"					\
	".quad last_%= - section_%=;"			\
	".quad first_%= - section_%=;"			\
	".quad later_%= - section_%=;"			\
	".quad target_%= - section_%=;"		\
	".quad first_%= - section_%=;"			\
	".size table_%=, 40;"				\
	".global table_%=;"				\
	".popsection;"					\
							\
	"r0 = 0;"					\
	"if r2 > 4 goto out_%=;"			\
	"goto jump_%=;"					\
	"first_%=: r3 = *(u64 *)(r1 + 0);"		\
	"r0 += r3;"					\
	"goto out_%=;"					\
	"later_%=: r0 += 1000;"				\
	"r3 = *(u64 *)(r1 + 8);"			\
	"r0 += r3;"					\
	"goto out_%=;"					\
	"jump_%=: r3 = *(u64 *)(r1 + 16);"		\
	"r0 += r3;"					\
	"r4 = table_%= ll;"				\
	"r2 <<= 3;"					\
	"r4 += r2;"					\
	"r4 = *(u64 *)(r4 + 0);"			\
	"gotox r4;"							\
	"target_%=: r3 = *(u64 *)(r1 + 8);"		\
	"r0 += r3;"					\
	"last_%=: r3 = *(u64 *)(r1 + 16);"		\
	"r0 += r3;"					\
	"out_%=: r3 = *(u64 *)(r1 + 0);"		\
	"r0 += r3;"					\
	"exit;"

static __naked __noinline __used
u64 jump_in_sub(void)
{
	asm volatile (GOTOX(".text") ::: __clobber_all);
}

SEC("syscall")
__naked int gotox_sub(void)
{
	asm volatile ("r2 = *(u64 *)(r1 + 0);"
		      "r1 = %[words] ll;"
		      "r6 = *(u64 *)(r1 + 16);"
		      "call jump_in_sub;"
		      "r0 += r6;"
		      "exit;"
		      : : __imm_addr(words)
		      : __clobber_all);
}

SEC("syscall")
__naked int gotox_main(void)
{
	asm volatile ("r2 = *(u64 *)(r1 + 0);"
		      "r1 = %[words] ll;"
		      GOTOX("syscall")
		      : : __imm_addr(words)
		      : __clobber_all);
}

/*
 * Jumps that fit into 16 bits only as long as there are no checks: forward, one that has no
 * opposite, and back.
 */
SEC("syscall")
__naked int long_jumps(void)
{
	asm volatile ("r7 = *(u64 *)(r1 + 0);"
		      "r7 &= 3;"
		      "r6 = %[words] ll;"
		      "r0 = 0;"
		      "r2 = 0;"
		      "1: if r7 == 0 goto 2f;"
		      ".rept 3500;"
		      "r2 = *(u64 *)(r6 + 16);"
		      ".endr;"
		      "r0 += r2;"
		      "2: r2 = *(u64 *)(r6 + 8);"
		      "r0 += r2;"
		      "if r7 & 1 goto 3f;"
		      ".rept 3500;"
		      "r2 = *(u64 *)(r6 + 0);"
		      ".endr;"
		      "r0 += r2;"
		      "3: r2 = *(u64 *)(r6 + 16);"
		      "r0 += r2;"
		      "r7 += 1;"
		      "if r7 < 2 goto 1b;"
		      "exit;"
		      : : __imm_addr(words)
		      : __clobber_all);
}
