/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/*
 * Entry and clock of the benchmarks' child on riscv64, without a C library.
 */
	.text

	.globl	_start
	.type	_start, @function
_start:
	.option push
	.option norelax
	lla	gp, __global_pointer$
	.option pop
	ld	a0, 0(sp)
	addi	a1, sp, 8
	andi	sp, sp, -16
	call	bench_child_main
	li	a7, 93			# exit
	ecall
	ebreak
	.size	_start, . - _start

	.globl	bench_child_clock
	.type	bench_child_clock, @function
bench_child_clock:
	addi	sp, sp, -16
	li	a0, 1			# CLOCK_MONOTONIC
	mv	a1, sp
	li	a7, 113			# clock_gettime
	ecall
	ld	t0, 0(sp)
	ld	t1, 8(sp)
	addi	sp, sp, 16
	li	t2, 1000000000
	mul	a0, t0, t2
	add	a0, a0, t1
	ret
	.size	bench_child_clock, . - bench_child_clock

	.section .note.GNU-stack, "", @progbits
