/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What a typelib of GLib can be compiled from. */
typedef struct {
  char *gir;
  char *compiler;
} GSpawnTypelibSource;

gboolean  _gspawn_typelib_source_find  (GSpawnTypelibSource        *source,
                                        GError                    **error);
void      _gspawn_typelib_source_clear (GSpawnTypelibSource        *source);
char     *_gspawn_typelib_prepare      (const GSpawnTypelibSource  *source,
                                        const char                 *dropin,
                                        GError                    **error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GSpawnTypelibSource, _gspawn_typelib_source_clear)

G_END_DECLS
