/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "bench-worker.h"

G_BEGIN_DECLS

typedef struct _BenchClient BenchClient;

/* dropin is preloaded in the hosts that have an engine; trace may be NULL. */
BenchClient *bench_client_new           (const char          *program,
                                         BenchHost            host,
                                         const BenchSetting  *setting,
                                         const char          *dropin,
                                         const char          *trace,
                                         GError             **error);
void         bench_client_free          (BenchClient         *client);

const BenchHello *bench_client_get_hello (BenchClient        *client);

/* Appends to samples. */
gboolean     bench_client_run           (BenchClient         *client,
                                         const BenchCommand  *command,
                                         GArray              *samples,
                                         guint               *peak_growth_kib,
                                         GError             **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BenchClient, bench_client_free)

G_END_DECLS
