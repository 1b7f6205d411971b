/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "bench-scenario.h"

G_BEGIN_DECLS

typedef enum {
  BENCH_TARGET_REACHED,
  BENCH_TARGET_MISSED,
  BENCH_TARGET_NOT_MEASURED,
} BenchVerdict;

typedef struct {
  BenchWayId way;
  guint      resident_mib;
} BenchCell;

typedef enum {
  BENCH_RATIO_AT_MOST,        /* of the times of the callers, p50 */
  BENCH_RATIO_AT_LEAST,
  BENCH_CPU_RATIO_AT_MOST,    /* of the times for which the callers were running, p50 */
  BENCH_FAULTS_AT_MOST,       /* difference of the page faults after the launch, p50 */
  BENCH_GROWTH_AT_MOST,       /* difference of what the address space grew by, KiB */
} BenchMeasure;

typedef struct {
  const char      *title;
  BenchScenarioId  scenario;
  BenchMeasure     measure;
  BenchCell        measured;
  BenchCell        against;
  double           limit;
} BenchTarget;

#define BENCH_N_TARGETS 26

extern const BenchTarget bench_targets[BENCH_N_TARGETS];

/* Whether its scenario is among the results, of BenchResult. */
gboolean     bench_target_is_relevant (const BenchTarget *target,
                                       GPtrArray         *results);

/* For a relevant one; value is set unless the target was not measured. */
BenchVerdict bench_target_judge       (const BenchTarget *target,
                                       GPtrArray         *results,
                                       double            *value);

const char  *bench_verdict_get_name   (BenchVerdict       verdict);

/* "at most 1.15" */
char        *bench_target_get_limit   (const BenchTarget *target);

G_END_DECLS
