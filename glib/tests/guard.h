/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>

typedef struct _Guard Guard;

void   guard_ignore_anonymous (void);
Guard *guard_take             (void);
char  *guard_diff             (Guard         *before);
void   guard_compare          (Guard         *before);

void   guard_add_func         (const char    *path,
                               GTestFunc      func);
void   guard_add_data_func    (const char    *path,
                               gconstpointer  data,
                               GTestDataFunc  func);
