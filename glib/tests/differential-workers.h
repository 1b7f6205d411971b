/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "differential-compare.h"

/* The requests of a run: those that a seed makes, or a single one that is given. */
typedef struct {
  guint64 seed;
  guint n_requests;
  guint n_workers;
  gboolean progress;
  const Request *single;
} Plan;

char *workers_run (const Plan  *plan,
                   const Table *table,
                   Tally       *tally);
