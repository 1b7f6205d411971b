/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* What is launched in every place: each kind of request once, with what becomes of its child.
 *
 * A launch takes its program from the place and needs nothing else of the file system, but where
 * its name says so. Each looks for children that it should not have left. */

#include "elsewhere.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define TARGET_FD 5
#define STRAY_FD 9
#define TEXT "works"

/* The input must not be /dev/null, which not every place has. */
#define FLAGS G_SPAWN_CHILD_INHERITS_STDIN

const char *place_program;
const char *place_script;

/* As the first process of a namespace, and by asking for them, one is given orphans. */
static gboolean
takes_orphans (void)
{
  int is_subreaper = 0;

  return getpid () == 1 ||
         (prctl (PR_GET_CHILD_SUBREAPER, &is_subreaper, 0, 0, 0) == 0 && is_subreaper);
}

static pid_t
wait_for_any (int *status)
{
  pid_t pid;

  do
    pid = waitpid (-1, status, __WALL);
  while (pid < 0 && errno == EINTR);

  return pid;
}

static gboolean
check_no_children (void)
{
  int status = 0;
  pid_t pid = waitpid (-1, &status, WNOHANG | __WALL);

  if (pid >= 0)
    return place_complain ("left a child (%d, wait status %#x)", (int) pid, (unsigned int) status);

  return TRUE;
}

static gboolean
check_status (int status,
              int expected)
{
  if (!WIFEXITED (status) || WEXITSTATUS (status) != expected)
    return place_complain ("has wait status %#x", (unsigned int) status);

  return TRUE;
}

static gboolean
read_text (int fd)
{
  char text[sizeof TEXT + 1];
  gsize length = 0;
  gssize n;

  while ((n = read (fd, text + length, sizeof text - 1 - length)) > 0)
    length += (gsize) n;
  close (fd);
  text[length] = '\0';
  if (!g_str_equal (text, TEXT))
    return place_complain ("says \"%s\"", text);

  return TRUE;
}

static gboolean
run_sync (const char *const  *argv,
          const char *const  *envp,
          GSpawnFlags         flags,
          const char         *expected_output,
          int                 expected_status,
          GError            **error)
{
  g_autofree char *output = NULL;
  int status;

  if (!g_spawn_sync (NULL, (char **) argv, (char **) envp, flags, NULL, NULL,
                     (flags & G_SPAWN_STDOUT_TO_DEV_NULL) != 0 ? NULL : &output, NULL, &status,
                     error))
    return FALSE;
  if (output != NULL && !g_str_equal (output, expected_output))
    return place_complain ("says \"%s\"", output);

  return check_status (status, expected_status) && check_no_children ();
}

static gboolean
launch_sync (GError **error)
{
  const char *argv[] = { place_program, "print", "1", TEXT, "exit", "3", NULL };

  return run_sync (argv, NULL, FLAGS, TEXT, 3, error);
}

static gboolean
launch_waited (GError **error)
{
  const char *argv[] = { place_program, "print", "1", TEXT, "exit", "4", NULL };
  int output, status;
  GPid pid;

  if (!g_spawn_async_with_pipes ("/", (char **) argv, NULL, FLAGS | G_SPAWN_DO_NOT_REAP_CHILD, NULL,
                                 NULL, &pid, NULL, &output, NULL, error))
    return FALSE;
  if (!read_text (output))
    return FALSE;
  if (wait_for_any (&status) != pid)
    return place_complain ("is not whom there is to wait for");

  return check_status (status, 4) && check_no_children ();
}

/* A child that is not ours, unless we are given orphans: then it is that one and no other. */
static gboolean
launch_reaped (GError **error)
{
  const char *argv[] = { place_program, "print", "5", TEXT, "exit", "6", NULL };
  int source, target = TARGET_FD;
  gboolean launched;
  int ends[2];
  int status;
  GPid pid;

  if (pipe2 (ends, O_CLOEXEC) < 0)
    return place_complain ("has no pipe");
  source = ends[1];
  launched = g_spawn_async_with_pipes_and_fds (NULL, argv, NULL, FLAGS, NULL, NULL, -1, -1, -1,
                                               &source, &target, 1, &pid, NULL, NULL, NULL, error);
  close (ends[1]);
  if (!launched)
    {
      close (ends[0]);
      return FALSE;
    }
  if (!read_text (ends[0]))
    return FALSE;
  if (takes_orphans () && (wait_for_any (&status) != pid || !check_status (status, 6)))
    return place_complain ("did not become ours");

  return check_no_children ();
}

/* Succeeds if both kinds fail as they must. */
static gboolean
launch_missing (GError **error)
{
  const char *argv[] = { "/missing/program", NULL };

  for (int i = 0; i < 2; i++)
    {
      g_autoptr (GError) local_error = NULL;

      if (g_spawn_async (NULL, (char **) argv, NULL,
                         FLAGS | (i == 0 ? G_SPAWN_DEFAULT : G_SPAWN_DO_NOT_REAP_CHILD), NULL, NULL,
                         NULL, &local_error))
        return place_complain ("was launched");
      if (!g_error_matches (local_error, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT))
        {
          g_propagate_error (error, g_steal_pointer (&local_error));
          return FALSE;
        }
      if (!check_no_children ())
        return FALSE;
    }

  return TRUE;
}

static gboolean
launch_search (GError **error)
{
  g_autofree char *directory = g_path_get_dirname (place_program);
  g_autofree char *name = g_path_get_basename (place_program);
  g_autofree char *path = g_strconcat ("PATH=/missing:", directory, NULL);
  const char *argv[] = { name, "print", "1", TEXT, NULL };
  const char *envp[] = { path, NULL };

  return run_sync (argv, envp, FLAGS | G_SPAWN_SEARCH_PATH_FROM_ENVP, TEXT, 0, error);
}

/* The program fails to write to a descriptor that it does not have. */
static gboolean
launch_closed (GError **error)
{
  const char *argv[] = { place_program, "print", G_STRINGIFY (STRAY_FD), TEXT, NULL };
  gboolean worked;
  int ends[2];

  if (pipe2 (ends, O_CLOEXEC) < 0 || dup2 (ends[1], STRAY_FD) < 0)
    return place_complain ("has no pipe");
  worked = run_sync (argv, NULL, FLAGS | G_SPAWN_STDERR_TO_DEV_NULL, "", 125, error);
  close (ends[0]);
  close (ends[1]);
  close (STRAY_FD);

  return worked;
}

static gboolean
launch_null_input (GError **error)
{
  const char *argv[] = { place_program, "wait-fd", "0", "print", "1", TEXT, NULL };

  return run_sync (argv, NULL, G_SPAWN_DEFAULT, TEXT, 0, error);
}

static gboolean
launch_null_output (GError **error)
{
  const char *argv[] = { place_program, "print", "1", TEXT, NULL };

  return run_sync (argv, NULL, FLAGS | G_SPAWN_STDOUT_TO_DEV_NULL, NULL, 0, error);
}

/* It needs /bin/sh. */
static gboolean
launch_script (GError **error)
{
  const char *argv[] = { place_script, NULL };

  return run_sync (argv, NULL, FLAGS, "", 0, error);
}

static void
do_nothing (G_GNUC_UNUSED gpointer data)
{
}

static gboolean
launch_set_up (GError **error)
{
  const char *argv[] = { place_program, "print", "1", TEXT, NULL };
  g_autofree char *output = NULL;
  int status;

  if (!g_spawn_sync (NULL, (char **) argv, NULL, FLAGS, do_nothing, NULL, &output, NULL, &status,
                     error))
    return FALSE;
  if (!g_str_equal (output, TEXT))
    return place_complain ("says \"%s\"", output);

  return check_status (status, 0) && check_no_children ();
}

const PlaceLaunch place_launches[] = {
  { "sync", 0, launch_sync },
  { "waited", 0, launch_waited },
  { "reaped", GSPAWN_NEED_REAP, launch_reaped },
  { "missing", GSPAWN_NEED_REAP, launch_missing },
  { "search", 0, launch_search },
  { "closed", 0, launch_closed },
  { "null-input", 0, launch_null_input },
  { "null-output", 0, launch_null_output },
  { "script", 0, launch_script },
  { "set-up", GSPAWN_NEED_CHILD_SETUP, launch_set_up },
  { NULL, 0, NULL }
};
