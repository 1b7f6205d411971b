/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Launches that a thread of ours waits for in the caller's place.
 *
 * Each has a thread of its own, which the calling thread makes: so the program gets what a thread can
 * have for itself (credentials, filters of system calls, namespaces, processors) from the one that
 * launches it, and a program that is slow to be executed holds nobody else up. With a death signal
 * the thread stays as long as the program runs, for the kernel sends it when the thread ends. */
#include "config.h"

#include "gspawn-attributes-private.h"
#include "gspawn-engine-private.h"
#include "gspawn-fd-private.h"
#include "gspawn-keeper-private.h"
#include "gspawn-syscall-private.h"
#include "gspawn-wait-private.h"
#include "gspawn-workers-private.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a launch takes is much less; libc's storage of each thread may be more, and then the default
 * has to do. */
#define STACK_SIZE (128 * 1024)

/**
 * _GSpawnWork:
 * @prepared: (nullable): what is launched, until it is
 * @signal_mask: the caller's
 * @fd: readable when it is decided
 * @kind: who waits
 * @made: the child in the making
 * @lock: protects what follows
 * @decided: signalled when @is_decided is set
 * @is_decided: whether the rest is final
 * @is_cancelled: whether it shall come to nothing
 * @is_launched: whether there is a child
 * @info: the child
 * @error: why there is none
 *
 * Held by its caller and by the thread.
 */
struct _GSpawnWork {
  gatomicrefcount ref_count;
  GSpawnPrepared *prepared;
  sigset_t signal_mask;
  int fd;
  GSpawnLaunchKind kind;
  GSpawnMade made;
  GMutex lock;
  GCond decided;
  gboolean is_decided;
  gboolean is_cancelled;
  gboolean is_launched;
  GSpawnChildInfo info;
  GError *error;
};

/* What was launched, with the descriptors that it holds. */
static void
work_release (GSpawnWork *self)
{
  GSpawnPrepared *prepared = g_steal_pointer (&self->prepared);

  if (prepared != NULL)
    _gspawn_prepared_clear (prepared);
  g_free (prepared);
}

static void
work_unref (GSpawnWork *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  work_release (self);
  _gspawn_fd_clear (&self->fd);
  g_clear_error (&self->error);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->decided);
  g_free (self);
}

/* What nobody wants any more. A program that has become another user's by its exec may not be killed:
 * then it runs, and is no zombie when it has ended. */
static void
undo_launch (GSpawnChildInfo *info)
{
  for (int i = 0; i < GSPAWN_N_STREAMS; i++)
    _gspawn_fd_clear (&info->pipes[i]);
  if (_gspawn_kill_child (info->pid))
    _gspawn_reap (info->pid);
  else
    {
      _gspawn_keeper_take (info->pid, info->pidfd);
      info->pidfd = -1;
    }
  _gspawn_fd_clear (&info->pidfd);
}

/* Whoever sees the launch decided may count on its descriptors being closed. */
static void
decide (GSpawnWork *self)
{
  const guint64 one = 1;

  work_release (self);
  g_mutex_lock (&self->lock);
  if (self->is_cancelled && self->is_launched)
    {
      undo_launch (&self->info);
      self->is_launched = FALSE;
    }
  self->is_decided = TRUE;
  /* Under the lock, for the descriptor is closed by whoever has seen the launch decided. */
  while (self->fd >= 0 && write (self->fd, &one, sizeof one) < 0 && errno == EINTR)
    ;
  g_cond_broadcast (&self->decided);
  g_mutex_unlock (&self->lock);
}

static gboolean
is_cancelled (GSpawnWork *self)
{
  gboolean cancelled;

  g_mutex_lock (&self->lock);
  cancelled = self->is_cancelled;
  g_mutex_unlock (&self->lock);

  return cancelled;
}

static void
launch (GSpawnWork *self)
{
  GSpawnRequest request = self->prepared->request;

  request.made = &self->made;
  request.signal_mask = &self->signal_mask;
  if (!is_cancelled (self))
    self->is_launched = _gspawn_launch (&request, &self->info, &self->error);
}

static gboolean
has_death_signal (const GSpawnWork *self)
{
  return gspawn_attributes_contain (self->prepared->request.attributes,
                                    GSPAWN_ATTRIBUTE_DEATH_SIGNAL);
}

/* Until it has ended, or was waited for by whose it is. */
static void
stay_with (pid_t pid)
{
  GSpawnEnd end;

  _gspawn_wait (pid, -1, WNOWAIT, &end);
}

static void *
thread_main (void *data)
{
  GSpawnWork *self = data;
  gboolean stays = has_death_signal (self);
  pid_t pid;

  pthread_setname_np (pthread_self (), "gspawn-launch");
  launch (self);
  pid = self->is_launched ? self->info.pid : 0;
  decide (self);
  work_unref (self);

  if (stays && pid > 0)
    stay_with (pid);

  return NULL;
}

static gboolean
create_thread (GSpawnWork *work,
               gsize       stack_size)
{
  pthread_attr_t attributes;
  pthread_t thread;
  int error_number;

  if (pthread_attr_init (&attributes) != 0)
    return FALSE;

  pthread_attr_setdetachstate (&attributes, PTHREAD_CREATE_DETACHED);
  if (stack_size > 0)
    pthread_attr_setstacksize (&attributes, stack_size);
  error_number = pthread_create (&thread, &attributes, thread_main, work);
  pthread_attr_destroy (&attributes);

  return error_number == 0;
}

/* The thread takes no signal of the program's, whose handlers may want more of a stack. */
static gboolean
start (GSpawnWork *self)
{
  sigset_t all;
  gboolean started;

  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &self->signal_mask);
  g_atomic_ref_count_inc (&self->ref_count);
  started = create_thread (self, STACK_SIZE) || create_thread (self, 0);
  pthread_sigmask (SIG_SETMASK, &self->signal_mask, NULL);
  if (!started)
    work_unref (self);

  return started;
}

/*< private >
 * _gspawn_work_begin:
 * @prepared: what to launch, which is taken over on success
 * @error: (out) (optional): why it cannot be begun
 *
 * Returns: (transfer full) (nullable): the launch, or %NULL
 */
GSpawnWork *
_gspawn_work_begin (GSpawnPrepared  *prepared,
                    GError         **error)
{
  int fd = _gspawn_fd_move_up (eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK), STDERR_FILENO + 1);
  GSpawnWork *self;

  if (fd < 0)
    {
      g_set_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED, "Failed to create an eventfd (%s)",
                   g_strerror (errno));
      return NULL;
    }

  self = g_new0 (GSpawnWork, 1);
  g_atomic_ref_count_init (&self->ref_count);
  g_mutex_init (&self->lock);
  g_cond_init (&self->decided);
  self->prepared = prepared;
  self->fd = fd;
  self->kind = GSPAWN_LAUNCH_WORKER;

  if (!start (self))
    {
      self->kind = GSPAWN_LAUNCH_WAITING;
      launch (self);
      decide (self);
    }

  return self;
}

int
_gspawn_work_get_fd (const GSpawnWork *self)
{
  return self->fd;
}

GSpawnLaunchKind
_gspawn_work_get_kind (const GSpawnWork *self)
{
  return self->kind;
}

/* Returns whether it will come to nothing; if not, it is decided. */
gboolean
_gspawn_work_cancel (GSpawnWork *self)
{
  gboolean cancelled;

  g_mutex_lock (&self->lock);
  cancelled = !self->is_decided;
  if (cancelled)
    self->is_cancelled = TRUE;
  g_mutex_unlock (&self->lock);
  if (cancelled)
    _gspawn_made_kill (&self->made);

  return cancelled;
}

/*< private >
 * _gspawn_work_end:
 * @self: (transfer full): a launch
 * @info: (out caller-allocates): the child, set on success only
 * @error: (out) (optional): why there is none, unless it was cancelled
 *
 * Waits until a launch is decided.
 *
 * Returns: whether there is a child
 */
gboolean
_gspawn_work_end (GSpawnWork       *self,
                  GSpawnChildInfo  *info,
                  GError          **error)
{
  gboolean is_launched;

  g_mutex_lock (&self->lock);
  while (!self->is_decided)
    g_cond_wait (&self->decided, &self->lock);
  _gspawn_fd_clear (&self->fd);
  is_launched = self->is_launched;
  if (is_launched)
    *info = self->info;
  else if (self->error != NULL)
    g_propagate_error (error, g_steal_pointer (&self->error));
  g_mutex_unlock (&self->lock);
  work_unref (self);

  return is_launched;
}

/*< private >
 * _gspawn_work_abandon:
 * @self: (transfer full): a launch that was cancelled
 *
 * The thread does what is left to do, however long that takes, and nobody is told.
 */
void
_gspawn_work_abandon (GSpawnWork *self)
{
  g_mutex_lock (&self->lock);
  _gspawn_fd_clear (&self->fd);
  g_mutex_unlock (&self->lock);
  work_unref (self);
}

/*< private >
 * _gspawn_work_forget:
 * @self: (transfer full): a launch that another process has begun, of which this is a copy
 *
 * Closes the descriptors. The thread that would give its reference back is not here.
 */
void
_gspawn_work_forget (GSpawnWork *self)
{
  work_release (self);
  _gspawn_fd_clear (&self->fd);
}
