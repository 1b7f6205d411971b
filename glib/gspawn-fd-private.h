/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>

/* A pipe of ours. Both ends are close-on-exec and above the standard streams. */
typedef struct {
  int read_fd;
  int write_fd;
} GSpawnPipe;

#define GSPAWN_PIPE_INIT { -1, -1 }

int      _gspawn_fd_move_up (int         fd,
                             int         minimum);
void     _gspawn_fd_clear   (int        *fd);

gboolean _gspawn_pipe_open  (GSpawnPipe *self);
void     _gspawn_pipe_clear (GSpawnPipe *self);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GSpawnPipe, _gspawn_pipe_clear)
