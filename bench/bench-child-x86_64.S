/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/*
 * Entry and clock of the benchmarks' child on x86-64, without a C library.
 */
	.text

	.globl	_start
	.type	_start, @function
_start:
	xorl	%ebp, %ebp
	movq	(%rsp), %rdi
	leaq	8(%rsp), %rsi
	andq	$-16, %rsp
	call	bench_child_main
	movl	%eax, %edi
	movl	$60, %eax		/* exit */
	syscall
	ud2
	.size	_start, . - _start

	.globl	bench_child_clock
	.type	bench_child_clock, @function
bench_child_clock:
	subq	$24, %rsp
	movl	$1, %edi		/* CLOCK_MONOTONIC */
	movq	%rsp, %rsi
	movl	$228, %eax		/* clock_gettime */
	syscall
	imulq	$1000000000, (%rsp), %rax
	addq	8(%rsp), %rax
	addq	$24, %rsp
	ret
	.size	bench_child_clock, . - bench_child_clock

	.section .note.GNU-stack, "", @progbits
