/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "differential-compare.h"

gboolean  trace_can_take (const Table   *table,
                          GSpawnEngine   engine,
                          const Request *request);
char     *trace_check    (const Table   *table,
                          GSpawnEngine   engine,
                          const Request *request,
                          const Outcome *outcome,
                          gboolean      *taken);
