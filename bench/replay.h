/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef REPLAY_H
#define REPLAY_H

/*
 * The shadow of this process. As in the kernel, the offset does not fit into 32 bits. build-replay
 * tells it to gcc: -fasan-shadow-offset.
 */
#define SHADOW_OFFSET	0x100000000000UL
#define DATA		((unsigned char *)0x10000000000UL)

typedef unsigned long long micro_function(void *data);

extern micro_function *const micro_gcc[], *const micro_gcc_kasan[];

void asan_load1(unsigned long addr);
void asan_load2(unsigned long addr);
void asan_load4(unsigned long addr);
void asan_load8(unsigned long addr);
void asan_store1(unsigned long addr);
void asan_store2(unsigned long addr);
void asan_store4(unsigned long addr);
void asan_store8(unsigned long addr);

void __attribute__((noreturn)) report_bad(unsigned long addr, unsigned long size, unsigned long ip);

#endif /* REPLAY_H */
