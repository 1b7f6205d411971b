/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "gspawn-trace-reader-private.h"

/* A copy of a record, which lives as long as the reader's call. */
GSpawnTraceRecord *record_copy          (const GSpawnTraceRecord *record);
void               record_free          (gpointer                 record);
gboolean           record_equal         (const GSpawnTraceRecord *a,
                                         const GSpawnTraceRecord *b);

char              *summary_model_format (const GPtrArray         *records,
                                         guint64                  n_rejected);
