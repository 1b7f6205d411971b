/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "gspawn-program-private.h"
#include "gspawn-trace-file-private.h"

G_BEGIN_DECLS

gboolean _gspawn_supervise (char                         **argv,
                            const GSpawnInheritedSignals  *signals,
                            GSpawnTraceFile               *trace,
                            int                           *wait_status,
                            GError                       **error);

G_END_DECLS
