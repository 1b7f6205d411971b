/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Runs a pipeline as a shell does: in a process group of its own, which has the terminal for as
 * long as it runs.
 *
 *     pipeline PROGRAM [ARGUMENT...] ['|' PROGRAM [ARGUMENT...]]...
 *
 * On no terminal, it gives the pipeline one of its own: it starts itself again as the leader of a
 * session, with a pseudo-terminal as its controlling terminal. So `pipeline stty size </dev/null`
 * works, too. The exit status is that of the last program.
 *
 *     cc pipeline.c $(pkg-config --cflags --libs gspawn-1.0 glib-2.0) -o pipeline
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gspawn-template.h>

/* Launches into a group, as its leader if that is 0; with a pipe for its input if there is none. A
 * signal that we ignore would be ignored by the program as well. Nothing can be stopped from the
 * keyboard: there is no “fg” here. */
static GSpawnProcess *
launch (const char *const  *argv,
        int                 group,
        int                 input,
        gboolean            is_last,
        GError            **error)
{
  const GSpawnStreamKind output = is_last ? GSPAWN_STREAM_KIND_INHERITED : GSPAWN_STREAM_KIND_PIPE;
  const int ignored[] = { SIGTSTP };
  g_autoptr (GSpawnAttributes) attributes = gspawn_attributes_new ();
  g_autoptr (GSpawnTemplate) program = NULL;

  gspawn_attributes_set_default_signals (attributes, TRUE);
  if (!gspawn_attributes_set_ignored_signals (attributes, ignored, G_N_ELEMENTS (ignored), error) ||
      !gspawn_attributes_set_process_group (attributes, group, error))
    return NULL;

  program = gspawn_template_new (argv, G_SPAWN_SEARCH_PATH, error);
  if (program == NULL ||
      !gspawn_template_set_attributes (program, attributes, error) ||
      !gspawn_template_set_stream (program, GSPAWN_STREAM_INPUT, GSPAWN_STREAM_KIND_PIPE, error) ||
      !gspawn_template_set_stream (program, GSPAWN_STREAM_OUTPUT, output, error) ||
      (input >= 0 &&
       !gspawn_template_set_stream_fd (program, GSPAWN_STREAM_INPUT, input, error)))
    return NULL;

  return gspawn_template_launch (program, NULL, error);
}

/* Launches what stands between “|”. No process is waited for before all are launched: the group has
 * its number for as long as its leader has not been. */
static gboolean
launch_all (char      **argv,
            int         group,
            GPtrArray  *processes,
            GError    **error)
{
  int input = STDIN_FILENO;

  for (char **end = argv; argv != NULL; argv = end)
    {
      GSpawnProcess *process;

      while (*end != NULL && strcmp (*end, "|") != 0)
        end++;
      if (*end == NULL)
        end = NULL;
      else
        *end++ = NULL;

      process = launch ((const char *const *) argv, group, input, end == NULL, error);
      if (input != STDIN_FILENO)
        close (input);
      if (process == NULL)
        return FALSE;

      g_ptr_array_add (processes, process);
      input = gspawn_process_steal_pipe (process, GSPAWN_STREAM_OUTPUT);
    }

  return TRUE;
}

/* The group is led by a process that does nothing until its input ends. So it can have the terminal
 * before a program is there, which would be stopped if it read from the terminal too early. */
static int
run_pipeline (char **argv)
{
  const char *const nothing[] = { "cat", NULL };
  g_autoptr (GPtrArray) processes = NULL;
  g_autoptr (GSpawnProcess) leader = NULL;
  g_autoptr (GError) error = NULL;
  int status = 127 << 8;

  /* Or we would be stopped when we take the terminal back. */
  signal (SIGTTOU, SIG_IGN);

  processes = g_ptr_array_new_with_free_func ((GDestroyNotify) gspawn_process_unref);
  leader = launch (nothing, 0, -1, TRUE, &error);
  if (leader != NULL)
    {
      tcsetpgrp (STDIN_FILENO, gspawn_process_get_pid (leader));
      launch_all (argv, gspawn_process_get_pid (leader), processes, &error);
      close (gspawn_process_steal_pipe (leader, GSPAWN_STREAM_INPUT));
    }
  if (error != NULL)
    g_printerr ("pipeline: %s\n", error->message);

  for (guint i = 0; i < processes->len; i++)
    gspawn_process_wait (processes->pdata[i], error == NULL ? &status : NULL, NULL);
  tcsetpgrp (STDIN_FILENO, getpgrp ());

  return WIFEXITED (status) ? WEXITSTATUS (status) : 128 + WTERMSIG (status);
}

static void
copy_output (int from)
{
  char buffer[4096];
  gssize length;

  /* The end of a terminal is the error EIO. */
  while ((length = read (from, buffer, sizeof buffer)) > 0 || (length < 0 && errno == EINTR))
    if (length > 0)
      fwrite (buffer, 1, (gsize) length, stdout);
}

/* Gives our own program a terminal: its session's, since it names it as the controlling one. */
static GSpawnProcess *
launch_on_terminal (char    **argv,
                    int       terminal,
                    GError  **error)
{
  g_autoptr (GSpawnAttributes) attributes = gspawn_attributes_new ();
  g_autoptr (GSpawnTemplate) self = NULL;
  const char *program[] = { "/proc/self/exe", NULL };

  gspawn_attributes_set_new_session (attributes, TRUE);
  if (!gspawn_attributes_set_controlling_terminal (attributes, STDIN_FILENO, error))
    return NULL;

  self = gspawn_template_new (program, G_SPAWN_DEFAULT, error);
  if (self == NULL || !gspawn_template_set_attributes (self, attributes, error))
    return NULL;

  for (GSpawnStream stream = GSPAWN_STREAM_INPUT; stream <= GSPAWN_STREAM_ERROR; stream++)
    if (!gspawn_template_set_stream_fd (self, stream, terminal, error))
      return NULL;

  return gspawn_template_launch (self, (const char *const *) argv, error);
}

static int
run_on_terminal (char **argv)
{
  int ours = posix_openpt (O_RDWR | O_NOCTTY | O_CLOEXEC);
  int its = -1;
  g_autoptr (GSpawnProcess) process = NULL;
  g_autoptr (GError) error = NULL;
  int status;

  if (ours >= 0 && grantpt (ours) == 0 && unlockpt (ours) == 0)
    its = open (ptsname (ours), O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (its < 0)
    {
      g_printerr ("pipeline: no terminal can be made: %s\n", g_strerror (errno));
      return 127;
    }

  process = launch_on_terminal (argv, its, &error);
  close (its);
  if (process == NULL)
    {
      g_printerr ("pipeline: %s\n", error->message);
      return 127;
    }

  /* Nobody types: who reads is told that at once. */
  if (write (ours, "\4", 1) == 1)
    copy_output (ours);

  return gspawn_process_wait (process, &status, NULL) && WIFEXITED (status) ? WEXITSTATUS (status)
                                                                            : 1;
}

int
main (int    argc,
      char **argv)
{
  if (argc < 2)
    {
      g_printerr ("Usage: %s PROGRAM [ARGUMENT...] ['|' PROGRAM [ARGUMENT...]]...\n", argv[0]);
      return 2;
    }

  return isatty (STDIN_FILENO) ? run_pipeline (argv + 1) : run_on_terminal (argv + 1);
}
