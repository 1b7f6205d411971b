/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "differential-outcome.h"
#include "differential-request.h"

/* Whose functions a request is given to. */
typedef struct {
  const char *engine;       /* NULL for the system's GLib */
  const char *library;
} Subject;

void     run_begin   (void);
Outcome *run_request (const Request *request,
                      const Subject *subject,
                      const char    *scene);
