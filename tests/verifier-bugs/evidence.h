/* SPDX-License-Identifier: GPL-2.0-only */
/* What the programs and the runner tell each other. */
#ifndef EVIDENCE_H
#define EVIDENCE_H

struct evidence {
	/* From the program. */
	unsigned long long start, end;	/* of the object that it may access; 0 if that is no more */
	unsigned long long addr;	/* of the access */
	unsigned long long value;	/* that it read */
	unsigned long long expected;	/* what it should have read, or 0 */
	unsigned int size;		/* of the access */
	unsigned char shadow;		/* of its last byte, just before */
	/* From the runner. */
	int pid;			/* of a child that is there while "prepare" runs */
	int outer_fd, other_fd;
};

#endif /* EVIDENCE_H */
