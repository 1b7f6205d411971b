/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Gives a request to GLib and to each engine, and says where they differ without a reason. */

#include "differential-compare.h"

#include <dlfcn.h>
#include <string.h>

#include "differential-differences.h"
#include "differential-minimise.h"
#include "differential-trace.h"

/* To make a request smaller takes many runs. */
#define MAX_MINIMISED 8

typedef struct {
  const Table *table;
  GSpawnEngine engine;
  const char *scene;
  char *what;               /* what differed first, which is what a smaller request must show */
} Judge;

/*
 * table_load: (skip)
 * @table: (out caller-allocates): the engines
 * @library: the absolute path of a drop-in
 *
 * Only looks the engines up: the library takes nothing over in this process.
 */
void
table_load (Table      *table,
            const char *library)
{
  void *handle = dlopen (library, RTLD_NOW | RTLD_LOCAL);
  gboolean (*is_available) (GSpawnEngine engine, const char **detail);
  const char *(*get_name) (GSpawnEngine engine);
  GSpawnNeeds (*get_capabilities) (GSpawnEngine engine);
  const char *(*get_need_name) (GSpawnNeeds need);

  if (handle == NULL)
    g_error ("%s", dlerror ());
  is_available = dlsym (handle, "gspawn_engine_is_available");
  get_name = dlsym (handle, "gspawn_engine_get_name");
  get_capabilities = dlsym (handle, "gspawn_engine_get_capabilities");
  get_need_name = dlsym (handle, "gspawn_need_get_name");
  g_assert_nonnull (get_need_name);

  table->library = library;
  for (GSpawnEngine engine = 0; engine < GSPAWN_N_ENGINES; engine++)
    {
      table->engines[engine].available = is_available (engine, NULL);
      table->engines[engine].name = get_name (engine);
      table->engines[engine].can = get_capabilities (engine);
    }
  for (guint need = 0; need < GSPAWN_N_NEEDS; need++)
    table->needs[need] = get_need_name (1u << need);
}

static Outcome *
run_glib (const Request *request,
          const char    *scene)
{
  return run_request (request, &(Subject) { NULL, NULL }, scene);
}

static Outcome *
run_engine (const Judge   *judge,
            const Request *request)
{
  Subject subject = { judge->table->engines[judge->engine].name, judge->table->library };

  return run_request (request, &subject, judge->scene);
}

static void
describe_key (GString       *text,
              const char    *key,
              const Outcome *glib,
              const Outcome *ours)
{
  const char *one = outcome_get (glib, key);
  const char *other = outcome_get (ours, key);
  g_autofree char *escaped_one = g_strescape (one != NULL ? one : "(nothing)", NULL);
  g_autofree char *escaped_other = g_strescape (other != NULL ? other : "(nothing)", NULL);

  g_string_append_printf (text, "  %s: GLib %.400s; ours %.400s\n", key, escaped_one,
                          escaped_other);
}

/* Returns: (transfer full) (nullable): what is wrong with what the engine made of the request */
static char *
judge_outcome (const Judge   *judge,
               const Request *request,
               const Outcome *glib,
               const Outcome *ours,
               guint64       *used,
               gboolean      *taken)
{
  g_autoptr (GPtrArray) keys = difference_unexplained (request, glib, ours, used);
  g_autofree char *trace = trace_check (judge->table, judge->engine, request, ours, taken);
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < keys->len; i++)
    describe_key (text, g_ptr_array_index (keys, i), glib, ours);
  if (trace != NULL)
    g_string_append_printf (text, "  trace: %s: %s\n", trace, outcome_get (ours, "raw.trace"));

  return g_string_free (text, text->len == 0);
}

static gboolean
still_fails (const Request *request,
             gpointer       data)
{
  const Judge *judge = data;
  g_autoptr (Outcome) glib = run_glib (request, judge->scene);
  g_autoptr (Outcome) ours = run_engine (judge, request);
  g_autofree char *wrong = NULL;
  guint64 used = 0;
  gboolean taken;

  wrong = judge_outcome (judge, request, glib, ours, &used, &taken);

  return wrong != NULL && strstr (wrong, judge->what) != NULL;
}

static void
report_minimal (Judge         *judge,
                const Request *request,
                GString       *failures)
{
  Request minimal = *request;
  g_autofree char *text = NULL;
  g_autofree char *wrong = NULL;
  g_autofree char *glib_text = NULL;
  g_autofree char *our_text = NULL;
  g_autoptr (Outcome) glib = NULL;
  g_autoptr (Outcome) ours = NULL;
  guint64 used = 0;
  gboolean taken;

  if (!still_fails (request, judge))
    {
      g_string_append (failures, "When it was run again there was no difference.\n");
      return;
    }

  minimise (&minimal, still_fails, judge);
  glib = run_glib (&minimal, judge->scene);
  ours = run_engine (judge, &minimal);
  text = request_format (&minimal);
  wrong = judge_outcome (judge, &minimal, glib, ours, &used, &taken);
  glib_text = outcome_print (glib);
  our_text = outcome_print (ours);
  g_string_append_printf (failures, "minimal: --engine=%s --request='%s'\n%sGLib:\n%sours:\n%s",
                          judge->table->engines[judge->engine].name, text,
                          wrong != NULL ? wrong : "", glib_text, our_text);
}

static void
compare_engine (Judge         *judge,
                const Request *request,
                const Outcome *glib,
                const char    *origin,
                Tally         *tally,
                GString       *failures,
                guint64       *used)
{
  g_autoptr (Outcome) ours = run_engine (judge, request);
  g_autofree char *wrong = NULL;
  g_autofree char *text = NULL;
  gboolean taken;

  wrong = judge_outcome (judge, request, glib, ours, used, &taken);
  tally->compared[judge->engine]++;
  tally->taken[judge->engine] += taken;
  if (wrong == NULL)
    return;

  text = request_format (request);
  g_string_append_printf (failures, "%s differs, %s\nrequest: --request='%s'\n%s",
                          judge->table->engines[judge->engine].name, origin, text, wrong);
  if (tally->failed[judge->engine]++ < MAX_MINIMISED)
    {
      judge->what = g_strndup (wrong, strcspn (wrong, ":") + 1);
      report_minimal (judge, request, failures);
      g_clear_pointer (&judge->what, g_free);
    }
}

/*
 * compare_request: (skip)
 * @table: the engines; those that are not available are left out
 * @request: the request
 * @scene: where to run it
 * @seed: where it comes from, for messages
 * @index: the same
 * @tally: (inout): what was seen
 * @failures: (inout): what is wrong is appended
 */
void
compare_request (const Table   *table,
                 const Request *request,
                 const char    *scene,
                 guint64        seed,
                 guint64        index,
                 Tally         *tally,
                 GString       *failures)
{
  g_autoptr (Outcome) glib = run_glib (request, scene);
  g_autofree char *origin = g_strdup_printf ("seed %" G_GUINT64_FORMAT ", request %"
                                             G_GUINT64_FORMAT, seed, index);
  guint64 used = 0;

  tally_count (tally, request);
  tally->ran += outcome_get (glib, "child.process.pid") != NULL;
  for (GSpawnEngine engine = 0; engine < GSPAWN_N_ENGINES; engine++)
    if (table->engines[engine].available && !table->engines[engine].is_left_out &&
        trace_can_take (table, engine, request))
      {
        Judge judge = { table, engine, scene, NULL };

        compare_engine (&judge, request, glib, origin, tally, failures, &used);
      }

  for (guint row = 0; row < difference_count (); row++)
    tally->rows[row] += (used >> row) & 1;
  tally->requests++;
}
