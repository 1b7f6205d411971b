/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Calls the subject, notes for the trace what it was asked, and checks what every call must keep:
 * out-pointers are written on success only, and the error is set on failure only. */

#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define UNTOUCHED (-7)

/*
 * launch_init: (skip)
 * @launch: what to initialise
 * @flags: the flags
 * @program: (nullable): the program, or %NULL for the probe
 * @...: its arguments
 *
 * A launch without redirections, in the caller's directory and environment.
 */
void
launch_init (Launch      *launch,
             GSpawnFlags  flags,
             const char  *program,
             ...)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  const char *argument;
  va_list args;

  memset (launch, 0, sizeof *launch);
  launch->flags = flags;
  for (int i = 0; i < 3; i++)
    launch->streams[i] = launch->pipe_fds[i] = -1;

  g_strv_builder_add (builder, program != NULL ? program : probe_get_path ());
  va_start (args, program);
  while ((argument = va_arg (args, const char *)) != NULL)
    g_strv_builder_add (builder, argument);
  va_end (args);
  launch->argv = g_strv_builder_end (builder);
}

void
launch_map (Launch    *launch,
            const int *sources,
            const int *targets,
            gsize      n_mapped)
{
  launch->sources = sources;
  launch->targets = targets;
  launch->n_mapped = n_mapped;
}

static const GSpawnFlags inherit_flags[] = {
  G_SPAWN_CHILD_INHERITS_STDIN, G_SPAWN_CHILD_INHERITS_STDOUT, G_SPAWN_CHILD_INHERITS_STDERR
};

static const GSpawnFlags null_flags[] = {
  G_SPAWN_STDIN_FROM_DEV_NULL, G_SPAWN_STDOUT_TO_DEV_NULL, G_SPAWN_STDERR_TO_DEV_NULL
};

static gboolean
has_pipe (const Launch *launch,
          int           stream)
{
  return launch->pipes[stream] &&
         !(launch->flags & (inherit_flags[stream] | null_flags[stream]));
}

static gboolean
redirects_streams (const Launch *launch)
{
  for (int i = 0; i < 3; i++)
    if (launch->streams[i] >= 0 || (launch->flags & null_flags[i]) || has_pipe (launch, i))
      return TRUE;

  return !(launch->flags & G_SPAWN_CHILD_INHERITS_STDIN);
}

/*
 * launch_get_needs: (skip)
 *
 * Returns: what the call asks of the engine that takes it
 */
GSpawnNeeds
launch_get_needs (const Launch *launch)
{
  GSpawnNeeds needs = launch->other_needs;

  if (strchr (launch->argv[0], '/') == NULL &&
      (launch->flags & (G_SPAWN_SEARCH_PATH | G_SPAWN_SEARCH_PATH_FROM_ENVP)))
    needs |= GSPAWN_NEED_SEARCH_PATH;
  if (launch->directory != NULL)
    needs |= GSPAWN_NEED_WORKING_DIRECTORY;
  if (redirects_streams (launch))
    needs |= GSPAWN_NEED_STREAMS;
  if (launch->n_mapped > 0)
    needs |= GSPAWN_NEED_FD_MAP;
  if (!(launch->flags & G_SPAWN_LEAVE_DESCRIPTORS_OPEN))
    needs |= GSPAWN_NEED_CLOSE;
  if (!(launch->flags & G_SPAWN_DO_NOT_REAP_CHILD))
    needs |= GSPAWN_NEED_REAP;
  if (launch->setup != NULL && !launch->setup_declares)
    needs |= GSPAWN_NEED_CHILD_SETUP;

  return needs;
}

static void
check_outputs (const Launch *launch,
               gboolean      success,
               GPid          pid,
               const int    *pipe_fds,
               const GError *error)
{
  for (int i = 0; i < 3; i++)
    if (success && has_pipe (launch, i))
      g_assert_cmpint (fcntl (pipe_fds[i], F_GETFD), >=, 0);
    else
      g_assert_cmpint (pipe_fds[i], ==, UNTOUCHED);

  if (success)
    {
      g_assert_no_error (error);
      g_assert_cmpint (pid, >, 0);
    }
  else
    {
      g_assert_nonnull (error);
      g_assert_cmpint (pid, ==, UNTOUCHED);
    }
}

/*
 * launch_start: (skip)
 * @launch: the call
 * @error: return location
 *
 * Returns: what the call returned
 */
gboolean
launch_start (Launch  *launch,
              GError **error)
{
  GError *local_error = NULL;
  GPid pid = UNTOUCHED;
  int fds[3] = { UNTOUCHED, UNTOUCHED, UNTOUCHED };
  gboolean success;

  success = g_spawn_async_with_pipes_and_fds (launch->directory,
                                              (const char *const *) launch->argv,
                                              (const char *const *) launch->envp,
                                              launch->flags, launch->setup, launch->setup_data,
                                              launch->streams[0], launch->streams[1],
                                              launch->streams[2],
                                              launch->sources, launch->targets, launch->n_mapped,
                                              &pid,
                                              launch->pipes[0] ? &fds[0] : NULL,
                                              launch->pipes[1] ? &fds[1] : NULL,
                                              launch->pipes[2] ? &fds[2] : NULL,
                                              &local_error);
  trace_expect (&(TraceExpectation) {
    .function = "g_spawn_async_with_pipes_and_fds",
    .command = launch->argv[0],
    .needs = launch_get_needs (launch),
    .child = success ? pid : 0,
    .error = local_error,
    .before_engine = launch->before_engine || launch->untraceable,
    .optional = launch->untraceable,
  });
  check_outputs (launch, success, pid, fds, local_error);

  if (success)
    launch->pid = pid;
  for (int i = 0; success && i < 3; i++)
    launch->pipe_fds[i] = has_pipe (launch, i) ? fds[i] : -1;
  if (local_error != NULL)
    g_propagate_error (error, local_error);

  return success;
}

/*
 * launch_sync: (skip)
 * @launch: the call; without descriptors and pipes
 * @output: (out) (optional): the output
 * @errors: (out) (optional): the errors
 * @status: (out) (optional): the wait status
 * @error: return location
 *
 * The same through g_spawn_sync().
 *
 * Returns: what the call returned
 */
gboolean
launch_sync (Launch  *launch,
             char   **output,
             char   **errors,
             int     *status,
             GError **error)
{
  GError *local_error = NULL;
  gboolean success;

  success = g_spawn_sync (launch->directory, launch->argv, launch->envp, launch->flags,
                          launch->setup, launch->setup_data, output, errors, status,
                          &local_error);
  launch->pipes[1] = output != NULL;
  launch->pipes[2] = errors != NULL;
  trace_expect (&(TraceExpectation) {
    .function = "g_spawn_sync",
    .command = launch->argv[0],
    .needs = launch_get_needs (launch) & ~GSPAWN_NEED_REAP,
    .child = success ? TRACE_ANY_CHILD : 0,
    .error = local_error,
    .before_engine = launch->before_engine || launch->untraceable,
    .optional = launch->untraceable,
  });
  g_assert_cmpint (success, ==, local_error == NULL);
  if (local_error != NULL)
    g_propagate_error (error, local_error);

  return success;
}

/*
 * launch_report: (skip)
 * @launch: a launch of the probe that was not started yet
 *
 * Starts the probe with the arguments that make it report, and waits for the report; the child
 * is reaped if it is the caller's.
 *
 * Returns: (transfer full) (nullable): the report; if none came the test has failed
 */
GKeyFile *
launch_report (Launch *launch)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ReportSink) sink = report_sink_new ();
  gboolean is_ours = (launch->flags & G_SPAWN_DO_NOT_REAP_CHILD) != 0;
  char **words = g_new0 (char *, g_strv_length (launch->argv) + 3);
  guint n = 0;
  GKeyFile *report = NULL;

  for (; launch->argv[n] != NULL; n++)
    words[n] = launch->argv[n];
  words[n++] = g_strdup ("report");
  words[n++] = g_strdup (report_sink_get_path (sink));
  g_free (launch->argv);
  launch->argv = words;

  launch_start (launch, &error);
  g_assert_no_error (error);
  if (launch->pid == 0)
    return NULL;

  report = report_sink_read (sink, is_ours ? launch->pid : 0);
  if (is_ours)
    g_assert_cmpint (launch_wait (launch), ==, 0);

  return report;
}

int
wait_for (pid_t pid)
{
  int status = -1;

  while (waitpid (pid, &status, 0) < 0)
    if (errno != EINTR)
      {
        g_test_message ("waitpid: %s", g_strerror (errno));
        g_test_fail ();
        return -1;
      }

  return status;
}

/*
 * launch_wait: (skip)
 * @launch: a started launch
 *
 * Returns: the wait status of its child
 */
int
launch_wait (Launch *launch)
{
  pid_t pid = launch->pid;

  if (pid == 0)
    return -1;
  launch->pid = 0;

  return wait_for (pid);
}

char *
read_all (int fd)
{
  g_autoptr (GString) text = g_string_new (NULL);
  char block[4096];
  ssize_t n;

  while ((n = read (fd, block, sizeof block)) != 0)
    {
      if (n < 0 && errno != EINTR)
        return g_strdup (g_strerror (errno));
      if (n > 0)
        g_string_append_len (text, block, n);
    }

  return g_strdup (text->str);
}

/*
 * launch_read: (skip)
 * @launch: a started launch
 * @stream: 1 or 2
 *
 * Returns: (transfer full): all that the child writes to that stream, which is a pipe
 */
char *
launch_read (Launch *launch,
             int     stream)
{
  char *text = read_all (launch->pipe_fds[stream]);

  close (launch->pipe_fds[stream]);
  launch->pipe_fds[stream] = -1;

  return text;
}

/* Waits for what was not waited for, so that a case that fails leaves nothing behind. */
void
launch_clear (Launch *launch)
{
  if (launch->argv == NULL)
    return;

  for (int i = 0; i < 3; i++)
    if (launch->pipe_fds[i] >= 0)
      close (launch->pipe_fds[i]);
  if (launch->pid > 0 && (launch->flags & G_SPAWN_DO_NOT_REAP_CHILD))
    launch_wait (launch);
  g_strfreev (launch->argv);
}
