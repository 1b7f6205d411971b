/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Fuzzes what a plan does to descriptors: its operations, carried out on a table of numbers, must
 * give the program exactly the table that the request means. */

#include "fd-model.h"
#include "gspawn-plan-private.h"

int
LLVMFuzzerTestOneInput (const guint8 *bytes,
                        gsize         length)
{
  static const char *const argv[] = { "program", NULL };
  FuzzInput input = { bytes, length };
  GSpawnRequest request = { .argv = argv };
  g_autoptr (GSpawnPlan) plan = NULL;
  FdExpectation expectation;
  GSpawnFailure failure;
  FdTable table;
  FuzzFds fds;

  fuzz_init ();
  fuzz_fds_init (&fds, &input);
  fuzz_fds_apply (&fds, &request);
  fd_table_init (&table, &input);

  expectation = fd_contract_expect (&request, fds.pipe_fds, &table);
  plan = _gspawn_plan_new (&request, fds.pipe_fds);
  failure = fd_operations_run (plan, &table);
  fd_contract_check (&expectation, plan, &table, &failure);

  fuzz_fds_clear (&fds);
  return 0;
}
