/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>
#include <sys/types.h>

/* Every system call that a launch is known to make, told apart by what it is for. Those of one
 * number stand together, the particular before the general. */
typedef enum {
  USE_ANYTHING,         /* for tables */
  USE_ANOTHER_ENGINE,   /* for tables: what another engine begins with */
  USE_ACCESS_DIRECTORY,
  USE_ACCESS_LISTED,
  USE_ACCESS_CANDIDATE,
  USE_ACCESS_OLD,
  USE_CHDIR,
  USE_CLONE_SHARED,
  USE_CLONE_COPY,
  USE_CLONE3_REFUSED,
  USE_CLONE3_INVALID,
  USE_CLONE3,
  USE_CLOSE,
  USE_CLOSE_RANGE_PROBE,
  USE_CLOSE_RANGE_CLOEXEC,
  USE_CLOSE_RANGE,
  USE_DUP2,
  USE_DUP3,
  USE_EXECVE_SHELL,
  USE_EXECVE,
  USE_EXIT,
  USE_EXIT_GROUP,
  USE_FCHDIR,
  USE_FCNTL_COPY,
  USE_FCNTL_GETFD,
  USE_FCNTL_SETFD,
  USE_FSTAT,
  USE_FUTEX_WAKE,
  USE_FUTEX,
  USE_GETDENTS,
  USE_GETPID,
  USE_GETPPID,
  USE_KILL,
  USE_LSEEK,
  USE_LSTAT_NAMESPACE,
  USE_STAT_NAMESPACE,
  USE_MMAP_REPORT,
  USE_MMAP_SLOT,
  USE_MMAP_STACK,
  USE_MPROTECT,
  USE_MUNMAP,
  USE_OPEN_LISTED,
  USE_OPEN_NULL,
  USE_OPEN_TRACE,
  USE_OPEN_DIRECTORY,
  USE_PIPE2,
  USE_POLL,
  USE_PRLIMIT,
  USE_READ,
  USE_RESTART,
  USE_SCHED_YIELD,
  USE_SET_ROBUST_LIST,
  USE_SIGACTION,
  USE_SIGPENDING,
  USE_SIGPROCMASK,
  USE_SIGTIMEDWAIT,
  USE_SIGRETURN,
  USE_WAIT4_TRIAL,
  USE_WAIT4,
  USE_WAITID,
  USE_WRITE,
  N_FAULT_USES,
  USE_UNKNOWN = -1,
} FaultUse;

FaultUse    fault_use_find      (pid_t          pid,
                                 long           number,
                                 const guint64 *arguments);
const char *fault_use_get_name  (FaultUse       use);
gboolean    fault_use_is_done   (FaultUse       use,
                                 int            error_number);
gboolean    fault_use_may_block (FaultUse       use);
gboolean    fault_use_may_vary  (FaultUse       use);
