/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Carries out one request in a process of its own, and waits until nothing of it is left: orphans
 * come to the process that runs requests, which has no other children. */

#include "differential-run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "differential-scene.h"
#include "differential-stage.h"

#define DEADLINE_S 10

static sigset_t child_signal;

/* Once in a process that runs requests. */
void
run_begin (void)
{
  sigemptyset (&child_signal);
  sigaddset (&child_signal, SIGCHLD);
  sigprocmask (SIG_BLOCK, &child_signal, NULL);
  if (prctl (PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
    g_error ("PR_SET_CHILD_SUBREAPER: %s", g_strerror (errno));
}

static G_GNUC_NORETURN void
enter_caller (const Request *request,
              const Subject *subject,
              const char    *scene)
{
  g_autofree char *program = g_test_build_filename (G_TEST_BUILT, "differential-caller", NULL);
  g_autofree char *text = request_format (request);
  g_autofree char *trace = g_build_filename (scene, SCENE_TRACE, NULL);
  char *argv[] = { program, (char *) scene, text, NULL };

  sigprocmask (SIG_UNBLOCK, &child_signal, NULL);
  g_setenv ("GSPAWN_TRACE", trace, TRUE);
  g_setenv ("GSPAWN_ENGINE", subject->engine != NULL ? subject->engine : "none", TRUE);
  if (subject->engine != NULL)
    g_setenv ("LD_PRELOAD", subject->library, TRUE);
  else
    g_unsetenv ("LD_PRELOAD");

  execv (program, argv);
  _exit (127);
}

static void
note_end (Ending *ending,
          pid_t   pid,
          int     status)
{
  if (pid == ending->caller)
    ending->status = status;
  else
    g_hash_table_insert (ending->orphans, GINT_TO_POINTER (pid), GINT_TO_POINTER (status));
}

/* Up to the last process of the run. */
static void
await (Ending *ending)
{
  const struct timespec deadline = { DEADLINE_S, 0 };
  int status;
  pid_t pid;

  while ((pid = waitpid (-1, &status, WNOHANG | __WALL)) >= 0)
    if (pid > 0)
      note_end (ending, pid, status);
    else if (sigtimedwait (&child_signal, NULL, &deadline) < 0 && errno == EAGAIN)
      {
        ending->timed_out = TRUE;
        kill (-ending->caller, SIGKILL);
        kill (ending->caller, SIGKILL);
      }
}

/*
 * run_request: (skip)
 * @request: the request
 * @subject: whose functions to call
 * @scene: where; nobody else may use it
 *
 * Returns: (transfer full): what came of it
 */
Outcome *
run_request (const Request *request,
             const Subject *subject,
             const char    *scene)
{
  Ending ending = { 0 };
  Outcome *outcome;

  scene_reset (scene);
  ending.orphans = g_hash_table_new (NULL, NULL);
  ending.may_vanish = request_is (request, ASPECT_SIGCHLD, "ignored");
  ending.caller = fork ();
  if (ending.caller < 0)
    g_error ("fork: %s", g_strerror (errno));
  if (ending.caller == 0)
    enter_caller (request, subject, scene);

  await (&ending);
  outcome = outcome_new (scene, &ending);
  g_hash_table_unref (ending.orphans);

  return outcome;
}
