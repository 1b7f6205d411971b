/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "bench-worker.h"

G_BEGIN_DECLS

typedef struct {
  BenchWayId  way;
  guint       resident_mib;
  GArray     *samples;          /* of BenchSample */
  guint       peak_growth_kib;
} BenchSeries;

typedef enum {
  BENCH_NANOSECONDS,
  BENCH_CPU_NANOSECONDS,
  BENCH_FAULTS_DURING,
  BENCH_FAULTS_AFTER,
} BenchQuantity;

BenchSeries *bench_series_new            (BenchWayId         way,
                                          guint              resident_mib);
void         bench_series_free           (BenchSeries       *series);

/* The value that so many per cent of the samples do not exceed. */
double       bench_series_get_percentile (const BenchSeries *series,
                                          BenchQuantity      quantity,
                                          guint              percent);

/* NULL if it was not measured. */
const BenchSeries *bench_series_find     (GPtrArray         *list,
                                          BenchWayId         way,
                                          guint              resident_mib);

G_END_DECLS
