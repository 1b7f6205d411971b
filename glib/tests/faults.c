/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Lets every system call of a launch go wrong in every way, one at a time: on each engine, for each
 * request of a table, what the launch does is recorded first, and then done again with one call
 * failed, or its process killed, stopped or interrupted before it. With --table the tables of what
 * is expected are printed. */
#include "fault-judge.h"
#include "fault-pages.h"
#include "gspawn-engines.h"
#include "isolation.h"

#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

/* UNFIT says why there can be no faults in this build, if that is so. Where UNJUDGED is not zero a
 * tool of the build's makes calls of its own: then the runs are made, to count what they reach, and
 * not judged. */

/* How often to try to reach a call that did not come this time. */
#define MAX_TRIES 5

/* Of a row of calls for the same only the ends are of interest, but to the errors. */
#define LONG_ROW 4

/* How many complaints are shown in full per test. */
#define MAX_SHOWN 12

#define MAX_ERRNO 133

/* Calls that may come any number of times are taken the first few times. */
#define MAX_VARYING 2

typedef struct {
  GSpawnEngine engine;
  const FaultShape *shape;
  FaultKind kind;
  gboolean restarts;
  gboolean frees;
} Test;

typedef struct {
  const Test *test;
  FaultRun run;
  FaultOutcome *base;
  GHashTable *bases;    /* others, by the attributes that they leave out */
  guint n_runs;
  guint n_wrong;
  guint n_missed;
} Series;

static FaultStage *stage;
static guint total_runs;

/* How often a row was held against a run. */
static guint row_uses[256];
static guint kill_row_uses[64];
static guint cancel_row_uses[8];

static const FaultRow same_row = { .kind = OUTCOME_SAME };

static const char *const engine_names[GSPAWN_N_ENGINES] = { "clone", "posix_spawn", "fork" };

static const char *const kind_names[] = {
  [FAULT_NONE] = "none",
  [FAULT_ERROR] = "error",
  [FAULT_ALWAYS] = "always",
  [FAULT_KILL] = "kill",
  [FAULT_STOP] = "stop",
  [FAULT_HOLD] = "cancel",
  [FAULT_SIGNAL] = "signal",
};

static void
note_wrong (Series     *series,
            const char *complaint)
{
  const Fault *fault = &series->run.fault;
  gboolean fails = fault->kind == FAULT_ERROR || fault->kind == FAULT_ALWAYS;

  if (series->n_wrong++ < MAX_SHOWN)
    g_test_message ("%s %u of \"%s\" by the %s, %s%s: %s", kind_names[fault->kind],
                    fault->occurrence + 1,
                    fault->use == USE_UNKNOWN ? "any call" : fault_use_get_name (fault->use),
                    fault_role_get_name (fault->role),
                    fails ? g_strerror (fault->error_number) : "no errno",
                    series->run.restarts ? " with SA_RESTART" : "", complaint);
}

/* Runs once with the fault, or more often where it was not reached. */
static FaultOutcome *
reach (Series *series)
{
  FaultOutcome *outcome;

  for (guint i = 0;; i++)
    {
      outcome = fault_stage_run (stage, &series->run);
      series->n_runs++;
      if (outcome->trace->reached || outcome->trace->trouble != NULL || i == MAX_TRIES)
        return outcome;
      fault_outcome_free (outcome);
    }
}

/* What a run with the fault is held against. */
static const FaultOutcome *
get_base (Series *series,
          guint   left_out)
{
  FaultOutcome *base;

  if (left_out == 0)
    return series->base;

  base = g_hash_table_lookup (series->bases, GUINT_TO_POINTER (left_out));
  if (base == NULL)
    {
      FaultRun run = { .shape = series->run.shape, .engine = series->run.engine,
                       .left_out = left_out };

      base = fault_stage_run (stage, &run);
      series->n_runs++;
      g_hash_table_insert (series->bases, GUINT_TO_POINTER (left_out), base);
    }

  return base;
}

static gboolean
run_fault (Series         *series,
           const FaultRow *row,
           guint           left_out,
           gboolean        may_vary)
{
  g_autoptr (FaultOutcome) outcome = reach (series);
  g_autofree char *complaint = NULL;

  if (UNJUDGED)
    return TRUE;

  if (!outcome->trace->reached)
    {
      series->n_missed++;
      if (!may_vary)
        note_wrong (series, "the call does not come");
      return FALSE;
    }

  complaint = fault_judge (row, &series->run, get_base (series, left_out), outcome);
  if (complaint != NULL)
    note_wrong (series, complaint);

  return TRUE;
}

static FaultUse
find_previous (const FaultTrace *trace,
               guint             index)
{
  FaultRole role = g_array_index (trace->calls, FaultCall, index).role;

  while (index-- > 0)
    {
      const FaultCall *call = &g_array_index (trace->calls, FaultCall, index);

      if (call->role == role)
        return call->use;
    }

  return USE_UNKNOWN;
}

static FaultSite
get_site (const Series *series,
          guint         index)
{
  const FaultTrace *trace = series->base->trace;
  const FaultCall *call = &g_array_index (trace->calls, FaultCall, index);

  return (FaultSite) {
    .engine = series->test->engine,
    .shape = series->test->shape,
    .call = call,
    .after = find_previous (trace, index),
    .occurrence = fault_trace_count (trace, call->role, call->use, 0) -
                  fault_trace_count (trace, call->role, call->use, index),
  };
}

static gboolean
fail_with (Series          *series,
           const FaultRow  *row,
           const FaultSite *site,
           int              error_number)
{
  series->run.fault = (Fault) { FAULT_ERROR, site->call->role, site->call->use, site->occurrence,
                                error_number };

  return run_fault (series, row, row->kind == OUTCOME_WITHOUT ? 1u << row->attribute : 0,
                    fault_use_may_vary (site->call->use) || site->shape->way == WAY_BEGIN);
}

/* Each errno once, by the first row that has it. Returns whether any row knows the call. */
static gboolean
fail_site (Series          *series,
           const FaultSite *site)
{
  gboolean done[MAX_ERRNO + 1] = { FALSE };
  gboolean known = FALSE;

  for (guint i = 0; fault_rows[i].reason != NULL; i++)
    {
      const FaultRow *row = &fault_rows[i];

      if (!fault_row_applies (row, site))
        continue;
      known = TRUE;
      row_uses[i] += row->kind == OUTCOME_NONE;
      for (const int *error_number = row->errnos; *error_number != 0; error_number++)
        if (!done[*error_number])
          {
            done[*error_number] = TRUE;
            row_uses[i] += row->kind != OUTCOME_NONE &&
                           fail_with (series, row, site, *error_number);
          }
    }

  return known;
}

static void
fail_each (Series *series)
{
  const FaultTrace *trace = series->base->trace;

  for (guint i = 0; i < trace->calls->len; i++)
    {
      FaultSite site = get_site (series, i);

      if (site.call->use == USE_UNKNOWN ||
          (fault_use_may_vary (site.call->use) && site.occurrence >= MAX_VARYING))
        continue;
      series->run.fault = (Fault) { FAULT_ERROR, site.call->role, site.call->use,
                                    site.occurrence, 0 };
      if (!fail_site (series, &site) && !UNJUDGED)
        note_wrong (series, "the table has no row for it");
    }
}

/* Attributes that the child does without where all calls for a use fail. */
static guint
get_forbidden (const FaultSite *site)
{
  guint forbidden = 0;

  for (guint i = 0; fault_rows[i].reason != NULL; i++)
    {
      FaultSite same = *site;

      same.after = fault_rows[i].after;
      if (fault_rows[i].kind == OUTCOME_WITHOUT && fault_row_applies (&fault_rows[i], &same))
        forbidden |= 1u << fault_rows[i].attribute;
    }

  return forbidden;
}

/* Every errno of every row that knows the call. What only says "not now" is not for good. */
static void
forbid_site (Series          *series,
             const FaultSite *site)
{
  gboolean done[MAX_ERRNO + 1] = { [EINTR] = TRUE, [EAGAIN] = TRUE };
  FaultRow row = { .kind = OUTCOME_CLEAN };

  for (guint i = 0; fault_rows[i].reason != NULL; i++)
    if (fault_rows[i].kind != OUTCOME_NONE && fault_row_applies (&fault_rows[i], site))
      for (const int *error_number = fault_rows[i].errnos; *error_number != 0; error_number++)
        if (!done[*error_number])
          {
            done[*error_number] = TRUE;
            series->run.fault = (Fault) { FAULT_ALWAYS, ROLE_UNKNOWN, site->call->use, 0,
                                          *error_number };
            row.reported = fault_rows[i].reported;
            row.may_stay_private = fault_rows[i].may_stay_private;
            run_fault (series, &row, get_forbidden (site), FALSE);
          }
}

/* As a sandbox does it, or a file system that is gone. */
static void
forbid_each (Series *series)
{
  const FaultTrace *trace = series->base->trace;
  gboolean done[N_FAULT_USES] = { FALSE };

  for (guint i = 0; i < trace->calls->len; i++)
    {
      FaultSite site = get_site (series, i);

      if (site.call->use == USE_UNKNOWN)
        continue;
      if (!done[site.call->use])
        forbid_site (series, &site);
      done[site.call->use] = TRUE;
    }
}

static const FaultRow *
find_row (const FaultRow  *rows,
          guint           *uses,
          const FaultSite *site)
{
  for (guint i = 0; rows[i].reason != NULL; i++)
    if (fault_row_applies (&rows[i], site))
      {
        uses[i]++;
        return &rows[i];
      }

  return NULL;
}

/* Within many calls for the same, one after the other. */
static gboolean
is_within_row (const FaultTrace *trace,
               guint             index)
{
  const FaultCall *calls = &g_array_index (trace->calls, FaultCall, 0);

  if (index < LONG_ROW || index + LONG_ROW >= trace->calls->len)
    return FALSE;
  for (guint i = index - LONG_ROW; i <= index + LONG_ROW; i++)
    if (calls[i].use != calls[index].use || calls[i].role != calls[index].role)
      return FALSE;

  return TRUE;
}

/* What is not the caller's, at each of its calls. */
static void
hit_each (Series *series)
{
  const FaultTrace *trace = series->base->trace;
  guint counts[N_FAULT_ROLES] = { 0 };

  for (guint i = 0; i < trace->calls->len; i++)
    {
      FaultSite site = get_site (series, i);
      guint occurrence = counts[site.call->role]++;
      const FaultRow *row = &same_row;

      if (site.call->role == ROLE_CALLER || is_within_row (trace, i))
        continue;

      series->run.fault = (Fault) { series->test->kind, site.call->role, USE_UNKNOWN, occurrence,
                                    series->test->kind == FAULT_SIGNAL ? FAULT_SIGNAL_NUMBER : 0 };
      if (series->test->kind == FAULT_HOLD)
        row = find_row (fault_cancel_rows, cancel_row_uses, &site);
      if (series->test->kind == FAULT_KILL)
        row = find_row (fault_kill_rows, kill_row_uses, &site);
      if (row != NULL)
        run_fault (series, row, 0, FALSE);
      else if (!UNJUDGED)
        note_wrong (series, "the table has no row for it");
    }
}

static void
interrupt_each (Series *series)
{
  const FaultTrace *trace = series->base->trace;
  guint n = 0;

  for (guint i = 0; i < trace->calls->len; i++)
    if (g_array_index (trace->calls, FaultCall, i).role == ROLE_CALLER)
      {
        series->run.fault = (Fault) { FAULT_SIGNAL, ROLE_CALLER, USE_UNKNOWN, n++,
                                      FAULT_SIGNAL_NUMBER };
        run_fault (series, &same_row, 0, TRUE);
      }
}

static gboolean
is_expected (const FaultShape   *shape,
             const FaultOutcome *base)
{
  const FaultResult *result = &base->result;
  gboolean succeeds = shape->program != PROGRAM_MISSING;

  return result->complete && base->trace->trouble == NULL && result->success == succeeds &&
         (base->report != NULL) == succeeds && result->difference[0] == '\0' &&
         result->growth <= (shape->cold ? FAULT_ENGINE_MEMORY : 0) &&
         result->later[0] == '\0' && result->log[0] == '\0';
}

static void
show_base (const FaultOutcome *base)
{
  const FaultResult *result = &base->result;
  g_autoptr (GString) calls = g_string_new (NULL);

  for (guint i = 0; i < base->trace->calls->len; i++)
    {
      const FaultCall *call = &g_array_index (base->trace->calls, FaultCall, i);

      g_string_append_printf (calls, "%s %s", i > 0 ? "," : "", fault_use_get_name (call->use));
    }

  g_test_message ("Without a fault: success %d, error \"%s\", left with \"%s\" and %"
                  G_GINT64_FORMAT " bytes mapped, later \"%s\", log \"%s\", %s; %s",
                  result->success, result->message, result->difference, result->growth,
                  result->later, result->log,
                  base->trace->trouble != NULL ? base->trace->trouble : "no trouble",
                  base->error_output != NULL ? base->error_output : "");
  g_test_message ("Its calls:%s", calls->str);
}

static void
run_series (Series *series)
{
  switch (series->test->kind)
    {
    case FAULT_ERROR:
      fail_each (series);
      break;
    case FAULT_ALWAYS:
      forbid_each (series);
      break;
    case FAULT_KILL:
    case FAULT_STOP:
    case FAULT_HOLD:
      hit_each (series);
      break;
    case FAULT_SIGNAL:
      interrupt_each (series);
      hit_each (series);
      break;
    case FAULT_NONE:
    default:
      g_assert_not_reached ();
    }
}

static void
test_shape (gconstpointer data)
{
  const Test *test = data;
  Series series = {
    .test = test,
    .run = { .shape = test->shape, .engine = engine_names[test->engine],
             .restarts = test->restarts, .frees = test->frees },
    .bases = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) fault_outcome_free),
  };

  series.base = fault_stage_run (stage, &series.run);
  if (is_expected (test->shape, series.base))
    run_series (&series);
  else
    {
      show_base (series.base);
      g_test_fail ();
    }

  total_runs += series.n_runs;
  g_test_message ("%u calls, %u runs, %u not as expected, %u not reached",
                  series.base->trace->calls->len, series.n_runs, series.n_wrong, series.n_missed);
  if (series.n_wrong > 0)
    g_test_fail ();
  fault_outcome_free (series.base);
  g_hash_table_unref (series.bases);
}

static void
check_uses (const FaultRow *rows,
            const guint    *uses,
            GSpawnEngine    engine)
{
  for (guint i = 0; rows[i].reason != NULL; i++)
    if ((rows[i].engines & 1u << engine) != 0 && uses[i] == 0)
      {
        /* A row for many engines or roles counts where one of them comes to it. */
        if (rows[i].engines != 1u << engine)
          continue;
        g_test_message ("Row %u of the table, for \"%s\", is never used: %s", i,
                        fault_use_get_name (rows[i].use), rows[i].reason);
        g_test_fail ();
      }
}

/* Comes last. A row that nothing comes to says nothing. */
static void
test_table (gconstpointer data)
{
  GSpawnEngine engine = GPOINTER_TO_UINT (data);

  if (UNJUDGED)
    {
      g_test_skip ("the calls of a build that counts its coverage are not judged");
      return;
    }
  if (total_runs == 0)
    {
      g_test_skip ("nothing was run");
      return;
    }

  g_test_message ("%u runs", total_runs);
  check_uses (fault_rows, row_uses, engine);
  check_uses (fault_kill_rows, kill_row_uses, engine);
  check_uses (fault_cancel_rows, cancel_row_uses, engine);
}

/* Found out by a process that is not the one whose copies launch for the first time. */
static GSpawnNeeds
find_capabilities (GSpawnEngine engine)
{
  GSpawnNeeds *can = mmap (NULL, sizeof *can, PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  GSpawnNeeds found;
  int status = 0;
  pid_t pid;

  g_assert_true (can != MAP_FAILED);
  pid = fork ();
  g_assert_cmpint (pid, >=, 0);
  if (pid == 0)
    {
      if (gspawn_engine_is_available (engine, NULL))
        *can = gspawn_engine_get_capabilities (engine);
      _exit (0);
    }
  while (waitpid (pid, &status, 0) < 0)
    g_assert_cmpint (errno, ==, EINTR);

  found = WIFEXITED (status) ? *can : 0;
  munmap (can, sizeof *can);

  return found;
}

static void
add_test (const Test *test)
{
  g_autofree char *path = g_strdup_printf ("/faults/%s/%s%s%s/%s", engine_names[test->engine],
                                           kind_names[test->kind],
                                           test->restarts ? "-restart" : "",
                                           test->frees ? "-freed" : "", test->shape->name);

  g_test_add_data_func_full (path, g_memdup2 (test, sizeof *test), test_shape, g_free);
}

static void
add_engine (GSpawnEngine engine)
{
  g_autofree char *path = g_strdup_printf ("/faults/%s/table/used", engine_names[engine]);
  GSpawnNeeds can = find_capabilities (engine);

  for (const FaultShape *shape = fault_shapes; shape->name != NULL; shape++)
    {
      if ((fault_shape_needs (shape) & ~can) != 0 ||
          (shape->only != 0 && (shape->only & 1u << engine) == 0))
        continue;
      add_test (&(Test) { engine, shape, FAULT_ERROR, FALSE, FALSE });
      add_test (&(Test) { engine, shape, FAULT_KILL, FALSE, FALSE });
      if (!shape->brief)
        {
          add_test (&(Test) { engine, shape, FAULT_ALWAYS, FALSE, FALSE });
          add_test (&(Test) { engine, shape, FAULT_STOP, FALSE, FALSE });
          add_test (&(Test) { engine, shape, FAULT_SIGNAL, FALSE, FALSE });
          add_test (&(Test) { engine, shape, FAULT_SIGNAL, TRUE, FALSE });
        }
      if (shape->way == WAY_BEGIN)
        {
          add_test (&(Test) { engine, shape, FAULT_HOLD, FALSE, FALSE });
          add_test (&(Test) { engine, shape, FAULT_HOLD, FALSE, TRUE });
        }
    }
  g_test_add_data_func (path, GUINT_TO_POINTER (engine), test_table);
}

/* A few that are quickly done. */
static void
add_samples (void)
{
  static const struct {
    GSpawnEngine engine;
    FaultKind kind;
    const char *shape;
  } samples[] = {
    { GSPAWN_ENGINE_CLONE, FAULT_ERROR, "plain" },
    { GSPAWN_ENGINE_CLONE, FAULT_KILL, "plain" },
    { GSPAWN_ENGINE_POSIX_SPAWN, FAULT_ERROR, "waited" },
    { GSPAWN_ENGINE_FORK, FAULT_ERROR, "setup" },
    { GSPAWN_ENGINE_FORK, FAULT_KILL, "setup-reaped" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (samples); i++)
    for (const FaultShape *shape = fault_shapes; shape->name != NULL; shape++)
      {
        Test test = { samples[i].engine, shape, samples[i].kind, FALSE, FALSE };
        g_autofree char *path = g_strdup_printf ("/faults/sample/%s/%s/%s",
                                                 engine_names[samples[i].engine],
                                                 kind_names[samples[i].kind], shape->name);

        if (g_str_equal (shape->name, samples[i].shape))
          g_test_add_data_func_full (path, g_memdup2 (&test, sizeof test), test_shape, g_free);
      }
}

/* A process can be traced by one other only, and a sandbox may forbid that. */
static gboolean
can_trace (void)
{
  gboolean possible;
  pid_t pid = fork ();

  if (pid == 0)
    {
      pause ();
      _exit (0);
    }
  possible = ptrace (PTRACE_SEIZE, pid, NULL, NULL) == 0;
  kill (pid, SIGKILL);
  while (waitpid (pid, NULL, __WALL) < 0)
    g_assert_cmpint (errno, ==, EINTR);

  return possible;
}

static void
skip_untraceable (void)
{
  skip_unless_required ("no process can be traced here");
}

static void
skip_unfit (void)
{
  g_test_skip (UNFIT);
}

int
main (int    argc,
      char **argv)
{
  int status;

  setlocale (LC_CTYPE, "C.UTF-8");
  if (argc == 2 && strcmp (argv[1], "--table") == 0)
    {
      fault_pages_print ();
      return 0;
    }

  /* The texts of errors shall not be looked for in the middle of a launch. */
  for (int error_number = 1; error_number <= MAX_ERRNO; error_number++)
    g_assert_nonnull (g_strerror (error_number));

  g_test_init (&argc, &argv, NULL);
  g_test_set_nonfatal_assertions ();
  if (UNFIT[0] != '\0' || !can_trace ())
    {
      GTestFunc skip = UNFIT[0] != '\0' ? skip_unfit : skip_untraceable;

      g_test_add_func ("/faults/sample", skip);
      for (GSpawnEngine engine = 0; engine < GSPAWN_N_ENGINES; engine++)
        {
          g_autofree char *path = g_strdup_printf ("/faults/%s", engine_names[engine]);

          g_test_add_func (path, skip);
        }
      return g_test_run ();
    }

  if (UNJUDGED)
    fault_trace_pardon ();
  stage = fault_stage_new ();
  for (GSpawnEngine engine = 0; engine < GSPAWN_N_ENGINES; engine++)
    add_engine (engine);
  add_samples ();
  status = g_test_run ();
  fault_stage_free (stage);

  return status;
}
