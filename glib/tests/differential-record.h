/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "differential-compare.h"

void     record_append   (const char  *file,
                          guint64      seed,
                          const Table *table,
                          const Tally *tally);
gboolean record_describe (const char  *file,
                          guint        usual_requests,
                          GError     **error);
