/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>

#include "gspawn-macros.h"

G_BEGIN_DECLS

/**
 * GSpawnEngine:
 * @GSPAWN_ENGINE_CLONE: a child that shares the caller's memory until it has executed, made with
 *     clone3() or clone(). Linux only.
 * @GSPAWN_ENGINE_POSIX_SPAWN: posix_spawn().
 * @GSPAWN_ENGINE_FORK: fork() and exec.
 *
 * The ways in which a process can be made, in the order in which they are tried.
 *
 * Since: 0.1
 */
typedef enum {
  GSPAWN_ENGINE_CLONE,
  GSPAWN_ENGINE_POSIX_SPAWN,
  GSPAWN_ENGINE_FORK,
} GSpawnEngine;

/**
 * GSPAWN_N_ENGINES:
 *
 * How many values #GSpawnEngine has.
 *
 * Since: 0.1
 */
#define GSPAWN_N_ENGINES 3

/**
 * GSpawnNeeds:
 * @GSPAWN_NEED_SEARCH_PATH: the program is searched for in `PATH`
 * @GSPAWN_NEED_WORKING_DIRECTORY: the child changes its directory
 * @GSPAWN_NEED_STREAMS: a standard stream is redirected
 * @GSPAWN_NEED_FD_MAP: descriptors are mapped beside the standard streams
 * @GSPAWN_NEED_CLOSE: all other descriptors are closed
 * @GSPAWN_NEED_SPARSE_CLOSE: all others are closed, and the targets of the map lie so far apart
 *     that the gaps between them cannot be listed
 * @GSPAWN_NEED_REAP: the caller will not wait for the child, so it must not be the caller's
 * @GSPAWN_NEED_CHILD_SETUP: a function of the caller runs in the child
 * @GSPAWN_NEED_SESSION: the child leads a session
 * @GSPAWN_NEED_PROCESS_GROUP: the child is put into a process group
 * @GSPAWN_NEED_SIGNALS: the child's signal mask or dispositions are set
 * @GSPAWN_NEED_ATTRIBUTES: the child has other attributes
 * @GSPAWN_NEED_TRACE_ME: the child is traced by its parent
 * @GSPAWN_NEED_SECCOMP_FILTER: the child has a filter of system calls
 *
 * What a request asks of the engine that takes it.
 *
 * Since: 0.1
 */
typedef enum {
  GSPAWN_NEED_SEARCH_PATH       = 1 << 0,
  GSPAWN_NEED_WORKING_DIRECTORY = 1 << 1,
  GSPAWN_NEED_STREAMS           = 1 << 2,
  GSPAWN_NEED_FD_MAP            = 1 << 3,
  GSPAWN_NEED_CLOSE             = 1 << 4,
  GSPAWN_NEED_SPARSE_CLOSE      = 1 << 5,
  GSPAWN_NEED_REAP              = 1 << 6,
  GSPAWN_NEED_CHILD_SETUP       = 1 << 7,
  GSPAWN_NEED_SESSION           = 1 << 8,
  GSPAWN_NEED_PROCESS_GROUP     = 1 << 9,
  GSPAWN_NEED_SIGNALS           = 1 << 10,
  GSPAWN_NEED_ATTRIBUTES        = 1 << 11,
  GSPAWN_NEED_TRACE_ME          = 1 << 12,
  GSPAWN_NEED_SECCOMP_FILTER    = 1 << 13,
} GSpawnNeeds;

/**
 * GSPAWN_N_NEEDS:
 *
 * How many bits #GSpawnNeeds has; they are numbered from 0 without a gap.
 *
 * Since: 0.1
 */
#define GSPAWN_N_NEEDS 14

GSPAWN_AVAILABLE_IN_0_1
const char *gspawn_engine_get_name (GSpawnEngine engine);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_engine_is_available (GSpawnEngine   engine,
                                     const char   **detail);

GSPAWN_AVAILABLE_IN_0_1
GSpawnNeeds gspawn_engine_get_capabilities (GSpawnEngine engine);

GSPAWN_AVAILABLE_IN_0_1
const char *gspawn_need_get_name (GSpawnNeeds need);

GSPAWN_AVAILABLE_IN_0_1
const char *gspawn_need_get_description (GSpawnNeeds need);

G_END_DECLS
