/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * What an engine hands to its child, and gets back of it. */
#pragma once

#include <glib.h>

#include "gspawn-child-attributes-private.h"
#include "gspawn-plan-private.h"
#include "gspawn-syscall-private.h"

/**
 * GSpawnChild:
 * @plan: what to do
 * @signal_mask: signals to be blocked when the program starts
 * @handlers_cleared: whether the kernel has reset the caller's signal handlers already
 * @shares_memory: whether the child is in the caller's memory, and not in a copy
 * @report_fd: descriptor that is closed by exec, or by the child's end, which tells the caller, or −1
 * @caller_fd: the caller's end of that, which is not the child's, or −1
 * @failure: where the child says why it did not execute the program
 * @attributes: what the child needs to apply those of the plan
 * @envp: environment of the program, or %NULL for the caller's at the moment of exec
 *
 * One launch of a plan: all that the child writes to.
 */
typedef struct {
  const GSpawnPlan *plan;
  SysSignalSet signal_mask;
  gboolean handlers_cleared;
  gboolean shares_memory;
  int report_fd;
  int caller_fd;
  GSpawnFailure failure;
  GSpawnChildAttributes attributes;
  const char *const *envp;

  /* One descriptor per slot of the plan. */
  int *slots;
  /* The argument vector for a file that only a shell can run. */
  const char **shell_argv;
  /* An environment of this launch's own, and the variable in it that is not the plan's. */
  const char **own_envp;
  char *pid_entry;
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

void _gspawn_child_init     (GSpawnChild        *child,
                             const GSpawnPlan   *plan);
/* @mask is the caller's, which the program gets if the plan has none for it. */
void _gspawn_child_set_mask (GSpawnChild        *child,
                             const SysSignalSet *mask);
void _gspawn_child_clear    (GSpawnChild        *child);

void _gspawn_child_run      (GSpawnChild        *child);
