/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>

/* What the tests of the engines share: processes of their own, and launches to try there. */
gboolean in_subprocess        (void);
void     skip_unless_required (const char *reason);

void     assert_runs          (const char *script);
void     assert_launches      (void);
