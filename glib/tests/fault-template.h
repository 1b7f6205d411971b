/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "fault-stage.h"
#include "gspawn-template.h"

GSpawnTemplate *fault_template_new    (const FaultShape    *shape,
                                       const char *const   *argv,
                                       const char          *directory,
                                       const int           *streams,
                                       GSpawnAttributes    *attributes);
GSpawnProcess  *fault_template_launch (GSpawnTemplate      *tmpl,
                                       const FaultRun      *run,
                                       void               (*at_stage) (void),
                                       GError             **error);
gboolean        fault_template_try    (const char          *program,
                                       gboolean             begins,
                                       GError             **error);
