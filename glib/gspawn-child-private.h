/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * What an engine hands to its child, and gets back of it. */
#pragma once

#include <glib.h>

#include "gspawn-plan-private.h"
#include "gspawn-syscall-private.h"

/**
 * GSpawnChild:
 * @plan: what to do
 * @signal_mask: signals to be blocked when the program starts
 * @handlers_cleared: whether the kernel has reset the caller's signal handlers already
 * @report_fd: descriptor over which this child will report, or −1 if it shares memory
 * @failure: where the child says why it did not execute the program
 *
 * One launch of a plan: all that the child writes to.
 */
typedef struct {
  const GSpawnPlan *plan;
  SysSignalSet signal_mask;
  gboolean handlers_cleared;
  int report_fd;
  GSpawnFailure failure;

  /* One descriptor per slot of the plan. */
  int *slots;
  /* The argument vector for a file that only a shell can run. */
  const char **shell_argv;
} GSpawnChild;

/* The ones that a program must be able to rely on, whatever its starter had ignored. */
static const int gspawn_reset_signals[] = { SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGPIPE };

#define GSPAWN_SHELL "/bin/sh"

const char **_gspawn_shell_argv_new (const GSpawnPlan *plan);

/* The shell as the program, a file that only it can run as its argument, and the program's own
 * arguments. Used on either side, so it keeps the rules of the child's. */
static inline void
gspawn_shell_argv_fill (const char       **shell_argv,
                        const GSpawnPlan  *plan,
                        const char        *file)
{
  guint n = 0;

  shell_argv[n++] = GSPAWN_SHELL;
  shell_argv[n++] = file;
  for (guint i = 1; i < plan->argc; i++)
    shell_argv[n++] = plan->argv[i];
  shell_argv[n] = NULL;
}

void _gspawn_child_init  (GSpawnChild      *child,
                          const GSpawnPlan *plan);
void _gspawn_child_clear (GSpawnChild      *child);

void _gspawn_child_run   (GSpawnChild      *child);
