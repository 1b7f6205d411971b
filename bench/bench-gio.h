/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "bench-ways.h"

G_BEGIN_DECLS

/* The child has to stay where it is until it is finished. */
gboolean bench_gio_launch_async        (const BenchRequest *request,
                                        BenchChild         *child);
gboolean bench_gio_finish_asynchronous (BenchChild         *child);

G_END_DECLS
