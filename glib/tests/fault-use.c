/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Tells a system call of a launch by what it is for: a call of one number fails with one outcome
 * where it is a trial, and with another where it is needed. Nothing but its number and arguments
 * counts, so that a call that is new to a launch is new here, too. */
#include "fault-use.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

/* What a condition looks at. */
typedef enum {
  ANYTHING,
  MASKED,       /* the argument's bits of the mask are the value */
  PATH,         /* the argument is a string, which is this */
  PATH_HEAD,    /* or begins with it */
  POINTED,      /* the argument points, at the offset, to a number whose bits of the mask are the
                   value */
} Condition;

typedef struct {
  long number;
  const char *name;
  Condition condition;
  guint argument;
  guint64 mask;
  guint64 value;
  gsize offset;
  const char *path;
  gboolean done;        /* has its effect even where it reports an error, but for EINTR of a wait */
  gboolean may_block;   /* until another process does something */
  gboolean may_vary;    /* how often it is made depends on who comes first */
} UseInfo;

#define ALL_BITS G_MAXUINT64

#define ANY_CALL \
  .condition = ANYTHING
#define BITS(number, its_mask, its_value) \
  .condition = MASKED, .argument = (number), .mask = (its_mask), .value = (its_value)
#define POINTED_BITS(number, its_offset, its_mask, its_value) \
  .condition = POINTED, .argument = (number), .offset = (its_offset), .mask = (its_mask), \
  .value = (its_value)
#define PATH_IS(number, its_path) \
  .condition = PATH, .argument = (number), .path = (its_path)
#define PATH_BEGINS(number, its_path) \
  .condition = PATH_HEAD, .argument = (number), .path = (its_path)

static const UseInfo uses[N_FAULT_USES] = {
  [USE_ANYTHING] = { -1, "any call", ANY_CALL },
  [USE_ANOTHER_ENGINE] = { -1, "another engine", ANY_CALL },
  [USE_ACCESS_DIRECTORY] = { SYS_faccessat2, "faccessat2(\".\")", PATH_IS (1, ".") },
  [USE_ACCESS_LISTED] = { SYS_access, "access(\"/proc/self/fd\")", PATH_IS (0, "/proc/self/fd") },
  [USE_ACCESS_CANDIDATE] = { SYS_faccessat2, "faccessat2(file)", ANY_CALL },
  [USE_ACCESS_OLD] = { SYS_faccessat, "faccessat", ANY_CALL },
  [USE_CAPGET] = { SYS_capget, "capget", ANY_CALL },
  [USE_CHDIR] = { SYS_chdir, "chdir", ANY_CALL },
  [USE_CLONE_SHARED] = { SYS_clone, "clone(CLONE_VM)", BITS (0, CLONE_VM, CLONE_VM) },
  [USE_CLONE_COPY] = { SYS_clone, "clone (fork)", BITS (0, CLONE_VM, 0) },
  [USE_CLONE3_REFUSED] = { SYS_clone3, "clone3 (trial, no arguments)", BITS (0, ALL_BITS, 0) },
  [USE_CLONE3_INVALID] = { SYS_clone3, "clone3 (trial, no such cgroup)",
                           POINTED_BITS (0, offsetof (struct clone_args, cgroup), ALL_BITS,
                                         G_MAXINT) },
  [USE_CLONE3_CGROUP] = { SYS_clone3, "clone3(CLONE_INTO_CGROUP)",
                          POINTED_BITS (0, offsetof (struct clone_args, flags), CLONE_INTO_CGROUP,
                                        CLONE_INTO_CGROUP) },
  [USE_CLONE3_THREAD] = { SYS_clone3, "clone3(CLONE_THREAD)",
                          POINTED_BITS (0, offsetof (struct clone_args, flags), CLONE_THREAD,
                                        CLONE_THREAD) },
  [USE_CLONE3] = { SYS_clone3, "clone3", ANY_CALL },
  [USE_CLOSE] = { SYS_close, "close", ANY_CALL, .done = TRUE },
  [USE_CLOSE_RANGE_PROBE] = { SYS_close_range, "close_range (trial)",
                              BITS (0, ALL_BITS, G_MAXINT) },
  [USE_CLOSE_RANGE_CLOEXEC] = { SYS_close_range, "close_range(CLOSE_RANGE_CLOEXEC)",
                                BITS (2, CLOSE_RANGE_CLOEXEC, CLOSE_RANGE_CLOEXEC) },
  [USE_CLOSE_RANGE] = { SYS_close_range, "close_range", ANY_CALL },
  [USE_DUP2] = { SYS_dup2, "dup2", ANY_CALL },
  [USE_DUP3] = { SYS_dup3, "dup3", ANY_CALL },
  [USE_EVENTFD] = { SYS_eventfd2, "eventfd2", ANY_CALL },
  [USE_EXECVE_SHELL] = { SYS_execve, "execve(\"/bin/sh\")", PATH_IS (0, "/bin/sh") },
  [USE_EXECVE] = { SYS_execve, "execve", ANY_CALL },
  [USE_EXIT] = { SYS_exit, "exit", ANY_CALL },
  [USE_EXIT_GROUP] = { SYS_exit_group, "exit_group", ANY_CALL },
  [USE_FCHDIR] = { SYS_fchdir, "fchdir", ANY_CALL },
  [USE_FCNTL_COPY] = { SYS_fcntl, "fcntl(F_DUPFD_CLOEXEC)", BITS (1, ALL_BITS, F_DUPFD_CLOEXEC) },
  [USE_FCNTL_GETFD] = { SYS_fcntl, "fcntl(F_GETFD)", BITS (1, ALL_BITS, F_GETFD) },
  [USE_FCNTL_SETFD] = { SYS_fcntl, "fcntl(F_SETFD)", BITS (1, ALL_BITS, F_SETFD) },
  [USE_FSTAT] = { SYS_newfstatat, "fstat", PATH_IS (1, "") },
  [USE_FSTATFS] = { SYS_fstatfs, "fstatfs", ANY_CALL },
  [USE_FUTEX_WAKE] = { SYS_futex, "futex(FUTEX_WAKE)", BITS (1, FUTEX_CMD_MASK, FUTEX_WAKE) },
  [USE_FUTEX] = { SYS_futex, "futex(FUTEX_WAIT)", ANY_CALL, .may_block = TRUE,
                  .may_vary = TRUE },
  [USE_GETDENTS] = { SYS_getdents64, "getdents64", ANY_CALL },
  [USE_GETPID] = { SYS_getpid, "getpid", ANY_CALL },
  [USE_GETPPID] = { SYS_getppid, "getppid", ANY_CALL },
  [USE_IOCTL_TERMINAL] = { SYS_ioctl, "ioctl(TIOCSCTTY)", BITS (1, ALL_BITS, TIOCSCTTY) },
  [USE_IOPRIO_SET] = { SYS_ioprio_set, "ioprio_set", ANY_CALL },
  [USE_GETRESGID] = { SYS_getresgid, "getresgid", ANY_CALL },
  [USE_GETRESUID] = { SYS_getresuid, "getresuid", ANY_CALL },
  [USE_KCMP] = { SYS_kcmp, "kcmp", ANY_CALL },
  [USE_KILL] = { SYS_kill, "kill(0)", BITS (1, ALL_BITS, 0), .may_vary = TRUE },
  [USE_KILL_CHILD] = { SYS_kill, "kill(SIGKILL)", BITS (1, ALL_BITS, SIGKILL) },
  [USE_LANDLOCK] = { SYS_landlock_restrict_self, "landlock_restrict_self", ANY_CALL },
  [USE_LSEEK] = { SYS_lseek, "lseek", ANY_CALL },
  [USE_LSTAT_NAMESPACE] = { SYS_newfstatat, "lstat(\"/proc/self/ns/pid_for_children\")",
                            BITS (3, AT_SYMLINK_NOFOLLOW, AT_SYMLINK_NOFOLLOW) },
  [USE_STAT_NAMESPACE] = { SYS_newfstatat, "stat(\"/proc/self/ns/…\")",
                           PATH_BEGINS (1, "/proc/self/ns/pid") },
  [USE_STAT] = { SYS_newfstatat, "stat", ANY_CALL },
  [USE_MMAP_REPORT] = { SYS_mmap, "mmap (report)", BITS (3, MAP_SHARED, MAP_SHARED) },
  [USE_MMAP_SLOT] = { SYS_mmap, "mmap (stacks)",
                      BITS (3, MAP_STACK | MAP_NORESERVE, MAP_STACK | MAP_NORESERVE) },
  [USE_MMAP_STACK] = { SYS_mmap, "mmap (libc's stack)", BITS (3, MAP_STACK, MAP_STACK) },
  [USE_MPROTECT] = { SYS_mprotect, "mprotect", ANY_CALL },
  [USE_MUNMAP] = { SYS_munmap, "munmap", ANY_CALL },
  [USE_OPEN_LISTED] = { SYS_openat, "openat(\"/proc/self/fd\")", PATH_BEGINS (1, "/proc/self/fd") },
  [USE_OPEN_NULL] = { SYS_openat, "openat(\"/dev/null\")", PATH_IS (1, "/dev/null") },
  [USE_OPEN_CGROUP] = { SYS_openat, "openat(\"cgroup.procs\")", PATH_IS (1, "cgroup.procs") },
  [USE_OPEN_OOM_SCORE] = { SYS_openat, "openat(\"/proc/self/oom_score_adj\")",
                           PATH_IS (1, "/proc/self/oom_score_adj") },
  [USE_OPEN_TRACE] = { SYS_openat, "openat (trace)", BITS (2, O_CREAT, O_CREAT) },
  [USE_OPEN_DIRECTORY] = { SYS_openat, "openat(O_PATH | O_DIRECTORY)", BITS (2, O_PATH, O_PATH) },
  [USE_PERSONALITY] = { SYS_personality, "personality", ANY_CALL },
  [USE_PIDFD_OPEN] = { SYS_pidfd_open, "pidfd_open", ANY_CALL },
  [USE_PIDFD_SEND_SIGNAL] = { SYS_pidfd_send_signal, "pidfd_send_signal", ANY_CALL },
  [USE_PIPE2] = { SYS_pipe2, "pipe2", ANY_CALL },
  [USE_POLL_NOW] = { SYS_poll, "poll (at once)", BITS (2, ALL_BITS, 0) },
  [USE_POLL] = { SYS_poll, "poll", ANY_CALL, .may_block = TRUE, .may_vary = TRUE },
  [USE_PRCTL_DEATH_SIGNAL] = { SYS_prctl, "prctl(PR_SET_PDEATHSIG)",
                               BITS (0, ALL_BITS, PR_SET_PDEATHSIG) },
  [USE_PRCTL_DUMPABLE] = { SYS_prctl, "prctl(PR_GET_DUMPABLE)",
                           BITS (0, ALL_BITS, PR_GET_DUMPABLE) },
  [USE_PRCTL_NO_NEW_PRIVILEGES] = { SYS_prctl, "prctl(PR_SET_NO_NEW_PRIVS)",
                                    BITS (0, ALL_BITS, PR_SET_NO_NEW_PRIVS) },
  [USE_PRCTL_SET_DUMPABLE] = { SYS_prctl, "prctl(PR_SET_DUMPABLE)",
                               BITS (0, ALL_BITS, PR_SET_DUMPABLE) },
  [USE_PRLIMIT] = { SYS_prlimit64, "prlimit64", BITS (2, ALL_BITS, 0) },
  [USE_PRLIMIT_SET] = { SYS_prlimit64, "prlimit64 (to set)", ANY_CALL },
  [USE_PTRACE] = { SYS_ptrace, "ptrace(PTRACE_TRACEME)", BITS (0, ALL_BITS, 0) },
  [USE_READ] = { SYS_read, "read", ANY_CALL, .may_block = TRUE, .may_vary = TRUE },
  [USE_RESTART] = { SYS_restart_syscall, "restart_syscall", ANY_CALL, .may_block = TRUE,
                    .may_vary = TRUE },
  [USE_SCHED_SETAFFINITY] = { SYS_sched_setaffinity, "sched_setaffinity", ANY_CALL },
  [USE_SCHED_SETSCHEDULER] = { SYS_sched_setscheduler, "sched_setscheduler", ANY_CALL },
  [USE_SCHED_YIELD] = { SYS_sched_yield, "sched_yield", ANY_CALL },
  [USE_SECCOMP] = { SYS_seccomp, "seccomp", ANY_CALL },
  [USE_SETGROUPS] = { SYS_setgroups, "setgroups", ANY_CALL },
  [USE_SETPGID] = { SYS_setpgid, "setpgid", ANY_CALL },
  [USE_SETPRIORITY] = { SYS_setpriority, "setpriority", ANY_CALL },
  [USE_SETRESGID] = { SYS_setresgid, "setresgid", ANY_CALL },
  [USE_SETRESUID] = { SYS_setresuid, "setresuid", ANY_CALL },
  [USE_SETSID] = { SYS_setsid, "setsid", ANY_CALL },
  [USE_SET_ROBUST_LIST] = { SYS_set_robust_list, "set_robust_list", ANY_CALL },
  [USE_SIGACTION] = { SYS_rt_sigaction, "rt_sigaction", ANY_CALL },
  [USE_SIGPENDING] = { SYS_rt_sigpending, "rt_sigpending", ANY_CALL },
  [USE_SIGPROCMASK] = { SYS_rt_sigprocmask, "rt_sigprocmask", ANY_CALL },
  [USE_SIGRETURN] = { SYS_rt_sigreturn, "rt_sigreturn", ANY_CALL },
  [USE_SIGTIMEDWAIT] = { SYS_rt_sigtimedwait, "rt_sigtimedwait", ANY_CALL },
  [USE_UMASK] = { SYS_umask, "umask", ANY_CALL },
  [USE_UNAME] = { SYS_uname, "uname", ANY_CALL },
  [USE_UNSHARE] = { SYS_unshare, "unshare", ANY_CALL },
  [USE_WAIT4_TRIAL] = { SYS_wait4, "wait4(WNOHANG)", BITS (2, WNOHANG, WNOHANG) },
  [USE_WAIT4] = { SYS_wait4, "wait4", ANY_CALL, .done = TRUE, .may_block = TRUE },
  [USE_WAITID] = { SYS_waitid, "waitid", ANY_CALL, .may_vary = TRUE },
  [USE_WRITE_END] = { SYS_write, "write (the end)", PATH_IS (1, "") },
  [USE_WRITE_VALUE] = { SYS_write, "write (a value)", BITS (2, ~G_GUINT64_CONSTANT (7), 0) },
  [USE_WRITE] = { SYS_write, "write", ANY_CALL },
};

/* Returns how much of @size could be read at @address of @pid's memory. */
static gsize
read_memory (pid_t    pid,
             guint64  address,
             gpointer buffer,
             gsize    size)
{
  struct iovec local = { buffer, size };
  struct iovec remote = { (gpointer) (gsize) address, size };
  gssize n = process_vm_readv (pid, &local, 1, &remote, 1, 0);

  return n > 0 ? (gsize) n : 0;
}

/* A string may end where the memory does. */
static void
read_string (pid_t   pid,
             guint64 address,
             char   *buffer,
             gsize   size)
{
  gsize n = 0;

  while (n < size - 1 && read_memory (pid, address + n, buffer + n, 1) == 1 && buffer[n] != '\0')
    n++;
  buffer[n] = '\0';
}

static gboolean
meets (const UseInfo *use,
       pid_t          pid,
       const guint64 *arguments)
{
  guint64 argument = arguments[use->argument];
  guint64 number = 0;
  char path[64];

  switch (use->condition)
    {
    case ANYTHING:
      return TRUE;
    case MASKED:
      return (argument & use->mask) == use->value;
    case POINTED:
      return read_memory (pid, argument + use->offset, &number, sizeof number) == sizeof number &&
             (number & use->mask) == use->value;
    case PATH:
      read_string (pid, argument, path, sizeof path);
      return strcmp (path, use->path) == 0;
    case PATH_HEAD:
      read_string (pid, argument, path, sizeof path);
      return g_str_has_prefix (path, use->path);
    default:
      g_assert_not_reached ();
    }
}

/*
 * fault_use_find: (skip)
 * @pid: a process that stands before a system call
 * @number: which
 * @arguments: its six arguments
 *
 * Returns: what it is for, or %USE_UNKNOWN
 */
FaultUse
fault_use_find (pid_t          pid,
                long           number,
                const guint64 *arguments)
{
  for (int i = 0; i < N_FAULT_USES; i++)
    if (uses[i].number == number && meets (&uses[i], pid, arguments))
      return i;

  return USE_UNKNOWN;
}

const char *
fault_use_get_name (FaultUse use)
{
  return use == USE_UNKNOWN ? "a system call that is not in the table" : uses[use].name;
}

/* Whether the call has its effect even where it fails with @error_number: a descriptor is closed
 * then, and what somebody else has waited for is gone. */
gboolean
fault_use_is_done (FaultUse use,
                   int      error_number)
{
  return uses[use].done && !(uses[use].may_block && error_number == EINTR);
}

gboolean
fault_use_may_block (FaultUse use)
{
  return use != USE_UNKNOWN && uses[use].may_block;
}

gboolean
fault_use_may_vary (FaultUse use)
{
  return use != USE_UNKNOWN && uses[use].may_vary;
}
