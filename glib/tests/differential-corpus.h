/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "differential-request.h"

guint corpus_count_defects (void);
guint corpus_count         (void);
void  corpus_get           (guint    index,
                            Request *request);
