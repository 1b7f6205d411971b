/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Follows the processes that a job makes, from their birth to the program that they execute or to
 * their end: by their system calls, which are noted as text, or step by step. The job itself goes
 * on as it likes. */

#include "child-trace.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define SYSCALL_STOP (SIGTRAP | 0x80)

/* How an argument is shown: d as a number, s as a string, x in hexadecimal, a and m as the action
 * and the mask of signals that it points to, c as a command of fcntl(); - is left out. */
static const struct {
  long number;
  const char *name;
  const char *arguments;
} syscalls[] = {
  { SYS_chdir, "chdir", "s" },
  { SYS_clone, "clone", "" },
  { SYS_clone3, "clone", "" },
  { SYS_close, "close", "d" },
  { SYS_close_range, "close_range", "dxd" },
  { SYS_dup3, "dup3", "ddd" },
  { SYS_execve, "execve", "s" },
  { SYS_exit, "exit", "d" },
  { SYS_exit_group, "exit_group", "d" },
  { SYS_fchdir, "fchdir", "d" },
  { SYS_fcntl, "fcntl", "dcd" },
  { SYS_getdents64, "getdents64", "d" },
  { SYS_getpid, "getpid", "" },
  { SYS_getppid, "getppid", "" },
  { SYS_ioctl, "ioctl", "dx" },
  { SYS_ioprio_set, "ioprio_set", "ddx" },
  { SYS_landlock_restrict_self, "landlock_restrict_self", "dd" },
  { SYS_openat, "openat", "-sx" },
  { SYS_personality, "personality", "x" },
  { SYS_prctl, "prctl", "dd" },
  { SYS_prlimit64, "prlimit64", "dd" },
  { SYS_rseq, "rseq", "" },
  { SYS_rt_sigaction, "sigaction", "da" },
  { SYS_rt_sigpending, "sigpending", "" },
  { SYS_rt_sigprocmask, "sigprocmask", "dm" },
  { SYS_sched_setaffinity, "sched_setaffinity", "dd" },
  { SYS_sched_setscheduler, "sched_setscheduler", "dd" },
  { SYS_sched_yield, "sched_yield", "" },
  { SYS_seccomp, "seccomp", "dd" },
  { SYS_set_robust_list, "set_robust_list", "" },
  { SYS_setgroups, "setgroups", "d" },
  { SYS_setpgid, "setpgid", "dd" },
  { SYS_setpriority, "setpriority", "ddd" },
  { SYS_setresgid, "setresgid", "ddd" },
  { SYS_setresuid, "setresuid", "ddd" },
  { SYS_setsid, "setsid", "" },
  { SYS_sigaltstack, "sigaltstack", "" },
  { SYS_umask, "umask", "x" },
  { SYS_unshare, "unshare", "x" },
  { SYS_write, "write", "d" },
};

static void
peek (pid_t    pid,
      guint64  address,
      gpointer data,
      gsize    size)
{
  struct iovec local = { data, size };
  struct iovec remote = { (gpointer) (gsize) address, size };

  memset (data, 0, size);
  if (process_vm_readv (pid, &local, 1, &remote, 1, 0) < 0)
    g_error ("process_vm_readv: %s", g_strerror (errno));
}

static void
append_string (GString *text,
               pid_t    pid,
               guint64  address)
{
  char byte;

  for (peek (pid, address, &byte, 1); byte != '\0'; peek (pid, ++address, &byte, 1))
    g_string_append_c (text, byte);
}

/* The handler comes first, or after the flags. */
static void
append_action (GString *text,
               pid_t    pid,
               guint64  address)
{
  gsize words[2];

  if (address == 0)
    {
      g_string_append (text, "asked");
      return;
    }

  peek (pid, address, words, sizeof words);
#if defined(__mips__)
  words[0] = words[1];
#endif
  if (words[0] == (gsize) SIG_DFL)
    g_string_append (text, "default");
  else
    g_string_append (text, words[0] == (gsize) SIG_IGN ? "ignored" : "handled");
}

static void
append_argument (GString *text,
                 pid_t    pid,
                 char     kind,
                 guint64  value)
{
  guint64 mask;

  if (kind != '-')
    g_string_append_c (text, ' ');
  switch (kind)
    {
    case 'd':
      g_string_append_printf (text, "%d", (int) value);
      break;
    case 'x':
      g_string_append_printf (text, "%#x", (guint) value);
      break;
    case 's':
      append_string (text, pid, value);
      break;
    case 'a':
      append_action (text, pid, value);
      break;
    case 'm':
      peek (pid, value, &mask, sizeof mask);
      g_string_append_printf (text, "%" G_GINT64_MODIFIER "x", mask);
      break;
    case 'c':
      if (value == F_SETFD || value == F_DUPFD_CLOEXEC)
        g_string_append (text, value == F_SETFD ? "F_SETFD" : "F_DUPFD_CLOEXEC");
      else
        g_string_append_printf (text, "%d", (int) value);
      break;
    default:
      break;
    }
}

static char *
describe_call (pid_t                             pid,
               const struct __ptrace_syscall_info *info)
{
  GString *text = g_string_new (NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (syscalls); i++)
    if ((long) info->entry.nr == syscalls[i].number)
      {
        g_string_append (text, syscalls[i].name);
        for (gsize n = 0; syscalls[i].arguments[n] != '\0'; n++)
          append_argument (text, pid, syscalls[i].arguments[n], info->entry.args[n]);
        return g_string_free (text, FALSE);
      }

  g_string_printf (text, "call number %" G_GUINT64_FORMAT, (guint64) info->entry.nr);
  return g_string_free (text, FALSE);
}

/* Whether @call is the second half of what is done to a signal, after @last. */
static gboolean
completes (const char *last,
           const char *call)
{
  guint asked, set;
  int n[2] = { 0, 0 };

  return sscanf (last, "sigaction %u asked%n", &asked, &n[0]) == 1 && last[n[0]] == '\0' &&
         sscanf (call, "sigaction %u default%n", &set, &n[1]) == 1 && n[1] > 0 && asked == set;
}

/* The same done to signals in turn is one line. */
static char *
join (const char *last,
      const char *call)
{
  guint first, end, next;
  int n = 0;

  if (sscanf (call, "sigaction %u asked, default%n", &next, &n) != 1 || n == 0)
    return NULL;
  if (sscanf (last, "sigaction %u-%u asked, default", &first, &end) != 2)
    {
      n = 0;
      if (sscanf (last, "sigaction %u asked, default%n", &first, &n) != 1 || n == 0)
        return NULL;
      end = first;
    }

  return next == end + 1 ? g_strdup_printf ("sigaction %u-%u asked, default", first, next) : NULL;
}

static const char *
get_last (const TracedProcess *process)
{
  return process->calls->len > 0
    ? g_ptr_array_index (process->calls, process->calls->len - 1) : "";
}

static void
replace_last (TracedProcess *process,
              char          *call)
{
  g_ptr_array_remove_index (process->calls, process->calls->len - 1);
  g_ptr_array_add (process->calls, call);
}

static void
note_call (TracedProcess *process,
           char          *call)
{
  if (completes (get_last (process), call))
    {
      char *whole = g_strdup_printf ("%s, default", get_last (process));
      char *joined;

      g_free (call);
      replace_last (process, whole);
      joined = process->calls->len > 1
        ? join (g_ptr_array_index (process->calls, process->calls->len - 2), whole) : NULL;
      if (joined != NULL)
        {
          g_ptr_array_remove_index (process->calls, process->calls->len - 1);
          replace_last (process, joined);
        }
      return;
    }

  g_ptr_array_add (process->calls, call);
}

static void
get_info (pid_t                       pid,
          struct __ptrace_syscall_info *info)
{
  memset (info, 0, sizeof *info);
  if (ptrace (PTRACE_GET_SYSCALL_INFO, pid, sizeof *info, info) < 0)
    g_error ("PTRACE_GET_SYSCALL_INFO: %s", g_strerror (errno));
}

/* Its first stop is at its birth, with the stack as it was given to it. */
static void
note_step (TracedProcess   *process,
           const CodeRange *code)
{
  struct __ptrace_syscall_info info;

  get_info (process->pid, &info);
  if (process->n_steps++ == 0)
    process->first_stack = info.stack_pointer;
  if (process->first_stack > info.stack_pointer)
    process->stack_depth = MAX (process->stack_depth, process->first_stack - info.stack_pointer);
  if (process->strayed == NULL &&
      (info.instruction_pointer < code->start || info.instruction_pointer >= code->end))
    process->strayed = g_strdup_printf ("%#" G_GINT64_MODIFIER "x, after %u steps",
                                        (guint64) info.instruction_pointer, process->n_steps);
}

static void
process_free (gpointer data)
{
  TracedProcess *process = data;

  g_ptr_array_unref (process->calls);
  g_free (process->strayed);
  g_free (process);
}

static TracedProcess *
find_process (GPtrArray *processes,
              pid_t      pid)
{
  TracedProcess *process;

  for (guint i = 0; i < processes->len; i++)
    if ((process = g_ptr_array_index (processes, i))->pid == pid)
      return process;

  process = g_new0 (TracedProcess, 1);
  process->pid = pid;
  process->calls = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (processes, process);

  return process;
}

static void
handle_stop (TracedProcess   *process,
             TraceWay         way,
             const CodeRange *code,
             int              status)
{
  struct __ptrace_syscall_info info;

  process->executed = status >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8);
  process->left = process->executed;

  /* An event is reported from within a call; only whole steps are looked at. */
  if (way == TRACE_STEPS && status >> 16 == 0)
    note_step (process, code);
  if (way == TRACE_CALLS && WSTOPSIG (status) == SYSCALL_STOP)
    {
      get_info (process->pid, &info);
      if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
        note_call (process, describe_call (process->pid, &info));
    }

  ptrace (process->left ? PTRACE_DETACH : way == TRACE_STEPS ? PTRACE_SINGLESTEP : PTRACE_SYSCALL,
          process->pid, NULL, NULL);
}

static gboolean
all_are_left (GPtrArray *processes)
{
  for (guint i = 0; i < processes->len; i++)
    if (!((TracedProcess *) g_ptr_array_index (processes, i))->left)
      return FALSE;

  return TRUE;
}

/*
 * child_trace_run: (skip)
 * @job: a child that has asked to be traced and stopped itself
 * @way: what to look at
 * @code: where the code is that steps may be in
 * @status: (out): the job's wait status
 *
 * Lets the job go on to its end.
 *
 * Returns: (transfer full): what each process that it made did, in the order of their birth
 */
GPtrArray *
child_trace_run (pid_t            job,
                 TraceWay         way,
                 const CodeRange *code,
                 int             *status)
{
  const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                       PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
  GPtrArray *processes = g_ptr_array_new_with_free_func (process_free);
  gboolean job_ended = FALSE;

  g_assert_no_errno (ptrace (PTRACE_SETOPTIONS, job, NULL, options));
  g_assert_no_errno (ptrace (PTRACE_CONT, job, NULL, NULL));

  while (!all_are_left (processes) || !job_ended)
    {
      TracedProcess *process;
      int pid_status;
      pid_t pid = waitpid (-1, &pid_status, __WALL);

      g_assert_no_errno (pid);
      if (pid == job)
        {
          job_ended = !WIFSTOPPED (pid_status);
          *status = pid_status;
          if (!job_ended)
            ptrace (PTRACE_CONT, job, NULL, NULL);
          continue;
        }

      process = find_process (processes, pid);
      if (WIFSTOPPED (pid_status))
        handle_stop (process, way, code, pid_status);
      else
        process->left = TRUE;
    }

  return processes;
}
