/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * The trace's reader and the summary, fed with bytes. */

#include "gspawn-summary-private.h"
#include "gspawn-trace-reader-private.h"

#include <string.h>
#include <sys/resource.h>

#define RECORD(engine, reason, microseconds, error) \
  "{\"time\":12.5,\"pid\":34,\"program\":\"editor\",\"function\":\"g_spawn_async\"," \
  "\"command\":\"ls\",\"engine\":" engine ",\"reason\":" reason ",\"child\":56," \
  "\"microseconds\":" microseconds ",\"error\":" error "}\n"

#define GOOD RECORD ("\"clone\"", "\"first-choice\"", "78.9", "null")

typedef struct {
  GSpawnTraceReader *reader;
  GSpawnSummary *summary;
  GString *lines;
  guint n_records;
  GSpawnTraceRecord last;
} Fixture;

static char *
or_null (const char *string)
{
  return g_strdup (string != NULL ? string : "(null)");
}

static void
forget_last (Fixture *fixture)
{
  g_free ((char *) fixture->last.program);
  g_free ((char *) fixture->last.function);
  g_free ((char *) fixture->last.command);
  g_free ((char *) fixture->last.engine);
  g_free ((char *) fixture->last.reason);
  g_free ((char *) fixture->last.error_domain);
  g_free ((char *) fixture->last.error_message);
}

static void
take_record (const GSpawnTraceRecord *record,
             gpointer                 user_data)
{
  Fixture *fixture = user_data;

  fixture->n_records++;
  g_string_append_len (fixture->lines, record->line, (gssize) record->line_length);
  g_string_append_c (fixture->lines, '\n');
  _gspawn_summary_add (fixture->summary, record);

  forget_last (fixture);
  fixture->last = *record;
  fixture->last.program = or_null (record->program);
  fixture->last.function = or_null (record->function);
  fixture->last.command = or_null (record->command);
  fixture->last.engine = or_null (record->engine);
  fixture->last.reason = or_null (record->reason);
  fixture->last.error_domain = or_null (record->error_domain);
  fixture->last.error_message = or_null (record->error_message);
}

static void
set_up (Fixture       *fixture,
        gconstpointer  data G_GNUC_UNUSED)
{
  fixture->reader = _gspawn_trace_reader_new (take_record, fixture);
  fixture->summary = _gspawn_summary_new ();
  fixture->lines = g_string_new (NULL);
}

static void
tear_down (Fixture       *fixture,
           gconstpointer  data G_GNUC_UNUSED)
{
  forget_last (fixture);
  g_string_free (fixture->lines, TRUE);
  _gspawn_summary_free (fixture->summary);
  _gspawn_trace_reader_free (fixture->reader);
}

static void
push (Fixture    *fixture,
      const char *text)
{
  _gspawn_trace_reader_push (fixture->reader, text, strlen (text));
}

static void
assert_counts (Fixture *fixture,
               guint    n_records,
               guint    n_rejected)
{
  _gspawn_trace_reader_finish (fixture->reader);
  g_assert_cmpuint (fixture->n_records, ==, n_records);
  g_assert_cmpuint (_gspawn_trace_reader_get_n_rejected (fixture->reader), ==, n_rejected);
}

static void
test_members (Fixture       *fixture,
              gconstpointer  data G_GNUC_UNUSED)
{
  g_test_summary ("Each member of a record is read");

  push (fixture, GOOD);
  assert_counts (fixture, 1, 0);
  g_assert_cmpfloat (fixture->last.time, ==, 12.5);
  g_assert_cmpint (fixture->last.pid, ==, 34);
  g_assert_cmpstr (fixture->last.program, ==, "editor");
  g_assert_cmpstr (fixture->last.function, ==, "g_spawn_async");
  g_assert_cmpstr (fixture->last.command, ==, "ls");
  g_assert_cmpstr (fixture->last.engine, ==, "clone");
  g_assert_cmpstr (fixture->last.reason, ==, "first-choice");
  g_assert_cmpint (fixture->last.child, ==, 56);
  g_assert_cmpfloat (fixture->last.microseconds, ==, 78.9);
  g_assert_cmpstr (fixture->last.error_domain, ==, "(null)");
  g_assert_cmpstr (fixture->last.error_message, ==, "(null)");
  g_assert_cmpstr (fixture->lines->str, ==, GOOD);
}

static void
test_null_members (Fixture       *fixture,
                   gconstpointer  data G_GNUC_UNUSED)
{
  g_test_summary ("A call that failed before it had an engine or a child is a record");

  push (fixture, "{\"time\":1,\"pid\":2,\"program\":\"p\",\"function\":\"f\",\"command\":null,"
                 "\"engine\":null,\"reason\":null,\"child\":null,\"microseconds\":3,"
                 "\"error\":{\"domain\":\"d\",\"code\":-4,\"message\":\"m\"},\"more\":[]}\n");
  assert_counts (fixture, 1, 0);
  g_assert_cmpstr (fixture->last.command, ==, "(null)");
  g_assert_cmpstr (fixture->last.engine, ==, "(null)");
  g_assert_cmpstr (fixture->last.reason, ==, "(null)");
  g_assert_cmpint (fixture->last.child, ==, 0);
  g_assert_cmpfloat (fixture->last.microseconds, ==, 3);
  g_assert_cmpstr (fixture->last.error_domain, ==, "d");
  g_assert_cmpint (fixture->last.error_code, ==, -4);
  g_assert_cmpstr (fixture->last.error_message, ==, "m");
}

typedef struct {
  const char *name;
  const char *line;
} BadLine;

static const BadLine bad_lines[] = {
  { "empty", "" },
  { "blank", "  \t" },
  { "text", "no JSON at all" },
  { "not-an-object", "[1,2]" },
  { "null", "null" },
  { "empty-object", "{}" },
  { "unfinished", "{\"time\":1,\"pid\":" },
  { "not-utf-8", "{\"time\":1,\"program\":\"\xff\xfe\"}" },
  { "half-a-surrogate-pair",
    "{\"time\":1,\"pid\":2,\"program\":\"p\",\"function\":\"f\",\"command\":\"\\udc00\","
    "\"engine\":null,\"reason\":null,\"child\":null,\"microseconds\":3,\"error\":null}" },
  { "string-for-number",
    "{\"time\":\"1\",\"pid\":2,\"program\":\"p\",\"function\":\"f\",\"command\":\"c\","
    "\"engine\":null,\"reason\":null,\"child\":null,\"microseconds\":3,\"error\":null}" },
  { "fraction-for-pid",
    "{\"time\":1,\"pid\":2.5,\"program\":\"p\",\"function\":\"f\",\"command\":\"c\","
    "\"engine\":null,\"reason\":null,\"child\":null,\"microseconds\":3,\"error\":null}" },
  { "null-for-program",
    "{\"time\":1,\"pid\":2,\"program\":null,\"function\":\"f\",\"command\":\"c\","
    "\"engine\":null,\"reason\":null,\"child\":null,\"microseconds\":3,\"error\":null}" },
  { "array-for-engine",
    "{\"time\":1,\"pid\":2,\"program\":\"p\",\"function\":\"f\",\"command\":\"c\","
    "\"engine\":[],\"reason\":null,\"child\":null,\"microseconds\":3,\"error\":null}" },
  { "string-for-error",
    "{\"time\":1,\"pid\":2,\"program\":\"p\",\"function\":\"f\",\"command\":\"c\","
    "\"engine\":null,\"reason\":null,\"child\":null,\"microseconds\":3,\"error\":\"e\"}" },
  { "error-without-code",
    "{\"time\":1,\"pid\":2,\"program\":\"p\",\"function\":\"f\",\"command\":\"c\","
    "\"engine\":null,\"reason\":null,\"child\":null,\"microseconds\":3,"
    "\"error\":{\"domain\":\"d\",\"message\":\"m\"}}" },
  { "no-error-member",
    "{\"time\":1,\"pid\":2,\"program\":\"p\",\"function\":\"f\",\"command\":\"c\","
    "\"engine\":null,\"reason\":null,\"child\":null,\"microseconds\":3}" },
  { "negative-duration",
    "{\"time\":1,\"pid\":2,\"program\":\"p\",\"function\":\"f\",\"command\":\"c\","
    "\"engine\":null,\"reason\":null,\"child\":null,\"microseconds\":-3,\"error\":null}" },
  { "infinite-duration",
    "{\"time\":1,\"pid\":2,\"program\":\"p\",\"function\":\"f\",\"command\":\"c\","
    "\"engine\":null,\"reason\":null,\"child\":null,\"microseconds\":1e999,\"error\":null}" },
};

static void
test_rejects (Fixture       *fixture,
              gconstpointer  data)
{
  const BadLine *bad = data;

  g_test_summary ("A line that is no record is counted and leaves its neighbours alone");

  push (fixture, GOOD);
  push (fixture, bad->line);
  push (fixture, "\n" GOOD);
  assert_counts (fixture, 2, 1);
  g_assert_cmpstr (fixture->lines->str, ==, GOOD GOOD);
}

static void
test_truncated (Fixture       *fixture,
                gconstpointer  data G_GNUC_UNUSED)
{
  g_test_summary ("A last line that was cut anywhere is no record, unless only its newline lacks");

  for (gsize length = 1; length < strlen (GOOD); length++)
    {
      Fixture other = { 0 };

      set_up (&other, NULL);
      _gspawn_trace_reader_push (other.reader, GOOD, length);
      if (length == strlen (GOOD) - 1)
        assert_counts (&other, 1, 0);
      else
        assert_counts (&other, 0, 1);
      tear_down (&other, NULL);
    }

  assert_counts (fixture, 0, 0);
}

static void
test_pieces (Fixture       *fixture,
             gconstpointer  data G_GNUC_UNUSED)
{
  const char *text = GOOD "garbage\n" GOOD "\n" GOOD "{";

  g_test_summary ("It does not matter in which pieces the bytes come");

  for (gsize size = 1; size <= strlen (text); size++)
    {
      Fixture other = { 0 };

      set_up (&other, NULL);
      for (gsize offset = 0; offset < strlen (text); offset += size)
        _gspawn_trace_reader_push (other.reader, text + offset,
                                   MIN (size, strlen (text) - offset));
      assert_counts (&other, 3, 3);
      tear_down (&other, NULL);
    }

  assert_counts (fixture, 0, 0);
}

static void
test_deep_nesting (Fixture       *fixture,
                   gconstpointer  data)
{
  const gsize length = 1024 * 1024;
  g_autofree char *brackets = g_strnfill (length, *(const char *) data);

  g_test_summary ("Brackets that would use up the stack are garbage");

  _gspawn_trace_reader_push (fixture->reader, brackets, length);
  push (fixture, "\n" GOOD);
  assert_counts (fixture, 1, 1);
}

static glong
get_peak_kib (void)
{
  struct rusage usage;

  g_assert_no_errno (getrusage (RUSAGE_SELF, &usage));
  return usage.ru_maxrss;
}

static void
test_long_line (Fixture       *fixture,
                gconstpointer  data G_GNUC_UNUSED)
{
  const gsize length = 1024 * 1024;
  g_autofree char *filler = g_strnfill (length, ' ');
  glong before = get_peak_kib ();

  g_test_summary ("A line without an end takes a bounded amount of memory");

  push (fixture, "{");
  for (int i = 0; i < 200; i++)
    _gspawn_trace_reader_push (fixture->reader, filler, length);
  push (fixture, "}\n" GOOD);
  assert_counts (fixture, 1, 1);
  g_assert_cmpint (get_peak_kib () - before, <, 32 * 1024);
}

static void
test_long_command (Fixture       *fixture,
                   gconstpointer  data G_GNUC_UNUSED)
{
  g_autofree char *name = g_strnfill (128 * 1024, '/');
  g_autofree char *line = g_strdup_printf (
      "{\"time\":1,\"pid\":2,\"program\":\"p\",\"function\":\"f\",\"command\":\"%s\","
      "\"engine\":null,\"reason\":null,\"child\":null,\"microseconds\":3,"
      "\"error\":{\"domain\":\"d\",\"code\":1,\"message\":\"%s\"}}\n", name, name);

  g_test_summary ("The longest name that a program can have is read");

  push (fixture, line);
  assert_counts (fixture, 1, 0);
  g_assert_cmpstr (fixture->last.command, ==, name);
}

static void
test_mutations (Fixture       *fixture,
                gconstpointer  data G_GNUC_UNUSED)
{
  const char *text = GOOD RECORD ("null", "null", "1e3",
                                  "{\"domain\":\"d\",\"code\":1,\"message\":\"\\u00e9\\n\"}");
  const gsize length = strlen (text);

  g_test_summary ("Random damage is either a record or counted, and leaves the next one whole");

  for (int round = 0; round < 5000; round++)
    {
      g_autofree char *damaged = g_strdup (text);
      Fixture other = { 0 };
      guint64 n_lines = 1;

      for (int i = g_test_rand_int_range (1, 6); i > 0; i--)
        damaged[g_test_rand_int_range (0, (int) length)] = (char) g_test_rand_int_range (0, 256);
      damaged[length - 1] = '\n';
      for (gsize i = 0; i < length; i++)
        n_lines += damaged[i] == '\n';

      set_up (&other, NULL);
      _gspawn_trace_reader_push (other.reader, damaged, length);
      push (&other, GOOD);
      _gspawn_trace_reader_finish (other.reader);
      g_assert_cmpuint (other.n_records + _gspawn_trace_reader_get_n_rejected (other.reader), ==,
                        n_lines);
      g_assert_true (g_str_has_suffix (other.lines->str, GOOD));
      g_free (_gspawn_summary_format (other.summary, 0));
      tear_down (&other, NULL);
    }

  assert_counts (fixture, 0, 0);
}

static void
assert_has_line (Fixture    *fixture,
                 const char *expected)
{
  g_autofree char *text = _gspawn_summary_format (fixture->summary, 0);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  for (gsize i = 0; lines[i] != NULL; i++)
    {
      g_auto (GStrv) words = g_strsplit_set (g_strstrip (lines[i]), " ", -1);
      g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
      g_auto (GStrv) kept = NULL;
      g_autofree char *line = NULL;

      for (gsize j = 0; words[j] != NULL; j++)
        if (*words[j] != '\0')
          g_strv_builder_add (builder, words[j]);
      kept = g_strv_builder_end (builder);
      line = g_strjoinv (" ", kept);
      if (g_str_equal (line, expected))
        return;
    }

  g_test_message ("%s", text);
  g_error ("the summary has no line “%s”", expected);
}

static void
test_empty (Fixture       *fixture,
            gconstpointer  data G_GNUC_UNUSED)
{
  g_autofree char *text = _gspawn_summary_format (fixture->summary, 0);

  g_test_summary ("Without calls the summary says so in one line");

  g_assert_cmpstr (text, ==, "gspawn: spawns: 0, forks avoided: 0, errors: 0\n");
}

static void
test_rejected (Fixture       *fixture,
               gconstpointer  data G_GNUC_UNUSED)
{
  g_autofree char *text = _gspawn_summary_format (fixture->summary, 7);

  g_test_summary ("The summary says how many lines were no records");

  g_assert_nonnull (strstr (text, "\nLines of the trace that are no records: 7\n"));
}

static void
test_groups (Fixture       *fixture,
             gconstpointer  data G_GNUC_UNUSED)
{
  g_autofree char *text = NULL;

  g_test_summary ("Calls are counted by engine and reason, with median and longest duration");

  push (fixture, RECORD ("\"clone\"", "\"first-choice\"", "30", "null"));
  push (fixture, RECORD ("\"clone\"", "\"first-choice\"", "10.5", "null"));
  push (fixture, RECORD ("\"clone\"", "\"first-choice\"", "20", "null"));
  push (fixture, RECORD ("\"fork\"", "\"child-setup\"", "400", "null"));
  push (fixture, RECORD ("\"fork\"", "\"child-setup\"", "200", "null"));
  push (fixture, RECORD ("\"fork\"", "\"forced\"", "5", "null"));
  push (fixture, RECORD ("\"posix_spawn\"", "\"forced\"", "1e308", "null"));
  push (fixture, RECORD ("\"posix_spawn\"", "\"forced\"", "1.5e308", "null"));
  push (fixture, RECORD ("null", "null", "1", "{\"domain\":\"d\",\"code\":1,\"message\":\"m\"}"));
  assert_counts (fixture, 9, 0);

  assert_has_line (fixture, "gspawn: spawns: 9, forks avoided: 5, errors: 1");
  assert_has_line (fixture, "clone first-choice 3 20.0 30.0");
  assert_has_line (fixture, "fork child-setup 2 300.0 400.0");
  assert_has_line (fixture, "fork forced 1 5.0 5.0");
  assert_has_line (fixture, "- - 1 1.0 1.0");

  text = _gspawn_summary_format (fixture->summary, 0);
  g_assert_null (strstr (text, "inf"));
}

static void
test_forks_avoided (Fixture       *fixture,
                    gconstpointer  data G_GNUC_UNUSED)
{
  const char *error = "{\"domain\":\"d\",\"code\":1,\"message\":\"m\"}";
  g_autofree char *failed = g_strconcat (
      "{\"time\":1,\"pid\":2,\"program\":\"p\",\"function\":\"f\",\"command\":\"c\","
      "\"engine\":\"clone\",\"reason\":\"first-choice\",\"child\":null,\"microseconds\":3,"
      "\"error\":", error, "}\n", NULL);

  g_test_summary ("Calls that failed, or went to an unknown engine, avoided no fork");

  push (fixture, RECORD ("\"clone\"", "\"first-choice\"", "1", "null"));
  push (fixture, RECORD ("\"posix_spawn\"", "\"forced\"", "1", "null"));
  push (fixture, RECORD ("\"fork\"", "\"forced\"", "1", "null"));
  push (fixture, RECORD ("\"other\"", "\"forced\"", "1", "null"));
  push (fixture, failed);
  assert_counts (fixture, 5, 0);
  assert_has_line (fixture, "gspawn: spawns: 5, forks avoided: 2, errors: 1");
}

static void
test_slowest (Fixture       *fixture,
              gconstpointer  data G_GNUC_UNUSED)
{
  const int durations[] = { 3, 9, 1, 7, 5, 8, 2, 6, 4 };
  g_autofree char *text = NULL;
  const char *position;

  g_test_summary ("The five slowest calls are listed, slowest first");

  for (gsize i = 0; i < G_N_ELEMENTS (durations); i++)
    {
      g_autofree char *line = g_strdup_printf (
          "{\"time\":1,\"pid\":2,\"program\":\"p\",\"function\":\"f\",\"command\":\"took-%d\","
          "\"engine\":\"clone\",\"reason\":\"first-choice\",\"child\":3,\"microseconds\":%d,"
          "\"error\":null}\n", durations[i], durations[i]);

      push (fixture, line);
    }
  assert_counts (fixture, G_N_ELEMENTS (durations), 0);

  position = text = _gspawn_summary_format (fixture->summary, 0);
  for (int duration = 9; duration > 4; duration--)
    {
      g_autofree char *name = g_strdup_printf ("took-%d\n", duration);

      position = strstr (position, name);
      g_assert_nonnull (position);
    }
  g_assert_null (strstr (text, "took-4"));
}

static void
test_printable (Fixture       *fixture,
                gconstpointer  data G_GNUC_UNUSED)
{
  g_autofree char *text = NULL;

  g_test_summary ("No control character of a name gets into the table");

  push (fixture, "{\"time\":1,\"pid\":2,\"program\":\"\\u001b[31m\",\"function\":\"\\u202e\","
                 "\"command\":\"a b\\n\xc3\xa9\\\\\",\"engine\":\"\\r\",\"reason\":\"\\u0007\","
                 "\"child\":3,\"microseconds\":3,"
                 "\"error\":{\"domain\":\"\\b\",\"code\":1,\"message\":\"\\u009b\"}}\n");
  assert_counts (fixture, 1, 0);

  text = _gspawn_summary_format (fixture->summary, 0);
  for (const char *p = text; *p != '\0'; p = g_utf8_next_char (p))
    g_assert_true (*p == '\n' || g_unichar_isprint (g_utf8_get_char (p)));
  g_assert_nonnull (strstr (text, "\\x1b[31m"));
  g_assert_nonnull (strstr (text, "\\u{202e}"));
  g_assert_nonnull (strstr (text, "a b\\x0a\xc3\xa9\\\\"));
}

static void
test_errors (Fixture       *fixture,
             gconstpointer  data G_GNUC_UNUSED)
{
  g_test_summary ("Equal errors are counted together, and the list is not without bounds");

  for (int i = 0; i < 20; i++)
    {
      g_autofree char *line = g_strdup_printf (
          RECORD ("\"clone\"", "\"first-choice\"", "1",
                  "{\"domain\":\"d\",\"code\":%d,\"message\":\"m\"}"), i / 4);

      push (fixture, line);
    }
  for (int i = 100; i < 110; i++)
    {
      g_autofree char *line = g_strdup_printf (
          RECORD ("\"clone\"", "\"first-choice\"", "1",
                  "{\"domain\":\"d\",\"code\":%d,\"message\":\"m\"}"), i);

      push (fixture, line);
    }
  assert_counts (fixture, 30, 0);

  assert_has_line (fixture, "4 d 0: m");
  assert_has_line (fixture, "4 d 4: m");
  assert_has_line (fixture, "1 d 104: m");
  assert_has_line (fixture, "5 others");
}

#define ADD(path, function) \
  g_test_add (path, Fixture, NULL, set_up, function, tear_down)

int
main (int    argc,
      char **argv)
{
  static const char brackets[] = { '[', '{' };

  g_test_init (&argc, &argv, NULL);

  ADD ("/trace-reader/members", test_members);
  ADD ("/trace-reader/null-members", test_null_members);
  for (gsize i = 0; i < G_N_ELEMENTS (bad_lines); i++)
    {
      g_autofree char *path = g_strconcat ("/trace-reader/rejects/", bad_lines[i].name, NULL);

      g_test_add (path, Fixture, &bad_lines[i], set_up, test_rejects, tear_down);
    }
  ADD ("/trace-reader/truncated", test_truncated);
  ADD ("/trace-reader/pieces", test_pieces);
  g_test_add ("/trace-reader/deep-nesting/arrays", Fixture, &brackets[0], set_up,
              test_deep_nesting, tear_down);
  g_test_add ("/trace-reader/deep-nesting/objects", Fixture, &brackets[1], set_up,
              test_deep_nesting, tear_down);
  ADD ("/trace-reader/long-line", test_long_line);
  ADD ("/trace-reader/long-command", test_long_command);
  ADD ("/trace-reader/mutations", test_mutations);
  ADD ("/summary/empty", test_empty);
  ADD ("/summary/rejected", test_rejected);
  ADD ("/summary/groups", test_groups);
  ADD ("/summary/forks-avoided", test_forks_avoided);
  ADD ("/summary/slowest", test_slowest);
  ADD ("/summary/printable", test_printable);
  ADD ("/summary/errors", test_errors);

  return g_test_run ();
}
