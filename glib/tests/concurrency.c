/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Many threads launch while others do what disturbs: each launch must come out as asked, and
 * nothing be lost or left. A case is a set of disturbances; the launches are another table, of
 * shapes. With --launches=N there are about N launches in all, with --long 100,000, and a line now
 * and then on how far they are. */

#include "concurrency.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runner.h"

#define LONG_LAUNCHES 100000
/* Of each case: what all need, and for each launch far more than it takes. */
#define DEADLINE_MS (60 * 1000)
#define LAUNCH_DEADLINE_MS 100

#define CROWD(noun, ...) \
  { .name = noun, .run_data = crowd_run, .data = (Crowd) { __VA_ARGS__, NULL }, \
    .engines_only = TRUE }

static const Case crowd_cases[] = {
  CROWD ("nothing", &disturb_nothing),
  CROWD ("cancel", &disturb_cancel),
  CROWD ("child-signal", &disturb_child_signal),
  CROWD ("descriptors", &disturb_descriptors),
  CROWD ("directory", &disturb_directory),
  CROWD ("environment", &disturb_environment),
  CROWD ("fork", &disturb_fork),
  CROWD ("fork-held", &disturb_fork_held),
  CROWD ("ids", &disturb_ids),
  CROWD ("libraries", &disturb_libraries),
  CROWD ("mappings", &disturb_mappings),
  CROWD ("reaper", &disturb_reaper),
  CROWD ("threads", &disturb_threads),
  CROWD ("umask", &disturb_umask),
  { .name = NULL }
};

#if !TESTS_ARE_SANITIZED
/* A copy of a process of many threads may find a sanitizer's heap locked for ever. */
static const Case copy_cases[] = {
  CROWD ("fork-launch", &disturb_fork_launch),
  { .name = NULL }
};
#endif

#if !THREADS_ARE_SANITIZED
/* The sanitizer of threads calls handlers at another time and with another mask, and its processes
 * cannot have threads after fork(). */
static const Case unsanitized_cases[] = {
  CROWD ("signals", &disturb_signals),
  CROWD ("legacy", &disturb_legacy, &disturb_ids, &disturb_signals, &disturb_threads),
  CROWD ("ids-signals-fork", &disturb_ids, &disturb_signals, &disturb_fork),
  CROWD ("much", &disturb_cancel, &disturb_descriptors, &disturb_ids, &disturb_libraries,
         &disturb_mappings, &disturb_signals, &disturb_threads),
  { .name = "exit", .run = test_exit, .engines_only = TRUE },
  { .name = "exec", .run = test_exec, .engines_only = TRUE },
  { .name = NULL }
};
#endif

static const Case *const tables[] = {
  crowd_cases,
#if !TESTS_ARE_SANITIZED
  copy_cases,
#endif
#if !THREADS_ARE_SANITIZED
  unsanitized_cases,
#endif
  NULL
};

static void *
wait_to_be_cancelled (void *data)
{
  pthread_barrier_wait (data);
  for (;;)
    pause ();

  return NULL;
}

/* libc handles a signal from the first cancellation on, which a guard would notice. A sanitizer of
 * threads does not expect one to be cancelled before it has begun. */
static void
prepare (void)
{
  pthread_barrier_t begun;
  pthread_t thread;

  g_assert_cmpint (pthread_barrier_init (&begun, NULL, 2), ==, 0);
  g_assert_cmpint (pthread_create (&thread, NULL, wait_to_be_cancelled, &begun), ==, 0);
  pthread_barrier_wait (&begun);
  g_assert_cmpint (pthread_cancel (thread), ==, 0);
  g_assert_cmpint (pthread_join (thread, NULL), ==, 0);
  pthread_barrier_destroy (&begun);
  /* For the shape of a launch that hands the environment on. */
  setenv ("CONSTANT", "as ever", TRUE);
}

static CaseList concurrency = { .noun = "concurrency", .tables = tables, .prepare = prepare };

/* How many cases share the launches between them. */
static guint
count_runs (void)
{
  guint n = 0;

  for (const Case *const *table = tables; *table != NULL; table++)
    for (const Case *the_case = *table; the_case->name != NULL; the_case++)
      n += the_case->run_data != NULL ? GSPAWN_N_ENGINES : 0;

  return n;
}

/* Takes what is ours out of the arguments. The cases' processes find it in their environment. */
static void
take_options (int   *argc,
              char **argv)
{
  guint n_runs = count_runs ();
  guint64 n_launches = 0;
  int n_left = 1;

  for (int i = 1; i < *argc; i++)
    if (g_str_equal (argv[i], "--long"))
      n_launches = LONG_LAUNCHES;
    else if (g_str_has_prefix (argv[i], "--launches="))
      n_launches = g_ascii_strtoull (strchr (argv[i], '=') + 1, NULL, 10);
    else
      argv[n_left++] = argv[i];
  argv[n_left] = NULL;
  *argc = n_left;

  if (n_launches > 0)
    {
      guint n = (guint) ((n_launches + n_runs - 1) / n_runs);
      g_autofree char *share = g_strdup_printf ("%u", n);
      g_autofree char *progress = g_strdup_printf ("/proc/%d/fd/2", (int) getpid ());

      g_setenv (LAUNCHES_VARIABLE, share, TRUE);
      g_setenv (PROGRESS_VARIABLE, progress, TRUE);
      concurrency.deadline_ms = DEADLINE_MS + (int) n * LAUNCH_DEADLINE_MS;
    }
}

int
main (int    argc,
      char **argv)
{
  take_options (&argc, argv);

  return runner_main (argc, argv, &concurrency);
}
