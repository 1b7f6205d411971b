/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "gspawn-summary-private.h"

G_BEGIN_DECLS

typedef struct _GSpawnTraceFile GSpawnTraceFile;

char            *_gspawn_trace_file_check          (const char       *path,
                                                    GError          **error);

GSpawnTraceFile *_gspawn_trace_file_new            (const char       *path,
                                                    gboolean          forward,
                                                    GSpawnSummary    *summary,
                                                    GError          **error);
void             _gspawn_trace_file_free           (GSpawnTraceFile  *file);

const char      *_gspawn_trace_file_get_path       (GSpawnTraceFile  *file);
int              _gspawn_trace_file_get_watch      (GSpawnTraceFile  *file);
int              _gspawn_trace_file_get_sink       (GSpawnTraceFile  *file);
gboolean         _gspawn_trace_file_advance        (GSpawnTraceFile  *file,
                                                    gboolean          writable);
guint64          _gspawn_trace_file_get_n_rejected (GSpawnTraceFile  *file);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (GSpawnTraceFile, _gspawn_trace_file_free)

G_END_DECLS
