/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Waits for one child, and for no other: what its descriptor stands for stays the same even if
 * somebody else has waited for it and its number is another's by now. */
#include "config.h"

#include "gspawn-wait-private.h"

#include "gspawn-syscall-private.h"

#include <linux/types.h>
#include <poll.h>
#include <sys/wait.h>

/* Newer than some libcs. */
#define WAIT_BY_PIDFD 3

/* What waitpid() adds for a core dump; not every libc names it. */
#ifndef WCOREFLAG
#define WCOREFLAG 0x80
#endif

/* Between two looks at a child that stands still and cannot be polled. */
#define STOPPED_MS 100

/* The kernel's own struct, whatever libc takes for a time. */
typedef struct {
  struct {
    __kernel_long_t seconds;
    __kernel_suseconds_t microseconds;
  } user_time, system_time;
  __kernel_long_t max_rss;
  __kernel_long_t shared_rss;
  __kernel_long_t data_rss;
  __kernel_long_t stack_rss;
  __kernel_long_t minor_faults;
  __kernel_long_t major_faults;
  __kernel_long_t swaps;
  __kernel_long_t blocks_in;
  __kernel_long_t blocks_out;
  __kernel_long_t messages_sent;
  __kernel_long_t messages_received;
  __kernel_long_t signals;
  __kernel_long_t voluntary_switches;
  __kernel_long_t involuntary_switches;
} KernelUsage;

static struct rusage
convert_usage (const KernelUsage *usage)
{
  return (struct rusage) {
    .ru_utime = { usage->user_time.seconds, usage->user_time.microseconds },
    .ru_stime = { usage->system_time.seconds, usage->system_time.microseconds },
    .ru_maxrss = usage->max_rss,
    .ru_ixrss = usage->shared_rss,
    .ru_idrss = usage->data_rss,
    .ru_isrss = usage->stack_rss,
    .ru_minflt = usage->minor_faults,
    .ru_majflt = usage->major_faults,
    .ru_nswap = usage->swaps,
    .ru_inblock = usage->blocks_in,
    .ru_oublock = usage->blocks_out,
    .ru_msgsnd = usage->messages_sent,
    .ru_msgrcv = usage->messages_received,
    .ru_nsignals = usage->signals,
    .ru_nvcsw = usage->voluntary_switches,
    .ru_nivcsw = usage->involuntary_switches,
  };
}

static gboolean
is_end (const siginfo_t *info)
{
  return info->si_pid != 0 && (info->si_code == CLD_EXITED || info->si_code == CLD_KILLED ||
                               info->si_code == CLD_DUMPED);
}

static int
get_status (const siginfo_t *info)
{
  if (info->si_code == CLD_EXITED)
    return (info->si_status & 0xff) << 8;

  return (info->si_status & 0x7f) | (info->si_code == CLD_DUMPED ? WCOREFLAG : 0);
}

/* By the descriptor, or by the number where there is none, or a kernel that cannot wait by one. */
static long
call_waitid (pid_t        pid,
             int          pidfd,
             int          options,
             siginfo_t   *info,
             KernelUsage *usage)
{
  long result = -EINVAL;

  info->si_pid = 0;
  info->si_code = 0;
  if (pidfd >= 0)
    result = sys_call (SYS_waitid, WAIT_BY_PIDFD, pidfd, (long) info, options, (long) usage);
  if (result == -EINVAL)
    result = sys_call (SYS_waitid, P_PID, pid, (long) info, options, (long) usage);

  return result;
}

static void
pause_until_dead (int pidfd)
{
  struct pollfd pollfd = { .fd = pidfd, .events = POLLIN };

  if (pidfd >= 0)
    poll (&pollfd, 1, -1);
  else
    poll (NULL, 0, STOPPED_MS);
}

/*< private >
 * _gspawn_wait:
 * @pid: a child
 * @pidfd: a descriptor of it, or −1
 * @options: `WNOHANG` not to wait, `WNOWAIT` to leave it as it is
 * @end: (out caller-allocates): how it has ended, if it has
 *
 * A thread is not cancelled in here.
 *
 * Returns: what is known of it now; never %GSPAWN_WAIT_RUNS without `WNOHANG`
 */
GSpawnWaitResult
_gspawn_wait (pid_t      pid,
              int        pidfd,
              int        options,
              GSpawnEnd *end)
{
  KernelUsage usage = { 0 };
  siginfo_t info = { 0 };
  long result;

  for (;;)
    {
      result = call_waitid (pid, pidfd, options | WEXITED, &info, &usage);
      if (result == 0 && is_end (&info))
        break;
      /* A descriptor that was made not to block is told apart by this error. */
      if (result < 0 && result != -EINTR && result != -EAGAIN)
        return GSPAWN_WAIT_LOST;
      if (result == -EINTR)
        continue;
      if ((options & WNOHANG) != 0)
        return GSPAWN_WAIT_RUNS;
      /* The kernel tells a tracer of stops, too, whether it asked or not. */
      pause_until_dead (pidfd);
    }

  end->status = get_status (&info);
  end->usage = convert_usage (&usage);
  return GSPAWN_WAIT_ENDED;
}
