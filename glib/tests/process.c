/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* GSpawnProcess: how a process ends, who hears of it, what signals reach, and what becomes of one
 * that is abandoned. The cases are those of the tables in process-*.c. */

#include "process-stage.h"
#include <sys/wait.h>
#include <unistd.h>

#include "runner.h"

static void
quit_loop (GPid     pid G_GNUC_UNUSED,
           int      status G_GNUC_UNUSED,
           gpointer loop)
{
  g_main_loop_quit (loop);
}

/* The main context has a descriptor from its first use on. Where there are no descriptors of
 * processes, GLib has a handler for SIGCHLD as well. */
static void
prepare (void)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  pid_t pid = fork ();

  g_assert_no_errno (pid);
  if (pid == 0)
    _exit (0);
  g_child_watch_add (pid, quit_loop, loop);
  g_main_loop_run (loop);

  stage_begin ();
}

int
main (int    argc,
      char **argv)
{
  static const Case *const tables[] = {
    process_end_cases, process_lost_cases, process_signal_cases, process_abandoned_cases, NULL
  };
  static const CaseList process = {
    .noun = "process", .tables = tables, .prepare = prepare, .glib_series = ""
  };

  return runner_main (argc, argv, &process);
}
