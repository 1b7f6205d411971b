/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>

#include "fault-attributes.h"
#include "fault-tracer.h"
#include "gspawn-engines.h"

#define FAULT_MAX_RULES 3
#define FAULT_MAX_MAP 8

/* What a request's program is; more of the child's words follow it. */
typedef enum {
  PROGRAM_PROBE,
  PROGRAM_SEARCHED,     /* the second element of PATH that has it is a copy of the first */
  PROGRAM_MISSING,
  PROGRAM_SCRIPT,       /* without an interpreter line */
} FaultProgram;

/* What is called. */
typedef enum {
  WAY_FUNCTION,
  WAY_TEMPLATE,
  WAY_BEGIN,            /* nobody waits, so by a caller without privileges */
} FaultWay;

/* A request, and who makes it. What comes later joins by a row of the table. */
typedef struct {
  const char *name;
  const char *summary;
  FaultWay way;
  GSpawnFlags flags;
  FaultProgram program;
  const char *directory;        /* below the stage's */
  const char *path;             /* PATH, elements of it below the stage's directory after a '@' */
  int streams[3];               /* descriptor + 1, or 0 */
  gboolean pipes[3];
  int sources[FAULT_MAX_MAP];
  int targets[FAULT_MAX_MAP];
  guint n_mapped;
  gboolean sync;
  gboolean setup;
  FaultAttributes attributes;
  gboolean optional;            /* each of them */
  gboolean brief;               /* another one has the same calls: only errors and kills */
  gboolean cold;                /* the first launch of its process, which tries the engine */
  gboolean traced;              /* GSPAWN_TRACE names a file */
  gboolean subreaper;           /* orphans are given to the caller */
  gboolean closed_streams;      /* 0, 1 and 2 are closed in the caller */
  int n_files;                  /* the limit of descriptors, or 0 */
  FaultRule rules[FAULT_MAX_RULES];
  GSpawnNeeds needs;            /* those that not every engine can meet, but for reaping */
  guint only;                   /* a mask of engines, where it says nothing of others */
} FaultShape;

extern const FaultShape fault_shapes[];

gboolean    fault_shape_reaps      (const FaultShape *shape);
gboolean    fault_shape_has_middle (const FaultShape *shape);
GSpawnNeeds fault_shape_needs      (const FaultShape *shape);
