/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Launches by the clone engine that nobody waits for. A process in the middle, which shares our
 * memory, makes the program's process as a child of ours, waits for its exec in our place, and ends:
 * that can be polled by a descriptor of it, and cannot be missed even if somebody kills it.
 *
 * The caller goes on meanwhile, so what the children read is not the caller's to change: a flight
 * keeps it. And the kernel may change what belongs to the memory that is shared, or let a thread
 * change user ids while a process with the old ones is still in it: who could do that has to wait. */
#include "config.h"

#include "gspawn-clone-private.h"
#include "gspawn-fd-private.h"
#include "gspawn-flight-private.h"
#include "gspawn-keeper-private.h"

#include <errno.h>
#include <linux/capability.h>
#include <poll.h>
#include <sys/wait.h>

/* How many flights there can be at once; those beyond are waited for by a thread. */
#define N_SLOTS 64

/* What changes our memory's owner, or who dies when it runs out, or whom the program belongs to. A
 * death signal is sent for a thread, and the calling one may have ended when the program is made. */
#define FORBIDDEN_ATTRIBUTES \
  (1u << GSPAWN_ATTRIBUTE_CGROUP | 1u << GSPAWN_ATTRIBUTE_OOM_SCORE | \
   1u << GSPAWN_ATTRIBUTE_NAMESPACES | 1u << GSPAWN_ATTRIBUTE_GROUPS | \
   1u << GSPAWN_ATTRIBUTE_GROUP | 1u << GSPAWN_ATTRIBUTE_USER | \
   1u << GSPAWN_ATTRIBUTE_DEATH_SIGNAL)

/* Whatever the children read or write is in here, or in the plan. */
struct _GSpawnCloneFlight {
  GSpawnCloneSlot *slot;
  int slot_index;
  GSpawnCloneCall call;
  GSpawnMiddle middle;
  GSpawnChild child;
  pid_t middle_pid;
  int middle_pidfd;
  gboolean cancelled;
};

/* Without a lock, for a copy that fork() makes would find it locked. A copy has those slots less
 * that were in use. */
static struct {
  int in_use;
  GSpawnCloneSlot *slot;
} slots[N_SLOTS];

/* Returns −1 if all are in use, or there is no memory for one. */
static int
take_slot (void)
{
  for (int i = 0; i < N_SLOTS; i++)
    {
      if (g_atomic_int_get (&slots[i].in_use) != 0 ||
          !g_atomic_int_compare_and_exchange (&slots[i].in_use, 0, 1))
        continue;

      if (slots[i].slot == NULL)
        slots[i].slot = _gspawn_clone_slot_new ();
      if (slots[i].slot != NULL)
        return i;

      g_atomic_int_set (&slots[i].in_use, 0);
      break;
    }

  return -1;
}

static void
give_slot_back (int index)
{
  g_atomic_int_set (&slots[index].in_use, 0);
}

/* Who may change user or group ids could do so in another thread, for whose sake libc does it in
 * all: while a process of ours has the old ones and shares our memory, it would be open to them. */
static gboolean
is_privileged (void)
{
  struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };
  uid_t real, effective, saved;
  gid_t real_group, effective_group, saved_group;

  if (getresuid (&real, &effective, &saved) < 0 || real == 0 || effective != real ||
      saved != real)
    return TRUE;
  if (getresgid (&real_group, &effective_group, &saved_group) < 0 ||
      effective_group != real_group || saved_group != real_group)
    return TRUE;

  return sys_call2 (SYS_capget, &header, data) < 0 ||
         (data[0].permitted | data[1].permitted) != 0;
}

/* The first process of a new PID namespace is to be the program's. To look costs as much as a launch
 * does, and nobody without privileges gets into that state but by exec, or by giving some up. */
static gboolean
is_before_namespace (void)
{
  static gsize known = 0;

  if (g_once_init_enter (&known))
    g_once_init_leave (&known, _gspawn_next_child_is_init () ? 2 : 1);

  return known == 2;
}

static gboolean
can_fly (const GSpawnPlan *plan)
{
  if (GSPAWN_CLONE_ENTRY_IS_LIBC || _gspawn_clone_get_kind () != GSPAWN_CLONE_CLONE3)
    return FALSE;
  if (plan->attributes != NULL && (plan->attributes->set & FORBIDDEN_ATTRIBUTES) != 0)
    return FALSE;

  return !is_privileged () && !is_before_namespace ();
}

static void
flight_free (GSpawnCloneFlight *self)
{
  give_slot_back (self->slot_index);
  _gspawn_child_clear (&self->child);
  _gspawn_fd_clear (&self->middle_pidfd);
  g_free (self);
}

/* The middle process has the calling thread's parent in the eyes of the program's process, so that
 * the program is a child of ours. */
static gboolean
make_middle (GSpawnCloneFlight *self)
{
  SysSignalSet mask;
  long result;

  self->call = (GSpawnCloneCall) {
    .function = _gspawn_clone_middle_main,
    .data = &self->middle,
    .clone_args = { .flags = CLONE_VM | CLONE_PIDFD, .pidfd = (gsize) &self->middle_pidfd },
  };
  self->middle = (GSpawnMiddle) {
    .call = {
      .function = _gspawn_clone_child_main,
      .data = &self->child,
      .clone_args = { .flags = CLONE_VM | CLONE_VFORK | CLONE_PARENT | CLONE_PARENT_SETTID |
                               CLONE_CHILD_CLEARTID,
                      .parent_tid = (gsize) &self->child.plan->made->pid },
    },
  };
  _gspawn_clone_call_init (&self->middle.call, GSPAWN_CLONE_CLONE3, self->slot, 1);
  _gspawn_clone_call_init (&self->call, GSPAWN_CLONE_CLONE3, self->slot, 0);
  self->slot->alive = 1;

  sys_block_signals (&mask);
  _gspawn_child_set_mask (&self->child, &mask);
  result = _gspawn_clone_enter (&self->call);
  sys_set_signal_mask (&mask, NULL);
  self->middle_pid = (pid_t) result;
  /* The kernel gives the number back that it has written already, where it fails late. */
  if (result < 0)
    self->middle_pidfd = -1;

  return result > 0;
}

/*< private >
 * _gspawn_clone_begin:
 * @plan: the plan of a child of the caller's that this engine can make; it has to stay until the
 *   flight ends, with all that it refers to
 *
 * Returns: (transfer full) (nullable): a launch under way, or %NULL if somebody has to wait for it
 *   and nothing was done
 */
GSpawnCloneFlight *
_gspawn_clone_begin (const GSpawnPlan *plan)
{
  GSpawnCloneFlight *self;
  int index;

  if (!can_fly (plan))
    return NULL;
  index = take_slot ();
  if (index < 0)
    return NULL;

  self = g_new (GSpawnCloneFlight, 1);
  self->slot_index = index;
  self->slot = slots[index].slot;
  self->middle_pidfd = -1;
  self->cancelled = FALSE;
  _gspawn_child_init (&self->child, plan);
  self->child.handlers_cleared = TRUE;
  self->child.shares_memory = TRUE;

  if (!make_middle (self))
    {
      flight_free (self);
      return NULL;
    }

  return self;
}

/* Readable when the launch is decided. */
int
_gspawn_clone_flight_get_fd (const GSpawnCloneFlight *self)
{
  return self->middle_pidfd;
}

/* The program's process, if it is there, and one that is not there yet will see that it is unwanted.
 * Then there is nothing left for the one in the middle to do. */
void
_gspawn_clone_flight_cancel (GSpawnCloneFlight *self)
{
  self->cancelled = TRUE;
  _gspawn_made_kill (self->child.plan->made);
  sys_call4 (SYS_pidfd_send_signal, self->middle_pidfd, SIGKILL, NULL, 0);
}

static gboolean
judge (GSpawnCloneFlight *self,
       GSpawnFailure     *failure)
{
  GSpawnMade *made = self->child.plan->made;
  pid_t pid = made->pid;

  if (self->middle.error_number != 0)
    return _gspawn_failure_set (failure, GSPAWN_STAGE_PROCESS, self->middle.error_number);
  if (pid == 0)
    return _gspawn_failure_set (failure, GSPAWN_STAGE_REPORT, ECHILD);

  /* The kernel has noted the pid before the process could run: even if the one in the middle was
   * killed, nobody is left behind in our memory. */
  _gspawn_made_forget (made);
  if (self->cancelled && !_gspawn_kill_child (pid))
    {
      /* It has been executed, and is another user's by now. */
      _gspawn_keeper_take (pid, -1);
      return _gspawn_failure_set (failure, GSPAWN_STAGE_REPORT, ECANCELED);
    }
  _gspawn_clone_wait_until_released (self->slot, pid);
  if (self->cancelled || self->child.failure.stage != GSPAWN_STAGE_NONE)
    {
      _gspawn_reap (pid);
      *failure = self->child.failure;
      return failure->stage == GSPAWN_STAGE_NONE
             ? _gspawn_failure_set (failure, GSPAWN_STAGE_REPORT, ECANCELED) : FALSE;
    }
  if (_gspawn_clone_died_before_exec (pid))
    return _gspawn_failure_set (failure, GSPAWN_STAGE_REPORT, ECHILD);

  return TRUE;
}

/*< private >
 * _gspawn_clone_flight_end:
 * @self: (transfer full): a launch under way
 * @launched: (out caller-allocates): the child, set on success only
 * @failure: (out caller-allocates): why there is none
 *
 * Waits until the launch is decided. One that was cancelled has no child.
 *
 * Returns: whether there is a child
 */
gboolean
_gspawn_clone_flight_end (GSpawnCloneFlight *self,
                          GSpawnLaunched    *launched,
                          GSpawnFailure     *failure)
{
  struct pollfd poll_fd = { .fd = self->middle_pidfd, .events = POLLIN };
  gboolean is_launched;
  pid_t pid;

  /* A sandbox may forbid to wait for it, and it may still run. */
  while (poll (&poll_fd, 1, -1) < 0 && errno == EINTR)
    ;
  _gspawn_reap (self->middle_pid);
  pid = self->child.plan->made->pid;
  is_launched = judge (self, failure);
  if (is_launched)
    launched->pid = pid;
  flight_free (self);

  return is_launched;
}

/* In a copy of the process that has begun it. The slot stays in use: its memory is like that. */
void
_gspawn_clone_flight_forget (GSpawnCloneFlight *self)
{
  _gspawn_child_clear (&self->child);
  _gspawn_fd_clear (&self->middle_pidfd);
  g_free (self);
}
