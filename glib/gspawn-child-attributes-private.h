/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "gspawn-attributes-private.h"

/**
 * GSpawnChildAttributes:
 * @attributes: what the child shall be
 * @held_fds: the descriptors of @attributes, by their numbers in the child
 * @parent_pid: who its parent has to be for a death signal to mean something
 * @set: those of them that the child gets, as bits
 * @born_with: those that it has been made with, as bits
 * @signal_mask: set to what the program is to start with, if an attribute says so
 * @pid_text: where the child writes its pid
 *
 * What the child needs to apply attributes.
 */
typedef struct {
  const GSpawnAttributes *attributes;
  guint set;
  guint born_with;
  int held_fds[GSPAWN_N_HELD];
  pid_t parent_pid;
  SysSignalSet *signal_mask;
  char *pid_text;
} GSpawnChildAttributes;

long _gspawn_child_attributes_apply (const GSpawnChildAttributes *self,
                                     GSpawnAttribute             *failed);
long _gspawn_child_attributes_seal  (const GSpawnAttributes      *attributes);
