/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>
#include <signal.h>
#include <sys/types.h>

G_BEGIN_DECLS

/* What of the signals' state a program inherits and we change for ourselves. */
typedef struct {
  sigset_t mask;
  struct sigaction child;
  struct sigaction pipe;
} GSpawnInheritedSignals;

void      _gspawn_inherited_signals_save (GSpawnInheritedSignals        *signals);

void      _gspawn_program_replace        (char                         **argv,
                                          const GSpawnInheritedSignals  *signals,
                                          GError                       **error);
gboolean  _gspawn_program_start          (char                         **argv,
                                          const GSpawnInheritedSignals  *signals,
                                          pid_t                         *pid,
                                          GError                       **error);
int       _gspawn_program_imitate        (int                            wait_status);

G_END_DECLS
