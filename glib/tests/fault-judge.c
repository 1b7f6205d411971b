/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Holds what became of a run with a fault against what its row expects, and against the same run
 * without one. Whatever the outcome, the caller must be as it was, and able to launch again. */
#include "fault-judge.h"

#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#define CODE_OF_EXEC (-1)

/* In the words of the guard. */
#define STAYED_PRIVATE "gone: dumpable 1; new: dumpable 0"

/* How an error of GLib's looks. */
typedef struct {
  gboolean is_unix;     /* G_UNIX_ERROR, and the bare text of the errno */
  int code;
  const char *text;     /* what comes before the text of the errno */
} ErrorInfo;

static const ErrorInfo errors[N_FAULT_ERRORS] = {
  [ERROR_PIPE] = { TRUE, 0, "" },
  [ERROR_PROCESS] = { FALSE, G_SPAWN_ERROR_FORK, "Failed to fork (" },
  [ERROR_SECOND_PROCESS] = { FALSE, G_SPAWN_ERROR_FORK, "Failed to fork child process (" },
  [ERROR_REPORT] = { FALSE, G_SPAWN_ERROR_FORK,
                     "Failed to read enough data from child pid pipe (" },
  [ERROR_CHDIR] = { FALSE, G_SPAWN_ERROR_CHDIR, "Failed to change to directory “" },
  [ERROR_OPEN] = { FALSE, G_SPAWN_ERROR_FAILED,
                   "Failed to open file to remap file descriptor (" },
  [ERROR_DUP] = { FALSE, G_SPAWN_ERROR_FAILED,
                  "Failed to duplicate file descriptor for child process (" },
  [ERROR_ATTRIBUTE] = { FALSE, G_SPAWN_ERROR_FAILED, "Failed to set attribute “" },
  [ERROR_EXEC] = { FALSE, CODE_OF_EXEC, "Failed to execute child process “" },
  [ERROR_READ] = { FALSE, G_SPAWN_ERROR_READ, "Failed to read from child pipe (" },
  [ERROR_POLL] = { FALSE, G_SPAWN_ERROR_READ,
                   "Unexpected error in reading data from a child process (" },
  [ERROR_WAIT] = { FALSE, G_SPAWN_ERROR_READ, "Unexpected error in waitpid() (" },
};

static const struct {
  int error_number;
  int code;
} exec_codes[] = {
  { E2BIG, G_SPAWN_ERROR_TOO_BIG },
  { EACCES, G_SPAWN_ERROR_ACCES },
  { EINVAL, G_SPAWN_ERROR_INVAL },
  { EIO, G_SPAWN_ERROR_IO },
  { EISDIR, G_SPAWN_ERROR_ISDIR },
  { ELIBBAD, G_SPAWN_ERROR_LIBBAD },
  { ELOOP, G_SPAWN_ERROR_LOOP },
  { EMFILE, G_SPAWN_ERROR_MFILE },
  { ENAMETOOLONG, G_SPAWN_ERROR_NAMETOOLONG },
  { ENFILE, G_SPAWN_ERROR_NFILE },
  { ENOENT, G_SPAWN_ERROR_NOENT },
  { ENOEXEC, G_SPAWN_ERROR_NOEXEC },
  { ENOMEM, G_SPAWN_ERROR_NOMEM },
  { ENOTDIR, G_SPAWN_ERROR_NOTDIR },
  { EPERM, G_SPAWN_ERROR_PERM },
  { ETXTBSY, G_SPAWN_ERROR_TXTBUSY },
};

static int
get_exec_code (int error_number)
{
  for (gsize i = 0; i < G_N_ELEMENTS (exec_codes); i++)
    if (exec_codes[i].error_number == error_number)
      return exec_codes[i].code;

  return G_SPAWN_ERROR_FAILED;
}

/* Notes what is wrong, with what was expected and what there is. */
G_GNUC_PRINTF (2, 3)
static void
complain (GString    *complaints,
          const char *format,
          ...)
{
  va_list args;

  if (complaints->len > 0)
    g_string_append (complaints, "; ");
  va_start (args, format);
  g_string_append_vprintf (complaints, format, args);
  va_end (args);
}

static void
compare_text (GString    *complaints,
              const char *what,
              const char *expected,
              const char *found)
{
  if (g_strcmp0 (expected, found) != 0)
    complain (complaints, "%s is \"%s\" instead of \"%s\"", what,
              found != NULL ? found : "none", expected != NULL ? expected : "none");
}

static void
compare_number (GString    *complaints,
                const char *what,
                gint64      expected,
                gint64      found)
{
  if (expected != found)
    complain (complaints, "%s is %" G_GINT64_FORMAT " instead of %" G_GINT64_FORMAT, what, found,
              expected);
}

/* Only the lines that differ: a report is long. */
static void
compare_reports (GString    *complaints,
                 const char *expected,
                 const char *found)
{
  g_auto (GStrv) expected_lines = NULL;
  g_auto (GStrv) found_lines = NULL;

  if (g_strcmp0 (expected, found) == 0)
    return;
  if (expected == NULL || found == NULL)
    {
      complain (complaints, "%s", found == NULL ? "the program did not report"
                                                : "a program reports");
      return;
    }

  expected_lines = g_strsplit (expected, "\n", -1);
  found_lines = g_strsplit (found, "\n", -1);
  for (char **line = expected_lines; *line != NULL; line++)
    if (!g_strv_contains ((const char *const *) found_lines, *line))
      complain (complaints, "the report lacks \"%s\"", *line);
  for (char **line = found_lines; *line != NULL; line++)
    if (!g_strv_contains ((const char *const *) expected_lines, *line))
      complain (complaints, "the report has \"%s\"", *line);
}

/* What holds whatever was expected. */
static void
check_caller (GString            *complaints,
              const FaultRow     *row,
              const FaultOutcome *base,
              const FaultOutcome *outcome)
{
  const FaultResult *result = &outcome->result;
  gint64 allowed = base->result.growth;

  /* Threads have stacks. */
  if (outcome->trace != NULL && fault_trace_count (outcome->trace, ROLE_CALLER, USE_EVENTFD, 0) > 0)
    allowed = G_MAXINT64 / 2;
  else if (row->other == USE_ANOTHER_ENGINE || row->kind == OUTCOME_CLEAN)
    allowed += FAULT_ENGINE_MEMORY;

  if (outcome->trace->trouble != NULL)
    complain (complaints, "%s", outcome->trace->trouble);
  if (!result->complete)
    complain (complaints, "the caller did not come to its end: %s",
              outcome->error_output != NULL ? outcome->error_output : "");
  if (result->difference[0] != '\0' &&
      !(row->may_stay_private && g_str_equal (result->difference, STAYED_PRIVATE)))
    complain (complaints, "the caller is left with %s", result->difference);
  if (result->later[0] != '\0')
    complain (complaints, "a later launch fails: %s", result->later);
  if (result->growth > allowed)
    complain (complaints, "%" G_GINT64_FORMAT " bytes more are mapped", result->growth - allowed);
  if (!result->success && result->has_pid)
    complain (complaints, "a pid in spite of an error");
  if (result->n_handled_elsewhere != 0)
    complain (complaints, "a handler ran in a child");
}

static void
check_same_call (GString            *complaints,
                 const FaultOutcome *base,
                 const FaultOutcome *outcome)
{
  compare_number (complaints, "success", base->result.success, outcome->result.success);
  compare_text (complaints, "the error's domain", base->result.domain, outcome->result.domain);
  compare_number (complaints, "the error's code", base->result.code, outcome->result.code);
  compare_text (complaints, "the error", base->result.message, outcome->result.message);
  compare_number (complaints, "a pid", base->result.has_pid, outcome->result.has_pid);
}

static void
check_same_program (GString            *complaints,
                    const FaultOutcome *base,
                    const FaultOutcome *outcome)
{
  compare_text (complaints, "the output", base->result.output, outcome->result.output);
  compare_number (complaints, "programs executed", base->trace->n_executed,
                  outcome->trace->n_executed);
  compare_reports (complaints, base->report, outcome->report);
}

static void
check_same (GString            *complaints,
            const FaultOutcome *base,
            const FaultOutcome *outcome)
{
  check_same_call (complaints, base, outcome);
  check_same_program (complaints, base, outcome);
  compare_number (complaints, "the wait status", base->result.wait_status,
                  outcome->result.wait_status);
  compare_text (complaints, "the log", base->result.log, outcome->result.log);
}

static void
check_error (GString            *complaints,
             const FaultRow     *row,
             int                 error_number,
             const FaultOutcome *outcome)
{
  const ErrorInfo *info = &errors[row->error];
  g_autofree char *begin = row->error == ERROR_ATTRIBUTE
                           ? g_strconcat (info->text, gspawn_attribute_get_name (row->attribute),
                                          "” ", NULL)
                           : g_strdup (info->text);
  const FaultResult *result = &outcome->result;
  g_autofree char *end = g_strconcat (g_strerror (error_number), info->is_unix ? "" : ")", NULL);
  int code = info->code == CODE_OF_EXEC ? get_exec_code (error_number) : info->code;

  if (result->success)
    {
      complain (complaints, "it succeeded");
      return;
    }
  compare_text (complaints, "the error's domain",
                g_quark_to_string (info->is_unix ? G_UNIX_ERROR : G_SPAWN_ERROR), result->domain);
  compare_number (complaints, "the error's code", code, result->code);
  if (!g_str_has_prefix (result->message, begin) || !g_str_has_suffix (result->message, end))
    complain (complaints, "the error is \"%s\" instead of \"%s… %s\"", result->message, begin, end);
}

static void
check_not_executed (GString            *complaints,
                    const FaultOutcome *outcome)
{
  compare_number (complaints, "programs executed", 0, outcome->trace->n_executed);
  compare_text (complaints, "the report", NULL, outcome->report);
}

static gboolean
is_execution (FaultUse use)
{
  return use == USE_EXECVE || use == USE_EXECVE_SHELL;
}

/* Whether something was tried after the fault that is not a part of it. */
static gboolean
tried_another (const FaultTrace *trace)
{
  for (guint i = trace->reached_at + 1; i < trace->calls->len; i++)
    if (is_execution (g_array_index (trace->calls, FaultCall, i).use))
      return TRUE;

  return FALSE;
}

/* A denial that has been met on the way is what is reported in the end. */
static void
check_next (GString            *complaints,
            const FaultRow     *row,
            const FaultRun     *run,
            const FaultOutcome *base,
            const FaultOutcome *outcome)
{
  if (!outcome->result.success && !base->result.success && tried_another (outcome->trace))
    check_same (complaints, base, outcome);
  else if (!outcome->result.success)
    {
      check_error (complaints, row, run->fault.error_number, outcome);
      check_not_executed (complaints, outcome);
    }
  else
    {
      if (!tried_another (outcome->trace))
        complain (complaints, "no other candidate was tried");
      compare_reports (complaints, base->loose_report, outcome->loose_report);
    }
}

/* Each engine makes its process in a way of its own. */
static gboolean
went_to_another_engine (const FaultRun   *run,
                        const FaultTrace *trace)
{
  static const struct {
    const char *engine;
    FaultUse use;
  } signs[] = {
    { "clone", USE_MMAP_SLOT },
    { "posix_spawn", USE_MMAP_STACK },
    { "fork", USE_CLONE_COPY },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (signs); i++)
    if (!g_str_equal (run->engine, signs[i].engine) &&
        fault_trace_count (trace, ROLE_CALLER, signs[i].use, trace->reached_at + 1) > 0)
      return TRUE;

  return FALSE;
}

static void
check_other (GString            *complaints,
             const FaultRow     *row,
             const FaultRun     *run,
             const FaultOutcome *base,
             const FaultOutcome *outcome)
{
  const FaultTrace *trace = outcome->trace;
  gboolean seen = row->other == USE_ANOTHER_ENGINE
                  ? went_to_another_engine (run, trace)
                  : fault_trace_count (trace, ROLE_UNKNOWN, row->other, trace->reached_at + 1) > 0;

  if (!seen)
    complain (complaints, "no call for \"%s\" is seen", fault_use_get_name (row->other));
  check_same (complaints, base, outcome);
}

static void
check_again (GString            *complaints,
             const FaultRun     *run,
             const FaultOutcome *base,
             const FaultOutcome *outcome)
{
  const FaultTrace *trace = outcome->trace;

  if (fault_trace_count (trace, run->fault.role, run->fault.use, trace->reached_at + 1) == 0)
    complain (complaints, "it is not tried again");
  check_same (complaints, base, outcome);
}

static void
check_killed (GString            *complaints,
              const FaultRun     *run,
              const FaultOutcome *outcome)
{
  const FaultResult *result = &outcome->result;

  if (!result->success)
    complain (complaints, "it fails: %s", result->message);
  if (!fault_shape_reaps (run->shape) &&
      (!WIFSIGNALED (result->wait_status) || WTERMSIG (result->wait_status) != SIGKILL))
    complain (complaints, "the wait status is %#x", (unsigned int) result->wait_status);
  check_not_executed (complaints, outcome);
}

static void
check_cancelled (GString            *complaints,
                 const FaultRow     *row,
                 const FaultRun     *run,
                 const FaultOutcome *outcome)
{
  const FaultResult *result = &outcome->result;

  compare_number (complaints, "success", FALSE, result->success);
  compare_text (complaints, "the error's domain",
                run->frees ? "" : g_quark_to_string (G_SPAWN_ERROR), result->domain);
  compare_number (complaints, "the error's code", run->frees ? 0 : G_SPAWN_ERROR_FAILED,
                  result->code);
  if (!run->frees && !g_str_has_suffix (result->message, "” was cancelled"))
    complain (complaints, "the error is \"%s\"", result->message);
  if (!row->may_be_executed)
    check_not_executed (complaints, outcome);
}

/* Where the same call fails for good: what can be done without it is done, and what cannot is said.
 * The output of a program that runs may be lost. */
static void
check_clean (GString            *complaints,
             int                 error_number,
             const FaultOutcome *base,
             const FaultOutcome *outcome)
{
  const FaultResult *result = &outcome->result;
  gboolean by_shell = error_number == ENOEXEC &&
                      fault_trace_count (outcome->trace, ROLE_CHILD, USE_EXECVE_SHELL, 0) > 0;

  if (result->success && !by_shell)
    compare_reports (complaints, base->loose_report, outcome->loose_report);
  else if (!result->success)
    {
      if (strstr (result->message, g_strerror (error_number)) == NULL &&
          strcmp (result->message, base->result.message) != 0)
        complain (complaints, "the error is \"%s\"", result->message);
      if (result->code != G_SPAWN_ERROR_READ)
        check_not_executed (complaints, outcome);
    }
}

static void
check_outcome (GString            *complaints,
               const FaultRow     *row,
               const FaultRun     *run,
               const FaultOutcome *base,
               const FaultOutcome *outcome)
{
  const char *log = outcome->result.log;
  int error_number = row->reported != 0 ? row->reported : run->fault.error_number;

  switch (row->kind)
    {
    case OUTCOME_SAME:
    case OUTCOME_WITHOUT:
      check_same (complaints, base, outcome);
      break;
    case OUTCOME_AGAIN:
      check_again (complaints, run, base, outcome);
      break;
    case OUTCOME_OTHER:
      check_other (complaints, row, run, base, outcome);
      break;
    case OUTCOME_NEXT:
      check_next (complaints, row, run, base, outcome);
      break;
    case OUTCOME_SHELL:
      if (fault_trace_count (outcome->trace, ROLE_CHILD, USE_EXECVE_SHELL,
                             outcome->trace->reached_at) == 0)
        complain (complaints, "no shell was tried");
      compare_number (complaints, "success", TRUE, outcome->result.success);
      break;
    case OUTCOME_MESSAGE:
      check_same_call (complaints, base, outcome);
      check_same_program (complaints, base, outcome);
      if (strstr (log, "cannot write to") == NULL ||
          strstr (log, g_strerror (error_number)) == NULL)
        complain (complaints, "the log is \"%s\"", log);
      break;
    case OUTCOME_LOST_STATUS:
      check_same_call (complaints, base, outcome);
      check_same_program (complaints, base, outcome);
      compare_number (complaints, "the wait status", 0, outcome->result.wait_status);
      if (strstr (log, "ECHILD") == NULL)
        complain (complaints, "the log is \"%s\"", log);
      break;
    case OUTCOME_ERROR:
      check_error (complaints, row, error_number, outcome);
      check_not_executed (complaints, outcome);
      break;
    case OUTCOME_LOST_PID:
      check_error (complaints, row, error_number, outcome);
      compare_number (complaints, "programs executed", 1, outcome->trace->n_executed);
      break;
    case OUTCOME_CLEAN:
      check_clean (complaints, error_number, base, outcome);
      break;
    case OUTCOME_KILLED:
      check_killed (complaints, run, outcome);
      break;
    case OUTCOME_CANCELLED:
      check_cancelled (complaints, row, run, outcome);
      break;
    case OUTCOME_NONE:
    default:
      g_assert_not_reached ();
    }
}

/*
 * fault_judge: (skip)
 * @row: what is expected
 * @run: what was done
 * @base: what came of the same without a fault
 * @outcome: what came of it
 *
 * Returns: (transfer full) (nullable): what is wrong, or %NULL
 */
char *
fault_judge (const FaultRow     *row,
             const FaultRun     *run,
             const FaultOutcome *base,
             const FaultOutcome *outcome)
{
  GString *complaints = g_string_new (NULL);

  check_caller (complaints, row, base, outcome);
  check_outcome (complaints, row, run, base, outcome);
  if (run->fault.kind == FAULT_SIGNAL)
    compare_number (complaints, "runs of the handler", run->fault.role == ROLE_CALLER,
                    outcome->result.n_handled);

  return g_string_free (complaints, complaints->len == 0);
}

/*
 * fault_error_describe: (skip)
 *
 * Returns: (transfer full): the error in the words of the documentation
 */
char *
fault_error_describe (FaultError error)
{
  static const char *const codes[] = {
    [G_SPAWN_ERROR_FORK] = "FORK",
    [G_SPAWN_ERROR_READ] = "READ",
    [G_SPAWN_ERROR_CHDIR] = "CHDIR",
    [G_SPAWN_ERROR_FAILED] = "FAILED",
  };
  const ErrorInfo *info = &errors[error];

  if (info->is_unix)
    return g_strdup ("`G_UNIX_ERROR` 0");
  if (info->code == CODE_OF_EXEC)
    return g_strdup ("`G_SPAWN_ERROR_*` of the errno, “Failed to execute child process”");

  return g_strdup_printf ("`G_SPAWN_ERROR_%s`, “%.*s”", codes[info->code],
                          (int) (strcspn (info->text, "(“") - 1), info->text);
}
