/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Runs a driver, that is a program that makes requests while its memory is tight: starts it,
 * answers what it announces by making the machine so, and takes down what it says. Judges
 * nothing. The driver dies with us, so that no setting that it needs has to outlast the test. */

#include "low-memory-driver.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
  Stage *stage;
  DriverReport *report;
  int input;
} Talk;

/* Runs in the child, before the driver. */
static void
become_driver (gpointer data)
{
  const struct passwd *user = data;

  if (user != NULL &&
      (setgroups (0, NULL) < 0 || setgid (user->pw_gid) < 0 || setuid (user->pw_uid) < 0))
    _exit (126);
  /* After the change of user, which would reset it. */
  prctl (PR_SET_PDEATHSIG, SIGKILL);
}

static gboolean
answer (Talk    *talk,
        GError **error)
{
  if (write (talk->input, "\n", 1) == 1)
    return TRUE;

  g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_PIPE, "the driver is gone");
  return FALSE;
}

static void
take_down (DriverReport *report,
           const char   *line)
{
  if (sscanf (line, "leaked %d", &report->leaked) == 1)
    return;
  if (g_str_has_prefix (line, "children "))
    report->has_children = g_str_equal (line, "children yes");
  else if (sscanf (line, "fork %d", &report->fork_errno) == 1)
    report->complete = TRUE;
  else
    g_ptr_array_add (report->outcomes, g_strdup (line));
}

static gboolean
listen_to (Talk    *talk,
           FILE    *output,
           GError **error)
{
  char *line = NULL;
  size_t size = 0;
  gboolean ok = TRUE;

  while (ok && getline (&line, &size, output) > 0)
    {
      g_strchomp (line);
      if (g_str_equal (line, "ready"))
        ok = stage_set_up (talk->stage, talk->report->pid, error) && answer (talk, error);
      else if (g_str_equal (line, "tight"))
        ok = stage_tighten (talk->stage, error) && answer (talk, error);
      else
        take_down (talk->report, line);
    }
  free (line);

  return ok;
}

/* Runs @argv in @situation until its end. */
DriverReport *
driver_run (const Situation    *situation,
            const char *const  *argv,
            const char *const  *envp,
            GError            **error)
{
  g_autoptr (DriverReport) report = g_new0 (DriverReport, 1);
  Talk talk = { .report = report };
  struct passwd *user = situation->user != NULL ? getpwnam (situation->user) : NULL;
  FILE *output;
  int output_fd;
  gboolean ok;

  report->outcomes = g_ptr_array_new_with_free_func (g_free);
  talk.stage = stage_new (situation);

  if (!g_spawn_async_with_pipes (NULL, (char **) argv, (char **) envp,
                                 G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_CLOEXEC_PIPES,
                                 become_driver, user, &report->pid, &talk.input, &output_fd,
                                 NULL, error))
    {
      stage_free (talk.stage);
      return NULL;
    }

  output = fdopen (output_fd, "r");
  ok = listen_to (&talk, output, error);
  close (talk.input);
  fclose (output);
  while (waitpid (report->pid, &report->status, 0) < 0 && errno == EINTR)
    ;

  report->kills = stage_count_kills (talk.stage);
  if (!stage_free (talk.stage))
    g_error ("The machine's settings could not be restored");

  return ok ? g_steal_pointer (&report) : NULL;
}

void
driver_report_free (DriverReport *report)
{
  g_ptr_array_unref (report->outcomes);
  g_free (report);
}
