/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

GStrv     _gspawn_cache_list_roots     (void);
gboolean  _gspawn_cache_make_directory (const char  *path,
                                        GError     **error);
gboolean  _gspawn_cache_check_private  (const char  *path,
                                        GError     **error);
GBytes   *_gspawn_cache_read           (const char  *path,
                                        GError     **error);

G_END_DECLS
