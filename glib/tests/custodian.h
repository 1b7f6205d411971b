/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _Custodian Custodian;

/* Returns whether everything is as it was before. */
typedef gboolean (*CustodianDuty) (gpointer data);

Custodian *custodian_new     (CustodianDuty   duty,
                              gpointer        data,
                              int             kept_fd,
                              GError        **error);
gboolean   custodian_dismiss (Custodian      *custodian);

G_END_DECLS
