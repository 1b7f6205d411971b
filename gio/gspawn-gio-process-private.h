/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <gspawn-process.h>

#include "gspawn-gio-process.h"

/* Takes @core over. */
GSpawnGioProcess *_gspawn_gio_process_new         (GSpawnProcess     *core);

/* %NULL if the object was made by nobody here. */
GSpawnProcess    *_gspawn_gio_process_get_core    (GSpawnGioProcess  *process);

/* A descriptor that can be read from when the process has ended, or −1. It is the object's. */
int               _gspawn_gio_process_get_end_fd  (GSpawnGioProcess  *process,
                                                   GError           **error);
