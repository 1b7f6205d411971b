/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>
#include <signal.h>

#include "fault-shape.h"

/* What an engine may keep mapped for the next launch. */
#define FAULT_ENGINE_MEMORY (128 * 1024)

/* One that a program does not mind, and a caller has a handler for. */
#define FAULT_SIGNAL_NUMBER SIGURG

/* What a caller says of its launch, and of itself afterwards. */
typedef struct {
  gboolean complete;        /* it has come to its end */
  gboolean success;
  char domain[64];
  int code;
  char message[512];
  gboolean has_pid;
  int pid;
  gboolean waited;
  int wait_status;          /* of the program, or as g_spawn_sync() gives it */
  char output[256];         /* what came over the pipes */
  char difference[1024];    /* what is not as before */
  gint64 growth;            /* bytes mapped more than before, but for the heap */
  char log[512];
  char later[512];          /* why a launch without a fault failed afterwards */
  gboolean refused;         /* the limit cannot be set */
  int n_handled;            /* how often the handler of signals ran, in the caller and elsewhere */
  int n_handled_elsewhere;
} FaultResult;

/* What a caller has little of. */
typedef struct {
  const char *name;
  gboolean (*enter) (int value);    /* once and for all, before it looks at itself, or NULL */
  void (*impose) (int value);       /* for the time of the launch, or NULL */
  void (*lift) (void);
} FaultLimit;

typedef struct {
  const FaultShape *shape;
  const char *engine;
  Fault fault;
  gboolean restarts;        /* the signal's handler has SA_RESTART */
  gboolean frees;           /* a launch that is held up is freed instead of cancelled */
  guint left_out;           /* attributes of the shape that are not set, as bits */
  const FaultLimit *limit;  /* instead of a fault */
  int value;
} FaultRun;

/* What became of a run. */
typedef struct {
  FaultResult result;
  FaultTrace *trace;        /* NULL of a run with a limit */
  gboolean timed_out;
  char *report;             /* the child's, without what differs from run to run, or NULL */
  char *loose_report;       /* and without what tells by which name it was executed */
  char *limited_report;     /* or what tells of limits and credentials */
  char *error_output;
} FaultOutcome;

typedef struct _FaultStage FaultStage;

FaultStage   *fault_stage_new    (void);
void          fault_stage_free   (FaultStage     *stage);
FaultOutcome *fault_stage_run    (FaultStage     *stage,
                                  const FaultRun *run);
FaultOutcome *fault_stage_limit  (FaultStage     *stage,
                                  const FaultRun *run);
void          fault_outcome_free (FaultOutcome   *outcome);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FaultOutcome, fault_outcome_free)
