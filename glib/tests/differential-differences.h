/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "differential-outcome.h"
#include "differential-request.h"

#define DIFFERENCES_GLIB_SERIES "2.74."

guint       difference_count       (void);
const char *difference_get_name    (guint          row);
void        difference_print_all   (void);
GPtrArray  *difference_unexplained (const Request *request,
                                    const Outcome *glib,
                                    const Outcome *ours,
                                    guint64       *used);
