/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>

#include "fault-stage.h"

#define FAULT_MAX_ERRNOS 24

/* What a fault may come to. */
typedef enum {
  OUTCOME_NONE,         /* the call cannot fail, or not with these errors: it is not made to */
  OUTCOME_SAME,         /* as if nothing had happened */
  OUTCOME_AGAIN,        /* the same, after another call of the kind */
  OUTCOME_OTHER,        /* the same, by other calls */
  OUTCOME_NEXT,         /* the next candidate is tried; after the last, the error */
  OUTCOME_SHELL,        /* the shell is given the file */
  OUTCOME_MESSAGE,      /* the same, but for a message in the log */
  OUTCOME_LOST_STATUS,  /* the same, but for the wait status, and a warning */
  OUTCOME_ERROR,        /* an error, and nothing was executed */
  OUTCOME_LOST_PID,     /* an error, though the program was executed */
  OUTCOME_CLEAN,        /* either the same program, or an error that names the errno */
  OUTCOME_WITHOUT,      /* the same as without the attribute */
  OUTCOME_CANCELLED,    /* an error that says so, or none where nobody wants to know */
  OUTCOME_KILLED,       /* success; the child ends by SIGKILL before it executes the program */
} FaultOutcomeKind;

/* Which error. Most name the errno of the call that failed. */
typedef enum {
  ERROR_NONE,
  ERROR_PIPE,
  ERROR_PROCESS,
  ERROR_SECOND_PROCESS,
  ERROR_REPORT,
  ERROR_CHDIR,
  ERROR_OPEN,
  ERROR_DUP,
  ERROR_ATTRIBUTE,
  ERROR_EXEC,
  ERROR_READ,
  ERROR_POLL,
  ERROR_WAIT,
  N_FAULT_ERRORS,
} FaultError;

/* Whose child the program is to be. */
typedef enum {
  PARENTAGE_ANY,
  PARENTAGE_CALLER,
  PARENTAGE_NOBODY,
} FaultParentage;

/* What is expected of the calls that meet all that a row says. */
typedef struct {
  guint engines;        /* a mask */
  guint roles;          /* a mask */
  FaultUse use;
  FaultUse after;       /* the call before it of the same role, or %USE_ANYTHING */
  guint nth;            /* which of the calls for that use in the role from 1 on, or 0 for any */
  const char *shapes;   /* globs, or NULL for all */
  FaultParentage parentage;
  int errnos[FAULT_MAX_ERRNOS];     /* ends with 0 */
  FaultOutcomeKind kind;
  FaultUse other;       /* for %OUTCOME_OTHER: a call that is seen then */
  FaultError error;
  GSpawnAttribute attribute;    /* whose call it is, for %ERROR_ATTRIBUTE and %OUTCOME_WITHOUT */
  gboolean may_be_executed; /* before it is cancelled, and then it is killed */
  gboolean may_stay_private;        /* the caller's memory, which then cannot be dumped */
  int reported;         /* the errno of the error where it is not that of the call */
  const char *reason;
} FaultRow;

/* A call of a run without a fault. */
typedef struct {
  GSpawnEngine engine;
  const FaultShape *shape;
  const FaultCall *call;
  FaultUse after;       /* or %USE_UNKNOWN */
  guint occurrence;
} FaultSite;

extern const FaultRow fault_rows[];
extern const FaultRow fault_kill_rows[];
extern const FaultRow fault_cancel_rows[];

gboolean fault_row_applies (const FaultRow  *row,
                            const FaultSite *site);
