/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Launches by template that the caller does not wait for: by the clone engine's own way where that
 * can be, else by a thread of ours that waits in the caller's place. */
#include "config.h"

#include "gspawn-flight-private.h"
#include "gspawn-process-private.h"
#include "gspawn-syscall-private.h"
#include "gspawn-template-private.h"
#include "gspawn-workers-private.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

/*< private >
 * GSpawnPending:
 * @tmpl: what was launched
 * @prepared: (nullable): the launch, unless a thread has it
 * @owner: the process that has begun it: in a copy that fork() made of it nothing is under way
 * @flight: (nullable): the launch, if nobody waits
 * @work: (nullable): the launch, if a thread of ours waits
 * @cancelled: whether it shall come to nothing
 * @completed: whether it was asked for its result
 */
struct _GSpawnPending {
  GSpawnTemplate *tmpl;
  GSpawnPrepared *prepared;
  pid_t owner;
  GSpawnFlight *flight;
  GSpawnWork *work;
  gboolean cancelled;
  gboolean completed;
};

static void
free_pending (GSpawnPending *self)
{
  if (self->prepared != NULL)
    _gspawn_prepared_clear (self->prepared);
  g_free (self->prepared);
  gspawn_template_unref (self->tmpl);
  g_free (self);
}

/**
 * gspawn_template_begin:
 * @tmpl: a template
 * @launch: (nullable): what this launch has of its own, or %NULL for nothing
 * @error: (out) (optional): why it cannot be begun
 *
 * Begins a launch without waiting until the program is executed. Poll the descriptor of
 * gspawn_pending_get_fd(), and call gspawn_pending_complete() when it is readable.
 *
 * Where it can be, nobody waits: a process that shares the caller's memory makes the program's and
 * sees to its exec (%GSPAWN_LAUNCH_ASYNCHRONOUS). That is not so for a caller that is root or has
 * capabilities or set-user-ID or set-group-ID, with attributes that change credentials, namespaces,
 * the control group or the score of the out-of-memory killer, with a death signal, or have the
 * program traced, where the clone engine or clone3() cannot be used, with children in another PID
 * namespace, or while 64 such launches are under way. Then a thread that is made for this launch
 * waits in the caller's place (%GSPAWN_LAUNCH_WORKER), and if none can be made, the caller
 * (%GSPAWN_LAUNCH_WAITING). What a thread has of its own, such as credentials, namespaces, filters,
 * processors or the signal mask, the program has from the calling thread in any case. A death
 * signal is not for the end of the calling thread then: the library's stays as long as the program
 * runs, so that it is sent when the process ends.
 *
 * The environment, if it is the caller's, is that of this moment. While launches are under way that
 * nobody waits for, the kernel takes the caller for a process of several threads, and refuses
 * unshare() of a user namespace and setns() into one.
 *
 * This function may be called by several threads at once, for the same template and launch, too.
 *
 * Returns: (transfer full): the launch, to be freed with gspawn_pending_free(), or %NULL
 *
 * Since: 0.1
 */
GSpawnPending *
gspawn_template_begin (GSpawnTemplate  *tmpl,
                       GSpawnLaunch    *launch,
                       GError         **error)
{
  GSpawnPrepared *prepared;
  GSpawnPending *self;
  int cancel_state;

  g_return_val_if_fail (tmpl != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  pthread_setcancelstate (PTHREAD_CANCEL_DISABLE, &cancel_state);
  prepared = g_new (GSpawnPrepared, 1);
  _gspawn_prepared_init (prepared, tmpl, launch, NULL, TRUE);
  prepared->request.function = "gspawn_template_begin";
  self = g_new (GSpawnPending, 1);
  *self = (GSpawnPending) { .tmpl = gspawn_template_ref (tmpl), .prepared = prepared,
                            .owner = getpid (),
                            .flight = _gspawn_flight_begin (&prepared->request) };
  if (self->flight == NULL)
    self->work = _gspawn_work_begin (prepared, error);
  if (self->work != NULL)
    self->prepared = NULL;
  if (self->flight == NULL && self->work == NULL)
    g_clear_pointer (&self, free_pending);
  pthread_setcancelstate (cancel_state, NULL);

  return self;
}

/**
 * gspawn_pending_get_fd:
 * @pending: a launch under way
 *
 * A descriptor that poll() reports as readable (`POLLIN`) when the launch is decided. Nothing is to
 * be read from it, and it is closed with the launch, or when that is completed.
 *
 * Returns: the descriptor, which belongs to @pending, or −1 when it was completed
 *
 * Since: 0.1
 */
int
gspawn_pending_get_fd (const GSpawnPending *pending)
{
  g_return_val_if_fail (pending != NULL, -1);

  if (pending->flight != NULL)
    return _gspawn_flight_get_fd (pending->flight);

  return pending->work != NULL ? _gspawn_work_get_fd (pending->work) : -1;
}

/**
 * gspawn_pending_poll:
 * @pending: a launch under way
 *
 * Asks whether a launch is decided, without waiting. Not to be called beside
 * gspawn_pending_complete().
 *
 * Returns: whether the launch is decided, so that gspawn_pending_complete() will not wait
 *
 * Since: 0.1
 */
gboolean
gspawn_pending_poll (GSpawnPending *pending)
{
  struct pollfd poll_fd = { .events = POLLIN };

  g_return_val_if_fail (pending != NULL, FALSE);

  poll_fd.fd = gspawn_pending_get_fd (pending);

  return pending->completed || poll (&poll_fd, 1, 0) > 0;
}

static gboolean
end (GSpawnPending    *self,
     GSpawnChildInfo  *info,
     GError          **error)
{
  if (self->flight != NULL)
    return _gspawn_flight_end (g_steal_pointer (&self->flight), &self->prepared->request, info,
                               error);

  return _gspawn_work_end (g_steal_pointer (&self->work), info, error);
}

/**
 * gspawn_pending_complete:
 * @pending: a launch under way
 * @error: (out) (optional): why the program was not executed
 *
 * Ends a launch: waits until it is decided, if it is not. The errors are those of
 * gspawn_template_launch(), and %G_SPAWN_ERROR_FAILED for a launch that was cancelled. It can be
 * asked for once.
 *
 * Returns: (transfer full): the process, or %NULL
 *
 * Since: 0.1
 */
GSpawnProcess *
gspawn_pending_complete (GSpawnPending  *pending,
                         GError        **error)
{
  GSpawnLaunchKind kind;
  GSpawnChildInfo info;
  gboolean launched;
  int cancel_state;

  g_return_val_if_fail (pending != NULL, NULL);
  g_return_val_if_fail (!pending->completed, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  pending->completed = TRUE;
  if (pending->owner != getpid ())
    {
      g_set_error_literal (error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED,
                           "The launch was begun by another process");
      return NULL;
    }

  kind = pending->flight != NULL ? GSPAWN_LAUNCH_ASYNCHRONOUS
                                 : _gspawn_work_get_kind (pending->work);
  pthread_setcancelstate (PTHREAD_CANCEL_DISABLE, &cancel_state);
  launched = end (pending, &info, pending->cancelled ? NULL : error);
  pthread_setcancelstate (cancel_state, NULL);
  if (launched)
    return _gspawn_process_new (&info, kind);

  if (pending->cancelled)
    g_set_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED, "The launch of “%s” was cancelled",
                 pending->tmpl->argv[0]);
  return NULL;
}

/**
 * gspawn_pending_cancel:
 * @pending: a launch under way
 *
 * Sees to it that the launch comes to nothing, unless it is decided. A process that is in the midst
 * of being made is killed, and so is a program that has been executed in this moment; one that has
 * become another user's by that, as a set-user-ID program does, may not be killed, and runs. The
 * descriptor becomes readable soon, and gspawn_pending_complete() gives an error and leaves no
 * process.
 *
 * Where a thread waits for another engine than clone, the process is killed when it is made.
 *
 * Not to be called by two threads at once, nor beside gspawn_pending_complete().
 *
 * Returns: whether it was cancelled; if not, it is decided, or was completed
 *
 * Since: 0.1
 */
gboolean
gspawn_pending_cancel (GSpawnPending *pending)
{
  g_return_val_if_fail (pending != NULL, FALSE);

  if (pending->cancelled)
    return TRUE;
  if (pending->owner != getpid () || gspawn_pending_poll (pending))
    return FALSE;

  if (pending->flight != NULL)
    _gspawn_flight_cancel (pending->flight);
  else if (!_gspawn_work_cancel (pending->work))
    return FALSE;
  pending->cancelled = TRUE;

  return TRUE;
}

/* In a copy that fork() has made: what is under way is the original's. */
static void
forget (GSpawnPending *self)
{
  if (self->flight != NULL)
    _gspawn_flight_forget (self->flight);
  if (self->work != NULL)
    _gspawn_work_forget (self->work);
}

/**
 * gspawn_pending_free:
 * @pending: (transfer full) (nullable): a launch
 *
 * Frees a launch. One that was not completed is cancelled; if it is decided by then, its process is
 * killed.
 *
 * Since: 0.1
 */
void
gspawn_pending_free (GSpawnPending *pending)
{
  int cancel_state;

  if (pending == NULL)
    return;

  pthread_setcancelstate (PTHREAD_CANCEL_DISABLE, &cancel_state);
  if (pending->owner != getpid ())
    forget (pending);
  else if (!pending->completed)
    {
      g_autoptr (GSpawnProcess) process = NULL;

      /* A thread that waits for it does the rest, however long that takes. */
      if (gspawn_pending_cancel (pending) && pending->work != NULL)
        _gspawn_work_abandon (g_steal_pointer (&pending->work));
      else
        process = gspawn_pending_complete (pending, NULL);
      if (process != NULL)
        gspawn_process_send_signal (process, SIGKILL, NULL);
    }

  free_pending (pending);
  pthread_setcancelstate (cancel_state, NULL);
}
