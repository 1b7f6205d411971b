/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Prints the tables of faults as they are read: what is expected, of which call, by whom. */
#include "fault-pages.h"

#include <errno.h>
#include <string.h>

#include "fault-judge.h"

static const char *const engine_names[GSPAWN_N_ENGINES] = { "clone", "posix_spawn", "fork" };

static void
append_word (GString    *text,
             const char *word)
{
  if (text->len > 0)
    g_string_append (text, ", ");
  g_string_append (text, word);
}

static char *
describe_engines (guint mask)
{
  GString *text = g_string_new (NULL);

  if (mask == (1u << GSPAWN_N_ENGINES) - 1)
    g_string_append (text, "all");
  else
    for (guint i = 0; i < GSPAWN_N_ENGINES; i++)
      if ((mask & 1u << i) != 0)
        append_word (text, engine_names[i]);

  return g_string_free (text, FALSE);
}

static char *
describe_roles (guint mask)
{
  GString *text = g_string_new (NULL);

  if (mask == (1u << N_FAULT_ROLES) - 1)
    g_string_append (text, "anyone");
  else
    for (guint i = 0; i < N_FAULT_ROLES; i++)
      if ((mask & 1u << i) != 0)
        append_word (text, fault_role_get_name (i));

  return g_string_free (text, FALSE);
}

static char *
describe_errnos (const FaultRow *row)
{
  GString *text = g_string_new (NULL);

  for (const int *error_number = row->errnos; *error_number != 0; error_number++)
    append_word (text, strerrorname_np (*error_number));
  if (text->len == 0)
    g_string_append (text, "none");

  return g_string_free (text, FALSE);
}

/* What the call is for, and when. */
static char *
describe_call (const FaultRow *row)
{
  GString *text = g_string_new (NULL);

  if (row->use == USE_UNKNOWN)
    g_string_append (text, "any");
  else
    g_string_append_printf (text, "`%s`", fault_use_get_name (row->use));
  if (row->after != USE_ANYTHING)
    g_string_append_printf (text, " after `%s`", fault_use_get_name (row->after));
  if (row->nth != 0)
    g_string_append_printf (text, ", number %u", row->nth);
  if (row->parentage != PARENTAGE_ANY)
    g_string_append (text, row->parentage == PARENTAGE_NOBODY ? ", nobody's child"
                                                              : ", the caller's child");
  if (row->shapes != NULL)
    g_string_append_printf (text, " (%s)", row->shapes);

  return g_string_free (text, FALSE);
}

static char *
describe_outcome (const FaultRow *row)
{
  g_autofree char *error = row->error != ERROR_NONE ? fault_error_describe (row->error) : NULL;

  switch (row->kind)
    {
    case OUTCOME_NONE:
      return g_strdup ("cannot happen");
    case OUTCOME_SAME:
      return g_strdup ("no effect");
    case OUTCOME_AGAIN:
      return g_strdup ("no effect: repeated");
    case OUTCOME_OTHER:
      return g_strdup_printf ("fallback: %s", fault_use_get_name (row->other));
    case OUTCOME_NEXT:
      return g_strdup_printf ("fallback: the next candidate; after the last error %s", error);
    case OUTCOME_SHELL:
      return g_strdup ("fallback: `/bin/sh`");
    case OUTCOME_MESSAGE:
      return g_strdup ("no effect, but a message in the log");
    case OUTCOME_LOST_STATUS:
      return g_strdup ("success without a wait status");
    case OUTCOME_ERROR:
      return row->reported != 0
             ? g_strdup_printf ("error %s (%s)", error, strerrorname_np (row->reported))
             : g_strdup_printf ("error %s", error);
    case OUTCOME_LOST_PID:
      return g_strdup_printf ("error %s, though the program was executed", error);
    case OUTCOME_CLEAN:
      return g_strdup ("no effect, or an error that names the errno");
    case OUTCOME_WITHOUT:
      return g_strdup_printf ("started without `%s`", gspawn_attribute_get_name (row->attribute));
    case OUTCOME_CANCELLED:
      return g_strdup ("the launch is cancelled, and no process left");
    case OUTCOME_KILLED:
      return g_strdup ("success; the process has ended by the signal");
    default:
      g_assert_not_reached ();
    }
}

static void
print_row (const FaultRow *row,
           gboolean        has_errnos)
{
  g_autofree char *call = describe_call (row);
  g_autofree char *roles = describe_roles (row->roles);
  g_autofree char *engines = describe_engines (row->engines);
  g_autofree char *errnos = describe_errnos (row);
  g_autofree char *outcome = describe_outcome (row);

  if (has_errnos)
    g_print ("| %s | %s | %s | %s | %s | %s |\n", call, roles, engines, errnos, outcome,
             row->reason);
  else
    g_print ("| %s | %s | %s | %s | %s |\n", roles, call, engines, outcome, row->reason);
}

/* Writes to standard output. */
void
fault_pages_print (void)
{
  g_print ("| Call | By | Engines | Errors | Outcome | Why |\n|---|---|---|---|---|---|\n");
  for (const FaultRow *row = fault_rows; row->reason != NULL; row++)
    print_row (row, TRUE);

  g_print ("\n| Killed | Before | Engines | Outcome | Why |\n|---|---|---|---|---|\n");
  for (const FaultRow *row = fault_kill_rows; row->reason != NULL; row++)
    print_row (row, FALSE);

  g_print ("\n| Cancelled | Before | Engines | Outcome | Why |\n|---|---|---|---|---|\n");
  for (const FaultRow *row = fault_cancel_rows; row->reason != NULL; row++)
    print_row (row, FALSE);

  g_print ("\n| Request | What it is |\n|---|---|\n");
  for (const FaultShape *shape = fault_shapes; shape->name != NULL; shape++)
    g_print ("| `%s` | %s |\n", shape->name, shape->summary);
}
