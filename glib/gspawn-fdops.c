/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Turns what a caller wants of the child's descriptors into an ordered list of operations. It is
 * arithmetic on numbers: nothing here opens, duplicates or closes a descriptor. */
#include "config.h"

#include "gspawn-fdops-private.h"

#include <fcntl.h>
#include <unistd.h>

/* Gaps between the targets of a map have to be closed one by one where the rest can only be closed
 * from a number up; so many are still a list. */
#define MAX_LISTED_GAPS 256

static int
max_target (const GSpawnFdTable *table)
{
  int max = STDERR_FILENO;

  for (gsize i = 0; i < table->n_fds; i++)
    max = MAX (max, table->target_fds[i]);

  return max;
}

/* A number above every one that the child writes to. */
int
_gspawn_fdops_first_free_fd (const GSpawnFdTable *table)
{
  return max_target (table) + 1;
}

gsize
_gspawn_fdops_max_ops (const GSpawnFdTable *table)
{
  /* Per stream the redirection and a flag on its source; one for the rest; two per entry. */
  return 2 * GSPAWN_N_STREAMS + 1 + 2 * table->n_fds;
}

GSpawnNeeds
_gspawn_fdops_needs (const GSpawnFdTable *table)
{
  GSpawnNeeds needs = 0;

  for (int i = 0; i < GSPAWN_N_STREAMS; i++)
    if (table->streams[i].kind != GSPAWN_FD_STREAM_INHERIT)
      needs |= GSPAWN_NEED_STREAMS;

  if (table->n_fds > 0)
    needs |= GSPAWN_NEED_FD_MAP;

  if (table->close_rest)
    {
      needs |= GSPAWN_NEED_CLOSE;
      if (max_target (table) - STDERR_FILENO > MAX_LISTED_GAPS)
        needs |= GSPAWN_NEED_SPARSE_CLOSE;
    }

  return needs;
}

/* The streams are redirected in turn, so that a source of 0, 1 or 2 means what the child has there
 * by then: stderr can be merged into a new stdout. */
static GSpawnOp *
append_streams (const GSpawnFdTable *table,
                GSpawnOp            *op)
{
  for (int target = 0; target < GSPAWN_N_STREAMS; target++)
    {
      const GSpawnFdStream *stream = &table->streams[target];

      if (stream->kind == GSPAWN_FD_STREAM_NULL)
        *op++ = (GSpawnOp) { .kind = GSPAWN_OP_OPEN_NULL, .target = target,
                             .flags = target == STDIN_FILENO ? O_RDONLY : O_WRONLY };
      else if (stream->kind == GSPAWN_FD_STREAM_FD)
        *op++ = (GSpawnOp) { .kind = GSPAWN_OP_DUP, .source = stream->fd, .target = target };
    }

  /* The rest is about to get the flag as a whole, or else these originals alone. */
  for (int i = 0; i < GSPAWN_N_STREAMS && !table->close_rest; i++)
    if (table->streams[i].kind == GSPAWN_FD_STREAM_FD && table->streams[i].fd > STDERR_FILENO)
      *op++ = (GSpawnOp) { .kind = GSPAWN_OP_SET_CLOEXEC, .target = table->streams[i].fd };

  return op;
}

/* Every source is moved above all targets before the first target is written, so no entry can
 * destroy what a later one needs. */
static GSpawnOp *
append_map (const GSpawnFdTable *table,
            GSpawnOp            *op,
            GSpawnPlan          *plan)
{
  guint slot = plan->n_slots;

  for (gsize i = 0; i < table->n_fds; i++)
    if (table->source_fds[i] != table->target_fds[i])
      *op++ = (GSpawnOp) { .kind = GSPAWN_OP_SAVE, .source = table->source_fds[i],
                           .minimum = plan->first_free_fd, .slot = plan->n_slots++ };

  for (gsize i = 0; i < table->n_fds; i++)
    if (table->source_fds[i] == table->target_fds[i])
      *op++ = (GSpawnOp) { .kind = GSPAWN_OP_CLEAR_CLOEXEC, .target = table->target_fds[i] };
    else
      *op++ = (GSpawnOp) { .kind = GSPAWN_OP_DUP_SAVED, .target = table->target_fds[i],
                           .slot = slot++ };

  return op;
}

/* Appends at @ops, which has room for _gspawn_fdops_max_ops(), and counts into @plan, whose first
 * free descriptor is known. No target is G_MAXINT: there has to be a descriptor above them all. */
void
_gspawn_fdops_append (const GSpawnFdTable *table,
                      GSpawnOp            *ops,
                      GSpawnPlan          *plan)
{
  GSpawnOp *op = append_streams (table, ops);

  if (table->close_rest)
    *op++ = (GSpawnOp) { .kind = GSPAWN_OP_CLOEXEC_REST, .target = STDERR_FILENO + 1 };

  op = append_map (table, op, plan);

  plan->n_ops += op - ops;
}
