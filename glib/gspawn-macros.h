/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

/* A public function of 0.1 or later: the libraries hide every other symbol. */
#define GSPAWN_AVAILABLE_IN_0_1 __attribute__ ((visibility ("default"))) extern
