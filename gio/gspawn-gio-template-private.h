/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <gspawn-template.h>

#include "gspawn-gio-template.h"

/* %NULL, with an error, if the object was not made by gspawn_gio_template_new(). */
GSpawnTemplate *_gspawn_gio_template_get_core (GSpawnGioTemplate  *tmpl,
                                               GError            **error);
