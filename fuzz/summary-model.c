/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * What `gspawn run --summary` prints for a list of records, made from the whole list in the
 * simplest way that there is. It must share nothing with gspawn-summary.c. */

#include "summary-model.h"

#include <string.h>

#define MAX_SLOWEST 5
#define MAX_ERRORS  10

/* The strings of a record, by their place in it. */
static const gsize strings[] = {
  G_STRUCT_OFFSET (GSpawnTraceRecord, program),
  G_STRUCT_OFFSET (GSpawnTraceRecord, function),
  G_STRUCT_OFFSET (GSpawnTraceRecord, command),
  G_STRUCT_OFFSET (GSpawnTraceRecord, engine),
  G_STRUCT_OFFSET (GSpawnTraceRecord, reason),
  G_STRUCT_OFFSET (GSpawnTraceRecord, error_domain),
  G_STRUCT_OFFSET (GSpawnTraceRecord, error_message),
};

GSpawnTraceRecord *
record_copy (const GSpawnTraceRecord *record)
{
  GSpawnTraceRecord *copy = g_memdup2 (record, sizeof *record);

  for (gsize i = 0; i < G_N_ELEMENTS (strings); i++)
    G_STRUCT_MEMBER (char *, copy, strings[i]) =
        g_strdup (G_STRUCT_MEMBER (const char *, record, strings[i]));
  copy->line = g_strndup (record->line, record->line_length);

  return copy;
}

void
record_free (gpointer record)
{
  for (gsize i = 0; i < G_N_ELEMENTS (strings); i++)
    g_free (G_STRUCT_MEMBER (char *, record, strings[i]));
  g_free ((char *) ((GSpawnTraceRecord *) record)->line);
  g_free (record);
}

/* The lines may differ: the same record can be written in more than one way. */
gboolean
record_equal (const GSpawnTraceRecord *a,
              const GSpawnTraceRecord *b)
{
  for (gsize i = 0; i < G_N_ELEMENTS (strings); i++)
    if (g_strcmp0 (G_STRUCT_MEMBER (const char *, a, strings[i]),
                   G_STRUCT_MEMBER (const char *, b, strings[i])) != 0)
      return FALSE;

  return a->time == b->time && a->pid == b->pid && a->child == b->child &&
         a->microseconds == b->microseconds && a->error_code == b->error_code;
}

/* Printable, and as wide as @width at least, counted in characters. */
static char *
field (const char *string,
       glong       width)
{
  GString *text = g_string_new (NULL);
  glong length = 0;
  g_autofree gunichar *characters = g_utf8_to_ucs4_fast (string != NULL ? string : "-", -1,
                                                         &length);

  for (glong i = 0; i < length; i++)
    {
      gunichar c = characters[i];

      if (c == '\\')
        g_string_append (text, "\\\\");
      else if (g_unichar_isprint (c))
        g_string_append_unichar (text, c);
      else
        g_string_append_printf (text, c < 128 ? "\\x%02x" : "\\u{%x}", c);
    }
  while (g_utf8_strlen (text->str, -1) < width)
    g_string_append_c (text, ' ');

  return g_string_free (text, FALSE);
}

static gboolean
is_same_group (const GSpawnTraceRecord *a,
               const GSpawnTraceRecord *b)
{
  return g_strcmp0 (a->engine, b->engine) == 0 && g_strcmp0 (a->reason, b->reason) == 0;
}

static gboolean
is_same_failure (const GSpawnTraceRecord *a,
                 const GSpawnTraceRecord *b)
{
  return a->error_code == b->error_code && g_strcmp0 (a->error_domain, b->error_domain) == 0 &&
         g_strcmp0 (a->error_message, b->error_message) == 0;
}

typedef gboolean (*IsSame) (const GSpawnTraceRecord *a,
                            const GSpawnTraceRecord *b);

static guint
count_same (const GPtrArray         *records,
            const GSpawnTraceRecord *record,
            IsSame                   is_same)
{
  guint n = 0;

  for (guint i = 0; i < records->len; i++)
    n += is_same (records->pdata[i], record);

  return n;
}

/* The first of each kind, in the order in which they came. */
static GPtrArray *
list_first (const GPtrArray *records,
            IsSame           is_same)
{
  GPtrArray *list = g_ptr_array_new ();

  for (guint i = 0; i < records->len; i++)
    if (count_same (list, records->pdata[i], is_same) == 0)
      g_ptr_array_add (list, records->pdata[i]);

  return list;
}

static int
compare_durations (gconstpointer a,
                   gconstpointer b)
{
  const GSpawnTraceRecord *x = *(const GSpawnTraceRecord *const *) a;
  const GSpawnTraceRecord *y = *(const GSpawnTraceRecord *const *) b;

  return x->microseconds < y->microseconds ? -1 : x->microseconds > y->microseconds;
}

static void
append_group (GString                 *text,
              const GPtrArray         *records,
              const GSpawnTraceRecord *first)
{
  g_autoptr (GPtrArray) group = g_ptr_array_new ();
  g_autofree char *engine = field (first->engine, 11);
  g_autofree char *reason = field (first->reason, 22);
  const GSpawnTraceRecord *low, *high, *last;

  for (guint i = 0; i < records->len; i++)
    if (is_same_group (records->pdata[i], first))
      g_ptr_array_add (group, records->pdata[i]);
  g_ptr_array_sort (group, compare_durations);

  low = group->pdata[(group->len - 1) / 2];
  high = group->pdata[group->len / 2];
  last = group->pdata[group->len - 1];
  g_string_append_printf (text, "%s  %s  %6u  %9.1f  %9.1f\n", engine, reason, group->len,
                          low == high ? low->microseconds
                                      : low->microseconds / 2 + high->microseconds / 2,
                          last->microseconds);
}

/* Whether @a has to stand before @b. */
static gboolean
is_before (const GPtrArray         *records,
           const GSpawnTraceRecord *a,
           const GSpawnTraceRecord *b)
{
  guint n = count_same (records, a, is_same_group), m = count_same (records, b, is_same_group);
  int engines = g_strcmp0 (a->engine, b->engine);

  return n != m ? n > m : engines != 0 ? engines < 0 : g_strcmp0 (a->reason, b->reason) < 0;
}

static void
append_groups (GString         *text,
               const GPtrArray *records)
{
  g_autoptr (GPtrArray) firsts = list_first (records, is_same_group);

  g_string_append (text, "\nengine       reason                   calls  median/us     max/us\n");
  while (firsts->len > 0)
    {
      guint best = 0;

      for (guint i = 1; i < firsts->len; i++)
        if (is_before (records, firsts->pdata[i], firsts->pdata[best]))
          best = i;
      append_group (text, records, g_ptr_array_remove_index (firsts, best));
    }
}

static void
append_call (GString                 *text,
             const GSpawnTraceRecord *record)
{
  g_autofree char *engine = field (record->engine, 11);
  g_autofree char *program = field (record->program, 0);
  g_autofree char *function = field (record->function, 0);
  g_autofree char *command = field (record->command, 0);

  g_string_append_printf (text, "%9.1f  %s  %7" G_GINT64_FORMAT "  %s  %s  %s\n",
                          record->microseconds, engine, record->pid, program, function, command);
}

static void
append_slowest (GString         *text,
                const GPtrArray *records)
{
  g_autoptr (GPtrArray) rest = g_ptr_array_new ();

  for (guint i = 0; i < records->len; i++)
    g_ptr_array_add (rest, records->pdata[i]);

  g_string_append (text, "\nSlowest calls:\n"
                   "       us  engine           pid  program, function, command\n");
  for (int n = 0; n < MAX_SLOWEST && rest->len > 0; n++)
    {
      guint slowest = 0;

      for (guint i = 1; i < rest->len; i++)
        if (compare_durations (&rest->pdata[i], &rest->pdata[slowest]) > 0)
          slowest = i;
      append_call (text, g_ptr_array_remove_index (rest, slowest));
    }
}

static void
append_failures (GString         *text,
                 const GPtrArray *failed)
{
  g_autoptr (GPtrArray) firsts = list_first (failed, is_same_failure);
  guint n_others = 0;

  g_string_append (text, "\nErrors:\n");
  for (guint i = 0; i < firsts->len; i++)
    {
      const GSpawnTraceRecord *record = firsts->pdata[i];
      guint n = count_same (failed, record, is_same_failure);
      g_autofree char *domain = field (record->error_domain, 0);
      g_autofree char *message = field (record->error_message, 0);

      if (i < MAX_ERRORS)
        g_string_append_printf (text, "%6u  %s %" G_GINT64_FORMAT ": %s\n", n, domain,
                                record->error_code, message);
      else
        n_others += n;
    }
  if (n_others > 0)
    g_string_append_printf (text, "%6u  others\n", n_others);
}

char *
summary_model_format (const GPtrArray *records,
                      guint64          n_rejected)
{
  g_autoptr (GPtrArray) failed = g_ptr_array_new ();
  GString *text = g_string_new (NULL);
  guint n_avoided = 0;

  for (guint i = 0; i < records->len; i++)
    {
      const GSpawnTraceRecord *record = records->pdata[i];

      if (record->error_message != NULL)
        g_ptr_array_add (failed, records->pdata[i]);
      else
        n_avoided += g_strcmp0 (record->engine, "clone") == 0 ||
                     g_strcmp0 (record->engine, "posix_spawn") == 0;
    }

  g_string_append_printf (text, "gspawn: spawns: %u, forks avoided: %u, errors: %u\n",
                          records->len, n_avoided, failed->len);
  if (records->len > 0)
    {
      append_groups (text, records);
      append_slowest (text, records);
    }
  if (failed->len > 0)
    append_failures (text, failed);
  if (n_rejected > 0)
    g_string_append_printf (text, "\nLines of the trace that are no records: %" G_GUINT64_FORMAT
                            "\n", n_rejected);

  return g_string_free (text, FALSE);
}
