/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "case.h"

int runner_main (int              argc,
                 char           **argv,
                 const CaseList  *list);
