/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

gboolean kernel_file_read_number  (const char   *path,
                                   gint64       *number,
                                   GError      **error);
gboolean kernel_file_read_field   (const char   *path,
                                   const char   *key,
                                   gint64       *number,
                                   GError      **error);
gboolean kernel_file_write_number (const char   *path,
                                   gint64        number,
                                   GError      **error);

G_END_DECLS
