/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Reads what the processes of a run have written, and takes out of it what no two runs have in
 * common: process ids, inodes of pipes, the path of the scene. What is left can be compared as
 * text, and every key of it is compared but those that begin with "raw.". */

#include "differential-outcome.h"

#include <string.h>
#include <sys/wait.h>

#include "differential-attributes.h"
#include "differential-stage.h"
#include "report.h"

struct _Outcome {
  GTree *values;            /* key → value */
  const char *scene;
};

static int
compare_keys (gconstpointer a,
              gconstpointer b,
              gpointer      data G_GNUC_UNUSED)
{
  return strcmp (a, b);
}

static char *
without_scene (const Outcome *outcome,
               const char    *text)
{
  g_auto (GStrv) parts = g_strsplit (text, outcome->scene, -1);

  return g_strjoinv ("@", parts);
}

static void
set (Outcome    *outcome,
     const char *key,
     const char *value)
{
  g_tree_insert (outcome->values, g_strdup (key), without_scene (outcome, value));
}

const char *
outcome_get (const Outcome *outcome,
             const char    *key)
{
  return g_tree_lookup (outcome->values, key);
}

static char *
read_file (const Outcome *outcome,
           const char    *name)
{
  g_autofree char *path = g_build_filename (outcome->scene, name, NULL);
  char *text = NULL;
  g_autoptr (GError) error = NULL;

  if (!g_file_get_contents (path, &text, NULL, &error))
    g_error ("%s", error->message);

  return text;
}

static void
add_caller (Outcome *outcome)
{
  g_autofree char *text = read_file (outcome, SCENE_OUTCOME);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  for (char **line = lines; *line != NULL; line++)
    {
      g_auto (GStrv) sides = g_strsplit (*line, "=", 2);
      g_autofree char *value = sides[0] != NULL ? g_strcompress (sides[1]) : NULL;

      if (value != NULL)
        set (outcome, sides[0], value);
    }
}

static char *
describe_status (int status)
{
  if (WIFSIGNALED (status))
    return g_strdup_printf ("signal %d", WTERMSIG (status));

  return g_strdup_printf ("exit %d", WEXITSTATUS (status));
}

static gint64
get_raw (const Outcome *outcome,
         const char    *key)
{
  const char *text = outcome_get (outcome, key);

  return text != NULL ? g_ascii_strtoll (text, NULL, 10) : -1;
}

static void
add_ending (Outcome      *outcome,
            const Ending *ending)
{
  g_autofree char *end = ending->timed_out ? g_strdup ("never")
                                           : describe_status (ending->status);
  gint64 pid = get_raw (outcome, "raw.pid");
  gpointer orphan;

  set (outcome, "caller.end", end);
  if (pid > 0 && !ending->may_vanish &&
      g_hash_table_lookup_extended (ending->orphans, GINT_TO_POINTER (pid), NULL, &orphan))
    {
      g_autofree char *status = describe_status (GPOINTER_TO_INT (orphan));

      set (outcome, "orphan", status);
    }
}

static void
add_files (Outcome *outcome)
{
  static const char *const names[] = {
    SCENE_OUTPUT, SCENE_ERRORS, SCENE_LOOK, "four", "five", "six", "seven",
  };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *text = read_file (outcome, names[i]);
      g_autofree char *key = g_strdup_printf ("file.%s", names[i]);

      set (outcome, key, text);
    }
}

static char *
name_pipe (const Outcome *outcome,
           gint64         inode)
{
  for (int i = 0; i < 3; i++)
    {
      g_autofree char *key = g_strdup_printf ("raw.pipe-%d", i);

      if (get_raw (outcome, key) == inode)
        return g_strdup_printf ("pipe %d", i);
    }

  return g_strdup ("some pipe");
}

static void
add_descriptor (Outcome    *outcome,
                GKeyFile   *report,
                const char *group)
{
  g_autofree char *type = report_get_text (report, group, "type");
  g_autofree char *access = report_get_text (report, group, "access");
  g_autofree char *link = report_get_text (report, group, "link");
  g_autofree char *name = NULL;
  g_autofree char *value = NULL;
  g_autofree char *key = g_strdup_printf ("child.%s", group);

  name = g_str_equal (type, "pipe") ? name_pipe (outcome, report_get_int (report, group, "inode"))
                                    : g_strdup (link);
  value = g_strdup_printf ("%s: %s%s%s%s", name, access,
                           report_get_int (report, group, "append") == 1 ? " append" : "",
                           report_get_int (report, group, "nonblock") == 1 ? " nonblock" : "",
                           report_get_int (report, group, "cloexec") == 1 ? " cloexec" : "");
  set (outcome, key, value);
}

static const char *
name_process (const Outcome *outcome,
              const Ending  *ending,
              gint64         pid)
{
  if (pid == ending->caller)
    return "caller";

  return pid > 0 && pid == get_raw (outcome, "raw.pid") ? "itself" : "another";
}

/* A pid is another one in each run. */
static gboolean
is_own_pid (const char *text,
            gint64      pid)
{
  g_autofree char *own = g_strdup_printf (ATTRIBUTES_PID_VARIABLE "=%" G_GINT64_FORMAT, pid);

  return g_str_equal (text, own);
}

/* The one that is no part of the comparison: each run has another. */
static gboolean
is_engine_entry (const char *text)
{
  return g_str_has_prefix (text, "GSPAWN_ENGINE=");
}

static void
add_signals (Outcome    *outcome,
             GKeyFile   *report,
             const char *key)
{
  guint64 signals = report_get_signals (report, key);

  for (int number = 1; number <= 64; number++)
    {
      g_autofree char *name = g_strdup_printf ("child.signals.%s-%d", key, number);

      if ((signals >> (number - 1)) & 1)
        set (outcome, name, "yes");
    }
}

static void
add_value (Outcome      *outcome,
           const Ending *ending,
           GKeyFile     *report,
           const char   *group,
           const char   *key)
{
  static const char *const ids[] = { "pid", "ppid", "pgid", "sid", NULL };
  g_autofree char *name = g_strdup_printf ("child.%s.%s", group, key);
  g_autofree char *value = report_get_text (report, group, key);

  if (g_str_equal (group, "signals"))
    add_signals (outcome, report, key);
  else if (g_str_equal (group, "process") && g_strv_contains (ids, key))
    set (outcome, name, name_process (outcome, ending, report_get_int (report, group, key)));
  else if (g_str_equal (group, "environment") && is_engine_entry (value))
    set (outcome, name, "GSPAWN_ENGINE");
  else if (g_str_equal (group, "environment") &&
           is_own_pid (value, report_get_int (report, "process", "pid")))
    set (outcome, name, "its own pid");
  else if ((!g_str_equal (group, "directory") || g_str_equal (key, "path")) &&
           !g_str_equal (group, "descriptors"))
    set (outcome, name, value);
}

static void
add_report (Outcome      *outcome,
            const Ending *ending)
{
  g_autofree char *text = read_file (outcome, SCENE_REPORT);
  g_autoptr (GKeyFile) report = g_key_file_new ();
  g_auto (GStrv) groups = NULL;

  if (*text == '\0')
    return;
  if (!g_key_file_load_from_data (report, text, -1, G_KEY_FILE_NONE, NULL))
    {
      set (outcome, "child", text);
      return;
    }

  set (outcome, "child", "reported");
  groups = g_key_file_get_groups (report, NULL);
  for (char **group = groups; *group != NULL; group++)
    {
      g_auto (GStrv) keys = g_key_file_get_keys (report, *group, NULL, NULL);

      if (g_str_has_prefix (*group, "descriptor "))
        add_descriptor (outcome, report, *group);
      for (char **key = keys; *key != NULL && !g_str_has_prefix (*group, "descriptor "); key++)
        add_value (outcome, ending, report, *group, *key);
    }
}

static void
add_trace (Outcome *outcome)
{
  g_autofree char *text = read_file (outcome, SCENE_TRACE);

  set (outcome, "raw.trace", text);
}

/*
 * outcome_new: (skip)
 * @scene: the scene; it has to outlive the outcome
 * @ending: how the processes ended
 *
 * Returns: (transfer full): all there is to say about the run
 */
Outcome *
outcome_new (const char   *scene,
             const Ending *ending)
{
  Outcome *outcome = g_new0 (Outcome, 1);

  outcome->values = g_tree_new_full (compare_keys, NULL, g_free, g_free);
  outcome->scene = scene;
  add_caller (outcome);
  add_ending (outcome, ending);
  add_files (outcome);
  add_report (outcome, ending);
  add_trace (outcome);

  return outcome;
}

typedef struct {
  const Outcome *other;
  gboolean both;            /* also the keys that the other has */
  GPtrArray *keys;
} Comparison;

static gboolean
compare_value (gpointer key,
               gpointer value,
               gpointer data)
{
  Comparison *comparison = data;
  const char *other = outcome_get (comparison->other, key);

  if (g_str_has_prefix (key, "raw."))
    return FALSE;
  /* Of a report that only one has it is enough to say so. */
  if (g_str_has_prefix (key, "child.") && outcome_get (comparison->other, "child") == NULL)
    return FALSE;
  if (other == NULL || (comparison->both && !g_str_equal (value, other)))
    g_ptr_array_add (comparison->keys, g_strdup (key));

  return FALSE;
}

/*
 * outcome_diff: (skip)
 *
 * Returns: (transfer full) (element-type utf8): the keys under which the two have different values
 */
GPtrArray *
outcome_diff (const Outcome *one,
              const Outcome *other)
{
  Comparison comparison = { other, TRUE, g_ptr_array_new_with_free_func (g_free) };

  g_tree_foreach (one->values, compare_value, &comparison);
  comparison.other = one;
  comparison.both = FALSE;
  g_tree_foreach (other->values, compare_value, &comparison);

  return comparison.keys;
}

static gboolean
print_value (gpointer key,
             gpointer value,
             gpointer data)
{
  g_autofree char *escaped = g_strescape (value, NULL);

  g_string_append_printf (data, "%s = %.300s\n", (char *) key, escaped);

  return FALSE;
}

char *
outcome_print (const Outcome *outcome)
{
  GString *text = g_string_new (NULL);

  g_tree_foreach (outcome->values, print_value, text);

  return g_string_free (text, FALSE);
}

void
outcome_free (Outcome *outcome)
{
  g_tree_unref (outcome->values);
  g_free (outcome);
}
