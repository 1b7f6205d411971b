/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Keeps a child's new user out of the memory that it still shares with the caller.
 *
 * The kernel makes memory private when somebody in it changes credentials: "not dumpable" is then
 * all that keeps other processes of the child's new user from opening the caller's memory through
 * it. So the caller's setting, which is one for all its threads, comes back only when no child is
 * left in there. That is later than the wake of vfork and the clearing of a word, which exec does
 * while it still holds the old memory. Close-on-exec comes after, and so does the end of a process:
 * a pipe whose other end only the child has tells of both. Where such a proof cannot be had, the
 * memory stays private. */
#include "config.h"

#include "gspawn-clone-credentials-private.h"

#include <linux/kcmp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>

/* Another thread's fork() may have copied the end, and keep it open. Then the child itself is looked
 * at in between, and after this many times it is given up. */
#define WAIT_MS 10
#define MAX_WAITS 100

/* The kernel's name for memory that its owner may look at. */
#define DUMPABLE 1

static GMutex lock;
static guint n_changes;
static int saved_dumpable;
static gboolean unproven;

static void
restore_dumpable (void)
{
  if (prctl (PR_GET_DUMPABLE) != saved_dumpable)
    prctl (PR_SET_DUMPABLE, saved_dumpable);
}

static void
before_fork (void)
{
  g_mutex_lock (&lock);
}

static void
after_fork_in_parent (void)
{
  g_mutex_unlock (&lock);
}

/* No child is in the copy. */
static void
after_fork_in_copy (void)
{
  if (n_changes > 0)
    restore_dumpable ();
  n_changes = 0;
  g_mutex_unlock (&lock);
}

static void
register_fork_handlers (void)
{
  static gsize registered = 0;

  if (g_once_init_enter (&registered))
    {
      pthread_atfork (before_fork, after_fork_in_parent, after_fork_in_copy);
      g_once_init_leave (&registered, 1);
    }
}

static gboolean
changes_credentials (const GSpawnAttributes *attributes)
{
  return gspawn_attributes_contain (attributes, GSPAWN_ATTRIBUTE_USER) ||
         gspawn_attributes_contain (attributes, GSPAWN_ATTRIBUTE_GROUP) ||
         (gspawn_attributes_contain (attributes, GSPAWN_ATTRIBUTE_NAMESPACES) &&
          (attributes->namespaces & CLONE_NEWUSER) != 0);
}

/*< private >
 * _gspawn_credentials_change_begin:
 * @self: (out caller-allocates): the change
 * @child: the child, which is not made yet; gets the descriptors that prove its exec
 *
 * Remembers, before the first of some children changes its credentials, whether the caller's memory
 * is accessible to its owner.
 */
void
_gspawn_credentials_change_begin (GSpawnCredentialsChange *self,
                                  GSpawnChild             *child)
{
  *self = (GSpawnCredentialsChange) { .ends = GSPAWN_PIPE_INIT };
  self->begun = changes_credentials (child->plan->attributes);
  child->report_fd = -1;
  child->caller_fd = -1;
  if (!self->begun)
    return;

  register_fork_handlers ();
  g_mutex_lock (&lock);
  if (n_changes++ == 0)
    {
      saved_dumpable = prctl (PR_GET_DUMPABLE);
      unproven = FALSE;
    }
  self->needs_proof = saved_dumpable == DUMPABLE;
  g_mutex_unlock (&lock);

  /* A caller that has no descriptor left for it does without. */
  if (self->needs_proof && _gspawn_pipe_open (&self->ends))
    {
      child->report_fd = self->ends.write_fd;
      child->caller_fd = self->ends.read_fd;
    }
}

static gboolean
is_closed (int fd,
           int timeout_ms)
{
  struct pollfd poll_fd = { .fd = fd };

  return poll (&poll_fd, 1, timeout_ms) > 0;
}

/* Whether @pid, a child of ours that has been executed, is in another memory than we are, as far as
 * the kernel tells us. */
static gboolean
has_other_memory (pid_t pid)
{
  return sys_call4 (SYS_kcmp, getpid (), pid, KCMP_VM, 0) > 0;
}

static gboolean
await_proof (const GSpawnCredentialsChange *self,
             pid_t                          pid)
{
  if (self->ends.read_fd < 0 && pid == 0)
    return FALSE;

  for (int i = 0; i < MAX_WAITS; i++)
    {
      if (self->ends.read_fd >= 0 && is_closed (self->ends.read_fd, WAIT_MS))
        return TRUE;
      if (pid > 0 && has_other_memory (pid))
        return TRUE;
      if (self->ends.read_fd < 0)
        sched_yield ();
    }

  return FALSE;
}

/*< private >
 * _gspawn_credentials_change_end:
 * @self: the change
 * @pid: the child, if it has been executed and is the caller's, or 0
 *
 * Makes the caller's memory accessible again, as it was, if this is the last such launch and it is
 * certain that no child is in there any more.
 */
void
_gspawn_credentials_change_end (GSpawnCredentialsChange *self,
                                pid_t                    pid)
{
  gboolean proven;

  if (!self->begun)
    return;

  _gspawn_fd_clear (&self->ends.write_fd);
  proven = !self->needs_proof || await_proof (self, pid);
  _gspawn_pipe_clear (&self->ends);

  g_mutex_lock (&lock);
  unproven |= !proven;
  if (--n_changes == 0 && !unproven)
    restore_dumpable ();
  g_mutex_unlock (&lock);
}
