/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * A process as a GObject: what it is, its pipes as streams, and signals to it. Waiting for it is in
 * gspawn-gio-wait.c, what became of it in gspawn-gio-status.c. Nothing here knows how it was
 * launched. */
#include "gspawn-gio-process-private.h"

#include <gio/gunixinputstream.h>
#include <gio/gunixoutputstream.h>
#include <glib-unix.h>
#include <signal.h>
#include <unistd.h>

struct _GSpawnGioProcess
{
  GObject parent_instance;

  GSpawnProcess *core;

  /* For what is made on demand. */
  GMutex mutex;
  GOutputStream *input_pipe;
  GInputStream *output_pipes[2];
  int end_fd;
};

G_DEFINE_FINAL_TYPE (GSpawnGioProcess, gspawn_gio_process, G_TYPE_OBJECT)

static void
gspawn_gio_process_finalize (GObject *object)
{
  GSpawnGioProcess *self = GSPAWN_GIO_PROCESS (object);

  g_clear_object (&self->input_pipe);
  for (int i = 0; i < 2; i++)
    g_clear_object (&self->output_pipes[i]);
  if (self->end_fd >= 0)
    close (self->end_fd);
  g_clear_pointer (&self->core, gspawn_process_unref);
  g_mutex_clear (&self->mutex);

  G_OBJECT_CLASS (gspawn_gio_process_parent_class)->finalize (object);
}

static void
gspawn_gio_process_class_init (GSpawnGioProcessClass *class)
{
  G_OBJECT_CLASS (class)->finalize = gspawn_gio_process_finalize;
}

static void
gspawn_gio_process_init (GSpawnGioProcess *self)
{
  g_mutex_init (&self->mutex);
  self->end_fd = -1;
}

GSpawnGioProcess *
_gspawn_gio_process_new (GSpawnProcess *core)
{
  GSpawnGioProcess *process = g_object_new (GSPAWN_GIO_TYPE_PROCESS, NULL);

  process->core = core;

  return process;
}

/* Bindings can make an object without a process. */
GSpawnProcess *
_gspawn_gio_process_get_core (GSpawnGioProcess *process)
{
  return process->core;
}

/* Where the kernel has no descriptor of a process, a thread waits for it and closes a pipe. */
typedef struct {
  GSpawnProcess *core;
  int fd;
} Keeper;

static gpointer
keep (gpointer user_data)
{
  Keeper *keeper = user_data;

  gspawn_process_wait (keeper->core, NULL, NULL);
  gspawn_process_unref (keeper->core);
  close (keeper->fd);
  g_free (keeper);

  return NULL;
}

static int
start_keeper (GSpawnProcess  *core,
              GError        **error)
{
  Keeper *keeper;
  GThread *thread;
  int fds[2];

  if (!g_unix_open_pipe (fds, FD_CLOEXEC, error))
    return -1;

  keeper = g_new (Keeper, 1);
  keeper->core = gspawn_process_ref (core);
  keeper->fd = fds[1];
  thread = g_thread_try_new ("gspawn-wait", keep, keeper, error);
  if (thread == NULL)
    {
      close (fds[0]);
      close (fds[1]);
      gspawn_process_unref (core);
      g_free (keeper);
      return -1;
    }
  g_thread_unref (thread);

  return fds[0];
}

int
_gspawn_gio_process_get_end_fd (GSpawnGioProcess  *process,
                                GError           **error)
{
  int fd = gspawn_process_get_pidfd (process->core);

  if (fd >= 0)
    return fd;

  g_mutex_lock (&process->mutex);
  if (process->end_fd < 0)
    process->end_fd = start_keeper (process->core, error);
  fd = process->end_fd;
  g_mutex_unlock (&process->mutex);

  return fd;
}

/**
 * gspawn_gio_process_get_pid:
 * @process: a process
 *
 * Gets the number of a process. It may be another's once the process has ended and was waited for:
 * to send signals there is gspawn_gio_process_send_signal().
 *
 * This function may be called from any thread.
 *
 * Returns: the pid
 *
 * Since: 0.1
 */
GPid
gspawn_gio_process_get_pid (GSpawnGioProcess *process)
{
  g_return_val_if_fail (GSPAWN_GIO_IS_PROCESS (process), -1);

  return process->core != NULL ? gspawn_process_get_pid (process->core) : -1;
}

/**
 * gspawn_gio_process_get_pidfd:
 * @process: a process
 *
 * Gets a descriptor of a process, as `pidfd_open()` makes them. It belongs to @process and must not
 * be closed.
 *
 * This function may be called from any thread.
 *
 * Returns: the descriptor, or −1 if the kernel has none
 *
 * Since: 0.1
 */
int
gspawn_gio_process_get_pidfd (GSpawnGioProcess *process)
{
  g_return_val_if_fail (GSPAWN_GIO_IS_PROCESS (process), -1);

  return process->core != NULL ? gspawn_process_get_pidfd (process->core) : -1;
}

/**
 * gspawn_gio_process_get_engine:
 * @process: a process
 *
 * Finds out which engine has made a process.
 *
 * This function may be called from any thread.
 *
 * Returns: the engine
 *
 * Since: 0.1
 */
GSpawnEngine
gspawn_gio_process_get_engine (GSpawnGioProcess *process)
{
  g_return_val_if_fail (GSPAWN_GIO_IS_PROCESS (process), GSPAWN_ENGINE_FORK);

  return process->core != NULL ? gspawn_process_get_engine (process->core) : GSPAWN_ENGINE_FORK;
}

/**
 * gspawn_gio_process_get_launch_kind:
 * @process: a process
 *
 * Finds out who has waited until the program was executed.
 *
 * This function may be called from any thread.
 *
 * Returns: the kind of launch
 *
 * Since: 0.1
 */
GSpawnLaunchKind
gspawn_gio_process_get_launch_kind (GSpawnGioProcess *process)
{
  g_return_val_if_fail (GSPAWN_GIO_IS_PROCESS (process), GSPAWN_LAUNCH_WAITING);

  return process->core != NULL ? gspawn_process_get_launch_kind (process->core)
                               : GSPAWN_LAUNCH_WAITING;
}

/* The stream's from now on. An asynchronous operation on it must never block; the other end is a
 * description of its own, which this does not change. */
static int
take_pipe (GSpawnGioProcess *process,
           GSpawnStream      stream)
{
  int fd = process->core != NULL ? gspawn_process_steal_pipe (process->core, stream) : -1;

  if (fd >= 0)
    g_unix_set_fd_nonblocking (fd, TRUE, NULL);

  return fd;
}

/**
 * gspawn_gio_process_get_stdin_pipe:
 * @process: a process
 *
 * Gets the stream that ends in the standard input of a process, if that was to be a pipe. The
 * program reads to the end of it once the stream is closed, which happens at the latest with the
 * last reference to it; @process has one.
 *
 * This function may be called from any thread.
 *
 * Returns: (transfer none) (nullable): the stream, or %NULL if there is no such pipe
 *
 * Since: 0.1
 */
GOutputStream *
gspawn_gio_process_get_stdin_pipe (GSpawnGioProcess *process)
{
  GOutputStream *pipe;

  g_return_val_if_fail (GSPAWN_GIO_IS_PROCESS (process), NULL);

  g_mutex_lock (&process->mutex);
  if (process->input_pipe == NULL)
    {
      int fd = take_pipe (process, GSPAWN_STREAM_INPUT);

      if (fd >= 0)
        process->input_pipe = g_unix_output_stream_new (fd, TRUE);
    }
  pipe = process->input_pipe;
  g_mutex_unlock (&process->mutex);

  return pipe;
}

static GInputStream *
get_output_pipe (GSpawnGioProcess *process,
                 GSpawnStream      stream)
{
  GInputStream **place = &process->output_pipes[stream - GSPAWN_STREAM_OUTPUT];
  GInputStream *pipe;

  g_mutex_lock (&process->mutex);
  if (*place == NULL)
    {
      int fd = take_pipe (process, stream);

      if (fd >= 0)
        *place = g_unix_input_stream_new (fd, TRUE);
    }
  pipe = *place;
  g_mutex_unlock (&process->mutex);

  return pipe;
}

/**
 * gspawn_gio_process_get_stdout_pipe:
 * @process: a process
 *
 * Gets the stream that begins in the standard output of a process, if that was to be a pipe.
 *
 * This function may be called from any thread.
 *
 * Returns: (transfer none) (nullable): the stream, or %NULL if there is no such pipe
 *
 * Since: 0.1
 */
GInputStream *
gspawn_gio_process_get_stdout_pipe (GSpawnGioProcess *process)
{
  g_return_val_if_fail (GSPAWN_GIO_IS_PROCESS (process), NULL);

  return get_output_pipe (process, GSPAWN_STREAM_OUTPUT);
}

/**
 * gspawn_gio_process_get_stderr_pipe:
 * @process: a process
 *
 * Gets the stream that begins in the standard error of a process, if that was to be a pipe.
 *
 * This function may be called from any thread.
 *
 * Returns: (transfer none) (nullable): the stream, or %NULL if there is no such pipe
 *
 * Since: 0.1
 */
GInputStream *
gspawn_gio_process_get_stderr_pipe (GSpawnGioProcess *process)
{
  g_return_val_if_fail (GSPAWN_GIO_IS_PROCESS (process), NULL);

  return get_output_pipe (process, GSPAWN_STREAM_ERROR);
}

/**
 * gspawn_gio_process_send_signal:
 * @process: a process
 * @signal_number: the number of a signal
 * @error: (out) (optional): why it could not be sent
 *
 * Sends a signal to a process, and never to another one that has got its number.
 *
 * A process that has ended cannot be sent a signal, which is an error. A number that is no signal's
 * is refused with %G_SPAWN_ERROR_INVAL.
 *
 * This function may be called from any thread.
 *
 * Returns: whether it was sent
 *
 * Since: 0.1
 */
gboolean
gspawn_gio_process_send_signal (GSpawnGioProcess  *process,
                                int                signal_number,
                                GError           **error)
{
  g_return_val_if_fail (GSPAWN_GIO_IS_PROCESS (process), FALSE);

  if (process->core == NULL)
    {
      g_set_error_literal (error, G_SPAWN_ERROR, G_SPAWN_ERROR_INVAL, "No process was launched");
      return FALSE;
    }

  return gspawn_process_send_signal (process->core, signal_number, error);
}

/**
 * gspawn_gio_process_force_exit:
 * @process: a process
 * @error: (out) (optional): why it could not be ended
 *
 * Sends `SIGKILL` to a process. It has ended only when a wait says so.
 *
 * This function may be called from any thread.
 *
 * Returns: whether the signal was sent
 *
 * Since: 0.1
 */
gboolean
gspawn_gio_process_force_exit (GSpawnGioProcess  *process,
                               GError           **error)
{
  return gspawn_gio_process_send_signal (process, SIGKILL, error);
}
