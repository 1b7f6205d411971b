/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "gspawn-gio.h"

/* An asynchronous call, until its callback has been called. */
typedef struct {
  GAsyncResult *result;
  GThread *thread;      /* where it was called */
} Awaited;

void               await_ready         (GObject           *source,
                                        GAsyncResult      *result,
                                        gpointer           awaited);
GAsyncResult      *await               (Awaited           *awaited);
GSpawnGioProcess  *await_launch        (GSpawnGioTemplate *tmpl,
                                        Awaited           *awaited,
                                        GError           **error);
gboolean           await_end           (GSpawnGioProcess  *process,
                                        Awaited           *awaited,
                                        GError           **error);

GSpawnGioTemplate *make_script         (const char        *script);
GSpawnGioProcess  *launch_held         (void);
void               release_held        (GSpawnGioProcess  *process);
void               assert_exits        (GSpawnGioProcess  *process,
                                        int                exit_status);
void               make_pipe           (int               *read_end,
                                        int               *write_end);
char              *read_to_end         (int                fd);
guint              count_descriptors   (void);
void               add_test            (const char        *path,
                                        GTestFunc          func);

void               add_template_tests  (void);
void               add_launching_tests (void);
void               add_process_tests   (void);
