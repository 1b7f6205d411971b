/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "call-site.h"

typedef struct _CallSiteStage CallSiteStage;

CallSiteStage *call_site_stage_new  (const char     *probe,
                                     const char     *trace);
void           call_site_stage_free (CallSiteStage  *stage);

char          *call_site_replay     (CallSiteStage  *stage,
                                     const CallSite *site,
                                     char          **problem);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CallSiteStage, call_site_stage_free)
