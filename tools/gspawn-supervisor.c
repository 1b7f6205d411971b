/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Being the parent of PROGRAM without its noticing: passes signals on, stops when it stops, moves
 * the trace along, and knows how it ended. Must not know what becomes of that. */

#include "gspawn-supervisor-private.h"

#include "gspawn-command-private.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
  int number;
  gboolean from_terminal;       /* the kernel sends it to the whole group, which PROGRAM is in */
  gboolean ends;                /* by default */
} SignalKind;

/* What we learn of PROGRAM by, and what somebody may send to us and mean PROGRAM. Signals for
 * faults of our own are not among them. Those that stop are: PROGRAM may have to clean up before it
 * stops, and must then still have the terminal, which a shell takes away when it sees us stop. */
static const SignalKind signal_kinds[] = {
  { SIGCHLD, FALSE, FALSE },
  { SIGHUP, TRUE, TRUE },
  { SIGINT, TRUE, TRUE },
  { SIGQUIT, TRUE, TRUE },
  { SIGTSTP, TRUE, FALSE },
  { SIGTTIN, TRUE, FALSE },
  { SIGTTOU, TRUE, FALSE },
  { SIGCONT, TRUE, FALSE },
  { SIGWINCH, TRUE, FALSE },
  { SIGTERM, FALSE, TRUE },
  { SIGUSR1, FALSE, TRUE },
  { SIGUSR2, FALSE, TRUE },
  { SIGALRM, FALSE, TRUE },
  { SIGVTALRM, FALSE, TRUE },
  { SIGPROF, FALSE, TRUE },
  { SIGIO, FALSE, TRUE },
  { SIGPWR, FALSE, TRUE },
};

static const SignalKind realtime_kind = { 0, FALSE, TRUE };

typedef struct {
  pid_t pid;
  int signal_fd;
  GSpawnTraceFile *trace;
  int wait_status;
  gboolean stopped;     /* PROGRAM, as far as we know */
  gboolean ended;       /* PROGRAM */
  gboolean interrupted; /* after its end, while lines still waited for their reader */
} Supervisor;

/* Blocked before PROGRAM exists, so that none is lost. */
static int
open_signal_fd (void)
{
  const struct sigaction ignore = { .sa_handler = SIG_IGN };
  sigset_t set;

  sigemptyset (&set);
  for (gsize i = 0; i < G_N_ELEMENTS (signal_kinds); i++)
    sigaddset (&set, signal_kinds[i].number);
  for (int number = SIGRTMIN; number <= SIGRTMAX; number++)
    sigaddset (&set, number);

  sigaction (SIGPIPE, &ignore, NULL);
  sigprocmask (SIG_BLOCK, &set, NULL);
  return signalfd (-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static const SignalKind *
find_kind (int number)
{
  for (gsize i = 0; i < G_N_ELEMENTS (signal_kinds); i++)
    if (signal_kinds[i].number == number)
      return &signal_kinds[i];
  return &realtime_kind;
}

/* By a terminal's key, or by kill (0, …) in PROGRAM. A hangup may reach nobody but the leader of
 * the session. */
static gboolean
has_reached_program (const Supervisor              *self,
                     const struct signalfd_siginfo *info)
{
  if (info->ssi_code == SI_KERNEL)
    return find_kind ((int) info->ssi_signo)->from_terminal &&
           (info->ssi_signo != SIGHUP || getsid (0) != getpid ());

  return (pid_t) info->ssi_pid == self->pid;
}

/* Unless something has happened to it since it stopped: then it has been continued, and may have
 * stopped again for somebody else to continue. */
static void
continue_program (Supervisor *self)
{
  siginfo_t info = { 0 };

  if (self->stopped &&
      waitid (P_PID, (id_t) self->pid, &info,
              WEXITED | WSTOPPED | WCONTINUED | WNOHANG | WNOWAIT) == 0 &&
      info.si_pid == 0)
    kill (self->pid, SIGCONT);
  self->stopped = FALSE;
}

/* So that the shell, which waits for us, sees it. The kernel drops these signals where nobody could
 * continue us. SIGSTOP is left out: whoever sends that to PROGRAM alone will continue it alone. */
static void
stop_like (int number)
{
  sigset_t set;

  if (number != SIGTSTP && number != SIGTTIN && number != SIGTTOU)
    return;

  sigemptyset (&set);
  sigaddset (&set, number);
  raise (number);
  sigprocmask (SIG_UNBLOCK, &set, NULL);
  /* Here we are stopped. */
  sigprocmask (SIG_BLOCK, &set, NULL);
}

static void
check_program (Supervisor *self)
{
  int status;
  pid_t pid;

  do
    {
      pid = waitpid (self->pid, &status, WNOHANG | WUNTRACED);
      if (pid > 0 && WIFSTOPPED (status))
        {
          self->stopped = TRUE;
          stop_like (WSTOPSIG (status));
        }
    }
  while (pid > 0 ? WIFSTOPPED (status) : pid < 0 && errno == EINTR);

  if (pid > 0)
    {
      self->ended = TRUE;
      self->wait_status = status;
    }
}

static void
handle_signal (Supervisor                    *self,
               const struct signalfd_siginfo *info)
{
  int number = (int) info->ssi_signo;

  if (self->ended)
    self->interrupted |= find_kind (number)->ends;
  else if (number == SIGCHLD)
    check_program (self);
  else if (number == SIGCONT)
    continue_program (self);
  else if (!has_reached_program (self, info))
    kill (self->pid, number);
}

static void
handle_signals (Supervisor *self)
{
  struct signalfd_siginfo info;

  while (read (self->signal_fd, &info, sizeof info) == sizeof info)
    handle_signal (self, &info);
}

/* Until PROGRAM has ended and its last line has been taken. */
static void
loop (Supervisor *self)
{
  gboolean pending = FALSE;

  while (!self->ended || (pending && !self->interrupted))
    {
      struct pollfd fds[] = {
        { .fd = self->signal_fd, .events = POLLIN },
        { .fd = pending ? _gspawn_trace_file_get_sink (self->trace) : -1, .events = POLLOUT },
        { .fd = pending ? -1 : _gspawn_trace_file_get_watch (self->trace), .events = POLLIN },
      };

      if (poll (fds, G_N_ELEMENTS (fds), -1) < 0)
        continue;

      if (fds[0].revents != 0)
        handle_signals (self);
      if (self->ended || fds[1].revents != 0 || fds[2].revents != 0)
        pending = _gspawn_trace_file_advance (self->trace, fds[1].revents != 0);
    }
}

static void
ignore_signal (int number G_GNUC_UNUSED)
{
}

/* From now on a signal interrupts a write to a reader that does not read, and no more: it may be
 * the second half of one that went to us and to our group. */
static void
close_signal_fd (int                           signal_fd,
                 const GSpawnInheritedSignals *signals)
{
  const struct sigaction action = { .sa_handler = ignore_signal };
  const int numbers[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };

  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++)
    sigaction (numbers[i], &action, NULL);
  sigprocmask (SIG_SETMASK, &signals->mask, NULL);
  g_close (signal_fd, NULL);
}

/**
 * _gspawn_supervise:
 * @argv: PROGRAM and its arguments
 * @signals: what PROGRAM inherits
 * @trace: the file that its processes write to
 * @wait_status: (out): how PROGRAM ended
 * @error: return location
 *
 * Runs PROGRAM to its end.
 *
 * Returns: %FALSE if it could not be started
 */
gboolean
_gspawn_supervise (char                         **argv,
                   const GSpawnInheritedSignals  *signals,
                   GSpawnTraceFile               *trace,
                   int                           *wait_status,
                   GError                       **error)
{
  Supervisor self = { .signal_fd = open_signal_fd (), .trace = trace };

  if (self.signal_fd < 0)
    {
      g_set_error (error, GSPAWN_COMMAND_ERROR, GSPAWN_COMMAND_ERROR_SYSTEM,
                   "cannot wait for signals: %s", g_strerror (errno));
      return FALSE;
    }

  if (_gspawn_program_start (argv, signals, &self.pid, error))
    {
      loop (&self);
      *wait_status = self.wait_status;
    }

  close_signal_fd (self.signal_fd, signals);
  return self.ended;
}
