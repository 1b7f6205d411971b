/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>
#include <sys/resource.h>
#include <sys/types.h>

typedef enum {
  GSPAWN_WAIT_RUNS,
  GSPAWN_WAIT_ENDED,
  GSPAWN_WAIT_LOST,     /* it is no child of this process, or none any more */
} GSpawnWaitResult;

/* How a process has ended: as waitpid() says it, and what it has used. */
typedef struct {
  int status;
  struct rusage usage;
} GSpawnEnd;

GSpawnWaitResult _gspawn_wait (pid_t      pid,
                               int        pidfd,
                               int        options,
                               GSpawnEnd *end);
