/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* A library to load and unload: with a constructor, and data that each thread has for itself. */

int concurrency_module_count (void);

static __thread int count = 1;
static int constructed = 0;

__attribute__ ((constructor)) static void
construct (void)
{
  constructed = 1;
}

__attribute__ ((visibility ("default"))) int
concurrency_module_count (void)
{
  return constructed + count;
}
