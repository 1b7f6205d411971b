/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/*
 * Entry and clock of the benchmarks' child on aarch64, without a C library.
 */
	.text

	.globl	_start
	.type	_start, %function
_start:
	mov	x29, #0
	mov	x30, #0
	ldr	x0, [sp]
	add	x1, sp, #8
	bl	bench_child_main
	mov	x8, #93			/* exit */
	svc	#0
	brk	#0
	.size	_start, . - _start

	.globl	bench_child_clock
	.type	bench_child_clock, %function
bench_child_clock:
	sub	sp, sp, #16
	mov	x0, #1			/* CLOCK_MONOTONIC */
	mov	x1, sp
	mov	x8, #113		/* clock_gettime */
	svc	#0
	ldp	x1, x2, [sp], #16
	mov	x3, #0xca00
	movk	x3, #0x3b9a, lsl #16	/* 1000000000 */
	madd	x0, x1, x3, x2
	ret
	.size	bench_child_clock, . - bench_child_clock

	.section .note.GNU-stack, "", %progbits
