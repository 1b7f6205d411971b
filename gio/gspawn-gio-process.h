/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <gio/gio.h>

#include <gspawn-engines.h>
#include <gspawn-launch.h>

G_BEGIN_DECLS

#define GSPAWN_GIO_TYPE_PROCESS (gspawn_gio_process_get_type ())

/**
 * GSpawnGioProcess:
 *
 * A process that a #GSpawnGioTemplate has launched. In bindings it is `GSpawn.Process`.
 *
 * It is a child of ours, waited for by nobody but its object: no handler for `SIGCHLD` is
 * installed, no child watch of GLib's is used, and no other child is ever waited for. All its
 * functions may be called from any thread.
 *
 * Since: 0.1
 */
GSPAWN_AVAILABLE_IN_0_1
G_DECLARE_FINAL_TYPE (GSpawnGioProcess, gspawn_gio_process, GSPAWN_GIO, PROCESS, GObject)

GSPAWN_AVAILABLE_IN_0_1
GPid gspawn_gio_process_get_pid (GSpawnGioProcess *process);

GSPAWN_AVAILABLE_IN_0_1
int gspawn_gio_process_get_pidfd (GSpawnGioProcess *process);

GSPAWN_AVAILABLE_IN_0_1
GSpawnEngine gspawn_gio_process_get_engine (GSpawnGioProcess *process);

GSPAWN_AVAILABLE_IN_0_1
GSpawnLaunchKind gspawn_gio_process_get_launch_kind (GSpawnGioProcess *process);

GSPAWN_AVAILABLE_IN_0_1
GOutputStream *gspawn_gio_process_get_stdin_pipe (GSpawnGioProcess *process);

GSPAWN_AVAILABLE_IN_0_1
GInputStream *gspawn_gio_process_get_stdout_pipe (GSpawnGioProcess *process);

GSPAWN_AVAILABLE_IN_0_1
GInputStream *gspawn_gio_process_get_stderr_pipe (GSpawnGioProcess *process);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_gio_process_send_signal (GSpawnGioProcess  *process,
                                         int                signal_number,
                                         GError           **error);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_gio_process_force_exit (GSpawnGioProcess  *process,
                                        GError           **error);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_gio_process_wait (GSpawnGioProcess  *process,
                                  GCancellable      *cancellable,
                                  GError           **error);

GSPAWN_AVAILABLE_IN_0_1
void gspawn_gio_process_wait_async (GSpawnGioProcess    *process,
                                    GCancellable        *cancellable,
                                    GAsyncReadyCallback  callback,
                                    gpointer             user_data);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_gio_process_wait_finish (GSpawnGioProcess  *process,
                                         GAsyncResult      *result,
                                         GError           **error);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_gio_process_wait_check (GSpawnGioProcess  *process,
                                        GCancellable      *cancellable,
                                        GError           **error);

GSPAWN_AVAILABLE_IN_0_1
void gspawn_gio_process_wait_check_async (GSpawnGioProcess    *process,
                                          GCancellable        *cancellable,
                                          GAsyncReadyCallback  callback,
                                          gpointer             user_data);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_gio_process_wait_check_finish (GSpawnGioProcess  *process,
                                               GAsyncResult      *result,
                                               GError           **error);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_gio_process_has_ended (GSpawnGioProcess *process);

GSPAWN_AVAILABLE_IN_0_1
int gspawn_gio_process_get_wait_status (GSpawnGioProcess *process);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_gio_process_get_if_exited (GSpawnGioProcess *process);

GSPAWN_AVAILABLE_IN_0_1
int gspawn_gio_process_get_exit_status (GSpawnGioProcess *process);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_gio_process_get_if_signaled (GSpawnGioProcess *process);

GSPAWN_AVAILABLE_IN_0_1
int gspawn_gio_process_get_term_sig (GSpawnGioProcess *process);

GSPAWN_AVAILABLE_IN_0_1
gint64 gspawn_gio_process_get_user_time (GSpawnGioProcess *process);

GSPAWN_AVAILABLE_IN_0_1
gint64 gspawn_gio_process_get_system_time (GSpawnGioProcess *process);

GSPAWN_AVAILABLE_IN_0_1
gint64 gspawn_gio_process_get_max_rss (GSpawnGioProcess *process);

G_END_DECLS
