/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The values of vm.overcommit_memory. */
typedef enum {
  OVERCOMMIT_HEURISTIC,
  OVERCOMMIT_ALWAYS,
  OVERCOMMIT_STRICT,
} OvercommitMode;

typedef struct {
  gint64 mode;
  gint64 ratio;
  gint64 kbytes;
} OvercommitSettings;

typedef struct _StrictAccounting StrictAccounting;

int               overcommit_lock         (gboolean             exclusive);
gboolean          overcommit_read         (OvercommitSettings  *settings,
                                           GError             **error);

StrictAccounting *strict_accounting_begin (gint64               room,
                                           GError             **error);
gboolean          strict_accounting_end   (StrictAccounting    *strict);

G_END_DECLS
