/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* The contract of g_spawn_*(), point by point, on every engine; and against the system's GLib,
 * where exactly the cases that are marked in the tables must fail. A case is named after the
 * point of the contract that it belongs to.
 *
 * GLib goes over posix_spawn() where G_SPAWN_LEAVE_DESCRIPTORS_OPEN lets it, so what that route of
 * its gets wrong is asked in the cases that end in "left-open"; what its fork route gets wrong with
 * standard streams closed is in those that begin with "closed". */

#include "contract.h"
#include "runner.h"

static const Case *const tables[] = {
  surface_cases,
  preconditions_cases,
  flags_cases,
  order_cases,
  streams_cases,
  fdmap_cases,
  search_cases,
  errors_cases,
  limits_cases,
  parent_cases,
  sync_cases,
  closed_cases,
  threads_cases,
  NULL
};

static const CaseList contract = {
  .noun = "contract",
  .tables = tables,
  .glib_series = "2.74.",
  .emulator_limits = contract_emulator_limits,
};

int
main (int    argc,
      char **argv)
{
  return runner_main (argc, argv, &contract);
}
