/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>

#include "gspawn-engines.h"

typedef struct {
  char *where;                  /* repository, file and line, for messages */
  char *function;
  GSpawnFlags flags;
  gboolean has_directory;
  gboolean has_callback;
} CallSite;

GPtrArray   *call_site_load        (const char     *file,
                                    GError        **error);

gboolean     call_site_is_async    (const CallSite *site);
GSpawnNeeds  call_site_get_needs   (const CallSite *site);
gboolean     call_site_suits_glib  (const CallSite *site);
