/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * long _gspawn_clone_enter (const GSpawnCloneCall *call)
 *
 * The child begins on its own stack with nothing of the caller's frame but the registers, calls its
 * function and ends in exit_group: it must not return, least of all above this entry, for it shares
 * the shadow stack of a caller that waits for it. */
#include <asm/unistd.h>

#if defined(__CET__)
#include <cet.h>
#else
#define _CET_ENDBR
#endif

#define CALL_NUMBER    0
#define CALL_ARGUMENTS 8
#define CALL_FUNCTION  48
#define CALL_DATA      56

        .text
        .globl  _gspawn_clone_enter
        .hidden _gspawn_clone_enter
        .type   _gspawn_clone_enter, @function
        .p2align 4
_gspawn_clone_enter:
        .cfi_startproc
        _CET_ENDBR
        pushq   %rbx
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbx, 0
        movq    %rdi, %rbx
        movq    CALL_NUMBER(%rbx), %rax
        movq    CALL_ARGUMENTS(%rbx), %rdi
        movq    CALL_ARGUMENTS+8(%rbx), %rsi
        movq    CALL_ARGUMENTS+16(%rbx), %rdx
        movq    CALL_ARGUMENTS+24(%rbx), %r10
        movq    CALL_ARGUMENTS+32(%rbx), %r8
        syscall
        testq   %rax, %rax
        jz      1f
        popq    %rbx
        .cfi_remember_state
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rbx
        ret

1:      .cfi_restore_state
        /* The outermost frame. */
        .cfi_undefined %rip
        xorl    %ebp, %ebp
        andq    $-16, %rsp
        movq    CALL_DATA(%rbx), %rdi
        call    *CALL_FUNCTION(%rbx)
        movl    %eax, %edi
        movl    $__NR_exit_group, %eax
        syscall
        ud2
        .cfi_endproc
        .size   _gspawn_clone_enter, . - _gspawn_clone_enter

        .section .note.GNU-stack, "", @progbits
