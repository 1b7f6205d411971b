/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * How a process that shares the caller's memory is asked for, and how it is known that it has left
 * that memory. */
#include "config.h"

#include "gspawn-clone-private.h"
#include "gspawn-engine-private.h"

#include <linux/futex.h>
#include <stddef.h>
#include <sys/wait.h>
#include <time.h>

/* How long to trust the kernel to tell us of the child's exec before we look ourselves. */
#define RELEASE_TIMEOUT_NS (100 * 1000 * 1000)

/* The entries in assembly count on it. */
G_STATIC_ASSERT (GSPAWN_CLONE_ENTRY_IS_LIBC || sizeof (long) == 8);
G_STATIC_ASSERT (GSPAWN_CLONE_ENTRY_IS_LIBC || offsetof (GSpawnCloneCall, arguments) == 8);
G_STATIC_ASSERT (GSPAWN_CLONE_ENTRY_IS_LIBC || offsetof (GSpawnCloneCall, function) == 48);
G_STATIC_ASSERT (GSPAWN_CLONE_ENTRY_IS_LIBC || offsetof (GSpawnCloneCall, data) == 56);

/* The order of the last two arguments of clone() depends on the machine. */
static void
init_legacy_arguments (GSpawnCloneCall *call)
{
  const struct clone_args *args = &call->clone_args;

  call->number = SYS_clone;
  call->arguments[0] = args->flags | args->exit_signal;
  call->arguments[1] = args->stack + args->stack_size;
  /* A descriptor comes by the same way as a number does, and one of both can. A kernel that knows no
   * descriptors sets nothing. */
  if ((args->flags & CLONE_PARENT_SETTID) != 0)
    call->arguments[0] &= ~(unsigned long) CLONE_PIDFD;
  call->arguments[2] = (call->arguments[0] & CLONE_PIDFD) != 0 ? args->pidfd : args->parent_tid;
  call->arguments[GSPAWN_CLONE_CHILD_TID_INDEX] = args->child_tid;
}

/* Fills in what depends on the kind of call and on the stack, of which a slot has two. */
void
_gspawn_clone_call_init (GSpawnCloneCall       *call,
                         GSpawnCloneKind        kind,
                         const GSpawnCloneSlot *slot,
                         int                    stack)
{
  struct clone_args *args = &call->clone_args;

  args->stack = (gsize) slot->stacks[stack];
  args->stack_size = slot->stack_size;
  if ((args->flags & CLONE_CHILD_CLEARTID) != 0)
    args->child_tid = (gsize) &slot->alive;

  if (kind == GSPAWN_CLONE_CLONE3)
    {
      args->flags |= CLONE_CLEAR_SIGHAND;
      call->number = SYS_clone3;
      call->arguments[0] = (gsize) args;
      call->arguments[1] = sizeof *args;
    }
  else
    init_legacy_arguments (call);
}

static gboolean
child_is_gone (pid_t pid)
{
  siginfo_t info = { 0 };

  if (waitid (P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0)
    return info.si_pid == pid;

  return kill (pid, 0) < 0 && errno == ESRCH;
}

/* The kernel clears the word when the child has left our memory, by exec or by death. A caller that
 * waits for its child finds that done, unless a debugger let it go early. The wait is the shared
 * kind, for the kernel's wake is. @pid is 0 if its number is of another namespace than ours, where
 * it says nothing. */
void
_gspawn_clone_wait_until_released (GSpawnCloneSlot *slot,
                                   pid_t            pid)
{
  const struct timespec timeout = { .tv_nsec = RELEASE_TIMEOUT_NS };

  while (g_atomic_int_get (&slot->alive) != 0)
    if (sys_call4 (SYS_futex, &slot->alive, FUTEX_WAIT, 1, &timeout) == -ETIMEDOUT &&
        pid > 0 && child_is_gone (pid))
      break;
}

/* A child without an exit signal of its own is seen by no handler and by no wait for just any child,
 * and gets SIGCHLD by exec: one that is still told apart here has not come so far, and is reaped. */
gboolean
_gspawn_clone_died_before_exec (pid_t pid)
{
  long result = sys_call4 (SYS_wait4, pid, NULL, WNOHANG | __WCLONE, NULL);

  if (result == 0)
    _gspawn_reap (pid);

  return result >= 0;
}
