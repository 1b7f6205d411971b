/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define BENCH_N_FACTS 7

typedef struct {
  const char *name;
  char       *value;
} BenchFact;

/* What a reader must know of the machine to make something of the figures. */
void bench_machine_describe (BenchFact facts[BENCH_N_FACTS]);

G_END_DECLS
