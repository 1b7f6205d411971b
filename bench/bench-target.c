/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/*
 * The figures that gspawn promises, as ratios of ways that were measured in turn in one run.
 */
#include "bench-target.h"

const BenchTarget bench_targets[BENCH_N_TARGETS] = {
  { "clone engine, closing descriptors : bare vfork, 8 MiB", BENCH_SCENARIO_LAUNCH,
    BENCH_RATIO_AT_MOST, { BENCH_WAY_OURS_CLONE_CLOSING, BENCH_SMALL },
    { BENCH_WAY_VFORK, BENCH_SMALL }, 1.15 },
  { "clone engine, closing descriptors : bare vfork, 1 GiB", BENCH_SCENARIO_LAUNCH,
    BENCH_RATIO_AT_MOST, { BENCH_WAY_OURS_CLONE_CLOSING, BENCH_LARGE },
    { BENCH_WAY_VFORK, BENCH_LARGE }, 1.15 },
  { "clone engine : vfork with the same actions, 8 MiB", BENCH_SCENARIO_LAUNCH,
    BENCH_RATIO_AT_MOST, { BENCH_WAY_OURS_CLONE, BENCH_SMALL },
    { BENCH_WAY_VFORK_ACTIONS, BENCH_SMALL }, 1.1 },
  { "clone engine : libc's posix_spawn, 8 MiB", BENCH_SCENARIO_LAUNCH,
    BENCH_RATIO_AT_MOST, { BENCH_WAY_OURS_CLONE, BENCH_SMALL },
    { BENCH_WAY_POSIX_SPAWN, BENCH_SMALL }, 0.8 },
  { "clone engine : libc's posix_spawn, 1 GiB", BENCH_SCENARIO_LAUNCH,
    BENCH_RATIO_AT_MOST, { BENCH_WAY_OURS_CLONE, BENCH_LARGE },
    { BENCH_WAY_POSIX_SPAWN, BENCH_LARGE }, 0.8 },
  { "clone engine, 2 GiB : 8 MiB", BENCH_SCENARIO_LAUNCH,
    BENCH_RATIO_AT_MOST, { BENCH_WAY_OURS_CLONE, BENCH_HUGE },
    { BENCH_WAY_OURS_CLONE, BENCH_SMALL }, 1.2 },
  { "GLib's g_spawn_async : clone engine, 1 GiB", BENCH_SCENARIO_FORK,
    BENCH_RATIO_AT_LEAST, { BENCH_WAY_GLIB, BENCH_LARGE }, { BENCH_WAY_OURS_CLONE, BENCH_LARGE },
    100 },
  { "GSubprocess over GLib : clone engine, 1 GiB", BENCH_SCENARIO_FORK,
    BENCH_RATIO_AT_LEAST, { BENCH_WAY_GLIB_SUBPROCESS, BENCH_LARGE },
    { BENCH_WAY_OURS_CLONE, BENCH_LARGE }, 100 },
  { "GSubprocess, over GLib : over gspawn, 1 GiB", BENCH_SCENARIO_FORK,
    BENCH_RATIO_AT_LEAST, { BENCH_WAY_GLIB_SUBPROCESS, BENCH_LARGE },
    { BENCH_WAY_OURS_SUBPROCESS, BENCH_LARGE }, 100 },
  { "reaped : bare vfork, child busy for 5 ms, 8 MiB", BENCH_SCENARIO_REAPED,
    BENCH_RATIO_AT_MOST, { BENCH_WAY_OURS_REAPED, BENCH_SMALL },
    { BENCH_WAY_VFORK, BENCH_SMALL }, 2.2 },
  { "reaped : bare vfork, child busy for 5 ms, 1 GiB", BENCH_SCENARIO_REAPED,
    BENCH_RATIO_AT_MOST, { BENCH_WAY_OURS_REAPED, BENCH_LARGE },
    { BENCH_WAY_VFORK, BENCH_LARGE }, 2.2 },
  { "page faults after a launch, above those without one, 1 GiB", BENCH_SCENARIO_FAULTS,
    BENCH_FAULTS_AT_MOST, { BENCH_WAY_OURS_CLONE, BENCH_LARGE },
    { BENCH_WAY_CONTROL, BENCH_LARGE }, 0 },
  { "KiB allocated at 2 GiB above those at 8 MiB", BENCH_SCENARIO_LAUNCH,
    BENCH_GROWTH_AT_MOST, { BENCH_WAY_OURS_CLONE, BENCH_HUGE },
    { BENCH_WAY_OURS_CLONE, BENCH_SMALL }, 0 },
  { "attributes without a session : none, 8 MiB", BENCH_SCENARIO_ATTRIBUTES,
    BENCH_RATIO_AT_MOST, { BENCH_WAY_OURS_GROUP_ATTRIBUTES, BENCH_SMALL },
    { BENCH_WAY_OURS_CLONE, BENCH_SMALL }, 1.1 },
  { "attributes without a session : none, 1 GiB", BENCH_SCENARIO_ATTRIBUTES,
    BENCH_RATIO_AT_MOST, { BENCH_WAY_OURS_GROUP_ATTRIBUTES, BENCH_LARGE },
    { BENCH_WAY_OURS_CLONE, BENCH_LARGE }, 1.1 },
  { "attributes : vfork with the same calls, 8 MiB", BENCH_SCENARIO_ATTRIBUTES,
    BENCH_RATIO_AT_MOST, { BENCH_WAY_OURS_ATTRIBUTES, BENCH_SMALL },
    { BENCH_WAY_VFORK_ATTRIBUTES, BENCH_SMALL }, 1.1 },
  { "attributes : vfork with the same calls, 1 GiB", BENCH_SCENARIO_ATTRIBUTES,
    BENCH_RATIO_AT_MOST, { BENCH_WAY_OURS_ATTRIBUTES, BENCH_LARGE },
    { BENCH_WAY_VFORK_ATTRIBUTES, BENCH_LARGE }, 1.1 },
  { "GLib with a callback : attributes, 1 GiB", BENCH_SCENARIO_CALLBACK, BENCH_RATIO_AT_LEAST,
    { BENCH_WAY_GLIB_CALLBACK, BENCH_LARGE }, { BENCH_WAY_OURS_ATTRIBUTES, BENCH_LARGE }, 100 },
  { "template : g_spawn_async_with_pipes, caller's CPU", BENCH_SCENARIO_TEMPLATE,
    BENCH_CPU_RATIO_AT_MOST, { BENCH_WAY_TEMPLATE, BENCH_SMALL },
    { BENCH_WAY_OURS_PIPES, BENCH_SMALL }, 0.85 },
  { "begin, asynchronous kind : bare vfork, 8 MiB", BENCH_SCENARIO_ASYNCHRONOUS,
    BENCH_RATIO_AT_MOST, { BENCH_WAY_BEGIN_ASYNCHRONOUS, BENCH_SMALL },
    { BENCH_WAY_VFORK, BENCH_SMALL }, 0.5 },
  { "begin, asynchronous kind : bare vfork, 1 GiB", BENCH_SCENARIO_ASYNCHRONOUS,
    BENCH_RATIO_AT_MOST, { BENCH_WAY_BEGIN_ASYNCHRONOUS, BENCH_LARGE },
    { BENCH_WAY_VFORK, BENCH_LARGE }, 0.5 },
  { "launch_async, asynchronous kind : bare vfork, 8 MiB", BENCH_SCENARIO_ASYNCHRONOUS,
    BENCH_RATIO_AT_MOST, { BENCH_WAY_GIO_ASYNCHRONOUS, BENCH_SMALL },
    { BENCH_WAY_VFORK, BENCH_SMALL }, 0.5 },
  { "begin, worker kind : bare vfork, 8 MiB", BENCH_SCENARIO_ASYNCHRONOUS,
    BENCH_RATIO_AT_MOST, { BENCH_WAY_BEGIN_WORKER, BENCH_SMALL },
    { BENCH_WAY_VFORK, BENCH_SMALL }, 0.5 },
  { "begin, asynchronous kind, 64 in flight : bare vfork", BENCH_SCENARIO_IN_FLIGHT,
    BENCH_RATIO_AT_MOST, { BENCH_WAY_BEGIN_ASYNCHRONOUS, BENCH_SMALL },
    { BENCH_WAY_VFORK, BENCH_SMALL }, 0.5 },
  { "launch_async, 64 in flight : bare vfork", BENCH_SCENARIO_IN_FLIGHT,
    BENCH_RATIO_AT_MOST, { BENCH_WAY_GIO_ASYNCHRONOUS, BENCH_SMALL },
    { BENCH_WAY_VFORK, BENCH_SMALL }, 0.5 },
  { "begin, worker kind, 64 in flight : bare vfork", BENCH_SCENARIO_IN_FLIGHT,
    BENCH_RATIO_AT_MOST, { BENCH_WAY_BEGIN_WORKER, BENCH_SMALL },
    { BENCH_WAY_VFORK, BENCH_SMALL }, 0.5 },
};

static GPtrArray *
find_result (GPtrArray       *results,
             BenchScenarioId  scenario)
{
  guint i;

  for (i = 0; i < results->len; i++)
    {
      const BenchResult *result = g_ptr_array_index (results, i);

      if (result->scenario == &bench_scenarios[scenario])
        return result->series;
    }

  return NULL;
}

static double
get_value (const BenchTarget *target,
           const BenchSeries *measured,
           const BenchSeries *against)
{
  switch (target->measure)
    {
    case BENCH_FAULTS_AT_MOST:
      return bench_series_get_percentile (measured, BENCH_FAULTS_AFTER, 50)
             - bench_series_get_percentile (against, BENCH_FAULTS_AFTER, 50);

    case BENCH_GROWTH_AT_MOST:
      return (double) measured->peak_growth_kib - (double) against->peak_growth_kib;

    case BENCH_CPU_RATIO_AT_MOST:
      return bench_series_get_percentile (measured, BENCH_CPU_NANOSECONDS, 50)
             / bench_series_get_percentile (against, BENCH_CPU_NANOSECONDS, 50);

    case BENCH_RATIO_AT_MOST:
    case BENCH_RATIO_AT_LEAST:
    default:
      return bench_series_get_percentile (measured, BENCH_NANOSECONDS, 50)
             / bench_series_get_percentile (against, BENCH_NANOSECONDS, 50);
    }
}

gboolean
bench_target_is_relevant (const BenchTarget *target,
                          GPtrArray         *results)
{
  return find_result (results, target->scenario) != NULL;
}

BenchVerdict
bench_target_judge (const BenchTarget *target,
                    GPtrArray         *results,
                    double            *value)
{
  GPtrArray *list = find_result (results, target->scenario);
  const BenchSeries *measured;
  const BenchSeries *against;
  gboolean reached;

  measured = bench_series_find (list, target->measured.way, target->measured.resident_mib);
  against = bench_series_find (list, target->against.way, target->against.resident_mib);
  if (measured == NULL || against == NULL)
    return BENCH_TARGET_NOT_MEASURED;

  *value = get_value (target, measured, against);
  reached = target->measure == BENCH_RATIO_AT_LEAST ? *value >= target->limit
                                                    : *value <= target->limit;

  return reached ? BENCH_TARGET_REACHED : BENCH_TARGET_MISSED;
}

const char *
bench_verdict_get_name (BenchVerdict verdict)
{
  static const char * const names[] = {
    [BENCH_TARGET_REACHED] = "reached",
    [BENCH_TARGET_MISSED] = "missed",
    [BENCH_TARGET_NOT_MEASURED] = "not measured",
  };

  return names[verdict];
}

char *
bench_target_get_limit (const BenchTarget *target)
{
  return g_strdup_printf ("%s %g",
                          target->measure == BENCH_RATIO_AT_LEAST ? "at least" : "at most",
                          target->limit);
}
