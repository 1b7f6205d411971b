/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "differential-request.h"
#include "gspawn-attributes.h"

/* The variable that a child finds its pid in. */
#define ATTRIBUTES_PID_VARIABLE "CHILD_PID"

GSpawnAttributes *attributes_make (const Request *request,
                                   const char    *scene);
