/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/*
 * Makes tables and JSON of what was measured.
 *
 * Text and Markdown are one layout with different separators.
 */
#include "bench-report.h"

#include <json-glib/json-glib.h>

#include "bench-machine.h"

typedef struct {
  const char *heading;        /* what stands before the title of a table */
  const char *first;          /* separators of a row */
  const char *middle;
  const char *last;
  gboolean    rule;           /* a line of dashes as Markdown wants it */
} Layout;

static const Layout text_layout = { "\n", "  ", "  ", "\n", FALSE };
static const Layout markdown_layout = { "\n### ", "| ", " | ", " |\n", TRUE };

typedef struct {
  const char *title;
  int         width;          /* negative: aligned to the left */
} Column;

static void
append_cell (GString      *out,
             const Layout *layout,
             const Column *column,
             gboolean      is_last,
             const char   *value)
{
  int padding = ABS (column->width) - (int) g_utf8_strlen (value, -1);

  if (column->width > 0)
    g_string_append_printf (out, "%*s%s", MAX (padding, 0), "", value);
  else
    g_string_append_printf (out, "%s%*s", value, MAX (padding, 0), "");

  g_string_append (out, is_last ? layout->last : layout->middle);
}

static void
append_row (GString       *out,
            const Layout  *layout,
            const Column  *columns,
            guint          n_columns,
            char         **values)
{
  guint i;

  g_string_append (out, layout->first);
  for (i = 0; i < n_columns; i++)
    append_cell (out, layout, &columns[i], i + 1 == n_columns, values[i]);
}

static void
append_header (GString      *out,
               const Layout *layout,
               const Column *columns,
               guint         n_columns)
{
  guint i;

  g_string_append (out, layout->first);
  for (i = 0; i < n_columns; i++)
    append_cell (out, layout, &columns[i], i + 1 == n_columns, columns[i].title);

  if (!layout->rule)
    return;

  g_string_append (out, "|");
  for (i = 0; i < n_columns; i++)
    g_string_append (out, columns[i].width > 0 ? "---:|" : "---|");
  g_string_append (out, "\n");
}

static char *
format_time (double nanoseconds)
{
  double microseconds = nanoseconds / 1000;

  return g_strdup_printf (microseconds < 100 ? "%.1f" : "%.0f", microseconds);
}

/* The bare vfork loop at the same size is the yardstick of every table. */
static char *
format_ratio (const BenchResult *result,
              const BenchSeries *series)
{
  const BenchSeries *yardstick;
  double ratio;

  yardstick = bench_series_find (result->series, BENCH_WAY_VFORK, series->resident_mib);
  if (yardstick == NULL)
    return g_strdup ("");

  ratio = bench_series_get_percentile (series, BENCH_NANOSECONDS, 50)
          / bench_series_get_percentile (yardstick, BENCH_NANOSECONDS, 50);

  return g_strdup_printf (ratio < 10 ? "%.2f" : "%.0f", ratio);
}

static void
append_series (GString           *out,
               const Layout      *layout,
               const Column      *columns,
               const BenchResult *result,
               const BenchSeries *series)
{
  g_autoptr(GPtrArray) values = g_ptr_array_new_with_free_func (g_free);

  g_ptr_array_add (values, g_strdup (bench_ways[series->way].title));
  g_ptr_array_add (values, g_strdup_printf ("%u", series->resident_mib));
  g_ptr_array_add (values,
                   format_time (bench_series_get_percentile (series, BENCH_NANOSECONDS, 50)));
  g_ptr_array_add (values,
                   format_time (bench_series_get_percentile (series, BENCH_NANOSECONDS, 90)));
  g_ptr_array_add (values,
                   format_time (bench_series_get_percentile (series, BENCH_CPU_NANOSECONDS, 50)));
  g_ptr_array_add (values, format_ratio (result, series));
  g_ptr_array_add (values, g_strdup_printf ("%.0f", bench_series_get_percentile (
                                                      series, BENCH_FAULTS_DURING, 50)));
  if (result->scenario->retouch)
    g_ptr_array_add (values, g_strdup_printf ("%.0f", bench_series_get_percentile (
                                                        series, BENCH_FAULTS_AFTER, 50)));
  else
    g_ptr_array_add (values, g_strdup_printf ("%u", series->peak_growth_kib));
  g_ptr_array_add (values, g_strdup_printf ("%u", series->samples->len));

  append_row (out, layout, columns, values->len, (char **) values->pdata);
}

static void
append_result (GString           *out,
               const Layout      *layout,
               const BenchResult *result)
{
  const Column columns[] = {
    { "way", -34 },
    { "MiB", 5 },
    { "p50 µs", 8 },
    { "p90 µs", 8 },
    { "CPU µs", 8 },
    { "× vfork", 7 },
    { "faults in call", 14 },
    { result->scenario->retouch ? "faults after" : "growth KiB", 12 },
    { "samples", 7 },
  };
  guint i;

  g_string_append_printf (out, "%s%s\n\n", layout->heading, result->scenario->title);
  if (result->descriptors < result->scenario->descriptors)
    g_string_append_printf (out, "Only %u descriptors could be opened.\n\n", result->descriptors);

  append_header (out, layout, columns, G_N_ELEMENTS (columns));
  for (i = 0; i < result->series->len; i++)
    append_series (out, layout, columns, result, g_ptr_array_index (result->series, i));
}

static void
append_target (GString           *out,
               const Layout      *layout,
               const Column      *columns,
               guint              n_columns,
               const BenchTarget *target,
               GPtrArray         *results)
{
  double value = 0;
  BenchVerdict verdict = bench_target_judge (target, results, &value);
  g_autofree char *limit = bench_target_get_limit (target);
  g_autofree char *measured = g_strdup_printf ("%.2f", value);
  char *values[] = {
    (char *) target->title,
    limit,
    verdict == BENCH_TARGET_NOT_MEASURED ? (char *) "" : measured,
    (char *) bench_verdict_get_name (verdict),
  };

  append_row (out, layout, columns, n_columns, values);
}

static void
append_targets (GString      *out,
                const Layout *layout,
                GPtrArray    *results)
{
  const Column columns[] = {
    { "target", -58 },
    { "limit", -13 },
    { "measured", 8 },
    { "", -12 },
  };
  guint i;

  g_string_append_printf (out, "%sTargets\n\n", layout->heading);
  append_header (out, layout, columns, G_N_ELEMENTS (columns));
  for (i = 0; i < BENCH_N_TARGETS; i++)
    if (bench_target_is_relevant (&bench_targets[i], results))
      append_target (out, layout, columns, G_N_ELEMENTS (columns), &bench_targets[i], results);
}

static guint64
find_huge_kib (GPtrArray *results)
{
  guint64 huge_kib = 0;
  guint i;

  for (i = 0; i < results->len; i++)
    huge_kib = MAX (huge_kib, ((const BenchResult *) g_ptr_array_index (results, i))->huge_kib);

  return huge_kib;
}

static char *
format_report (const Layout *layout,
               GPtrArray    *results)
{
  BenchFact facts[BENCH_N_FACTS];
  GString *out = g_string_new (NULL);
  guint i;

  bench_machine_describe (facts);
  for (i = 0; i < BENCH_N_FACTS; i++)
    {
      g_string_append_printf (out, "%s%s: %s", i > 0 ? "; " : "", facts[i].name, facts[i].value);
      g_free (facts[i].value);
    }
  g_string_append_printf (out, "; %" G_GUINT64_FORMAT " MiB in huge pages.\n",
                          find_huge_kib (results) >> 10);

  for (i = 0; i < results->len; i++)
    append_result (out, layout, g_ptr_array_index (results, i));
  append_targets (out, layout, results);

  return g_string_free (out, FALSE);
}

char *
bench_report_to_text (GPtrArray *results)
{
  return format_report (&text_layout, results);
}

char *
bench_report_to_markdown (GPtrArray *results)
{
  return format_report (&markdown_layout, results);
}

static void
build_number (JsonBuilder *builder,
              const char  *name,
              double       value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_double_value (builder, value);
}

static void
build_integer (JsonBuilder *builder,
               const char  *name,
               gint64       value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_int_value (builder, value);
}

static void
build_string (JsonBuilder *builder,
              const char  *name,
              const char  *value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_string_value (builder, value);
}

static void
build_machine (JsonBuilder *builder)
{
  BenchFact facts[BENCH_N_FACTS];
  guint i;

  json_builder_set_member_name (builder, "machine");
  json_builder_begin_object (builder);
  bench_machine_describe (facts);
  for (i = 0; i < BENCH_N_FACTS; i++)
    {
      build_string (builder, facts[i].name, facts[i].value);
      g_free (facts[i].value);
    }
  json_builder_end_object (builder);
}

static void
build_series (JsonBuilder       *builder,
              const BenchSeries *series)
{
  json_builder_begin_object (builder);
  build_string (builder, "way", bench_ways[series->way].name);
  build_integer (builder, "resident-mib", series->resident_mib);
  build_integer (builder, "samples", series->samples->len);
  build_number (builder, "p50-microseconds",
                bench_series_get_percentile (series, BENCH_NANOSECONDS, 50) / 1000);
  build_number (builder, "p90-microseconds",
                bench_series_get_percentile (series, BENCH_NANOSECONDS, 90) / 1000);
  build_number (builder, "p50-cpu-microseconds",
                bench_series_get_percentile (series, BENCH_CPU_NANOSECONDS, 50) / 1000);
  build_number (builder, "p50-faults-during",
                bench_series_get_percentile (series, BENCH_FAULTS_DURING, 50));
  build_number (builder, "p50-faults-after",
                bench_series_get_percentile (series, BENCH_FAULTS_AFTER, 50));
  build_integer (builder, "growth-kib", series->peak_growth_kib);
  json_builder_end_object (builder);
}

static void
build_result (JsonBuilder       *builder,
              const BenchResult *result)
{
  guint i;

  json_builder_begin_object (builder);
  build_string (builder, "name", result->scenario->name);
  build_string (builder, "title", result->scenario->title);
  build_integer (builder, "descriptors", result->descriptors);
  build_integer (builder, "huge-kib", (gint64) result->huge_kib);
  json_builder_set_member_name (builder, "series");
  json_builder_begin_array (builder);
  for (i = 0; i < result->series->len; i++)
    build_series (builder, g_ptr_array_index (result->series, i));
  json_builder_end_array (builder);
  json_builder_end_object (builder);
}

static void
build_target (JsonBuilder       *builder,
              const BenchTarget *target,
              GPtrArray         *results)
{
  double value = 0;
  BenchVerdict verdict = bench_target_judge (target, results, &value);
  g_autofree char *limit = bench_target_get_limit (target);

  json_builder_begin_object (builder);
  build_string (builder, "title", target->title);
  build_string (builder, "limit", limit);
  if (verdict != BENCH_TARGET_NOT_MEASURED)
    build_number (builder, "measured", value);
  build_string (builder, "verdict", bench_verdict_get_name (verdict));
  json_builder_end_object (builder);
}

char *
bench_report_to_json (GPtrArray *results)
{
  g_autoptr(JsonBuilder) builder = json_builder_new ();
  g_autoptr(JsonNode) root = NULL;
  guint i;

  json_builder_begin_object (builder);
  build_machine (builder);

  json_builder_set_member_name (builder, "scenarios");
  json_builder_begin_array (builder);
  for (i = 0; i < results->len; i++)
    build_result (builder, g_ptr_array_index (results, i));
  json_builder_end_array (builder);

  json_builder_set_member_name (builder, "targets");
  json_builder_begin_array (builder);
  for (i = 0; i < BENCH_N_TARGETS; i++)
    if (bench_target_is_relevant (&bench_targets[i], results))
      build_target (builder, &bench_targets[i], results);
  json_builder_end_array (builder);
  json_builder_end_object (builder);

  root = json_builder_get_root (builder);

  return json_to_string (root, TRUE);
}
