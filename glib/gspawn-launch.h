/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "gspawn-stream.h"

G_BEGIN_DECLS

/**
 * GSpawnLaunchKind:
 * @GSPAWN_LAUNCH_WAITING: the calling thread waited until the program was executed
 * @GSPAWN_LAUNCH_ASYNCHRONOUS: nobody waited: a process of its own saw to it
 * @GSPAWN_LAUNCH_WORKER: a thread of the library's waited in the caller's place
 *
 * Who has waited for a program to be executed.
 *
 * Since: 0.1
 */
typedef enum {
  GSPAWN_LAUNCH_WAITING,
  GSPAWN_LAUNCH_ASYNCHRONOUS,
  GSPAWN_LAUNCH_WORKER,
} GSpawnLaunchKind;

/**
 * GSpawnLaunch:
 *
 * What one launch has of its own, over its template: further arguments, changes of the environment,
 * standard streams and descriptors. It can be changed until it is used, and used more than once.
 *
 * Since: 0.1
 */
typedef struct _GSpawnLaunch GSpawnLaunch;

GSPAWN_AVAILABLE_IN_0_1
GSpawnLaunch *gspawn_launch_new (const char *const *arguments);

GSPAWN_AVAILABLE_IN_0_1
GSpawnLaunch *gspawn_launch_ref (GSpawnLaunch *launch);

GSPAWN_AVAILABLE_IN_0_1
void gspawn_launch_unref (GSpawnLaunch *launch);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (GSpawnLaunch, gspawn_launch_unref)

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_launch_set_variable (GSpawnLaunch  *launch,
                                     const char    *name,
                                     const char    *value,
                                     GError       **error);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_launch_set_stream (GSpawnLaunch      *launch,
                                   GSpawnStream       stream,
                                   GSpawnStreamKind   kind,
                                   GError           **error);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_launch_set_stream_fd (GSpawnLaunch  *launch,
                                      GSpawnStream   stream,
                                      int            fd,
                                      GError       **error);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_launch_set_fd (GSpawnLaunch  *launch,
                               int            source_fd,
                               int            target_fd,
                               GError       **error);

G_END_DECLS
