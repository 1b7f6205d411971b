/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Carries out the operations of a plan on a table of numbers, as a child does on its descriptors
 * and with the kernel's rules. Another target holds it against real ones: see child-fds.c. It must
 * not look at what the request was. */

#include "fd-model.h"

#include <errno.h>
#include <fcntl.h>

typedef struct {
  FdTable *table;
  const GSpawnPlan *plan;
  /* One for each entry of the map at most. */
  int saved[FUZZ_MAX_FDS];
} Process;

static gboolean
is_open (const FdTable *table,
         int            fd)
{
  return fd >= 0 && fd < FD_TABLE_SIZE && table->entries[fd].file != FD_CLOSED;
}

/* The lowest free number from @minimum up, or −EMFILE. */
static int
find_free (const FdTable *table,
           int            minimum)
{
  for (int fd = minimum; fd < table->limit; fd++)
    if (table->entries[fd].file == FD_CLOSED)
      return fd;

  return -EMFILE;
}

/* fcntl() with F_DUPFD_CLOEXEC */
static int
duplicate_above (FdTable *table,
                 int      source,
                 int      minimum)
{
  int fd;

  if (!is_open (table, source))
    return -EBADF;
  if (minimum >= table->limit)
    return -EINVAL;

  fd = find_free (table, minimum);
  if (fd >= 0)
    table->entries[fd] = (FdEntry) { table->entries[source].file, TRUE };

  return fd;
}

/* dup2(), for different numbers */
static int
duplicate_to (FdTable *table,
              int      source,
              int      target)
{
  if (target < 0 || target >= table->limit || !is_open (table, source))
    return -EBADF;

  table->entries[target] = (FdEntry) { table->entries[source].file, FALSE };
  return target;
}

static int
set_cloexec (FdTable  *table,
             int       fd,
             gboolean  cloexec)
{
  if (!is_open (table, fd))
    return -EBADF;

  table->entries[fd].cloexec = cloexec;
  return 0;
}

/* Nobody may write over the report, so it goes out of the way. */
static int
vacate (Process *process,
        int      fd)
{
  FdTable *table = process->table;
  int moved;

  if (fd < 0 || fd != table->report_fd)
    return 0;

  moved = duplicate_above (table, fd, process->plan->first_free_fd);
  if (moved < 0)
    return moved;

  table->entries[fd].file = FD_CLOSED;
  table->report_fd = moved;
  return 0;
}

static int
duplicate (Process *process,
           int      source,
           int      target)
{
  int result;

  if (source == target)
    return set_cloexec (process->table, target, FALSE);
  if (source >= 0 && source == process->table->report_fd)
    return -EBADF;

  result = vacate (process, target);
  return result < 0 ? result : duplicate_to (process->table, source, target);
}

static int
open_null (Process        *process,
           const GSpawnOp *op)
{
  FdTable *table = process->table;
  int fd = find_free (table, 0);
  int result;

  if (fd < 0)
    return fd;

  g_assert_true (op->flags == O_RDONLY || op->flags == O_WRONLY);
  table->entries[fd] = (FdEntry) { op->flags == O_RDONLY ? FD_NULL_READ : FD_NULL_WRITE, FALSE };
  if (fd == op->target)
    return fd;

  result = duplicate (process, fd, op->target);
  table->entries[fd].file = FD_CLOSED;
  return result;
}

/* A source may have the number of a copy that we have just made: the caller has none there. */
static int
save (Process        *process,
      const GSpawnOp *op)
{
  g_assert_cmpuint (op->slot, <, process->plan->n_slots);
  g_assert_cmpint (process->saved[op->slot], ==, -1);

  if (op->source >= 0 && op->source == process->table->report_fd)
    return -EBADF;
  for (guint i = 0; i < process->plan->n_slots; i++)
    if (op->source >= 0 && process->saved[i] == op->source)
      return -EBADF;

  return process->saved[op->slot] = duplicate_above (process->table, op->source, op->minimum);
}

static int
use_saved (Process        *process,
           const GSpawnOp *op)
{
  g_assert_cmpuint (op->slot, <, process->plan->n_slots);
  g_assert_cmpint (process->saved[op->slot], >=, 0);

  return duplicate (process, process->saved[op->slot], op->target);
}

static int
apply (Process        *process,
       const GSpawnOp *op)
{
  int result;

  switch (op->kind)
    {
    case GSPAWN_OP_CHDIR:
      return 0;
    case GSPAWN_OP_OPEN_NULL:
      return open_null (process, op);
    case GSPAWN_OP_DUP:
      return duplicate (process, op->source, op->target);
    case GSPAWN_OP_SAVE:
      return save (process, op);
    case GSPAWN_OP_DUP_SAVED:
      return use_saved (process, op);
    case GSPAWN_OP_SET_CLOEXEC:
      set_cloexec (process->table, op->target, TRUE);
      return 0;
    case GSPAWN_OP_CLEAR_CLOEXEC:
      result = vacate (process, op->target);
      if (result == 0)
        set_cloexec (process->table, op->target, FALSE);
      return result;
    case GSPAWN_OP_CLOEXEC_REST:
      for (int fd = op->target; fd < FD_TABLE_SIZE; fd++)
        set_cloexec (process->table, fd, TRUE);
      return 0;
    default:
      g_assert_not_reached ();
    }
}

/* @table becomes that of the child. */
GSpawnFailure
fd_operations_run (const GSpawnPlan *plan,
                   FdTable          *table)
{
  Process process = { .table = table, .plan = plan };

  g_assert_cmpuint (plan->n_slots, <=, G_N_ELEMENTS (process.saved));
  for (guint i = 0; i < plan->n_slots; i++)
    process.saved[i] = -1;

  for (guint i = 0; i < plan->n_ops; i++)
    {
      int result = apply (&process, &plan->ops[i]);

      if (result < 0)
        return (GSpawnFailure) { .stage = gspawn_op_stage (&plan->ops[i]), .error_number = -result };
    }

  return (GSpawnFailure) { .stage = GSPAWN_STAGE_NONE };
}
