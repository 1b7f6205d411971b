/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "fuzz-input.h"
#include "gspawn-attributes.h"

#include <sys/resource.h>

/* What has been asked for and accepted: the documentation's idea of the attributes. */
typedef struct {
  gboolean set[GSPAWN_N_ATTRIBUTES];
  gboolean optional[GSPAWN_N_ATTRIBUTES];
  guint64 ignored_signals;
  guint64 signal_mask;
  int process_group;
  guint umask;
  int nice;
  int policy;
  int priority;
  int io_priority;
  int death_signal;
  guint personality;
  int oom_score;
  gboolean limited[RLIM_NLIMITS];
  guint64 soft[RLIM_NLIMITS];
  guint64 hard[RLIM_NLIMITS];
  char pid_variable[32];
} AttributesModel;

/* Signals by number, from 1 on. */
#define FUZZ_N_SIGNALS 64

GSpawnAttributes *fuzz_attributes_new (FuzzInput       *input,
                                       AttributesModel *model);
