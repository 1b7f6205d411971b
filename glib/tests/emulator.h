/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>

#include "case.h"

gboolean    emulator_is_used   (void);
void        emulator_exec      (const char     *program,
                                const char     *preload);
const char *emulator_get_limit (const CaseList *list,
                                const char     *name);
