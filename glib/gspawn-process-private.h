/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "gspawn-process.h"
#include "gspawn-request-private.h"

/* Takes the pid, the pidfd and the pipes over. */
GSpawnProcess *_gspawn_process_new (const GSpawnChildInfo *info,
                                    GSpawnLaunchKind       kind);
