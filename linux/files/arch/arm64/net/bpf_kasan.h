/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ARCH_ARM64_NET_BPF_KASAN_H
#define _ARCH_ARM64_NET_BPF_KASAN_H

/*
 * What a KASAN check call becomes. Takes the access's address in x9 (BPF_REG_AX) and the offset
 * field of the check instruction in w11, and preserves every register that a program or the JIT
 * keeps a value in. Not for C.
 */
void bpf_kasan_thunk(void);

#endif /* _ARCH_ARM64_NET_BPF_KASAN_H */
