/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* GLib's own tests of spawning, as a distribution installs them, under the drop-in and on each
 * engine. They were written for GLib's code and know nothing of ours.
 *
 * That a test passes says something only if it was our code that it tested, so the trace must
 * show that the drop-in took its calls and which engine launched them. */

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gspawn-engines.h"
#include "gspawn-trace-reader-private.h"

typedef struct {
  const char *name;
  const char *with_callback[5]; /* what in it cannot pass where no engine takes a callback */
} Program;

static const Program programs[] = {
  { "spawn-singlethread", { NULL } },
  { "spawn-multithreaded", { NULL } },
  { "spawn-path-search", { NULL } },
  { "spawn-test", { NULL } },
  { "gsubprocess",
    { "/gsubprocess/child-setup", "/gsubprocess/pass-fd/empty-child-setup",
      "/gsubprocess/fd-conflation/empty-child-setup",
      "/gsubprocess/fd-conflation/child-err-report-fd" } },
};

typedef struct {
  const Program *program;
  GSpawnEngine engine;
} Case;

typedef struct {
  const Case *the_case;
  guint n_by_engine;            /* calls that the engine of the case took */
  guint n_by_others;
} Tally;

static void
skip_or_fail (const char *reason)
{
  if (g_getenv ("GSPAWN_MUST_WORK") == NULL)
    {
      g_test_skip (reason);
      return;
    }

  g_test_message ("%s", reason);
  g_test_fail ();
}

/* The tests find their own files beside themselves, unless these say otherwise. */
static char **
make_environment (const Case *the_case,
                  const char *trace)
{
  char **environment = g_get_environ ();

  environment = g_environ_unsetenv (environment, "G_TEST_SRCDIR");
  environment = g_environ_unsetenv (environment, "G_TEST_BUILDDIR");
  environment = g_environ_setenv (environment, "LD_PRELOAD", g_getenv ("GSPAWN_DROPIN"), TRUE);
  environment = g_environ_setenv (environment, "GSPAWN_TRACE", trace, TRUE);
  environment = g_environ_setenv (environment, "GSPAWN_ENGINE",
                                  gspawn_engine_get_name (the_case->engine), TRUE);

  return environment;
}

static char **
make_arguments (const Case *the_case,
                const char *file)
{
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new ();

  g_strv_builder_add_many (builder, file, "--tap", NULL);
  for (guint i = 0; the_case->program->with_callback[i] != NULL; i++)
    if (!gspawn_engine_is_available (GSPAWN_ENGINE_FORK, NULL))
      g_strv_builder_add_many (builder, "-s", the_case->program->with_callback[i], NULL);

  return g_strv_builder_end (builder);
}

/* The plan of a TAP stream is kept to, and nothing in it failed. */
static void
check_tap (const char *output)
{
  g_auto(GStrv) lines = g_strsplit (output, "\n", -1);
  guint64 n_planned = 0;
  guint64 n_passed = 0;

  for (guint i = 0; lines[i] != NULL; i++)
    {
      if (g_str_has_prefix (lines[i], "1.."))
        n_planned = g_ascii_strtoull (lines[i] + strlen ("1.."), NULL, 10);
      else if (g_str_has_prefix (lines[i], "ok "))
        n_passed++;

      if (g_str_has_prefix (lines[i], "not ok") || strstr (lines[i], "# SKIP") != NULL)
        g_test_message ("%s", lines[i]);
      g_assert_false (g_str_has_prefix (lines[i], "not ok"));
    }

  g_test_message ("%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " passed", n_passed, n_planned);
  g_assert_cmpuint (n_planned, >, 0);
  g_assert_cmpuint (n_passed, ==, n_planned);
}

/* A reason is a list of words, one for each obstacle on the way to the engine. */
static gboolean
is_lacking_need (GSpawnEngine  engine,
                 const char   *reason)
{
  GSpawnNeeds capabilities = gspawn_engine_get_capabilities (engine);
  g_auto(GStrv) words = g_strsplit (reason, ",", -1);

  for (guint need = 0; need < GSPAWN_N_NEEDS; need++)
    if (!(capabilities & (1u << need)) &&
        g_strv_contains ((const char * const *) words, gspawn_need_get_name (1u << need)))
      return TRUE;

  return FALSE;
}

/* A call that failed before an engine was chosen has none, and no reason. */
static void
count_record (const GSpawnTraceRecord *record,
              gpointer                 user_data)
{
  Tally *tally = user_data;
  GSpawnEngine engine = tally->the_case->engine;

  if (record->engine == NULL)
    return;

  if (g_str_equal (record->engine, gspawn_engine_get_name (engine)))
    {
      g_assert_cmpstr (record->reason, ==, "forced");
      tally->n_by_engine++;
    }
  else
    {
      if (!is_lacking_need (engine, record->reason))
        g_error ("%s(): the %s engine took a call because of %s", record->function,
                 record->engine, record->reason);
      tally->n_by_others++;
    }
}

static void
check_trace (const Case *the_case,
             const char *trace)
{
  Tally tally = { the_case, 0, 0 };
  g_autoptr(GSpawnTraceReader) reader = _gspawn_trace_reader_new (count_record, &tally);
  g_autoptr(GError) error = NULL;
  g_autofree char *contents = NULL;
  gsize length;

  g_file_get_contents (trace, &contents, &length, &error);
  g_assert_no_error (error);
  _gspawn_trace_reader_push (reader, contents, length);
  _gspawn_trace_reader_finish (reader);

  g_test_message ("%u calls by the %s engine, %u by others", tally.n_by_engine,
                  gspawn_engine_get_name (the_case->engine), tally.n_by_others);
  g_assert_cmpuint (_gspawn_trace_reader_get_n_rejected (reader), ==, 0);
  g_assert_cmpuint (tally.n_by_engine, >, 0);
}

static void
run_program (const Case *the_case,
             const char *file)
{
  g_autofree char *directory = g_dir_make_tmp ("installed-glib-XXXXXX", NULL);
  g_autofree char *trace = g_build_filename (directory, "trace", NULL);
  g_auto(GStrv) environment = make_environment (the_case, trace);
  g_autofree char *output = NULL;
  g_autofree char *errors = NULL;
  g_autoptr(GError) error = NULL;
  g_auto(GStrv) argv = make_arguments (the_case, file);
  int status;

  g_spawn_sync (NULL, argv, environment, G_SPAWN_DEFAULT, NULL, NULL, &output, &errors,
                &status, &error);
  g_assert_no_error (error);

  if (!g_spawn_check_wait_status (status, &error))
    g_test_message ("%s\n%s", output, errors);
  g_assert_no_error (error);

  check_tap (output);
  check_trace (the_case, trace);
  unlink (trace);
  rmdir (directory);
}

static void
test_program (gconstpointer data)
{
  const Case *the_case = data;
  g_autofree char *file = g_build_filename (INSTALLED_TESTS, the_case->program->name, NULL);
  const char *detail = NULL;

  g_test_summary ("A test of GLib's passes under the drop-in, with this engine first");

  if (!gspawn_engine_is_available (the_case->engine, &detail))
    skip_or_fail (detail);
  else if (!g_file_test (file, G_FILE_TEST_IS_EXECUTABLE))
    skip_or_fail ("GLib's tests are not installed");
  else
    run_program (the_case, file);
}

static void
add_case (const Program *program,
          GSpawnEngine   engine)
{
  static Case cases[GSPAWN_N_ENGINES * G_N_ELEMENTS (programs)];
  static guint n_cases = 0;
  Case *the_case = &cases[n_cases++];
  g_autofree char *path = NULL;

  *the_case = (Case) { program, engine };
  path = g_strdup_printf ("/installed-glib/%s/%s", gspawn_engine_get_name (engine), program->name);
  g_test_add_data_func (path, the_case, test_program);
}

int
main (int    argc,
      char **argv)
{
  setlocale (LC_ALL, "");
  g_test_init (&argc, &argv, NULL);

  for (GSpawnEngine engine = 0; engine < GSPAWN_N_ENGINES; engine++)
    for (guint i = 0; i < G_N_ELEMENTS (programs); i++)
      add_case (&programs[i], engine);

  return g_test_run ();
}
