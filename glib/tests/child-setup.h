/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "gspawn-attributes.h"

/* A child setup function of a real program, as the survey has it. */
typedef struct {
  char *program;
  char *where;
  char *function;
  GStrv operations;
  guint n_call_sites;
} ChildSetup;

typedef struct _ChildSetupReplay ChildSetupReplay;

/* What a function does in the child, and what does it instead. */
typedef struct {
  const char *code;
  const char *description;
  const char *replacement;
  const char *reason;               /* why not wholly, or NULL */
  void (*apply) (ChildSetupReplay *replay);
  void (*check) (ChildSetupReplay *replay);
} ChildSetupOperation;

GPtrArray *child_setup_load   (const char        *file,
                               GError           **error);

const ChildSetupOperation *child_setup_operations   (guint      *n_operations);
const ChildSetupOperation *child_setup_get_missing  (const ChildSetup *setup);

char      *child_setup_replay (const ChildSetup  *setup,
                               const char        *probe,
                               const char        *directory);
