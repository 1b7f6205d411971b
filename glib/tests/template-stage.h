/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "case.h"
#include "gspawn-template.h"
#include "report.h"

/* The tables, each in the file of its name. */
extern const Case template_value_cases[];
extern const Case template_merge_cases[];
extern const Case template_executable_cases[];

GSpawnTemplate *template_new         (GSpawnFlags      flags,
                                      const char      *program,
                                      ...) G_GNUC_NULL_TERMINATED;
GSpawnLaunch   *template_launch_new  (const char      *first,
                                      ...) G_GNUC_NULL_TERMINATED;

GSpawnProcess  *template_start       (GSpawnTemplate  *tmpl,
                                      GSpawnLaunch    *launch,
                                      const char      *command,
                                      GSpawnNeeds      needs,
                                      GError         **error);
GSpawnLaunch   *template_new_report  (ReportSink      *sink);
GKeyFile       *template_read_report (ReportSink      *sink,
                                      GSpawnProcess   *process);
GKeyFile       *template_report      (GSpawnTemplate  *tmpl);

int             template_run         (GSpawnTemplate  *tmpl,
                                      GSpawnLaunch    *launch,
                                      const char      *command,
                                      GError         **error);
int             template_exit_status (GSpawnProcess   *process);
