/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "differential-request.h"

typedef gboolean (*MinimiseFunc) (const Request *request,
                                  gpointer       data);

void minimise (Request      *request,
               MinimiseFunc  still_fails,
               gpointer      data);
