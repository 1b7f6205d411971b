/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Lets a caller run out of something: of descriptors, processes, address space. Each limit is
 * raised step by step from nothing to enough: at every step a launch fails with an error that says
 * why, or succeeds in full, and once one has succeeded the higher steps must. */
#include "fault-limit-table.h"
#include "gspawn-engines.h"
#include "isolation.h"

#include <errno.h>
#include <locale.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_SHOWN 12
#define MAX_ERRNO 133

/* What the probe exits with where it cannot do what it was told. */
#define EXIT_TROUBLE 125

typedef struct {
  const char *engine;
  const FaultLimitRow *row;
  const FaultShape *shape;
} Test;

static FaultStage *stage;

static const char *const engine_names[GSPAWN_N_ENGINES] = { "clone", "posix_spawn", "fork" };

static const char *
check_caller (const FaultOutcome *outcome)
{
  const FaultResult *result = &outcome->result;

  if (outcome->timed_out)
    return "it does not return";
  if (!result->complete)
    return outcome->error_output != NULL && *outcome->error_output != '\0'
           ? outcome->error_output : "the caller did not come to its end";
  if (result->difference[0] != '\0')
    return result->difference;
  if (result->later[0] != '\0')
    return result->later;
  if (!result->success && result->has_pid)
    return "a pid in spite of an error";

  return NULL;
}

/* Returns what is wrong with an error, or NULL. */
static const char *
check_error (const FaultLimitRow *row,
             const FaultOutcome  *outcome)
{
  const FaultResult *result = &outcome->result;

  if (outcome->report != NULL)
    return "a program reports in spite of an error";

  for (const FaultLimitError *error = row->errors; error->error_number != 0; error++)
    if (g_str_equal (result->domain, error->domain) && result->code == error->code &&
        strstr (result->message, g_strerror (error->error_number)) != NULL)
      return NULL;

  return result->message;
}

/* The program lives under the limit, too: it may be unable to report, which it says by its end, or
 * to live at all. */
static const char *
check_success (const FaultLimitRow *row,
               const FaultShape    *shape,
               const FaultOutcome  *base,
               const FaultOutcome  *outcome)
{
  int status = outcome->result.wait_status;

  if (outcome->report != NULL)
    return g_strcmp0 (outcome->limited_report, base->limited_report) == 0
           ? NULL : "the program's report differs";
  if (!row->binds_program)
    return "no report";
  if (fault_shape_reaps (shape) || WIFSIGNALED (status) ||
      (WIFEXITED (status) && WEXITSTATUS (status) == EXIT_TROUBLE))
    return NULL;

  return "the program ended without a report";
}

static void
show (const FaultOutcome *outcome,
      int                 value,
      const char         *complaint)
{
  g_test_message ("with %d: %s (success %d, \"%s\")", value, complaint, outcome->result.success,
                  outcome->result.message);
  g_test_fail ();
}

typedef struct {
  guint n_failed;
  guint n_wrong;
  int first_success;
} Steps;

static gboolean
take_step (const Test         *test,
           const FaultOutcome *base,
           int                 value,
           Steps              *steps)
{
  FaultRun run = { .shape = test->shape, .engine = test->engine, .limit = &test->row->limit,
                   .value = value };
  g_autoptr (FaultOutcome) outcome = fault_stage_limit (stage, &run);
  const char *complaint;

  if (outcome->result.refused)
    return FALSE;

  complaint = check_caller (outcome);
  if (complaint == NULL)
    complaint = outcome->result.success ? check_success (test->row, test->shape, base, outcome)
                                        : check_error (test->row, outcome);
  if (complaint == NULL && !outcome->result.success && steps->first_success >= 0)
    complaint = "less was enough";
  if (complaint != NULL && steps->n_wrong++ < MAX_SHOWN)
    show (outcome, value, complaint);

  if (!outcome->result.success)
    steps->n_failed++;
  else if (steps->first_success < 0)
    steps->first_success = value;

  return TRUE;
}

static void
take_steps (const Test         *test,
            const FaultOutcome *base)
{
  const FaultLimitRow *row = test->row;
  Steps steps = { .first_success = -1 };

  for (int value = row->first; value <= row->last; value += row->step)
    if (!take_step (test, base, value, &steps))
      {
        skip_unless_required (row->refusal);
        return;
      }

  g_test_message ("%u of the steps fail, %d is the first that is enough", steps.n_failed,
                  steps.first_success);
  if (steps.first_success < 0 || (steps.n_failed == 0 && !row->may_suffice))
    {
      g_test_message ("The steps do not lead from too little to enough");
      g_test_fail ();
    }
}

static void
test_limit (gconstpointer data)
{
  static const FaultLimit no_limit = { .name = "none" };
  const Test *test = data;
  const FaultLimitRow *row = test->row;
  FaultRun run = { .shape = test->shape, .engine = test->engine, .limit = &no_limit };
  g_autoptr (FaultOutcome) base = fault_stage_limit (stage, &run);
  g_autoptr (GError) error = NULL;

  if (check_caller (base) != NULL || !base->result.success || base->report == NULL)
    {
      show (base, 0, "without a limit");
      return;
    }
  /* As for the tests of memory, a machine need not let us have a group. */
  if (row->prepare != NULL && !row->prepare (&error))
    {
      g_test_skip (error->message);
      return;
    }

  take_steps (test, base);
  if (row->finish != NULL && !row->finish ())
    {
      g_test_message ("What was prepared is still there");
      g_test_fail ();
    }
}

static gboolean
is_among (const char *const *names,
          const char        *name)
{
  return g_strv_contains (names, name);
}

/* Found out by a process that is not the one whose copies launch for the first time. */
static GSpawnNeeds
find_capabilities (GSpawnEngine engine)
{
  int status = 0;
  pid_t pid = fork ();

  if (pid == 0)
    _exit (gspawn_engine_is_available (engine, NULL)
           ? (int) gspawn_engine_get_capabilities (engine) : 0);
  while (waitpid (pid, &status, 0) < 0)
    g_assert_cmpint (errno, ==, EINTR);

  return WIFEXITED (status) ? (GSpawnNeeds) WEXITSTATUS (status) : 0;
}

static void
add_engine (GSpawnEngine engine)
{
  GSpawnNeeds can = find_capabilities (engine);

  for (const FaultLimitRow *row = fault_limit_rows; row->limit.name != NULL; row++)
    for (const FaultShape *shape = fault_shapes; shape->name != NULL; shape++)
      {
        Test test = { engine_names[engine], row, shape };
        g_autofree char *path = g_strdup_printf ("/fault-limits/%s/%s/%s", engine_names[engine],
                                                 row->limit.name, shape->name);

        if ((fault_shape_needs (shape) & ~can) == 0 && is_among (row->shapes, shape->name))
          g_test_add_data_func_full (path, g_memdup2 (&test, sizeof test), test_limit, g_free);
      }
}

int
main (int    argc,
      char **argv)
{
  int status;

  setlocale (LC_CTYPE, "C.UTF-8");
  if (argc == 2 && strcmp (argv[1], "--table") == 0)
    {
      fault_limit_table_print ();
      return 0;
    }

  for (int error_number = 1; error_number <= MAX_ERRNO; error_number++)
    g_assert_nonnull (g_strerror (error_number));

  g_test_init (&argc, &argv, NULL);
  g_test_set_nonfatal_assertions ();
  stage = fault_stage_new ();
  for (GSpawnEngine engine = 0; engine < GSPAWN_N_ENGINES; engine++)
    add_engine (engine);
  status = g_test_run ();
  fault_stage_free (stage);

  return status;
}
