/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Launches that nobody waits for, of both kinds: what comes of them, cancellation, whom they
 * outlive, and what others may do to them meanwhile.
 * The cases are those of the tables in pending-*.c. */

#include "pending-stage.h"

#include <pthread.h>

#include "runner.h"

static void *
end_by_cancellation (void *data)
{
  pthread_cancel (pthread_self ());
  pthread_testcancel ();

  return data;
}

/* libc has a handler of its own from the first of them on. */
static void
use_cancellation (void)
{
  pthread_t thread;

  g_assert_cmpint (pthread_create (&thread, NULL, end_by_cancellation, NULL), ==, 0);
  g_assert_cmpint (pthread_join (thread, NULL), ==, 0);
}

int
main (int    argc,
      char **argv)
{
  static const Case *const tables[] = {
    pending_result_cases, pending_cancel_cases, pending_life_cases, pending_harm_cases, NULL
  };
  static const CaseList pending = {
    .noun = "pending", .tables = tables, .prepare = use_cancellation
  };

  return runner_main (argc, argv, &pending);
}
