/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* A child setup function of a real program: what the survey noted of it. Must not start
 * anything. */

#include "child-setup.h"

#include <string.h>

#define HEADING "program,where,function,operations,call_sites"
/* Only the second column may be quoted. */
#define PATTERN "^([^,\"]+),(?:\"([^\"]*)\"|([^,\"]*)),([^,\"]*),([^,\"]+),([0-9]+)$"

static void
child_setup_free (gpointer data)
{
  ChildSetup *setup = data;

  g_free (setup->program);
  g_free (setup->where);
  g_free (setup->function);
  g_strfreev (setup->operations);
  g_free (setup);
}

static ChildSetup *
parse_line (const GRegex  *pattern,
            const char    *line,
            GError       **error)
{
  g_autoptr (GMatchInfo) match = NULL;
  g_autofree char *operations = NULL;
  g_autofree char *call_sites = NULL;
  ChildSetup *setup;

  if (!g_regex_match (pattern, line, 0, &match))
    {
      g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "Not a row: %s", line);
      return NULL;
    }

  operations = g_match_info_fetch (match, 5);
  call_sites = g_match_info_fetch (match, 6);
  setup = g_new0 (ChildSetup, 1);
  setup->program = g_match_info_fetch (match, 1);
  setup->where = g_match_info_fetch (match, 2);
  if (*setup->where == '\0')
    {
      g_free (setup->where);
      setup->where = g_match_info_fetch (match, 3);
    }
  setup->function = g_match_info_fetch (match, 4);
  setup->operations = g_strsplit (operations, " ", -1);
  setup->n_call_sites = (guint) g_ascii_strtoull (call_sites, NULL, 10);

  return setup;
}

/*
 * child_setup_load: (skip)
 * @file: the survey
 *
 * Returns: (transfer full) (element-type ChildSetup) (nullable): its rows
 */
GPtrArray *
child_setup_load (const char  *file,
                  GError     **error)
{
  g_autoptr (GPtrArray) setups = g_ptr_array_new_with_free_func (child_setup_free);
  g_autoptr (GRegex) pattern = g_regex_new (PATTERN, 0, 0, NULL);
  g_autofree char *contents = NULL;
  g_auto (GStrv) lines = NULL;

  if (!g_file_get_contents (file, &contents, NULL, error))
    return NULL;

  lines = g_strsplit (contents, "\n", -1);
  g_assert_cmpstr (lines[0], ==, HEADING);
  for (guint i = 1; lines[i] != NULL && *lines[i] != '\0'; i++)
    {
      ChildSetup *setup = parse_line (pattern, lines[i], error);

      if (setup == NULL)
        return NULL;
      g_ptr_array_add (setups, setup);
    }

  return g_steal_pointer (&setups);
}

/*
 * child_setup_get_missing: (skip)
 *
 * Returns: (nullable): an operation of the function that nothing stands for wholly
 */
const ChildSetupOperation *
child_setup_get_missing (const ChildSetup *setup)
{
  guint n_operations;
  const ChildSetupOperation *operations = child_setup_operations (&n_operations);

  for (guint i = 0; i < n_operations; i++)
    if (operations[i].reason != NULL &&
        g_strv_contains ((const char *const *) setup->operations, operations[i].code))
      return &operations[i];

  return NULL;
}
