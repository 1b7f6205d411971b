/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* One spawn. Strings are UTF-8 and may contain control characters. */
typedef struct {
  double      time;
  gint64      pid;
  const char *program;
  const char *function;
  const char *command;        /* NULL if unknown */
  const char *engine;         /* NULL if it failed before one was chosen */
  const char *reason;         /* NULL likewise */
  gint64      child;          /* 0 if there is none */
  double      microseconds;
  const char *error_domain;   /* NULL on success */
  gint64      error_code;
  const char *error_message;  /* NULL on success */

  /* What it was read from, without the newline. */
  const char *line;
  gsize       line_length;
} GSpawnTraceRecord;

typedef void (*GSpawnTraceFunc) (const GSpawnTraceRecord *record,
                                 gpointer                 user_data);

typedef struct _GSpawnTraceReader GSpawnTraceReader;

GSpawnTraceReader *_gspawn_trace_reader_new            (GSpawnTraceFunc    func,
                                                        gpointer           user_data);
void               _gspawn_trace_reader_free           (GSpawnTraceReader *reader);

void               _gspawn_trace_reader_push           (GSpawnTraceReader *reader,
                                                        const char        *bytes,
                                                        gsize              length);
void               _gspawn_trace_reader_finish         (GSpawnTraceReader *reader);
guint64            _gspawn_trace_reader_get_n_rejected (GSpawnTraceReader *reader);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (GSpawnTraceReader, _gspawn_trace_reader_free)

G_END_DECLS
