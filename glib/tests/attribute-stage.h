/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "gspawn-attributes.h"
#include "launch.h"

/* What keeps a row from some of the ways in which it could be launched. */
typedef enum {
  STAGE_OWN_CHILD   = 1 << 0,   /* the child has to be the caller's */
  STAGE_TRACED      = 1 << 1,   /* it stops when it is executed */
  STAGE_TERMINAL    = 1 << 2,   /* its standard input is a terminal of its own */
  STAGE_NOT_GLIB    = 1 << 3,   /* plain GLib cannot do it */
  STAGE_ENVIRONMENT = 1 << 4,   /* plain GLib can do it if it is given no environment */
  STAGE_NOBODY      = 1 << 5,   /* the caller has no privileges */
  STAGE_FAILS       = 1 << 6,   /* no program is executed */
  STAGE_OPTIONAL    = 1 << 7,   /* what fails is optional */
} StageFlags;

typedef struct _Stage Stage;

/* One row of a table: attributes, and what the child must find that has them. */
typedef struct {
  const char *name;
  void (*prepare) (Stage *stage);
  GSpawnNeeds needs;
  StageFlags flags;
  guint64 capabilities;     /* that the caller must have, as bits */
  GSpawnAttribute failing;  /* the attribute that the error names, and why, if it fails */
  int error_number;
} AttributeRow;

#define CAPABILITY(number) (G_GUINT64_CONSTANT (1) << (number))

/* For a row's prepare function. */
struct _Stage {
  GSpawnAttributes *attributes;
  GError *error;
  const char *directory;
  GSpawnFlags flags;
  const int *sources;
  const int *targets;
  gsize n_mapped;
  char **envp;
  gboolean skipped;             /* it cannot be set here */
  void (*clean_up) (gpointer data);
  gpointer clean_up_data;

  const AttributeRow *row;
  GHashTable *changes;
  GHashTable *baseline;
  char *probe;
};

void     stage_expect            (Stage       *stage,
                                  const char  *key,
                                  const char  *format,
                                  ...) G_GNUC_PRINTF (3, 4);
void     stage_expect_absent     (Stage       *stage,
                                  const char  *key);
void     stage_expect_other      (Stage       *stage,
                                  const char  *key);
void     stage_expect_more       (Stage       *stage,
                                  const char  *key);

GHashTable *stage_flatten        (const Stage      *stage,
                                  GKeyFile         *report,
                                  const char       *terminal);
void     stage_compare           (const Stage      *stage,
                                  const char       *way,
                                  GHashTable       *actual);

void     launch_declare          (Launch           *launch,
                                  GSpawnAttributes *attributes,
                                  GSpawnNeeds       needs);

void     stage_run_row           (gconstpointer data);

gboolean stage_has_capabilities  (guint64      capabilities);
void     stage_become_nobody     (void);
void     stage_start_worker      (void);
