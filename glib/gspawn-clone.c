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

#include "gspawn-clone-credentials-private.h"
#include "gspawn-clone-private.h"
#include "gspawn-engine-private.h"
#include "gspawn-fd-private.h"

#include <limits.h>
#include <linux/futex.h>
#include <linux/magic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>

/* On the caller's own stack, where the kernel has no memory to give: what must do for the code of
 * ours, and does not fill the smallest stack that a thread can have. */
#define LOCAL_STACK_SIZE (4 * 1024)

/* Since 7.1: the child has no new privileges from its birth on. */
#ifndef CLONE_NNP
#define CLONE_NNP (1ull << 35)
#endif

/* The program's process below the one in the middle, which does not wait for it unless it runs code
 * of libc's that minds. */
#if GSPAWN_CLONE_ENTRY_IS_LIBC
#define ORPHAN_FLAGS (CLONE_VM | CLONE_VFORK | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)
#else
#define ORPHAN_FLAGS (CLONE_VM | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)
#endif

static gboolean
is_born_with (const GSpawnChild *child,
              GSpawnAttribute    attribute)
{
  return (child->attributes.born_with & 1u << attribute) != 0;
}

static void
init_birth (GSpawnCloneCall   *call,
            const GSpawnChild *child)
{
  if (is_born_with (child, GSPAWN_ATTRIBUTE_CGROUP))
    {
      call->clone_args.flags |= CLONE_INTO_CGROUP;
      call->clone_args.cgroup = child->attributes.held_fds[GSPAWN_HELD_CGROUP];
    }
  if (is_born_with (child, GSPAWN_ATTRIBUTE_NO_NEW_PRIVILEGES))
    call->clone_args.flags |= CLONE_NNP;
}

static void
init_numbers (GSpawnCloneCall  *call,
              const GSpawnPlan *plan,
              int              *pidfd)
{
  if (plan->wants_pidfd)
    {
      call->clone_args.flags |= CLONE_PIDFD;
      call->clone_args.pidfd = (gsize) pidfd;
    }
  if (plan->made != NULL)
    {
      call->clone_args.flags |= CLONE_PARENT_SETTID;
      call->clone_args.parent_tid = (gsize) &plan->made->pid;
    }
}

static gboolean
has_attribute (const GSpawnChild *child,
               GSpawnAttribute    attribute)
{
  return gspawn_attributes_contain (child->plan->attributes, attribute);
}

static gboolean
launch_waited (GSpawnChild     *child,
               GSpawnCloneKind  kind,
               GSpawnCloneSlot *slot,
               GSpawnLaunched  *launched,
               GSpawnFailure   *failure)
{
  GSpawnCloneCall call = {
    .function = _gspawn_clone_child_main,
    .data = child,
    .clone_args = { .flags = CLONE_VM | CLONE_VFORK | CLONE_CHILD_CLEARTID },
  };
  int pidfd = -1;
  long result;

  init_birth (&call, child);
  init_numbers (&call, child->plan, &pidfd);
  _gspawn_clone_call_init (&call, kind, slot, 0);
  slot->alive = 1;
  result = _gspawn_clone_enter (&call);
  if (result < 0)
    return _gspawn_failure_set (failure, GSPAWN_STAGE_PROCESS, (int) -result);

  _gspawn_clone_wait_until_released (slot, (pid_t) result);
  _gspawn_made_forget (child->plan->made);
  if (child->failure.stage != GSPAWN_STAGE_NONE)
    {
      _gspawn_reap ((pid_t) result);
      _gspawn_fd_clear (&pidfd);
      *failure = child->failure;
      return FALSE;
    }
  if (_gspawn_clone_died_before_exec ((pid_t) result))
    {
      _gspawn_fd_clear (&pidfd);
      return _gspawn_failure_set (failure, GSPAWN_STAGE_REPORT, ECHILD);
    }

  *launched = (GSpawnLaunched) { (GPid) result, pidfd };
  return TRUE;
}

/* A process in the middle makes the program's and ends. Without an exit signal no handler and no
 * wait for just any child in another thread gets to see it. */
static gboolean
launch_reaped (GSpawnChild     *child,
               GSpawnCloneKind  kind,
               GSpawnCloneSlot *slot,
               GSpawnLaunched  *launched,
               GSpawnFailure   *failure)
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

  /* Only of a child that is waited for so does the kernel know that the memory is another one's: it
   * would give the caller the same score otherwise, and kill it, too, where the child has used up the
   * memory of its control group. */
  if (has_attribute (child, GSPAWN_ATTRIBUTE_OOM_SCORE) ||
      has_attribute (child, GSPAWN_ATTRIBUTE_CGROUP))
    middle.call.clone_args.flags |= CLONE_VFORK;
  init_birth (&middle.call, child);
  _gspawn_clone_call_init (&middle.call, kind, slot, 1);
  _gspawn_clone_call_init (&call, kind, slot, 0);
  slot->alive = 1;
  result = _gspawn_clone_enter (&call);
  if (result < 0)
    return _gspawn_failure_set (failure, GSPAWN_STAGE_PROCESS, (int) -result);

  /* The kernel has noted the pid before the process could run: even if the one in the middle was
   * killed, nobody is left behind in our memory. */
  if (middle.pid > 0)
    _gspawn_clone_wait_until_released (slot, middle.is_foreign ? 0 : middle.pid);
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

  launched->pid = middle.pid;
  return TRUE;
}

/* Runs the probe's function in a child of @kind, whose wait status goes to @status. */
static long
enter_probe (GSpawnCloneKind        kind,
             const GSpawnCloneSlot *slot,
             guint64                more_flags,
             int                   *shared,
             int                   *status)
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

  _gspawn_clone_call_init (&call, kind, slot, 0);
  sys_block_signals (&old);
  result = _gspawn_clone_enter (&call);
  if (result > 0)
    *status = _gspawn_reap ((pid_t) result);
  sys_set_signal_mask (&old, NULL);

  return result;
}

/* Whether clone3() knows these flags, and the one to be born in a control group. */
static gboolean
knows_flags (const GSpawnCloneSlot *slot,
             guint64                flags)
{
  int shared, status;

  return enter_probe (GSPAWN_CLONE_CLONE3, slot, CLONE_INTO_CGROUP | flags, &shared,
                      &status) == -EBADF;
}

static int knows_no_new_privileges = FALSE;

/* Sandboxes forbid clone3(), whose flags they cannot see, or clone(); emulators and valgrind let
 * both pass and copy the memory. So what counts is what happens, not what version says so. */
static GSpawnCloneKind
probe (const GSpawnCloneSlot *slot,
       int                   *error_number)
{
  GSpawnCloneKind kind = GSPAWN_CLONE_ENTRY_IS_LIBC ? GSPAWN_CLONE_LEGACY : GSPAWN_CLONE_CLONE3;
  int shared = FALSE;
  int status = 0;
  long result;

  if (_gspawn_next_child_is_init ())
    return kind;

  if (kind == GSPAWN_CLONE_CLONE3 && !knows_flags (slot, 0))
    kind = GSPAWN_CLONE_LEGACY;
  if (kind == GSPAWN_CLONE_CLONE3)
    g_atomic_int_set (&knows_no_new_privileges, knows_flags (slot, CLONE_NNP));

  result = enter_probe (kind, slot, 0, &shared, &status);
  /* No room for a process just now, or somebody killed it: that says nothing of the next time. */
  *error_number = result < 0 ? (int) -result : EAGAIN;
  if (result == -EAGAIN || result == -ENOMEM || status != 0)
    return GSPAWN_CLONE_UNPROBED;

  return result > 0 && shared ? kind : GSPAWN_CLONE_UNAVAILABLE;
}

static int cached_kind = GSPAWN_CLONE_UNPROBED;

GSpawnCloneKind
_gspawn_clone_get_kind (void)
{
  return (GSpawnCloneKind) g_atomic_int_get (&cached_kind);
}

/* Sets @error_number to why nothing can be launched, if that is so. */
static GSpawnCloneKind
get_kind (const GSpawnCloneSlot *slot,
          int                   *error_number)
{
  GSpawnCloneKind kind = g_atomic_int_get (&cached_kind);

  *error_number = ENOSYS;
  if (kind == GSPAWN_CLONE_UNPROBED)
    {
      kind = probe (slot, error_number);
      g_atomic_int_set (&cached_kind, kind);
    }

  return kind;
}

/* To move to a control group waits for the whole machine; to be born there does not. */
static gboolean
can_be_born_in_cgroup (GSpawnCloneKind    kind,
                       const GSpawnChild *child)
{
  struct statfs status;

  return kind == GSPAWN_CLONE_CLONE3 && has_attribute (child, GSPAWN_ATTRIBUTE_CGROUP) &&
         fstatfs (child->attributes.held_fds[GSPAWN_HELD_CGROUP], &status) == 0 &&
         status.f_type == CGROUP2_SUPER_MAGIC;
}

static guint
attributes_of_birth (GSpawnCloneKind    kind,
                     const GSpawnChild *child)
{
  guint attributes = 0;

  if (can_be_born_in_cgroup (kind, child))
    attributes |= 1u << GSPAWN_ATTRIBUTE_CGROUP;
  if (kind == GSPAWN_CLONE_CLONE3 && g_atomic_int_get (&knows_no_new_privileges) &&
      has_attribute (child, GSPAWN_ATTRIBUTE_NO_NEW_PRIVILEGES))
    attributes |= 1u << GSPAWN_ATTRIBUTE_NO_NEW_PRIVILEGES;

  return attributes;
}

static gboolean
launch_child (GSpawnChild     *child,
              GSpawnCloneKind  kind,
              GSpawnCloneSlot *slot,
              GSpawnLaunched  *launched,
              GSpawnFailure   *failure)
{
  gboolean reaps = (child->plan->needs & GSPAWN_NEED_REAP) != 0;
  GSpawnCredentialsChange change;
  SysSignalSet old;
  gboolean is_launched;

  sys_block_signals (&old);
  _gspawn_child_set_mask (child, &old);
  _gspawn_credentials_change_begin (&change, child);
  if (reaps)
    is_launched = launch_reaped (child, kind, slot, launched, failure);
  else
    is_launched = launch_waited (child, kind, slot, launched, failure);
  _gspawn_credentials_change_end (&change, is_launched && !reaps ? launched->pid : 0);
  sys_set_signal_mask (&old, NULL);

  return is_launched;
}

/* Whether the kernel would not make a process in the control group. */
static gboolean
is_cgroup_refusal (const GSpawnFailure *failure)
{
  return (failure->stage == GSPAWN_STAGE_PROCESS ||
          failure->stage == GSPAWN_STAGE_SECOND_PROCESS) &&
         failure->error_number != EAGAIN && failure->error_number != ENOMEM;
}

static gboolean
launch_as (GSpawnCloneKind   kind,
           const GSpawnPlan *plan,
           GSpawnCloneSlot  *slot,
           GSpawnLaunched   *launched,
           GSpawnFailure    *failure)
{
  GSpawnChild child;
  gboolean is_launched;

  _gspawn_child_init (&child, plan);
  child.handlers_cleared = kind == GSPAWN_CLONE_CLONE3;
  child.shares_memory = TRUE;
  child.attributes.born_with = attributes_of_birth (kind, &child);

  is_launched = launch_child (&child, kind, slot, launched, failure);
  if (!is_launched && is_born_with (&child, GSPAWN_ATTRIBUTE_CGROUP) &&
      is_cgroup_refusal (failure))
    {
      /* The child finds out whether it can move there, and is the one to say why it cannot. */
      child.attributes.born_with &= ~(1u << GSPAWN_ATTRIBUTE_CGROUP);
      is_launched = launch_child (&child, kind, slot, launched, failure);
    }

  _gspawn_child_clear (&child);

  return is_launched;
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
launch_in (GSpawnCloneSlot  *slot,
           const GSpawnPlan *plan,
           GSpawnLaunched   *launched,
           GSpawnFailure    *failure)
{
  int error_number;
  GSpawnCloneKind kind = get_kind (slot, &error_number);

  /* The router may not have known it: a probe wants memory, too. */
  if (kind == GSPAWN_CLONE_UNPROBED || kind == GSPAWN_CLONE_UNAVAILABLE)
    return _gspawn_failure_set (failure, GSPAWN_STAGE_PROCESS, error_number);

  for (;;)
    {
      if (launch_as (kind, plan, slot, launched, failure))
        return TRUE;
      if (!is_refusal (failure))
        return FALSE;

      kind = kind == GSPAWN_CLONE_CLONE3 ? GSPAWN_CLONE_LEGACY : GSPAWN_CLONE_UNAVAILABLE;
      g_atomic_int_set (&cached_kind, kind);
      if (kind == GSPAWN_CLONE_UNAVAILABLE)
        return FALSE;
    }
}

/* For a thread's first launch when there is no memory to be mapped: we stand still while the
 * children run, so they can do so on a part of our own stack. */
static G_GNUC_NO_INLINE gboolean
launch_on_own_stack (const GSpawnPlan *plan,
                     GSpawnLaunched   *launched,
                     GSpawnFailure    *failure)
{
  _Alignas (16) char stacks[2][LOCAL_STACK_SIZE];
  GSpawnCloneSlot slot = { .stacks = { stacks[0], stacks[1] }, .stack_size = LOCAL_STACK_SIZE };

  return launch_in (&slot, plan, launched, failure);
}

gboolean
_gspawn_clone_probe (const char  **detail,
                     GSpawnNeeds  *lacks)
{
  static const char *const details[] = {
    [GSPAWN_CLONE_UNPROBED] = "not probed, for there was no room for a process",
    [GSPAWN_CLONE_UNAVAILABLE] = "clone() is forbidden here, or its children do not share memory",
    [GSPAWN_CLONE_LEGACY] = "clone(), signal handlers reset one by one",
    [GSPAWN_CLONE_CLONE3] = "clone3(), signal handlers reset by the kernel",
  };
  const GSpawnCloneSlot *slot = _gspawn_clone_slot_get ();
  int error_number;
  /* Without memory to probe in, what is known already holds, and the launch finds out the rest. */
  GSpawnCloneKind kind = slot != NULL ? get_kind (slot, &error_number)
                                      : _gspawn_clone_get_kind ();

  *detail = details[kind];
  if (kind == GSPAWN_CLONE_CLONE3 && g_atomic_int_get (&knows_no_new_privileges))
    *detail = "clone3(), signal handlers and new privileges taken away by the kernel";
  *lacks = _gspawn_clone_dump_kills_caller () ? GSPAWN_NEED_SECCOMP_FILTER : 0;

  return kind != GSPAWN_CLONE_UNAVAILABLE;
}

gboolean
_gspawn_clone_launch (const GSpawnPlan *plan,
                      GSpawnLaunched   *launched,
                      GSpawnFailure    *failure)
{
  GSpawnCloneSlot *slot = _gspawn_clone_slot_get ();

  return slot != NULL ? launch_in (slot, plan, launched, failure)
                      : launch_on_own_stack (plan, launched, failure);
}
