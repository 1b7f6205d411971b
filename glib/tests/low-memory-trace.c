/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Which engine must take a request according to the table of this build, and whether another
 * process's trace says that it did. The trace that a test makes itself is not looked at here. */

#include "low-memory-trace.h"

#include <json-glib/json-glib.h>

static gboolean
is_able (GSpawnEngine engine,
         GSpawnNeeds  needs)
{
  return gspawn_engine_is_available (engine, NULL) &&
         (needs & ~gspawn_engine_get_capabilities (engine)) == 0;
}

/* The engine that is asked first, then the others in their order. */
static void
get_order (const char   *forced,
           GSpawnEngine  order[GSPAWN_N_ENGINES])
{
  guint n = 0;

  for (guint i = 0; i < GSPAWN_N_ENGINES; i++)
    {
      if (g_strcmp0 (gspawn_engine_get_name (i), forced) == 0)
        order[n++] = i;
    }
  for (guint i = 0; i < GSPAWN_N_ENGINES; i++)
    {
      if (g_strcmp0 (gspawn_engine_get_name (i), forced) != 0)
        order[n++] = i;
    }
  g_assert_cmpuint (n, ==, GSPAWN_N_ENGINES);
}

static const char *
get_missing_need (GSpawnEngine engine,
                  GSpawnNeeds  needs)
{
  GSpawnNeeds missing = needs & ~gspawn_engine_get_capabilities (engine);

  for (guint i = 0; i < GSPAWN_N_NEEDS; i++)
    {
      if (missing & (1u << i))
        return gspawn_need_get_name (1u << i);
    }

  return NULL;
}

/* Returns the name of the engine that takes a request with @needs if @forced goes first (NULL:
 * none is forced), or NULL if none can; and the reason, NULL if an engine was not there. */
const char *
find_engine (const char   *forced,
             GSpawnNeeds   needs,
             const char  **reason)
{
  GSpawnEngine order[GSPAWN_N_ENGINES];
  gboolean all_available = TRUE;
  guint n = 0;

  get_order (forced, order);
  while (n < GSPAWN_N_ENGINES && !is_able (order[n], needs))
    {
      all_available &= gspawn_engine_is_available (order[n], NULL);
      n++;
    }

  if (n == 0)
    *reason = forced != NULL ? "forced" : "first-choice";
  else
    *reason = all_available ? get_missing_need (order[0], needs) : NULL;

  return n < GSPAWN_N_ENGINES ? gspawn_engine_get_name (order[n]) : NULL;
}

static void
check_error (JsonObject           *record,
             const ExpectedRecord *expected)
{
  JsonObject *error;

  if (!expected->fails)
    {
      g_assert_true (json_object_get_null_member (record, "error"));
      g_assert_cmpint (json_object_get_int_member (record, "child"), >, 0);
      g_assert_cmpint (json_object_get_int_member (record, "child"), !=, expected->pid);
      return;
    }

  error = json_object_get_object_member (record, "error");
  if (error == NULL)
    {
      g_test_fail_printf ("no error in the trace");
      return;
    }
  g_assert_cmpstr (json_object_get_string_member (error, "domain"), ==, "g-exec-error-quark");
  if (expected->engine != NULL)
    g_assert_cmpint (json_object_get_int_member (error, "code"), ==, G_SPAWN_ERROR_FORK);
  g_assert_true (json_object_get_null_member (record, "child"));
}

static void
check_record (JsonObject           *record,
              const ExpectedRecord *expected)
{
  g_assert_cmpint (json_object_get_int_member (record, "pid"), ==, expected->pid);
  g_assert_cmpstr (json_object_get_string_member (record, "function"), ==, expected->function);
  g_assert_cmpstr (json_object_get_string_member (record, "engine"), ==, expected->engine);
  if (expected->reason != NULL)
    g_assert_cmpstr (json_object_get_string_member (record, "reason"), ==, expected->reason);
  check_error (record, expected);
}

/* Checks that the trace at @path is @count times what was @expected and nothing else. */
void
check_trace (const char           *path,
             const ExpectedRecord *expected,
             guint                 count)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  g_file_get_contents (path, &text, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (*text == '\0' || g_str_has_suffix (text, "\n"));
  lines = g_strsplit (g_strchomp (text), "\n", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, count);

  for (guint i = 0; lines[i] != NULL; i++)
    {
      g_autoptr (JsonParser) parser = json_parser_new ();

      g_test_message ("trace: %s", lines[i]);
      if (!json_parser_load_from_data (parser, lines[i], -1, &error))
        g_error ("%s", error->message);
      check_record (json_node_get_object (json_parser_get_root (parser)), expected);
    }
}
