/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Declarative attributes, on every engine and in GLib's own forked child: the tables of
 * attribute-rows.c, attribute-confinement.c, attribute-combinations.c and attribute-failures.c, and
 * cases that are more than a row. */

#include "attribute-cases.h"
#include "runner.h"

static GArray *row_cases;

static void
add_case (const AttributeRow *row)
{
  const Case the_case = {
    .name = row->name,
    .run_data = stage_run_row,
    .data = row,
    .needs = row->needs,
    /* On an engine, the ways without GLib's fork are left. */
    .engines_only = (row->flags & STAGE_NOT_GLIB) != 0,
  };

  g_array_append_val (row_cases, the_case);
}

static void
add_rows (const AttributeRow *rows)
{
  for (const AttributeRow *row = rows; row->name != NULL; row++)
    add_case (row);
}

/* What fails the launch is left out where it is optional. */
static void
add_optional_rows (const AttributeRow *rows)
{
  for (const AttributeRow *row = rows; row->name != NULL; row++)
    {
      AttributeRow *optional = g_memdup2 (row, sizeof *row);

      optional->name = g_strconcat (row->name, "-optional", NULL);
      optional->flags = (row->flags & ~STAGE_FAILS) | STAGE_OPTIONAL;
      add_case (optional);
    }
}

int
main (int    argc,
      char **argv)
{
  static const Case *tables[] = {
    NULL, attribute_object_cases, attribute_life_cases, attribute_credentials_cases,
    attribute_memory_cases, attribute_traced_cases, NULL,
  };
  static const CaseList attributes = {
    .noun = "attributes",
    .tables = tables,
    .prepare = stage_start_worker,
    .has_worker = TRUE,
    .glib_series = "",
  };

  row_cases = g_array_new (TRUE, TRUE, sizeof (Case));
  add_rows (attribute_rows);
  add_rows (attribute_confinement);
  add_rows (attribute_combinations);
  add_rows (attribute_failures);
  add_optional_rows (attribute_failures);
  tables[0] = (const Case *) (gpointer) row_cases->data;

  return runner_main (argc, argv, &attributes);
}
