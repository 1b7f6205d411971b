/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * What is expected where a system call fails. The errors of a call are those of its manual page
 * that it can give here, and those with which a sandbox forbids it. Every call that a launch makes
 * must have a row, and every row a call; the first row that has the errno counts. docs/faults.md is
 * made of this. */
#include "fault-table.h"

#include <errno.h>

#define C (1u << GSPAWN_ENGINE_CLONE)
#define P (1u << GSPAWN_ENGINE_POSIX_SPAWN)
#define F (1u << GSPAWN_ENGINE_FORK)
#define ALL (C | P | F)

#define CALLER (1u << ROLE_CALLER)
#define MIDDLE (1u << ROLE_MIDDLE)
#define CHILD (1u << ROLE_CHILD)
#define TRIAL (1u << ROLE_TRIAL)
#define ANYONE (CALLER | MIDDLE | CHILD | TRIAL)

/* Where a probe makes the first process. */
#define FIRST "first* *-first"

#define REFUSED ENOSYS, EPERM, EINVAL, E2BIG, EOPNOTSUPP
#define NO_ROOM EAGAIN, ENOMEM
#define NO_DESCRIPTOR EMFILE, ENFILE
#define PATH_TROUBLE EACCES, ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, EIO, ENOMEM

/* A call of the child's for one attribute: without that, or an error. */
#define ATTRIBUTE_AFTER(its_use, its_after, its_attribute, its_reason, ...) \
  { C | F, CHILD, its_use, .after = its_after, .shapes = "*-optional", \
    .errnos = { __VA_ARGS__ }, .kind = OUTCOME_WITHOUT, .attribute = its_attribute, \
    .reason = its_reason "; the child can do without" }, \
  { C | F, CHILD, its_use, .after = its_after, .errnos = { __VA_ARGS__ }, \
    .kind = OUTCOME_ERROR, .error = ERROR_ATTRIBUTE, .attribute = its_attribute, \
    .reason = its_reason }
#define ATTRIBUTE(its_use, its_attribute, its_reason, ...) \
  ATTRIBUTE_AFTER (its_use, USE_ANYTHING, its_attribute, its_reason, __VA_ARGS__)

const FaultRow fault_rows[] = {
  /* Calls that cannot fail. */
  { ALL, ANYONE, USE_SIGPROCMASK, .reason = "its arguments are ours, and valid" },
  { ALL, ANYONE, USE_SIGACTION, .reason = "its arguments are ours, and valid; for `SIGKILL` and "
    "`SIGSTOP`, whose `EINVAL` is real, nothing is to be done" },
  { ALL, CALLER | CHILD, USE_SIGPENDING, .reason = "its arguments are ours, and valid" },
  { C, CHILD, USE_SCHED_YIELD, .reason = "it always succeeds" },
  { ALL, ANYONE, USE_SET_ROBUST_LIST, .reason = "libc's, in a child of `fork()`" },
  { ALL, ANYONE, USE_EXIT_GROUP, .reason = "it does not return" },
  { P, CHILD, USE_LSEEK, .reason = "libc's, on a directory of its own" },
  { P, TRIAL, USE_EXIT, .reason = "it does not return" },
  { C, CALLER, USE_WAIT4_TRIAL, .reason = "its error, `ECHILD`, is what is expected: the program "
    "was executed" },
  { ALL, CALLER | CHILD, USE_GETPID, .reason = "it always succeeds" },
  { C | F, CHILD, USE_GETPPID, .reason = "it always succeeds" },
  { C | F, CHILD, USE_UMASK, .reason = "it always succeeds" },
  { C, CALLER, USE_UNAME, .reason = "its argument is ours, and valid" },
  { C, CALLER, USE_GETRESGID, .reason = "its arguments are ours, and valid" },
  { C, CALLER, USE_GETRESUID, .reason = "its arguments are ours, and valid" },
  { C, CALLER, USE_PRCTL_DUMPABLE, .reason = "it always succeeds" },
  { C, CALLER, USE_PRCTL_SET_DUMPABLE, .reason = "its argument is valid" },
  { C | F, MIDDLE, USE_GETPPID, .reason = "it always succeeds" },
  { ALL, CALLER, USE_FUTEX_WAKE, .reason = "GLib's own, and nobody waits" },
  { ALL, CALLER, USE_MUNMAP, .reason = "what was mapped goes as a whole, which takes no memory" },
  { ALL, CALLER, USE_FCNTL_SETFD, .reason = "only where the descriptor is closed, and it is ours" },
  { ALL, CHILD, USE_FCNTL_SETFD, .reason = "only where the descriptor is closed, and such a one "
    "is not missed" },
  { ALL, CHILD, USE_PRLIMIT, .reason = "it asks for a limit of its own process" },

  /* Processes. */
  { C, CALLER, USE_CLONE3, .nth = 1, .shapes = FIRST, .errnos = { NO_ROOM },
    .kind = OUTCOME_AGAIN, .reason = "the launch itself tries the engine again" },
  { C, CALLER, USE_CLONE3, .nth = 1, .shapes = FIRST, .errnos = { REFUSED },
    .kind = OUTCOME_OTHER, .other = USE_ANOTHER_ENGINE,
    .reason = "the engine does not work here: another takes the request" },
  { C, CALLER, USE_CLONE3, .nth = 1, .shapes = "no-stacks", .errnos = { REFUSED },
    .kind = OUTCOME_ERROR, .error = ERROR_PROCESS,
    .reason = "the engine was taken untried, for there was no memory to try it in" },
  { C, CALLER, USE_CLONE3, .shapes = "begin begin-search begin-missing",
    .errnos = { NO_ROOM, REFUSED }, .kind = OUTCOME_OTHER, .other = USE_EVENTFD,
    .reason = "a thread waits, and tries in its own way" },
  { C, MIDDLE, USE_CLONE3, .shapes = "begin*", .errnos = { NO_ROOM, REFUSED },
    .kind = OUTCOME_ERROR, .error = ERROR_PROCESS, .reason = "there is no room for a process" },
  { C, CALLER, USE_CLONE3, .errnos = { NO_ROOM }, .kind = OUTCOME_ERROR, .error = ERROR_PROCESS,
    .reason = "there is no room for a process" },
  { C, CALLER | MIDDLE, USE_CLONE3, .errnos = { REFUSED }, .kind = OUTCOME_OTHER,
    .other = USE_CLONE_SHARED, .reason = "a sandbox was entered since the probe: the older call" },
  { C, MIDDLE, USE_CLONE3, .errnos = { NO_ROOM }, .kind = OUTCOME_ERROR,
    .error = ERROR_SECOND_PROCESS, .reason = "there is no room for a second process" },
  { C, CALLER, USE_CLONE3_INVALID, .nth = 2, .errnos = { REFUSED, NO_ROOM },
    .kind = OUTCOME_SAME, .reason = "a flag that the kernel does not know is done without" },
  { C, CALLER, USE_CLONE3_INVALID, .errnos = { REFUSED, NO_ROOM }, .kind = OUTCOME_OTHER,
    .other = USE_CLONE_SHARED, .reason = "whatever the kernel dislikes, the older call is used" },
  { C, CALLER, USE_CAPGET, .errnos = { EPERM, ENOSYS }, .kind = OUTCOME_OTHER,
    .other = USE_EVENTFD, .reason = "who may have capabilities has a thread that waits" },
  { C, CALLER, USE_CLONE3_CGROUP, .errnos = { NO_ROOM }, .kind = OUTCOME_ERROR,
    .error = ERROR_PROCESS, .reason = "there is no room for a process" },
  { C, CALLER, USE_CLONE3_CGROUP, .errnos = { REFUSED, EACCES, EBUSY, ENODEV },
    .kind = OUTCOME_OTHER, .other = USE_OPEN_CGROUP,
    .reason = "the child moves to the control group itself, and says why it cannot" },
  { C, CALLER, USE_FSTATFS, .errnos = { EIO, ENOMEM, ENOSYS }, .kind = OUTCOME_OTHER,
    .other = USE_OPEN_CGROUP, .reason = "the child moves to the control group itself" },
  { C | P, CALLER, USE_CLONE_SHARED, .nth = 1, .shapes = FIRST,
    .errnos = { NO_ROOM }, .kind = OUTCOME_SAME,
    .reason = "that says nothing of the next process, so the engine is used" },
  { C | P, CALLER, USE_CLONE_SHARED, .nth = 1, .shapes = FIRST,
    .errnos = { REFUSED }, .kind = OUTCOME_OTHER, .other = USE_ANOTHER_ENGINE,
    .reason = "the engine does not work here: another takes the request" },
  { C, CALLER, USE_CLONE_SHARED, .errnos = { NO_ROOM, REFUSED }, .kind = OUTCOME_ERROR,
    .error = ERROR_PROCESS, .reason = "no process can be made this way; where that is for good, "
    "the next request goes to another engine" },
  { C, MIDDLE, USE_CLONE_SHARED, .errnos = { NO_ROOM, REFUSED }, .kind = OUTCOME_ERROR,
    .error = ERROR_SECOND_PROCESS, .reason = "as above, for the second process" },
  { ALL, CALLER, USE_CLONE_COPY, .errnos = { NO_ROOM, ENOSYS, EPERM }, .kind = OUTCOME_ERROR,
    .error = ERROR_PROCESS, .reason = "there is no room for a process" },
  { F, MIDDLE, USE_CLONE_COPY, .errnos = { NO_ROOM, ENOSYS, EPERM }, .kind = OUTCOME_ERROR,
    .error = ERROR_SECOND_PROCESS, .reason = "there is no room for a second process" },
  { P, CALLER, USE_CLONE3_REFUSED, .errnos = { ENOSYS }, .kind = OUTCOME_SAME,
    .reason = "libc has the older call for that" },
  { P, CALLER, USE_CLONE3_REFUSED, .errnos = { EPERM }, .kind = OUTCOME_OTHER,
    .other = USE_ANOTHER_ENGINE, .reason = "libc would give up: another engine takes the request" },
  { P, CALLER, USE_CLONE3, .errnos = { ENOSYS }, .kind = OUTCOME_OTHER,
    .other = USE_CLONE_SHARED, .reason = "libc falls back" },
  { P, CALLER, USE_CLONE3, .errnos = { NO_ROOM }, .kind = OUTCOME_ERROR, .error = ERROR_PROCESS,
    .reason = "there is no room for a process" },
  { P, CALLER, USE_CLONE3, .errnos = { EPERM }, .kind = OUTCOME_ERROR, .error = ERROR_EXEC,
    .reason = "libc does not say which call it was; a refusal that lasts is told from one of "
    "exec's" },
  { P, CALLER, USE_CLONE_SHARED, .errnos = { NO_ROOM }, .kind = OUTCOME_ERROR,
    .error = ERROR_PROCESS, .reason = "there is no room for a process" },
  { P, CALLER, USE_CLONE_SHARED, .errnos = { EPERM }, .kind = OUTCOME_ERROR,
    .error = ERROR_EXEC, .reason = "libc does not say which call it was" },

  /* Waiting. */
  { C, CALLER, USE_FUTEX, .errnos = { EINTR, EAGAIN, ETIMEDOUT }, .kind = OUTCOME_SAME,
    .reason = "the word that the kernel clears is looked at again" },
  { ALL, CALLER, USE_WAITID, .errnos = { ECHILD, EINTR }, .kind = OUTCOME_SAME,
    .reason = "a child that is not ours is asked for in another way" },
  { C, CALLER, USE_KILL, .errnos = { EPERM }, .kind = OUTCOME_SAME,
    .reason = "the child is there, so the wait goes on" },
  { P, CALLER, USE_WAIT4, .shapes = "missing script search-script", .errnos = { EINTR },
    .reason = "libc's, with all signals blocked" },
  { ALL, CALLER, USE_WAIT4, .errnos = { EINTR }, .kind = OUTCOME_AGAIN,
    .reason = "it is waited for again" },
  { ALL, CALLER, USE_WAIT4, .shapes = "sync", .errnos = { ECHILD }, .kind = OUTCOME_LOST_STATUS,
    .reason = "somebody else has waited for the program: the status is 0, with a warning" },
  { ALL, CALLER, USE_WAIT4, .shapes = "sync", .errnos = { EPERM }, .kind = OUTCOME_LOST_PID,
    .error = ERROR_WAIT, .reason = "a sandbox forbids to wait" },
  { ALL, CALLER, USE_WAIT4, .errnos = { ECHILD }, .kind = OUTCOME_SAME,
    .reason = "somebody else has waited for it, or the kernel where `SIGCHLD` is ignored" },
  { ALL, CALLER, USE_READ, .errnos = { EINTR }, .kind = OUTCOME_AGAIN, .reason = "it is repeated" },
  { ALL, CALLER, USE_READ, .shapes = "sync", .after = USE_POLL, .errnos = { EIO, ENOMEM },
    .kind = OUTCOME_LOST_PID, .error = ERROR_READ,
    .reason = "the output is incomplete; the program is waited for all the same" },
  { C, CALLER, USE_POLL, .shapes = "attributes*", .errnos = { EINTR, ENOMEM },
    .kind = OUTCOME_SAME, .may_stay_private = TRUE,
    .reason = "it is asked again; where that is in vain, our memory stays private" },
  { ALL, CALLER, USE_POLL, .shapes = "sync", .errnos = { EINTR }, .kind = OUTCOME_AGAIN,
    .reason = "it is repeated" },
  { ALL, CALLER, USE_POLL, .shapes = "sync", .errnos = { ENOMEM, EINVAL },
    .kind = OUTCOME_LOST_PID, .error = ERROR_POLL,
    .reason = "the output is incomplete; the program is waited for all the same" },

  { C | F, CALLER, USE_POLL, .errnos = { EINTR }, .kind = OUTCOME_SAME,
    .reason = "it is asked again, or looked at in another way" },
  { C | F, CALLER, USE_RESTART, .errnos = { EINTR }, .kind = OUTCOME_SAME,
    .reason = "the same, for a call that was stopped" },

  /* Memory. */
  { C, CALLER, USE_MMAP_SLOT, .errnos = { ENOMEM, EAGAIN }, .kind = OUTCOME_SAME,
    .reason = "the child runs on a part of the caller's stack, or memory is asked for again" },
  { C, CALLER, USE_MPROTECT, .errnos = { ENOMEM, EACCES }, .kind = OUTCOME_OTHER,
    .other = USE_MMAP_SLOT, .reason = "the mapping is given back and asked for again" },
  { ALL, CALLER, USE_MMAP_REPORT, .errnos = { ENOMEM, ENFILE }, .kind = OUTCOME_ERROR,
    .error = ERROR_PROCESS, .reason = "there is no memory that the children can report in" },
  { P, CALLER, USE_MMAP_STACK, .errnos = { ENOMEM, EAGAIN }, .kind = OUTCOME_ERROR,
    .error = ERROR_PROCESS, .reason = "libc has no memory for the child's stack" },
  { P, CALLER, USE_PRLIMIT, .errnos = { EPERM }, .kind = OUTCOME_SAME,
    .reason = "libc then takes any number for a descriptor" },

  /* What a probe looks at. */
  { ALL, CALLER, USE_STAT_NAMESPACE, .errnos = { EACCES, ENOENT, ENOMEM }, .kind = OUTCOME_SAME,
    .reason = "where namespaces cannot be looked at, there is no new one" },
  { ALL, CALLER, USE_LSTAT_NAMESPACE, .errnos = { EACCES, ENOENT, ENOMEM },
    .kind = OUTCOME_SAME, .reason = "where namespaces cannot be looked at, there is no new one" },
  { P, CALLER, USE_CLOSE_RANGE_PROBE, .errnos = { ENOSYS, EPERM }, .kind = OUTCOME_OTHER,
    .other = USE_ACCESS_LISTED, .reason = "libc can close descriptors by a list" },
  { P, CALLER, USE_ACCESS_LISTED, .errnos = { ENOENT, EACCES }, .kind = OUTCOME_OTHER,
    .other = USE_ANOTHER_ENGINE,
    .reason = "libc could not close descriptors: another engine takes the request" },

  /* The caller's descriptors. */
  { C, CALLER, USE_PIPE2, .shapes = "begin*", .errnos = { NO_DESCRIPTOR, ENOMEM },
    .kind = OUTCOME_OTHER, .other = USE_EVENTFD, .reason = "a thread waits, and tries again" },
  { ALL, CALLER, USE_PIDFD_OPEN, .errnos = { NO_DESCRIPTOR, ENOMEM, ENOSYS, EPERM },
    .kind = OUTCOME_SAME, .reason = "a process can do without" },
  { C, CALLER, USE_PIPE2, .shapes = "attributes attributes-optional",
    .errnos = { NO_DESCRIPTOR, ENOMEM }, .kind = OUTCOME_OTHER, .other = USE_KCMP,
    .reason = "that the child has left our memory is found out in another way" },
  { C, CALLER, USE_PIPE2, .shapes = "attributes-reaped", .errnos = { NO_DESCRIPTOR, ENOMEM },
    .kind = OUTCOME_SAME, .may_stay_private = TRUE,
    .reason = "it cannot be found out whether the child has left our memory, so that stays "
              "private" },
  { ALL, CALLER, USE_PIPE2, .errnos = { NO_DESCRIPTOR, ENOMEM }, .kind = OUTCOME_ERROR,
    .error = ERROR_PIPE, .reason = "there is no room for a pipe" },
  { ALL, ANYONE, USE_CLOSE, .errnos = { EINTR, EIO }, .kind = OUTCOME_SAME,
    .reason = "the descriptor is closed all the same" },
  { P, CALLER, USE_FCNTL_COPY, .shapes = "*map", .errnos = { NO_DESCRIPTOR, EINVAL },
    .kind = OUTCOME_ERROR, .error = ERROR_DUP,
    .reason = "there is no room for a descriptor above all targets" },
  { P, CALLER, USE_FCNTL_COPY, .nth = 2, .shapes = "map", .errnos = { EBADF },
    .kind = OUTCOME_ERROR, .error = ERROR_DUP, .reason = "the source is closed" },
  { P, CALLER, USE_FCNTL_COPY, .after = USE_OPEN_NULL, .errnos = { NO_DESCRIPTOR },
    .kind = OUTCOME_ERROR, .error = ERROR_DUP,
    .reason = "there is no room for a descriptor above the streams" },
  { P, CALLER, USE_FCNTL_COPY, .after = USE_OPEN_NULL, .errnos = { EINVAL },
    .kind = OUTCOME_ERROR, .error = ERROR_DUP, .reported = EMFILE,
    .reason = "the limit is for no more than streams" },
  { ALL, CALLER, USE_FCNTL_COPY, .errnos = { NO_DESCRIPTOR }, .kind = OUTCOME_ERROR,
    .error = ERROR_PIPE, .reason = "a pipe cannot be moved out of the streams' way" },
  { ALL, CALLER, USE_FCNTL_COPY, .errnos = { EINVAL }, .kind = OUTCOME_ERROR,
    .error = ERROR_PIPE, .reported = EMFILE, .reason = "the limit is for no more than streams" },
  { P, CALLER, USE_FCNTL_GETFD, .errnos = { EBADF }, .kind = OUTCOME_ERROR, .error = ERROR_DUP,
    .reason = "the source is closed" },
  { P, CALLER, USE_OPEN_NULL, .errnos = { NO_DESCRIPTOR, PATH_TROUBLE, ENXIO, ENODEV, EPERM },
    .kind = OUTCOME_ERROR, .error = ERROR_OPEN, .reason = "there is no `/dev/null` here" },
  { P, CALLER, USE_OPEN_DIRECTORY, .errnos = { NO_DESCRIPTOR, PATH_TROUBLE },
    .kind = OUTCOME_ERROR, .error = ERROR_CHDIR, .reason = "the directory cannot be entered" },
  { ALL, CALLER, USE_STAT, .errnos = { ENOENT, ENOTDIR }, .kind = OUTCOME_NEXT,
    .error = ERROR_EXEC, .reason = "the search goes on" },
  { ALL, CALLER, USE_STAT, .errnos = { EACCES, ELOOP, EIO, ENOMEM }, .kind = OUTCOME_SAME,
    .reason = "what cannot be looked at is left to the child" },
  { ALL, CALLER, USE_ACCESS_CANDIDATE, .after = USE_STAT,
    .errnos = { EACCES, EIO, ENOMEM, EPERM, ELOOP, ENAMETOOLONG }, .kind = OUTCOME_SAME,
    .reason = "what cannot be looked at is left to the child" },
  { P, CALLER, USE_ACCESS_DIRECTORY, .errnos = { EACCES, EIO, ENOMEM, EPERM },
    .kind = OUTCOME_ERROR, .error = ERROR_CHDIR, .reason = "the directory cannot be entered" },
  { P, CALLER, USE_ACCESS_CANDIDATE, .errnos = { EACCES, ENOENT, ENOTDIR },
    .kind = OUTCOME_NEXT, .error = ERROR_EXEC, .reason = "the search goes on" },
  { P, CALLER, USE_ACCESS_CANDIDATE, .errnos = { ELOOP, ENAMETOOLONG, EIO, EPERM },
    .kind = OUTCOME_ERROR, .error = ERROR_EXEC, .reason = "the search ends" },
  { P, CALLER, USE_ACCESS_CANDIDATE, .errnos = { ENOMEM }, .kind = OUTCOME_ERROR,
    .error = ERROR_PROCESS, .reason = "it counts as a want of memory for a process" },
  { P, CALLER, USE_ACCESS_DIRECTORY, .errnos = { ENOSYS }, .kind = OUTCOME_OTHER,
    .other = USE_ACCESS_OLD, .reason = "libc falls back" },
  { P, CALLER, USE_ACCESS_CANDIDATE, .errnos = { ENOSYS }, .kind = OUTCOME_OTHER,
    .other = USE_ACCESS_OLD, .reason = "libc falls back" },

  /* The trace, which must not matter. */
  { ALL, CALLER, USE_OPEN_TRACE, .errnos = { NO_DESCRIPTOR, PATH_TROUBLE, ENOSPC, EROFS, EINTR },
    .kind = OUTCOME_MESSAGE, .reason = "the line is lost, which is said once" },
  { ALL, CALLER, USE_FSTAT, .errnos = { ENOMEM, EIO }, .kind = OUTCOME_SAME,
    .reason = "a file whose kind is not known is written to" },
  { ALL, CALLER, USE_WRITE, .errnos = { ENOSPC, EDQUOT, EFBIG, EIO, EAGAIN, EINTR },
    .kind = OUTCOME_MESSAGE, .reason = "the line is lost, which is said once" },

  /* The child's plan. */
  { C | F, CHILD, USE_CHDIR, .errnos = { PATH_TROUBLE }, .kind = OUTCOME_ERROR,
    .error = ERROR_CHDIR, .reason = "the directory cannot be entered" },
  { C | F, CHILD, USE_OPEN_NULL,
    .errnos = { NO_DESCRIPTOR, PATH_TROUBLE, ENXIO, ENODEV, EPERM, EINTR },
    .kind = OUTCOME_ERROR, .error = ERROR_OPEN, .reason = "there is no `/dev/null` here" },
  { C | F, CHILD, USE_DUP3, .after = USE_OPEN_NULL, .errnos = { EBADF, EBUSY, EINTR, EMFILE },
    .kind = OUTCOME_ERROR, .error = ERROR_OPEN, .reason = "the stream cannot be redirected" },
  { C | F, CHILD, USE_DUP3, .errnos = { EBADF, EBUSY, EINTR, EMFILE },
    .kind = OUTCOME_ERROR, .error = ERROR_DUP, .reason = "the source is closed, or the target "
    "above the limit" },
  { C | F, CHILD, USE_FCNTL_COPY, .errnos = { EMFILE, EINVAL, EBADF, ENOMEM },
    .kind = OUTCOME_ERROR, .error = ERROR_DUP, .reason = "the source is closed, or there is no "
    "room for a copy" },
  { C | F, CHILD, USE_CLOSE_RANGE_CLOEXEC, .errnos = { ENOSYS, EPERM, EINVAL, ENOMEM },
    .kind = OUTCOME_OTHER, .other = USE_OPEN_LISTED, .reason = "descriptors are found in `/proc`" },
  { C | F, CHILD, USE_OPEN_LISTED, .errnos = { NO_DESCRIPTOR, EACCES, ENOENT, ENOMEM },
    .kind = OUTCOME_OTHER, .other = USE_PRLIMIT,
    .reason = "all numbers up to the limit get the flag" },
  { C | F, CHILD, USE_GETDENTS, .errnos = { ENOENT, ENOMEM, EIO }, .kind = OUTCOME_OTHER,
    .other = USE_PRLIMIT, .reason = "all numbers up to the limit get the flag" },

  /* The child's attributes. */
  ATTRIBUTE (USE_SETSID, GSPAWN_ATTRIBUTE_NEW_SESSION, "a sandbox forbids it", EPERM, ENOSYS),
  ATTRIBUTE (USE_SETPGID, GSPAWN_ATTRIBUTE_PROCESS_GROUP, "there is no such group", EPERM, EACCES),
  ATTRIBUTE (USE_FCHDIR, GSPAWN_ATTRIBUTE_WORKING_DIRECTORY, "the directory cannot be entered",
             EACCES, ENOENT, EIO),
  ATTRIBUTE (USE_IOCTL_TERMINAL, GSPAWN_ATTRIBUTE_CONTROLLING_TERMINAL,
             "the terminal is another session's, or is none", EPERM, ENOTTY, EIO),
  ATTRIBUTE (USE_OPEN_CGROUP, GSPAWN_ATTRIBUTE_CGROUP, "there is no such control group",
             EACCES, ENOENT, EMFILE, ENOMEM, EROFS),
  ATTRIBUTE_AFTER (USE_WRITE_VALUE, USE_OPEN_CGROUP, GSPAWN_ATTRIBUTE_CGROUP,
                   "the control group takes no process", EACCES, ENODEV, EBUSY, EAGAIN,
                   EOPNOTSUPP),
  ATTRIBUTE (USE_OPEN_OOM_SCORE, GSPAWN_ATTRIBUTE_OOM_SCORE, "there is no `/proc` here", ENOENT,
             EMFILE, EACCES),
  ATTRIBUTE_AFTER (USE_WRITE_VALUE, USE_OPEN_OOM_SCORE, GSPAWN_ATTRIBUTE_OOM_SCORE,
                   "to lower it takes privileges", EACCES, EIO),
  ATTRIBUTE (USE_UNSHARE, GSPAWN_ATTRIBUTE_NAMESPACES, "it takes privileges, or there is no room",
             EPERM, ENOSPC, ENOMEM, EINVAL),
  ATTRIBUTE (USE_PERSONALITY, GSPAWN_ATTRIBUTE_PERSONALITY, "a sandbox forbids it", EPERM, EINVAL),
  ATTRIBUTE (USE_PRLIMIT_SET, GSPAWN_ATTRIBUTE_LIMITS, "to raise it takes privileges", EPERM,
             EINVAL),
  ATTRIBUTE (USE_SETPRIORITY, GSPAWN_ATTRIBUTE_NICE, "to lower it takes privileges", EACCES,
             EPERM),
  ATTRIBUTE (USE_SCHED_SETSCHEDULER, GSPAWN_ATTRIBUTE_SCHEDULER, "it takes privileges", EPERM,
             EINVAL),
  ATTRIBUTE (USE_IOPRIO_SET, GSPAWN_ATTRIBUTE_IO_PRIORITY, "it takes privileges", EPERM, EINVAL,
             ENOSYS),
  ATTRIBUTE (USE_SCHED_SETAFFINITY, GSPAWN_ATTRIBUTE_CPU_AFFINITY,
             "there is no such processor, or not for us", EINVAL, EPERM, ENOMEM),
  ATTRIBUTE (USE_SETGROUPS, GSPAWN_ATTRIBUTE_GROUPS, "it takes privileges", EPERM, ENOMEM),
  ATTRIBUTE (USE_SETRESGID, GSPAWN_ATTRIBUTE_GROUP, "it takes privileges", EPERM, EINVAL),
  ATTRIBUTE (USE_SETRESUID, GSPAWN_ATTRIBUTE_USER, "it takes privileges, or the user has enough "
             "processes", EPERM, EAGAIN, EINVAL),
  ATTRIBUTE (USE_PRCTL_DEATH_SIGNAL, GSPAWN_ATTRIBUTE_DEATH_SIGNAL, "a sandbox forbids it", EPERM,
             EINVAL),
  ATTRIBUTE (USE_PRCTL_NO_NEW_PRIVILEGES, GSPAWN_ATTRIBUTE_NO_NEW_PRIVILEGES,
             "a sandbox forbids it", EPERM, EINVAL),
  ATTRIBUTE (USE_LANDLOCK, GSPAWN_ATTRIBUTE_LANDLOCK, "it takes privileges, or there are as many "
             "rulesets as can be", EPERM, E2BIG, ENOSYS, EOPNOTSUPP),
  ATTRIBUTE (USE_PTRACE, GSPAWN_ATTRIBUTE_TRACE_ME, "it is traced already, or must not be", EPERM),
  ATTRIBUTE (USE_SECCOMP, GSPAWN_ATTRIBUTE_SECCOMP_FILTER, "it takes privileges, or is no filter",
             EACCES, EINVAL, ENOMEM, ENOSYS),
  { P, CHILD, USE_SETSID, .errnos = { EPERM }, .kind = OUTCOME_ERROR,
    .error = ERROR_EXEC, .reason = "libc does not say which call it was" },
  { P, CHILD, USE_SETPGID, .errnos = { EPERM, EACCES }, .kind = OUTCOME_ERROR,
    .error = ERROR_EXEC, .reason = "libc does not say which call it was" },

  /* libc's child. */
  { P, CHILD, USE_FCHDIR, .shapes = "search* template-search", .errnos = { EACCES, ENOENT },
    .kind = OUTCOME_NEXT, .error = ERROR_EXEC, .reason = "libc does not say which call it was" },
  { P, CHILD, USE_FCHDIR, .errnos = { EACCES, EIO, ENOENT }, .kind = OUTCOME_ERROR,
    .error = ERROR_EXEC, .reason = "libc does not say which call it was" },
  { P, CHILD, USE_DUP2, .errnos = { EBADF, EBUSY, EINTR, EMFILE }, .kind = OUTCOME_ERROR,
    .error = ERROR_EXEC, .reason = "libc does not say which call it was" },
  { P, CHILD, USE_CLOSE_RANGE, .errnos = { ENOSYS, EPERM, ENOMEM }, .kind = OUTCOME_OTHER,
    .other = USE_OPEN_LISTED, .reason = "libc finds descriptors in `/proc`" },
  { P, CHILD, USE_OPEN_LISTED, .errnos = { EACCES, ENOENT, ENFILE }, .kind = OUTCOME_ERROR,
    .error = ERROR_EXEC, .reason = "libc cannot close descriptors, and does not say so" },
  { P, CHILD, USE_GETDENTS, .errnos = { ENOENT, EIO }, .kind = OUTCOME_ERROR,
    .error = ERROR_EXEC, .reason = "libc cannot close descriptors, and does not say so" },

  /* Exec. */
  { ALL, CHILD, USE_EXECVE, .errnos = { EACCES, ENOENT, ESTALE, ENOTDIR, ENODEV, ETIMEDOUT },
    .kind = OUTCOME_NEXT, .error = ERROR_EXEC,
    .reason = "the search goes on, and a denial is reported in the end" },
  { ALL, CHILD, USE_EXECVE, .errnos = { ENOEXEC }, .kind = OUTCOME_SHELL,
    .reason = "the shell knows what to do with a script" },
  { P, CHILD, USE_EXECVE, .errnos = { NO_ROOM }, .kind = OUTCOME_ERROR, .error = ERROR_PROCESS,
    .reason = "libc does not say which call it was" },
  { ALL, CHILD, USE_EXECVE,
    .errnos = { E2BIG, EAGAIN, EINVAL, EIO, EISDIR, ELIBBAD, ELOOP, ENAMETOOLONG, NO_DESCRIPTOR,
                ENOMEM, EPERM, ETXTBSY },
    .kind = OUTCOME_ERROR, .error = ERROR_EXEC, .reason = "the search ends" },
  { ALL, CHILD, USE_EXECVE_SHELL, .errnos = { EACCES, ENOENT, ENOTDIR }, .kind = OUTCOME_NEXT,
    .error = ERROR_EXEC, .reason = "there is no shell: the search goes on" },
  { P, CHILD, USE_EXECVE_SHELL, .errnos = { NO_ROOM }, .kind = OUTCOME_ERROR,
    .error = ERROR_PROCESS, .reason = "libc does not say which call it was" },
  { ALL, CHILD, USE_EXECVE_SHELL, .errnos = { E2BIG, EAGAIN, EIO, ELOOP, ENOEXEC, ENOMEM, EPERM },
    .kind = OUTCOME_ERROR, .error = ERROR_EXEC, .reason = "the search ends" },

  /* The fork engine's pipe. */
  { F, CHILD, USE_WRITE_END, .errnos = { EINTR }, .kind = OUTCOME_AGAIN,
    .reason = "it is repeated" },
  { F, CHILD, USE_WRITE_END, .errnos = { ENOMEM, EAGAIN }, .kind = OUTCOME_SAME,
    .reason = "the end of the pipe wakes the caller as well" },
  { 0 },
};

/* And where a process is killed before the call. */
const FaultRow fault_kill_rows[] = {
  { C, TRIAL, USE_UNKNOWN, .shapes = "no-stacks", .reported = EAGAIN, .kind = OUTCOME_ERROR,
    .error = ERROR_PROCESS, .reason = "there is no memory to try it once more" },
  { C | P, TRIAL, USE_UNKNOWN, .kind = OUTCOME_SAME,
    .reason = "somebody killed it: that says nothing of the next process" },
  { ALL, MIDDLE, USE_EXIT_GROUP, .kind = OUTCOME_SAME, .reason = "its work was done" },
  { ALL, MIDDLE, USE_UNKNOWN, .reported = ECHILD, .kind = OUTCOME_ERROR, .error = ERROR_REPORT,
    .reason = "nobody made the program's process" },
  { C | P, CHILD, USE_EXIT_GROUP, .shapes = "missing* begin-missing", .kind = OUTCOME_SAME,
    .reason = "the failure is known by then" },
  { F, CHILD, USE_EXIT_GROUP, .kind = OUTCOME_SAME, .reason = "the failure is known by then" },
  { F, CHILD, USE_WRITE_END, .kind = OUTCOME_SAME, .reason = "the failure is known by then" },
  { P, CHILD, USE_EXIT_GROUP, .shapes = "*script", .kind = OUTCOME_SAME,
    .reason = "the failure is known by then" },
  { C, CHILD, USE_UNKNOWN, .shapes = "trace-me*", .kind = OUTCOME_KILLED,
    .reason = "its tracer is the one to find out what has become of it" },
  { C, CHILD, USE_UNKNOWN, .parentage = PARENTAGE_CALLER, .reported = ECHILD,
    .kind = OUTCOME_ERROR, .error = ERROR_REPORT, .reason = "no program was executed" },
  { ALL, CHILD, USE_UNKNOWN, .kind = OUTCOME_KILLED,
    .reason = "the program's process was made, and ended by a signal" },
  { 0 },
};

/* And where a launch that has begun is cancelled, or freed, while a process is before the call. */
const FaultRow fault_cancel_rows[] = {
  { C, MIDDLE, USE_EXIT_GROUP, .kind = OUTCOME_CANCELLED, .may_be_executed = TRUE,
    .reason = "its work was done: a program that was executed is killed" },
  { C, MIDDLE | CHILD, USE_UNKNOWN, .kind = OUTCOME_CANCELLED,
    .reason = "no program is executed" },
  { 0 },
};

static gboolean
matches_any (const char *globs,
             const char *name)
{
  g_auto (GStrv) words = g_strsplit (globs, " ", -1);

  for (char **word = words; *word != NULL; word++)
    if (g_pattern_match_simple (*word, name))
      return TRUE;

  return FALSE;
}

gboolean
fault_row_applies (const FaultRow  *row,
                   const FaultSite *site)
{
  return (row->engines & 1u << site->engine) != 0 &&
         (row->roles & 1u << site->call->role) != 0 &&
         (row->use == USE_UNKNOWN || row->use == site->call->use) &&
         (row->after == USE_ANYTHING || row->after == site->after) &&
         (row->nth == 0 || row->nth == site->occurrence + 1) &&
         (row->parentage == PARENTAGE_ANY ||
          (row->parentage == PARENTAGE_NOBODY) == fault_shape_reaps (site->shape)) &&
         (row->shapes == NULL || matches_any (row->shapes, site->shape->name));
}
