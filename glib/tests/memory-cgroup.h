/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _MemoryCgroup MemoryCgroup;

MemoryCgroup *memory_cgroup_new         (int            kept_fd,
                                         GError       **error);
MemoryCgroup *memory_cgroup_new_for_processes
                                        (int            kept_fd,
                                         GError       **error);
gboolean      memory_cgroup_free        (MemoryCgroup  *cgroup);

gboolean      memory_cgroup_add         (MemoryCgroup  *cgroup,
                                         GPid           pid,
                                         GError       **error);
gboolean      memory_cgroup_limit       (MemoryCgroup  *cgroup,
                                         gint64         room,
                                         GError       **error);
gint64        memory_cgroup_get_usage   (MemoryCgroup  *cgroup);
gint64        memory_cgroup_count_kills (MemoryCgroup  *cgroup);
const char   *memory_cgroup_get_path    (MemoryCgroup  *cgroup);

G_END_DECLS
