/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>

#include "fault-stage.h"

typedef struct {
  const char *domain;
  int code;
  int error_number;
} FaultLimitError;

typedef struct {
  FaultLimit limit;
  const char *summary;
  int first;
  int last;
  int step;
  gboolean binds_program;       /* the program may come to nothing by it */
  gboolean may_suffice;         /* the least may be enough already */
  gboolean (*prepare) (GError **error);     /* before the steps, or NULL */
  gboolean (*finish) (void);                /* after them */
  const char *refusal;          /* why the limit cannot be set everywhere */
  const char *const *shapes;    /* names, up to NULL */
  const FaultLimitError *errors;
} FaultLimitRow;

extern const FaultLimitRow fault_limit_rows[];

void fault_limit_table_print (void);
