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
#include <stddef.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

/* A page would do for the code of ours; the dynamic linker, a profiler or a sanitizer may want to
 * store all the vector registers, or count in a frame of theirs. */
#define STACK_SIZE (32 * 1024)

/* On the caller's own stack, where the kernel has no memory to give: what must do for the code of
 * ours, and does not fill the smallest stack that a thread can have. */
#define LOCAL_STACK_SIZE (4 * 1024)

/* How long to trust the kernel to tell us of the child's exec before we look ourselves. */
#define RELEASE_TIMEOUT_NS (100 * 1000 * 1000)

/* The program's process below the one in the middle, which does not wait for it unless it runs code
 * of libc's that minds. */
#if GSPAWN_CLONE_ENTRY_IS_LIBC
#define ORPHAN_FLAGS (CLONE_VM | CLONE_VFORK | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)
#else
#define ORPHAN_FLAGS (CLONE_VM | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)
#endif

typedef enum {
  CLONE_UNPROBED,
  CLONE_UNAVAILABLE,
  CLONE_LEGACY,
  CLONE_CLONE3,
} CloneKind;

/**
 * Slot:
 * @base: the mapping that the stacks are in: guard, stack, guard, stack
 * @size: its size
 * @stacks: the lowest address of each
 * @stack_size: the size of each
 * @alive: not zero from the making of the program's process until it has left our memory
 *
 * The memory of one launch, kept per thread. To fault a new stack in costs as much as half the
 * rest of a launch.
 */
typedef struct {
  char *base;
  gsize size;
  char *stacks[2];
  gsize stack_size;
  int alive;
} Slot;

/* The entries in assembly count on it. */
G_STATIC_ASSERT (GSPAWN_CLONE_ENTRY_IS_LIBC || sizeof (long) == 8);
G_STATIC_ASSERT (GSPAWN_CLONE_ENTRY_IS_LIBC || offsetof (GSpawnCloneCall, arguments) == 8);
G_STATIC_ASSERT (GSPAWN_CLONE_ENTRY_IS_LIBC || offsetof (GSpawnCloneCall, function) == 48);
G_STATIC_ASSERT (GSPAWN_CLONE_ENTRY_IS_LIBC || offsetof (GSpawnCloneCall, data) == 56);

static void
slot_free (gpointer data)
{
  Slot *slot = data;

  munmap (slot->base, slot->size);
  g_free (slot);
}

static GPrivate slot_key = G_PRIVATE_INIT (slot_free);

/* Returns NULL if the kernel has no memory to give. */
static Slot *
slot_new (void)
{
  gsize guard_size = (gsize) sysconf (_SC_PAGESIZE);
  gsize stack_size = MAX (STACK_SIZE, guard_size);
  gsize size = 2 * (guard_size + stack_size);
  char *base = mmap (NULL, size, PROT_NONE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
  char *first, *second;
  Slot *slot;

  if (base == MAP_FAILED)
    return NULL;

  first = base + guard_size;
  second = first + stack_size + guard_size;
  if (mprotect (first, stack_size, PROT_READ | PROT_WRITE) < 0 ||
      mprotect (second, stack_size, PROT_READ | PROT_WRITE) < 0)
    {
      munmap (base, size);
      return NULL;
    }

  slot = g_new (Slot, 1);
  *slot = (Slot) { .base = base, .size = size, .stacks = { first, second },
                   .stack_size = stack_size };

  return slot;
}

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
  call->arguments[0] = args->flags;
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

  args->stack = (gsize) slot->stacks[stack];
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
 * kind, for the kernel's wake is. @pid is 0 if its number is of another namespace than ours, where
 * it says nothing. */
static void
wait_until_released (Slot  *slot,
                     pid_t  pid)
{
  const struct timespec timeout = { .tv_nsec = RELEASE_TIMEOUT_NS };

  while (g_atomic_int_get (&slot->alive) != 0)
    if (sys_call4 (SYS_futex, &slot->alive, FUTEX_WAIT, 1, &timeout) == -ETIMEDOUT &&
        pid > 0 && child_is_gone (pid))
      break;
}

/* A child without an exit signal of its own is seen by no handler and by no wait for just any child,
 * and gets SIGCHLD by exec: one that is still told apart here has not come so far, and is reaped. */
static gboolean
died_before_exec (pid_t pid)
{
  long result = sys_call4 (SYS_wait4, pid, NULL, WNOHANG | __WCLONE, NULL);

  if (result == 0)
    _gspawn_reap (pid);

  return result >= 0;
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
    .clone_args = { .flags = CLONE_VM | CLONE_VFORK | CLONE_CHILD_CLEARTID },
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
      _gspawn_reap ((pid_t) result);
      *failure = child->failure;
      return FALSE;
    }
  if (died_before_exec ((pid_t) result))
    return _gspawn_failure_set (failure, GSPAWN_STAGE_REPORT, ECHILD);

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
      .clone_args = { .flags = ORPHAN_FLAGS,
                      .parent_tid = (gsize) &middle.pid },
    },
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
    wait_until_released (slot, middle.is_foreign ? 0 : middle.pid);
  _gspawn_reap ((pid_t) result);

  if (middle.error_number != 0)
    return _gspawn_failure_set (failure, GSPAWN_STAGE_SECOND_PROCESS, middle.error_number);
  if (middle.pid == 0)
    return _gspawn_failure_set (failure, GSPAWN_STAGE_REPORT, ECHILD);
  if (child->failure.stage != GSPAWN_STAGE_NONE)
    {
      /* If we are whom orphans are given to, it is ours after all. One of another PID namespace
       * is given to somebody there. */
      if (!middle.is_foreign)
        _gspawn_reap (middle.pid);
      *failure = child->failure;
      return FALSE;
    }

  *pid = middle.pid;
  return TRUE;
}

/* Runs the probe's function in a child of @kind, whose wait status goes to @status. */
static long
enter_probe (CloneKind    kind,
             const Slot  *slot,
             guint64      more_flags,
             int         *shared,
             int         *status)
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
    *status = _gspawn_reap ((pid_t) result);
  sys_set_signal_mask (&old, NULL);

  return result;
}

/* Sandboxes forbid clone3(), whose flags they cannot see, or clone(); emulators and valgrind let
 * both pass and copy the memory. So what counts is what happens, not what version says so. */
static CloneKind
probe (const Slot *slot,
       int        *error_number)
{
  CloneKind kind = GSPAWN_CLONE_ENTRY_IS_LIBC ? CLONE_LEGACY : CLONE_CLONE3;
  int shared = FALSE;
  int status = 0;
  long result;

  if (_gspawn_next_child_is_init ())
    return kind;

  if (kind == CLONE_CLONE3 &&
      enter_probe (kind, slot, CLONE_INTO_CGROUP, &shared, &status) != -EBADF)
    kind = CLONE_LEGACY;

  result = enter_probe (kind, slot, 0, &shared, &status);
  /* No room for a process just now, or somebody killed it: that says nothing of the next time. */
  *error_number = result < 0 ? (int) -result : EAGAIN;
  if (result == -EAGAIN || result == -ENOMEM || status != 0)
    return CLONE_UNPROBED;

  return result > 0 && shared ? kind : CLONE_UNAVAILABLE;
}

static int cached_kind = CLONE_UNPROBED;

/* Sets @error_number to why nothing can be launched, if that is so. */
static CloneKind
get_kind (const Slot *slot,
          int        *error_number)
{
  CloneKind kind = g_atomic_int_get (&cached_kind);

  *error_number = ENOSYS;
  if (kind == CLONE_UNPROBED)
    {
      kind = probe (slot, error_number);
      g_atomic_int_set (&cached_kind, kind);
    }

  return kind;
}

static gboolean
launch_as (CloneKind         kind,
           const GSpawnPlan *plan,
           Slot             *slot,
           GPid             *pid,
           GSpawnFailure    *failure)
{
  GSpawnChild child;
  gboolean launched;

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

/* A sandbox, rather than a want of anything, has kept a process from being made. */
static gboolean
is_refusal (const GSpawnFailure *failure)
{
  if (failure->stage != GSPAWN_STAGE_PROCESS && failure->stage != GSPAWN_STAGE_SECOND_PROCESS)
    return FALSE;

  switch (failure->error_number)
    {
    case ENOSYS:
    case EPERM:
    case EINVAL:
    case E2BIG:
    case EOPNOTSUPP:
      return TRUE;
    default:
      return FALSE;
    }
}

/* The caller may have entered a sandbox since the probe. There is no process yet then, so the older
 * call can be tried; if that is refused, too, the next request goes to another engine. */
static gboolean
launch_in (Slot             *slot,
           const GSpawnPlan *plan,
           GPid             *pid,
           GSpawnFailure    *failure)
{
  int error_number;
  CloneKind kind = get_kind (slot, &error_number);

  /* The router may not have known it: a probe wants memory, too. */
  if (kind == CLONE_UNPROBED || kind == CLONE_UNAVAILABLE)
    return _gspawn_failure_set (failure, GSPAWN_STAGE_PROCESS, error_number);

  for (;;)
    {
      if (launch_as (kind, plan, slot, pid, failure))
        return TRUE;
      if (!is_refusal (failure))
        return FALSE;

      kind = kind == CLONE_CLONE3 ? CLONE_LEGACY : CLONE_UNAVAILABLE;
      g_atomic_int_set (&cached_kind, kind);
      if (kind == CLONE_UNAVAILABLE)
        return FALSE;
    }
}

/* For a thread's first launch when there is no memory to be mapped: we stand still while the
 * children run, so they can do so on a part of our own stack. */
static G_GNUC_NO_INLINE gboolean
launch_on_own_stack (const GSpawnPlan *plan,
                     GPid             *pid,
                     GSpawnFailure    *failure)
{
  _Alignas (16) char stacks[2][LOCAL_STACK_SIZE];
  Slot slot = { .stacks = { stacks[0], stacks[1] }, .stack_size = LOCAL_STACK_SIZE };

  return launch_in (&slot, plan, pid, failure);
}

gboolean
_gspawn_clone_probe (const char  **detail,
                     GSpawnNeeds  *lacks)
{
  static const char *const details[] = {
    [CLONE_UNPROBED] = "not probed, for there was no room for a process",
    [CLONE_UNAVAILABLE] = "clone() is forbidden here, or its children do not share memory",
    [CLONE_LEGACY] = "clone(), signal handlers reset one by one",
    [CLONE_CLONE3] = "clone3(), signal handlers reset by the kernel",
  };
  const Slot *slot = slot_get ();
  int error_number;
  /* Without memory to probe in, what is known already holds, and the launch finds out the rest. */
  CloneKind kind = slot != NULL ? get_kind (slot, &error_number)
                                : (CloneKind) g_atomic_int_get (&cached_kind);

  *detail = details[kind];
  *lacks = 0;

  return kind != CLONE_UNAVAILABLE;
}

gboolean
_gspawn_clone_launch (const GSpawnPlan *plan,
                      GPid             *pid,
                      GSpawnFailure    *failure)
{
  Slot *slot = slot_get ();

  return slot != NULL ? launch_in (slot, plan, pid, failure)
                      : launch_on_own_stack (plan, pid, failure);
}
