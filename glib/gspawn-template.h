/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "gspawn-attributes.h"
#include "gspawn-launch.h"
#include "gspawn-process.h"

G_BEGIN_DECLS

/**
 * GSpawnTemplate:
 *
 * A program prepared to be launched many times: its executable, leading arguments, environment,
 * working directory, descriptors and attributes.
 *
 * A template can be changed until its first launch, by one thread. From then on it is immutable,
 * and any number of threads can launch it at once.
 *
 * Since: 0.1
 */
typedef struct _GSpawnTemplate GSpawnTemplate;

/**
 * GSpawnPending:
 *
 * A launch that has begun and for which the caller does not wait.
 *
 * Since: 0.1
 */
typedef struct _GSpawnPending GSpawnPending;

GSPAWN_AVAILABLE_IN_0_1
GSpawnTemplate *gspawn_template_new (const char *const  *argv,
                                     GSpawnFlags         flags,
                                     GError            **error);

GSPAWN_AVAILABLE_IN_0_1
GSpawnTemplate *gspawn_template_ref (GSpawnTemplate *tmpl);

GSPAWN_AVAILABLE_IN_0_1
void gspawn_template_unref (GSpawnTemplate *tmpl);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (GSpawnTemplate, gspawn_template_unref)

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_template_set_environment (GSpawnTemplate     *tmpl,
                                          const char *const  *envp,
                                          GError            **error);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_template_set_working_directory (GSpawnTemplate  *tmpl,
                                                const char      *directory,
                                                GError         **error);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_template_set_attributes (GSpawnTemplate    *tmpl,
                                         GSpawnAttributes  *attributes,
                                         GError           **error);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_template_set_stream (GSpawnTemplate    *tmpl,
                                     GSpawnStream       stream,
                                     GSpawnStreamKind   kind,
                                     GError           **error);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_template_set_stream_fd (GSpawnTemplate  *tmpl,
                                        GSpawnStream     stream,
                                        int              fd,
                                        GError         **error);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_template_set_fd (GSpawnTemplate  *tmpl,
                                 int              source_fd,
                                 int              target_fd,
                                 GError         **error);

GSPAWN_AVAILABLE_IN_0_1
GSpawnProcess *gspawn_template_launch (GSpawnTemplate     *tmpl,
                                       const char *const  *arguments,
                                       GError            **error);

GSPAWN_AVAILABLE_IN_0_1
GSpawnProcess *gspawn_template_launch_with (GSpawnTemplate  *tmpl,
                                            GSpawnLaunch    *launch,
                                            GError         **error);

GSPAWN_AVAILABLE_IN_0_1
GSpawnPending *gspawn_template_begin (GSpawnTemplate  *tmpl,
                                      GSpawnLaunch    *launch,
                                      GError         **error);

GSPAWN_AVAILABLE_IN_0_1
int gspawn_pending_get_fd (const GSpawnPending *pending);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_pending_poll (GSpawnPending *pending);

GSPAWN_AVAILABLE_IN_0_1
GSpawnProcess *gspawn_pending_complete (GSpawnPending  *pending,
                                        GError        **error);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_pending_cancel (GSpawnPending *pending);

GSPAWN_AVAILABLE_IN_0_1
void gspawn_pending_free (GSpawnPending *pending);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (GSpawnPending, gspawn_pending_free)

G_END_DECLS
