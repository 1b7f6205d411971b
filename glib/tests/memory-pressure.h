/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

gboolean memory_pressure_enter        (const char  *kind,
                                       GError     **error);
int      memory_pressure_try_fork     (void);
int      memory_pressure_count_leaks  (void);
gboolean memory_pressure_has_children (void);

G_END_DECLS
