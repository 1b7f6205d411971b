/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * Situation:
 * @name: part of the tests' paths
 * @pressure: what the driver does to itself, for memory_pressure_enter()
 * @user: whom the driver runs as, or NULL for the same
 * @strict: whether the machine accounts strictly for the time
 * @cgroup: whether a control group limits the memory, so that who wants more may be killed
 *
 * A way in which a process can be short of memory for a second of its kind.
 */
typedef struct {
  const char *name;
  const char *pressure;
  const char *user;
  gboolean strict;
  gboolean cgroup;
} Situation;

typedef struct _Stage Stage;

char       *situation_find_obstacle (const Situation  *situation);
void        situation_skip          (const char       *obstacle);

Stage      *stage_new               (const Situation  *situation);
gboolean    stage_set_up            (Stage            *stage,
                                     GPid              pid,
                                     GError          **error);
gboolean    stage_tighten           (Stage            *stage,
                                     GError          **error);
gint64      stage_count_kills       (Stage            *stage);
const char *stage_get_cgroup_path   (Stage            *stage);
gboolean    stage_free              (Stage            *stage);

G_END_DECLS
