/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * The native engine of Linux: a child that shares the caller's memory until it executes the
 * program, so that its making costs the same whatever the caller has mapped.
 *
 * The caller's thread stands still from the child's birth to its exec, with every signal blocked:
 * no handler can run on the child's side, and a change of user ids in another thread, which has to
 * interrupt us first, cannot come in between. */
#include "config.h"

#include "gspawn-clone-private.h"
#include "gspawn-engine-private.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

/* A page would do for the code of ours; the dynamic linker, a profiler or a sanitizer may want to
 * store all the vector registers, or count in a frame of theirs. */
#define STACK_SIZE (32 * 1024)

/* How long to trust the kernel to tell us of the child's exec before we look ourselves. */
#define RELEASE_TIMEOUT_NS (100 * 1000 * 1000)

typedef enum {
  CLONE_UNPROBED,
  CLONE_UNAVAILABLE,
  CLONE_LEGACY,
  CLONE_CLONE3,
} CloneKind;

/**
 * Slot:
 * @base: start of one mapping: guard, stack, guard, stack
 * @alive: not zero from the making of the program's process until it has left our memory
 *
 * The memory of one launch, kept per thread. To fault a new stack in costs as much as half the
 * rest of a launch.
 */
typedef struct {
  char *base;
  gsize guard_size;
  gsize stack_size;
  int alive;
} Slot;

static void slot_free (gpointer data);

static GPrivate slot_key = G_PRIVATE_INIT (slot_free);

static gsize
slot_size (const Slot *slot)
{
  return 2 * (slot->guard_size + slot->stack_size);
}

static void
slot_free (gpointer data)
{
  Slot *slot = data;

  if (slot->base != NULL)
    munmap (slot->base, slot_size (slot));
  g_free (slot);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Slot, slot_free)

static char *
slot_stack (const Slot *slot,
            int         index)
{
  return slot->base + slot->guard_size + index * (slot->guard_size + slot->stack_size);
}

/* Returns NULL with errno set. */
static Slot *
slot_new (void)
{
  gsize page_size = (gsize) sysconf (_SC_PAGESIZE);
  g_autoptr (Slot) slot = g_new0 (Slot, 1);
  char *base;

  slot->guard_size = page_size;
  slot->stack_size = MAX (STACK_SIZE, page_size);

  base = mmap (NULL, slot_size (slot), PROT_NONE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED)
    return NULL;
  slot->base = base;

  for (int i = 0; i < 2; i++)
    if (mprotect (slot_stack (slot, i), slot->stack_size, PROT_READ | PROT_WRITE) < 0)
      {
        int saved_errno = errno;

        g_clear_pointer (&slot, slot_free);
        errno = saved_errno;
        return NULL;
      }

  return g_steal_pointer (&slot);
}

/* Returns NULL with errno set. */
static Slot *
slot_get (void)
{
  Slot *slot = g_private_get (&slot_key);

  if (slot == NULL && (slot = slot_new ()) != NULL)
    g_private_set (&slot_key, slot);

  return slot;
}

/* The order of the last two arguments of clone() depends on the machine. */
static void
init_legacy_arguments (GSpawnCloneCall *call)
{
  const struct clone_args *args = &call->clone_args;

  call->number = SYS_clone;
  call->arguments[0] = args->flags | args->exit_signal;
  call->arguments[1] = args->stack + args->stack_size;
  call->arguments[2] = args->parent_tid;
  call->arguments[GSPAWN_CLONE_CHILD_TID_INDEX] = args->child_tid;
}

static void
init_call (GSpawnCloneCall *call,
           CloneKind        kind,
           const Slot      *slot,
           int              stack)
{
  struct clone_args *args = &call->clone_args;

  args->stack = (gsize) slot_stack (slot, stack);
  args->stack_size = slot->stack_size;
  if ((args->flags & CLONE_CHILD_CLEARTID) != 0)
    args->child_tid = (gsize) &slot->alive;

  if (kind == CLONE_CLONE3)
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
 * kind, for the kernel's wake is. */
static void
wait_until_released (Slot  *slot,
                     pid_t  pid)
{
  const struct timespec timeout = { .tv_nsec = RELEASE_TIMEOUT_NS };

  while (g_atomic_int_get (&slot->alive) != 0)
    if (sys_call4 (SYS_futex, &slot->alive, FUTEX_WAIT, 1, &timeout) == -ETIMEDOUT &&
        child_is_gone (pid))
      break;
}

/* Blocks whatever the child's exit signal and WNOHANG would have left behind. A caller that ignores
 * SIGCHLD, or waits for every child in another thread, has had it reaped before us. */
static void
reap (pid_t pid)
{
  while (sys_call4 (SYS_wait4, pid, NULL, __WALL, NULL) == -EINTR)
    ;
}

static gboolean
launch_waited (GSpawnChild      *child,
               CloneKind         kind,
               Slot             *slot,
               GPid             *pid,
               GSpawnFailure    *failure)
{
  GSpawnCloneCall call = {
    .function = _gspawn_clone_child_main,
    .data = child,
    .clone_args = { .flags = CLONE_VM | CLONE_VFORK | CLONE_CHILD_CLEARTID,
                    .exit_signal = SIGCHLD },
  };
  long result;

  init_call (&call, kind, slot, 0);
  slot->alive = 1;
  result = _gspawn_clone_enter (&call);
  if (result < 0)
    return _gspawn_failure_set (failure, GSPAWN_STAGE_PROCESS, (int) -result);

  wait_until_released (slot, (pid_t) result);
  if (child->failure.stage != GSPAWN_STAGE_NONE)
    {
      reap ((pid_t) result);
      *failure = child->failure;
      return FALSE;
    }

  *pid = (GPid) result;
  return TRUE;
}

/* A process in the middle makes the program's and ends. Without an exit signal no handler and no
 * wait for just any child in another thread gets to see it. */
static gboolean
launch_reaped (GSpawnChild      *child,
               CloneKind         kind,
               Slot             *slot,
               GPid             *pid,
               GSpawnFailure    *failure)
{
  GSpawnMiddle middle = {
    .call = {
      .function = _gspawn_clone_orphan_main,
      .data = child,
      .clone_args = { .flags = CLONE_VM | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID,
                      .parent_tid = (gsize) &middle.pid,
                      .exit_signal = SIGCHLD },
    },
    .error_number = ECHILD,
  };
  GSpawnCloneCall call = {
    .function = _gspawn_clone_middle_main,
    .data = &middle,
    .clone_args = { .flags = CLONE_VM | CLONE_VFORK },
  };
  long result;

  init_call (&middle.call, kind, slot, 1);
  init_call (&call, kind, slot, 0);
  slot->alive = 1;
  result = _gspawn_clone_enter (&call);
  if (result < 0)
    return _gspawn_failure_set (failure, GSPAWN_STAGE_PROCESS, (int) -result);

  /* The kernel has noted the pid before the process could run: even if the one in the middle was
   * killed, nobody is left behind in our memory. */
  if (middle.pid > 0)
    wait_until_released (slot, middle.pid);
  reap ((pid_t) result);

  if (middle.pid == 0)
    return _gspawn_failure_set (failure, GSPAWN_STAGE_SECOND_PROCESS, middle.error_number);
  if (child->failure.stage != GSPAWN_STAGE_NONE)
    {
      *failure = child->failure;
      return FALSE;
    }

  *pid = middle.pid;
  return TRUE;
}

/* Runs the probe's function in a child of @kind. */
static long
enter_probe (CloneKind    kind,
             const Slot  *slot,
             guint64      more_flags,
             int         *shared)
{
  GSpawnCloneCall call = {
    .function = _gspawn_clone_probe_main,
    .data = shared,
    .clone_args = { .flags = CLONE_VM | CLONE_VFORK | more_flags },
  };
  SysSignalSet old;
  long result;

  /* No descriptor has this number, so that no process is made where the kernel knows the flag. */
  if ((more_flags & CLONE_INTO_CGROUP) != 0)
    call.clone_args.cgroup = INT_MAX;

  init_call (&call, kind, slot, 0);
  sys_block_signals (&old);
  result = _gspawn_clone_enter (&call);
  if (result > 0)
    reap ((pid_t) result);
  sys_set_signal_mask (&old, NULL);

  return result;
}

/* Sandboxes forbid clone3(), whose flags they cannot see, or clone(); emulators and valgrind let
 * both pass and copy the memory. So what counts is what happens, not what version says so. */
static CloneKind
probe (int *error_number)
{
  CloneKind kind = CLONE_LEGACY;
  const Slot *slot = slot_get ();
  int shared = 0;
  long result;

  if (slot == NULL)
    {
      *error_number = errno;
      return CLONE_UNPROBED;
    }

  if (!GSPAWN_CLONE_ENTRY_IS_LIBC &&
      enter_probe (CLONE_CLONE3, slot, CLONE_INTO_CGROUP, &shared) == -EBADF)
    kind = CLONE_CLONE3;

  result = enter_probe (kind, slot, 0, &shared);
  /* No room for a process just now: that says nothing of the next time. */
  if (result == -EAGAIN || result == -ENOMEM)
    {
      *error_number = (int) -result;
      return CLONE_UNPROBED;
    }

  return result > 0 && shared ? kind : CLONE_UNAVAILABLE;
}

/* Sets @error_number where the kind is not known. */
static CloneKind
clone_kind (int *error_number)
{
  static int cached = CLONE_UNPROBED;
  CloneKind kind = g_atomic_int_get (&cached);

  if (kind == CLONE_UNPROBED)
    {
      kind = probe (error_number);
      g_atomic_int_set (&cached, kind);
    }

  return kind;
}

gboolean
_gspawn_clone_probe (const char **detail)
{
  static const char *const details[] = {
    [CLONE_UNPROBED] = "not probed, for there was no room for a process",
    [CLONE_UNAVAILABLE] = "clone() is forbidden here, or its children do not share memory",
    [CLONE_LEGACY] = "clone(), signal handlers reset one by one",
    [CLONE_CLONE3] = "clone3(), signal handlers reset by the kernel",
  };
  int error_number;
  CloneKind kind = clone_kind (&error_number);

  *detail = details[kind];

  return kind != CLONE_UNAVAILABLE;
}

gboolean
_gspawn_clone_launch (const GSpawnPlan *plan,
                      GPid             *pid,
                      GSpawnFailure    *failure)
{
  int error_number = 0;
  CloneKind kind = clone_kind (&error_number);
  GSpawnChild child;
  Slot *slot;
  gboolean launched;

  if (kind == CLONE_UNPROBED)
    return _gspawn_failure_set (failure, GSPAWN_STAGE_PROCESS, error_number);

  slot = slot_get ();
  if (slot == NULL)
    return _gspawn_failure_set (failure, GSPAWN_STAGE_PROCESS, errno);

  _gspawn_child_init (&child, plan);
  child.handlers_cleared = kind == CLONE_CLONE3;

  sys_block_signals (&child.signal_mask);
  if ((plan->needs & GSPAWN_NEED_REAP) != 0)
    launched = launch_reaped (&child, kind, slot, pid, failure);
  else
    launched = launch_waited (&child, kind, slot, pid, failure);
  sys_set_signal_mask (&child.signal_mask, NULL);

  _gspawn_child_clear (&child);

  return launched;
}
