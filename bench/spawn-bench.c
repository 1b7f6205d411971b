/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/*
 * spawn-bench: how long starting a program holds up its caller, in the ways that it could choose.
 *
 * Run by hand or by "meson test --benchmark".  It starts itself again as its workers.
 */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench-report.h"
#include "gspawn-engines.h"

enum {
  EXIT_REACHED = 0,
  EXIT_MISSED = 1,
  EXIT_BROKEN = 2,
};

typedef struct {
  char   **scenarios;
  char   **ways;
  char    *worker;
  char    *child;
  char    *dropin;
  char    *pages;
  char    *json;
  char    *markdown;
  int      cpu;
  int      largest;
  int      rounds;
  gboolean check;
} Arguments;

static Arguments arguments = {
  .cpu = -1,
  .largest = BENCH_HUGE,
};

static const GOptionEntry entries[] = {
  { "scenario", 's', 0, G_OPTION_ARG_STRING_ARRAY, &arguments.scenarios,
    "Measure this one (may be repeated): launch, fork, reaped, faults, descriptors, search, "
    "attributes, callback, template, asynchronous, in-flight", "NAME" },
  { "way", 'w', 0, G_OPTION_ARG_STRING_ARRAY, &arguments.ways,
    "Measure this one only (may be repeated); the names are those in JSON", "NAME" },
  { "largest", 0, 0, G_OPTION_ARG_INT, &arguments.largest,
    "Leave out resident sizes above this", "MIB" },
  { "rounds", 'r', 0, G_OPTION_ARG_INT, &arguments.rounds,
    "Rounds in which every way has its turn", "N" },
  { "cpu", 0, 0, G_OPTION_ARG_INT, &arguments.cpu,
    "Pin the workers and their children to one processor", "N" },
  { "huge-pages", 0, 0, G_OPTION_ARG_STRING, &arguments.pages,
    "What the workers' memory is made of: never (default), always, system", "WHICH" },
  { "json", 0, 0, G_OPTION_ARG_FILENAME, &arguments.json,
    "Write the figures as JSON, not as text to standard output", "FILE" },
  { "markdown", 0, 0, G_OPTION_ARG_FILENAME, &arguments.markdown,
    "Write the tables as Markdown, not as text to standard output", "FILE" },
  { "check", 0, 0, G_OPTION_ARG_NONE, &arguments.check,
    "Fail if a target of the measured scenarios is missed", NULL },
  { "dropin", 0, 0, G_OPTION_ARG_FILENAME, &arguments.dropin,
    "The drop-in library to measure (default: that of the build)", "FILE" },
  { "child", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_FILENAME, &arguments.child, NULL, NULL },
  { "worker", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_STRING, &arguments.worker, NULL, NULL },
  G_OPTION_ENTRY_NULL
};

static gboolean
parse_pages (const char *name,
             BenchPages *pages)
{
  static const char * const names[] = {
    [BENCH_PAGES_SYSTEM] = "system",
    [BENCH_PAGES_SMALL] = "never",
    [BENCH_PAGES_HUGE] = "always",
  };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (names); i++)
    {
      if (g_strcmp0 (name, names[i]) == 0)
        {
          *pages = i;
          return TRUE;
        }
    }

  return FALSE;
}

static int
run_worker (void)
{
  BenchSetting setting = { .child = arguments.child };
  guint pages;

  if (sscanf (arguments.worker, "%u,%u,%u,%u,%u,%u,%d,%d", &setting.resident_mib, &pages,
              &setting.descriptors, &setting.directories, &setting.variables, &setting.busy,
              &setting.unprivileged, &setting.cpu) != 8)
    return EXIT_BROKEN;
  setting.pages = pages;

  return bench_worker_run (&setting);
}

static gboolean
is_wanted (const BenchScenario *scenario)
{
  return arguments.scenarios == NULL
         || g_strv_contains ((const char * const *) arguments.scenarios, scenario->name);
}

static gboolean
check_scenarios (void)
{
  char **name;
  guint i;

  for (name = arguments.scenarios; name != NULL && *name != NULL; name++)
    {
      for (i = 0; i < BENCH_N_SCENARIOS; i++)
        if (g_str_equal (*name, bench_scenarios[i].name))
          break;

      if (i == BENCH_N_SCENARIOS)
        {
          g_printerr ("spawn-bench: there is no scenario “%s”\n", *name);
          return FALSE;
        }
    }

  return TRUE;
}

static gboolean
parse_ways (guint *mask)
{
  BenchWayId way;
  char **name;

  *mask = arguments.ways == NULL ? ~0U : 0;
  for (name = arguments.ways; name != NULL && *name != NULL; name++)
    {
      if (!bench_way_find (*name, &way))
        {
          g_printerr ("spawn-bench: there is no way “%s”\n", *name);
          return FALSE;
        }
      *mask |= 1U << way;
    }

  return TRUE;
}

/* A build or a sandbox may lack an engine; what is asked of it would be another one's figures. */
static void
leave_out_engines (guint *mask)
{
  const char *detail;
  guint engine;
  guint way;

  for (engine = 0; engine < GSPAWN_N_ENGINES; engine++)
    {
      if (gspawn_engine_is_available (engine, &detail))
        continue;

      g_printerr ("spawn-bench: the %s engine is left out: %s\n", gspawn_engine_get_name (engine),
                  detail);
      for (way = 0; way < BENCH_N_WAYS; way++)
        if (g_strcmp0 (bench_host_get_engine (bench_ways[way].host),
                       gspawn_engine_get_name (engine)) == 0)
          *mask &= ~(1U << way);
    }
}

/* Whether a user who owns nothing of it could execute the file. */
static gboolean
is_executable_by_others (const char *file)
{
  g_autofree char *directory = g_path_get_dirname (file);
  struct stat status;

  if (stat (file, &status) < 0 || (status.st_mode & S_IXOTH) == 0)
    return FALSE;

  return g_str_equal (directory, file) || is_executable_by_others (directory);
}

static void
leave_out_host (BenchHost   host,
                const char *reason,
                guint      *mask)
{
  guint way;

  for (way = 0; way < BENCH_N_WAYS; way++)
    if (bench_ways[way].host == host && (*mask & 1U << way) != 0)
      {
        g_printerr ("spawn-bench: “%s” is left out: %s\n", bench_ways[way].name, reason);
        *mask &= ~(1U << way);
      }
}

/* A launch is begun in another way by a privileged process than by others. */
static void
leave_out_users (guint *mask)
{
  const char *detail;

  /* Without it launches that nobody waits for are left to threads. */
  if (!gspawn_engine_is_available (GSPAWN_ENGINE_CLONE, &detail)
      || !g_str_has_prefix (detail, "clone3()"))
    leave_out_host (BENCH_HOST_UNPRIVILEGED, "clone3() cannot be used", mask);

  if (geteuid () != 0)
    leave_out_host (BENCH_HOST_PRIVILEGED, "it is for root", mask);
  else if (!is_executable_by_others (BENCH_CHILD))
    leave_out_host (BENCH_HOST_UNPRIVILEGED,
                    "the user nobody cannot execute the program that is started", mask);
}

/* The file itself is written, not one that is moved into its place: it may be a device. */
static gboolean
write_report (const char *file,
              char       *report)
{
  FILE *out = fopen (file, "w");
  gboolean written = out != NULL && fputs (report, out) >= 0;

  if (out != NULL)
    written = fclose (out) == 0 && written;
  if (!written)
    g_printerr ("spawn-bench: %s: %s\n", file, g_strerror (errno));
  g_free (report);

  return written;
}

/* Of the scenarios that were measured: a target of another one is no failure. */
static gboolean
has_missed_target (GPtrArray *results)
{
  guint i;
  double value;

  for (i = 0; i < BENCH_N_TARGETS; i++)
    if (bench_target_is_relevant (&bench_targets[i], results)
        && bench_target_judge (&bench_targets[i], results, &value) != BENCH_TARGET_REACHED)
      return TRUE;

  return FALSE;
}

static int
report (GPtrArray *results)
{
  if (arguments.json == NULL && arguments.markdown == NULL)
    {
      g_autofree char *text = bench_report_to_text (results);

      g_print ("%s", text);
    }

  if (arguments.json != NULL
      && !write_report (arguments.json, bench_report_to_json (results)))
    return EXIT_BROKEN;
  if (arguments.markdown != NULL
      && !write_report (arguments.markdown, bench_report_to_markdown (results)))
    return EXIT_BROKEN;

  return arguments.check && has_missed_target (results) ? EXIT_MISSED : EXIT_REACHED;
}

static int
run_scenarios (const BenchOptions *options)
{
  g_autoptr(GPtrArray) results = NULL;
  g_autoptr(GError) error = NULL;
  BenchResult *result;
  guint i;

  results = g_ptr_array_new_with_free_func ((GDestroyNotify) bench_result_free);
  for (i = 0; i < BENCH_N_SCENARIOS; i++)
    {
      if (!is_wanted (&bench_scenarios[i]))
        continue;

      result = bench_scenario_run (&bench_scenarios[i], options, &error);
      if (result == NULL)
        {
          g_printerr ("spawn-bench: %s\n", error->message);
          return EXIT_BROKEN;
        }
      g_ptr_array_add (results, result);
    }

  return report (results);
}

static gboolean
parse_arguments (int    *argc,
                 char ***argv)
{
  g_autoptr(GOptionContext) context = NULL;
  g_autoptr(GError) error = NULL;

  context = g_option_context_new ("— time what starting a program costs its caller");
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, argc, argv, &error))
    {
      g_printerr ("spawn-bench: %s\n", error->message);
      return FALSE;
    }
  if (*argc > 1)
    {
      g_printerr ("spawn-bench: “%s” is not an option\n", (*argv)[1]);
      return FALSE;
    }

  return check_scenarios ();
}

int
main (int    argc,
      char **argv)
{
  g_autofree char *program = NULL;
  BenchOptions options = { .pages = BENCH_PAGES_SMALL };

  setlocale (LC_ALL, "");
  if (!parse_arguments (&argc, &argv))
    return EXIT_BROKEN;

  if (arguments.worker != NULL)
    return run_worker ();

  if (arguments.pages != NULL && !parse_pages (arguments.pages, &options.pages))
    {
      g_printerr ("spawn-bench: --huge-pages takes never, always or system\n");
      return EXIT_BROKEN;
    }

  if (!parse_ways (&options.ways))
    return EXIT_BROKEN;
  leave_out_engines (&options.ways);
  leave_out_users (&options.ways);

  /* A worker that dies is reported by its missing answer. */
  signal (SIGPIPE, SIG_IGN);

  program = g_file_read_link ("/proc/self/exe", NULL);
  options.program = program;
  options.dropin = arguments.dropin != NULL ? arguments.dropin : BENCH_DROPIN;
  options.child = BENCH_CHILD;
  options.cpu = arguments.cpu;
  options.largest = (guint) MAX (arguments.largest, 0);
  options.rounds = (guint) MAX (arguments.rounds, 0);
  options.progress = isatty (STDERR_FILENO);

  return run_scenarios (&options);
}
