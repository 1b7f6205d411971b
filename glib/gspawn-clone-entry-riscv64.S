/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * long _gspawn_clone_enter (const GSpawnCloneCall *call)
 *
 * The child begins on its own stack with nothing of the caller's frame but the registers, calls its
 * function and ends in exit_group: it must not return. */
#include <asm/unistd.h>

#define CALL_NUMBER    0
#define CALL_ARGUMENTS 8
#define CALL_FUNCTION  48
#define CALL_DATA      56

        .text
        .globl  _gspawn_clone_enter
        .hidden _gspawn_clone_enter
        .type   _gspawn_clone_enter, @function
        .p2align 2
_gspawn_clone_enter:
        .cfi_startproc
        mv      t0, a0
        ld      a7, CALL_NUMBER(t0)
        ld      a0, CALL_ARGUMENTS(t0)
        ld      a1, CALL_ARGUMENTS+8(t0)
        ld      a2, CALL_ARGUMENTS+16(t0)
        ld      a3, CALL_ARGUMENTS+24(t0)
        ld      a4, CALL_ARGUMENTS+32(t0)
        ecall
        beqz    a0, 1f
        ret

        /* The outermost frame. */
1:      .cfi_undefined ra
        li      s0, 0
        li      ra, 0
        ld      t1, CALL_FUNCTION(t0)
        ld      a0, CALL_DATA(t0)
        jalr    t1
        li      a7, __NR_exit_group
        ecall
        ebreak
        .cfi_endproc
        .size   _gspawn_clone_enter, . - _gspawn_clone_enter

        .section .note.GNU-stack, "", @progbits
