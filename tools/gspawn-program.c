/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Executing PROGRAM as execvp() finds it, in our place or in a child, with the signals as we found
 * them; and ending as it ended. Not with g_spawn: that sets signals to default that PROGRAM shall
 * inherit as ignored, such as nohup's. */

#include "gspawn-program-private.h"

#include "gspawn-command-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/**
 * _gspawn_inherited_signals_save:
 * @signals: (out): return location
 *
 * Remembers the state of the signals, and makes ours one in which children can be waited for.
 */
void
_gspawn_inherited_signals_save (GSpawnInheritedSignals *signals)
{
  struct sigaction action = { .sa_handler = SIG_DFL };

  sigprocmask (SIG_SETMASK, NULL, &signals->mask);
  sigaction (SIGPIPE, NULL, &signals->pipe);
  sigaction (SIGCHLD, &action, &signals->child);
}

static void
restore_signals (const GSpawnInheritedSignals *signals)
{
  sigaction (SIGCHLD, &signals->child, NULL);
  sigaction (SIGPIPE, &signals->pipe, NULL);
  sigprocmask (SIG_SETMASK, &signals->mask, NULL);
}

static void
set_exec_error (GError     **error,
                int          saved_errno,
                const char  *program)
{
  g_set_error (error, GSPAWN_COMMAND_ERROR,
               saved_errno == ENOENT ? GSPAWN_COMMAND_ERROR_NOT_FOUND
                                     : GSPAWN_COMMAND_ERROR_NOT_EXECUTABLE,
               "cannot run '%s': %s", program, g_strerror (saved_errno));
}

/**
 * _gspawn_program_replace:
 * @argv: PROGRAM and its arguments
 * @signals: what PROGRAM inherits
 * @error: return location
 *
 * Executes PROGRAM in our place. Returns only with an error.
 */
void
_gspawn_program_replace (char                         **argv,
                         const GSpawnInheritedSignals  *signals,
                         GError                       **error)
{
  restore_signals (signals);
  execvp (argv[0], argv);
  set_exec_error (error, errno, argv[0]);
}

static void
set_system_error (GError     **error,
                  int          saved_errno,
                  const char  *program)
{
  g_set_error (error, GSPAWN_COMMAND_ERROR, GSPAWN_COMMAND_ERROR_SYSTEM,
               "cannot start a process for '%s': %s", program, g_strerror (saved_errno));
}

static void G_GNUC_NORETURN
child_exec (char                         **argv,
            const GSpawnInheritedSignals  *signals,
            int                            report)
{
  int saved_errno;

  restore_signals (signals);
  execvp (argv[0], argv);
  saved_errno = errno;
  while (write (report, &saved_errno, sizeof saved_errno) < 0 && errno == EINTR)
    ;
  _exit (GSPAWN_COMMAND_ERROR_NOT_EXECUTABLE);
}

/* Returns the errno of a failed exec, or 0 once the pipe is closed by a successful one. */
static int
read_report (int report)
{
  int child_errno = 0;
  gssize n;

  do
    n = read (report, &child_errno, sizeof child_errno);
  while (n < 0 && errno == EINTR);

  return n == sizeof child_errno ? child_errno : 0;
}

/**
 * _gspawn_program_start:
 * @argv: PROGRAM and its arguments
 * @signals: what PROGRAM inherits
 * @pid: (out): return location
 * @error: return location
 *
 * Executes PROGRAM in a child, in our process group.
 *
 * Returns: %TRUE once it has been executed
 */
gboolean
_gspawn_program_start (char                         **argv,
                       const GSpawnInheritedSignals  *signals,
                       pid_t                         *pid,
                       GError                       **error)
{
  int report[2], exec_errno;
  pid_t child;

  if (pipe2 (report, O_CLOEXEC) < 0)
    {
      set_system_error (error, errno, argv[0]);
      return FALSE;
    }

  child = fork ();
  if (child < 0)
    set_system_error (error, errno, argv[0]);
  else if (child == 0)
    child_exec (argv, signals, report[1]);

  g_close (report[1], NULL);
  exec_errno = child > 0 ? read_report (report[0]) : 0;
  g_close (report[0], NULL);

  if (exec_errno != 0)
    {
      while (waitpid (child, NULL, 0) < 0 && errno == EINTR)
        ;
      set_exec_error (error, exec_errno, argv[0]);
    }

  if (child < 0 || exec_errno != 0)
    return FALSE;

  *pid = child;
  return TRUE;
}

/**
 * _gspawn_program_imitate:
 * @wait_status: how PROGRAM ended
 *
 * Ends by the same signal, without dumping core a second time; or says how to exit.
 *
 * Returns: the exit status
 */
int
_gspawn_program_imitate (int wait_status)
{
  const struct rlimit no_core = { 0, 0 };
  struct sigaction action = { .sa_handler = SIG_DFL };
  sigset_t set;
  int number;

  if (WIFEXITED (wait_status))
    return WEXITSTATUS (wait_status);

  /* A core pattern that is a pipe does not heed the limit. */
  number = WTERMSIG (wait_status);
  setrlimit (RLIMIT_CORE, &no_core);
  prctl (PR_SET_DUMPABLE, 0);
  fflush (NULL);

  sigaction (number, &action, NULL);
  sigemptyset (&set);
  sigaddset (&set, number);
  raise (number);
  sigprocmask (SIG_UNBLOCK, &set, NULL);

  /* Only the first process of a PID namespace survives that. */
  return 128 + number;
}
