/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Holds the subject's trace against the calls that the test made: one record for each of them,
 * none besides, and in each the engine that the table of capabilities demands.
 *
 * The capabilities are asked of the library under test, as the trace is; that they are what is
 * documented is another test's business. Without an engine (the system's GLib) there is no
 * trace, and nothing is looked at. Calls may be noted from many threads. */

#include "trace.h"

#include <dlfcn.h>
#include <errno.h>
#include <json-glib/json-glib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  char *function;
  char *command;
  GSpawnNeeds needs;
  pid_t child;
  char *error;              /* "domain/code/message", or NULL */
  gboolean before_engine;
  gboolean optional;
} Expectation;

typedef struct {
  const char *(*get_name) (GSpawnEngine engine);
  gboolean (*is_available) (GSpawnEngine engine, const char **detail);
  GSpawnNeeds (*get_capabilities) (GSpawnEngine engine);
  const char *(*get_need_name) (GSpawnNeeds need);
} Library;

static char *trace_path;
static char *forced_engine;
static GPtrArray *expectations;
static Library library;
static GMutex lock;

static void
expectation_free (gpointer data)
{
  Expectation *expectation = data;

  g_free (expectation->function);
  g_free (expectation->command);
  g_free (expectation->error);
  g_free (expectation);
}

static gpointer
find_symbol (const char *name)
{
  gpointer symbol = dlsym (RTLD_DEFAULT, name);

  if (symbol == NULL)
    g_error ("The subject has no %s()", name);

  return symbol;
}

/*
 * trace_begin: (skip)
 * @path: where the subject writes its trace
 * @engine: (nullable): the engine it was told to use, or %NULL where there is no trace
 */
void
trace_begin (const char *path,
             const char *engine)
{
  expectations = g_ptr_array_new_with_free_func (expectation_free);
  forced_engine = g_strdup (engine);
  trace_path = g_strdup (path);
  /* What was started before does not count. */
  unlink (path);
  if (engine == NULL)
    return;

  library.get_name = find_symbol ("gspawn_engine_get_name");
  library.is_available = find_symbol ("gspawn_engine_is_available");
  library.get_capabilities = find_symbol ("gspawn_engine_get_capabilities");
  library.get_need_name = find_symbol ("gspawn_need_get_name");
}

static char *
format_error (const GError *error)
{
  if (error == NULL)
    return NULL;

  return g_strdup_printf ("%s/%d/%s", g_quark_to_string (error->domain), error->code,
                          error->message);
}

/*
 * trace_expect: (skip)
 * @expectation: what the record of a call that was just made must say
 */
void
trace_expect (const TraceExpectation *expectation)
{
  Expectation *copy;

  if (forced_engine == NULL)
    return;

  copy = g_new0 (Expectation, 1);
  copy->function = g_strdup (expectation->function);
  copy->command = g_strdup (expectation->command);
  copy->needs = expectation->needs;
  copy->child = expectation->child;
  copy->error = format_error (expectation->error);
  copy->before_engine = expectation->before_engine;
  copy->optional = expectation->optional;

  g_mutex_lock (&lock);
  g_ptr_array_add (expectations, copy);
  g_mutex_unlock (&lock);
}

static gboolean
is_forced (GSpawnEngine engine)
{
  return g_str_equal (library.get_name (engine), forced_engine);
}

static void
append_word (GString    *text,
             const char *word,
             const char *suffix)
{
  g_string_append_printf (text, "%s%s%s", text->len > 0 ? "," : "", word, suffix);
}

/* The engine that must take a request with these needs: the one that was forced if it can, else
 * the first of the others that can and is there. @reason is (out) (transfer full): what the forced
 * one lacks, after the names of those that would do but are not there. */
static const char *
get_engine (GSpawnNeeds   needs,
            char        **reason)
{
  g_autoptr (GString) text = g_string_new (NULL);
  const char *engine = NULL;
  GSpawnNeeds missing = 0;

  for (guint i = 0; i < GSPAWN_N_ENGINES; i++)
    if (is_forced (i))
      missing = needs & ~library.get_capabilities (i);

  if (missing == 0)
    {
      *reason = g_strdup ("forced");
      return forced_engine;
    }

  for (guint i = 0; i < GSPAWN_N_ENGINES && engine == NULL; i++)
    if (is_forced (i) || (needs & ~library.get_capabilities (i)) != 0)
      continue;
    else if (library.is_available (i, NULL))
      engine = library.get_name (i);
    else
      append_word (text, library.get_name (i), "-unavailable");

  for (guint need = 0; need < GSPAWN_N_NEEDS; need++)
    if (missing & (1u << need))
      append_word (text, library.get_need_name (1u << need), "");
  *reason = g_strdup (text->str);

  return engine;
}

static const char *
get_member (JsonObject *record,
            const char *name)
{
  JsonNode *node = json_object_get_member (record, name);

  return node != NULL && JSON_NODE_HOLDS_VALUE (node) ? json_node_get_string (node) : NULL;
}

static char *
get_error (JsonObject *record)
{
  JsonNode *node = json_object_get_member (record, "error");
  JsonObject *error;

  if (node == NULL || !JSON_NODE_HOLDS_OBJECT (node))
    return NULL;

  error = json_node_get_object (node);
  return g_strdup_printf ("%s/%" G_GINT64_FORMAT "/%s",
                          json_object_get_string_member_with_default (error, "domain", "?"),
                          json_object_get_int_member_with_default (error, "code", -1),
                          json_object_get_string_member_with_default (error, "message", "?"));
}

static gboolean
child_matches (JsonObject        *record,
               const Expectation *expectation)
{
  gint64 child = json_object_get_int_member_with_default (record, "child", 0);

  if (expectation->child == TRACE_ANY_CHILD)
    return child > 0 && child != getpid ();

  return child == expectation->child;
}

static gboolean
engine_matches (JsonObject        *record,
                const Expectation *expectation)
{
  g_autofree char *reason = NULL;
  const char *engine = get_engine (expectation->needs, &reason);

  if (expectation->before_engine && get_member (record, "engine") == NULL)
    return get_member (record, "reason") == NULL;

  return g_strcmp0 (get_member (record, "engine"), engine) == 0 &&
         g_strcmp0 (get_member (record, "reason"), reason) == 0;
}

static gboolean
matches (JsonObject        *record,
         const Expectation *expectation)
{
  g_autofree char *error = get_error (record);

  return g_strcmp0 (get_member (record, "function"), expectation->function) == 0 &&
         g_strcmp0 (get_member (record, "command"), expectation->command) == 0 &&
         g_strcmp0 (error, expectation->error) == 0 &&
         child_matches (record, expectation) &&
         engine_matches (record, expectation);
}

static gboolean
is_complete (JsonObject *record)
{
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  double seconds = json_object_get_double_member_with_default (record, "time", 0);
  double microseconds = json_object_get_double_member_with_default (record, "microseconds", -1);

  return json_object_get_int_member_with_default (record, "pid", 0) == getpid () &&
         g_strcmp0 (get_member (record, "program"), program_invocation_short_name) == 0 &&
         seconds > now - 600 && seconds < now + 60 &&
         microseconds >= 0 && microseconds < 600e6;
}

static void
verify_line (const char *line)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) error = NULL;
  JsonObject *record;

  if (!json_parser_load_from_data (parser, line, -1, &error) ||
      !JSON_NODE_HOLDS_OBJECT (json_parser_get_root (parser)))
    {
      g_test_message ("trace: %s: %s", error != NULL ? error->message : "no object", line);
      g_test_fail ();
      return;
    }

  record = json_node_get_object (json_parser_get_root (parser));
  for (guint i = 0; i < expectations->len; i++)
    if (is_complete (record) && matches (record, g_ptr_array_index (expectations, i)))
      {
        g_ptr_array_remove_index (expectations, i);
        return;
      }

  g_test_message ("trace: not expected: %s", line);
  g_test_fail ();
}

static void
report_unmatched (const Expectation *expectation)
{
  g_autofree char *reason = NULL;
  const char *engine = get_engine (expectation->needs, &reason);

  if (expectation->optional)
    return;

  g_test_message ("trace: missing: function %s, command %s, engine %s, reason %s, child %d, "
                  "error %s", expectation->function, expectation->command, engine, reason,
                  (int) expectation->child, expectation->error);
  g_test_fail ();
}

/*
 * trace_verify: (skip)
 *
 * Fails the running test if the trace is not what was expected.
 */
void
trace_verify (void)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  if (forced_engine != NULL && g_file_get_contents (trace_path, &text, NULL, NULL))
    {
      lines = g_strsplit (text, "\n", -1);
      for (guint i = 0; lines[i] != NULL; i++)
        if (*lines[i] != '\0')
          verify_line (lines[i]);
    }

  for (guint i = 0; i < expectations->len; i++)
    report_unmatched (g_ptr_array_index (expectations, i));
  g_ptr_array_set_size (expectations, 0);
}
