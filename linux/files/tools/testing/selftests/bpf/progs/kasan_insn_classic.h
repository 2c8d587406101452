/* SPDX-License-Identifier: GPL-2.0 */
#ifndef __KASAN_INSN_CLASSIC_H
#define __KASAN_INSN_CLASSIC_H

#define CLASSIC_PAYLOAD		64	/* bytes of it in a packet */
#define CLASSIC_BAD		32	/* where in them the filter looks */
#define CLASSIC_BAD_SIZE	4

#endif /* __KASAN_INSN_CLASSIC_H */
