/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* The process of one request: sets up what the request asks for, makes its one call, and notes what
 * the call gave and what it left behind. It does not know whose g_spawn_*() it calls.
 *
 *     differential-caller SCENE REQUEST
 *
 * The outcome is a file of the scene with a line of "key=value" for each thing noted. */

#include "differential-stage.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "differential-attributes.h"
#include "differential-template.h"
#include "guard.h"

#define UNTOUCHED (-77)
#define N_ARGUMENTS 300
#define TOO_BIG (200 * 1000)
#define EXCERPT 60
#define KEPT_FD 5

typedef struct {
  Request request;
  const char *scene;
  int outcome_fd;
  char **argv;
  char **envp;
  char *line;
  char *directory;
  GSpawnAttributes *attributes;
  GSpawnProcess *process;
  int sources[MAP_ENTRIES];
  int targets[MAP_ENTRIES];
  guint n_mapped;

  gboolean success;
  GError *error;
  GPid pid;
  int pipes[3];
  char *outputs[3];     /* of 1 and 2 */
  int status;
} Call;

static char untouched_text[] = "untouched";
static GPtrArray *log_messages;
static int look_fd = -1;

G_GNUC_PRINTF (3, 4)
static void
note (Call       *call,
      const char *key,
      const char *format,
      ...)
{
  g_autofree char *value = NULL;
  g_autofree char *escaped = NULL;
  g_autofree char *line = NULL;
  va_list args;

  va_start (args, format);
  value = g_strdup_vprintf (format, args);
  va_end (args);
  escaped = g_strescape (value, NULL);
  line = g_strdup_printf ("%s=%s\n", key, escaped);
  if (write (call->outcome_fd, line, strlen (line)) != (gssize) strlen (line))
    g_error ("outcome: %s", g_strerror (errno));
}

static void
record_message (const char     *domain,
                GLogLevelFlags  level,
                const char     *message,
                gpointer        data G_GNUC_UNUSED)
{
  if (level & G_LOG_LEVEL_DEBUG)
    return;
  g_ptr_array_add (log_messages, g_strdup_printf ("%s %#x %s", domain,
                                                  (guint) level & G_LOG_LEVEL_MASK, message));
}

static char *
make_name (const Call *call)
{
  const Request *request = &call->request;
  const char *word = request_get_word (request, ASPECT_PROGRAM);
  g_autofree char *file = NULL;

  if (g_str_equal (word, "nameless"))
    return g_strdup ("");
  if (g_str_equal (word, "long"))
    file = g_strnfill (300, 'x');
  else if (g_str_equal (word, "slash-last"))
    file = g_strdup ("probe" SCENE_PROGRAM_SUFFIX "/");
  else if (g_str_equal (word, "not-a-file"))
    file = g_strdup ("probe" SCENE_PROGRAM_SUFFIX "/program");
  else
    file = g_strdup_printf ("%s" SCENE_PROGRAM_SUFFIX, word);

  switch (request_get (request, ASPECT_NAMED))
    {
    case NAMED_ABSOLUTE: return g_strdup_printf ("%s/bin/%s", call->scene, file);
    case NAMED_RELATIVE: return g_strdup_printf ("bin/%s", file);
    default: return g_steal_pointer (&file);
    }
}

/* What the probe shall do; a script hands it on. */
static void
add_steps (const Call   *call,
           GStrvBuilder *argv)
{
  static const char *const behaviours[][3] = {
    { "exit", "0", NULL }, { "exit", "3", NULL }, { "kill", "15", NULL },
    { "out", "100000", NULL }, { "err", "300", NULL }, { "copy", "0", "1" },
  };
  const char *const *behaviour = behaviours[request_get (&call->request, ASPECT_BEHAVIOUR)];
  g_autofree char *report = g_strdup_printf ("%s/" SCENE_REPORT, call->scene);

  g_strv_builder_add (argv, "report");
  g_strv_builder_add (argv, report);
  for (int i = 0; i < 3 && behaviour[i] != NULL; i++)
    g_strv_builder_add (argv, behaviour[i]);
}

static void
add_arguments (const Call   *call,
               GStrvBuilder *argv)
{
  int kind = request_get (&call->request, ASPECT_ARGUMENTS);
  g_autofree char *long_argument = g_strnfill (kind == 5 ? TOO_BIG : 0, 'b');

  if (kind == 0)
    return;
  g_strv_builder_add (argv, "rest");
  if (kind == 1)
    g_strv_builder_add_many (argv, "one", "-two", "three words", NULL);
  if (kind == 2)
    g_strv_builder_add_many (argv, "", "", NULL);
  if (kind == 3)
    g_strv_builder_add_many (argv, "\xff\xfe", "\x01\x7f\t'\"\\$`", NULL);
  for (int i = 0; kind == 4 && i < N_ARGUMENTS; i++)
    g_strv_builder_add (argv, "argument");
  if (kind == 5)
    g_strv_builder_add (argv, long_argument);
}

static char **
make_argv (const Call *call)
{
  g_autoptr (GStrvBuilder) argv = g_strv_builder_new ();
  g_autofree char *name = make_name (call);

  if (request_is (&call->request, ASPECT_PROGRAM, "no-vector"))
    return NULL;
  if (request_is (&call->request, ASPECT_PROGRAM, "empty-vector"))
    return g_strv_builder_end (argv);

  g_strv_builder_add (argv, name);
  if (request_get (&call->request, ASPECT_ARGV_ZERO))
    {
      /* Without arguments at all the vector after the file is empty. */
      if (request_is (&call->request, ASPECT_BEHAVIOUR, "exit-3"))
        return g_strv_builder_end (argv);
      g_strv_builder_add (argv, "zero");
    }
  add_steps (call, argv);
  add_arguments (call, argv);

  return g_strv_builder_end (argv);
}

static char *
make_line (const Call *call)
{
  GString *line;

  switch (request_get (&call->request, ASPECT_LINE))
    {
    case LINE_NULL: return NULL;
    case LINE_EMPTY: return g_strdup (" ");
    case LINE_QUOTE: return g_strdup ("program 'never closed");
    default: break;
    }

  line = g_string_new (NULL);
  for (char **word = call->argv; word != NULL && *word != NULL; word++)
    {
      g_autofree char *quoted = g_shell_quote (*word);

      g_string_append_printf (line, "%s%s", line->len > 0 ? " " : "", quoted);
    }

  return g_string_free (line, FALSE);
}

static char **
make_envp (const Call *call)
{
  int kind = request_get (&call->request, ASPECT_ENVIRONMENT);
  g_autofree char *path = stage_make_search_path (call->scene,
                                                  request_get (&call->request, ASPECT_ENVP_PATH));
  g_autofree char *entry = g_strdup_printf ("PATH=%s", path);
  g_autofree char *steps = g_strdup_printf ("PROBE_STEPS=report %s/" SCENE_REPORT, call->scene);
  g_autoptr (GStrvBuilder) envp = g_strv_builder_new ();

  if (kind == ENVIRONMENT_NULL)
    return NULL;
  if (kind == ENVIRONMENT_ODD)
    g_strv_builder_add_many (envp, "no-value", "=nameless", "A=1", "A=2", "PATHS=/", "", NULL);
  if (kind == ENVIRONMENT_GIVEN && path != NULL)
    g_strv_builder_add (envp, entry);
  if (kind != ENVIRONMENT_EMPTY)
    g_strv_builder_add_many (envp, steps, "GIVEN=given \xff", NULL);

  return g_strv_builder_end (envp);
}

static char *
make_directory (const Call *call)
{
  static const char *const names[] = {
    [1] = "sub", [3] = "bin", [6] = "link", [7] = "missing", [8] = "standard-input",
    [9] = "locked", [10] = "unlisted", [12] = "bin/loop" SCENE_PROGRAM_SUFFIX,
  };
  int kind = request_get (&call->request, ASPECT_DIRECTORY);

  switch (kind)
    {
    case 0: return NULL;
    case 2: return g_strdup ("sub");
    case 4: return g_strdup ("/");
    case 5: return g_strdup (".");
    case 11: return g_strdup ("");
    case 13: return g_strnfill (5000, 'd');
    default: return g_strdup_printf ("%s/%s", call->scene, names[kind]);
    }
}

static void
look_at (int fd)
{
  struct stat st;

  if (fstat (fd, &st) < 0)
    return;
  if (S_ISFIFO (st.st_mode))
    {
      if (fd < 3)
        dprintf (look_fd, "%d is a pipe, flags %d\n", fd, fcntl (fd, F_GETFD));
      return;
    }
  dprintf (look_fd, "%d is file %d, flags %d\n", fd, (int) st.st_ino, fcntl (fd, F_GETFD));
}

/* Runs in a copy of the caller, of which other threads are not part: system calls only. */
static void
setup_look (gpointer data)
{
  const Call *call = data;
  char directory[4096] = "";
  sigset_t mask;

  sigemptyset (&mask);
  pthread_sigmask (SIG_SETMASK, NULL, &mask);
  dprintf (look_fd, "directory %s\nmask", getcwd (directory, sizeof directory));
  for (int number = 1; number <= 64; number++)
    {
      struct sigaction action;

      if (sigismember (&mask, number) == 1)
        dprintf (look_fd, " %d", number);
      if (sigaction (number, NULL, &action) == 0 && action.sa_handler != SIG_DFL)
        dprintf (look_fd, " (%d %s)", number,
                 action.sa_handler == SIG_IGN ? "ignored" : "handled");
    }
  dprintf (look_fd, "\n");
  /* At other numbers there may be what a library has for itself. */
  for (int fd = 0; fd < 8; fd++)
    if (fd != 3)
      look_at (fd);
  for (guint i = 0; i < call->n_mapped; i++)
    look_at (call->targets[i]);
}

static void
setup_nothing (gpointer data G_GNUC_UNUSED)
{
}

static void
setup_keep (gpointer data G_GNUC_UNUSED)
{
  fcntl (KEPT_FD, F_SETFD, 0);
}

static void
setup_exit (gpointer data G_GNUC_UNUSED)
{
  _exit (9);
}

static GSpawnChildSetupFunc
get_setup (const Call *call)
{
  static const GSpawnChildSetupFunc setups[] = {
    [SETUP_NONE] = NULL, [SETUP_NOTHING] = setup_nothing, [SETUP_LOOK] = setup_look,
    [SETUP_KEEP] = setup_keep, [SETUP_EXIT] = setup_exit,
  };

  if (call->attributes != NULL)
    return gspawn_attributes_child_setup;

  return setups[request_get (&call->request, ASPECT_SETUP)];
}

static gpointer
get_setup_data (Call *call)
{
  return call->attributes != NULL ? (gpointer) call->attributes : call;
}

static void
call_async (Call    *call,
            GPid    *pid,
            int    **pipes,
            GError **error)
{
  const Request *request = &call->request;
  GSpawnFlags flags = request_get_flags (request);
  GSpawnChildSetupFunc setup = get_setup (call);
  int fds[3];

  for (int i = 0; i < 3; i++)
    fds[i] = request_get (request, ASPECT_INPUT_FD + i);

  switch (request_get (request, ASPECT_FUNCTION))
    {
    case FUNCTION_ASYNC:
      call->success = g_spawn_async (call->directory, call->argv, call->envp, flags, setup,
                                     get_setup_data (call), pid, error);
      break;
    case FUNCTION_PIPES:
      call->success = g_spawn_async_with_pipes (call->directory, call->argv, call->envp, flags,
                                                setup, get_setup_data (call), pid, pipes[0],
                                                pipes[1], pipes[2], error);
      break;
    case FUNCTION_FDS:
      call->success = g_spawn_async_with_fds (call->directory, call->argv, call->envp, flags,
                                              setup, get_setup_data (call), pid, fds[0], fds[1],
                                              fds[2], error);
      break;
    case FUNCTION_LINE_ASYNC:
      call->success = g_spawn_command_line_async (call->line, error);
      break;
    default:
      call->success = g_spawn_async_with_pipes_and_fds (
        call->directory, (const char *const *) call->argv, (const char *const *) call->envp,
        flags, setup, get_setup_data (call), fds[0], fds[1], fds[2],
        call->n_mapped > 0 ? call->sources : NULL, call->n_mapped > 0 ? call->targets : NULL,
        call->n_mapped, pid, pipes[0], pipes[1], pipes[2], error);
    }
}

static void
call_template (Call    *call,
               GError **error)
{
  const Request *request = &call->request;
  TemplateCall description = {
    (const char *const *) call->argv, (const char *const *) call->envp, call->directory,
    request_get_flags (request), call->attributes, { -1, -1, -1 }, { FALSE }, call->sources,
    call->targets, call->n_mapped
  };

  for (int i = 0; i < 3; i++)
    {
      description.fds[i] = request_get (request, ASPECT_INPUT_FD + i);
      description.pipes[i] = request_get (request, ASPECT_INPUT_PIPE + i);
    }
  call->process = template_call (&description, error);
  call->success = call->process != NULL;
  if (call->process == NULL)
    return;

  call->pid = gspawn_process_get_pid (call->process);
  for (int i = 0; i < 3; i++)
    if (description.pipes[i])
      call->pipes[i] = gspawn_process_steal_pipe (call->process, i);
}

static void
call_sync (Call    *call,
           GError **error)
{
  const Request *request = &call->request;
  char **output = request_get (request, ASPECT_OUTPUT_PIPE) ? &call->outputs[1] : NULL;
  char **errors = request_get (request, ASPECT_ERRORS_PIPE) ? &call->outputs[2] : NULL;
  int *status = request_get (request, ASPECT_STATUS) ? NULL : &call->status;

  if (request_get (request, ASPECT_FUNCTION) == FUNCTION_LINE_SYNC)
    call->success = g_spawn_command_line_sync (call->line, output, errors, status, error);
  else
    call->success = g_spawn_sync (call->directory, call->argv, call->envp,
                                  request_get_flags (request), get_setup (call),
                                  get_setup_data (call), output,
                                  errors, status, error);
}

/* Who is asked: only an engine has templates. */
static gboolean
is_gspawn (void)
{
  return g_strcmp0 (g_getenv ("GSPAWN_ENGINE"), "none") != 0;
}

static void
make_call (Call *call)
{
  const Request *request = &call->request;
  GError **error = request_get (request, ASPECT_ERROR) ? NULL : &call->error;
  GPid *pid = request_get (request, ASPECT_PID) ? NULL : &call->pid;
  int *pipes[3];

  for (int i = 0; i < 3; i++)
    pipes[i] = request_get (request, ASPECT_INPUT_PIPE + i) ? &call->pipes[i] : NULL;

  if (request_get (request, ASPECT_TEMPLATE) && is_gspawn ())
    call_template (call, error);
  else if (request_is_sync (request))
    call_sync (call, error);
  else
    call_async (call, pid, pipes, error);
}

static void
note_text (Call       *call,
           const char *key,
           const char *text)
{
  g_autofree char *sum = NULL;

  if (text == NULL || text == untouched_text)
    {
      note (call, key, "%s", text == NULL ? "NULL" : text);
      return;
    }

  sum = g_compute_checksum_for_string (G_CHECKSUM_MD5, text, -1);
  note (call, key, "%zu bytes, %s, “%.*s”", strlen (text), sum, EXCERPT, text);
}

static void
note_pipe (Call *call,
           int   stream)
{
  g_autofree char *key = g_strdup_printf ("call.pipe-%d", stream);
  g_autofree char *inode_key = g_strdup_printf ("raw.pipe-%d", stream);
  g_autofree char *number_key = g_strdup_printf ("call.number-%d", stream);
  static const char *const accesses[] = { "read", "write", "both" };
  int fd = call->pipes[stream];
  struct stat st;

  if (fd == UNTOUCHED)
    note (call, key, "untouched");
  else if (fstat (fd, &st) < 0)
    note (call, key, "closed");
  else
    {
      note (call, key, "%s %s flags %d", S_ISFIFO (st.st_mode) ? "pipe" : "no pipe",
            accesses[fcntl (fd, F_GETFL) & O_ACCMODE], fcntl (fd, F_GETFD));
      /* That of a template comes later. */
      if (!request_get (&call->request, ASPECT_TEMPLATE))
        note (call, number_key, "%d", fd);
      note (call, inode_key, "%" G_GUINT64_FORMAT, (guint64) st.st_ino);
    }
}

static void
note_call (Call *call)
{
  note (call, "call.return", "%s", call->success ? "TRUE" : "FALSE");
  if (call->error != NULL)
    note (call, "call.error", "%s/%d/%s", g_quark_to_string (call->error->domain),
          call->error->code, call->error->message);
  else
    note (call, "call.error", "none");
  if (call->pid == UNTOUCHED)
    note (call, "call.pid", "untouched");
  else
    note (call, "call.pid", "%s", call->pid > 0 ? "a process" : "no process");
  note (call, "raw.pid", "%d", (int) call->pid);
  for (int i = 0; i < 3; i++)
    note_pipe (call, i);
  note_text (call, "call.output", call->outputs[1]);
  note_text (call, "call.errors", call->outputs[2]);
  note (call, "call.status", "%d", call->status);
}

/* A child that has ended by now must not end the caller, whose signals stay as they are. */
static void
write_input (int fd)
{
  const struct timespec now = { 0, 0 };
  sigset_t set, old, pending;

  sigpending (&pending);
  sigemptyset (&set);
  sigaddset (&set, SIGPIPE);
  pthread_sigmask (SIG_BLOCK, &set, &old);
  if (write (fd, "given", 5) < 0 && errno == EPIPE && sigismember (&pending, SIGPIPE) != 1)
    sigtimedwait (&set, NULL, &now);
  pthread_sigmask (SIG_SETMASK, &old, NULL);
  close (fd);
}

static char *
read_output (int fd)
{
  g_autoptr (GString) text = g_string_new (NULL);
  char block[4096];
  ssize_t n;

  while ((n = read (fd, block, sizeof block)) != 0)
    if (n > 0)
      g_string_append_len (text, block, n);
    else if (errno != EINTR)
      return g_strdup (g_strerror (errno));
  close (fd);

  return g_strdup (text->str);
}

static void
use_pipes (Call *call)
{
  if (call->pipes[0] != UNTOUCHED)
    write_input (call->pipes[0]);
  for (int i = 1; i < 3; i++)
    if (call->pipes[i] != UNTOUCHED)
      {
        g_autofree char *key = g_strdup_printf ("read.pipe-%d", i);
        g_autofree char *text = read_output (call->pipes[i]);

        note_text (call, key, text);
      }
}

static void
await_child (Call *call)
{
  /* Where the process is not told there is only one that it can be. */
  pid_t wanted = request_get (&call->request, ASPECT_PID) ? -1 : call->pid;
  int status = 0;
  pid_t pid;

  if (call->process != NULL)
    {
      if (gspawn_process_wait (call->process, &status, NULL))
        note (call, "wait", "status %d", status);
      g_clear_pointer (&call->process, gspawn_process_unref);
      return;
    }
  if (!call->success || wanted == 0 || !request_get (&call->request, ASPECT_DO_NOT_REAP))
    return;

  do
    pid = waitpid (wanted, &status, 0);
  while (pid < 0 && errno == EINTR);
  if (pid < 0)
    note (call, "wait", "%s", g_strerror (errno));
  else
    note (call, "wait", "status %d", status);
}

static guint
count_threads (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/task", 0, NULL);
  guint n = 0;

  while (dir != NULL && g_dir_read_name (dir) != NULL)
    n++;

  return n;
}

static void
note_left (Call  *call,
           Guard *guard,
           guint  n_threads)
{
  g_autofree char *diff = guard_diff (guard);

  note (call, "left.state", "%s", diff != NULL ? diff : "as before");
  for (int number = 1; number <= 64; number++)
    {
      g_autofree char *key = g_strdup_printf ("left.signal-%d", number);
      g_autofree char *text = stage_describe_signal (number);

      if (text != NULL)
        note (call, key, "%s", text);
    }
  note (call, "left.threads", "%d", (int) (count_threads () - n_threads));
  for (guint i = 0; i < log_messages->len; i++)
    {
      const char *message = g_ptr_array_index (log_messages, i);
      g_autofree char *key = g_strdup_printf ("log.%u", i);

      note (call, strstr (message, "GSPAWN_TRACE: cannot write") != NULL ? "raw.untraced" : key,
            "%s", message);
    }
}

static void
close_streams (const Request *request)
{
  for (int fd = 0; fd < 3; fd++)
    if (request_get (request, ASPECT_CLOSED) & (1 << fd))
      close (fd);
}

static gpointer
perform (gpointer data)
{
  Call *call = data;
  Guard *guard;
  guint n_threads;

  close_streams (&call->request);
  guard = guard_take ();
  n_threads = count_threads ();

  stage_limit_descriptors (&call->request);
  make_call (call);
  stage_unlimit_descriptors ();

  note_call (call);
  use_pipes (call);
  await_child (call);
  note_left (call, guard, n_threads);

  return NULL;
}

/* Somebody has it open for writing. */
static void
hold_busy_program (const Call *call)
{
  g_autofree char *path = g_strdup_printf ("%s/bin/busy" SCENE_PROGRAM_SUFFIX, call->scene);

  if (request_is (&call->request, ASPECT_PROGRAM, "busy"))
    stage_move_up (open (path, O_WRONLY));
}

static void
call_init (Call       *call,
           const char *scene)
{
  g_autofree char *outcome = g_strdup_printf ("%s/" SCENE_OUTCOME, scene);
  g_autofree char *look = g_strdup_printf ("%s/" SCENE_LOOK, scene);

  call->scene = scene;
  call->pid = call->status = UNTOUCHED;
  for (int i = 0; i < 3; i++)
    {
      call->pipes[i] = UNTOUCHED;
      call->outputs[i] = untouched_text;
    }
  call->argv = make_argv (call);
  call->envp = make_envp (call);
  call->line = make_line (call);
  call->directory = make_directory (call);
  call->n_mapped = request_get_map (&call->request, call->sources, call->targets);

  stage_set_up (&call->request, scene);
  call->attributes = attributes_make (&call->request, scene);
  call->outcome_fd = stage_move_up (open (outcome, O_WRONLY | O_APPEND));
  look_fd = stage_move_up (open (look, O_WRONLY | O_APPEND));
  hold_busy_program (call);
}

int
main (int    argc,
      char **argv)
{
  g_autoptr (GError) error = NULL;
  Call call = { 0 };

  if (argc != 3 || !request_parse (&call.request, argv[2], &error))
    {
      g_printerr ("%s\n", error != NULL ? error->message : "Wants a scene and a request");
      return 2;
    }

  log_messages = g_ptr_array_new ();
  g_log_set_always_fatal (G_LOG_FATAL_MASK);
  call_init (&call, argv[1]);
  g_log_set_default_handler (record_message, NULL);
  stage_run_in_thread (&call.request, perform, &call);

  return 0;
}
