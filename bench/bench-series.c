/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/*
 * The samples of one way at one size, and what is derived from them.
 */
#include "bench-series.h"

#include <stdlib.h>

BenchSeries *
bench_series_new (BenchWayId way,
                  guint      resident_mib)
{
  BenchSeries *series = g_new0 (BenchSeries, 1);

  series->way = way;
  series->resident_mib = resident_mib;
  series->samples = g_array_new (FALSE, FALSE, sizeof (BenchSample));

  return series;
}

void
bench_series_free (BenchSeries *series)
{
  g_array_unref (series->samples);
  g_free (series);
}

static guint64
get_value (const BenchSample *sample,
           BenchQuantity      quantity)
{
  const guint64 values[] = {
    [BENCH_NANOSECONDS] = sample->nanoseconds,
    [BENCH_CPU_NANOSECONDS] = sample->cpu_nanoseconds,
    [BENCH_FAULTS_DURING] = sample->faults_during,
    [BENCH_FAULTS_AFTER] = sample->faults_after,
  };

  return values[quantity];
}

static int
compare_values (gconstpointer a,
                gconstpointer b)
{
  const guint64 x = *(const guint64 *) a;
  const guint64 y = *(const guint64 *) b;

  return (x > y) - (x < y);
}

double
bench_series_get_percentile (const BenchSeries *series,
                             BenchQuantity      quantity,
                             guint              percent)
{
  g_autofree guint64 *values = g_new (guint64, series->samples->len);
  guint count = series->samples->len;
  guint i;

  g_assert (count > 0 && percent <= 100);

  for (i = 0; i < count; i++)
    values[i] = get_value (&g_array_index (series->samples, BenchSample, i), quantity);
  qsort (values, count, sizeof *values, compare_values);

  return (double) values[MIN (count - 1, count * percent / 100)];
}

const BenchSeries *
bench_series_find (GPtrArray  *list,
                   BenchWayId  way,
                   guint       resident_mib)
{
  guint i;

  for (i = 0; i < list->len; i++)
    {
      const BenchSeries *series = g_ptr_array_index (list, i);

      if (series->way == way && series->resident_mib == resident_mib)
        return series;
    }

  return NULL;
}
