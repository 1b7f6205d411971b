/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <stddef.h>

_Noreturn void die                        (const char  *what);

void           probe_report_try_directory (const char  *path);
char          *probe_report_new           (char       **argv,
                                           size_t      *length);
