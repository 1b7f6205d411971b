/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "case.h"

extern const Case surface_cases[];
extern const Case preconditions_cases[];
extern const Case flags_cases[];
extern const Case order_cases[];
extern const Case streams_cases[];
extern const Case fdmap_cases[];
extern const Case search_cases[];
extern const Case errors_cases[];
extern const Case limits_cases[];
extern const Case parent_cases[];
extern const Case sync_cases[];
extern const Case closed_cases[];
extern const Case threads_cases[];

extern const CaseLimit contract_emulator_limits[];
