/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "gspawn-plan-private.h"

void _gspawn_error_set      (GError               **error,
                             const GSpawnRequest   *request,
                             const GSpawnFailure   *failure);
void _gspawn_error_set_read (GError               **error,
                             const char            *format,
                             int                    error_number);
