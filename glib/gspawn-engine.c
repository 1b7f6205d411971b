/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * What the engines have in common on the parent's side. */
#include "config.h"

#include "gspawn-child-private.h"
#include "gspawn-engine-private.h"

gboolean
_gspawn_failure_set (GSpawnFailure *failure,
                     GSpawnStage    stage,
                     int            error_number)
{
  failure->stage = stage;
  failure->error_number = error_number;

  return FALSE;
}

/* Room for the shell, the file, the arguments after the first, and the end. */
const char **
_gspawn_shell_argv_new (const GSpawnPlan *plan)
{
  return g_new (const char *, plan->argc + 3);
}

/* All memory of a launch is made here, for the child can make none. */
void
_gspawn_child_init (GSpawnChild      *child,
                    const GSpawnPlan *plan)
{
  *child = (GSpawnChild) { .plan = plan, .report_fd = -1 };
  child->slots = g_new (int, plan->n_slots);
  child->shell_argv = _gspawn_shell_argv_new (plan);
}

void
_gspawn_child_clear (GSpawnChild *child)
{
  g_free (child->slots);
  g_free (child->shell_argv);
}
