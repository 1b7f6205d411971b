/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * What an engine is to the router: a probe and a launch. */
#pragma once

#include <sys/types.h>

#include "gspawn-plan-private.h"

/* Whether the engine works in this process. Says in @detail how, or why not, and in @lacks what it
 * cannot do here though it could elsewhere. */
typedef gboolean (*GSpawnEngineProbe) (const char  **detail,
                                       GSpawnNeeds  *lacks);

/* Makes the child. On success sets @pid, else @failure, and leaves nothing behind. */
typedef gboolean (*GSpawnEngineLaunch) (const GSpawnPlan *plan,
                                        GPid             *pid,
                                        GSpawnFailure    *failure);

gboolean _gspawn_clone_probe        (const char      **detail,
                                     GSpawnNeeds      *lacks);
gboolean _gspawn_clone_launch       (const GSpawnPlan *plan,
                                     GPid             *pid,
                                     GSpawnFailure    *failure);

gboolean _gspawn_posix_spawn_probe  (const char      **detail,
                                     GSpawnNeeds      *lacks);
gboolean _gspawn_posix_spawn_launch (const GSpawnPlan *plan,
                                     GPid             *pid,
                                     GSpawnFailure    *failure);

gboolean _gspawn_fork_probe         (const char      **detail,
                                     GSpawnNeeds      *lacks);
gboolean _gspawn_fork_launch        (const GSpawnPlan *plan,
                                     GPid             *pid,
                                     GSpawnFailure    *failure);

/* Fills in a failure and returns FALSE, for an engine to end with. */
gboolean _gspawn_failure_set        (GSpawnFailure    *failure,
                                     GSpawnStage       stage,
                                     int               error_number);

/* Waits for a process that is no business of the caller's. */
int      _gspawn_reap               (pid_t             pid);

/* Whether a probe must not make a process now. */
gboolean _gspawn_next_child_is_init (void);
