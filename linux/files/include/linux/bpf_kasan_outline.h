/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the KASAN checks of BPF programs are measured against, with CONFIG_BPF_KASAN_OUTLINE: a call
 * of __asan_loadN() or __asan_storeN() before each access. It is a KASAN check instruction with one
 * more flag, which tells the JIT everything, in place of a sequence that ends in one.
 */
#ifndef _LINUX_BPF_KASAN_OUTLINE_H
#define _LINUX_BPF_KASAN_OUTLINE_H

#include <linux/bits.h>
#include <linux/filter.h>

#define BPF_KASAN_OUTLINE	0x8000

/* R0 to R5 */
#define BPF_KASAN_CALLER_SAVED	GENMASK(5, 0)

/* LIVE: those of the caller-saved registers that have to survive */
#define BPF_KASAN_OUTLINE_CHECK(SIZE, WRITE, BASE, OFF, LIVE)	\
	((struct bpf_insn) {					\
		.code  = BPF_JMP | BPF_CALL,			\
		.dst_reg = BPF_REG_AX,				\
		.src_reg = 0,					\
		.off   = (s16)(BPF_KASAN_OUTLINE | (SIZE) |	\
				((WRITE) ? BPF_KASAN_WRITE : 0)), \
		.imm   = (u32)(OFF) << 16 | (BASE) << 8 | (LIVE) })

/* Of an instruction for which bpf_is_kasan_check() holds. */
static inline bool bpf_is_kasan_outline(const struct bpf_insn *insn)
{
	return IS_ENABLED(CONFIG_BPF_KASAN_OUTLINE) && (insn->off & BPF_KASAN_OUTLINE);
}

static inline u8 bpf_kasan_outline_live(const struct bpf_insn *insn)
{
	return insn->imm & 0xff;
}

static inline u8 bpf_kasan_outline_base(const struct bpf_insn *insn)
{
	return insn->imm >> 8 & 0xff;
}

static inline s16 bpf_kasan_outline_off(const struct bpf_insn *insn)
{
	return insn->imm >> 16;
}

#endif /* _LINUX_BPF_KASAN_OUTLINE_H */
