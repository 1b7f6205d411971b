/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "gspawn-route-private.h"

gint64 _gspawn_trace_begin (void);
void   _gspawn_trace_end   (gint64               begin,
                            const GSpawnRequest *request,
                            const GSpawnRoute   *route,
                            GPid                 pid,
                            const GError        *error);
