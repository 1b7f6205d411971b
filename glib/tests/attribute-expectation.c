/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* What a child must find that has a row's attributes: all that one without them finds, but for what
 * the row says. */

#include "attribute-stage.h"

#include <stdlib.h>
#include <string.h>

/* Instead of a value. */
#define ANY_OTHER "\001other"
#define ONE_MORE "\001more"
#define ABSENT "\001absent"

/*
 * stage_expect: (skip)
 * @key: group and key of the report, with a slash
 * @format: the value that the attributes give it; `@pid` is the child's, `@terminal` that of its
 *     input
 */
void
stage_expect (Stage      *stage,
              const char *key,
              const char *format,
              ...)
{
  va_list args;

  va_start (args, format);
  g_hash_table_insert (stage->changes, g_strdup (key), g_strdup_vprintf (format, args));
  va_end (args);
}

void
stage_expect_absent (Stage      *stage,
                     const char *key)
{
  stage_expect (stage, key, ABSENT);
}

void
stage_expect_other (Stage      *stage,
                    const char *key)
{
  stage_expect (stage, key, ANY_OTHER);
}

void
stage_expect_more (Stage      *stage,
                   const char *key)
{
  stage_expect (stage, key, ONE_MORE);
}

static gboolean
is_left_out (const Stage *stage,
             const char  *group,
             const char  *key)
{
  if (g_str_equal (group, "arguments") || g_str_equal (group, "probe"))
    return TRUE;
  if ((stage->row->flags & STAGE_TERMINAL) != 0 && g_str_equal (group, "descriptor 0"))
    return TRUE;

  return g_str_equal (group, "process") && (g_str_equal (key, "pid") || g_str_equal (key, "ppid"));
}

/* What differs from child to child becomes a word. */
static char *
generalize (char       *value,
            const char *pid,
            const char *terminal)
{
  gboolean is_entry = g_str_has_suffix (value, pid) &&
                      strlen (value) > strlen (pid) &&
                      value[strlen (value) - strlen (pid) - 1] == '=';

  if (g_str_equal (value, pid))
    {
      g_free (value);
      return g_strdup ("@pid");
    }
  if (is_entry)
    {
      g_autofree char *entry = g_steal_pointer (&value);

      entry[strlen (entry) - strlen (pid)] = '\0';
      return g_strconcat (entry, "@pid", NULL);
    }
  if (terminal != NULL && g_str_equal (value, terminal))
    {
      g_free (value);
      return g_strdup ("@terminal");
    }

  return value;
}

/*
 * stage_flatten: (skip)
 * @report: a report
 * @terminal: (nullable): the terminal that is the child's input
 *
 * Returns: (transfer full): what the child has found, by group and key
 */
GHashTable *
stage_flatten (const Stage *stage,
               GKeyFile    *report,
               const char  *terminal)
{
  GHashTable *table = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autofree char *pid = report_get_text (report, "process", "pid");
  g_auto (GStrv) groups = g_key_file_get_groups (report, NULL);

  for (char **group = groups; *group != NULL; group++)
    {
      g_auto (GStrv) keys = g_key_file_get_keys (report, *group, NULL, NULL);

      for (char **key = keys; key != NULL && *key != NULL; key++)
        if (!is_left_out (stage, *group, *key))
          g_hash_table_insert (table, g_strconcat (*group, "/", *key, NULL),
                               generalize (report_get_text (report, *group, *key), pid, terminal));
    }

  return table;
}

static gboolean
is_as_expected (const char *expected,
                const char *baseline,
                const char *actual)
{
  if (g_strcmp0 (expected, ABSENT) == 0)
    return actual == NULL;
  if (g_strcmp0 (expected, ANY_OTHER) == 0)
    return actual != NULL && g_strcmp0 (actual, baseline) != 0;
  if (g_strcmp0 (expected, ONE_MORE) == 0)
    return actual != NULL && baseline != NULL && atoi (actual) == atoi (baseline) + 1;

  return g_strcmp0 (actual, expected) == 0;
}

/*
 * stage_compare: (skip)
 * @way: how the child was launched, for messages
 * @actual: what it has found
 *
 * Fails the test where that is neither as without attributes nor as they want it.
 */
void
stage_compare (const Stage *stage,
               const char  *way,
               GHashTable  *actual)
{
  g_autoptr (GHashTable) keys = g_hash_table_new (g_str_hash, g_str_equal);
  GHashTable *const tables[] = { stage->baseline, stage->changes, actual };
  GHashTableIter iter;
  gpointer key;

  for (guint i = 0; i < G_N_ELEMENTS (tables); i++)
    {
      g_hash_table_iter_init (&iter, tables[i]);
      while (g_hash_table_iter_next (&iter, &key, NULL))
        g_hash_table_add (keys, key);
    }

  g_hash_table_iter_init (&iter, keys);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    {
      const char *baseline = g_hash_table_lookup (stage->baseline, key);
      const char *expected = baseline;
      const char *value = g_hash_table_lookup (actual, key);

      if (g_hash_table_contains (stage->changes, key))
        expected = g_hash_table_lookup (stage->changes, key);
      if (!is_as_expected (expected, baseline, value))
        {
          g_test_message ("%s: %s is “%s”, not “%s”", way, (char *) key, value,
                          expected != NULL ? expected : "absent");
          g_test_fail ();
        }
    }
}
