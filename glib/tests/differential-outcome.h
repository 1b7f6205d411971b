/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>
#include <sys/types.h>

/* What one run of a request gave, as texts with names. What is not there is %NULL. */
typedef struct _Outcome Outcome;

/* How the processes of a run ended, as the one who started them saw it. */
typedef struct {
  pid_t caller;
  int status;
  gboolean timed_out;
  GHashTable *orphans;      /* pid → wait status, of all others */
  gboolean may_vanish;      /* an orphan's first parent may have had the kernel reap it */
} Ending;

Outcome    *outcome_new   (const char    *scene,
                           const Ending  *ending);
const char *outcome_get   (const Outcome *outcome,
                           const char    *key);
GPtrArray  *outcome_diff  (const Outcome *one,
                           const Outcome *other);
char       *outcome_print (const Outcome *outcome);
void        outcome_free  (Outcome       *outcome);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Outcome, outcome_free)
