/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "case.h"
#include "gspawn-process-private.h"

#define DEADLINE_MS 20000

typedef enum {
  STAGE_DEFAULT,
  STAGE_NO_PIDFD = 1 << 0,      /* as on a kernel that has none */
  STAGE_HELD = 1 << 1,          /* it has a pipe for its input, and may wait for its end */
} StageFlags;

/* The two ways in which a process is told apart, for tables of cases. */
extern const StageFlags stage_by_pidfd;
extern const StageFlags stage_by_number;

#define STAGE_BOTH(case_name, function) \
  { .name = case_name, .run_data = function, .data = &stage_by_pidfd, .engines_only = TRUE }, \
  { .name = case_name "-by-number", .run_data = function, .data = &stage_by_number, \
    .engines_only = TRUE }
#define STAGE_ONE(case_name, function) \
  { .name = case_name, .run = function, .engines_only = TRUE }

/* Whether this runs in valgrind, which has signals of its own. */
gboolean       stage_has_valgrind   (void);

GSpawnProcess *stage_launch         (const char         *steps,
                                     StageFlags          flags);
GSpawnProcess *stage_launch_program (const char *const  *argv,
                                     StageFlags          flags);
void           stage_release        (GSpawnProcess      *process);
void           stage_await_end      (const GSpawnProcess *process);

void           stage_begin          (void);
guint          stage_count_threads  (void);
void           stage_await_asleep   (const char         *name);
guint          stage_count_children (void);
void           stage_await_quiet    (guint               n_children);

pid_t          stage_recycle        (pid_t               pid,
                                     int                *line,
                                     const char        **reason);

char          *stage_ask_copy       (const char        *(*ask) (gpointer data),
                                     gpointer             data);
void           stage_become_nobody  (void);
void           stage_become_root    (void);

extern const Case process_end_cases[];
extern const Case process_lost_cases[];
extern const Case process_signal_cases[];
extern const Case process_abandoned_cases[];
