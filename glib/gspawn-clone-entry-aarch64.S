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
        .type   _gspawn_clone_enter, %function
        .p2align 4
_gspawn_clone_enter:
        .cfi_startproc
        /* bti c, a hint that older processors pass over. */
        hint    #34
        mov     x9, x0
        ldr     x8, [x9, CALL_NUMBER]
        ldp     x0, x1, [x9, CALL_ARGUMENTS]
        ldp     x2, x3, [x9, CALL_ARGUMENTS + 16]
        ldr     x4, [x9, CALL_ARGUMENTS + 32]
        svc     0
        cbz     x0, 1f
        ret

        /* The outermost frame. */
1:      .cfi_undefined x30
        mov     x29, 0
        mov     x30, 0
        ldr     x10, [x9, CALL_FUNCTION]
        ldr     x0, [x9, CALL_DATA]
        blr     x10
        mov     x8, __NR_exit_group
        svc     0
        brk     1
        .cfi_endproc
        .size   _gspawn_clone_enter, . - _gspawn_clone_enter

#if defined(__ARM_FEATURE_BTI_DEFAULT) || defined(__ARM_FEATURE_PAC_DEFAULT)
        /* Says that every indirect target here has its landing pad, and that no return address is
         * stored unsigned, for none is stored. A library has what all its parts say. */
        .section .note.gnu.property, "a"
        .p2align 3
        .word   4
        .word   16
        .word   5
        .asciz  "GNU"
        .word   0xc0000000
        .word   4
        .word   3
        .word   0
#endif

        .section .note.GNU-stack, "", %progbits
