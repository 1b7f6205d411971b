/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Waiting for a process: in the calling thread or in a main context, by any number at once. What
 * comes to an end here is the wait, never the process. */
#include "gspawn-gio-process-private.h"

#include <glib-unix.h>

static gboolean
check_launched (GSpawnGioProcess  *process,
                GError           **error)
{
  if (_gspawn_gio_process_get_core (process) != NULL)
    return TRUE;

  g_set_error_literal (error, G_SPAWN_ERROR, G_SPAWN_ERROR_INVAL, "No process was launched");

  return FALSE;
}

/* Does not return before the end of @process without an error. */
static gboolean
wait_for_end (GSpawnGioProcess  *process,
              GCancellable      *cancellable,
              GError           **error)
{
  GPollFD fds[2] = { { .events = G_IO_IN } };
  guint n_fds = 1;

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;
  if (cancellable == NULL || gspawn_gio_process_has_ended (process))
    return TRUE;

  fds[0].fd = _gspawn_gio_process_get_end_fd (process, error);
  if (fds[0].fd < 0)
    return FALSE;
  if (g_cancellable_make_pollfd (cancellable, &fds[1]))
    n_fds = 2;

  while (fds[0].revents == 0 && !g_cancellable_is_cancelled (cancellable))
    g_poll (fds, n_fds, -1);
  if (n_fds == 2)
    g_cancellable_release_fd (cancellable);

  return !g_cancellable_set_error_if_cancelled (cancellable, error);
}

/**
 * gspawn_gio_process_wait:
 * @process: a process
 * @cancellable: (nullable): ends the wait
 * @error: (out) (optional): why the end of the process was not waited for
 *
 * Waits in the calling thread until a process has ended, however it ends.
 *
 * A wait that is cancelled fails with %G_IO_ERROR_CANCELLED; the process runs on. If somebody else
 * has waited for the process, with `waitpid(-1)` or by ignoring `SIGCHLD`, it is not known how it
 * ended, and that is an error.
 *
 * This function may be called from any thread, by several at once.
 *
 * Returns: whether it has ended
 *
 * Since: 0.1
 */
gboolean
gspawn_gio_process_wait (GSpawnGioProcess  *process,
                         GCancellable      *cancellable,
                         GError           **error)
{
  g_return_val_if_fail (GSPAWN_GIO_IS_PROCESS (process), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  return check_launched (process, error) &&
         wait_for_end (process, cancellable, error) &&
         gspawn_process_wait (_gspawn_gio_process_get_core (process), NULL, error);
}

/**
 * gspawn_gio_process_wait_check:
 * @process: a process
 * @cancellable: (nullable): ends the wait
 * @error: (out) (optional): why the end of the process was not waited for, or how it ended
 *
 * Waits in the calling thread until a process has ended, and looks at how. An exit status other
 * than 0 is an error of the domain %G_SPAWN_EXIT_ERROR with that status as its code; a process that
 * was ended by a signal is %G_SPAWN_ERROR_FAILED, as g_spawn_check_wait_status() says it.
 *
 * Else it is as gspawn_gio_process_wait().
 *
 * Returns: whether it has ended with the exit status 0
 *
 * Since: 0.1
 */
gboolean
gspawn_gio_process_wait_check (GSpawnGioProcess  *process,
                               GCancellable      *cancellable,
                               GError           **error)
{
  g_return_val_if_fail (GSPAWN_GIO_IS_PROCESS (process), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  return check_launched (process, error) &&
         wait_for_end (process, cancellable, error) &&
         gspawn_process_wait_check (_gspawn_gio_process_get_core (process), error);
}

/* The process has ended. */
static void
return_end (GTask *task)
{
  GSpawnProcess *core = _gspawn_gio_process_get_core (g_task_get_source_object (task));
  GError *error = NULL;

  if (g_task_get_source_tag (task) == gspawn_gio_process_wait_check_async)
    gspawn_process_wait_check (core, &error);
  else
    gspawn_process_wait (core, NULL, &error);

  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

static gboolean
on_end (int          fd G_GNUC_UNUSED,
        GIOCondition condition,
        gpointer     user_data)
{
  GTask *task = user_data;

  if (g_task_return_error_if_cancelled (task))
    return G_SOURCE_REMOVE;
  if (condition == 0)
    return G_SOURCE_CONTINUE;

  return_end (task);

  return G_SOURCE_REMOVE;
}

static void
start_wait (GTask *task)
{
  GSpawnGioProcess *process = g_task_get_source_object (task);
  GCancellable *cancellable = g_task_get_cancellable (task);
  g_autoptr (GSource) source = NULL;
  GError *error = NULL;
  int fd;

  if (g_task_return_error_if_cancelled (task))
    return;
  if (!check_launched (process, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  if (gspawn_gio_process_has_ended (process))
    {
      return_end (task);
      return;
    }

  fd = _gspawn_gio_process_get_end_fd (process, &error);
  if (fd < 0)
    {
      g_task_return_error (task, error);
      return;
    }
  source = g_unix_fd_source_new (fd, G_IO_IN);
  if (cancellable != NULL)
    {
      g_autoptr (GSource) cancelled = g_cancellable_source_new (cancellable);

      g_source_set_dummy_callback (cancelled);
      g_source_add_child_source (source, cancelled);
    }
  g_task_attach_source (task, source, G_SOURCE_FUNC (on_end));
}

/**
 * gspawn_gio_process_wait_async:
 * @process: a process
 * @cancellable: (nullable): ends the wait
 * @callback: (scope async) (nullable): what to call when the process has ended
 * @user_data: (closure): for @callback
 *
 * Waits until a process has ended, in the thread-default main context of the caller. There may be
 * any number of waits at once, in any threads.
 *
 * A wait that is cancelled fails with %G_IO_ERROR_CANCELLED; the process runs on.
 *
 * Since: 0.1
 */
void
gspawn_gio_process_wait_async (GSpawnGioProcess    *process,
                               GCancellable        *cancellable,
                               GAsyncReadyCallback  callback,
                               gpointer             user_data)
{
  g_autoptr (GTask) task = NULL;

  g_return_if_fail (GSPAWN_GIO_IS_PROCESS (process));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (process, cancellable, callback, user_data);
  g_task_set_source_tag (task, gspawn_gio_process_wait_async);
  start_wait (task);
}

/**
 * gspawn_gio_process_wait_finish:
 * @process: a process
 * @result: what the callback was given
 * @error: (out) (optional): why the end of the process was not waited for
 *
 * Gets the outcome of gspawn_gio_process_wait_async(), with the errors of
 * gspawn_gio_process_wait().
 *
 * Returns: whether the process has ended
 *
 * Since: 0.1
 */
gboolean
gspawn_gio_process_wait_finish (GSpawnGioProcess  *process,
                                GAsyncResult      *result,
                                GError           **error)
{
  g_return_val_if_fail (GSPAWN_GIO_IS_PROCESS (process), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, gspawn_gio_process_wait_async), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, process), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * gspawn_gio_process_wait_check_async:
 * @process: a process
 * @cancellable: (nullable): ends the wait
 * @callback: (scope async) (nullable): what to call when the process has ended
 * @user_data: (closure): for @callback
 *
 * Waits as gspawn_gio_process_wait_async(), and looks at how the process has ended.
 *
 * Since: 0.1
 */
void
gspawn_gio_process_wait_check_async (GSpawnGioProcess    *process,
                                     GCancellable        *cancellable,
                                     GAsyncReadyCallback  callback,
                                     gpointer             user_data)
{
  g_autoptr (GTask) task = NULL;

  g_return_if_fail (GSPAWN_GIO_IS_PROCESS (process));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (process, cancellable, callback, user_data);
  g_task_set_source_tag (task, gspawn_gio_process_wait_check_async);
  start_wait (task);
}

/**
 * gspawn_gio_process_wait_check_finish:
 * @process: a process
 * @result: what the callback was given
 * @error: (out) (optional): why the end of the process was not waited for, or how it ended
 *
 * Gets the outcome of gspawn_gio_process_wait_check_async(), with the errors of
 * gspawn_gio_process_wait_check().
 *
 * Returns: whether the process has ended with the exit status 0
 *
 * Since: 0.1
 */
gboolean
gspawn_gio_process_wait_check_finish (GSpawnGioProcess  *process,
                                      GAsyncResult      *result,
                                      GError           **error)
{
  g_return_val_if_fail (GSPAWN_GIO_IS_PROCESS (process), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, gspawn_gio_process_wait_check_async),
                        FALSE);
  g_return_val_if_fail (g_task_is_valid (result, process), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
