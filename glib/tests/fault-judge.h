/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>

#include "fault-table.h"

char *fault_judge          (const FaultRow     *row,
                            const FaultRun     *run,
                            const FaultOutcome *base,
                            const FaultOutcome *outcome);
char *fault_error_describe (FaultError          error);
