/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>

/**
 * GSpawnSeal:
 * @mutex: held by who changes the object, and by who closes the seal
 * @closed: whether the object is immutable by now
 *
 * What makes an object immutable once it was used, even if a thread changes it right then.
 */
typedef struct {
  GMutex mutex;
  int closed;
} GSpawnSeal;

void     _gspawn_seal_init        (GSpawnSeal  *seal);
void     _gspawn_seal_clear       (GSpawnSeal  *seal);
gboolean _gspawn_seal_is_closed   (GSpawnSeal  *seal);

/* For a change. */
gboolean _gspawn_seal_lock        (GSpawnSeal  *seal,
                                   const char  *object,
                                   GError     **error);
void     _gspawn_seal_unlock      (GSpawnSeal  *seal);

/* Who gets TRUE has found the seal open and locked it, and is to close it. */
gboolean _gspawn_seal_begin_close (GSpawnSeal  *seal);
void     _gspawn_seal_end_close   (GSpawnSeal  *seal);
