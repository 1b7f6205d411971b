/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/*
 * Entry and clock of the benchmarks' child on machines that have no assembly file here.
 */
#include "bench-child.h"

#include <time.h>

long long
bench_child_clock (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);

  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

int
main (int    argc,
      char **argv)
{
  return bench_child_main (argc, argv);
}
