/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Whether the machine gets its settings back when a test is killed in the middle of a situation,
 * together with its process group. Uses the stages as the other tests do. */

#include "low-memory-custody.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib-unix.h>

#include "low-memory-stage.h"
#include "overcommit.h"

/* A process that lasts until it is killed, and that no signal to a group of ours reaches. */
static void
start_straggler (void)
{
  pid_t pid = fork ();

  if (pid < 0)
    g_error ("fork: %s", g_strerror (errno));
  if (pid > 0)
    return;

  setsid ();
  for (;;)
    pause ();
}

/* Sets the stage, tells where it is, and never leaves it. */
G_GNUC_NORETURN
static void
haunt_stage (const Situation *situation,
             int              line)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  Stage *stage;

  g_assert_no_errno (setpgid (0, 0));
  stage = stage_new (situation);
  if (!stage_set_up (stage, getpid (), &error))
    g_error ("%s", error->message);
  if (situation->cgroup)
    start_straggler ();

  text = g_strdup_printf ("%s\n", stage_get_cgroup_path (stage) != NULL
                                    ? stage_get_cgroup_path (stage) : "/proc/self");
  if (write (line, text, strlen (text)) != (gssize) strlen (text))
    g_error ("Nobody is listening");
  for (;;)
    pause ();
}

static char *
read_line (int fd)
{
  g_autoptr (GString) line = g_string_new (NULL);
  char c;

  while (read (fd, &c, 1) == 1 && c != '\n')
    g_string_append_c (line, c);

  return g_strdup (line->str);
}

static void
check_settings (const OvercommitSettings *expected)
{
  g_autoptr (GError) error = NULL;
  OvercommitSettings settings;

  overcommit_read (&settings, &error);
  g_assert_no_error (error);
  g_assert_cmpint (settings.mode, ==, expected->mode);
  g_assert_cmpint (settings.ratio, ==, expected->ratio);
  g_assert_cmpint (settings.kbytes, ==, expected->kbytes);
}

/* The test of the #Situation @data. The lock is the custodian's until everything is as it was; the
 * other end of the pipe belongs to the processes that were left behind. */
void
custody_test (gconstpointer data)
{
  const Situation *situation = data;
  g_autofree char *obstacle = situation_find_obstacle (situation);
  g_autofree char *path = NULL;
  OvercommitSettings before = { 0 };
  OvercommitSettings during = { 0 };
  int ends[2];
  int lock;
  pid_t pid;
  char c;

  g_test_summary ("The machine's settings come back when the test and its group are killed");
  if (obstacle != NULL)
    {
      situation_skip (obstacle);
      return;
    }

  lock = overcommit_lock (FALSE);
  g_assert_true (overcommit_read (&before, NULL));
  close (lock);
  g_assert_true (g_unix_open_pipe (ends, FD_CLOEXEC, NULL));
  pid = fork ();
  if (pid < 0)
    g_error ("fork: %s", g_strerror (errno));
  if (pid == 0)
    haunt_stage (situation, ends[1]);
  close (ends[1]);

  path = read_line (ends[0]);
  g_assert_true (overcommit_read (&during, NULL));
  g_assert_cmpint (during.mode, ==, situation->strict ? OVERCOMMIT_STRICT : before.mode);
  g_assert_true (g_file_test (path, G_FILE_TEST_IS_DIR));

  g_assert_no_errno (kill (-pid, SIGKILL));
  g_assert_cmpint (waitpid (pid, NULL, 0), ==, pid);
  g_assert_cmpint (read (ends[0], &c, 1), ==, 0);
  close (ends[0]);
  lock = overcommit_lock (TRUE);
  check_settings (&before);
  if (situation->cgroup)
    g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
  close (lock);
}
