/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * What a request's descriptors mean: the table that docs/contract.md promises the program (points
 * 9, 10, 13 and 15 to 17), made from the request alone. It must not look at the operations, nor at
 * how they are made. */

#include "fd-model.h"

#include <errno.h>

/* A number is free to have more than one use: as many as these are never all needed. */
#define AMPLE_FREE_FDS 4

void
fd_table_init (FdTable   *table,
               FuzzInput *input)
{
  guint32 open = fuzz_input_word (input);
  guint32 cloexec = fuzz_input_word (input);
  guint8 report = fuzz_input_byte (input);
  guint8 limit = fuzz_input_byte (input);

  *table = (FdTable) { .report_fd = -1, .limit = FD_TABLE_SIZE - limit % (FD_TABLE_SIZE + 1) };
  table->sandbox = limit / (FD_TABLE_SIZE + 1) % (FD_SANDBOX_NO_LIST + 1);
  for (int fd = 0; fd < FD_N_CALLER_FILES; fd++)
    if ((open >> fd & 1) != 0)
      table->entries[fd] = (FdEntry) { FD_FIRST_CALLER_FILE + fd, (cloexec >> fd & 1) != 0 };

  /* Engines have it above the standard streams. */
  if (report >= 3 && report < FD_TABLE_SIZE)
    {
      table->report_fd = report;
      table->entries[report] = (FdEntry) { FD_REPORT, TRUE };
    }
}

static gboolean
has (const FdTable *table,
     int            fd)
{
  return fd >= 0 && fd < FD_TABLE_SIZE && table->entries[fd].file != FD_CLOSED;
}

static int
count_free (const FdTable *table,
            int            from)
{
  int n = 0;

  for (int fd = from; fd < table->limit; fd++)
    n += table->entries[fd].file == FD_CLOSED;

  return n;
}

static gboolean
has_little_room (const GSpawnRequest *request,
                 const FdTable       *table)
{
  int highest = 2, n_moved = 1;

  for (gsize i = 0; i < request->n_fds; i++)
    {
      highest = MAX (highest, request->target_fds[i]);
      n_moved += request->source_fds[i] != request->target_fds[i];
    }

  return highest >= table->limit || count_free (table, 0) < AMPLE_FREE_FDS ||
         count_free (table, highest + 1) < n_moved;
}

static gboolean
is_null (GSpawnFlags flags,
         int         stream)
{
  if (stream == 0)
    return (flags & G_SPAWN_CHILD_INHERITS_STDIN) == 0;

  return (flags & (stream == 1 ? G_SPAWN_STDOUT_TO_DEV_NULL : G_SPAWN_STDERR_TO_DEV_NULL)) != 0;
}

static gboolean
set_stream (const GSpawnRequest *request,
            const int           *pipe_fds,
            int                  stream,
            FdTable             *table)
{
  int source = pipe_fds[stream] >= 0 ? pipe_fds[stream] : request->stream_fds[stream];

  if (source < 0 || (stream == 0 && source == 0))
    {
      if (is_null (request->flags, stream))
        table->entries[stream] = (FdEntry) { stream == 0 ? FD_NULL_READ : FD_NULL_WRITE, FALSE };
      return TRUE;
    }

  if (!has (table, source))
    return FALSE;

  table->entries[stream] = (FdEntry) { table->entries[source].file, FALSE };
  return TRUE;
}

/* The sources are looked up before the first target changes, the targets set in turn. */
static gboolean
set_map (const GSpawnRequest *request,
         FdTable             *table)
{
  const FdTable before = *table;

  for (gsize i = 0; i < request->n_fds; i++)
    {
      int source = request->source_fds[i], target = request->target_fds[i];

      if (source == target && has (table, target))
        table->entries[target].cloexec = FALSE;
      if (source == target)
        continue;

      if (!has (&before, source) || target < 0 || target >= table->limit)
        return FALSE;
      table->entries[target] = (FdEntry) { before.entries[source].file, FALSE };
    }

  return TRUE;
}

static void
set_rest (const GSpawnRequest *request,
          const int           *pipe_fds,
          FdTable             *table)
{
  gboolean close_rest = (request->flags & G_SPAWN_LEAVE_DESCRIPTORS_OPEN) == 0;

  for (int fd = 3; fd < FD_TABLE_SIZE; fd++)
    for (int i = 0; i < GSPAWN_N_STREAMS; i++)
      if (close_rest || fd == (pipe_fds[i] >= 0 ? pipe_fds[i] : request->stream_fds[i]))
        table->entries[fd].cloexec = TRUE;
}

FdExpectation
fd_contract_expect (const GSpawnRequest *request,
                    const int           *pipe_fds,
                    const FdTable       *caller)
{
  FdExpectation expectation = { .table = *caller };
  FdTable *table = &expectation.table;

  expectation.little_room = has_little_room (request, caller);
  /* The caller has no report, so that neither a source nor a target can mean it. */
  if (caller->report_fd >= 0)
    table->entries[caller->report_fd].file = FD_CLOSED;

  for (int i = 0; i < GSPAWN_N_STREAMS && !expectation.impossible; i++)
    expectation.impossible = !set_stream (request, pipe_fds, i, table);
  set_rest (request, pipe_fds, table);
  if (!expectation.impossible)
    expectation.impossible = !set_map (request, table);

  return expectation;
}

/* A number that means nothing to the caller may have a copy of ours, which the program does not
 * get: but only where no operation could have meant it. */
static void
check_entry (const FdExpectation *expectation,
             const GSpawnPlan    *plan,
             const FdTable       *outcome,
             int                  fd)
{
  const FdEntry *expected = &expectation->table.entries[fd];
  const FdEntry *actual = &outcome->entries[fd];

  if (expected->file != FD_CLOSED)
    {
      if (actual->file != expected->file || actual->cloexec != expected->cloexec)
        g_error ("Descriptor %d is file %d%s instead of %d%s", fd,
                 actual->file, actual->cloexec ? ", close-on-exec," : "",
                 expected->file, expected->cloexec ? ", close-on-exec" : "");
      return;
    }

  if (actual->file == FD_CLOSED)
    return;
  if (!actual->cloexec)
    g_error ("The program gets file %d as %d, where it has none", actual->file, fd);
  if (fd != outcome->report_fd && fd < plan->first_free_fd)
    g_error ("Descriptor %d has a copy of file %d, among the targets", fd, actual->file);
}

static void
check_report (const FdTable *outcome)
{
  int fd = outcome->report_fd;

  if (fd >= 0 && (outcome->entries[fd].file != FD_REPORT || !outcome->entries[fd].cloexec))
    g_error ("The report is gone from %d, which is file %d", fd, outcome->entries[fd].file);
}

/* Holds what a child made of the operations against what the request means. */
void
fd_contract_check (const FdExpectation *expectation,
                   const GSpawnPlan    *plan,
                   const FdTable       *outcome,
                   const GSpawnFailure *failure)
{
  gboolean may_fail = expectation->impossible || expectation->little_room;

  /* Where it cannot be told, the child can still be. */
  check_report (outcome);

  if (failure->stage != GSPAWN_STAGE_NONE)
    {
      if (!may_fail)
        g_error ("Stage %d failed with %d, for no reason", failure->stage, failure->error_number);
      if (!expectation->little_room &&
          (failure->stage != GSPAWN_STAGE_DUP || failure->error_number != EBADF))
        g_error ("A descriptor that is none gave %d in stage %d", failure->error_number,
                 failure->stage);
      return;
    }

  if (expectation->impossible)
    g_error ("A descriptor that is none, or cannot be, was let pass");
  for (int fd = 0; fd < FD_TABLE_SIZE; fd++)
    check_entry (expectation, plan, outcome, fd);
}
