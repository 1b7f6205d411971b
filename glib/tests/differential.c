/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* The differential test: requests that nobody has thought of, given to the system's GLib and to
 * every engine, and what comes of them compared.
 *
 *     test-differential [--seed=N|random] [--requests=N] [--long] [--engine=NAME]
 *     test-differential --request='function=sync program=missing'
 *
 * Without an argument it is the same requests every time. A failure shows the request as it came
 * and in its minimal form, both for --request, and what either side made of it. */

#include <string.h>
#include <sys/random.h>

#include "differential-differences.h"
#include "differential-record.h"
#include "differential-workers.h"

#define DEFAULT_SEED 1
#define DEFAULT_REQUESTS 3000
#define LONG_REQUESTS 50000
/* Below that some rows and values are left out by chance. */
#define REQUESTS_FOR_COVERAGE DEFAULT_REQUESTS
#define MIN_VALUE 5
#define MIN_SHAPE 5

static char *seed_option;
static int requests_option = DEFAULT_REQUESTS;
static gboolean long_option;
static char *request_option;
static char *engine_option;
static gboolean list_option;
static gboolean coverage_option;
static char *record_option;
static char *describe_option;
static int jobs_option;

static const GOptionEntry options[] = {
  { "seed", 0, 0, G_OPTION_ARG_STRING, &seed_option,
    "What the requests are made of, a number or \"random\" [1]", "SEED" },
  { "requests", 0, 0, G_OPTION_ARG_INT, &requests_option, "How many requests [3000]", "N" },
  { "long", 0, 0, G_OPTION_ARG_NONE, &long_option,
    "Many requests of a random seed, with a line of progress", NULL },
  { "request", 0, 0, G_OPTION_ARG_STRING, &request_option, "A single request", "REQUEST" },
  { "engine", 0, 0, G_OPTION_ARG_STRING, &engine_option, "Only this engine", "NAME" },
  { "jobs", 0, 0, G_OPTION_ARG_INT, &jobs_option, "How many processes share the work", "N" },
  { "list-differences", 0, 0, G_OPTION_ARG_NONE, &list_option,
    "Print where GLib differs, as a table in Markdown", NULL },
  { "show-coverage", 0, 0, G_OPTION_ARG_NONE, &coverage_option,
    "Print how often each value occurred", NULL },
  { "record", 0, 0, G_OPTION_ARG_FILENAME, &record_option,
    "Append a line about the run to this file", "FILE" },
  { "describe", 0, 0, G_OPTION_ARG_FILENAME, &describe_option,
    "Print what the runs in this file come to, in Markdown", "FILE" },
  G_OPTION_ENTRY_NULL
};

static Table table;
static Plan plan;
static Request single;
static Tally tally;
static char *failures;

static void
show_lines (const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  for (char **line = lines; *line != NULL; line++)
    if (**line != '\0')
      g_test_message ("%s", *line);
}

static void
test_requests (void)
{
  g_test_summary ("What comes of a request is what GLib makes of it, or is a known difference");

  failures = workers_run (&plan, &table, &tally);
  show_lines (failures);
  g_test_message ("seed %" G_GUINT64_FORMAT ", %u requests, of which %u got as far as a program",
                  plan.seed, tally.requests, tally.ran);
  for (GSpawnEngine engine = 0; engine < GSPAWN_N_ENGINES; engine++)
    if (table.engines[engine].available && !table.engines[engine].is_left_out)
      g_test_message ("%s: compared %u, taken itself %u, without a reason %u",
                      table.engines[engine].name, tally.compared[engine], tally.taken[engine],
                      tally.failed[engine]);
  if (record_option != NULL)
    record_append (record_option, plan.seed, &table, &tally);
  g_assert_cmpuint (strlen (failures), ==, 0);
  g_assert_cmpuint (tally.requests, ==, plan.single != NULL ? 1 : plan.n_requests);
}

static void
test_engines (void)
{
  g_test_summary ("Every engine takes many of the requests itself, and most requests run");

  for (GSpawnEngine engine = 0; engine < GSPAWN_N_ENGINES; engine++)
    if (table.engines[engine].available && !table.engines[engine].is_left_out)
      g_assert_cmpuint (tally.taken[engine], >, plan.n_requests / 4);
  g_assert_cmpuint (tally.ran, >, plan.n_requests / 2);
}

/* They are counted with the first entry. */
static gboolean
is_later_entry (Aspect aspect)
{
  return aspect >= ASPECT_SOURCE_2 && aspect <= ASPECT_TARGET_4;
}

static void
test_coverage (void)
{
  g_test_summary ("Every value of every aspect, and every shape, was among the requests");

  for (Aspect aspect = 0; aspect < N_ASPECTS; aspect++)
    for (guint value = 0; !is_later_entry (aspect) && value < aspect_count_values (aspect); value++)
      {
        const AspectRow *row = aspect_get_row (aspect);

        if (coverage_option)
          g_test_message ("%s=%s: %u", row->name, row->values[value].word,
                          tally.values[aspect][value]);
        if (tally.values[aspect][value] < MIN_VALUE && !(row->needs_root && value > 0))
          {
            g_test_message ("%s=%s occurred %u times", row->name, row->values[value].word,
                            tally.values[aspect][value]);
            g_test_fail ();
          }
      }

  for (guint shape = 0; shape < shape_count (); shape++)
    {
      if (coverage_option)
        g_test_message ("%s: %u", shape_get_name (shape), tally.shapes[shape]);
      if (tally.shapes[shape] < MIN_SHAPE)
        {
          g_test_message ("%s occurred %u times", shape_get_name (shape), tally.shapes[shape]);
          g_test_fail ();
        }
    }
}

static void
test_rows (void)
{
  g_test_summary ("Every row of the table of differences was needed");

  for (guint row = 0; row < difference_count (); row++)
    {
      g_test_message ("%s: needed by %u requests", difference_get_name (row), tally.rows[row]);
      if (tally.rows[row] == 0)
        g_test_fail ();
    }
}

static gboolean
parse_seed (const char  *text,
            guint64     *seed,
            GError     **error)
{
  if (g_strcmp0 (text, "random") == 0 || (text == NULL && long_option))
    {
      guint32 bits;

      if (getrandom (&bits, sizeof bits, 0) != sizeof bits)
        g_error ("getrandom() gave too little");
      *seed = bits;
      return TRUE;
    }

  *seed = DEFAULT_SEED;
  return text == NULL || g_ascii_string_to_unsigned (text, 10, 0, G_MAXUINT64, seed, error);
}

static gboolean
make_plan (GError **error)
{
  if (!parse_seed (seed_option, &plan.seed, error))
    return FALSE;

  plan.n_requests = (guint) (long_option && requests_option == DEFAULT_REQUESTS
                             ? LONG_REQUESTS : requests_option);
  plan.n_workers = jobs_option > 0 ? (guint) jobs_option : MIN (g_get_num_processors (), 8);
  plan.progress = long_option;
  if (request_option == NULL)
    return TRUE;

  plan.single = &single;
  plan.n_workers = 1;
  return request_parse (&single, request_option, error);
}

static void
load_engines (void)
{
  const char *library = g_getenv ("GSPAWN_DROPIN");

  /* Without a word from the build: what was built with this program. */
  if (library == NULL)
    {
      g_autofree char *built = g_test_build_filename (G_TEST_BUILT, "..",
                                                      "libgspawn-dropin-1.0.so.0", NULL);

      library = g_canonicalize_filename (built, NULL);
    }
  if (!g_path_is_absolute (library))
    g_error ("GSPAWN_DROPIN must be an absolute path");
  table_load (&table, library);
  for (GSpawnEngine engine = 0; engine < GSPAWN_N_ENGINES; engine++)
    if (engine_option != NULL && !g_str_equal (engine_option, table.engines[engine].name))
      table.engines[engine].is_left_out = TRUE;
}

static void
skip_other_glib (void)
{
  g_autofree char *reason = g_strdup_printf ("The differences are not recorded for GLib %u.%u.%u",
                                             glib_major_version, glib_minor_version,
                                             glib_micro_version);

  if (g_strcmp0 (g_getenv ("GSPAWN_MUST_WORK"), "1") == 0)
    g_error ("%s", reason);
  g_test_skip (reason);
}

static gboolean
is_recorded_glib (void)
{
  g_autofree char *version = g_strdup_printf ("%u.%u.", glib_major_version, glib_minor_version);

  return g_str_equal (version, DIFFERENCES_GLIB_SERIES);
}

static void
add_tests (void)
{
  if (!is_recorded_glib ())
    {
      g_test_add_func ("/differential/version", skip_other_glib);
      return;
    }

  g_test_add_func ("/differential/requests", test_requests);
  if (plan.single != NULL || plan.n_requests < REQUESTS_FOR_COVERAGE)
    return;

  g_test_add_func ("/differential/engines", test_engines);
  g_test_add_func ("/differential/coverage", test_coverage);
  g_test_add_func ("/differential/rows", test_rows);
}

int
main (int    argc,
      char **argv)
{
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;

  g_option_context_add_main_entries (context, options, NULL);
  g_option_context_set_ignore_unknown_options (context, TRUE);
  if (!g_option_context_parse (context, &argc, &argv, &error) || !make_plan (&error))
    {
      g_printerr ("%s\n", error->message);
      return 2;
    }
  if (list_option)
    {
      difference_print_all ();
      return 0;
    }
  if (describe_option != NULL)
    {
      if (record_describe (describe_option, DEFAULT_REQUESTS, &error))
        return 0;
      g_printerr ("%s\n", error->message);
      return 2;
    }

  g_test_init (&argc, &argv, NULL);
  g_test_set_nonfatal_assertions ();
  load_engines ();
  add_tests ();

  return g_test_run ();
}
