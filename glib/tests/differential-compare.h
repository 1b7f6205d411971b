/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "differential-run.h"
#include "gspawn-engines.h"

#define N_SHAPES 16
#define MAX_VALUES 24

typedef struct {
  gboolean available;
  gboolean is_left_out;     /* of what is compared */
  const char *name;
  GSpawnNeeds can;
} EngineRow;

typedef struct {
  const char *library;
  EngineRow engines[GSPAWN_N_ENGINES];
  const char *needs[GSPAWN_N_NEEDS];
} Table;

/* What was seen by one who compares. It may lie in memory that is shared with who reads it. */
typedef struct {
  guint requests;
  guint ran;                /* got as far as a child, in GLib */
  guint values[N_ASPECTS][MAX_VALUES];
  guint shapes[N_SHAPES];
  guint compared[GSPAWN_N_ENGINES];
  guint taken[GSPAWN_N_ENGINES];        /* by that engine, and not another one */
  guint failed[GSPAWN_N_ENGINES];
  guint rows[64];           /* requests in which each row of the differences was needed */
} Tally;

void     table_load        (Table          *table,
                            const char     *library);
void     compare_request   (const Table    *table,
                            const Request  *request,
                            const char     *scene,
                            guint64         seed,
                            guint64         index,
                            Tally          *tally,
                            GString        *failures);

guint    shape_count       (void);
const char *shape_get_name (guint           shape);
void     tally_count       (Tally          *tally,
                            const Request  *request);
void     tally_add         (Tally          *sum,
                            const Tally    *tally);
