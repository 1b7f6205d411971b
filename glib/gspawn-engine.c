/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * What the engines have in common on the parent's side. */
#include "config.h"

#include "gspawn-child-private.h"
#include "gspawn-engine-private.h"

#include <sys/stat.h>
#include <sys/wait.h>

gboolean
_gspawn_failure_set (GSpawnFailure *failure,
                     GSpawnStage    stage,
                     int            error_number)
{
  failure->stage = stage;
  failure->error_number = error_number;

  return FALSE;
}

/* Waits until a process of ours has ended, and returns its wait status. One that somebody else has
 * waited for has ended well, as far as we know: an orphan that was given to a caller that ignores
 * SIGCHLD, or waits for every child in another thread. Not to wait would leave it to the caller. */
int
_gspawn_reap (pid_t pid)
{
  int status = 0;

  while (sys_call4 (SYS_wait4, pid, &status, __WALL, NULL) == -EINTR)
    ;

  return status;
}

/* Whether our children are in another PID namespace than we are. After unshare() the next child is
 * the first process of a new namespace, which dies with it, and even with an attempt that fails:
 * that must be the program's. Until there is such a process the link leads nowhere. */
gboolean
_gspawn_next_child_is_init (void)
{
  static const char *const link = "/proc/self/ns/pid_for_children";
  struct stat own, children;

  if (stat ("/proc/self/ns/pid", &own) < 0 || lstat (link, &children) < 0)
    return FALSE;

  return stat (link, &children) < 0 || children.st_ino != own.st_ino;
}

/* Room for the shell, the file, the arguments after the first, and the end. */
const char **
_gspawn_shell_argv_new (const GSpawnPlan *plan)
{
  return g_new (const char *, plan->argc + 3);
}

/* All memory of a launch is made here, for the child can make none. */
void
_gspawn_child_init (GSpawnChild      *child,
                    const GSpawnPlan *plan)
{
  *child = (GSpawnChild) { .plan = plan, .report_fd = -1 };
  child->slots = g_new (int, plan->n_slots);
  child->shell_argv = _gspawn_shell_argv_new (plan);
}

void
_gspawn_child_clear (GSpawnChild *child)
{
  g_free (child->slots);
  g_free (child->shell_argv);
}
