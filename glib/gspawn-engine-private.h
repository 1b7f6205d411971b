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

/**
 * GSpawnLaunched:
 * @pid: the program's process
 * @pidfd: a descriptor of it, or −1: who wants one and did not get it here can still open it
 */
typedef struct {
  GPid pid;
  int pidfd;
} GSpawnLaunched;

/* Makes the child. On success sets @launched, else @failure, and leaves nothing behind. */
typedef gboolean (*GSpawnEngineLaunch) (const GSpawnPlan *plan,
                                        GSpawnLaunched   *launched,
                                        GSpawnFailure    *failure);

gboolean _gspawn_clone_probe        (const char      **detail,
                                     GSpawnNeeds      *lacks);
gboolean _gspawn_clone_launch       (const GSpawnPlan *plan,
                                     GSpawnLaunched   *launched,
                                     GSpawnFailure    *failure);

gboolean _gspawn_posix_spawn_probe  (const char      **detail,
                                     GSpawnNeeds      *lacks);
gboolean _gspawn_posix_spawn_launch (const GSpawnPlan *plan,
                                     GSpawnLaunched   *launched,
                                     GSpawnFailure    *failure);

gboolean _gspawn_fork_probe         (const char      **detail,
                                     GSpawnNeeds      *lacks);
gboolean _gspawn_fork_launch        (const GSpawnPlan *plan,
                                     GSpawnLaunched   *launched,
                                     GSpawnFailure    *failure);

/* Fills in a failure and returns FALSE, for an engine to end with. */
gboolean _gspawn_failure_set        (GSpawnFailure    *failure,
                                     GSpawnStage       stage,
                                     int               error_number);

/* A child in the making is killed, if it is there; and when it is waited for, nobody does so any
 * more. */
void     _gspawn_made_kill          (GSpawnMade       *made);
void     _gspawn_made_forget        (GSpawnMade       *made);

/* Kills a child, and returns whether it is certain to end. One that is not ours any more is not. */
gboolean _gspawn_kill_child         (pid_t             pid);

/* Waits for a process that is no business of the caller's. */
int      _gspawn_reap               (pid_t             pid);

/* Whether a probe must not make a process now. */
gboolean _gspawn_next_child_is_init (void);
