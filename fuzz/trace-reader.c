/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Fuzzes the reader of traces and the summary: every line is a record or counted as none, whatever
 * the pieces in which it comes; a record can be written and read again; and the summary is that of
 * a model. The first byte of an input is the length of the pieces, the rest is the trace. */

#include "fuzz-input.h"
#include "gspawn-summary-private.h"
#include "summary-model.h"

#include <json-glib/json-glib.h>
#include <string.h>

typedef struct {
  GPtrArray *records;
  guint64 n_rejected;
} Reading;

static void
take_record (const GSpawnTraceRecord *record,
             gpointer                 user_data)
{
  Reading *reading = user_data;

  g_ptr_array_add (reading->records, record_copy (record));
}

static Reading
read_trace (const char *bytes,
            gsize       length,
            gsize       piece)
{
  Reading reading = { g_ptr_array_new_with_free_func (record_free), 0 };
  g_autoptr (GSpawnTraceReader) reader = _gspawn_trace_reader_new (take_record, &reading);

  for (gsize offset = 0; offset < length; offset += piece)
    {
      gsize n = MIN (piece, length - offset);
      /* A block of its own, so that reading past it is noticed. */
      g_autofree char *copy = g_memdup2 (bytes + offset, n);

      _gspawn_trace_reader_push (reader, copy, n);
    }
  _gspawn_trace_reader_finish (reader);
  reading.n_rejected = _gspawn_trace_reader_get_n_rejected (reader);

  return reading;
}

static guint64
count_lines (const char *bytes,
             gsize       length)
{
  guint64 n = length > 0 && bytes[length - 1] != '\n';

  for (gsize i = 0; i < length; i++)
    n += bytes[i] == '\n';

  return n;
}

static void
check_string (const char *string,
              gboolean    nullable)
{
  g_assert_true (nullable || string != NULL);
  g_assert_true (string == NULL || g_utf8_validate (string, -1, NULL));
}

static void
check_record (const GSpawnTraceRecord *record)
{
  check_string (record->program, FALSE);
  check_string (record->function, FALSE);
  check_string (record->command, TRUE);
  check_string (record->engine, TRUE);
  check_string (record->reason, TRUE);
  check_string (record->error_domain, record->error_message == NULL);
  check_string (record->error_message, TRUE);
  g_assert_true (record->time >= 0);
  g_assert_true (record->microseconds >= 0);
  g_assert_null (memchr (record->line, '\n', record->line_length));
}

static void
append_string (GString    *line,
               const char *name,
               const char *value)
{
  g_autoptr (JsonNode) node = json_node_new (value != NULL ? JSON_NODE_VALUE : JSON_NODE_NULL);
  g_autofree char *text = NULL;

  if (value != NULL)
    json_node_set_string (node, value);
  text = json_to_string (node, FALSE);
  g_string_append_printf (line, "\"%s\":%s,", name, text);
}

/* The library's own writer makes "1e+20.0" of a large number, which it cannot read. */
static void
append_number (GString    *line,
               const char *name,
               double      value)
{
  char buffer[G_ASCII_DTOSTR_BUF_SIZE];

  g_string_append_printf (line, "\"%s\":%s,", name,
                          g_ascii_dtostr (buffer, sizeof buffer, value));
}

/* The same record, in another order. */
static char *
write_record (const GSpawnTraceRecord *record)
{
  GString *line = g_string_new ("{");

  append_string (line, "reason", record->reason);
  append_string (line, "engine", record->engine);
  append_string (line, "command", record->command);
  append_string (line, "function", record->function);
  append_string (line, "program", record->program);
  append_number (line, "microseconds", record->microseconds);
  append_number (line, "time", record->time);
  g_string_append_printf (line, "\"pid\":%" G_GINT64_FORMAT ",", record->pid);
  g_string_append_printf (line, "\"child\":%" G_GINT64_FORMAT ",\"error\":", record->child);

  if (record->error_message == NULL)
    g_string_append (line, "null}");
  else
    {
      g_string_append_c (line, '{');
      append_string (line, "domain", record->error_domain);
      append_string (line, "message", record->error_message);
      g_string_append_printf (line, "\"code\":%" G_GINT64_FORMAT "}}", record->error_code);
    }

  return g_string_free (line, FALSE);
}

static void
check_round_trip (const GSpawnTraceRecord *record)
{
  g_autofree char *line = write_record (record);
  Reading again = read_trace (line, strlen (line), strlen (line));

  g_assert_cmpuint (again.n_rejected, ==, 0);
  g_assert_cmpuint (again.records->len, ==, 1);
  g_assert_true (record_equal (record, again.records->pdata[0]));
  g_ptr_array_unref (again.records);
}

static void
check_summary (const Reading *reading)
{
  g_autoptr (GSpawnSummary) summary = _gspawn_summary_new ();
  g_autofree char *expected = NULL;
  g_autofree char *actual = NULL;

  for (guint i = 0; i < reading->records->len; i++)
    _gspawn_summary_add (summary, reading->records->pdata[i]);

  actual = _gspawn_summary_format (summary, reading->n_rejected);
  expected = summary_model_format (reading->records, reading->n_rejected);
  g_assert_cmpstr (actual, ==, expected);
  for (const char *p = actual; *p != '\0'; p++)
    g_assert_true (*p == '\n' || !g_ascii_iscntrl (*p));
}

int
LLVMFuzzerTestOneInput (const guint8 *bytes,
                        gsize         length)
{
  FuzzInput input = { bytes, length };
  gsize piece = fuzz_input_byte (&input) + 1;
  const char *trace = (const char *) input.bytes;
  Reading whole, pieces;

  fuzz_init ();
  whole = read_trace (trace, input.length, input.length);
  pieces = read_trace (trace, input.length, piece);

  g_assert_cmpuint (whole.records->len + whole.n_rejected, ==, count_lines (trace, input.length));
  g_assert_cmpuint (pieces.n_rejected, ==, whole.n_rejected);
  g_assert_cmpuint (pieces.records->len, ==, whole.records->len);
  for (guint i = 0; i < whole.records->len; i++)
    {
      check_record (whole.records->pdata[i]);
      g_assert_true (record_equal (whole.records->pdata[i], pieces.records->pdata[i]));
      check_round_trip (whole.records->pdata[i]);
    }
  check_summary (&whole);

  g_ptr_array_unref (whole.records);
  g_ptr_array_unref (pieces.records);
  return 0;
}
