/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Runs a test in a process of its own, where it may lock itself into a sandbox, and tries launches
 * there. The drop-in is linked, not preloaded, as a program that adopts it would. */
#include "isolation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static gboolean
must_work (void)
{
  return g_strcmp0 (g_getenv ("GSPAWN_MUST_WORK"), "1") == 0;
}

/* For a tool or a package that a machine may lack, but not one where all must work. */
void
skip_unless_required (const char *reason)
{
  g_test_skip (reason);
  if (must_work ())
    g_test_fail_printf ("must not be skipped: %s", reason);
}

void
assert_runs (const char *script)
{
  const char *argv[] = { "/bin/sh", "-c", script, NULL };
  g_autoptr (GError) error = NULL;
  int status;

  g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL, &status,
                &error);
  g_assert_no_error (error);
  g_spawn_check_wait_status (status, &error);
  g_assert_no_error (error);
}

/* One launch of each kind, and one failure of each. */
void
assert_launches (void)
{
  const char *argv[] = { "/bin/sh", "-c", "echo $PPID >&3", NULL };
  const char *missing[] = { "/nonexistent/program", NULL };
  int source, target = 3;
  int ends[2];
  g_autoptr (GError) error = NULL;
  char text[32];
  gssize n;
  GPid pid;

  assert_runs ("exit 0");

  g_assert_no_errno (pipe2 (ends, O_CLOEXEC));
  source = ends[1];
  g_spawn_async_with_pipes_and_fds (NULL, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, -1, -1, -1,
                                    &source, &target, 1, &pid, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  close (ends[1]);
  n = read (ends[0], text, sizeof text - 1);
  g_assert_cmpint (n, >, 0);
  text[n] = '\0';
  g_assert_cmpint (atoi (text), !=, getpid ());
  close (ends[0]);

  for (int i = 0; i < 2; i++)
    {
      g_assert_false (g_spawn_async (NULL, (char **) missing, NULL,
                                     i == 0 ? G_SPAWN_DEFAULT : G_SPAWN_DO_NOT_REAP_CHILD, NULL,
                                     NULL, NULL, &error));
      g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT);
      g_clear_error (&error);
    }

  g_assert_cmpint (waitpid (-1, NULL, WNOHANG), ==, -1);
  g_assert_cmpint (errno, ==, ECHILD);
}

/* Runs the rest of the calling test in a process of its own. */
gboolean
in_subprocess (void)
{
  if (g_test_subprocess ())
    return TRUE;

  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDOUT |
                                   G_TEST_SUBPROCESS_INHERIT_STDERR);
  g_test_trap_assert_passed ();
  return FALSE;
}
