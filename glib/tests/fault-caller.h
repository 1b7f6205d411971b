/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>

#include "fault-stage.h"

/* Where the programs and files of a caller are, and how its child reports. */
typedef struct {
  const char *directory;
  const char *probe;
  const char *report_path;
} FaultScene;

void fault_caller_settle  (const FaultScene *scene,
                           const FaultRun   *run);
void fault_caller_perform (const FaultScene *scene,
                           const FaultRun   *run,
                           FaultResult      *result);
