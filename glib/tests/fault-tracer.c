/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Watches the system calls that a process and those that it makes do between two marks, and lets
 * something happen at one of them: it fails, or its process is killed, stopped or interrupted.
 *
 * The marks are SIGSTOPs that the process sends to itself; they take no effect. A process that
 * has executed a program goes on unwatched, but its end is waited for. A child that runs beside its
 * parent is held up until that waits for something, so that what the two do has one order. */
#include "fault-tracer.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEADLINE_MS 10000
#define TICK_MS 250
#define N_PROCESSES 16

#define OPTIONS \
  (PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | \
   PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC)

/* The number that no system call has. */
#define NO_CALL -1L

typedef enum {
  STATE_BEFORE,     /* the first mark has not come */
  STATE_HELD,       /* a new process that is to wait */
  STATE_WATCHED,
  STATE_LET_GO,     /* it has executed a program, or the second mark has come */
} State;

typedef struct {
  pid_t pid;
  guint depth;      /* 0 for the caller; unknown parents come late */
  gboolean known;
  State state;
  FaultRole role;
  int call;         /* index of the call that it is in, or −1 */
  long set_result;
  gboolean sets_result;
  gboolean is_thread;       /* or a child of one */
  gboolean is_late; /* born after the second mark */
  gboolean paused;  /* before its call, by us */
  gboolean sharing; /* its parent stands still until it has executed */
} Process;

typedef struct {
  Process processes[N_PROCESSES];
  guint n_processes;
  gboolean reaps;
  gboolean over;    /* the second mark has come */
  gboolean waits;   /* the caller is in a call that may block */
  const Fault *fault;
  const FaultRule *rules;
  FaultTrace *trace;
  guint counts[N_FAULT_ROLES];
} Tracer;

static gboolean pardons_unknown = FALSE;

/*
 * fault_trace_pardon: (skip)
 *
 * From now on a call that is not in the table is no trouble: a tool of the build's makes some.
 */
void
fault_trace_pardon (void)
{
  pardons_unknown = TRUE;
}

const char *
fault_role_get_name (FaultRole role)
{
  static const char *const names[] = { "caller", "middle", "child", "trial" };

  return role == ROLE_UNKNOWN ? "?" : names[role];
}

static void
trouble (Tracer     *self,
         const char *format,
         ...) G_GNUC_PRINTF (2, 3);

static void
trouble (Tracer     *self,
         const char *format,
         ...)
{
  va_list args;

  if (self->trace->trouble != NULL)
    return;

  va_start (args, format);
  self->trace->trouble = g_strdup_vprintf (format, args);
  va_end (args);
}

static Process *
find_process (Tracer *self,
              pid_t   pid)
{
  for (guint i = 0; i < self->n_processes; i++)
    if (self->processes[i].pid == pid)
      return &self->processes[i];

  if (self->n_processes == N_PROCESSES)
    g_error ("More processes than a launch may make");

  self->processes[self->n_processes] = (Process) { .pid = pid, .role = ROLE_UNKNOWN, .call = -1,
                                                   .state = STATE_HELD };
  return &self->processes[self->n_processes++];
}

static void
forget_process (Tracer  *self,
                Process *process)
{
  *process = self->processes[--self->n_processes];
}

/* A process that is gone meanwhile, by SIGKILL, says so itself. */
static void
resume (const Process *process,
        int            number)
{
  int request = process->state == STATE_WATCHED ? PTRACE_SYSCALL : PTRACE_CONT;

  ptrace (request, process->pid, NULL, (long) number);
}

static void
set_options (pid_t pid,
             long  options)
{
  ptrace (PTRACE_SETOPTIONS, pid, NULL, options);
}

static void
set_register (pid_t pid,
              gsize offset,
              long  value)
{
  ptrace (PTRACE_POKEUSER, pid, (void *) offset, value);
}

static void
set_call_number (pid_t pid,
                 long  number)
{
  set_register (pid, offsetof (struct user, regs.orig_rax), number);
}

static void
set_call_result (pid_t pid,
                 long  result)
{
  set_register (pid, offsetof (struct user, regs.rax), result);
}

/* What a process is, shows in the first that it does. */
static FaultRole
find_role (const Tracer  *self,
           const Process *process,
           FaultUse       use)
{
  if (process->depth == 0)
    return ROLE_CALLER;
  if (use == USE_EXIT || use == USE_EXIT_GROUP)
    return ROLE_TRIAL;

  return self->reaps && process->depth == 1 ? ROLE_MIDDLE : ROLE_CHILD;
}

static gboolean
is_at_fault (const Tracer    *self,
             const FaultCall *call)
{
  const Fault *fault = self->fault;
  guint occurrence;

  if (fault->kind == FAULT_ALWAYS)
    return call->use == fault->use && call->use != USE_UNKNOWN;
  if (fault->kind == FAULT_NONE || self->trace->reached || call->role != fault->role ||
      (fault->use != USE_UNKNOWN && fault->use != call->use))
    return FALSE;

  occurrence = fault->use == USE_UNKNOWN
               ? self->counts[fault->role]
               : fault_trace_count (self->trace, fault->role, fault->use, 0);

  return occurrence == fault->occurrence + 1;
}

static int
find_rule (const Tracer    *self,
           const FaultCall *call)
{
  for (const FaultRule *rule = self->rules; rule != NULL && rule->error_number != 0; rule++)
    if (rule->use == call->use)
      return rule->error_number;

  return 0;
}

static void
fail_call (Process *process,
           FaultUse use,
           int      error_number)
{
  if (!fault_use_is_done (use, error_number))
    set_call_number (process->pid, NO_CALL);
  process->set_result = error_number == FAULT_RULE_SUCCEEDS ? 0 : -error_number;
  process->sets_result = TRUE;
}

static void
send_signal (const Process *process,
             int            number)
{
  syscall (SYS_tgkill, process->pid, process->pid, number);
}

static void
do_fault (Tracer    *self,
          Process   *process,
          FaultCall *call)
{
  if (!self->trace->reached)
    self->trace->reached_at = self->trace->calls->len - 1;
  self->trace->reached = TRUE;
  call->faulted = TRUE;

  switch (self->fault->kind)
    {
    case FAULT_ERROR:
    case FAULT_ALWAYS:
      fail_call (process, call->use, self->fault->error_number);
      break;
    case FAULT_KILL:
      kill (process->pid, SIGKILL);
      break;
    case FAULT_STOP:
      send_signal (process, SIGSTOP);
      break;
    case FAULT_SIGNAL:
      send_signal (process, self->fault->error_number);
      break;
    case FAULT_HOLD:
      process->paused = TRUE;
      break;
    case FAULT_NONE:
    default:
      g_assert_not_reached ();
    }
}

/* The caller stands at its stage as long as somebody may still come to where it is held up. */
static void
release_caller (Tracer *self)
{
  Process *caller = NULL;

  for (guint i = 0; i < self->n_processes; i++)
    {
      Process *process = &self->processes[i];

      if (process->depth == 0 && process->paused)
        caller = process;
      else if (process->depth > 0 && process->state != STATE_LET_GO && !self->trace->reached)
        return;
    }
  if (caller == NULL)
    return;

  caller->paused = FALSE;
  self->waits = FALSE;
  resume (caller, 0);
}

static void
release_paused (Tracer *self)
{
  for (guint i = 0; self->waits && i < self->n_processes; i++)
    {
      Process *process = &self->processes[i];

      if (process->depth > 0 && process->paused)
        {
          process->paused = FALSE;
          resume (process, 0);
        }
    }
}

static void
release_held (Tracer *self)
{
  for (guint i = 0; i < self->n_processes; i++)
    {
      Process *process = &self->processes[i];

      if (process->state == STATE_HELD && process->known && (process->sharing || self->waits))
        {
          process->state = STATE_WATCHED;
          resume (process, 0);
        }
    }
}

static void
begin_call (Tracer                             *self,
            Process                            *process,
            const struct __ptrace_syscall_info *info)
{
  FaultCall call = { .number = (long) info->entry.nr };
  guint64 arguments[6];
  int error_number;

  for (guint i = 0; i < G_N_ELEMENTS (arguments); i++)
    arguments[i] = info->entry.args[i];

  /* The second mark, or the stage of a launch that has begun. */
  if (process->depth == 0 && call.number == SYS_tgkill)
    {
      process->paused = arguments[2] == 0 && self->fault->kind == FAULT_HOLD;
      self->waits |= process->paused;
      return;
    }

  call.use = fault_use_find (process->pid, call.number, arguments);
  if (process->role == ROLE_UNKNOWN)
    process->role = find_role (self, process, call.use);
  call.role = process->role;
  if (call.use == USE_UNKNOWN && !pardons_unknown)
    trouble (self, "The %s makes system call %ld, which is not in the table",
             fault_role_get_name (call.role), call.number);

  g_array_append_val (self->trace->calls, call);
  process->call = (int) self->trace->calls->len - 1;
  self->counts[call.role]++;
  self->waits = process->depth == 0 && fault_use_may_block (call.use);

  error_number = find_rule (self, &call);
  if (error_number != 0)
    fail_call (process, call.use, error_number);
  if (is_at_fault (self, &call))
    do_fault (self, process, &g_array_index (self->trace->calls, FaultCall, process->call));
}

static void
end_call (Tracer                             *self,
          Process                            *process,
          const struct __ptrace_syscall_info *info)
{
  FaultCall *call;

  if (process->call < 0)
    return;

  call = &g_array_index (self->trace->calls, FaultCall, process->call);
  process->call = -1;
  call->result = (long) info->exit.rval;
  call->ended = TRUE;
  if (process->sets_result)
    {
      set_call_result (process->pid, process->set_result);
      call->result = process->set_result;
      process->sets_result = FALSE;
    }
}

static void
on_syscall (Tracer  *self,
            Process *process)
{
  struct __ptrace_syscall_info info = { 0 };

  if (ptrace (PTRACE_GET_SYSCALL_INFO, process->pid, (void *) sizeof info, &info) > 0)
    {
      if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
        begin_call (self, process, &info);
      else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
        end_call (self, process, &info);
    }

  if (!process->paused)
    resume (process, 0);
}

/* @event: what kind of child it says it has made. */
static void
on_birth (Tracer  *self,
          Process *process,
          int      event)
{
  guint depth = process->depth;
  /* What threads of the caller's do is not watched, but for the programs that come of it. */
  gboolean is_foreign = process->is_thread || process->state == STATE_LET_GO;
  gboolean is_thread = process->call >= 0 &&
                       g_array_index (self->trace->calls, FaultCall, process->call).use ==
                         USE_CLONE3_THREAD;
  unsigned long message = 0;
  Process *child;

  ptrace (PTRACE_GETEVENTMSG, process->pid, NULL, &message);
  resume (process, 0);

  child = find_process (self, (pid_t) message);
  child->depth = depth + 1;
  child->sharing = event == PTRACE_EVENT_VFORK;
  child->known = TRUE;
  child->is_thread = is_thread || is_foreign;
  child->is_late = self->over;
  if (is_thread || is_foreign)
    {
      child->state = STATE_LET_GO;
      resume (child, 0);
    }
}

static void
on_exec (Tracer  *self,
         Process *process)
{
  if (process->call >= 0)
    {
      FaultCall *call = &g_array_index (self->trace->calls, FaultCall, process->call);

      call->ended = TRUE;
      process->call = -1;
    }
  self->trace->n_executed += !process->is_late;
  set_options (process->pid, PTRACE_O_EXITKILL);
  process->state = STATE_LET_GO;
  resume (process, 0);
}

static void
on_mark (Tracer  *self,
         Process *process)
{
  if (process->state == STATE_BEFORE)
    {
      set_options (process->pid, OPTIONS);
      process->state = STATE_WATCHED;
    }
  else
    {
      set_options (process->pid, PTRACE_O_EXITKILL);
      process->state = STATE_LET_GO;
      self->over = TRUE;
      /* What it no longer waits for has to go on by itself. */
      self->waits = TRUE;
    }

  resume (process, 0);
}

/* A process that was stopped is continued as a shell would, once it stands still. The first stop of
 * a new one is for release_held() to end, unless that has come before it. */
static void
on_stop (Process *process,
         int      number)
{
  if (process->state == STATE_HELD)
    return;

  if (number == SIGSTOP)
    {
      ptrace (PTRACE_LISTEN, process->pid, NULL, NULL);
      kill (process->pid, SIGCONT);
      return;
    }

  resume (process, 0);
}

static void
on_status (Tracer *self,
           pid_t   pid,
           int     status)
{
  Process *process = find_process (self, pid);
  int event = status >> 16;
  int number = WSTOPSIG (status);

  if (!WIFSTOPPED (status))
    forget_process (self, process);
  else if (event == PTRACE_EVENT_CLONE || event == PTRACE_EVENT_FORK ||
           event == PTRACE_EVENT_VFORK)
    on_birth (self, process, event);
  else if (event == PTRACE_EVENT_EXEC)
    on_exec (self, process);
  else if (event == PTRACE_EVENT_STOP)
    on_stop (process, number);
  else if (number == (SIGTRAP | 0x80))
    on_syscall (self, process);
  else if (number == SIGSTOP && process->depth == 0)
    on_mark (self, process);
  else
    resume (process, number);

  release_held (self);
  release_caller (self);
  if (self->fault->kind == FAULT_HOLD)
    release_paused (self);
}

static void
on_tick (int number G_GNUC_UNUSED)
{
}

/* So that a wait comes back in time to look at the clock. */
static void
set_ticks (int ms)
{
  const struct itimerval ticks = {
    .it_interval = { .tv_usec = ms * 1000 },
    .it_value = { .tv_usec = ms * 1000 },
  };
  struct sigaction action = { .sa_handler = on_tick };

  sigaction (SIGALRM, &action, NULL);
  setitimer (ITIMER_REAL, &ticks, NULL);
}

static void
describe_hang (Tracer *self)
{
  g_autoptr (GString) text = g_string_new ("it does not return:");

  for (guint i = 0; i < self->n_processes; i++)
    {
      const Process *process = &self->processes[i];
      FaultUse use = process->call < 0
                     ? USE_UNKNOWN
                     : g_array_index (self->trace->calls, FaultCall, process->call).use;

      g_string_append_printf (text, " %s in %s;", fault_role_get_name (process->role),
                              process->call < 0 ? "no call" : fault_use_get_name (use));
    }
  trouble (self, "%s", text->str);
}

static void
kill_all (const Tracer *self)
{
  for (guint i = 0; i < self->n_processes; i++)
    kill (self->processes[i].pid, SIGKILL);
}

static void
watch (Tracer *self)
{
  gint64 deadline = g_get_monotonic_time () + DEADLINE_MS * G_TIME_SPAN_MILLISECOND;

  while (self->n_processes > 0)
    {
      int status;
      pid_t pid = waitpid (-1, &status, __WALL);

      if (pid > 0)
        on_status (self, pid, status);
      else if (errno != EINTR)
        return;

      if (g_get_monotonic_time () > deadline)
        {
          describe_hang (self);
          kill_all (self);
        }
    }
}

/*
 * fault_trace_run: (skip)
 * @pid: a child that waits at its gate
 * @gate: the other end of the gate, which is written to once the child is watched
 * @reaps: whether its launch makes a process in the middle
 * @fault: what shall happen
 * @rules: (nullable): calls that always fail, up to one without an error
 *
 * Watches the child until it and all that it has made between its marks have ended.
 *
 * Returns: (transfer full): what was seen
 */
FaultTrace *
fault_trace_run (pid_t            pid,
                 int              gate,
                 gboolean         reaps,
                 const Fault     *fault,
                 const FaultRule *rules)
{
  Tracer self = { .reaps = reaps, .fault = fault, .rules = rules };
  Process *caller;

  self.trace = g_new0 (FaultTrace, 1);
  self.trace->calls = g_array_new (FALSE, FALSE, sizeof (FaultCall));
  caller = find_process (&self, pid);
  caller->known = TRUE;
  caller->state = STATE_BEFORE;
  caller->role = ROLE_CALLER;

  if (ptrace (PTRACE_SEIZE, pid, NULL, (long) PTRACE_O_EXITKILL) < 0)
    g_error ("ptrace: %s", g_strerror (errno));
  set_ticks (TICK_MS);
  if (write (gate, "", 1) != 1)
    g_error ("write: %s", g_strerror (errno));
  watch (&self);
  set_ticks (0);

  return self.trace;
}

/* Returns how many calls for @use a process of @role has begun, from the call @from on. */
guint
fault_trace_count (const FaultTrace *trace,
                   FaultRole         role,
                   FaultUse          use,
                   guint             from)
{
  guint n = 0;

  for (guint i = from; i < trace->calls->len; i++)
    {
      const FaultCall *call = &g_array_index (trace->calls, FaultCall, i);

      n += call->use == use && (role == ROLE_UNKNOWN || call->role == role);
    }

  return n;
}

void
fault_trace_free (FaultTrace *trace)
{
  g_array_unref (trace->calls);
  g_free (trace->trouble);
  g_free (trace);
}
