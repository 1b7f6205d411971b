/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/*
 * The ways that launch a template: prepared once, as a program does it that launches often.
 */
#include "bench-templates.h"

#include <errno.h>
#include <poll.h>
#include <sys/wait.h>

#include "bench-child.h"

static GSpawnTemplate *
make_template (const BenchRequest *request)
{
  g_autoptr(GError) error = NULL;
  GSpawnTemplate *tmpl;
  gboolean prepared;
  guint i;

  tmpl = gspawn_template_new ((const char * const *) request->argv,
                              request->search ? G_SPAWN_SEARCH_PATH : G_SPAWN_DEFAULT, &error);
  prepared = tmpl != NULL;
  if (prepared && request->envp != NULL)
    {
      prepared = gspawn_template_set_environment (tmpl, (const char * const *) request->envp,
                                                  &error)
                 && gspawn_template_set_working_directory (tmpl, request->working_directory,
                                                           &error);
      for (i = 0; i < 3; i++)
        prepared = prepared
                   && gspawn_template_set_stream (tmpl, i, GSPAWN_STREAM_KIND_PIPE, &error);
    }
  if (!prepared)
    g_error ("The template: %s", error->message);

  return tmpl;
}

/* A worker has one request. */
static GSpawnTemplate *
get_template (const BenchRequest *request)
{
  static GSpawnTemplate *tmpl = NULL;

  if (tmpl == NULL)
    tmpl = make_template (request);

  return tmpl;
}

gboolean
bench_template_launch (const BenchRequest *request,
                       BenchChild         *child)
{
  g_autoptr(GError) error = NULL;

  child->process = gspawn_template_launch (get_template (request), NULL, &error);
  if (child->process == NULL)
    g_printerr ("gspawn_template_launch: %s\n", error->message);

  return child->process != NULL;
}

gboolean
bench_template_begin (const BenchRequest *request,
                      BenchChild         *child)
{
  g_autoptr(GError) error = NULL;

  child->pending = gspawn_template_begin (get_template (request), NULL, &error);
  if (child->pending == NULL)
    g_printerr ("gspawn_template_begin: %s\n", error->message);

  return child->pending != NULL;
}

static gboolean
finish_process (BenchChild       *child,
                GSpawnLaunchKind  kind)
{
  g_autoptr(GSpawnProcess) process = g_steal_pointer (&child->process);
  int status = 0;

  if (gspawn_process_get_engine (process) != GSPAWN_ENGINE_CLONE
      || gspawn_process_get_launch_kind (process) != kind)
    {
      g_printerr ("A launch of the kind %d was wanted, and one of the kind %d made\n", kind,
                  gspawn_process_get_launch_kind (process));
      return FALSE;
    }

  return gspawn_process_wait (process, &status, NULL) && WIFEXITED (status)
         && WEXITSTATUS (status) == BENCH_CHILD_STATUS;
}

static void
wait_until_readable (int fd)
{
  struct pollfd pollfd = { .fd = fd, .events = POLLIN };

  while (poll (&pollfd, 1, -1) < 0 && errno == EINTR)
    continue;
}

static gboolean
finish_pending (BenchChild       *child,
                GSpawnLaunchKind  kind)
{
  g_autoptr(GError) error = NULL;

  while (!gspawn_pending_poll (child->pending))
    wait_until_readable (gspawn_pending_get_fd (child->pending));

  child->process = gspawn_pending_complete (child->pending, &error);
  g_clear_pointer (&child->pending, gspawn_pending_free);
  if (child->process == NULL)
    {
      g_printerr ("gspawn_pending_complete: %s\n", error->message);
      return FALSE;
    }

  return finish_process (child, kind);
}

gboolean
bench_template_finish_launch (BenchChild *child)
{
  return finish_process (child, GSPAWN_LAUNCH_WAITING);
}

gboolean
bench_template_finish_asynchronous (BenchChild *child)
{
  return finish_pending (child, GSPAWN_LAUNCH_ASYNCHRONOUS);
}

gboolean
bench_template_finish_worker (BenchChild *child)
{
  return finish_pending (child, GSPAWN_LAUNCH_WORKER);
}
