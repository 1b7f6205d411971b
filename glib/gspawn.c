/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * GLib's public functions: their signatures, their documentation, and the preconditions under which
 * they hand a request to the core. They know nothing of how a process is made. */
#include "config.h"

#include "gspawn-request-private.h"

/* GLib's messages name these in their preconditions. */
#define INHERITS_OR_NULL_STDIN  (G_SPAWN_STDIN_FROM_DEV_NULL | G_SPAWN_CHILD_INHERITS_STDIN)
#define INHERITS_OR_NULL_STDOUT (G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_CHILD_INHERITS_STDOUT)
#define INHERITS_OR_NULL_STDERR (G_SPAWN_STDERR_TO_DEV_NULL | G_SPAWN_CHILD_INHERITS_STDERR)

static const GSpawnFlags suppress_pipe_flags[GSPAWN_N_STREAMS] = {
  INHERITS_OR_NULL_STDIN,
  INHERITS_OR_NULL_STDOUT,
  INHERITS_OR_NULL_STDERR,
};

/**
 * g_spawn_error_quark:
 *
 * Gets the domain of the errors of type #GSpawnError. It is written as `G_SPAWN_ERROR`.
 *
 * Returns: the quark of `g-exec-error-quark`
 */
GQuark
g_spawn_error_quark (void)
{
  return g_quark_from_static_string ("g-exec-error-quark");
}

/**
 * g_spawn_exit_error_quark:
 *
 * Gets the domain of the errors whose code is the exit status of a program. It is written as
 * `G_SPAWN_EXIT_ERROR`.
 *
 * Returns: the quark of `g-spawn-exit-error-quark`
 *
 * Since: 2.34
 */
GQuark
g_spawn_exit_error_quark (void)
{
  return g_quark_from_static_string ("g-spawn-exit-error-quark");
}

/* What is declared need not be called. The function is known by the address that programs have for
 * it, which is not always the one that its own library has. */
static void
take_attributes (GSpawnRequest *request)
{
  if (request->child_setup != gspawn_attributes_child_setup)
    return;

  request->attributes = request->user_data;
  request->child_setup = NULL;
  request->user_data = NULL;
}

/* Decides which streams get a pipe, launches, and hands out what the caller asked for. */
static gboolean
launch (GSpawnRequest  *request,
        GPid           *child_pid,
        int            *pipe_outs[GSPAWN_N_STREAMS],
        GError        **error)
{
  GSpawnChildInfo info;

  take_attributes (request);
  for (int i = 0; i < GSPAWN_N_STREAMS; i++)
    request->stream_pipes[i] = pipe_outs[i] != NULL &&
                               (request->flags & suppress_pipe_flags[i]) == 0;

  if (!_gspawn_launch (request, &info, error))
    return FALSE;

  if (child_pid != NULL)
    *child_pid = info.pid;
  for (int i = 0; i < GSPAWN_N_STREAMS; i++)
    if (pipe_outs[i] != NULL && request->stream_pipes[i])
      *pipe_outs[i] = info.pipes[i];

  return TRUE;
}

/* Three public functions have these preconditions, and always name the same one in them. */
#define check_request(expression) \
  G_STMT_START { \
    if (G_UNLIKELY (!(expression))) \
      { \
        g_return_if_fail_warning (G_LOG_DOMAIN, "g_spawn_async_with_pipes_and_fds", \
                                  #expression); \
        return FALSE; \
      } \
  } G_STMT_END

static gboolean
launch_checked (GSpawnRequest  *request,
                GPid           *child_pid_out,
                int            *stdin_pipe_out,
                int            *stdout_pipe_out,
                int            *stderr_pipe_out,
                GError        **error)
{
  const char *const *argv = request->argv;
  GSpawnFlags flags = request->flags;
  int stdin_fd = request->stream_fds[0];
  int stdout_fd = request->stream_fds[1];
  int stderr_fd = request->stream_fds[2];
  int *pipe_outs[GSPAWN_N_STREAMS] = { stdin_pipe_out, stdout_pipe_out, stderr_pipe_out };

  check_request (argv != NULL);
  check_request (argv[0] != NULL);
  check_request ((flags & INHERITS_OR_NULL_STDIN) != INHERITS_OR_NULL_STDIN);
  check_request ((flags & INHERITS_OR_NULL_STDOUT) != INHERITS_OR_NULL_STDOUT);
  check_request ((flags & INHERITS_OR_NULL_STDERR) != INHERITS_OR_NULL_STDERR);
  check_request (stdin_pipe_out == NULL || stdin_fd < 0);
  check_request (stdout_pipe_out == NULL || stdout_fd < 0);
  check_request (stderr_pipe_out == NULL || stderr_fd < 0);

  return launch (request, child_pid_out, pipe_outs, error);
}

/**
 * g_spawn_async:
 * @working_directory: (type filename) (nullable): where the program starts, or %NULL for the
 *     caller's working directory
 * @argv: (array zero-terminated=1) (element-type filename): the program and its arguments, at least
 *     the program
 * @envp: (array zero-terminated=1) (element-type filename) (nullable): environment of the program,
 *     or %NULL for the caller's
 * @flags: how to start it
 * @child_setup: (scope async) (closure user_data) (nullable): function to run in the child before
 *     the program
 * @user_data: argument of @child_setup
 * @child_pid: (out) (optional): the program's process
 * @error: (out) (optional): why it was not started
 *
 * Starts a program and does not wait for it to end.
 *
 * It is g_spawn_async_with_pipes_and_fds() without pipes and descriptors; everything said there
 * holds here.
 *
 * Returns: %TRUE if the program was executed
 */
gboolean
g_spawn_async (const char            *working_directory,
               char                 **argv,
               char                 **envp,
               GSpawnFlags            flags,
               GSpawnChildSetupFunc   child_setup,
               gpointer               user_data,
               GPid                  *child_pid,
               GError               **error)
{
  GSpawnRequest request = {
    .function = "g_spawn_async",
    .working_directory = working_directory,
    .argv = (const char *const *) argv,
    .envp = (const char *const *) envp,
    .flags = flags,
    .child_setup = child_setup,
    .user_data = user_data,
    .stream_fds = { -1, -1, -1 },
  };

  return launch_checked (&request, child_pid, NULL, NULL, NULL, error);
}

/**
 * g_spawn_async_with_pipes:
 * @working_directory: (type filename) (nullable): where the program starts, or %NULL
 * @argv: (array zero-terminated=1) (element-type filename): the program and its arguments
 * @envp: (array zero-terminated=1) (element-type filename) (nullable): environment, or %NULL
 * @flags: how to start it
 * @child_setup: (scope async) (closure user_data) (nullable): function to run in the child
 * @user_data: argument of @child_setup
 * @child_pid: (out) (optional): the program's process
 * @standard_input: (out) (optional): descriptor that writes to the program's input
 * @standard_output: (out) (optional): descriptor that reads the program's output
 * @standard_error: (out) (optional): descriptor that reads the program's errors
 * @error: (out) (optional): why it was not started
 *
 * Starts a program with pipes to its standard streams, and does not wait for it to end.
 *
 * It is g_spawn_async_with_pipes_and_fds() without descriptors of the caller; everything said there
 * holds here.
 *
 * Returns: %TRUE if the program was executed
 */
gboolean
g_spawn_async_with_pipes (const char            *working_directory,
                          char                 **argv,
                          char                 **envp,
                          GSpawnFlags            flags,
                          GSpawnChildSetupFunc   child_setup,
                          gpointer               user_data,
                          GPid                  *child_pid,
                          int                   *standard_input,
                          int                   *standard_output,
                          int                   *standard_error,
                          GError               **error)
{
  GSpawnRequest request = {
    .function = "g_spawn_async_with_pipes",
    .working_directory = working_directory,
    .argv = (const char *const *) argv,
    .envp = (const char *const *) envp,
    .flags = flags,
    .child_setup = child_setup,
    .user_data = user_data,
    .stream_fds = { -1, -1, -1 },
  };

  return launch_checked (&request, child_pid, standard_input, standard_output, standard_error,
                         error);
}

/**
 * g_spawn_async_with_pipes_and_fds:
 * @working_directory: (type filename) (nullable): where the program starts, or %NULL for the
 *     caller's working directory
 * @argv: (array zero-terminated=1) (element-type filename): the program and its arguments, at least
 *     the program
 * @envp: (array zero-terminated=1) (element-type filename) (nullable): environment of the program,
 *     or %NULL for the caller's
 * @flags: how to start it
 * @child_setup: (scope async) (closure user_data) (nullable): function to run in the child before
 *     the program
 * @user_data: argument of @child_setup
 * @stdin_fd: descriptor to become the program's input, or a negative number
 * @stdout_fd: descriptor to become the program's output, or a negative number
 * @stderr_fd: descriptor to become the program's errors, or a negative number
 * @source_fds: (array length=n_fds) (nullable): descriptors of the caller
 * @target_fds: (array length=n_fds) (nullable): their numbers in the program
 * @n_fds: how many there are of either
 * @child_pid_out: (out) (optional): the program's process
 * @stdin_pipe_out: (out) (optional): descriptor that writes to the program's input
 * @stdout_pipe_out: (out) (optional): descriptor that reads the program's output
 * @stderr_pipe_out: (out) (optional): descriptor that reads the program's errors
 * @error: (out) (optional): why it was not started
 *
 * Starts a program and returns when it has been executed, not when it ends.
 *
 * The program's input is `/dev/null` unless `G_SPAWN_CHILD_INHERITS_STDIN`, @stdin_fd or a pipe says
 * otherwise; its output and errors are the caller's unless `G_SPAWN_STDOUT_TO_DEV_NULL`,
 * `G_SPAWN_STDERR_TO_DEV_NULL`, a descriptor or a pipe says otherwise. A pipe is made where its
 * argument is not %NULL and no flag decides about that stream; a descriptor is stronger than a
 * flag. Standard streams are set up one after the other, so a @stderr_fd of 1 is what the program
 * has as its output.
 *
 * Then each of @source_fds is duplicated to the number in @target_fds, and no entry destroys what
 * another one needs; if two have the same target, the later one counts. An entry whose source is its
 * target keeps what is there by then. The caller keeps all its descriptors. All others are closed
 * for the program, unless `G_SPAWN_LEAVE_DESCRIPTORS_OPEN` is set; then those with the
 * close-on-exec flag are.
 *
 * `SIGCHLD`, `SIGINT`, `SIGTERM`, `SIGHUP` and `SIGPIPE` have their default action in the program.
 * Other signals that the caller ignores, and its signal mask, are inherited as POSIX has it for
 * exec.
 *
 * With `G_SPAWN_DO_NOT_REAP_CHILD` the process is a child of the caller's, who waits for it by
 * waitpid() or g_child_watch_add(). Without, it is not the caller's child, and @child_pid_out must
 * not be waited for.
 *
 * @child_setup runs in a copy of the caller that fork() makes; all else is done without one, and
 * functions registered with pthread_atfork() do not run.
 *
 * On failure nothing but @error is set, and no process is left. An error of the domain
 * %G_SPAWN_ERROR tells by its code why exec failed; one of the domain %G_UNIX_ERROR that a pipe
 * could not be made.
 *
 * This function may be called from any thread. Close-on-exec pipes, with `G_SPAWN_CLOEXEC_PIPES`,
 * are what a caller with more than one thread wants. No thread may change the environment in the
 * meantime if @envp is %NULL: the program gets what is there when it is executed.
 *
 * Returns: %TRUE if the program was executed
 *
 * Since: 2.68
 */
gboolean
g_spawn_async_with_pipes_and_fds (const char            *working_directory,
                                  const char *const     *argv,
                                  const char *const     *envp,
                                  GSpawnFlags            flags,
                                  GSpawnChildSetupFunc   child_setup,
                                  gpointer               user_data,
                                  int                    stdin_fd,
                                  int                    stdout_fd,
                                  int                    stderr_fd,
                                  const int             *source_fds,
                                  const int             *target_fds,
                                  gsize                  n_fds,
                                  GPid                  *child_pid_out,
                                  int                   *stdin_pipe_out,
                                  int                   *stdout_pipe_out,
                                  int                   *stderr_pipe_out,
                                  GError               **error)
{
  GSpawnRequest request = {
    .function = "g_spawn_async_with_pipes_and_fds",
    .working_directory = working_directory,
    .argv = argv,
    .envp = envp,
    .flags = flags,
    .child_setup = child_setup,
    .user_data = user_data,
    .stream_fds = { stdin_fd, stdout_fd, stderr_fd },
    .source_fds = source_fds,
    .target_fds = target_fds,
    .n_fds = n_fds,
  };

  g_return_val_if_fail (n_fds == 0 || (source_fds != NULL && target_fds != NULL), FALSE);

  return launch_checked (&request, child_pid_out, stdin_pipe_out, stdout_pipe_out, stderr_pipe_out,
                         error);
}

/**
 * g_spawn_async_with_fds:
 * @working_directory: (type filename) (nullable): where the program starts, or %NULL
 * @argv: (array zero-terminated=1) (element-type filename): the program and its arguments
 * @envp: (array zero-terminated=1) (element-type filename) (nullable): environment, or %NULL
 * @flags: how to start it
 * @child_setup: (scope async) (closure user_data) (nullable): function to run in the child
 * @user_data: argument of @child_setup
 * @child_pid: (out) (optional): the program's process
 * @stdin_fd: descriptor to become the program's input, or a negative number
 * @stdout_fd: descriptor to become the program's output, or a negative number
 * @stderr_fd: descriptor to become the program's errors, or a negative number
 * @error: (out) (optional): why it was not started
 *
 * Starts a program on descriptors of the caller, and does not wait for it to end.
 *
 * It is g_spawn_async_with_pipes_and_fds() without pipes and map; everything said there holds here,
 * but that a descriptor together with the flag that sends the same stream elsewhere is a mistake of
 * the caller's.
 *
 * Returns: %TRUE if the program was executed
 *
 * Since: 2.58
 */
gboolean
g_spawn_async_with_fds (const char            *working_directory,
                        char                 **argv,
                        char                 **envp,
                        GSpawnFlags            flags,
                        GSpawnChildSetupFunc   child_setup,
                        gpointer               user_data,
                        GPid                  *child_pid,
                        int                    stdin_fd,
                        int                    stdout_fd,
                        int                    stderr_fd,
                        GError               **error)
{
  int *no_pipes[GSPAWN_N_STREAMS] = { NULL };
  GSpawnRequest request = {
    .function = "g_spawn_async_with_fds",
    .working_directory = working_directory,
    .argv = (const char *const *) argv,
    .envp = (const char *const *) envp,
    .flags = flags,
    .child_setup = child_setup,
    .user_data = user_data,
    .stream_fds = { stdin_fd, stdout_fd, stderr_fd },
  };

  g_return_val_if_fail (argv != NULL, FALSE);
  g_return_val_if_fail (argv[0] != NULL, FALSE);
  g_return_val_if_fail (stdout_fd < 0 || !(flags & G_SPAWN_STDOUT_TO_DEV_NULL), FALSE);
  g_return_val_if_fail (stderr_fd < 0 || !(flags & G_SPAWN_STDERR_TO_DEV_NULL), FALSE);
  g_return_val_if_fail (stdin_fd < 0 || !(flags & G_SPAWN_CHILD_INHERITS_STDIN), FALSE);

  return launch (&request, child_pid, no_pipes, error);
}

static void
clear_outputs (char **standard_output,
               char **standard_error)
{
  if (standard_output != NULL)
    *standard_output = NULL;
  if (standard_error != NULL)
    *standard_error = NULL;
}

/**
 * g_spawn_sync:
 * @working_directory: (type filename) (nullable): where the program starts, or %NULL for the
 *     caller's working directory
 * @argv: (array zero-terminated=1) (element-type filename): the program and its arguments
 * @envp: (array zero-terminated=1) (element-type filename) (nullable): environment, or %NULL
 * @flags: how to start it; `G_SPAWN_DO_NOT_REAP_CHILD` has no place here
 * @child_setup: (scope call) (closure user_data) (nullable): function to run in the child
 * @user_data: argument of @child_setup
 * @standard_output: (out) (array zero-terminated=1) (element-type guint8) (optional): all that the
 *     program wrote, %NULL on failure
 * @standard_error: (out) (array zero-terminated=1) (element-type guint8) (optional): all that the
 *     program wrote as errors, %NULL on failure
 * @wait_status: (out) (optional): how the program ended, as waitpid() tells it
 * @error: (out) (optional): why it was not run
 *
 * Runs a program, collects its output and waits for it to end.
 *
 * The program is started as by g_spawn_async_with_pipes_and_fds(). Its outputs are read to their
 * end, which comes when every process that has them open has closed them; then the program is
 * waited for. How it ended is for g_spawn_check_wait_status() to tell, and no error of this
 * function.
 *
 * If somebody else has waited for the program, a handler of `SIGCHLD` or the kernel where that is
 * ignored, then its status is lost: @wait_status is set to 0, and a warning is logged.
 *
 * This function may be called from any thread.
 *
 * Returns: %TRUE if the program was run
 */
gboolean
g_spawn_sync (const char            *working_directory,
              char                 **argv,
              char                 **envp,
              GSpawnFlags            flags,
              GSpawnChildSetupFunc   child_setup,
              gpointer               user_data,
              char                 **standard_output,
              char                 **standard_error,
              int                   *wait_status,
              GError               **error)
{
  GSpawnRequest request = {
    .function = "g_spawn_sync",
    .working_directory = working_directory,
    .argv = (const char *const *) argv,
    .envp = (const char *const *) envp,
    .flags = flags | G_SPAWN_DO_NOT_REAP_CHILD,
    .child_setup = child_setup,
    .user_data = user_data,
    .stream_fds = { -1, -1, -1 },
    .stream_pipes = { FALSE, standard_output != NULL, standard_error != NULL },
  };

  g_return_val_if_fail (argv != NULL, FALSE);
  g_return_val_if_fail (argv[0] != NULL, FALSE);
  g_return_val_if_fail (!(flags & G_SPAWN_DO_NOT_REAP_CHILD), FALSE);
  g_return_val_if_fail (standard_output == NULL || !(flags & G_SPAWN_STDOUT_TO_DEV_NULL), FALSE);
  g_return_val_if_fail (standard_error == NULL || !(flags & G_SPAWN_STDERR_TO_DEV_NULL), FALSE);

  take_attributes (&request);
  clear_outputs (standard_output, standard_error);

  return _gspawn_sync (&request, standard_output, standard_error, wait_status, error);
}

/**
 * g_spawn_command_line_sync:
 * @command_line: (type filename): a command line
 * @standard_output: (out) (array zero-terminated=1) (element-type guint8) (optional): as of
 *     g_spawn_sync()
 * @standard_error: (out) (array zero-terminated=1) (element-type guint8) (optional): as of
 *     g_spawn_sync()
 * @wait_status: (out) (optional): as of g_spawn_sync()
 * @error: (out) (optional): why it was not run
 *
 * Runs a command line, collects its output and waits for it to end.
 *
 * The line is split into words by g_shell_parse_argv(), whose errors it may fail with; no shell is
 * involved. Nothing but @error is set then. The first word is searched for in `PATH`. All else is as
 * with g_spawn_sync().
 *
 * Returns: %TRUE if the program was run
 */
gboolean
g_spawn_command_line_sync (const char  *command_line,
                           char       **standard_output,
                           char       **standard_error,
                           int         *wait_status,
                           GError     **error)
{
  g_auto (GStrv) argv = NULL;
  GSpawnRequest request = {
    .function = "g_spawn_command_line_sync",
    .flags = G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD,
    .stream_fds = { -1, -1, -1 },
    .stream_pipes = { FALSE, standard_output != NULL, standard_error != NULL },
  };

  g_return_val_if_fail (command_line != NULL, FALSE);

  if (!g_shell_parse_argv (command_line, NULL, &argv, error))
    return FALSE;
  request.argv = (const char *const *) argv;

  clear_outputs (standard_output, standard_error);

  return _gspawn_sync (&request, standard_output, standard_error, wait_status, error);
}

/**
 * g_spawn_command_line_async:
 * @command_line: (type filename): a command line
 * @error: (out) (optional): why it was not started
 *
 * Starts a command line and does not wait for it to end.
 *
 * The line is split into words by g_shell_parse_argv(), whose errors it may fail with; no shell is
 * involved. The first word is searched for in `PATH`. All else is as with g_spawn_async() without
 * further flags: the process is not the caller's child.
 *
 * Returns: %TRUE if the program was executed
 */
gboolean
g_spawn_command_line_async (const char  *command_line,
                            GError     **error)
{
  g_auto (GStrv) argv = NULL;
  int *no_pipes[GSPAWN_N_STREAMS] = { NULL };
  GSpawnRequest request = {
    .function = "g_spawn_command_line_async",
    .flags = G_SPAWN_SEARCH_PATH,
    .stream_fds = { -1, -1, -1 },
  };

  g_return_val_if_fail (command_line != NULL, FALSE);

  if (!g_shell_parse_argv (command_line, NULL, &argv, error))
    return FALSE;
  request.argv = (const char *const *) argv;

  return launch (&request, NULL, no_pipes, error);
}

/**
 * g_spawn_check_wait_status:
 * @wait_status: how a process ended, as waitpid() tells it
 * @error: (out) (optional): how, if not well
 *
 * Makes an error of the wait status of a program that did not exit with 0.
 *
 * An exit status is the code of an error of the domain %G_SPAWN_EXIT_ERROR; a signal, or anything
 * else, is %G_SPAWN_ERROR_FAILED of the domain %G_SPAWN_ERROR.
 *
 * Returns: %TRUE if the program exited with 0
 *
 * Since: 2.70
 */
gboolean
g_spawn_check_wait_status (int      wait_status,
                           GError **error)
{
  return _gspawn_check_wait_status (wait_status, error);
}

/**
 * g_spawn_check_exit_status:
 * @wait_status: how a process ended, as waitpid() tells it
 * @error: (out) (optional): how, if not well
 *
 * The name of g_spawn_check_wait_status() in older programs. It takes a wait status, not an exit
 * status.
 *
 * Returns: %TRUE if the program exited with 0
 *
 * Since: 2.34
 *
 * Deprecated: 2.70: Use g_spawn_check_wait_status() instead.
 */
gboolean
g_spawn_check_exit_status (int      wait_status,
                           GError **error)
{
  return _gspawn_check_wait_status (wait_status, error);
}

/**
 * g_spawn_close_pid:
 * @pid: a process
 *
 * Gives back what a #GPid holds. On POSIX systems, where that is a number, it does nothing.
 */
void
g_spawn_close_pid (G_GNUC_UNUSED GPid pid)
{
}
