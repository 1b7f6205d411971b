/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "gspawn-child-private.h"
#include "gspawn-fd-private.h"

/**
 * GSpawnCredentialsChange:
 * @begun: whether the child changes its credentials in the caller's memory
 * @needs_proof: whether that memory shall be made accessible again
 * @ends: a pipe of which the child holds the only other copy of one end until it has left our
 *     memory, or −1 twice
 *
 * One launch whose child becomes somebody else while it shares the caller's memory.
 */
typedef struct {
  gboolean begun;
  gboolean needs_proof;
  GSpawnPipe ends;
} GSpawnCredentialsChange;

void _gspawn_credentials_change_begin (GSpawnCredentialsChange *self,
                                       GSpawnChild             *child);
void _gspawn_credentials_change_end   (GSpawnCredentialsChange *self,
                                       pid_t                    pid);
