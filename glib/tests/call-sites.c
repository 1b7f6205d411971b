/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Every call of the survey of real programs, made once under the drop-in: each must do what it
 * asks for, and those without a callback must not fork.
 *
 * The calls are made by this program executed again with the drop-in preloaded, once for each
 * order of engines, which prints a line for each. With --table a table in Markdown is written, and
 * nothing is tested. */

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "call-site-replay.h"
#include "call-site.h"

typedef struct {
  char *engine;
  char *problem;                /* empty: none */
} Outcome;

static char *replay_option;
static char *table_option;

static const GOptionEntry options[] = {
  { "table", 0, 0, G_OPTION_ARG_FILENAME, &table_option,
    "Write the calls by function and engine, as a table in Markdown", "FILE" },
  { "replay", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_FILENAME, &replay_option, NULL, NULL },
  G_OPTION_ENTRY_NULL
};

static GPtrArray *sites;

static const char * const functions[] = {
  "g_spawn_async",
  "g_spawn_async_with_pipes",
  "g_spawn_async_with_pipes_and_fds",
  "g_spawn_async_with_fds",
  "g_spawn_sync",
  "g_spawn_command_line_sync",
  "g_spawn_command_line_async",
  "g_subprocess_new",
  "g_subprocess_newv",
  "g_subprocess_launcher_new",
};

/* Apart from the test framework, which prints before it finds a file. */
static char *
build_filename (const char *variable,
                const char *name)
{
  if (g_getenv (variable) == NULL)
    g_error ("%s is not set, which Meson does", variable);

  return g_build_filename (g_getenv (variable), name, NULL);
}

/* In the process that has the drop-in. Children are not to have it as well. */
static int
replay_all (const char *probe)
{
  g_autofree char *trace = g_strdup (g_getenv ("GSPAWN_TRACE"));
  g_autoptr(CallSiteStage) stage = NULL;

  g_unsetenv ("LD_PRELOAD");
  stage = call_site_stage_new (probe, trace);
  for (guint i = 0; i < sites->len; i++)
    {
      g_autofree char *problem = NULL;
      g_autofree char *engine = call_site_replay (stage, g_ptr_array_index (sites, i), &problem);

      printf ("%s\t%s\n", engine, problem != NULL ? problem : "");
    }

  return EXIT_SUCCESS;
}

static char **
make_environment (const char *first_engine,
                  const char *trace)
{
  char **environment = g_get_environ ();

  environment = g_environ_setenv (environment, "LD_PRELOAD", g_getenv ("GSPAWN_DROPIN"), TRUE);
  environment = g_environ_setenv (environment, "GSPAWN_TRACE", trace, TRUE);
  environment = g_environ_unsetenv (environment, "GSPAWN_ENGINE");
  if (first_engine != NULL)
    environment = g_environ_setenv (environment, "GSPAWN_ENGINE", first_engine, TRUE);

  return environment;
}

static char *
run_replay (const char *first_engine)
{
  g_autofree char *probe = build_filename ("G_TEST_BUILDDIR", "probe");
  g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *directory = g_dir_make_tmp ("call-sites-XXXXXX", NULL);
  g_autofree char *trace = g_build_filename (directory, "trace", NULL);
  g_autofree char *option = g_strconcat ("--replay=", probe, NULL);
  g_auto(GStrv) environment = make_environment (first_engine, trace);
  g_autoptr(GError) error = NULL;
  char *argv[] = { program, option, NULL };
  char *output = NULL;
  int status;

  g_spawn_sync (NULL, argv, environment, G_SPAWN_DEFAULT, NULL, NULL, &output, NULL, &status,
                &error);
  g_assert_no_error (error);
  unlink (trace);
  rmdir (directory);
  g_spawn_check_wait_status (status, &error);
  g_assert_no_error (error);

  return output;
}

static GArray *
parse_outcomes (const char *output)
{
  GArray *outcomes = g_array_new (FALSE, FALSE, sizeof (Outcome));
  g_auto(GStrv) lines = g_strsplit (output, "\n", -1);

  for (guint i = 0; lines[i] != NULL; i++)
    {
      g_auto(GStrv) fields = g_strsplit (lines[i], "\t", 2);
      Outcome outcome;

      /* A debug message, where they are on, has no tab. */
      if (g_strv_length (fields) != 2)
        continue;
      outcome.engine = g_steal_pointer (&fields[0]);
      outcome.problem = g_steal_pointer (&fields[1]);
      g_array_append_val (outcomes, outcome);
    }
  g_assert_cmpuint (outcomes->len, ==, sites->len);

  return outcomes;
}

/* Kept until the program ends; first_engine is NULL for the usual order. */
static const Outcome *
get_outcomes (const char *first_engine)
{
  static GArray *usual = NULL;
  static GArray *forced = NULL;
  GArray **outcomes = first_engine == NULL ? &usual : &forced;

  if (*outcomes == NULL)
    {
      g_autofree char *output = run_replay (first_engine);

      *outcomes = parse_outcomes (output);
    }

  return &g_array_index (*outcomes, Outcome, 0);
}

static gboolean
can_take (GSpawnEngine engine,
          GSpawnNeeds  needs)
{
  return gspawn_engine_is_available (engine, NULL) &&
         (needs & ~gspawn_engine_get_capabilities (engine)) == 0;
}

/* What the table of needs and engines promises for the call; "none" if no engine was built that
 * can take it. */
static const char *
get_promised_engine (const CallSite *site,
                     const char     *first_engine)
{
  GSpawnNeeds needs = call_site_get_needs (site);

  for (GSpawnEngine engine = 0; engine < GSPAWN_N_ENGINES; engine++)
    if (g_strcmp0 (gspawn_engine_get_name (engine), first_engine) == 0 && can_take (engine, needs))
      return first_engine;

  for (GSpawnEngine engine = 0; engine < GSPAWN_N_ENGINES; engine++)
    if (can_take (engine, needs))
      return gspawn_engine_get_name (engine);

  return "none";
}

static gboolean
is_fork_free (const Outcome *outcome)
{
  return g_str_equal (outcome->engine, "clone") || g_str_equal (outcome->engine, "posix_spawn");
}

static void
check_site (const CallSite *site,
            const Outcome  *outcome,
            const char     *first_engine)
{
  const char *promised = get_promised_engine (site, first_engine);

  if (!g_str_equal (outcome->engine, promised))
    {
      g_test_message ("%s: %s(): the engine was %s, not %s: %s", site->where, site->function,
                      outcome->engine, promised, outcome->problem);
      g_test_fail ();
    }
  else if (*outcome->problem != '\0' && !g_str_equal (promised, "none"))
    {
      g_test_message ("%s: %s(): %s", site->where, site->function, outcome->problem);
      g_test_fail ();
    }
}

static void
test_function (gconstpointer data)
{
  const char *function = data;
  const Outcome *outcomes = get_outcomes (NULL);
  guint n_sites = 0;

  g_test_summary ("Every real call of the function does what it asks for");

  for (guint i = 0; i < sites->len; i++)
    {
      const CallSite *site = g_ptr_array_index (sites, i);

      if (!g_str_equal (site->function, function))
        continue;
      check_site (site, &outcomes[i], NULL);
      n_sites++;
    }

  g_assert_cmpuint (n_sites, >, 0);
}

static void
test_fork_free (void)
{
  const Outcome *outcomes = get_outcomes (NULL);
  guint n_fork_free = 0;

  g_test_summary ("Every real call without a callback is made without fork(), and no other is");

  if (!gspawn_engine_is_available (GSPAWN_ENGINE_CLONE, NULL))
    {
      g_test_skip ("The clone engine is not available");
      return;
    }

  for (guint i = 0; i < sites->len; i++)
    {
      const CallSite *site = g_ptr_array_index (sites, i);

      if (is_fork_free (&outcomes[i]) == site->has_callback)
        {
          g_test_message ("%s: %s(): %s", site->where, site->function, outcomes[i].engine);
          g_test_fail ();
        }
      n_fork_free += is_fork_free (&outcomes[i]);
    }

  g_assert_cmpuint (n_fork_free, ==, 733);
}

static void
test_glib_rule (void)
{
  guint n_sites = 0;

  g_test_summary ("GLib's own rule for posix_spawn() suits eight of the real calls");

  for (guint i = 0; i < sites->len; i++)
    n_sites += call_site_suits_glib (g_ptr_array_index (sites, i));

  g_assert_cmpuint (sites->len, ==, 832);
  g_assert_cmpuint (n_sites, ==, 8);
}

static void
test_posix_spawn (void)
{
  const Outcome *outcomes = get_outcomes ("posix_spawn");

  g_test_summary ("With posix_spawn first, it takes each real call that it can, and does it right");

  for (guint i = 0; i < sites->len; i++)
    check_site (g_ptr_array_index (sites, i), &outcomes[i], "posix_spawn");
}

typedef struct {
  guint n_calls;
  guint n_glib;
  guint n_fork_free;
  guint n_fork;
  guint n_posix_spawn;
} Tally;

/* function: NULL for all. */
static Tally
count (const char *function)
{
  const Outcome *usual = get_outcomes (NULL);
  const Outcome *forced = get_outcomes ("posix_spawn");
  Tally tally = { 0 };

  for (guint i = 0; i < sites->len; i++)
    {
      const CallSite *site = g_ptr_array_index (sites, i);

      if (function != NULL && !g_str_equal (site->function, function))
        continue;
      tally.n_calls++;
      tally.n_glib += call_site_suits_glib (site);
      tally.n_fork_free += is_fork_free (&usual[i]);
      tally.n_fork += g_str_equal (usual[i].engine, "fork");
      tally.n_posix_spawn += g_str_equal (forced[i].engine, "posix_spawn");
    }

  return tally;
}

static void
write_row (FILE       *table,
           const char *title,
           Tally       tally)
{
  fprintf (table, "| %s | %u | %u | %u | %u | %u |\n", title, tally.n_calls, tally.n_glib,
           tally.n_fork_free, tally.n_fork, tally.n_posix_spawn);
}

/* The file itself is written, not one that is moved into its place: it may be a device. */
static void
write_table (const char *file)
{
  FILE *table = fopen (file, "w");

  if (table == NULL)
    g_error ("%s: %s", file, g_strerror (errno));

  fprintf (table, "| function | calls | GLib: posix_spawn | gspawn: no fork | gspawn: fork "
                  "| posix_spawn engine alone |\n"
                  "|---|---:|---:|---:|---:|---:|\n");
  for (guint i = 0; i < G_N_ELEMENTS (functions); i++)
    {
      g_autofree char *title = g_strdup_printf ("`%s`", functions[i]);

      write_row (table, title, count (functions[i]));
    }
  write_row (table, "**all**", count (NULL));

  if (fclose (table) != 0)
    g_error ("%s: %s", file, g_strerror (errno));
}

static void
load_sites (void)
{
  g_autofree char *file = build_filename ("G_TEST_SRCDIR", "data/real-calls.csv");
  g_autoptr(GError) error = NULL;

  sites = call_site_load (file, &error);
  g_assert_no_error (error);
}

static void
parse_options (int    *argc,
               char ***argv)
{
  g_autoptr(GOptionContext) context = g_option_context_new (NULL);
  g_autoptr(GError) error = NULL;

  g_option_context_add_main_entries (context, options, NULL);
  g_option_context_set_ignore_unknown_options (context, TRUE);
  g_option_context_set_help_enabled (context, FALSE);
  g_option_context_parse (context, argc, argv, &error);
  g_assert_no_error (error);
}

int
main (int    argc,
      char **argv)
{
  setlocale (LC_ALL, "");
  parse_options (&argc, &argv);
  load_sites ();

  if (replay_option != NULL)
    return replay_all (replay_option);
  if (table_option != NULL)
    {
      write_table (table_option);
      return EXIT_SUCCESS;
    }

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (functions); i++)
    {
      g_autofree char *path = g_strconcat ("/call-sites/", functions[i], NULL);

      g_test_add_data_func (path, functions[i], test_function);
    }
  g_test_add_func ("/call-sites/fork-free", test_fork_free);
  g_test_add_func ("/call-sites/glib-rule", test_glib_rule);
  g_test_add_func ("/call-sites/posix-spawn", test_posix_spawn);

  return g_test_run ();
}
