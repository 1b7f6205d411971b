/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* GLib's functions that the drop-in takes over, declared for gtk-doc, which does not look into
 * installed headers. Not to be included by code: <glib.h> declares them. g-spawn.c makes the
 * compiler hold one against the other. */
#pragma once

#include <glib.h>

/* NOLINTBEGIN(readability-redundant-declaration): that is what they are for. */

gboolean g_spawn_async (const gchar          *working_directory,
                        gchar               **argv,
                        gchar               **envp,
                        GSpawnFlags           flags,
                        GSpawnChildSetupFunc  child_setup,
                        gpointer              user_data,
                        GPid                 *child_pid,
                        GError              **error);

gboolean g_spawn_async_with_pipes (const gchar          *working_directory,
                                   gchar               **argv,
                                   gchar               **envp,
                                   GSpawnFlags           flags,
                                   GSpawnChildSetupFunc  child_setup,
                                   gpointer              user_data,
                                   GPid                 *child_pid,
                                   gint                 *standard_input,
                                   gint                 *standard_output,
                                   gint                 *standard_error,
                                   GError              **error);

gboolean g_spawn_async_with_pipes_and_fds (const gchar           *working_directory,
                                           const gchar * const   *argv,
                                           const gchar * const   *envp,
                                           GSpawnFlags            flags,
                                           GSpawnChildSetupFunc   child_setup,
                                           gpointer               user_data,
                                           gint                   stdin_fd,
                                           gint                   stdout_fd,
                                           gint                   stderr_fd,
                                           const gint            *source_fds,
                                           const gint            *target_fds,
                                           gsize                  n_fds,
                                           GPid                  *child_pid_out,
                                           gint                  *stdin_pipe_out,
                                           gint                  *stdout_pipe_out,
                                           gint                  *stderr_pipe_out,
                                           GError               **error);

gboolean g_spawn_async_with_fds (const gchar          *working_directory,
                                 gchar               **argv,
                                 gchar               **envp,
                                 GSpawnFlags           flags,
                                 GSpawnChildSetupFunc  child_setup,
                                 gpointer              user_data,
                                 GPid                 *child_pid,
                                 gint                  stdin_fd,
                                 gint                  stdout_fd,
                                 gint                  stderr_fd,
                                 GError              **error);

gboolean g_spawn_sync (const gchar           *working_directory,
                       gchar                **argv,
                       gchar                **envp,
                       GSpawnFlags            flags,
                       GSpawnChildSetupFunc   child_setup,
                       gpointer               user_data,
                       gchar                **standard_output,
                       gchar                **standard_error,
                       gint                  *wait_status,
                       GError               **error);

gboolean g_spawn_command_line_sync (const gchar  *command_line,
                                    gchar       **standard_output,
                                    gchar       **standard_error,
                                    gint         *wait_status,
                                    GError      **error);

gboolean g_spawn_command_line_async (const gchar  *command_line,
                                     GError      **error);

gboolean g_spawn_check_wait_status (gint     wait_status,
                                    GError **error);

#ifndef G_DISABLE_DEPRECATED
gboolean g_spawn_check_exit_status (gint     wait_status,
                                    GError **error);
#endif

void g_spawn_close_pid (GPid pid);

GQuark g_spawn_error_quark (void);

GQuark g_spawn_exit_error_quark (void);

/* NOLINTEND(readability-redundant-declaration) */
