/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>
#include <sys/types.h>

typedef struct _ReportSink ReportSink;

const char *probe_get_path         (void);

ReportSink *report_sink_new        (void);
const char *report_sink_get_path   (ReportSink *sink);
GKeyFile   *report_sink_read       (ReportSink *sink,
                                    pid_t       writer);
void        report_sink_free       (ReportSink *sink);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ReportSink, report_sink_free)

gint64      report_get_int         (GKeyFile   *report,
                                    const char *group,
                                    const char *key);
guint64     report_get_signals     (GKeyFile   *report,
                                    const char *key);
char       *report_get_text        (GKeyFile   *report,
                                    const char *group,
                                    const char *key);
GStrv       report_get_texts       (GKeyFile   *report,
                                    const char *group);
char       *report_get_open        (GKeyFile   *report);
char       *report_describe        (GKeyFile   *report,
                                    int         fd);

char       *descriptor_describe    (int         fd);
