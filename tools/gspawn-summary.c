/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Counts the records of a trace and makes a table of them for people. Must not do input or output.
 * Of each call only its duration is kept, so that a long trace takes little memory. */

#include "gspawn-summary-private.h"

#include "gspawn-engines.h"

#include <string.h>

#define MAX_SLOWEST 5
#define MAX_ERRORS  10

/* The calls that one engine took for one reason. */
typedef struct {
  char *engine;
  char *reason;
  GArray *microseconds;
} Group;

typedef struct {
  double microseconds;
  gint64 pid;
  char *engine;
  char *program;
  char *function;
  char *command;
} Call;

typedef struct {
  char *domain;
  gint64 code;
  char *message;
  guint64 n_calls;
} Failure;

struct _GSpawnSummary {
  GPtrArray *groups;
  GPtrArray *slowest;
  GPtrArray *failures;
  guint64 n_calls;
  guint64 n_failed;
  guint64 n_forks_avoided;
  guint64 n_other_failures;
};

static void
group_free (gpointer data)
{
  Group *group = data;

  g_free (group->engine);
  g_free (group->reason);
  g_array_unref (group->microseconds);
  g_free (group);
}

static void
call_free (gpointer data)
{
  Call *call = data;

  g_free (call->engine);
  g_free (call->program);
  g_free (call->function);
  g_free (call->command);
  g_free (call);
}

static void
failure_free (gpointer data)
{
  Failure *failure = data;

  g_free (failure->domain);
  g_free (failure->message);
  g_free (failure);
}

/* An engine that we do not know may fork. */
static gboolean
is_fork_free (const char *engine)
{
  for (int i = 0; i < GSPAWN_N_ENGINES; i++)
    if (i != GSPAWN_ENGINE_FORK && g_strcmp0 (engine, gspawn_engine_get_name (i)) == 0)
      return TRUE;
  return FALSE;
}

static void
count_in_group (GSpawnSummary           *summary,
                const GSpawnTraceRecord *record)
{
  Group *group = NULL;

  for (guint i = 0; group == NULL && i < summary->groups->len; i++)
    {
      Group *other = g_ptr_array_index (summary->groups, i);

      if (g_strcmp0 (other->engine, record->engine) == 0 &&
          g_strcmp0 (other->reason, record->reason) == 0)
        group = other;
    }

  if (group == NULL)
    {
      group = g_new0 (Group, 1);
      group->engine = g_strdup (record->engine);
      group->reason = g_strdup (record->reason);
      group->microseconds = g_array_new (FALSE, FALSE, sizeof (double));
      g_ptr_array_add (summary->groups, group);
    }

  g_array_append_val (group->microseconds, record->microseconds);
}

/* Of equally slow calls, the earlier ones stay. */
static void
consider_slowest (GSpawnSummary           *summary,
                  const GSpawnTraceRecord *record)
{
  guint position = summary->slowest->len;
  Call *call;

  while (position > 0 &&
         ((Call *) g_ptr_array_index (summary->slowest, position - 1))->microseconds <
         record->microseconds)
    position--;
  if (position >= MAX_SLOWEST)
    return;

  call = g_new0 (Call, 1);
  call->microseconds = record->microseconds;
  call->pid = record->pid;
  call->engine = g_strdup (record->engine);
  call->program = g_strdup (record->program);
  call->function = g_strdup (record->function);
  call->command = g_strdup (record->command);
  g_ptr_array_insert (summary->slowest, (int) position, call);
  if (summary->slowest->len > MAX_SLOWEST)
    g_ptr_array_set_size (summary->slowest, MAX_SLOWEST);
}

static void
count_failure (GSpawnSummary           *summary,
               const GSpawnTraceRecord *record)
{
  Failure *failure;

  for (guint i = 0; i < summary->failures->len; i++)
    {
      failure = g_ptr_array_index (summary->failures, i);
      if (failure->code == record->error_code &&
          g_str_equal (failure->domain, record->error_domain) &&
          g_str_equal (failure->message, record->error_message))
        {
          failure->n_calls++;
          return;
        }
    }

  if (summary->failures->len == MAX_ERRORS)
    {
      summary->n_other_failures++;
      return;
    }

  failure = g_new0 (Failure, 1);
  failure->domain = g_strdup (record->error_domain);
  failure->code = record->error_code;
  failure->message = g_strdup (record->error_message);
  failure->n_calls = 1;
  g_ptr_array_add (summary->failures, failure);
}

GSpawnSummary *
_gspawn_summary_new (void)
{
  GSpawnSummary *summary = g_new0 (GSpawnSummary, 1);

  summary->groups = g_ptr_array_new_with_free_func (group_free);
  summary->slowest = g_ptr_array_new_with_free_func (call_free);
  summary->failures = g_ptr_array_new_with_free_func (failure_free);
  return summary;
}

void
_gspawn_summary_free (GSpawnSummary *summary)
{
  g_ptr_array_unref (summary->groups);
  g_ptr_array_unref (summary->slowest);
  g_ptr_array_unref (summary->failures);
  g_free (summary);
}

void
_gspawn_summary_add (GSpawnSummary           *summary,
                     const GSpawnTraceRecord *record)
{
  summary->n_calls++;
  count_in_group (summary, record);
  consider_slowest (summary, record);

  if (record->error_message != NULL)
    {
      summary->n_failed++;
      count_failure (summary, record);
    }
  else if (is_fork_free (record->engine))
    summary->n_forks_avoided++;
}

/* Names come from other processes: a control character in one must not reach a terminal. */
static void
append_printable (GString    *text,
                  const char *string)
{
  for (const char *p = string; *p != '\0'; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);

      if (c == '\\')
        g_string_append (text, "\\\\");
      else if (g_unichar_isprint (c))
        g_string_append_unichar (text, c);
      else
        g_string_append_printf (text, c < 0x80 ? "\\x%02x" : "\\u{%x}", c);
    }
}

static void
append_column (GString    *text,
               const char *string,
               glong       width)
{
  gsize start = text->len;

  append_printable (text, string != NULL ? string : "-");
  for (glong n = g_utf8_strlen (text->str + start, -1); n < width; n++)
    g_string_append_c (text, ' ');
  g_string_append (text, "  ");
}

static int
compare_doubles (gconstpointer a,
                 gconstpointer b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

static double
sort_and_get_median (GArray *values)
{
  guint half = values->len / 2;

  g_array_sort (values, compare_doubles);
  if (values->len % 2 == 1)
    return g_array_index (values, double, half);
  /* The sum of two might be too large for a number. */
  return g_array_index (values, double, half - 1) / 2 + g_array_index (values, double, half) / 2;
}

static int
compare_groups (gconstpointer a,
                gconstpointer b)
{
  const Group *x = *(Group *const *) a, *y = *(Group *const *) b;

  if (x->microseconds->len != y->microseconds->len)
    return x->microseconds->len < y->microseconds->len ? 1 : -1;
  return g_strcmp0 (x->engine, y->engine) != 0 ? g_strcmp0 (x->engine, y->engine)
                                               : g_strcmp0 (x->reason, y->reason);
}

static void
append_groups (GString       *text,
               GSpawnSummary *summary)
{
  g_ptr_array_sort (summary->groups, compare_groups);
  g_string_append (text, "\nengine       reason                   calls  median/us     max/us\n");
  for (guint i = 0; i < summary->groups->len; i++)
    {
      Group *group = g_ptr_array_index (summary->groups, i);
      double median = sort_and_get_median (group->microseconds);
      guint n = group->microseconds->len;

      append_column (text, group->engine, 11);
      append_column (text, group->reason, 22);
      g_string_append_printf (text, "%6u  %9.1f  %9.1f\n", n, median,
                              g_array_index (group->microseconds, double, n - 1));
    }
}

static void
append_slowest (GString       *text,
                GSpawnSummary *summary)
{
  g_string_append (text, "\nSlowest calls:\n"
                   "       us  engine           pid  program, function, command\n");
  for (guint i = 0; i < summary->slowest->len; i++)
    {
      Call *call = g_ptr_array_index (summary->slowest, i);

      g_string_append_printf (text, "%9.1f  ", call->microseconds);
      append_column (text, call->engine, 11);
      g_string_append_printf (text, "%7" G_GINT64_FORMAT "  ", call->pid);
      append_column (text, call->program, 0);
      append_column (text, call->function, 0);
      append_printable (text, call->command != NULL ? call->command : "-");
      g_string_append_c (text, '\n');
    }
}

static void
append_failures (GString       *text,
                 GSpawnSummary *summary)
{
  g_string_append (text, "\nErrors:\n");
  for (guint i = 0; i < summary->failures->len; i++)
    {
      Failure *failure = g_ptr_array_index (summary->failures, i);

      g_string_append_printf (text, "%6" G_GUINT64_FORMAT "  ", failure->n_calls);
      append_printable (text, failure->domain);
      g_string_append_printf (text, " %" G_GINT64_FORMAT ": ", failure->code);
      append_printable (text, failure->message);
      g_string_append_c (text, '\n');
    }

  if (summary->n_other_failures > 0)
    g_string_append_printf (text, "%6" G_GUINT64_FORMAT "  others\n", summary->n_other_failures);
}

/**
 * _gspawn_summary_format:
 * @summary: a summary
 * @n_rejected: how many lines of the trace were no records
 *
 * Makes the table.
 *
 * Returns: (transfer full): lines of UTF-8
 */
char *
_gspawn_summary_format (GSpawnSummary *summary,
                        guint64        n_rejected)
{
  GString *text = g_string_new (NULL);

  g_string_append_printf (text, "gspawn: spawns: %" G_GUINT64_FORMAT ", forks avoided: %"
                          G_GUINT64_FORMAT ", errors: %" G_GUINT64_FORMAT "\n",
                          summary->n_calls, summary->n_forks_avoided, summary->n_failed);
  if (summary->groups->len > 0)
    {
      append_groups (text, summary);
      append_slowest (text, summary);
    }
  if (summary->failures->len > 0)
    append_failures (text, summary);
  if (n_rejected > 0)
    g_string_append_printf (text, "\nLines of the trace that are no records: %" G_GUINT64_FORMAT
                            "\n", n_rejected);
  return g_string_free (text, FALSE);
}
