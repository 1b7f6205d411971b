/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * A launch that a thread of ours waits for. */
#pragma once

#include "gspawn-process.h"
#include "gspawn-template-private.h"

typedef struct _GSpawnWork GSpawnWork;

GSpawnWork       *_gspawn_work_begin    (GSpawnPrepared        *prepared,
                                         GError               **error);
void              _gspawn_work_abandon  (GSpawnWork            *self);
void              _gspawn_work_forget   (GSpawnWork            *self);
int               _gspawn_work_get_fd   (const GSpawnWork      *self);
GSpawnLaunchKind  _gspawn_work_get_kind (const GSpawnWork      *self);
gboolean          _gspawn_work_cancel   (GSpawnWork            *self);
gboolean          _gspawn_work_end      (GSpawnWork            *self,
                                         GSpawnChildInfo       *info,
                                         GError               **error);
