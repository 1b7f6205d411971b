/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * The engine for what only a copy of the caller can do: run a function of the caller's in the
 * child. The child reports over a pipe that exec closes. */
#include "config.h"

#include "gspawn-child-private.h"
#include "gspawn-engine-private.h"
#include "gspawn-fd-private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

/**
 * Report:
 * @failure: why the program was not executed
 * @pid: the program's process
 *
 * What travels over the pipe: less than PIPE_BUF, so never in pieces.
 */
typedef struct {
  GSpawnFailure failure;
  pid_t pid;
} Report;

static void
child_report (int           fd,
              const Report *report)
{
  while (write (fd, report, sizeof *report) < 0 && errno == EINTR)
    ;
}

static G_GNUC_NORETURN void
child_main (GSpawnChild *child)
{
  Report report = { 0 };

  _gspawn_child_run (child);
  report.failure = child->failure;
  /* The process in the middle may have been killed before it could tell. */
  report.pid = getpid ();
  child_report (child->report_fd, &report);
  _exit (127);
}

/* The process in the middle, whose child is nobody's but init's once it has ended. */
static G_GNUC_NORETURN void
child_middle_main (GSpawnChild *child)
{
  Report report = { .pid = fork () };

  if (report.pid == 0)
    child_main (child);
  if (report.pid < 0)
    report.failure = (GSpawnFailure) { GSPAWN_STAGE_SECOND_PROCESS, errno };

  child_report (child->report_fd, &report);
  _exit (0);
}

static pid_t
fork_child (GSpawnChild *child,
            int          parent_end)
{
  pid_t pid = fork ();

  if (pid != 0)
    return pid;

  /* What the caller had not open must not be open here either. */
  close (parent_end);
  if ((child->plan->needs & GSPAWN_NEED_REAP) != 0)
    child_middle_main (child);
  child_main (child);
}

static gboolean
read_report (int     fd,
             Report *report)
{
  gssize n;

  do
    n = read (fd, report, sizeof *report);
  while (n < 0 && errno == EINTR);

  return n == sizeof *report;
}

/* The failed process may be ours to reap after all, if we are what orphans are given to. Its pid
 * was reported before the end of the one in the middle, which has been reaped. */
static void
reap_orphan (int   fd,
             pid_t program_pid)
{
  struct pollfd input = { .fd = fd, .events = POLLIN };
  Report report;

  while (program_pid == 0 && poll (&input, 1, 0) > 0 && read_report (fd, &report))
    program_pid = report.pid;

  if (program_pid > 0)
    _gspawn_reap (program_pid);
}

/* Reads until exec, or the end of every child, has closed the other end. */
static gboolean
await_child (const GSpawnPlan *plan,
             int               fd,
             pid_t             first_pid,
             GPid             *pid,
             GSpawnFailure    *failure)
{
  gboolean reaps = (plan->needs & GSPAWN_NEED_REAP) != 0;
  pid_t program_pid = reaps ? 0 : first_pid;
  Report report;

  *failure = (GSpawnFailure) { GSPAWN_STAGE_NONE, 0 };
  while (failure->stage == GSPAWN_STAGE_NONE && read_report (fd, &report))
    {
      *failure = report.failure;
      if (report.pid > 0)
        program_pid = report.pid;
    }

  if (failure->stage == GSPAWN_STAGE_NONE && program_pid == 0)
    _gspawn_failure_set (failure, GSPAWN_STAGE_REPORT, ECHILD);

  if (reaps || failure->stage != GSPAWN_STAGE_NONE)
    _gspawn_reap (first_pid);
  if (failure->stage != GSPAWN_STAGE_NONE)
    {
      if (reaps)
        reap_orphan (fd, program_pid);
      return FALSE;
    }

  *pid = program_pid;
  return TRUE;
}

static gboolean
launch (GSpawnChild   *child,
        GPid          *pid,
        GSpawnFailure *failure)
{
  g_auto (GSpawnPipe) report = GSPAWN_PIPE_INIT;
  pid_t first_pid;

  if (!_gspawn_pipe_open (&report))
    return _gspawn_failure_set (failure, GSPAWN_STAGE_PIPE, errno);
  child->report_fd = report.write_fd;

  /* Handlers of the caller would run in the child, too, until they are reset there. */
  sys_block_signals (&child->signal_mask);
  first_pid = fork_child (child, report.read_fd);
  if (first_pid < 0)
    _gspawn_failure_set (failure, GSPAWN_STAGE_PROCESS, errno);
  sys_set_signal_mask (&child->signal_mask, NULL);
  if (first_pid < 0)
    return FALSE;

  _gspawn_fd_clear (&report.write_fd);

  return await_child (child->plan, report.read_fd, first_pid, pid, failure);
}

gboolean
_gspawn_fork_probe (const char  **detail,
                    GSpawnNeeds  *lacks)
{
  *detail = "fork() and exec";
  *lacks = 0;

  return TRUE;
}

gboolean
_gspawn_fork_launch (const GSpawnPlan *plan,
                     GPid             *pid,
                     GSpawnFailure    *failure)
{
  GSpawnChild child;
  gboolean launched;

  _gspawn_child_init (&child, plan);
  launched = launch (&child, pid, failure);
  _gspawn_child_clear (&child);

  return launched;
}
