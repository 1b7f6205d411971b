/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>
#include <sys/types.h>

#include "fault-use.h"

/* Who makes a call. A caller may try whether children work at all before it makes one. */
typedef enum {
  ROLE_CALLER,
  ROLE_MIDDLE,
  ROLE_CHILD,
  ROLE_TRIAL,
  N_FAULT_ROLES,
  ROLE_UNKNOWN = -1,
} FaultRole;

typedef enum {
  FAULT_NONE,
  FAULT_ERROR,      /* the call fails */
  FAULT_ALWAYS,     /* every call for the use fails, whoever makes it */
  FAULT_KILL,       /* its process is killed before it */
  FAULT_STOP,       /* its process is stopped before it, and goes on some time later */
  FAULT_HOLD,       /* it does not come to the call until the caller waits for it */
  FAULT_SIGNAL,     /* a signal comes to its process before it */
} FaultKind;

/* The system call that something shall happen to: the n-th of @use, or of all where that is
 * unknown, that a process of @role makes. */
typedef struct {
  FaultKind kind;
  FaultRole role;
  FaultUse use;
  guint occurrence;
  int error_number;
} Fault;

/* Of a rule whose call is not made, and succeeds. */
#define FAULT_RULE_SUCCEEDS (-1)

/* A call that always fails, whoever makes it. */
typedef struct {
  FaultUse use;
  int error_number;
} FaultRule;

typedef struct {
  FaultRole role;
  FaultUse use;
  long number;
  long result;
  gboolean ended;       /* the result is known */
  gboolean faulted;
} FaultCall;

typedef struct {
  GArray *calls;        /* FaultCall, in the order in which they began */
  gboolean reached;     /* the fault has come to pass */
  guint reached_at;     /* the index of its call, or the first of them */
  guint n_executed;     /* how many processes have executed a program */
  char *trouble;        /* why the run is void: a deadline that passed, a call not known */
} FaultTrace;

const char *fault_role_get_name (FaultRole         role);

void        fault_trace_pardon  (void);

FaultTrace *fault_trace_run     (pid_t             pid,
                                 int               gate,
                                 gboolean          reaps,
                                 const Fault      *fault,
                                 const FaultRule  *rules);
guint       fault_trace_count   (const FaultTrace *trace,
                                 FaultRole         role,
                                 FaultUse          use,
                                 guint             from);
void        fault_trace_free    (FaultTrace       *trace);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FaultTrace, fault_trace_free)
