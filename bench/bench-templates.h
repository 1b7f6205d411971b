/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "bench-ways.h"

G_BEGIN_DECLS

gboolean bench_template_launch              (const BenchRequest *request,
                                             BenchChild         *child);
gboolean bench_template_begin               (const BenchRequest *request,
                                             BenchChild         *child);

/* Wait, and look at who has waited for the exec. */
gboolean bench_template_finish_launch       (BenchChild         *child);
gboolean bench_template_finish_asynchronous (BenchChild         *child);
gboolean bench_template_finish_worker       (BenchChild         *child);

G_END_DECLS
