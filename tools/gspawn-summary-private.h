/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "gspawn-trace-reader-private.h"

G_BEGIN_DECLS

typedef struct _GSpawnSummary GSpawnSummary;

GSpawnSummary *_gspawn_summary_new    (void);
void           _gspawn_summary_free   (GSpawnSummary           *summary);
void           _gspawn_summary_add    (GSpawnSummary           *summary,
                                       const GSpawnTraceRecord *record);
char          *_gspawn_summary_format (GSpawnSummary           *summary,
                                       guint64                  n_rejected);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (GSpawnSummary, _gspawn_summary_free)

G_END_DECLS
