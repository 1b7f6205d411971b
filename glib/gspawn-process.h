/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <sys/resource.h>

#include "gspawn-engines.h"
#include "gspawn-launch.h"

G_BEGIN_DECLS

/**
 * GSpawnProcess:
 *
 * A process that a template has launched: its pid, a descriptor of it where the kernel has such, and
 * our ends of the pipes to it.
 *
 * It is a child of ours, and waited for by nobody but its #GSpawnProcess: no handler for `SIGCHLD` is
 * installed, and no other child is ever waited for. It may be used by several threads at once.
 *
 * Since: 0.1
 */
typedef struct _GSpawnProcess GSpawnProcess;

GSPAWN_AVAILABLE_IN_0_1
GSpawnProcess *gspawn_process_ref (GSpawnProcess *process);

GSPAWN_AVAILABLE_IN_0_1
void gspawn_process_unref (GSpawnProcess *process);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (GSpawnProcess, gspawn_process_unref)

GSPAWN_AVAILABLE_IN_0_1
GPid gspawn_process_get_pid (const GSpawnProcess *process);

GSPAWN_AVAILABLE_IN_0_1
int gspawn_process_get_pidfd (const GSpawnProcess *process);

GSPAWN_AVAILABLE_IN_0_1
int gspawn_process_get_pipe (GSpawnProcess *process,
                             GSpawnStream   stream);

GSPAWN_AVAILABLE_IN_0_1
int gspawn_process_steal_pipe (GSpawnProcess *process,
                               GSpawnStream   stream);

GSPAWN_AVAILABLE_IN_0_1
GSpawnEngine gspawn_process_get_engine (const GSpawnProcess *process);

GSPAWN_AVAILABLE_IN_0_1
GSpawnLaunchKind gspawn_process_get_launch_kind (const GSpawnProcess *process);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_process_send_signal (GSpawnProcess  *process,
                                     int             signal_number,
                                     GError        **error);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_process_has_ended (GSpawnProcess *process);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_process_wait (GSpawnProcess  *process,
                              int            *wait_status,
                              GError        **error);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_process_wait_check (GSpawnProcess  *process,
                                    GError        **error);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_process_get_usage (GSpawnProcess *process,
                                   struct rusage *usage);

G_END_DECLS
