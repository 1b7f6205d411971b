/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * System calls that go straight to the kernel and return −errno. libc's wrappers set errno, which a
 * child that shares memory shares with a thread of its parent, may be cancellation points, and for
 * signals 32 and 33 do not do what they are told. */
#pragma once

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__) && defined(__LP64__)

static inline long
sys_call (long number, long a, long b, long c, long d, long e)
{
  register long r10 __asm__ ("r10") = d;
  register long r8 __asm__ ("r8") = e;
  long result;

  __asm__ volatile ("syscall"
                    : "=a" (result)
                    : "a" (number), "D" (a), "S" (b), "d" (c), "r" (r10), "r" (r8)
                    : "rcx", "r11", "memory");
  return result;
}

#elif defined(__aarch64__)

static inline long
sys_call (long number, long a, long b, long c, long d, long e)
{
  register long x8 __asm__ ("x8") = number;
  register long x0 __asm__ ("x0") = a;
  register long x1 __asm__ ("x1") = b;
  register long x2 __asm__ ("x2") = c;
  register long x3 __asm__ ("x3") = d;
  register long x4 __asm__ ("x4") = e;

  __asm__ volatile ("svc 0"
                    : "+r" (x0)
                    : "r" (x8), "r" (x1), "r" (x2), "r" (x3), "r" (x4)
                    : "memory");
  return x0;
}

#elif defined(__riscv) && __riscv_xlen == 64

static inline long
sys_call (long number, long a, long b, long c, long d, long e)
{
  register long a7 __asm__ ("a7") = number;
  register long a0 __asm__ ("a0") = a;
  register long a1 __asm__ ("a1") = b;
  register long a2 __asm__ ("a2") = c;
  register long a3 __asm__ ("a3") = d;
  register long a4 __asm__ ("a4") = e;

  __asm__ volatile ("ecall"
                    : "+r" (a0)
                    : "r" (a7), "r" (a1), "r" (a2), "r" (a3), "r" (a4)
                    : "memory");
  return a0;
}

#else

/* Good enough where the caller stands still until its child has executed: libc's entry into a child
 * makes no other kind. */
static inline long
sys_call (long number, long a, long b, long c, long d, long e)
{
  long result = syscall (number, a, b, c, d, e);

  return result == -1 ? -errno : result;
}

#endif

#define sys_call0(number)          sys_call (number, 0, 0, 0, 0, 0)
#define sys_call1(number, a)       sys_call (number, (long) (a), 0, 0, 0, 0)
#define sys_call2(number, a, b)    sys_call (number, (long) (a), (long) (b), 0, 0, 0)
#define sys_call3(number, a, b, c) sys_call (number, (long) (a), (long) (b), (long) (c), 0, 0)
#define sys_call4(number, a, b, c, d) \
  sys_call (number, (long) (a), (long) (b), (long) (c), (long) (d), 0)

/* The kernel's own signal set, which knows all the signals. */
typedef struct {
  unsigned long bits[_NSIG / (8 * sizeof (long))];
} SysSignalSet;

/* Room for every layout that an architecture of Linux has: the handler and flags, what may be a
 * restorer, the mask. All zero is the default action. */
typedef struct {
  unsigned long words[3 + sizeof (SysSignalSet) / sizeof (long)];
} SysSignalAction;

#if defined(__mips__)
#define SYS_SIGNAL_HANDLER_WORD 1
#else
#define SYS_SIGNAL_HANDLER_WORD 0
#endif

#define SYS_SIGNAL_ACTION_IGNORE { .words[SYS_SIGNAL_HANDLER_WORD] = (unsigned long) SIG_IGN }

static inline bool
sys_signal_is_ignored (const SysSignalAction *action)
{
  return action->words[SYS_SIGNAL_HANDLER_WORD] == (unsigned long) SIG_IGN;
}

#define SYS_BITS_PER_WORD ((int) (8 * sizeof (long)))

static inline bool
sys_signal_set_has (const SysSignalSet *set,
                    int                 number)
{
  return (set->bits[(number - 1) / SYS_BITS_PER_WORD] >> (number - 1) % SYS_BITS_PER_WORD & 1) != 0;
}

static inline void
sys_signal_set_add (SysSignalSet *set,
                    int           number)
{
  set->bits[(number - 1) / SYS_BITS_PER_WORD] |= 1ul << (number - 1) % SYS_BITS_PER_WORD;
}

static inline long
sys_set_signal_mask (const SysSignalSet *set,
                     SysSignalSet       *old)
{
  return sys_call4 (SYS_rt_sigprocmask, SIG_SETMASK, set, old, sizeof (SysSignalSet));
}

static inline long
sys_block_signals (SysSignalSet *old)
{
  SysSignalSet all;

  for (unsigned int i = 0; i < sizeof all.bits / sizeof all.bits[0]; i++)
    all.bits[i] = ~0ul;

  return sys_set_signal_mask (&all, old);
}
