/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "differential-request.h"

gboolean  model_suits_posix_spawn (const Request *request);
char     *model_describe          (const Request *request,
                                   int            fd);
