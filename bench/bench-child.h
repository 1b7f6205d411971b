/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/*
 * What bench-child.c and the file that enters it agree on.  Self-contained: the child is built
 * without a C library where the machine's entry is known.
 */
#pragma once

/* Not 0, 1 or 127, so that no shell, no loader and no failed exec is taken for the program. */
#define BENCH_CHILD_STATUS 42

int       bench_child_main  (long        argc,
                             char      **argv);

/* Monotonic time in nanoseconds. */
long long bench_child_clock (void);
