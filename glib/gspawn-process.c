/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * A process that was launched: what is known of it, who may still use its number, and what becomes
 * of it when nobody refers to it any more.
 *
 * The number is the process's until it is waited for, and that happens once, under the lock, and
 * never while a thread waits in the kernel by that number. No other child is ever waited for, and
 * no signal handled. */
#include "config.h"

#include "gspawn-process-private.h"

#include "gspawn-fd-private.h"
#include "gspawn-keeper-private.h"
#include "gspawn-syscall-private.h"
#include "gspawn-wait-private.h"

#include <sys/wait.h>

/* Newer than some kernel headers; the number is the same on every machine. */
#ifdef SYS_pidfd_send_signal
#define SYS_SIGNAL_BY_PIDFD SYS_pidfd_send_signal
#else
#define SYS_SIGNAL_BY_PIDFD 424
#endif

/**
 * GSpawnProcess:
 * @owner: whose child it is: not a copy's that fork() has made of it
 * @pipes: our ends, −1 once they were taken; atomic
 * @lock: protects what follows
 * @state: what is known of it
 * @n_waiting: how many threads wait in the kernel
 * @end: how it has ended, if it has
 */
struct _GSpawnProcess {
  gatomicrefcount ref_count;
  GPid pid;
  int pidfd;
  pid_t owner;
  GSpawnEngine engine;
  GSpawnLaunchKind kind;
  int pipes[GSPAWN_N_STREAMS];
  GMutex lock;
  GSpawnWaitResult state;
  gboolean reaped;
  guint n_waiting;
  GSpawnEnd end;
};

/*< private >
 * _gspawn_process_new:
 * @info: a child of this process, whose pid, descriptor and pipes are taken over
 * @kind: who has waited for it to be executed
 *
 * Returns: (transfer full): the process
 */
GSpawnProcess *
_gspawn_process_new (const GSpawnChildInfo *info,
                     GSpawnLaunchKind       kind)
{
  GSpawnProcess *process = g_new0 (GSpawnProcess, 1);

  g_atomic_ref_count_init (&process->ref_count);
  g_mutex_init (&process->lock);
  process->pid = info->pid;
  process->pidfd = info->pidfd;
  process->owner = getpid ();
  process->engine = info->engine;
  process->kind = kind;
  for (int i = 0; i < GSPAWN_N_STREAMS; i++)
    process->pipes[i] = info->pipes[i];

  return process;
}

/**
 * gspawn_process_ref:
 * @process: a process
 *
 * Adds a reference. This function may be called from any thread.
 *
 * Returns: (transfer full): @process
 *
 * Since: 0.1
 */
GSpawnProcess *
gspawn_process_ref (GSpawnProcess *process)
{
  g_return_val_if_fail (process != NULL, NULL);

  g_atomic_ref_count_inc (&process->ref_count);

  return process;
}

/* In a copy of its owner that fork() has made, nothing of it is touched: another thread may have
 * held the lock. */
static gboolean
is_foreign (const GSpawnProcess *process)
{
  return process->owner != getpid ();
}

/* Notes what the kernel says, the first time that it says more than nothing. */
static void
note (GSpawnProcess    *process,
      GSpawnWaitResult  result,
      const GSpawnEnd  *end)
{
  if (process->state != GSPAWN_WAIT_RUNS)
    return;

  process->state = result;
  if (result == GSPAWN_WAIT_ENDED)
    process->end = *end;
}

/* Gives the number back, once nobody is about to wait by it. */
static void
reap (GSpawnProcess *process)
{
  GSpawnEnd end;

  if (process->state != GSPAWN_WAIT_ENDED || process->reaped || process->n_waiting > 0)
    return;

  _gspawn_wait (process->pid, process->pidfd, WNOHANG, &end);
  process->reaped = TRUE;
}

/* Looks without waiting. Called with the lock held, or by the only one who has the process. */
static void
update (GSpawnProcess *process)
{
  GSpawnWaitResult result;
  GSpawnEnd end;

  if (process->state == GSPAWN_WAIT_RUNS)
    {
      result = _gspawn_wait (process->pid, process->pidfd, WNOHANG | WNOWAIT, &end);
      note (process, result, &end);
    }
  reap (process);
}

/* Called with the lock held, which is let go for as long as it takes. Whoever comes back last gives
 * the number back: another thread may be on its way into the kernel with it. */
static void
await (GSpawnProcess *process)
{
  GSpawnWaitResult result;
  GSpawnEnd end;

  process->n_waiting++;
  g_mutex_unlock (&process->lock);
  result = _gspawn_wait (process->pid, process->pidfd, WNOWAIT, &end);
  g_mutex_lock (&process->lock);
  process->n_waiting--;

  note (process, result, &end);
  reap (process);
}

/**
 * gspawn_process_unref:
 * @process: (transfer full): a process
 *
 * Gives a reference back, the last of which frees the process, and closes its descriptor and those
 * of its pipes that were not taken.
 *
 * A process that has not ended goes on. When it ends it is waited for in the background, by a
 * thread that exists as long as there are such processes, so that no zombie stays.
 *
 * This function may be called from any thread.
 *
 * Since: 0.1
 */
void
gspawn_process_unref (GSpawnProcess *process)
{
  g_return_if_fail (process != NULL);

  if (!g_atomic_ref_count_dec (&process->ref_count))
    return;

  for (int i = 0; i < GSPAWN_N_STREAMS; i++)
    _gspawn_fd_clear (&process->pipes[i]);

  if (!is_foreign (process))
    {
      update (process);
      if (process->state == GSPAWN_WAIT_RUNS)
        {
          _gspawn_keeper_take (process->pid, process->pidfd);
          process->pidfd = -1;
        }
      g_mutex_clear (&process->lock);
    }
  _gspawn_fd_clear (&process->pidfd);
  g_free (process);
}

/**
 * gspawn_process_get_pid:
 * @process: a process
 *
 * Gets the number of a process. It is another's, perhaps, once the process was waited for, as
 * gspawn_process_wait(), gspawn_process_has_ended() and gspawn_process_send_signal() do when it has
 * ended: signals are better sent by the last of these.
 *
 * This function may be called from any thread.
 *
 * Returns: the pid
 *
 * Since: 0.1
 */
GPid
gspawn_process_get_pid (const GSpawnProcess *process)
{
  g_return_val_if_fail (process != NULL, 0);

  return process->pid;
}

/**
 * gspawn_process_get_pidfd:
 * @process: a process
 *
 * Gets a descriptor that stands for a process, and becomes readable when it has ended.
 *
 * It belongs to @process, and is valid as long as that: it must not be closed. Who polls it must
 * not wait for the process by it, but call gspawn_process_wait() or gspawn_process_has_ended()
 * then.
 *
 * This function may be called from any thread.
 *
 * Returns: the descriptor, or −1 where the kernel has none
 *
 * Since: 0.1
 */
int
gspawn_process_get_pidfd (const GSpawnProcess *process)
{
  g_return_val_if_fail (process != NULL, -1);

  return process->pidfd;
}

/**
 * gspawn_process_get_pipe:
 * @process: a process
 * @stream: one of its standard streams
 *
 * Gets our end of the pipe to a standard stream: to be written to if that is standard input, to be
 * read from otherwise. It belongs to @process, and is closed with it.
 *
 * This function may be called from any thread.
 *
 * Returns: the descriptor, or −1 if the stream is not a pipe or its descriptor was taken
 *
 * Since: 0.1
 */
int
gspawn_process_get_pipe (GSpawnProcess *process,
                         GSpawnStream   stream)
{
  g_return_val_if_fail (process != NULL, -1);
  g_return_val_if_fail ((guint) stream < GSPAWN_N_STREAMS, -1);

  return g_atomic_int_get (&process->pipes[stream]);
}

/**
 * gspawn_process_steal_pipe:
 * @process: a process
 * @stream: one of its standard streams
 *
 * Takes our end of the pipe to a standard stream: to be written to if that is standard input, to be
 * read from otherwise. From now on it is the caller's, who has to close it. It is close-on-exec.
 *
 * This function may be called from any thread. Of several that call it at once, one gets the
 * descriptor.
 *
 * Returns: the descriptor, or −1 if the stream is not a pipe or its descriptor was taken before
 *
 * Since: 0.1
 */
int
gspawn_process_steal_pipe (GSpawnProcess *process,
                           GSpawnStream   stream)
{
  int fd;

  g_return_val_if_fail (process != NULL, -1);
  g_return_val_if_fail ((guint) stream < GSPAWN_N_STREAMS, -1);

  do
    fd = g_atomic_int_get (&process->pipes[stream]);
  while (!g_atomic_int_compare_and_exchange (&process->pipes[stream], fd, -1));

  return fd;
}

/**
 * gspawn_process_get_engine:
 * @process: a process
 *
 * Gets the engine that has made a process. This function may be called from any thread.
 *
 * Returns: the engine
 *
 * Since: 0.1
 */
GSpawnEngine
gspawn_process_get_engine (const GSpawnProcess *process)
{
  g_return_val_if_fail (process != NULL, GSPAWN_ENGINE_CLONE);

  return process->engine;
}

/**
 * gspawn_process_get_launch_kind:
 * @process: a process
 *
 * Gets who has waited for the program to be executed. This function may be called from any thread.
 *
 * Returns: the kind of the launch
 *
 * Since: 0.1
 */
GSpawnLaunchKind
gspawn_process_get_launch_kind (const GSpawnProcess *process)
{
  g_return_val_if_fail (process != NULL, GSPAWN_LAUNCH_WAITING);

  return process->kind;
}

static gboolean
refuse_foreign (const GSpawnProcess  *process,
                GError              **error)
{
  g_set_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED,
               "Process %d is not a child of this process, but of the one that has launched it",
               process->pid);

  return FALSE;
}

/* A sandbox may forbid the call where the kernel has it: an impossible descriptor tells that apart
 * from a process that may not be sent signals. */
static gboolean
can_signal_by_pidfd (void)
{
  return sys_call4 (SYS_SIGNAL_BY_PIDFD, -1, 0, NULL, 0) == -EBADF;
}

/* Called with the lock held, and the process not waited for. */
static long
send_signal (const GSpawnProcess *process,
             int                  signal_number)
{
  long result = -ENOSYS;

  if (process->pidfd >= 0)
    result = sys_call4 (SYS_SIGNAL_BY_PIDFD, process->pidfd, signal_number, NULL, 0);
  if (result == -ENOSYS || (result == -EPERM && process->pidfd >= 0 && !can_signal_by_pidfd ()))
    result = sys_call2 (SYS_kill, process->pid, signal_number);

  return result;
}

static gboolean
refuse_signal (const GSpawnProcess  *process,
               int                   signal_number,
               int                   error_number,
               GError              **error)
{
  GSpawnError code = G_SPAWN_ERROR_FAILED;

  if (error_number == EPERM)
    code = G_SPAWN_ERROR_PERM;
  else if (error_number == EINVAL)
    code = G_SPAWN_ERROR_INVAL;
  g_set_error (error, G_SPAWN_ERROR, code, "Failed to send signal %d to process %d (%s)",
               signal_number, process->pid, g_strerror (error_number));

  return FALSE;
}

/**
 * gspawn_process_send_signal:
 * @process: a process
 * @signal_number: a signal, or 0 to ask only whether it could be sent
 * @error: (out) (optional): why it was not sent
 *
 * Sends a signal to a process, and never to another that has got its number since: the number is
 * the process's for the length of the call.
 *
 * If the process has ended, or somebody else has waited for it, that is %G_SPAWN_ERROR_FAILED. A
 * process that may not be sent signals by the caller, for it is another user's by now, is
 * %G_SPAWN_ERROR_PERM, and a number that is no signal's is %G_SPAWN_ERROR_INVAL. As ever, to have
 * sent a signal is not to have seen its effect.
 *
 * In a copy that fork() has made of the process that launched it, this is %G_SPAWN_ERROR_FAILED.
 *
 * This function may be called from any thread, also while others wait for the process.
 *
 * Returns: whether the signal was sent
 *
 * Since: 0.1
 */
gboolean
gspawn_process_send_signal (GSpawnProcess  *process,
                            int             signal_number,
                            GError        **error)
{
  gboolean runs;
  long result = 0;

  g_return_val_if_fail (process != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (signal_number < 0 || signal_number >= _NSIG)
    return refuse_signal (process, signal_number, EINVAL, error);
  if (is_foreign (process))
    return refuse_foreign (process, error);

  g_mutex_lock (&process->lock);
  update (process);
  runs = process->state == GSPAWN_WAIT_RUNS;
  if (runs)
    result = send_signal (process, signal_number);
  g_mutex_unlock (&process->lock);

  if (!runs || result == -ESRCH)
    {
      g_set_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED, "Process %d has ended already",
                   process->pid);
      return FALSE;
    }
  if (result < 0)
    return refuse_signal (process, signal_number, (int) -result, error);

  return TRUE;
}

/**
 * gspawn_process_has_ended:
 * @process: a process
 *
 * Asks whether a process has ended, without waiting. If it has, it is waited for: its status and
 * what it has used are known then, and no zombie is left.
 *
 * This function may be called from any thread.
 *
 * Returns: %TRUE if it has ended, also if somebody else has waited for it; %FALSE in a copy that
 *   fork() has made of the process that launched it, which cannot know
 *
 * Since: 0.1
 */
gboolean
gspawn_process_has_ended (GSpawnProcess *process)
{
  gboolean has_ended;

  g_return_val_if_fail (process != NULL, FALSE);

  if (is_foreign (process))
    return FALSE;

  g_mutex_lock (&process->lock);
  update (process);
  has_ended = process->state != GSPAWN_WAIT_RUNS;
  g_mutex_unlock (&process->lock);

  return has_ended;
}

/**
 * gspawn_process_wait:
 * @process: a process
 * @wait_status: (out) (optional): how it has ended, as waitpid() says it
 * @error: (out) (optional): why that is not known
 *
 * Waits until a process has ended. Nothing else is waited for, and a signal that a handler takes
 * does not end the wait, nor is the thread cancelled.
 *
 * If somebody else has waited for the process, or nobody can because the caller ignores `SIGCHLD`,
 * its status is not known, and that is %G_SPAWN_ERROR_FAILED, now and whenever it is asked for
 * again. So it is in a copy that fork() has made of the process that launched it.
 *
 * This function may be called from any thread, and by several at once: all get the same status. It
 * may be called again.
 *
 * Returns: whether the status is known; @wait_status is set only then
 *
 * Since: 0.1
 */
gboolean
gspawn_process_wait (GSpawnProcess  *process,
                     int            *wait_status,
                     GError        **error)
{
  GSpawnWaitResult state;

  g_return_val_if_fail (process != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (is_foreign (process))
    return refuse_foreign (process, error);

  g_mutex_lock (&process->lock);
  update (process);
  if (process->state == GSPAWN_WAIT_RUNS)
    await (process);
  state = process->state;
  g_mutex_unlock (&process->lock);

  if (state == GSPAWN_WAIT_LOST)
    {
      g_set_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED,
                   "The status of process %d is lost: somebody else has waited for it, or SIGCHLD "
                   "is ignored", process->pid);
      return FALSE;
    }

  /* It does not change any more. */
  if (wait_status != NULL)
    *wait_status = process->end.status;
  return TRUE;
}

/**
 * gspawn_process_wait_check:
 * @process: a process
 * @error: (out) (optional): how it has ended, or why that is not known
 *
 * Waits until a process has ended, as gspawn_process_wait() does, and checks its status as
 * g_spawn_check_wait_status() does: an exit with another code than 0 is a %G_SPAWN_EXIT_ERROR with
 * that code, and an end by a signal is %G_SPAWN_ERROR_FAILED.
 *
 * This function may be called from any thread, and by several at once.
 *
 * Returns: %TRUE if the process has exited with 0
 *
 * Since: 0.1
 */
gboolean
gspawn_process_wait_check (GSpawnProcess  *process,
                           GError        **error)
{
  int wait_status;

  g_return_val_if_fail (process != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return gspawn_process_wait (process, &wait_status, error) &&
         _gspawn_check_wait_status (wait_status, error);
}

/**
 * gspawn_process_get_usage:
 * @process: a process
 * @usage: (out caller-allocates): what it has used, as getrusage() says it
 *
 * Gets what a process that has ended has used, together with those of its children that it has
 * waited for. This function may be called from any thread, and does not wait.
 *
 * Returns: whether that is known; %FALSE as long as the process runs, and if somebody else has
 *   waited for it
 *
 * Since: 0.1
 */
gboolean
gspawn_process_get_usage (GSpawnProcess *process,
                          struct rusage *usage)
{
  gboolean known;

  g_return_val_if_fail (process != NULL, FALSE);
  g_return_val_if_fail (usage != NULL, FALSE);

  if (is_foreign (process))
    return FALSE;

  g_mutex_lock (&process->lock);
  update (process);
  known = process->state == GSPAWN_WAIT_ENDED;
  if (known)
    *usage = process->end.usage;
  g_mutex_unlock (&process->lock);

  return known;
}
