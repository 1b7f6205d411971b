/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Turns the bytes of a trace into records. The bytes come from any process that knew the file's
 * name, so they are not trusted: whatever is no record is counted and left out. Must not do
 * input or output, nor keep any state but its own, so that it can be fuzzed. */

#include "gspawn-trace-reader-private.h"

#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

/* An argument of a program is at most 128 KiB and a byte at most six characters of JSON. Two of
 * them are in a record: the command, and once more in the error's message. */
#define MAX_LINE (2 * 1024 * 1024)

/* The JSON library recurses into each bracket, and some 60 000 of them use up a stack of 8 MiB. A
 * record needs two; a command may have some in its name. */
#define MAX_BRACKETS 5000

struct _GSpawnTraceReader {
  GSpawnTraceFunc func;
  gpointer user_data;
  JsonParser *parser;
  GString *partial;
  guint64 n_rejected;
};

static gboolean
has_many_brackets (const char *line,
                   gsize       length)
{
  gsize n = 0;

  for (gsize i = 0; i < length; i++)
    n += line[i] == '[' || line[i] == '{';
  return n > MAX_BRACKETS;
}

/* The readers of members say whether the member has the type that it must have. */

static gboolean
read_string (JsonObject  *object,
             const char  *name,
             gboolean     nullable,
             const char **value)
{
  JsonNode *node = json_object_get_member (object, name);

  *value = NULL;
  if (node == NULL)
    return FALSE;
  if (JSON_NODE_HOLDS_NULL (node))
    return nullable;
  if (!JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_STRING)
    return FALSE;

  /* An escaped half of a surrogate pair gets through the parser. */
  if (!g_utf8_validate (json_node_get_string (node), -1, NULL))
    return FALSE;

  *value = json_node_get_string (node);
  return TRUE;
}

static gboolean
read_integer (JsonObject *object,
              const char *name,
              gboolean    nullable,
              gint64     *value)
{
  JsonNode *node = json_object_get_member (object, name);

  *value = 0;
  if (node == NULL)
    return FALSE;
  if (JSON_NODE_HOLDS_NULL (node))
    return nullable;
  if (!JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_INT64)
    return FALSE;

  *value = json_node_get_int (node);
  return TRUE;
}

static gboolean
read_number (JsonObject *object,
             const char *name,
             double     *value)
{
  JsonNode *node = json_object_get_member (object, name);
  GType type;

  *value = 0;
  if (node == NULL || !JSON_NODE_HOLDS_VALUE (node))
    return FALSE;

  type = json_node_get_value_type (node);
  if (type != G_TYPE_INT64 && type != G_TYPE_DOUBLE)
    return FALSE;

  *value = json_node_get_double (node);
  return isfinite (*value) && *value >= 0;
}

static gboolean
read_error (JsonObject        *object,
            GSpawnTraceRecord *record)
{
  JsonNode *node = json_object_get_member (object, "error");
  JsonObject *error;

  if (node == NULL)
    return FALSE;
  if (JSON_NODE_HOLDS_NULL (node))
    return TRUE;
  if (!JSON_NODE_HOLDS_OBJECT (node))
    return FALSE;

  error = json_node_get_object (node);
  return read_string (error, "domain", FALSE, &record->error_domain) &&
         read_integer (error, "code", FALSE, &record->error_code) &&
         read_string (error, "message", FALSE, &record->error_message);
}

static gboolean
read_record (JsonNode          *root,
             GSpawnTraceRecord *record)
{
  JsonObject *object;

  if (root == NULL || !JSON_NODE_HOLDS_OBJECT (root))
    return FALSE;

  object = json_node_get_object (root);
  return read_number (object, "time", &record->time) &&
         read_integer (object, "pid", FALSE, &record->pid) &&
         read_string (object, "program", FALSE, &record->program) &&
         read_string (object, "function", FALSE, &record->function) &&
         read_string (object, "command", TRUE, &record->command) &&
         read_string (object, "engine", TRUE, &record->engine) &&
         read_string (object, "reason", TRUE, &record->reason) &&
         read_integer (object, "child", TRUE, &record->child) &&
         read_number (object, "microseconds", &record->microseconds) &&
         read_error (object, record);
}

static void
read_line (GSpawnTraceReader *reader,
           const char        *line,
           gsize              length)
{
  GSpawnTraceRecord record = { .line = line, .line_length = length };

  if (length <= MAX_LINE && !has_many_brackets (line, length) &&
      json_parser_load_from_data (reader->parser, line, (gssize) length, NULL) &&
      read_record (json_parser_get_root (reader->parser), &record))
    reader->func (&record, reader->user_data);
  else
    reader->n_rejected++;
}

GSpawnTraceReader *
_gspawn_trace_reader_new (GSpawnTraceFunc func,
                          gpointer        user_data)
{
  GSpawnTraceReader *reader = g_new0 (GSpawnTraceReader, 1);

  reader->func = func;
  reader->user_data = user_data;
  reader->parser = json_parser_new_immutable ();
  reader->partial = g_string_new (NULL);
  return reader;
}

void
_gspawn_trace_reader_free (GSpawnTraceReader *reader)
{
  g_object_unref (reader->parser);
  g_string_free (reader->partial, TRUE);
  g_free (reader);
}

/* Only so much of a line is kept as it takes to know that it is too long. */
static void
keep_partial (GSpawnTraceReader *reader,
              const char        *bytes,
              gsize              length)
{
  gsize room = MAX_LINE + 1 - reader->partial->len;

  g_string_append_len (reader->partial, bytes, (gssize) MIN (length, room));
}

/**
 * _gspawn_trace_reader_push:
 * @reader: a reader
 * @bytes: the next bytes of a trace
 * @length: the number of @bytes
 *
 * Calls the reader's function for each record that @bytes complete.
 */
void
_gspawn_trace_reader_push (GSpawnTraceReader *reader,
                           const char        *bytes,
                           gsize              length)
{
  const char *newline;

  while (length > 0 && (newline = memchr (bytes, '\n', length)) != NULL)
    {
      gsize n = (gsize) (newline - bytes);

      if (reader->partial->len == 0)
        read_line (reader, bytes, n);
      else
        {
          keep_partial (reader, bytes, n);
          read_line (reader, reader->partial->str, reader->partial->len);
          g_string_truncate (reader->partial, 0);
        }

      length -= n + 1;
      bytes = newline + 1;
    }

  keep_partial (reader, bytes, length);
}

/**
 * _gspawn_trace_reader_finish:
 * @reader: a reader
 *
 * Says that no more bytes follow. A last line that lacks its newline may still be a record.
 */
void
_gspawn_trace_reader_finish (GSpawnTraceReader *reader)
{
  if (reader->partial->len > 0)
    read_line (reader, reader->partial->str, reader->partial->len);
  g_string_truncate (reader->partial, 0);
}

/* How many lines were no records. */
guint64
_gspawn_trace_reader_get_n_rejected (GSpawnTraceReader *reader)
{
  return reader->n_rejected;
}
