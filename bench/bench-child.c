/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/*
 * The program that the benchmarks start.
 *
 * It exits at once, or keeps its processor busy for as many microseconds as its first argument
 * says.  Must stay tiny and use no library: what it costs to load is not what is measured.
 */
#include "bench-child.h"

static long long
parse_number (const char *digits)
{
  long long number = 0;

  for (; *digits >= '0' && *digits <= '9'; digits++)
    number = number * 10 + (*digits - '0');

  return number;
}

int
bench_child_main (long   argc,
                  char **argv)
{
  long long deadline;

  if (argc > 1)
    {
      deadline = bench_child_clock () + parse_number (argv[1]) * 1000;
      while (bench_child_clock () < deadline)
        continue;
    }

  return BENCH_CHILD_STATUS;
}
