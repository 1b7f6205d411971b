/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "fuzz-input.h"
#include "gspawn-request-private.h"

#define FUZZ_MAX_FDS 24

/* The descriptors of a request, and the ends of pipes that the launch has made for it. */
typedef struct {
  GSpawnFlags flags;
  int stream_fds[GSPAWN_N_STREAMS];
  int pipe_fds[GSPAWN_N_STREAMS];
  int *source_fds;
  int *target_fds;
  gsize n_fds;
} FuzzFds;

void fuzz_fds_init  (FuzzFds       *fds,
                     FuzzInput     *input);
void fuzz_fds_clear (FuzzFds       *fds);
void fuzz_fds_apply (const FuzzFds *fds,
                     GSpawnRequest *request);
