/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/*
 * The way that goes through GIO's asynchronous functions, and so through a main loop.
 */
#include "bench-gio.h"

#include "bench-child.h"

/* A worker has one request. */
static GSpawnGioTemplate *
get_template (const BenchRequest *request)
{
  static GSpawnGioTemplate *tmpl = NULL;
  g_autoptr(GError) error = NULL;

  if (tmpl == NULL)
    tmpl = gspawn_gio_template_new ((const char * const *) request->argv, G_SPAWN_DEFAULT, &error);
  if (tmpl == NULL)
    g_error ("The template: %s", error->message);

  return tmpl;
}

static void
on_launched (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  BenchChild *child = user_data;
  g_autoptr(GError) error = NULL;

  child->gio_process = gspawn_gio_template_launch_finish (GSPAWN_GIO_TEMPLATE (source), result,
                                                          &error);
  if (child->gio_process == NULL)
    g_error ("gspawn_gio_template_launch_async: %s", error->message);
}

gboolean
bench_gio_launch_async (const BenchRequest *request,
                        BenchChild         *child)
{
  gspawn_gio_template_launch_async (get_template (request), NULL, NULL, on_launched, child);

  return TRUE;
}

gboolean
bench_gio_finish_asynchronous (BenchChild *child)
{
  g_autoptr(GSpawnGioProcess) process = NULL;

  while (child->gio_process == NULL)
    g_main_context_iteration (NULL, TRUE);
  process = g_steal_pointer (&child->gio_process);

  return gspawn_gio_process_get_launch_kind (process) == GSPAWN_LAUNCH_ASYNCHRONOUS
         && gspawn_gio_process_wait (process, NULL, NULL)
         && gspawn_gio_process_get_exit_status (process) == BENCH_CHILD_STATUS;
}
