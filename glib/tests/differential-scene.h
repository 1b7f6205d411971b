/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>

char *scene_new    (void);
void  scene_reset  (const char *scene);
void  scene_remove (char       *scene);
