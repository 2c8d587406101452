/* SPDX-License-Identifier: GPL-2.0 */
#ifndef __KASAN_LOW_PART_H
#define __KASAN_LOW_PART_H

/* Offset of the lowest @part bytes of a number of @whole bytes. */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define LOW_PART(whole, part)	((whole) - (part))
#else
#define LOW_PART(whole, part)	0
#endif

#endif /* __KASAN_LOW_PART_H */
