/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Launches for which the caller does not wait: a main context watches each until it is decided.
 * What is decided, and how a launch is cancelled, is the core's to say. */
#include "gspawn-gio-process-private.h"
#include "gspawn-gio-template-private.h"

#include <glib-unix.h>

/* What the main context and whoever cancels share. A cancellation may come in any thread, and be
 * under way there when the launch is completed here, so nobody waits for its end: it finds under
 * the lock that there is nothing to cancel any more. */
typedef struct {
  gatomicrefcount ref_count;
  GMutex mutex;
  GSpawnPending *pending;
  gboolean cancelled;
} Shared;

typedef struct {
  Shared *shared;
  GCancellable *cancellable;
  gulong handler;
} Watch;

static Shared *
shared_new (GSpawnPending *pending)
{
  Shared *self = g_new0 (Shared, 1);

  g_atomic_ref_count_init (&self->ref_count);
  g_mutex_init (&self->mutex);
  g_mutex_lock (&self->mutex);
  self->pending = pending;
  g_mutex_unlock (&self->mutex);

  return self;
}

static Shared *
shared_ref (Shared *self)
{
  g_atomic_ref_count_inc (&self->ref_count);

  return self;
}

static void
shared_unref (gpointer data)
{
  Shared *self = data;

  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  g_clear_pointer (&self->pending, gspawn_pending_free);
  g_mutex_clear (&self->mutex);
  g_free (self);
}

/* A launch that is decided already keeps its outcome. */
static void
on_cancelled (GCancellable *cancellable G_GNUC_UNUSED,
              gpointer      user_data)
{
  Shared *shared = user_data;

  g_mutex_lock (&shared->mutex);
  if (shared->pending != NULL)
    shared->cancelled = gspawn_pending_cancel (shared->pending);
  g_mutex_unlock (&shared->mutex);
}

/* Not by g_cancellable_disconnect(), which would wait for every function that the cancellation
 * calls, and for ever if one of them has called us. */
static void
stop_listening (Watch *watch)
{
  if (watch->handler != 0)
    g_signal_handler_disconnect (watch->cancellable, watch->handler);
  watch->handler = 0;
  g_clear_object (&watch->cancellable);
}

static void
watch_free (gpointer data)
{
  Watch *watch = data;

  stop_listening (watch);
  shared_unref (watch->shared);
  g_free (watch);
}

static GSpawnPending *
steal_decided (Shared   *shared,
               gboolean *cancelled)
{
  GSpawnPending *pending = NULL;

  g_mutex_lock (&shared->mutex);
  if (gspawn_pending_poll (shared->pending))
    pending = g_steal_pointer (&shared->pending);
  *cancelled = shared->cancelled;
  g_mutex_unlock (&shared->mutex);

  return pending;
}

static gboolean
on_decided (int          fd G_GNUC_UNUSED,
            GIOCondition condition G_GNUC_UNUSED,
            gpointer     user_data)
{
  GTask *task = user_data;
  Watch *watch = g_task_get_task_data (task);
  g_autoptr (GSpawnPending) pending = NULL;
  GSpawnProcess *process;
  gboolean cancelled;
  GError *error = NULL;

  pending = steal_decided (watch->shared, &cancelled);
  if (pending == NULL)
    return G_SOURCE_CONTINUE;

  stop_listening (watch);
  process = gspawn_pending_complete (pending, &error);
  if (process != NULL)
    g_task_return_pointer (task, _gspawn_gio_process_new (process), g_object_unref);
  else if (cancelled)
    {
      g_clear_error (&error);
      g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_CANCELLED, "The launch was cancelled");
    }
  else
    g_task_return_error (task, error);

  return G_SOURCE_REMOVE;
}

static void
watch (GTask         *task,
       GSpawnPending *pending)
{
  GCancellable *cancellable = g_task_get_cancellable (task);
  g_autoptr (GSource) source = g_unix_fd_source_new (gspawn_pending_get_fd (pending), G_IO_IN);
  Watch *data = g_new0 (Watch, 1);

  data->shared = shared_new (pending);
  g_task_set_task_data (task, data, watch_free);
  if (cancellable != NULL)
    {
      data->cancellable = g_object_ref (cancellable);
      data->handler = g_cancellable_connect (cancellable, G_CALLBACK (on_cancelled),
                                             shared_ref (data->shared), shared_unref);
    }
  g_task_attach_source (task, source, G_SOURCE_FUNC (on_decided));
}

static void
start_launch (GTask        *task,
              GSpawnLaunch *launch)
{
  GError *error = NULL;
  GSpawnTemplate *tmpl;
  GSpawnPending *pending = NULL;

  /* A process that was launched must not be lost to a cancellation that comes too late. */
  g_task_set_check_cancellable (task, FALSE);
  if (g_task_return_error_if_cancelled (task))
    return;

  tmpl = _gspawn_gio_template_get_core (g_task_get_source_object (task), &error);
  if (tmpl != NULL)
    pending = gspawn_template_begin (tmpl, launch, &error);
  if (pending == NULL)
    g_task_return_error (task, error);
  else
    watch (task, pending);
}

/**
 * gspawn_gio_template_launch_async:
 * @tmpl: a template
 * @arguments: (array zero-terminated=1) (element-type filename) (nullable): arguments, after those
 *     of the template
 * @cancellable: (nullable): cancels the launch
 * @callback: (scope async) (nullable): what to call when the program is executed, or cannot be
 * @user_data: (closure): for @callback
 *
 * Begins to launch the program of a template. The calling thread does not wait for the program to
 * be executed; its thread-default main context sees to the rest. There may be any number of
 * launches at once.
 *
 * A launch that is cancelled before it is decided fails with %G_IO_ERROR_CANCELLED, as soon as the
 * child is gone and nothing is left of it. If the cancellation comes later, the process is
 * launched, and the outcome is that process.
 *
 * The template may be given up at once. This function may be called from any thread.
 *
 * Since: 0.1
 */
void
gspawn_gio_template_launch_async (GSpawnGioTemplate   *tmpl,
                                  const char *const   *arguments,
                                  GCancellable        *cancellable,
                                  GAsyncReadyCallback  callback,
                                  gpointer             user_data)
{
  g_autoptr (GSpawnLaunch) launch = NULL;
  g_autoptr (GTask) task = NULL;

  g_return_if_fail (GSPAWN_GIO_IS_TEMPLATE (tmpl));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (tmpl, cancellable, callback, user_data);
  g_task_set_source_tag (task, gspawn_gio_template_launch_async);
  if (arguments != NULL)
    launch = gspawn_launch_new (arguments);
  start_launch (task, launch);
}

/**
 * gspawn_gio_template_launch_finish:
 * @tmpl: a template
 * @result: what the callback was given
 * @error: (out) (optional): why nothing was launched
 *
 * Gets the outcome of gspawn_gio_template_launch_async(). The errors are those of
 * gspawn_gio_template_launch(), and %G_IO_ERROR_CANCELLED.
 *
 * Returns: (transfer full): the process, or %NULL
 *
 * Since: 0.1
 */
GSpawnGioProcess *
gspawn_gio_template_launch_finish (GSpawnGioTemplate  *tmpl,
                                   GAsyncResult       *result,
                                   GError            **error)
{
  g_return_val_if_fail (GSPAWN_GIO_IS_TEMPLATE (tmpl), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, gspawn_gio_template_launch_async), NULL);
  g_return_val_if_fail (g_task_is_valid (result, tmpl), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

/**
 * gspawn_gio_template_launch_with_async:
 * @tmpl: a template
 * @launch: (nullable): what this launch has of its own, or %NULL for nothing
 * @cancellable: (nullable): cancels the launch
 * @callback: (scope async) (nullable): what to call when the program is executed, or cannot be
 * @user_data: (closure): for @callback
 *
 * Begins to launch the program of a template with more than arguments. Else it is as
 * gspawn_gio_template_launch_async().
 *
 * Since: 0.1
 */
void
gspawn_gio_template_launch_with_async (GSpawnGioTemplate   *tmpl,
                                       GSpawnLaunch        *launch,
                                       GCancellable        *cancellable,
                                       GAsyncReadyCallback  callback,
                                       gpointer             user_data)
{
  g_autoptr (GTask) task = NULL;

  g_return_if_fail (GSPAWN_GIO_IS_TEMPLATE (tmpl));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (tmpl, cancellable, callback, user_data);
  g_task_set_source_tag (task, gspawn_gio_template_launch_with_async);
  start_launch (task, launch);
}

/**
 * gspawn_gio_template_launch_with_finish:
 * @tmpl: a template
 * @result: what the callback was given
 * @error: (out) (optional): why nothing was launched
 *
 * Gets the outcome of gspawn_gio_template_launch_with_async(). The errors are those of
 * gspawn_gio_template_launch_with(), and %G_IO_ERROR_CANCELLED.
 *
 * Returns: (transfer full): the process, or %NULL
 *
 * Since: 0.1
 */
GSpawnGioProcess *
gspawn_gio_template_launch_with_finish (GSpawnGioTemplate  *tmpl,
                                        GAsyncResult       *result,
                                        GError            **error)
{
  g_return_val_if_fail (GSPAWN_GIO_IS_TEMPLATE (tmpl), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, gspawn_gio_template_launch_with_async),
                        NULL);
  g_return_val_if_fail (g_task_is_valid (result, tmpl), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
