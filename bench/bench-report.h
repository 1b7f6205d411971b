/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "bench-target.h"

G_BEGIN_DECLS

/* results: of BenchResult */
char *bench_report_to_text     (GPtrArray *results);
char *bench_report_to_markdown (GPtrArray *results);
char *bench_report_to_json     (GPtrArray *results);

G_END_DECLS
