/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "bench-client.h"

G_BEGIN_DECLS

/* Those of the ways that belong to the host are tried once each. */
gboolean bench_verify_host (const char          *program,
                            BenchHost            host,
                            const BenchSetting  *setting,
                            const char          *dropin,
                            const BenchWayId    *ways,
                            guint                n_ways,
                            GError             **error);

G_END_DECLS
