/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "bench-series.h"

G_BEGIN_DECLS

/* Resident sizes in MiB that targets speak of. */
#define BENCH_SMALL 8
#define BENCH_LARGE 1024
#define BENCH_HUGE 2048

typedef enum {
  BENCH_SCENARIO_LAUNCH,
  BENCH_SCENARIO_FORK,
  BENCH_SCENARIO_REAPED,
  BENCH_SCENARIO_FAULTS,
  BENCH_SCENARIO_DESCRIPTORS,
  BENCH_SCENARIO_SEARCH,
  BENCH_SCENARIO_ATTRIBUTES,
  BENCH_SCENARIO_CALLBACK,
  BENCH_SCENARIO_TEMPLATE,
  BENCH_SCENARIO_ASYNCHRONOUS,
  BENCH_SCENARIO_IN_FLIGHT,
} BenchScenarioId;

#define BENCH_N_SCENARIOS 11

typedef struct {
  const char *name;
  const char *title;
  guint       sizes[3];       /* MiB; 0 for none */
  BenchWayId  ways[BENCH_N_WAYS];
  guint       n_ways;
  guint       rounds;
  guint       samples;        /* of one way in one round, at most */
  guint       budget;         /* milliseconds for one way in one round */
  guint       descriptors;
  guint       directories;
  guint       variables;
  guint       busy;
  guint       in_flight;
  gboolean    retouch;
} BenchScenario;

extern const BenchScenario bench_scenarios[BENCH_N_SCENARIOS];

/* What the command line adds to a scenario. */
typedef struct {
  const char *program;        /* of the workers */
  const char *dropin;
  const char *child;
  BenchPages  pages;
  int         cpu;
  guint       largest;        /* sizes above this are left out */
  guint       rounds;         /* 0: what the scenario says */
  guint       ways;           /* bit mask of those that are not left out */
  gboolean    progress;
} BenchOptions;

typedef struct {
  const BenchScenario *scenario;
  GPtrArray           *series;        /* of BenchSeries */
  guint                descriptors;   /* that the workers could open */
  guint64              huge_kib;      /* the most that any worker had in huge pages */
} BenchResult;

BenchResult *bench_scenario_run (const BenchScenario  *scenario,
                                 const BenchOptions   *options,
                                 GError              **error);
void         bench_result_free  (BenchResult          *result);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BenchResult, bench_result_free)

G_END_DECLS
