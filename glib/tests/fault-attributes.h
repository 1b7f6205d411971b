/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "gspawn-attributes.h"

/* Sets of attributes that a request can have. */
typedef enum {
  FAULT_ATTRIBUTES_NONE,
  FAULT_ATTRIBUTES_MOST,        /* all that go together */
  FAULT_ATTRIBUTES_JOINED,      /* a process group to join */
  FAULT_ATTRIBUTES_GROUP,       /* what a portable engine can do, too */
  FAULT_ATTRIBUTES_SESSION,
  FAULT_ATTRIBUTES_TRACED,
  FAULT_ATTRIBUTES_ORPHAN,      /* what takes care where the child is nobody's */
  FAULT_ATTRIBUTES_FLIGHT,      /* what a launch can have that nobody waits for */
  FAULT_ATTRIBUTES_CGROUP,      /* that the child can be born in */
} FaultAttributes;

/* Where the caller has its terminal. */
#define FAULT_TERMINAL_FD 16

/* What MOST and ORPHAN write to, below the stage's directory. */
#define FAULT_CGROUP "cgroup"

GSpawnAttributes *fault_attributes_new (FaultAttributes  kind,
                                        const char      *directory,
                                        gboolean         optional,
                                        guint            left_out);
