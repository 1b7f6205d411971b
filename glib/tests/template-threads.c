/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Templates in several threads at once: shared, freed by their owner while others launch them,
 * changed while they are launched for the first time, and with a program that comes and goes. */

#include "template-stage.h"

#include <stdio.h>
#include <unistd.h>

#include "runner.h"
#include "scene.h"

#define N_THREADS 4
#define N_TEMPLATES 1000
#define N_LAUNCHES 60
#define N_RACES 40

/* Launches in threads are too many to be noted one by one. */
static void
leave_no_trace (void)
{
  g_unsetenv ("GSPAWN_TRACE");
}

/* Returns the exit status of what was launched. */
static int
launch_once (GSpawnTemplate *tmpl,
             GSpawnLaunch   *launch)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSpawnProcess) process = gspawn_template_launch_with (tmpl, launch, &error);

  if (process == NULL)
    {
      g_test_message ("%s", error->message);
      g_test_fail ();
      return -1;
    }

  return template_exit_status (process);
}

typedef struct {
  GSpawnTemplate **templates;
  GSpawnLaunch *launch;
  guint number;
  int failures;
} Sharer;

/* Two threads launch each; this one gives its references back as it goes. */
static gpointer
launch_shared (gpointer data)
{
  Sharer *sharer = data;

  for (guint i = 0; i < N_TEMPLATES; i++)
    {
      if (i % N_THREADS / 2 == sharer->number / 2 && i % 2 == 0 &&
          launch_once (sharer->templates[i], sharer->launch) != 5)
        sharer->failures++;
      gspawn_template_unref (sharer->templates[i]);
    }
  gspawn_launch_unref (sharer->launch);

  return NULL;
}

static void
test_thousand (void)
{
  GSpawnTemplate **templates = g_new (GSpawnTemplate *, N_TEMPLATES);
  GSpawnLaunch *launch = template_launch_new ("exit", "5", NULL);
  Sharer sharers[N_THREADS];
  GThread *threads[N_THREADS];

  leave_no_trace ();
  for (guint i = 0; i < N_TEMPLATES; i++)
    templates[i] = template_new (0, probe_get_path (), NULL);
  for (guint i = 0; i < N_TEMPLATES; i++)
    for (guint thread = 0; thread < N_THREADS; thread++)
      gspawn_template_ref (templates[i]);
  for (guint i = 0; i < N_THREADS; i++)
    {
      sharers[i] = (Sharer) { templates, gspawn_launch_ref (launch), i, 0 };
      threads[i] = g_thread_new ("sharer", launch_shared, &sharers[i]);
    }

  /* The owner is gone before the first of them has done much. */
  for (guint i = 0; i < N_TEMPLATES; i++)
    gspawn_template_unref (templates[i]);
  gspawn_launch_unref (launch);
  for (guint i = 0; i < N_THREADS; i++)
    {
      g_thread_join (threads[i]);
      g_assert_cmpint (sharers[i].failures, ==, 0);
    }
  g_free (templates);
}

typedef struct {
  GSpawnTemplate *tmpl;
  GSpawnLaunch *launch;
  int done;
} Mover;

static gpointer
launch_moved (gpointer data)
{
  Mover *mover = data;

  for (guint i = 0; i < N_LAUNCHES; i++)
    if (launch_once (mover->tmpl, mover->launch) != 5)
      g_test_fail ();
  g_atomic_int_inc (&mover->done);

  return NULL;
}

/* One of two files takes the place of the first candidate, or none does. They are no scripts, whose
 * interpreters look for them once more; and none is written while a process is made, for a child
 * has all descriptors for a moment. */
static void
move_program (guint round)
{
  static const char *const sources[] = { "first", "second", NULL };
  const char *source = sources[round % G_N_ELEMENTS (sources)];
  g_autofree char *program = scene_path ("a/prog");
  g_autofree char *fresh = scene_path ("a/fresh");

  if (source == NULL)
    g_assert_no_errno (unlink (program));
  else
    {
      g_autofree char *file = scene_path (source);

      g_assert_no_errno (link (file, fresh));
      g_assert_no_errno (rename (fresh, program));
    }
}

static void
make_programs (void)
{
  static const char *const names[] = { "a/other", "b/prog", "first", "second" };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    g_free (scene_copy_probe (names[i]));
}

static void
check_executed (GSpawnTemplate *tmpl,
                const char     *expected)
{
  g_autoptr (ReportSink) sink = report_sink_new ();
  g_autoptr (GSpawnLaunch) launch = template_new_report (sink);
  g_autoptr (GSpawnProcess) process = gspawn_template_launch_with (tmpl, launch, NULL);
  g_autoptr (GKeyFile) report = template_read_report (sink, process);
  g_autofree char *executed = report_get_text (report, "process", "executed-as");

  g_assert_cmpstr (executed, ==, expected);
}

/* There is always a program to be found. */
static void
test_moving_program (void)
{
  g_autofree char *a = scene_path ("a");
  g_autofree char *b = scene_path ("b");
  g_autofree char *program = scene_path ("a/prog");
  g_autofree char *entry = g_strdup_printf ("PATH=%s:%s", a, b);
  const char *const envp[] = { entry, NULL };
  g_autoptr (GSpawnTemplate) tmpl = template_new (G_SPAWN_SEARCH_PATH_FROM_ENVP, "prog", NULL);
  g_autoptr (GSpawnLaunch) launch = template_launch_new ("exit", "5", NULL);
  Mover mover = { tmpl, launch, 0 };
  GThread *threads[N_THREADS];
  guint round = 0;

  leave_no_trace ();
  make_programs ();
  g_assert_true (gspawn_template_set_environment (tmpl, envp, NULL));

  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("mover", launch_moved, &mover);
  while (g_atomic_int_get (&mover.done) < N_THREADS)
    move_program (round++);
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);

  /* When all is quiet what is there is found, whatever the threads have left behind: each candidate
   * has changed since. */
  while (round % 3 != 1)
    move_program (round++);
  g_free (scene_copy_probe ("b/prog"));
  check_executed (tmpl, program);
}

typedef struct {
  GSpawnTemplate *tmpl;
  GSpawnLaunch *launch;
  int ready;
  int refused;
} Race;

static void
await_other (int *ready)
{
  g_atomic_int_inc (ready);
  while (g_atomic_int_get (ready) < 2)
    g_thread_yield ();
}

/* Until it is refused; then it has to be refused for ever. */
static gpointer
change_it (gpointer data)
{
  Race *race = data;
  const char *const envp[] = { "A=1", "B=2", NULL };
  gboolean changed = TRUE;

  await_other (&race->ready);
  while (changed)
    {
      changed = gspawn_template_set_environment (race->tmpl, envp, NULL) &&
                gspawn_template_set_fd (race->tmpl, STDOUT_FILENO, 5, NULL) &&
                gspawn_template_set_working_directory (race->tmpl, "/", NULL) &&
                gspawn_launch_set_variable (race->launch, "C", "3", NULL) &&
                gspawn_launch_set_fd (race->launch, STDOUT_FILENO, 6, NULL);
    }
  g_atomic_int_set (&race->refused, TRUE);

  return NULL;
}

/* Which of the values the program gets is anybody's guess, but it is one of them. */
static void
test_changed_meanwhile (void)
{
  leave_no_trace ();
  for (guint i = 0; i < N_RACES; i++)
    {
      Race race = { template_new (0, probe_get_path (), NULL),
                    template_launch_new ("exit", "5", NULL), 0, FALSE };
      GThread *thread = g_thread_new ("changer", change_it, &race);

      await_other (&race.ready);
      g_assert_cmpint (launch_once (race.tmpl, race.launch), ==, 5);
      g_thread_join (thread);
      g_assert_true (race.refused);
      gspawn_template_unref (race.tmpl);
      gspawn_launch_unref (race.launch);
    }
}

static const Case cases[] = {
  { .name = "thousand", .run = test_thousand, .engines_only = TRUE },
  { .name = "moving-program", .run = test_moving_program, .engines_only = TRUE },
  { .name = "changed-meanwhile", .run = test_changed_meanwhile, .engines_only = TRUE },
  { .name = NULL },
};

/* What the engines do to find out what they can do looks to a sanitizer like a copy of the process,
 * which must not have other threads yet. */
static void
probe_engines (void)
{
  for (guint i = 0; i < GSPAWN_N_ENGINES; i++)
    gspawn_engine_is_available (i, NULL);
}

int
main (int    argc,
      char **argv)
{
  static const Case *const tables[] = { cases, NULL };
  static const CaseList threads = {
    .noun = "template-threads",
    .tables = tables,
    .prepare = probe_engines,
  };

  return runner_main (argc, argv, &threads);
}
