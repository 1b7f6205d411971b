/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>

typedef struct _SceneStall SceneStall;

char       *scene_path            (const char *name);
void        scene_write           (const char *name,
                                   int         mode,
                                   const char *text);
void        scene_link_probe      (const char *name);
char       *scene_copy_probe      (const char *name);
char       *scene_make_fifo       (const char *name);

void        scene_open            (const char *name,
                                   int         fd);
void        scene_close           (int         fd);
int         scene_open_private    (const char *name,
                                   int         flags);
void        scene_close_streams   (guint       mask);
void        scene_restore_streams (void);
int         scene_count_free_from (int         fd);

void        scene_ignore_signal   (int         number);
void        scene_default_signal  (int         number);

gpointer    scene_share           (gsize       size);
void        scene_unshare         (gpointer    memory,
                                   gsize       size);

GArray     *scene_list_children   (void);

SceneStall *scene_stall_new       (const char *path);
void        scene_stall_await     (SceneStall *stall);
void        scene_stall_release   (SceneStall *stall);
void        scene_stall_free      (SceneStall *stall);
