/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "gspawn-plan-private.h"

/* What a standard stream of the child shall be. */
typedef enum {
  GSPAWN_FD_STREAM_INHERIT,
  GSPAWN_FD_STREAM_NULL,
  GSPAWN_FD_STREAM_FD,
} GSpawnFdStreamKind;

typedef struct {
  GSpawnFdStreamKind kind;
  int fd;
} GSpawnFdStream;

typedef struct {
  GSpawnFdStream streams[GSPAWN_N_STREAMS];
  gboolean close_rest;
  const int *source_fds;
  const int *target_fds;
  gsize n_fds;
} GSpawnFdTable;

int         _gspawn_fdops_first_free_fd (const GSpawnFdTable *table);
gsize       _gspawn_fdops_max_ops       (const GSpawnFdTable *table);
void        _gspawn_fdops_append        (const GSpawnFdTable *table,
                                         GSpawnOp            *ops,
                                         GSpawnPlan          *plan);
GSpawnNeeds _gspawn_fdops_needs         (const GSpawnFdTable *table);
