/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>
#include <sys/types.h>

#include "gspawn-engines.h"

#define TRACE_ANY_CHILD ((pid_t) -1)

typedef struct {
  const char *function;
  const char *command;
  GSpawnNeeds needs;
  pid_t child;              /* 0 where none was made, TRACE_ANY_CHILD where it is not known */
  const GError *error;
  gboolean before_engine;   /* the call failed, perhaps before an engine was chosen */
  gboolean optional;        /* there may be no record */
} TraceExpectation;

void trace_begin  (const char             *path,
                   const char             *engine);
void trace_expect (const TraceExpectation *expectation);
void trace_verify (void);
