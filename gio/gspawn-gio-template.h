/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <gio/gio.h>

#include <gspawn-attributes.h>
#include <gspawn-launch.h>

#include "gspawn-gio-process.h"

G_BEGIN_DECLS

#define GSPAWN_GIO_TYPE_TEMPLATE (gspawn_gio_template_get_type ())

/**
 * GSpawnGioTemplate:
 *
 * A program prepared to be launched many times: its executable, leading arguments, environment,
 * working directory, descriptors and attributes. In bindings it is `GSpawn.Template`.
 *
 * A template can be changed until its first launch, by one thread. From then on it is immutable,
 * and any number of threads can launch it at once.
 *
 * Since: 0.1
 */
GSPAWN_AVAILABLE_IN_0_1
G_DECLARE_FINAL_TYPE (GSpawnGioTemplate, gspawn_gio_template, GSPAWN_GIO, TEMPLATE, GObject)

GSPAWN_AVAILABLE_IN_0_1
GSpawnGioTemplate *gspawn_gio_template_new (const char *const  *argv,
                                            GSpawnFlags         flags,
                                            GError            **error);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_gio_template_set_environment (GSpawnGioTemplate  *tmpl,
                                              const char *const  *envp,
                                              GError            **error);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_gio_template_set_working_directory (GSpawnGioTemplate  *tmpl,
                                                    const char         *directory,
                                                    GError            **error);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_gio_template_set_attributes (GSpawnGioTemplate  *tmpl,
                                             GSpawnAttributes   *attributes,
                                             GError            **error);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_gio_template_set_stream (GSpawnGioTemplate  *tmpl,
                                         GSpawnStream        stream,
                                         GSpawnStreamKind    kind,
                                         GError            **error);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_gio_template_set_stream_fd (GSpawnGioTemplate  *tmpl,
                                            GSpawnStream        stream,
                                            int                 fd,
                                            GError            **error);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_gio_template_set_fd (GSpawnGioTemplate  *tmpl,
                                     int                 source_fd,
                                     int                 target_fd,
                                     GError            **error);

GSPAWN_AVAILABLE_IN_0_1
GSpawnGioProcess *gspawn_gio_template_launch (GSpawnGioTemplate  *tmpl,
                                              const char *const  *arguments,
                                              GError            **error);

GSPAWN_AVAILABLE_IN_0_1
void gspawn_gio_template_launch_async (GSpawnGioTemplate   *tmpl,
                                       const char *const   *arguments,
                                       GCancellable        *cancellable,
                                       GAsyncReadyCallback  callback,
                                       gpointer             user_data);

GSPAWN_AVAILABLE_IN_0_1
GSpawnGioProcess *gspawn_gio_template_launch_finish (GSpawnGioTemplate  *tmpl,
                                                     GAsyncResult       *result,
                                                     GError            **error);

GSPAWN_AVAILABLE_IN_0_1
GSpawnGioProcess *gspawn_gio_template_launch_with (GSpawnGioTemplate  *tmpl,
                                                   GSpawnLaunch       *launch,
                                                   GError            **error);

GSPAWN_AVAILABLE_IN_0_1
void gspawn_gio_template_launch_with_async (GSpawnGioTemplate   *tmpl,
                                            GSpawnLaunch        *launch,
                                            GCancellable        *cancellable,
                                            GAsyncReadyCallback  callback,
                                            gpointer             user_data);

GSPAWN_AVAILABLE_IN_0_1
GSpawnGioProcess *gspawn_gio_template_launch_with_finish (GSpawnGioTemplate  *tmpl,
                                                          GAsyncResult       *result,
                                                          GError            **error);

G_END_DECLS
