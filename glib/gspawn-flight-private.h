/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * A launch that nobody waits for. What a request needs beside an engine is in GSpawnFlight, what the
 * clone engine needs in GSpawnCloneFlight. */
#pragma once

#include "gspawn-engine-private.h"

typedef struct _GSpawnFlight GSpawnFlight;
typedef struct _GSpawnCloneFlight GSpawnCloneFlight;

GSpawnFlight      *_gspawn_flight_begin        (const GSpawnRequest  *request);
int                _gspawn_flight_get_fd       (const GSpawnFlight   *self);
void               _gspawn_flight_cancel       (GSpawnFlight         *self);
gboolean           _gspawn_flight_end          (GSpawnFlight         *self,
                                                const GSpawnRequest  *request,
                                                GSpawnChildInfo      *info,
                                                GError              **error);

void               _gspawn_flight_forget       (GSpawnFlight         *self);

GSpawnCloneFlight *_gspawn_clone_begin         (const GSpawnPlan     *plan);
int                _gspawn_clone_flight_get_fd (const GSpawnCloneFlight *self);
void               _gspawn_clone_flight_cancel (GSpawnCloneFlight    *self);
gboolean           _gspawn_clone_flight_end    (GSpawnCloneFlight    *self,
                                                GSpawnLaunched       *launched,
                                                GSpawnFailure        *failure);
void               _gspawn_clone_flight_forget (GSpawnCloneFlight    *self);
