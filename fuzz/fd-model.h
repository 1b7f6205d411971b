/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "fuzz-request.h"
#include "gspawn-plan-private.h"

/* Higher numbers are never open: what is above it is also above the limit. */
#define FD_TABLE_SIZE 64

/* The caller's descriptors have each a file of its own, so that none passes for another. */
#define FD_N_CALLER_FILES 32

/* What a descriptor refers to. */
enum {
  FD_CLOSED,
  FD_FIRST_CALLER_FILE,
  FD_REPORT = FD_FIRST_CALLER_FILE + FD_N_CALLER_FILES,
  FD_NULL_READ,
  FD_NULL_WRITE,
};

typedef struct {
  int file;
  gboolean cloexec;
} FdEntry;

/* What a sandbox lets the child use for all descriptors at once. It comes to the same. */
typedef enum {
  FD_SANDBOX_NONE,
  FD_SANDBOX_NO_CLOSE_RANGE,
  FD_SANDBOX_NO_LIST,
} FdSandbox;

/* A process's descriptors. The report, if there is one, is what a child writes its failure to. */
typedef struct {
  FdEntry entries[FD_TABLE_SIZE];
  int limit;
  int report_fd;
  FdSandbox sandbox;
} FdTable;

/* What a request means, and whether it is impossible: a source is closed, or a target can be no
 * descriptor. Where there may be too few free numbers for it, it may also fail. */
typedef struct {
  FdTable table;
  gboolean impossible;
  gboolean little_room;
} FdExpectation;

void           fd_table_init          (FdTable             *table,
                                       FuzzInput           *input);

FdExpectation  fd_contract_expect     (const GSpawnRequest *request,
                                       const int           *pipe_fds,
                                       const FdTable       *caller);
void           fd_contract_check      (const FdExpectation *expectation,
                                       const GSpawnPlan    *plan,
                                       const FdTable       *outcome,
                                       const GSpawnFailure *failure);

GSpawnFailure  fd_operations_run      (const GSpawnPlan    *plan,
                                       FdTable             *table);
