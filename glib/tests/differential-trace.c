/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Holds the trace of a run against the request: one record if there was a launch, with the engine
 * that was asked for, or with the one that has to stand in and what the other lacks. */

#include "differential-trace.h"

#include <json-glib/json-glib.h>
#include <string.h>

/* Gaps between targets up to here can be listed. */
#define LISTED_GAPS 256

/* An aspect of theirs that none of the other needs is about. */
static GSpawnNeeds
get_attribute_needs (const Request *request)
{
  gboolean session = request_get (request, ASPECT_ATTR_SESSION);
  int group = request_get (request, ASPECT_ATTR_GROUP);
  GSpawnNeeds needs = 0;

  if (session)
    needs |= GSPAWN_NEED_SESSION;
  if (group != 0)
    needs |= GSPAWN_NEED_PROCESS_GROUP;
  if ((request_get (request, ASPECT_ATTR_SIGNALS) & 1) || request_get (request, ASPECT_ATTR_MASK))
    needs |= GSPAWN_NEED_SIGNALS;
  if (request_get (request, ASPECT_ATTR_FILTER))
    needs |= GSPAWN_NEED_SECCOMP_FILTER;
  if (group > 1 || (group == 1 && session) || (request_get (request, ASPECT_ATTR_SIGNALS) & 2))
    needs |= GSPAWN_NEED_ATTRIBUTES;
  for (Aspect aspect = ASPECT_ATTR_DIRECTORY; aspect < ASPECT_ATTR_OPTIONAL; aspect++)
    if (request->choices[aspect] != 0 && aspect != ASPECT_ATTR_FILTER)
      needs |= GSPAWN_NEED_ATTRIBUTES;

  return needs;
}

/* The needs that some engine lacks; all of them can do the others. */
static GSpawnNeeds
get_needs (const Request *request)
{
  int sources[MAP_ENTRIES], targets[MAP_ENTRIES];
  guint n = request_get_map (request, sources, targets);
  GSpawnNeeds needs = 0;

  if (!request_is_sync (request) && !request_get (request, ASPECT_DO_NOT_REAP))
    needs |= GSPAWN_NEED_REAP;
  needs |= get_attribute_needs (request);
  if (request_get (request, ASPECT_SETUP) != SETUP_NONE)
    needs |= GSPAWN_NEED_CHILD_SETUP;
  for (guint i = 0; i < n && !request_get (request, ASPECT_LEAVE_OPEN); i++)
    if (targets[i] > LISTED_GAPS + 2)
      needs |= GSPAWN_NEED_SPARSE_CLOSE;

  return needs;
}

static GSpawnEngine
get_stand_in (const Table  *table,
              GSpawnEngine  engine,
              GSpawnNeeds   needs)
{
  if (!(needs & ~table->engines[engine].can))
    return engine;

  for (GSpawnEngine other = 0; other < GSPAWN_N_ENGINES; other++)
    if (table->engines[other].available && !(needs & ~table->engines[other].can))
      return other;

  return GSPAWN_N_ENGINES;
}

/*
 * trace_can_take: (skip)
 *
 * Returns: whether any engine of this build can do what is asked for, if not the one that is meant
 */
gboolean
trace_can_take (const Table   *table,
                GSpawnEngine   engine,
                const Request *request)
{
  return get_stand_in (table, engine, get_needs (request)) != GSPAWN_N_ENGINES;
}

static const char *
get_text (JsonObject *record,
          const char *name)
{
  JsonNode *node = json_object_get_member (record, name);

  return node != NULL && JSON_NODE_HOLDS_VALUE (node) ? json_node_get_string (node) : NULL;
}

static char *
check_record (const Table   *table,
              GSpawnEngine   engine,
              const Request *request,
              JsonObject    *record,
              gboolean      *taken)
{
  GSpawnNeeds missing = get_needs (request) & ~table->engines[engine].can;
  GSpawnEngine expected = get_stand_in (table, engine, get_needs (request));
  const char *name = get_text (record, "engine");
  const char *reason = get_text (record, "reason");

  /* It failed before there was a choice. */
  if (name == NULL && reason == NULL && json_object_has_member (record, "error") &&
      !json_object_get_null_member (record, "error"))
    return NULL;

  *taken = missing == 0;
  g_assert (expected < GSPAWN_N_ENGINES);
  if (g_strcmp0 (name, table->engines[expected].name) != 0)
    return g_strdup_printf ("taken by %s and not by %s", name, table->engines[expected].name);
  if (missing == 0 && g_strcmp0 (reason, "forced") != 0)
    return g_strdup_printf ("taken for the reason %s, and not because it was forced", reason);
  for (guint need = 0; need < GSPAWN_N_NEEDS; need++)
    if ((missing & (1u << need)) && strstr (reason, table->needs[need]) == NULL)
      return g_strdup_printf ("the reason %s does not name %s", reason, table->needs[need]);

  return NULL;
}

/* A call that is refused, or a line without a program, is no launch. */
static gboolean
is_launch (const Request *request,
           const Outcome *outcome)
{
  const char *message = outcome_get (outcome, "log.0");
  const char *error = outcome_get (outcome, "call.error");

  if (message != NULL && strstr (message, "assertion") != NULL)
    return FALSE;
  if (error != NULL && g_str_has_prefix (error, "g-shell-error"))
    return FALSE;

  return request_get (request, ASPECT_LINE) == LINE_PLAIN;
}

/*
 * trace_check: (skip)
 * @table: the engines
 * @engine: the one that was asked for
 * @request: the request
 * @outcome: what came of it
 * @taken: (out): whether that engine took it, and no other had to
 *
 * Returns: (transfer full) (nullable): what is wrong, or %NULL
 */
char *
trace_check (const Table   *table,
             GSpawnEngine   engine,
             const Request *request,
             const Outcome *outcome,
             gboolean      *taken)
{
  const char *trace = outcome_get (outcome, "raw.trace");
  g_autoptr (JsonParser) parser = json_parser_new ();
  const char *end = strchr (trace, '\n');

  *taken = FALSE;
  if (end == NULL && (!is_launch (request, outcome) ||
                      outcome_get (outcome, "raw.untraced") != NULL ||
                      g_strcmp0 (request_get_word (request, ASPECT_PROGRAM), "no-vector") == 0))
    return NULL;
  if (end == NULL)
    return g_strdup ("there is no record");
  if (end[1] != '\0')
    return g_strdup ("there are two records");
  if (!json_parser_load_from_data (parser, trace, -1, NULL) ||
      !JSON_NODE_HOLDS_OBJECT (json_parser_get_root (parser)))
    return g_strdup ("the record is no object");

  return check_record (table, engine, request, json_node_get_object (json_parser_get_root (parser)),
                       taken);
}
