/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

void custody_test (gconstpointer data);

G_END_DECLS
