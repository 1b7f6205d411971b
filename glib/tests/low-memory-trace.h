/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>

#include "gspawn-engines.h"

G_BEGIN_DECLS

/*
 * ExpectedRecord:
 * @pid: the caller
 * @function: the public function that it called
 * @engine: the engine's name, or NULL if there is none for it
 * @reason: why that one, or NULL if it may be any
 * @fails: whether the call failed for want of memory, so that there is no child
 */
typedef struct {
  GPid pid;
  const char *function;
  const char *engine;
  const char *reason;
  gboolean fails;
} ExpectedRecord;

const char *find_engine (const char           *forced,
                         GSpawnNeeds           needs,
                         const char          **reason);
void        check_trace (const char           *path,
                         const ExpectedRecord *expected,
                         guint                 count);

G_END_DECLS
