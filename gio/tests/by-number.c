/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Takes the place of the core's function, for the library that calls it: as on a kernel that has no
 * descriptors of processes. */
#include "gspawn-process.h"

__attribute__ ((visibility ("default"))) int
gspawn_process_get_pidfd (const GSpawnProcess *process G_GNUC_UNUSED)
{
  return -1;
}
