/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/*
 * What is measured, and in which order.
 *
 * All workers of a scenario live at the same time and are driven in turn, a few samples each, round
 * after round, each round beginning with another one: what the machine does meanwhile hits all ways
 * alike, so ratios hold where microseconds do not.
 */
#include "bench-scenario.h"

#include <string.h>

#include "bench-verify.h"

const BenchScenario bench_scenarios[BENCH_N_SCENARIOS] = {
  [BENCH_SCENARIO_LAUNCH] = {
    .name = "launch",
    .title = "A child that the caller waits for",
    .sizes = { BENCH_SMALL, BENCH_LARGE, BENCH_HUGE },
    .ways = { BENCH_WAY_VFORK, BENCH_WAY_OURS_CLONE_CLOSING, BENCH_WAY_VFORK_ACTIONS,
              BENCH_WAY_OURS_CLONE, BENCH_WAY_POSIX_SPAWN, BENCH_WAY_OURS_POSIX_SPAWN },
    .n_ways = 6,
    .rounds = 100,
    .samples = 20,
    .budget = 20,
  },
  /* Apart, for the others would pay for the state in which they leave the page allocator. */
  [BENCH_SCENARIO_FORK] = {
    .name = "fork",
    .title = "The same, against the ways that copy the caller",
    .sizes = { BENCH_SMALL, BENCH_LARGE, BENCH_HUGE },
    .ways = { BENCH_WAY_VFORK, BENCH_WAY_OURS_CLONE, BENCH_WAY_OURS_SUBPROCESS, BENCH_WAY_FORK,
              BENCH_WAY_OURS_FORK, BENCH_WAY_GLIB, BENCH_WAY_GLIB_SUBPROCESS },
    .n_ways = 7,
    .rounds = 15,
    .samples = 10,
    .budget = 40,
  },
  [BENCH_SCENARIO_REAPED] = {
    .name = "reaped",
    .title = "A child that nobody waits for, busy for 5 ms",
    .sizes = { BENCH_SMALL, BENCH_LARGE },
    .ways = { BENCH_WAY_VFORK, BENCH_WAY_OURS_REAPED, BENCH_WAY_GLIB_REAPED },
    .n_ways = 3,
    .rounds = 30,
    .samples = 10,
    .budget = 80,
    .busy = 5000,
  },
  [BENCH_SCENARIO_FAULTS] = {
    .name = "faults",
    .title = "Page faults of a caller that goes on using its memory",
    .sizes = { BENCH_SMALL, BENCH_LARGE },
    .ways = { BENCH_WAY_CONTROL, BENCH_WAY_VFORK, BENCH_WAY_OURS_CLONE, BENCH_WAY_POSIX_SPAWN,
              BENCH_WAY_OURS_POSIX_SPAWN, BENCH_WAY_FORK, BENCH_WAY_GLIB },
    .n_ways = 7,
    .rounds = 5,
    .samples = 3,
    .budget = 500,
    .retouch = TRUE,
  },
  [BENCH_SCENARIO_DESCRIPTORS] = {
    .name = "descriptors",
    .title = "10 000 descriptors open in the caller",
    .sizes = { BENCH_SMALL },
    .ways = { BENCH_WAY_VFORK, BENCH_WAY_VFORK_ACTIONS, BENCH_WAY_OURS_CLONE,
              BENCH_WAY_POSIX_SPAWN, BENCH_WAY_OURS_POSIX_SPAWN, BENCH_WAY_OURS_FORK,
              BENCH_WAY_GLIB },
    .n_ways = 7,
    .rounds = 15,
    .samples = 10,
    .budget = 60,
    .descriptors = 10000,
  },
  [BENCH_SCENARIO_SEARCH] = {
    .name = "search",
    .title = "Search of 10 directories, the program being in the last",
    .sizes = { BENCH_SMALL },
    .ways = { BENCH_WAY_VFORK, BENCH_WAY_OURS_CLONE, BENCH_WAY_POSIX_SPAWN,
              BENCH_WAY_OURS_POSIX_SPAWN, BENCH_WAY_OURS_FORK, BENCH_WAY_GLIB },
    .n_ways = 6,
    .rounds = 30,
    .samples = 20,
    .budget = 40,
    .directories = 10,
  },
  [BENCH_SCENARIO_ATTRIBUTES] = {
    .name = "attributes",
    .title = "Session, group, limit and death signal as attributes",
    .sizes = { BENCH_SMALL, BENCH_LARGE },
    .ways = { BENCH_WAY_VFORK, BENCH_WAY_VFORK_ATTRIBUTES, BENCH_WAY_OURS_CLONE,
              BENCH_WAY_OURS_GROUP_ATTRIBUTES, BENCH_WAY_OURS_ATTRIBUTES },
    .n_ways = 5,
    .rounds = 100,
    .samples = 20,
    .budget = 20,
  },
  /* Apart, as "fork" is. */
  [BENCH_SCENARIO_CALLBACK] = {
    .name = "callback",
    .title = "The same attributes, against a callback in a forked child",
    .sizes = { BENCH_SMALL, BENCH_LARGE },
    .ways = { BENCH_WAY_VFORK, BENCH_WAY_OURS_ATTRIBUTES, BENCH_WAY_GLIB_CALLBACK },
    .n_ways = 3,
    .rounds = 15,
    .samples = 10,
    .budget = 40,
  },
  [BENCH_SCENARIO_TEMPLATE] = {
    .name = "template",
    .title = "Search of 10 directories, 60 variables, 3 pipes and a directory",
    .sizes = { BENCH_SMALL },
    .ways = { BENCH_WAY_OURS_PIPES, BENCH_WAY_TEMPLATE },
    .n_ways = 2,
    .rounds = 100,
    .samples = 20,
    .budget = 20,
    .directories = 10,
    .variables = 60,
  },
  [BENCH_SCENARIO_ASYNCHRONOUS] = {
    .name = "asynchronous",
    .title = "A launch that the caller begins",
    .sizes = { BENCH_SMALL, BENCH_LARGE },
    .ways = { BENCH_WAY_VFORK, BENCH_WAY_BEGIN_ASYNCHRONOUS, BENCH_WAY_GIO_ASYNCHRONOUS,
              BENCH_WAY_BEGIN_WORKER },
    .n_ways = 4,
    .rounds = 100,
    .samples = 20,
    .budget = 20,
  },
  [BENCH_SCENARIO_IN_FLIGHT] = {
    .name = "in-flight",
    .title = "The same, the 64th of 64 in flight",
    .sizes = { BENCH_SMALL },
    .ways = { BENCH_WAY_VFORK, BENCH_WAY_BEGIN_ASYNCHRONOUS, BENCH_WAY_GIO_ASYNCHRONOUS,
              BENCH_WAY_BEGIN_WORKER },
    .n_ways = 4,
    .rounds = 40,
    .samples = 10,
    .budget = 100,
    .in_flight = 63,
  },
};

typedef struct {
  const BenchScenario *scenario;
  const BenchOptions  *options;
  BenchWayId           ways[BENCH_N_WAYS];
  guint                n_ways;
  BenchClient         *clients[BENCH_N_HOSTS][G_N_ELEMENTS (bench_scenarios[0].sizes)];
  BenchResult         *result;
} Run;

static gboolean
has_host (const Run *run,
          BenchHost  host)
{
  guint i;

  for (i = 0; i < run->n_ways; i++)
    if (bench_ways[run->ways[i]].host == host)
      return TRUE;

  return FALSE;
}

/* Above 1 GiB only what the targets need: each host costs this much memory. */
static gboolean
has_worker (const Run *run,
            BenchHost  host,
            guint      size)
{
  if (size == 0 || size > run->options->largest || !has_host (run, host))
    return FALSE;

  return size <= BENCH_LARGE || host == BENCH_HOST_PLAIN || host == BENCH_HOST_CLONE;
}

static guint64
get_available_mib (void)
{
  g_autofree char *contents = NULL;
  const char *line;

  if (!g_file_get_contents ("/proc/meminfo", &contents, NULL, NULL))
    return G_MAXUINT64;

  line = strstr (contents, "MemAvailable:");

  return line != NULL ? g_ascii_strtoull (line + strlen ("MemAvailable:"), NULL, 10) >> 10
                      : G_MAXUINT64;
}

static gboolean
check_memory (const Run  *run,
              GError    **error)
{
  guint64 available = get_available_mib ();
  guint64 needed = 0;
  guint host;
  guint i;

  for (host = 0; host < BENCH_N_HOSTS; host++)
    for (i = 0; i < G_N_ELEMENTS (run->scenario->sizes); i++)
      if (has_worker (run, host, run->scenario->sizes[i]))
        needed += run->scenario->sizes[i];

  if (needed <= available - available / 8)
    return TRUE;

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
               "%s needs %" G_GUINT64_FORMAT " MiB of memory and %" G_GUINT64_FORMAT
               " are available; leave out sizes with --largest",
               run->scenario->name, needed, available);

  return FALSE;
}

static BenchSetting
make_setting (const Run *run,
              guint      size)
{
  BenchSetting setting = {
    .resident_mib = size,
    .pages = run->options->pages,
    .descriptors = run->scenario->descriptors,
    .directories = run->scenario->directories,
    .variables = run->scenario->variables,
    .busy = run->scenario->busy,
    .cpu = run->options->cpu,
    .child = run->options->child,
  };

  return setting;
}

static gboolean
start_client (Run        *run,
              BenchHost   host,
              guint       index,
              GError    **error)
{
  BenchSetting setting = make_setting (run, run->scenario->sizes[index]);
  const BenchHello *hello;
  BenchClient *client;

  client = bench_client_new (run->options->program, host, &setting, run->options->dropin, NULL,
                             error);
  if (client == NULL)
    return FALSE;

  run->clients[host][index] = client;
  hello = bench_client_get_hello (client);
  run->result->descriptors = (guint) hello->descriptors;
  run->result->huge_kib = MAX (run->result->huge_kib, hello->huge_kib);

  return TRUE;
}

static gboolean
start_host (Run        *run,
            BenchHost   host,
            GError    **error)
{
  const BenchScenario *scenario = run->scenario;
  BenchSetting setting = make_setting (run, 0);
  guint i;

  if (!bench_verify_host (run->options->program, host, &setting, run->options->dropin,
                          run->ways, run->n_ways, error))
    return FALSE;

  for (i = 0; i < G_N_ELEMENTS (scenario->sizes); i++)
    if (has_worker (run, host, scenario->sizes[i]) && !start_client (run, host, i, error))
      return FALSE;

  return TRUE;
}

static void
add_series (Run *run)
{
  const BenchScenario *scenario = run->scenario;
  guint i;
  guint w;

  for (i = 0; i < G_N_ELEMENTS (scenario->sizes); i++)
    for (w = 0; w < run->n_ways; w++)
      if (has_worker (run, bench_ways[run->ways[w]].host, scenario->sizes[i]))
        g_ptr_array_add (run->result->series, bench_series_new (run->ways[w], scenario->sizes[i]));
}

static BenchClient *
get_client (const Run         *run,
            const BenchSeries *series)
{
  guint i;

  for (i = 0; run->scenario->sizes[i] != series->resident_mib; i++)
    continue;

  return run->clients[bench_ways[series->way].host][i];
}

static gboolean
run_round (Run     *run,
           guint    round,
           GError **error)
{
  GPtrArray *list = run->result->series;
  guint i;

  for (i = 0; i < list->len; i++)
    {
      BenchSeries *series = g_ptr_array_index (list, (i + round) % list->len);
      BenchCommand command = {
        .way = series->way,
        .samples = run->scenario->samples,
        .budget = run->scenario->budget * G_GUINT64_CONSTANT (1000000),
        .retouch = run->scenario->retouch,
        .in_flight = run->scenario->in_flight,
      };

      if (!bench_client_run (get_client (run, series), &command, series->samples,
                             &series->peak_growth_kib, error))
        {
          g_prefix_error (error, "%s: ", bench_ways[series->way].name);
          return FALSE;
        }
    }

  return TRUE;
}

static gboolean
run_all (Run     *run,
         GError **error)
{
  guint rounds = run->options->rounds > 0 ? run->options->rounds : run->scenario->rounds;
  guint host;
  guint round;

  if (!check_memory (run, error))
    return FALSE;

  for (host = 0; host < BENCH_N_HOSTS; host++)
    if (has_host (run, host) && !start_host (run, host, error))
      return FALSE;

  add_series (run);
  for (round = 0; round < rounds; round++)
    {
      if (run->options->progress)
        g_printerr ("\r%s: %u of %u ", run->scenario->name, round + 1, rounds);
      if (!run_round (run, round, error))
        return FALSE;
    }
  if (run->options->progress)
    g_printerr ("\r\033[K");

  return TRUE;
}

BenchResult *
bench_scenario_run (const BenchScenario  *scenario,
                    const BenchOptions   *options,
                    GError              **error)
{
  g_autoptr(BenchResult) result = g_new0 (BenchResult, 1);
  Run run = { .scenario = scenario, .options = options, .result = result };
  gboolean success;
  guint host;
  guint i;

  result->scenario = scenario;
  result->series = g_ptr_array_new_with_free_func ((GDestroyNotify) bench_series_free);

  for (i = 0; i < scenario->n_ways; i++)
    if ((options->ways & (1U << scenario->ways[i])) != 0)
      run.ways[run.n_ways++] = scenario->ways[i];

  success = run_all (&run, error);

  for (host = 0; host < BENCH_N_HOSTS; host++)
    for (i = 0; i < G_N_ELEMENTS (scenario->sizes); i++)
      g_clear_pointer (&run.clients[host][i], bench_client_free);

  return success ? g_steal_pointer (&result) : NULL;
}

void
bench_result_free (BenchResult *result)
{
  g_ptr_array_unref (result->series);
  g_free (result);
}
