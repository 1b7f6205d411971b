/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>

const char *const *_gspawn_candidates_new (const char         *name,
                                           GSpawnFlags         flags,
                                           const char *const  *envp,
                                           gboolean           *searches);
