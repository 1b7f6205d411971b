/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <sys/types.h>

#include "case.h"
#include "gspawn-template.h"
#include "scene.h"

#define PENDING_DEADLINE_MS 20000

/* The two kinds of launches that nobody has to wait for, for tables of cases. */
extern const GSpawnLaunchKind pending_asynchronous;
extern const GSpawnLaunchKind pending_worker;

#define PENDING_ONE(case_name, function, kind) \
  { .name = case_name, .run_data = function, .data = &kind, .engines_only = TRUE }
#define PENDING_BOTH(case_name, function) \
  PENDING_ONE (case_name, function, pending_asynchronous), \
  PENDING_ONE (case_name "-by-worker", function, pending_worker)

/* A launch whose program is a copy of the probe, and cannot be executed yet. */
typedef struct {
  SceneStall *stall;
  char *program;
  GSpawnTemplate *tmpl;
  int line;     /* where what the program writes can be read */
} PendingStall;

gboolean        pending_enter          (const GSpawnLaunchKind *kind);
gboolean        pending_is_expected    (GSpawnLaunchKind        kind);

GSpawnTemplate *pending_template_new   (const char             *line);
GSpawnPending  *pending_begin          (GSpawnTemplate         *tmpl);
void            pending_await          (GSpawnPending          *pending);
GSpawnProcess  *pending_complete       (GSpawnPending          *pending);
int             pending_exit_status    (GSpawnProcess          *process);
void            pending_assert_cancelled (GSpawnPending        *pending);
void            pending_await_no_child (void);
void            pending_await_end      (pid_t                   pid);
void            pending_find_children  (pid_t                  *middle,
                                        pid_t                  *program);

gboolean        pending_stall_init     (PendingStall           *self,
                                        const char             *steps);
char           *pending_stall_read     (PendingStall           *self);
char           *pending_stall_read_to_end (PendingStall        *self);
void            pending_stall_clear    (PendingStall           *self);

extern const Case pending_result_cases[];
extern const Case pending_cancel_cases[];
extern const Case pending_life_cases[];
extern const Case pending_harm_cases[];
