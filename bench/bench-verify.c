/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/*
 * Proves from the trace that a host measures what its name says: that the drop-in took the calls
 * and which engine launched them, or that it had no hand in them.
 *
 * This is a worker of its own that ends before measuring begins: tracing costs time.
 */
#include "bench-verify.h"

#include <unistd.h>

#include "gspawn-trace-reader-private.h"

typedef struct {
  const char *engine;
  guint       n_records;
  char       *other;            /* an engine that took a call which was not its own */
} Tally;

static void
count_record (const GSpawnTraceRecord *record,
              gpointer                 user_data)
{
  Tally *tally = user_data;
  const char *engine = record->engine != NULL ? record->engine : "no";

  tally->n_records++;
  if (g_strcmp0 (engine, tally->engine) != 0 && tally->other == NULL)
    tally->other = g_strdup (engine);
}

static gboolean
judge (const Tally  *tally,
       guint         n_expected,
       GError      **error)
{
  if (tally->n_records != n_expected)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                 "%u calls were made for the drop-in, and it took %u", n_expected,
                 tally->n_records);
  else if (tally->other != NULL)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                 "The %s engine was asked for, and %s engine took a call", tally->engine,
                 tally->other);
  else
    return TRUE;

  return FALSE;
}

static gboolean
check_trace (const char  *trace,
             const char  *engine,
             guint        n_expected,
             GError     **error)
{
  Tally tally = { engine, 0, NULL };
  g_autoptr(GSpawnTraceReader) reader = _gspawn_trace_reader_new (count_record, &tally);
  g_autofree char *contents = NULL;
  gboolean valid;
  gsize length;

  if (!g_file_get_contents (trace, &contents, &length, error))
    return FALSE;

  _gspawn_trace_reader_push (reader, contents, length);
  _gspawn_trace_reader_finish (reader);
  valid = judge (&tally, n_expected, error);
  g_free (tally.other);

  return valid;
}

/* Two launches a way: the one sample asked for, and the discarded one before it. */
static gboolean
run_ways (BenchClient       *client,
          BenchHost          host,
          const BenchWayId  *ways,
          guint              n_ways,
          guint             *n_launches,
          GError           **error)
{
  g_autoptr(GArray) samples = g_array_new (FALSE, FALSE, sizeof (BenchSample));
  BenchCommand command = { .samples = 1 };
  guint growth = 0;
  guint i;

  for (i = 0; i < n_ways; i++)
    {
      if (bench_ways[ways[i]].host != host)
        continue;

      command.way = ways[i];
      if (!bench_client_run (client, &command, samples, &growth, error))
        return FALSE;
      *n_launches += 2;
    }

  return TRUE;
}

gboolean
bench_verify_host (const char          *program,
                   BenchHost            host,
                   const BenchSetting  *setting,
                   const char          *dropin,
                   const BenchWayId    *ways,
                   guint                n_ways,
                   GError             **error)
{
  const char *engine = bench_host_get_engine (host);
  g_autofree char *trace = NULL;
  g_autoptr(BenchClient) client = NULL;
  guint n_launches = 0;
  gboolean valid;
  int fd;

  /* Its ways look at each launch themselves. */
  if (host == BENCH_HOST_PRIVILEGED || host == BENCH_HOST_UNPRIVILEGED)
    return TRUE;

  fd = g_file_open_tmp ("spawn-bench-XXXXXX", &trace, error);
  if (fd < 0)
    return FALSE;
  close (fd);

  client = bench_client_new (program, host, setting, dropin, trace, error);
  valid = client != NULL && run_ways (client, host, ways, n_ways, &n_launches, error)
          && check_trace (trace, engine, engine != NULL ? n_launches : 0, error);
  unlink (trace);

  return valid;
}
