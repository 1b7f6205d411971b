/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * The process that launches while something goes wrong. Between its marks it does nothing but the
 * launch; before and after that it looks at itself, and in the end launches once more. */
#include "fault-caller.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault-template.h"
#include "guard.h"

#define HEAP_SIZE (1024 * 1024)
#define N_FILES 512
#define FIRST_FILE 10
#define N_MAPPED_FILES 5
/* One that a program must not see. */
#define STRAY_FD 20
#define INPUT "input"
#define MAX_WORDS 12
#define NOBODY 65534

static FaultResult *the_result;
static pid_t own_pid;
static int setup_calls;

static void
must (gboolean    success,
      const char *what)
{
  if (!success)
    g_error ("%s: %s", what, g_strerror (errno));
}

static void
open_file (const FaultScene *scene,
           const char       *name,
           int               fd)
{
  g_autofree char *path = g_build_filename (scene->directory, name, NULL);
  int opened = open (path, O_RDWR | O_CREAT, 0600);

  must (opened >= 0, path);
  if (opened != fd)
    {
      must (dup2 (opened, fd) == fd, path);
      close (opened);
    }
}

static void
open_files (const FaultScene *scene)
{
  static const char *const streams[] = { "in", "out", "err" };

  closefrom (STDERR_FILENO + 1);
  for (int fd = 0; fd < 3; fd++)
    open_file (scene, streams[fd], fd);
  for (int i = 0; i < N_MAPPED_FILES; i++)
    {
      char name[] = { (char) ('a' + i), '\0' };

      open_file (scene, name, FIRST_FILE + i);
      must (fcntl (FIRST_FILE + i, F_SETFD, FD_CLOEXEC) == 0, name);
    }
  open_file (scene, "stray", STRAY_FD);
}

/* An element with a '@' is below the scene's directory. */
static char *
expand_path (const FaultScene *scene,
             const char       *path)
{
  g_auto (GStrv) parts = g_strsplit (path, "@", -1);
  g_autofree char *prefix = g_strconcat (scene->directory, "/", NULL);

  return g_strjoinv (prefix, parts);
}

static void
set_environment (const FaultScene *scene,
                 const FaultRun   *run)
{
  g_autofree char *path = expand_path (scene, run->shape->path != NULL ? run->shape->path
                                                                      : "/usr/bin:/bin");
  g_autofree char *trace = g_build_filename (scene->directory, "trace", NULL);

  clearenv ();
  g_setenv ("PATH", path, TRUE);
  g_setenv ("PWD", "/", TRUE);
  g_setenv ("LC_ALL", "C.UTF-8", TRUE);
  g_setenv ("GSPAWN_ENGINE", run->engine, TRUE);
  if (run->shape->traced)
    g_setenv ("GSPAWN_TRACE", trace, TRUE);
}

static void
on_signal (int number G_GNUC_UNUSED)
{
  if (syscall (SYS_getpid) == own_pid)
    the_result->n_handled++;
  else
    the_result->n_handled_elsewhere++;
}

/* What the program must have, and must not: one signal ignored that stays so, one that does not,
 * one blocked, one handled. */
static void
set_signals (const FaultRun *run)
{
  struct sigaction action = { .sa_handler = on_signal,
                              .sa_flags = run->restarts ? SA_RESTART : 0 };
  sigset_t set;

  signal (SIGALRM, SIG_DFL);
  signal (SIGUSR2, SIG_IGN);
  signal (SIGPIPE, SIG_IGN);
  sigaction (FAULT_SIGNAL_NUMBER, &action, NULL);
  sigemptyset (&set);
  sigaddset (&set, SIGWINCH);
  sigprocmask (SIG_SETMASK, &set, NULL);
}

/* libc shall not ask the kernel for memory in the middle of a launch. */
static void
settle_heap (void)
{
  gpointer block;

  mallopt (M_MMAP_THRESHOLD, 2 * HEAP_SIZE);
  mallopt (M_TRIM_THRESHOLD, 64 * HEAP_SIZE);
  block = malloc (HEAP_SIZE);
  must (block != NULL, "malloc");
  memset (block, 1, HEAP_SIZE);
  free (block);
}

/* Memory is private then, which the caller of a launch by nobody is not. */
static void
give_up_privileges (void)
{
  must (setgroups (0, NULL) == 0 && setresgid (NOBODY, NOBODY, NOBODY) == 0 &&
        setresuid (NOBODY, NOBODY, NOBODY) == 0, "setresuid");
  must (prctl (PR_SET_DUMPABLE, 1, 0, 0, 0) == 0, "PR_SET_DUMPABLE");
}

static gpointer
do_nothing (gpointer data)
{
  return data;
}

/* libc has handlers of its own in a process that has had a thread. */
static void
settle_threads (void)
{
  g_thread_join (g_thread_new ("nothing", do_nothing, NULL));
}

static void
record_message (const char     *domain,
                GLogLevelFlags  level,
                const char     *message,
                gpointer        data G_GNUC_UNUSED)
{
  if ((level & (G_LOG_LEVEL_ERROR | G_LOG_FLAG_FATAL)) != 0)
    g_log_default_handler (domain, level, message, NULL);
  else
    snprintf (the_result->log, sizeof the_result->log, "%s: %s", domain, message);
}

/*
 * fault_caller_settle: (skip)
 * @scene: the files
 * @run: what will be done
 *
 * Makes this process what every run begins with.
 */
void
fault_caller_settle (const FaultScene *scene,
                     const FaultRun   *run)
{
  const FaultShape *shape = run->shape;
  rlim_t n_files = (rlim_t) (shape->n_files > 0 ? shape->n_files : N_FILES);
  const struct rlimit limit = { n_files, n_files };
  const struct rlimit no_core = { 0, 0 };

  own_pid = getpid ();
  open_files (scene);
  must (setrlimit (RLIMIT_NOFILE, &limit) == 0, "RLIMIT_NOFILE");
  must (setrlimit (RLIMIT_CORE, &no_core) == 0, "RLIMIT_CORE");
  must (chdir (scene->directory) == 0, scene->directory);
  set_environment (scene, run);
  set_signals (run);
  if (shape->subreaper)
    must (prctl (PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0, "PR_SET_CHILD_SUBREAPER");
  g_log_set_always_fatal (G_LOG_FATAL_MASK);
  g_log_set_default_handler (record_message, NULL);
  settle_heap ();
  if (shape->way == WAY_BEGIN)
    settle_threads ();
  if (shape->way == WAY_BEGIN && getuid () == 0)
    give_up_privileges ();
}

static void
on_setup (gpointer data)
{
  int *calls = data;

  (*calls)++;
}

/* The program and what it is told; strings that are made are never freed. */
static void
fill_argv (const FaultScene  *scene,
           const FaultShape  *shape,
           const char       **argv)
{
  guint n = 0;

  switch (shape->program)
    {
    case PROGRAM_SEARCHED:
      argv[n++] = "program";
      break;
    case PROGRAM_MISSING:
      argv[n++] = g_build_filename (scene->directory, "none", "program", NULL);
      break;
    case PROGRAM_SCRIPT:
      argv[n++] = g_build_filename (scene->directory, "script", "program", NULL);
      break;
    case PROGRAM_PROBE:
    default:
      argv[n++] = scene->probe;
      break;
    }

  argv[n++] = "report";
  argv[n++] = scene->report_path;
  if (shape->pipes[0])
    {
      argv[n++] = "copy";
      argv[n++] = "0";
      argv[n++] = "1";
    }
  if (shape->sync || shape->pipes[1])
    {
      argv[n++] = "print";
      argv[n++] = "1";
      argv[n++] = "+output";
    }
  argv[n] = NULL;
  g_assert (n < MAX_WORDS);
}

typedef struct {
  const char *argv[MAX_WORDS];
  char *directory;
  int streams[3];
  int pipe_fds[3];
  GSpawnAttributes *attributes;
  GSpawnTemplate *tmpl;
  GSpawnProcess *process;
  char *output;
  char *errors;
} Call;

static void
call_init (Call             *call,
           const FaultScene *scene,
           const FaultRun   *run)
{
  const FaultShape *shape = run->shape;

  *call = (Call) { .pipe_fds = { -1, -1, -1 } };
  fill_argv (scene, shape, call->argv);
  if (shape->directory != NULL)
    call->directory = g_build_filename (scene->directory, shape->directory, NULL);
  for (int i = 0; i < 3; i++)
    call->streams[i] = shape->streams[i] - 1;
  call->attributes = fault_attributes_new (shape->attributes, scene->directory, shape->optional,
                                           run->left_out);
}

/* Where a launch that has begun can be held up. */
static void
at_stage (void)
{
  syscall (SYS_tgkill, own_pid, own_pid, 0);
}

static gboolean
call_run_template (Call            *call,
                   const FaultRun  *run,
                   FaultResult     *result,
                   GError         **error)
{
  call->process = fault_template_launch (g_steal_pointer (&call->tmpl), run, at_stage, error);
  if (call->process == NULL)
    return FALSE;

  result->pid = gspawn_process_get_pid (call->process);
  for (int i = 0; i < 3; i++)
    if (run->shape->pipes[i])
      call->pipe_fds[i] = gspawn_process_steal_pipe (call->process, i);

  return TRUE;
}

static gboolean
call_run (Call            *call,
          const FaultRun  *run,
          FaultResult     *result,
          GError         **error)
{
  const FaultShape *shape = run->shape;
  GSpawnChildSetupFunc setup = shape->setup ? on_setup : NULL;
  gpointer data = &setup_calls;

  if (call->attributes != NULL)
    {
      setup = gspawn_attributes_child_setup;
      data = call->attributes;
    }

  if (shape->way != WAY_FUNCTION)
    return call_run_template (call, run, result, error);
  if (shape->sync)
    return g_spawn_sync (call->directory, (char **) call->argv, NULL, shape->flags, setup,
                         data, &call->output, &call->errors, &result->wait_status, error);

  return g_spawn_async_with_pipes_and_fds (call->directory, call->argv, NULL, shape->flags, setup,
                                           data, call->streams[0], call->streams[1],
                                           call->streams[2], shape->sources, shape->targets,
                                           shape->n_mapped, &result->pid,
                                           shape->pipes[0] ? &call->pipe_fds[0] : NULL,
                                           shape->pipes[1] ? &call->pipe_fds[1] : NULL,
                                           shape->pipes[2] ? &call->pipe_fds[2] : NULL, error);
}

/* A tracer begins and ends here what it watches. */
static void
mark (void)
{
  syscall (SYS_tgkill, own_pid, own_pid, SIGSTOP);
}

static gboolean
launch_limited (Call            *call,
                const FaultRun  *run,
                FaultResult     *result,
                GError         **error)
{
  gboolean success;

  if (run->limit->impose != NULL)
    run->limit->impose (run->value);
  success = call_run (call, run, result, error);
  if (run->limit->lift != NULL)
    run->limit->lift ();

  return success;
}

static gboolean
launch_watched (Call            *call,
                const FaultRun  *run,
                FaultResult     *result,
                GError         **error)
{
  gboolean success;

  if (run->shape->way != WAY_FUNCTION)
    call->tmpl = fault_template_new (run->shape, call->argv, call->directory, call->streams,
                                     call->attributes);
  mark ();
  success = call_run (call, run, result, error);
  mark ();

  return success;
}

static void
note_error (FaultResult  *result,
            const GError *error)
{
  if (error == NULL)
    return;

  g_strlcpy (result->domain, g_quark_to_string (error->domain), sizeof result->domain);
  g_strlcpy (result->message, error->message, sizeof result->message);
  result->code = error->code;
}

/* Appends all that comes over a pipe. */
static void
read_pipe (int   fd,
           char *text,
           gsize size)
{
  gsize length = strlen (text);
  gssize n;

  if (fd < 0)
    return;
  while (length < size - 1 && (n = read (fd, text + length, size - 1 - length)) != 0)
    {
      must (n > 0 || errno == EINTR, "read");
      length += (gsize) MAX (n, 0);
    }
  text[length] = '\0';
  close (fd);
}

static void
use_pipes (Call        *call,
           FaultResult *result)
{
  /* A reader may have been killed. */
  if (call->pipe_fds[0] >= 0)
    {
      if (write (call->pipe_fds[0], INPUT, strlen (INPUT)) < 0)
        must (errno == EPIPE, "write");
      close (call->pipe_fds[0]);
    }
  for (int i = 1; i < 3; i++)
    read_pipe (call->pipe_fds[i], result->output, sizeof result->output);
  if (call->output != NULL)
    g_strlcpy (result->output, call->output, sizeof result->output);
}

static void
wait_for_program (Call        *call,
                  FaultResult *result)
{
  if (call->process != NULL)
    {
      must (gspawn_process_wait (call->process, &result->wait_status, NULL), "gspawn_process_wait");
      g_clear_pointer (&call->process, gspawn_process_unref);
      result->waited = TRUE;
      return;
    }

  while (waitpid (result->pid, &result->wait_status, 0) < 0)
    must (errno == EINTR, "waitpid");
  result->waited = TRUE;
}

/* How much is mapped, but for what malloc() and the stack grow by. */
static gint64
count_mapped (void)
{
  FILE *maps = fopen ("/proc/self/maps", "re");
  char line[512];
  gint64 sum = 0;

  must (maps != NULL, "/proc/self/maps");
  while (fgets (line, sizeof line, maps) != NULL)
    {
      guint64 begin, end;

      if (strstr (line, "[heap]") == NULL && strstr (line, "[stack]") == NULL &&
          sscanf (line, "%" G_GINT64_MODIFIER "x-%" G_GINT64_MODIFIER "x", &begin, &end) == 2)
        sum += (gint64) (end - begin);
    }
  fclose (maps);

  return sum;
}

/* One like it that nothing happens to, of a program that only ends. */
static gboolean
launch_plainly (const FaultScene  *scene,
                const FaultShape  *shape,
                GError           **error)
{
  const char *argv[] = { scene->probe, "nothing", NULL };
  int status;
  GPid pid;

  if (shape->way != WAY_FUNCTION)
    return fault_template_try (scene->probe, shape->way == WAY_BEGIN, error);
  if (!g_spawn_async (NULL, (char **) argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid,
                      error))
    return FALSE;
  while (waitpid (pid, &status, 0) < 0)
    must (errno == EINTR, "waitpid");

  return g_spawn_check_wait_status (status, error);
}

static void
set_streams_closed (const FaultScene *scene,
                    gboolean          closed)
{
  static const char *const names[] = { "in", "out", "err" };

  for (int fd = 0; fd < 3; fd++)
    if (closed)
      close (fd);
    else
      open_file (scene, names[fd], fd);
}

static void
warm_up (const FaultScene *scene,
         const FaultShape *shape)
{
  g_autoptr (GError) error = NULL;

  if (!shape->cold && !launch_plainly (scene, shape, &error))
    g_error ("Without a fault: %s", error->message);
}

/* Looks at what the launch has left, and tries another where that is not limited, too. */
static void
look_back (const FaultScene *scene,
           const FaultRun   *run,
           Guard            *guard,
           gint64            mapped,
           FaultResult      *result)
{
  g_autofree char *difference = guard_diff (guard);
  g_autoptr (GError) error = NULL;

  if (difference != NULL)
    g_strlcpy (result->difference, difference, sizeof result->difference);
  if ((run->limit == NULL || run->limit->enter == NULL) &&
      !launch_plainly (scene, run->shape, &error))
    g_strlcpy (result->later, error->message, sizeof result->later);
  result->growth = count_mapped () - mapped;
}

/*
 * fault_caller_perform: (skip)
 * @scene: the files
 * @run: what to do
 * @result: where to say what became of it
 *
 * Launches between two marks, or under a limit.
 */
void
fault_caller_perform (const FaultScene *scene,
                      const FaultRun   *run,
                      FaultResult      *result)
{
  const FaultShape *shape = run->shape;
  GError *error = NULL;
  gint64 mapped;
  Guard *guard;
  Call call;

  the_result = result;
  call_init (&call, scene, run);
  warm_up (scene, shape);
  result->log[0] = '\0';
  if (run->limit != NULL && run->limit->enter != NULL && !run->limit->enter (run->value))
    {
      result->refused = TRUE;
      return;
    }
  mapped = count_mapped ();
  if (shape->closed_streams)
    set_streams_closed (scene, TRUE);
  guard = guard_take ();

  result->success = run->limit != NULL ? launch_limited (&call, run, result, &error)
                                       : launch_watched (&call, run, result, &error);
  note_error (result, error);
  result->has_pid = result->pid != 0;
  use_pipes (&call, result);
  if (result->success && !shape->sync && (!fault_shape_reaps (shape) || shape->subreaper))
    wait_for_program (&call, result);
  look_back (scene, run, guard, mapped, result);
  result->complete = TRUE;
}
