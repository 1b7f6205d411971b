/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>

#include "gspawn-engines.h"

/* Tell a process what it is. */
#define CASE_VARIABLE "GSPAWN_TEST_CASE"
#define CASE_DIRECTORY_VARIABLE "GSPAWN_TEST_DIRECTORY"

/* The exit status of a case that could not run. */
#define CASE_SKIPPED 77

/* Descriptors that the tests have for themselves start here, above all that a case chooses. */
#define CASE_FIRST_OWN_FD 300

/* How the GLib that the differences were recorded for fails a case. */
typedef enum {
  GLIB_AGREES,
  GLIB_FAILS,     /* an expectation of the case is not met */
  GLIB_BLOCKS,    /* the call does not return */
  GLIB_ABORTS,    /* the caller is killed */
} GLibVerdict;

typedef struct {
  const char *name;
  void (*run) (void);
  void (*run_data) (gconstpointer data);    /* instead of run, for the rows of a table */
  gconstpointer data;
  GSpawnNeeds needs;        /* left out where no engine can do this; not all that it needs */
  GSpawnNeeds without;      /* left out where some engine can do this */
  gboolean engines_only;    /* not a question to GLib */
  GLibVerdict verdict;
  const char *difference;   /* what GLib does instead, for the table of differences */
} Case;

/* A case that fails where the tests are emulated, through no fault of the subject. */
typedef struct {
  const char *name;
  const char *reason;
} CaseLimit;

typedef struct {
  const char *noun;
  const Case *const *tables;    /* up to NULL; each ends with a nameless case */
  void (*prepare) (void);       /* in each case's process, before the guard looks */
  gboolean has_worker;          /* there is a thread of GIO's that opens and closes descriptors */
  const char *glib_series;      /* the GLib that the verdicts are for, as "2.74." */
  int deadline_ms;              /* of each case, or 0 for a minute */
  const CaseLimit *emulator_limits;     /* ends with a nameless one */
} CaseList;

int         case_main          (const CaseList *list,
                                const char     *path);

gboolean    case_has_engine    (void);
const char *case_get_directory (void);
void        case_expect_log    (const char     *pattern);
gboolean    case_skip          (const char     *reason);
gboolean    case_skip_anywhere (const char     *reason);
