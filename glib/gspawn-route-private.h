/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "gspawn-engine-private.h"

/**
 * GSpawnRoute:
 * @engine: who takes the plan
 * @launch: its function, or %NULL if no engine of this build and machine can
 * @forced: whether the user set the order
 * @unavailable: engines, as bits, that were passed over because they do not work here
 * @missing: what the first of the others that was passed over lacks
 */
typedef struct {
  GSpawnEngine engine;
  GSpawnEngineLaunch launch;
  gboolean forced;
  guint unavailable;
  GSpawnNeeds missing;
} GSpawnRoute;

GSpawnRoute  _gspawn_route_choose        (GSpawnNeeds        needs);
void         _gspawn_route_append_reason (const GSpawnRoute *route,
                                          GString           *string);

/* An environment variable that steers us, never from somebody else's hands. */
const char  *_gspawn_getenv              (const char        *name);
