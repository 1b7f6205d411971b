/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>
#include <sys/types.h>

/* What a process did between its birth and the program, or its end. */
typedef struct {
  pid_t pid;
  GPtrArray *calls;     /* its system calls, as text */
  gboolean executed;
  gboolean left;        /* it has executed or ended, and is not looked at any more */
  guint64 first_stack;
  guint64 stack_depth;    /* how far its stack went down, if it was stepped through */
  guint n_steps;
  char *strayed;        /* where it was outside of the code that it may run, or NULL */
} TracedProcess;

typedef enum {
  TRACE_CALLS,
  TRACE_STEPS,
} TraceWay;

typedef struct {
  guint64 start;
  guint64 end;
} CodeRange;

GPtrArray *child_trace_run (pid_t            job,
                            TraceWay         way,
                            const CodeRange *code,
                            int             *status);
