/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Every child setup function of the survey of real programs, replaced by what gspawn has instead,
 * and launched: each child must find what the function would have done, and none is forked.
 *
 * With --table or --engines a table in Markdown is written, and nothing is tested. What each engine
 * does with each attribute is found by this program executed again with the engine forced. */

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attribute-samples.h"
#include "child-setup.h"
#include "gspawn-engines.h"
#include "gspawn-trace-reader-private.h"
#include "report.h"

/* The test framework has something to say, too. */
#define SAMPLE_PREFIX "sample: "

static char *table_option;
static char *engines_option;
static gboolean probe_option;

static const GOptionEntry options[] = {
  { "table", 0, 0, G_OPTION_ARG_FILENAME, &table_option,
    "Write what stands for which operation, as tables in Markdown", "FILE" },
  { "engines", 0, 0, G_OPTION_ARG_FILENAME, &engines_option,
    "Write the attributes by engine, as a table in Markdown", "FILE" },
  { "probe", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &probe_option, NULL, NULL },
  G_OPTION_ENTRY_NULL
};

static GPtrArray *setups;
static char *directory;
static char *trace_path;

typedef struct {
  GSpawnTraceReader *reader;
  int fd;
  char *engine;
  guint n_records;
} Trace;

static void
note_record (const GSpawnTraceRecord *record,
             gpointer                 user_data)
{
  Trace *trace = user_data;

  trace->n_records++;
  g_free (trace->engine);
  trace->engine = g_strdup (record->engine != NULL ? record->engine : "none");
}

static Trace *
get_trace (void)
{
  static Trace trace = { .fd = -1 };

  if (trace.fd < 0)
    {
      trace.reader = _gspawn_trace_reader_new (note_record, &trace);
      trace.fd = open (trace_path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
    }

  return &trace;
}

/* Returns: which engine took what was launched since the last time, once. */
static const char *
read_engine (void)
{
  Trace *trace = get_trace ();
  char block[1024];
  gssize length;

  trace->n_records = 0;
  while ((length = read (trace->fd, block, sizeof block)) > 0)
    _gspawn_trace_reader_push (trace->reader, block, (gsize) length);

  return trace->n_records == 1 ? trace->engine : "none";
}

static void
launch (GSpawnAttributes  *attributes,
        GSpawnFlags        flags,
        GError           **error)
{
  char *argv[] = { (char *) probe_get_path (), (char *) "nothing", NULL };
  GPid pid;

  if (!g_spawn_async (NULL, argv, NULL, flags, gspawn_attributes_child_setup, attributes, &pid,
                      error))
    return;

  /* One that is traced stands still. */
  if ((flags & G_SPAWN_DO_NOT_REAP_CHILD) != 0)
    {
      kill (pid, SIGKILL);
      while (waitpid (pid, NULL, 0) < 0 && errno == EINTR)
        ;
    }
}

/* Prints a line for each sample: the engine that takes it, and whether it can be launched without a
 * wait for the child. */
static int
probe_samples (void)
{
  for (guint i = 0; attribute_samples[i].set != NULL; i++)
    {
      g_autoptr (GSpawnAttributes) attributes = gspawn_attributes_new ();
      g_autofree char *engine = NULL;
      g_autoptr (GError) error = NULL;
      gboolean is_own;

      attribute_samples[i].set (attributes);
      g_assert_true (gspawn_attributes_has (attributes, attribute_samples[i].attribute));
      launch (attributes, G_SPAWN_DO_NOT_REAP_CHILD, NULL);
      engine = g_strdup (read_engine ());
      launch (attributes, G_SPAWN_DEFAULT, &error);
      is_own = g_error_matches (error, G_SPAWN_ERROR, G_SPAWN_ERROR_INVAL);
      read_engine ();
      printf ("%s%s %d\n", SAMPLE_PREFIX, engine, is_own);
    }

  return EXIT_SUCCESS;
}

/* Returns: (transfer full): what it says of each sample */
static GPtrArray *
run_probe (const char *engine)
{
  GPtrArray *words = g_ptr_array_new_with_free_func (g_free);
  g_auto (GStrv) lines = NULL;
  g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);
  char *argv[] = { program, (char *) "--probe", NULL };
  g_auto (GStrv) environment = g_environ_setenv (g_get_environ (), "GSPAWN_ENGINE", engine, TRUE);
  g_autofree char *output = NULL;
  g_autoptr (GError) error = NULL;
  int status;

  g_spawn_sync (NULL, argv, environment, G_SPAWN_DEFAULT, NULL, NULL, &output, NULL, &status,
                &error);
  g_assert_no_error (error);
  g_assert_cmpint (status, ==, 0);

  lines = g_strsplit (output, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    if (g_str_has_prefix (*line, SAMPLE_PREFIX))
      g_ptr_array_add (words, g_strdup (*line + strlen (SAMPLE_PREFIX)));

  return words;
}

static void
write_engines (FILE *table)
{
  GPtrArray *words[GSPAWN_N_ENGINES];

  fprintf (table, "| attribute |");
  for (guint i = 0; i < GSPAWN_N_ENGINES; i++)
    {
      fprintf (table, " %s |", gspawn_engine_get_name (i));
      words[i] = run_probe (gspawn_engine_get_name (i));
      g_assert_cmpuint (words[i]->len, ==, words[0]->len);
    }
  fprintf (table, " reaped for the caller |\n|---|---|---|---|---|\n");

  for (guint i = 0; attribute_samples[i].set != NULL; i++)
    {
      fprintf (table, "| `%s`%s |", gspawn_attribute_get_name (attribute_samples[i].attribute),
               attribute_samples[i].note);
      for (guint engine = 0; engine < GSPAWN_N_ENGINES; engine++)
        fprintf (table, " %s |",
                 g_str_has_prefix (g_ptr_array_index (words[engine], i),
                                   gspawn_engine_get_name (engine)) ? "yes" : "–");
      fprintf (table, " %s |\n",
               g_str_has_suffix (g_ptr_array_index (words[GSPAWN_ENGINE_CLONE], i), " 1")
                   ? "–" : "yes");
    }
  for (guint i = 0; i < GSPAWN_N_ENGINES; i++)
    g_ptr_array_unref (words[i]);
}

static guint
count_users (const char *code)
{
  guint n = 0;

  for (guint i = 0; i < setups->len; i++)
    {
      const ChildSetup *setup = g_ptr_array_index (setups, i);

      n += g_strv_contains ((const char *const *) setup->operations, code);
    }

  return n;
}

static void
write_coverage (FILE *table)
{
  guint n_operations, n_wholly = 0;
  const ChildSetupOperation *operations = child_setup_operations (&n_operations);

  fprintf (table, "| what a function does | functions | instead |\n|---|---:|---|\n");
  for (guint i = 0; i < n_operations; i++)
    fprintf (table, "| %s | %u | %s |\n", operations[i].description,
             count_users (operations[i].code), operations[i].replacement);

  for (guint i = 0; i < setups->len; i++)
    n_wholly += child_setup_get_missing (g_ptr_array_index (setups, i)) == NULL;
  fprintf (table, "\nWholly replaced are %u of %u (%u %%). The others:\n\n"
                  "| program | function | |\n|---|---|---|\n",
           n_wholly, setups->len, 100 * n_wholly / setups->len);

  for (guint i = 0; i < setups->len; i++)
    {
      const ChildSetup *setup = g_ptr_array_index (setups, i);
      const ChildSetupOperation *missing = child_setup_get_missing (setup);

      if (missing != NULL)
        fprintf (table, "| %s, %s | `%s` | it %s: %s |\n", setup->program, setup->where,
                 setup->function, missing->description, missing->reason);
    }
}

static int
write_table (const char *file,
             void      (*write_rows) (FILE *table))
{
  FILE *table = fopen (file, "w");

  if (table == NULL)
    g_error ("%s: %s", file, g_strerror (errno));
  write_rows (table);
  if (fclose (table) != 0)
    g_error ("%s: %s", file, g_strerror (errno));

  return EXIT_SUCCESS;
}

/* A caller that has something to be undone in the child. */
static void
set_scene (void)
{
  sigset_t set;

  sigemptyset (&set);
  sigaddset (&set, SIGUSR1);
  sigprocmask (SIG_BLOCK, &set, NULL);
  signal (SIGUSR2, SIG_IGN);
}

/* A child that is traced is made by a copy, and one with a filter where the kernel is older. */
static const char *
get_expected_engine (const ChildSetup *setup)
{
  const char *const *operations = (const char *const *) setup->operations;
  GSpawnNeeds needs = 0;

  if (g_strv_contains (operations, "ptrace"))
    needs |= GSPAWN_NEED_TRACE_ME;
  if (g_strv_contains (operations, "sandbox"))
    needs |= GSPAWN_NEED_SECCOMP_FILTER;

  return (needs & ~gspawn_engine_get_capabilities (GSPAWN_ENGINE_CLONE)) == 0 ? "clone" : "fork";
}

static void
test_function (gconstpointer data)
{
  const ChildSetup *setup = data;
  g_autofree char *problem = NULL;

  if (!gspawn_engine_is_available (GSPAWN_ENGINE_CLONE, NULL))
    {
      g_test_skip ("The clone engine is not available");
      return;
    }
  if (g_str_equal (get_expected_engine (setup), "fork") &&
      !gspawn_engine_is_available (GSPAWN_ENGINE_FORK, NULL))
    {
      g_test_skip ("The fork engine is not available");
      return;
    }

  read_engine ();
  problem = child_setup_replay (setup, probe_get_path (), directory);
  g_assert_cmpstr (problem, ==, "");
  g_assert_cmpstr (read_engine (), ==, get_expected_engine (setup));
}

static void
test_coverage (void)
{
  guint n_wholly = 0;

  g_test_summary ("At least 93 % of the functions are replaced wholly");

  for (guint i = 0; i < setups->len; i++)
    n_wholly += child_setup_get_missing (g_ptr_array_index (setups, i)) == NULL;

  g_assert_cmpuint (setups->len, ==, 85);
  g_assert_cmpuint (100 * n_wholly, >=, 93 * setups->len);
}

/* So that none is forgotten in the documentation. */
static void
test_samples (void)
{
  guint seen = 0;

  g_test_summary ("The table of engines has every attribute");

  for (guint i = 0; attribute_samples[i].set != NULL; i++)
    seen |= 1u << attribute_samples[i].attribute;
  g_assert_cmpuint (seen, ==, (1u << GSPAWN_N_ATTRIBUTES) - 1);
}

static void
add_tests (void)
{
  g_test_add_func ("/child-setups/coverage", test_coverage);
  g_test_add_func ("/child-setups/samples", test_samples);
  for (guint i = 0; i < setups->len; i++)
    {
      const ChildSetup *setup = g_ptr_array_index (setups, i);
      g_autofree char *path = g_strdup_printf ("/child-setups/%u/%s", i + 1, setup->function);

      g_test_add_data_func (path, setup, test_function);
    }
}

static void
load_setups (void)
{
  const char *source = g_getenv ("G_TEST_SRCDIR");
  g_autofree char *file = NULL;
  g_autoptr (GError) error = NULL;

  if (source == NULL)
    g_error ("G_TEST_SRCDIR is not set, which Meson does");
  file = g_build_filename (source, "data/child-setups.csv", NULL);
  setups = child_setup_load (file, &error);
  g_assert_no_error (error);
}

/* The trace is looked for when the first program is started. */
static void
enter_directory (void)
{
  g_autoptr (GError) error = NULL;

  directory = g_dir_make_tmp ("gspawn-test-XXXXXX", &error);
  g_assert_no_error (error);
  trace_path = g_build_filename (directory, "trace", NULL);
  g_setenv ("GSPAWN_TRACE", trace_path, TRUE);
  if (!probe_option)
    g_unsetenv ("GSPAWN_ENGINE");
}

static void
leave_directory (void)
{
  static const char *const names[] = { "trace", "mapped" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (directory, names[i], NULL);

      unlink (path);
    }
  if (rmdir (directory) < 0)
    g_error ("%s: %s", directory, g_strerror (errno));
}

static int
run_tests (void)
{
  /* Others than we find their way here, too. */
  g_assert_no_errno (chmod (directory, 0777));
  g_assert_no_errno (chdir (directory));
  set_scene ();
  /* One failure must not end the run. */
  g_test_set_nonfatal_assertions ();
  add_tests ();

  return g_test_run ();
}

int
main (int    argc,
      char **argv)
{
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;
  int status;

  setlocale (LC_ALL, "");
  g_option_context_add_main_entries (context, options, NULL);
  g_option_context_set_ignore_unknown_options (context, TRUE);
  g_option_context_set_help_enabled (context, FALSE);
  g_option_context_parse (context, &argc, &argv, &error);
  g_assert_no_error (error);
  g_test_init (&argc, &argv, NULL);
  load_setups ();
  enter_directory ();

  if (probe_option)
    status = probe_samples ();
  else if (table_option != NULL)
    status = write_table (table_option, write_coverage);
  else if (engines_option != NULL)
    status = write_table (engines_option, write_engines);
  else
    status = run_tests ();

  leave_directory ();
  return status;
}
