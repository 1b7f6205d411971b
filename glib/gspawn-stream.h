/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>

#include "gspawn-macros.h"

G_BEGIN_DECLS

/**
 * GSpawnStream:
 * @GSPAWN_STREAM_INPUT: standard input
 * @GSPAWN_STREAM_OUTPUT: standard output
 * @GSPAWN_STREAM_ERROR: standard error
 *
 * A standard stream. The values are the descriptors' numbers.
 *
 * Since: 0.1
 */
typedef enum {
  GSPAWN_STREAM_INPUT,
  GSPAWN_STREAM_OUTPUT,
  GSPAWN_STREAM_ERROR,
} GSpawnStream;

/**
 * GSpawnStreamKind:
 * @GSPAWN_STREAM_KIND_DEFAULT: what the flags of the template say, as for g_spawn_async(): nothing to
 *   read from, and the caller's output
 * @GSPAWN_STREAM_KIND_INHERITED: the caller's
 * @GSPAWN_STREAM_KIND_NULL: `/dev/null`
 * @GSPAWN_STREAM_KIND_PIPE: a pipe, whose other end the process object has
 * @GSPAWN_STREAM_KIND_MERGED: what the program's standard output is connected to; for standard error
 *   only
 *
 * What a standard stream is connected to.
 *
 * Since: 0.1
 */
typedef enum {
  GSPAWN_STREAM_KIND_DEFAULT,
  GSPAWN_STREAM_KIND_INHERITED,
  GSPAWN_STREAM_KIND_NULL,
  GSPAWN_STREAM_KIND_PIPE,
  GSPAWN_STREAM_KIND_MERGED,
} GSpawnStreamKind;

G_END_DECLS
