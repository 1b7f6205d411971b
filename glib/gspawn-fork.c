/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * The engine for what only a copy of the caller can do: run a function of the caller's in the
 * child. Exec closes a pipe, and so tells the caller; a failure is told in shared memory. */
#include "config.h"

#include "gspawn-child-private.h"
#include "gspawn-engine-private.h"
#include "gspawn-fd-private.h"

#include <errno.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long a child that we trace may stand still before we look. */
#define TRACED_WAIT_MS 10

/**
 * Report:
 * @failure: why the program was not executed
 * @pid: the program's process
 * @is_foreign: whether the process in the middle is in another PID namespace than the caller, and
 * so is @pid
 *
 * What the children tell the caller, in memory that they share. The end of the pipe only says when:
 * to write into one can fail for want of memory, and an end without a word means success.
 */
typedef struct {
  GSpawnFailure failure;
  pid_t pid;
  gboolean is_foreign;
} Report;

/* Returns NULL if there is no memory. */
static Report *
report_new (void)
{
  Report *report = mmap (NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                         -1, 0);

  if (report == MAP_FAILED)
    return NULL;

  /* The page has to be there when a child comes to it. */
  report->pid = 0;

  return report;
}

static void
report_free (Report *report)
{
  munmap (report, sizeof *report);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Report, report_free)

/* Wakes the caller at once, even if a process that another thread made holds the pipe open. */
static void
child_wake_caller (int fd)
{
  while (write (fd, "", 1) < 0 && errno == EINTR)
    ;
}

static G_GNUC_NORETURN void
child_main (GSpawnChild *child,
            Report      *report)
{
  /* The process in the middle may be killed before it can tell. */
  report->pid = getpid ();
  _gspawn_child_run (child);
  report->failure = child->failure;
  child_wake_caller (child->report_fd);
  _exit (127);
}

/* The process in the middle, whose child is nobody's but init's once it has ended. */
static G_GNUC_NORETURN void
child_middle_main (GSpawnChild *child,
                   Report      *report)
{
  pid_t pid;

  report->is_foreign = getppid () == 0;
  pid = fork ();
  if (pid == 0)
    child_main (child, report);
  if (pid < 0)
    report->failure = (GSpawnFailure) { .stage = GSPAWN_STAGE_SECOND_PROCESS,
                                        .error_number = errno };
  else
    report->pid = pid;

  _exit (0);
}

static pid_t
fork_child (GSpawnChild *child,
            Report      *report,
            int          parent_end)
{
  pid_t pid = fork ();

  if (pid != 0)
    return pid;

  /* What the caller had not open must not be open here either. */
  close (parent_end);
  if ((child->plan->needs & GSPAWN_NEED_REAP) != 0)
    child_middle_main (child, report);
  child_main (child, report);
}

/* Until exec, or the end of every child, has closed the other end, or a child has failed. */
static void
await_children (int fd)
{
  char byte;

  while (read (fd, &byte, sizeof byte) < 0 && errno == EINTR)
    ;
}

/* A child that we trace stops for every signal, even for one that would be ignored, and does not come
 * to its exec unless it is told to go on. A stop from the terminal is the caller's. That after exec
 * is the caller's, too, to see: returns whether it is that. */
static gboolean
resume_traced (pid_t pid)
{
  siginfo_t info = { 0 };
  int number;

  if (waitid (P_PID, pid, &info, WSTOPPED | WNOHANG | WNOWAIT | __WALL) < 0 || info.si_pid != pid)
    return FALSE;

  number = info.si_status;
  if (number == SIGTRAP)
    return TRUE;
  if (number == SIGSTOP || number == SIGTSTP || number == SIGTTIN || number == SIGTTOU)
    number = 0;
  waitid (P_PID, pid, &info, WSTOPPED | WNOHANG | __WALL);
  ptrace (PTRACE_CONT, pid, NULL, (gpointer) (gsize) number);

  return FALSE;
}

static void
await_traced (int   fd,
              pid_t pid)
{
  struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

  while (poll (&poll_fd, 1, TRACED_WAIT_MS) <= 0)
    if (resume_traced (pid))
      return;

  await_children (fd);
}

static gboolean
await_program (const GSpawnPlan *plan,
               const Report     *report,
               int               fd,
               pid_t             first_pid,
               GPid             *pid,
               GSpawnFailure    *failure)
{
  gboolean reaps = (plan->needs & GSPAWN_NEED_REAP) != 0;

  if ((plan->needs & GSPAWN_NEED_TRACE_ME) != 0)
    await_traced (fd, first_pid);
  else
    await_children (fd);
  if (reaps)
    _gspawn_reap (first_pid);

  if (report->failure.stage == GSPAWN_STAGE_NONE && (report->pid != 0 || !reaps))
    {
      *pid = reaps ? report->pid : first_pid;
      return TRUE;
    }

  *failure = report->failure;
  if (failure->stage == GSPAWN_STAGE_NONE)
    _gspawn_failure_set (failure, GSPAWN_STAGE_REPORT, ECHILD);

  /* An orphan is ours after all, if we are whom they are given to. One of another PID namespace is
   * given to somebody there. */
  if (!reaps)
    _gspawn_reap (first_pid);
  else if (report->pid != 0 && !report->is_foreign)
    _gspawn_reap (report->pid);

  return FALSE;
}

static gboolean
launch (GSpawnChild   *child,
        GPid          *pid,
        GSpawnFailure *failure)
{
  g_auto (GSpawnPipe) ends = GSPAWN_PIPE_INIT;
  g_autoptr (Report) report = NULL;
  pid_t first_pid;
  SysSignalSet old;
  int error_number;

  if (!_gspawn_pipe_open (&ends))
    return _gspawn_failure_set (failure, GSPAWN_STAGE_PIPE, errno);
  report = report_new ();
  if (report == NULL)
    return _gspawn_failure_set (failure, GSPAWN_STAGE_PROCESS, errno);
  child->report_fd = ends.write_fd;

  /* Handlers of the caller would run in the child, too, until they are reset there. */
  sys_block_signals (&old);
  _gspawn_child_set_mask (child, &old);
  first_pid = fork_child (child, report, ends.read_fd);
  error_number = errno;
  sys_set_signal_mask (&old, NULL);
  if (first_pid < 0)
    return _gspawn_failure_set (failure, GSPAWN_STAGE_PROCESS, error_number);

  _gspawn_fd_clear (&ends.write_fd);

  return await_program (child->plan, report, ends.read_fd, first_pid, pid, failure);
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
                     GSpawnLaunched   *launched,
                     GSpawnFailure    *failure)
{
  GSpawnChild child;
  gboolean is_launched;

  _gspawn_child_init (&child, plan);
  is_launched = launch (&child, &launched->pid, failure);
  _gspawn_child_clear (&child);

  return is_launched;
}
