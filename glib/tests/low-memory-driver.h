/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>

#include "low-memory-stage.h"

G_BEGIN_DECLS

/*
 * DriverReport:
 * @pid: which process the driver was
 * @outcomes: (element-type utf8): one line for each request that came to an end
 * @leaked: how many more descriptors were open in the end
 * @has_children: whether there was a child in the end
 * @fork_errno: the `errno` of plain fork() in the end, 0 if it worked
 * @complete: whether the driver came so far as to say all this
 * @status: its wait status
 * @kills: how many processes the kernel killed for want of memory
 *
 * What a driver said and what became of it.
 */
typedef struct {
  GPid pid;
  GPtrArray *outcomes;
  int leaked;
  gboolean has_children;
  int fork_errno;
  gboolean complete;
  int status;
  gint64 kills;
} DriverReport;

DriverReport *driver_run         (const Situation     *situation,
                                  const char *const   *argv,
                                  const char *const   *envp,
                                  GError             **error);
void          driver_report_free (DriverReport        *report);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DriverReport, driver_report_free)

G_END_DECLS
