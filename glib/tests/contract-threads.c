/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Many threads spawning at once: no child gets a descriptor of another one's, and nobody's child
 * or failure is taken for somebody else's. */

#include "contract.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch.h"
#include "scene.h"

#define N_THREADS 8
#define N_SPAWNS 100

/* What went wrong, once per kind: assertions in many threads would bury it. */
static int n_leaks;
static int n_failures;

static void
run_threads (GThreadFunc run)
{
  GThread *threads[N_THREADS];

  for (int i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("spawn", run, GINT_TO_POINTER (i));
  for (int i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
  g_assert_cmpint (n_failures, ==, 0);
  g_assert_cmpint (n_leaks, ==, 0);
}

static void
expect (gboolean    holds,
        const char *what)
{
  if (!holds && g_atomic_int_add (&n_failures, 1) == 0)
    g_test_message ("first failure: %s", what);
}

/* The child reports through its own output, and gives its input back as errors. */
static void
check_child (Launch     *launch,
             const char *text)
{
  g_autoptr (GKeyFile) report = g_key_file_new ();
  g_autofree char *output = NULL;
  g_autofree char *errors = NULL;
  g_autofree char *open_fds = NULL;

  expect (write (launch->pipe_fds[0], text, strlen (text)) == (ssize_t) strlen (text), "write");
  close (launch->pipe_fds[0]);
  launch->pipe_fds[0] = -1;
  output = launch_read (launch, 1);
  errors = launch_read (launch, 2);

  expect (g_strcmp0 (errors, text) == 0, "the child's input");
  expect (g_key_file_load_from_data (report, output, strlen (output), G_KEY_FILE_NONE, NULL),
          "the child's report");
  open_fds = report_get_open (report);
  if (!g_str_equal (open_fds, "0;1;2") && g_atomic_int_add (&n_leaks, 1) == 0)
    g_test_message ("first leak: %s", open_fds);
}

static gpointer
spawn_with_pipes (gpointer data)
{
  for (int i = 0; i < N_SPAWNS; i++)
    {
      GSpawnFlags flags = G_SPAWN_CLOEXEC_PIPES;
      g_autofree char *text = g_strdup_printf ("thread %d, child %d", GPOINTER_TO_INT (data), i);
      g_autoptr (GError) error = NULL;
      g_auto (Launch) launch;

      flags |= i % 4 == 0 ? G_SPAWN_DEFAULT : G_SPAWN_DO_NOT_REAP_CHILD;
      flags |= i % 2 == 0 ? G_SPAWN_DEFAULT : G_SPAWN_LEAVE_DESCRIPTORS_OPEN;
      launch_init (&launch, flags, NULL, "report-fd", "1", "copy", "0", "2", NULL);
      for (int stream = 0; stream < 3; stream++)
        launch.pipes[stream] = TRUE;
      if (launch_start (&launch, &error))
        check_child (&launch, text);
      else
        expect (FALSE, error->message);
    }

  return NULL;
}

static void
test_pipes (void)
{
  run_threads (spawn_with_pipes);
}

/* Failing and succeeding calls side by side; each thread waits for its own children only, and
 * the guard finds what was left. */
static gpointer
spawn_and_fail (gpointer data)
{
  int thread = GPOINTER_TO_INT (data);

  for (int i = 0; i < N_SPAWNS; i++)
    {
      g_autofree char *code = g_strdup_printf ("%d", (thread * N_SPAWNS + i) % 200);
      g_autoptr (GError) error = NULL;
      g_auto (Launch) launch;

      if (i % 2 == 0)
        {
          launch_init (&launch, i % 4 == 0 ? G_SPAWN_DEFAULT : G_SPAWN_DO_NOT_REAP_CHILD,
                       "/missing/program", NULL);
          expect (!launch_start (&launch, &error), "a missing program was started");
          if (!g_error_matches (error, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT))
            expect (FALSE, error != NULL ? error->message : "no error");
        }
      else
        {
          launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD, NULL, "exit", code, NULL);
          if (!launch_start (&launch, &error))
            expect (FALSE, error->message);
          expect (launch_wait (&launch) == atoi (code) << 8, "status");
        }
    }

  return NULL;
}

static void
test_failures (void)
{
  run_threads (spawn_and_fail);
}

static gpointer
spawn_sync (gpointer data)
{
  for (int i = 0; i < N_SPAWNS; i++)
    {
      g_autofree char *text = g_strdup_printf ("thread %d, child %d", GPOINTER_TO_INT (data), i);
      g_autofree char *output = NULL;
      g_autofree char *errors = NULL;
      g_autoptr (GError) error = NULL;
      g_auto (Launch) launch;
      int status = -1;

      launch_init (&launch, G_SPAWN_DEFAULT, NULL, "print", "1", text, "out", "100", "print", "2",
                   text, "exit", "3", NULL);
      if (!launch_sync (&launch, &output, &errors, &status, &error))
        expect (FALSE, error->message);
      expect (status == 3 << 8, "status");
      expect (output != NULL && g_str_has_prefix (output, text), "output");
      expect (g_strcmp0 (errors, text) == 0, "errors");
    }

  return NULL;
}

static void
test_sync (void)
{
  run_threads (spawn_sync);
}

const Case threads_cases[] = {
  /* GLib's own pipes leak now and then. */
  { .name = "11-threads", .run = test_pipes, .engines_only = TRUE },
  { .name = "27-threads", .run = test_failures },
  { .name = "29-threads", .run = test_sync },
  { .name = NULL }
};
