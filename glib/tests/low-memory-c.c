/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* A program that starts children while memory is tight, in C: low-memory-c PRESSURE REQUEST COUNT.
 * It makes the request COUNT times and reports on its standard output what became of each ("ok" or
 * "error DOMAIN CODE MESSAGE"), then what was left behind, then what fork() does. It judges no
 * error itself and knows nothing of the libraries that are preloaded into it. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gio/gio.h>
#include <glib-unix.h>

#include "memory-pressure.h"

#define TARGET_FD 7

typedef struct {
  const char *name;
  gboolean (*run) (GError **error);
} Request;

static const char *const echo_argv[] = { "/bin/echo", "heard", NULL };
static const char *const pwd_argv[] = { "/bin/pwd", "-P", NULL };
static const char *const cat_argv[] = { "cat", NULL };
static const char *const true_argv[] = { "true", NULL };
static const char *const map_argv[] = { "/bin/sh", "-c", "echo heard >&7", NULL };

/* A child that ran but did not do as it was told. */
static gboolean
check (gboolean      ok,
       const char   *complaint,
       GError      **error)
{
  if (!ok)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, complaint);

  return ok;
}

static gboolean
wait_for (GPid      pid,
          GError  **error)
{
  int status = -1;
  pid_t found;

  do
    found = waitpid (pid, &status, 0);
  while (found < 0 && errno == EINTR);

  return check (found == pid, "the child is not ours", error) &&
         g_spawn_check_wait_status (status, error);
}

/* Reads to the end and closes. */
static gboolean
expect_text (int          fd,
             const char  *expected,
             GError     **error)
{
  char text[64];
  gsize length = 0;
  gssize n;

  do
    {
      n = read (fd, text + length, sizeof text - length);
      length += MAX (n, 0);
    }
  while (n > 0 || (n < 0 && errno == EINTR));
  close (fd);

  return check (length == strlen (expected) && memcmp (text, expected, length) == 0,
                "the child wrote something else", error);
}

static char **
as_argv (const char *const *argv)
{
  return (char **) argv;
}

static gboolean
run_sync (GError **error)
{
  g_autofree char *output = NULL;
  g_autofree char *errors = NULL;
  int status = -1;

  return g_spawn_sync (NULL, as_argv (echo_argv), NULL, G_SPAWN_DEFAULT, NULL, NULL,
                       &output, &errors, &status, error) &&
         check (g_str_equal (output, "heard\n") && *errors == '\0' && status == 0,
                "the child wrote something else", error);
}

static gboolean
run_command_line (GError **error)
{
  g_autofree char *output = NULL;

  return g_spawn_command_line_sync ("echo heard", &output, NULL, NULL, error) &&
         check (g_str_equal (output, "heard\n"), "the child wrote something else", error);
}

static gboolean
run_async (GError **error)
{
  GPid pid;

  return g_spawn_async (NULL, as_argv (true_argv), NULL,
                        G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_SEARCH_PATH, NULL, NULL,
                        &pid, error) &&
         wait_for (pid, error);
}

static gboolean
run_reaped (GError **error)
{
  GPid pid;
  int ends[2];
  gboolean ok;

  if (!g_unix_open_pipe (ends, FD_CLOEXEC, error))
    return FALSE;
  ok = g_spawn_async_with_fds (NULL, as_argv (echo_argv), NULL, G_SPAWN_DEFAULT, NULL, NULL,
                               &pid, -1, ends[1], -1, error);
  close (ends[1]);
  if (!ok)
    {
      close (ends[0]);
      return FALSE;
    }

  return expect_text (ends[0], "heard\n", error) &&
         check (waitpid (pid, NULL, WNOHANG) < 0 && errno == ECHILD, "the child is ours", error);
}

static gboolean
run_pipes (GError **error)
{
  GPid pid;
  int in, out, err;
  gboolean ok;

  if (!g_spawn_async_with_pipes (NULL, as_argv (cat_argv), NULL,
                                 G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_SEARCH_PATH |
                                   G_SPAWN_CLOEXEC_PIPES,
                                 NULL, NULL, &pid, &in, &out, &err, error))
    return FALSE;

  ok = check (write (in, "through", 7) == 7, "cannot write to the child", error);
  close (in);
  ok = expect_text (out, "through", ok ? error : NULL) && ok;
  ok = expect_text (err, "", ok ? error : NULL) && ok;

  return wait_for (pid, ok ? error : NULL) && ok;
}

static gboolean
run_working_directory (GError **error)
{
  g_autofree char *output = NULL;

  return g_spawn_sync ("/usr", as_argv (pwd_argv), NULL, G_SPAWN_DEFAULT, NULL, NULL,
                       &output, NULL, NULL, error) &&
         check (g_str_equal (output, "/usr\n"), "the child is elsewhere", error);
}

static gboolean
run_descriptor_map (GError **error)
{
  const int target = TARGET_FD;
  GPid pid;
  int ends[2];
  gboolean ok;

  if (!g_unix_open_pipe (ends, FD_CLOEXEC, error))
    return FALSE;
  ok = g_spawn_async_with_pipes_and_fds (NULL, map_argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL,
                                         NULL, -1, -1, -1, &ends[1], &target, 1,
                                         &pid, NULL, NULL, NULL, error);
  close (ends[1]);
  if (!ok)
    {
      close (ends[0]);
      return FALSE;
    }

  ok = expect_text (ends[0], "heard\n", error);
  return wait_for (pid, ok ? error : NULL) && ok;
}

static gboolean
run_subprocess (GError **error)
{
  g_autoptr (GSubprocess) child = NULL;
  g_autofree char *output = NULL;

  child = g_subprocess_newv (cat_argv, G_SUBPROCESS_FLAGS_STDIN_PIPE |
                               G_SUBPROCESS_FLAGS_STDOUT_PIPE, error);

  return child != NULL &&
         g_subprocess_communicate_utf8 (child, "through", NULL, &output, NULL, error) &&
         check (g_strcmp0 (output, "through") == 0 && g_subprocess_get_successful (child),
                "the child wrote something else", error);
}

static gboolean
run_launcher (GError **error)
{
  g_autoptr (GSubprocessLauncher) launcher =
    g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_NONE);
  g_autoptr (GSubprocess) child = NULL;
  int ends[2];

  if (!g_unix_open_pipe (ends, FD_CLOEXEC, error))
    return FALSE;
  g_subprocess_launcher_set_cwd (launcher, "/usr");
  g_subprocess_launcher_take_fd (launcher, ends[1], TARGET_FD);
  child = g_subprocess_launcher_spawn (launcher, error, "/bin/sh", "-c", "/bin/pwd -P >&7", NULL);
  g_subprocess_launcher_close (launcher);
  if (child == NULL)
    {
      close (ends[0]);
      return FALSE;
    }

  return expect_text (ends[0], "/usr\n", error) && g_subprocess_wait_check (child, NULL, error);
}

static void
do_nothing (gpointer data G_GNUC_UNUSED)
{
}

static gboolean
run_child_setup (GError **error)
{
  GPid pid;
  int in, out;

  if (!g_spawn_async_with_pipes (NULL, as_argv (true_argv), NULL,
                                 G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_SEARCH_PATH,
                                 do_nothing, NULL, &pid, &in, &out, NULL, error))
    return FALSE;
  close (in);

  return expect_text (out, "", error) && wait_for (pid, error);
}

static const Request requests[] = {
  { "sync", run_sync },
  { "command-line", run_command_line },
  { "async", run_async },
  { "reaped", run_reaped },
  { "pipes", run_pipes },
  { "working-directory", run_working_directory },
  { "descriptor-map", run_descriptor_map },
  { "gsubprocess", run_subprocess },
  { "launcher", run_launcher },
  { "child-setup", run_child_setup },
};

static const Request *
find_request (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (requests); i++)
    {
      if (g_str_equal (requests[i].name, name))
        return &requests[i];
    }

  g_error ("no such request: %s", name);
}

static void
report (const Request *request)
{
  g_autoptr (GError) error = NULL;

  if (request->run (&error))
    g_print ("ok\n");
  else
    g_print ("error %s %d %s\n", g_quark_to_string (error->domain), error->code, error->message);
}

int
main (int    argc,
      char **argv)
{
  g_autoptr (GError) error = NULL;
  const Request *request;

  if (argc != 4)
    g_error ("usage: low-memory-c PRESSURE REQUEST COUNT");
  request = find_request (argv[2]);

  /* A child that does not read is to be reported. */
  signal (SIGPIPE, SIG_IGN);

  if (!memory_pressure_enter (argv[1], &error))
    g_error ("%s", error->message);

  for (int i = 0; i < atoi (argv[3]); i++)
    report (request);

  g_print ("leaked %d\n", memory_pressure_count_leaks ());
  g_print ("children %s\n", memory_pressure_has_children () ? "yes" : "no");
  g_print ("fork %d\n", memory_pressure_try_fork ());

  return 0;
}
