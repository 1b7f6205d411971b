/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * What became of a process, in the terms of waitpid() and getrusage(). Nothing here waits, and
 * nothing is an error: what is not known, or not yet, is said to be so. */
#include "gspawn-gio-process-private.h"

#include <sys/wait.h>

/**
 * gspawn_gio_process_has_ended:
 * @process: a process
 *
 * Finds out whether a process has ended, without waiting for it.
 *
 * This function may be called from any thread.
 *
 * Returns: whether it has
 *
 * Since: 0.1
 */
gboolean
gspawn_gio_process_has_ended (GSpawnGioProcess *process)
{
  GSpawnProcess *core;

  g_return_val_if_fail (GSPAWN_GIO_IS_PROCESS (process), FALSE);

  core = _gspawn_gio_process_get_core (process);

  return core != NULL && gspawn_process_has_ended (core);
}

/**
 * gspawn_gio_process_get_wait_status:
 * @process: a process
 *
 * Gets how a process has ended, in the form that `waitpid()` gives.
 *
 * This function may be called from any thread.
 *
 * Returns: the status, or −1 if the process has not ended, or somebody else has waited for it
 *
 * Since: 0.1
 */
int
gspawn_gio_process_get_wait_status (GSpawnGioProcess *process)
{
  int status = -1;

  g_return_val_if_fail (GSPAWN_GIO_IS_PROCESS (process), -1);

  if (!gspawn_gio_process_has_ended (process) ||
      !gspawn_process_wait (_gspawn_gio_process_get_core (process), &status, NULL))
    return -1;

  return status;
}

/* −1 has the bits of both, and is neither. */
static gboolean
get_status (GSpawnGioProcess *process,
            int              *status)
{
  *status = gspawn_gio_process_get_wait_status (process);

  return *status != -1;
}

/**
 * gspawn_gio_process_get_if_exited:
 * @process: a process
 *
 * Finds out whether a process has ended by itself, with an exit status.
 *
 * This function may be called from any thread.
 *
 * Returns: whether it has; %FALSE as long as it runs
 *
 * Since: 0.1
 */
gboolean
gspawn_gio_process_get_if_exited (GSpawnGioProcess *process)
{
  int status;

  g_return_val_if_fail (GSPAWN_GIO_IS_PROCESS (process), FALSE);

  return get_status (process, &status) && WIFEXITED (status);
}

/**
 * gspawn_gio_process_get_exit_status:
 * @process: a process
 *
 * Gets the exit status of a process that has ended by itself.
 *
 * This function may be called from any thread.
 *
 * Returns: the exit status, or −1 if gspawn_gio_process_get_if_exited() is %FALSE
 *
 * Since: 0.1
 */
int
gspawn_gio_process_get_exit_status (GSpawnGioProcess *process)
{
  int status;

  g_return_val_if_fail (GSPAWN_GIO_IS_PROCESS (process), -1);

  return get_status (process, &status) && WIFEXITED (status) ? WEXITSTATUS (status) : -1;
}

/**
 * gspawn_gio_process_get_if_signaled:
 * @process: a process
 *
 * Finds out whether a process was ended by a signal.
 *
 * This function may be called from any thread.
 *
 * Returns: whether it was; %FALSE as long as it runs
 *
 * Since: 0.1
 */
gboolean
gspawn_gio_process_get_if_signaled (GSpawnGioProcess *process)
{
  int status;

  g_return_val_if_fail (GSPAWN_GIO_IS_PROCESS (process), FALSE);

  return get_status (process, &status) && WIFSIGNALED (status);
}

/**
 * gspawn_gio_process_get_term_sig:
 * @process: a process
 *
 * Gets the signal that has ended a process.
 *
 * This function may be called from any thread.
 *
 * Returns: the signal's number, or −1 if gspawn_gio_process_get_if_signaled() is %FALSE
 *
 * Since: 0.1
 */
int
gspawn_gio_process_get_term_sig (GSpawnGioProcess *process)
{
  int status;

  g_return_val_if_fail (GSPAWN_GIO_IS_PROCESS (process), -1);

  return get_status (process, &status) && WIFSIGNALED (status) ? WTERMSIG (status) : -1;
}

static gint64
get_microseconds (struct timeval time)
{
  return time.tv_sec * G_USEC_PER_SEC + time.tv_usec;
}

static gboolean
get_usage (GSpawnGioProcess *process,
           struct rusage    *usage)
{
  GSpawnProcess *core = _gspawn_gio_process_get_core (process);

  return core != NULL && gspawn_process_get_usage (core, usage);
}

/**
 * gspawn_gio_process_get_user_time:
 * @process: a process
 *
 * Gets the processor time that a process has used in its program, and those of its children that it
 * has waited for.
 *
 * This function may be called from any thread.
 *
 * Returns: the time in microseconds, or −1 if the process has not ended, or it is not known
 *
 * Since: 0.1
 */
gint64
gspawn_gio_process_get_user_time (GSpawnGioProcess *process)
{
  struct rusage usage;

  g_return_val_if_fail (GSPAWN_GIO_IS_PROCESS (process), -1);

  return get_usage (process, &usage) ? get_microseconds (usage.ru_utime) : -1;
}

/**
 * gspawn_gio_process_get_system_time:
 * @process: a process
 *
 * Gets the processor time that a process has used in the kernel, and those of its children that it
 * has waited for.
 *
 * This function may be called from any thread.
 *
 * Returns: the time in microseconds, or −1 if the process has not ended, or it is not known
 *
 * Since: 0.1
 */
gint64
gspawn_gio_process_get_system_time (GSpawnGioProcess *process)
{
  struct rusage usage;

  g_return_val_if_fail (GSPAWN_GIO_IS_PROCESS (process), -1);

  return get_usage (process, &usage) ? get_microseconds (usage.ru_stime) : -1;
}

/**
 * gspawn_gio_process_get_max_rss:
 * @process: a process
 *
 * Gets how much memory a process, or one of its children that it has waited for, had resident when
 * it was most.
 *
 * This function may be called from any thread.
 *
 * Returns: the size in KiB, or −1 if the process has not ended, or it is not known
 *
 * Since: 0.1
 */
gint64
gspawn_gio_process_get_max_rss (GSpawnGioProcess *process)
{
  struct rusage usage;

  g_return_val_if_fail (GSPAWN_GIO_IS_PROCESS (process), -1);

  return get_usage (process, &usage) ? usage.ru_maxrss : -1;
}
