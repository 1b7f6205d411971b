/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/*
 * The ways of starting a program that the benchmarks compare.
 *
 * Each way is a function that returns when the caller may go on, and one that waits for the child,
 * which is never timed.  g_spawn_async() and GSubprocess stand here once: whose they are is
 * decided by the host, which has the drop-in loaded or not.
 */
#include "bench-ways.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench-child.h"
#include "bench-gio.h"
#include "bench-templates.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

/* Which GLib has always reset in the child. */
static const int reset_signals[] = { SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGPIPE };

static inline void
child_exec (const BenchRequest *request)
{
  char **candidate;

  for (candidate = request->candidates; *candidate != NULL; candidate++)
    execve (*candidate, request->argv, environ);

  _exit (127);
}

static gboolean
launch_nothing (const BenchRequest *request G_GNUC_UNUSED,
                BenchChild         *child)
{
  child->pid = 0;
  return TRUE;
}

/* The least that any way can do: no stream, no descriptor, no signal is touched. */
static gboolean
launch_vfork (const BenchRequest *request,
              BenchChild         *child)
{
  child->pid = vfork ();

  if (child->pid == 0)
    child_exec (request);

  return child->pid > 0;
}

/* What the kernel sees of the default request, with nothing around it: the least that a caller can
 * do for a child of a program with signal handlers and descriptors.  Must not store to memory that
 * the caller reads. */
static inline void
child_act (void)
{
  static const struct sigaction default_action = { .sa_handler = SIG_DFL };
  guint i;
  int fd;

  for (i = 0; i < G_N_ELEMENTS (reset_signals); i++)
    sigaction (reset_signals[i], &default_action, NULL);

  fd = open ("/dev/null", O_RDONLY);
  dup2 (fd, STDIN_FILENO);
  close (fd);
  syscall (SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
}

/* What the attributes of the request say, as a program does it that has none. */
static void
child_set_up (gpointer data G_GNUC_UNUSED)
{
  static const struct rlimit limit = { BENCH_CHILD_DESCRIPTORS, BENCH_CHILD_DESCRIPTORS };

  setsid ();
  setpgid (0, 0);
  setrlimit (RLIMIT_NOFILE, &limit);
  prctl (PR_SET_PDEATHSIG, SIGTERM);
}

static gboolean
vfork_with_actions (const BenchRequest *request,
                    gboolean            sets_up,
                    BenchChild         *child)
{
  sigset_t all;
  sigset_t mask;

  sigfillset (&all);
  sigprocmask (SIG_SETMASK, &all, &mask);
  child->pid = vfork ();

  if (child->pid == 0)
    {
      child_act ();
      if (sets_up)
        child_set_up (NULL);
      sigprocmask (SIG_SETMASK, &mask, NULL);
      child_exec (request);
    }

  sigprocmask (SIG_SETMASK, &mask, NULL);

  return child->pid > 0;
}

static gboolean
launch_vfork_actions (const BenchRequest *request,
                      BenchChild         *child)
{
  return vfork_with_actions (request, FALSE, child);
}

static gboolean
launch_vfork_attributes (const BenchRequest *request,
                         BenchChild         *child)
{
  return vfork_with_actions (request, TRUE, child);
}

static gboolean
launch_fork (const BenchRequest *request,
             BenchChild         *child)
{
  child->pid = fork ();

  if (child->pid == 0)
    child_exec (request);

  return child->pid > 0;
}

static void
init_spawn_actions (posix_spawn_file_actions_t *actions)
{
  posix_spawn_file_actions_init (actions);
  posix_spawn_file_actions_addopen (actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addclosefrom_np (actions, 3);
}

static void
init_spawn_attributes (posix_spawnattr_t *attributes)
{
  sigset_t set;
  guint i;

  sigemptyset (&set);
  for (i = 0; i < G_N_ELEMENTS (reset_signals); i++)
    sigaddset (&set, reset_signals[i]);

  posix_spawnattr_init (attributes);
  posix_spawnattr_setsigdefault (attributes, &set);
  posix_spawnattr_setflags (attributes, POSIX_SPAWN_SETSIGDEF);
}

/* What g_spawn_async() asks for by default, said to libc.  The actions are kept from one call to
 * the next, which is to its advantage. */
static gboolean
launch_posix_spawn (const BenchRequest *request,
                    BenchChild         *child)
{
  static posix_spawn_file_actions_t actions;
  static posix_spawnattr_t attributes;
  static gboolean initialized = FALSE;

  if (!initialized)
    {
      init_spawn_actions (&actions);
      init_spawn_attributes (&attributes);
      initialized = TRUE;
    }

  return (request->search ? posix_spawnp : posix_spawn) (&child->pid, request->argv[0], &actions,
                                                         &attributes, request->argv, environ) == 0;
}

static gboolean
spawn_async (const BenchRequest   *request,
             GSpawnFlags           flags,
             GSpawnChildSetupFunc  child_setup,
             gpointer              user_data,
             GPid                 *pid)
{
  g_autoptr(GError) error = NULL;

  if (request->search)
    flags |= G_SPAWN_SEARCH_PATH;

  if (!g_spawn_async (NULL, request->argv, NULL, flags, child_setup, user_data, pid, &error))
    {
      g_printerr ("g_spawn_async: %s\n", error->message);
      return FALSE;
    }

  return TRUE;
}

static gboolean
launch_async (const BenchRequest *request,
              BenchChild         *child)
{
  return spawn_async (request, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &child->pid);
}

static gboolean
launch_callback (const BenchRequest *request,
                 BenchChild         *child)
{
  return spawn_async (request, G_SPAWN_DO_NOT_REAP_CHILD, child_set_up, NULL, &child->pid);
}

static gboolean
launch_attributes (const BenchRequest *request,
                   BenchChild         *child)
{
  return spawn_async (request, G_SPAWN_DO_NOT_REAP_CHILD, gspawn_attributes_child_setup,
                      request->attributes, &child->pid);
}

static gboolean
launch_group_attributes (const BenchRequest *request,
                         BenchChild         *child)
{
  return spawn_async (request, G_SPAWN_DO_NOT_REAP_CHILD, gspawn_attributes_child_setup,
                      request->group_attributes, &child->pid);
}

/* Closes descriptors, and leaves all else as the bare loop does. */
static gboolean
launch_async_inheriting (const BenchRequest *request,
                         BenchChild         *child)
{
  return spawn_async (request, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_CHILD_INHERITS_STDIN, NULL,
                      NULL, &child->pid);
}

static gboolean
launch_reaped (const BenchRequest *request,
               BenchChild         *child G_GNUC_UNUSED)
{
  return spawn_async (request, G_SPAWN_DEFAULT, NULL, NULL, NULL);
}

/* All that a template can keep, said with each call. */
static gboolean
launch_pipes (const BenchRequest *request,
              BenchChild         *child)
{
  g_autoptr(GError) error = NULL;
  GSpawnFlags flags = G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_CLOEXEC_PIPES;

  if (request->search)
    flags |= G_SPAWN_SEARCH_PATH;

  if (!g_spawn_async_with_pipes (request->working_directory, request->argv, request->envp, flags,
                                 NULL, NULL, &child->pid, &child->pipes[0], &child->pipes[1],
                                 &child->pipes[2], &error))
    {
      g_printerr ("g_spawn_async_with_pipes: %s\n", error->message);
      return FALSE;
    }

  return TRUE;
}

static gboolean
launch_subprocess (const BenchRequest *request,
                   BenchChild         *child)
{
  g_autoptr(GError) error = NULL;

  child->subprocess = g_subprocess_newv ((const char * const *) request->argv,
                                         G_SUBPROCESS_FLAGS_NONE, &error);
  if (child->subprocess == NULL)
    g_printerr ("g_subprocess_newv: %s\n", error->message);

  return child->subprocess != NULL;
}

static gboolean
finish_nothing (BenchChild *child G_GNUC_UNUSED)
{
  return TRUE;
}

static gboolean
wait_for (pid_t pid)
{
  int status = 0;
  pid_t result;

  do
    result = waitpid (pid, &status, 0);
  while (result < 0 && errno == EINTR);

  return result > 0 && WIFEXITED (status) && WEXITSTATUS (status) == BENCH_CHILD_STATUS;
}

static gboolean
finish_child (BenchChild *child)
{
  return wait_for (child->pid);
}

static gboolean
finish_pipes (BenchChild *child)
{
  guint i;

  for (i = 0; i < G_N_ELEMENTS (child->pipes); i++)
    close (child->pipes[i]);

  return wait_for (child->pid);
}

/* A worker is the reaper of its orphans, so a child that nobody waits for still comes here. */
static gboolean
finish_orphan (BenchChild *child G_GNUC_UNUSED)
{
  return wait_for (-1);
}

static gboolean
finish_subprocess (BenchChild *child)
{
  gboolean finished;

  finished = g_subprocess_wait (child->subprocess, NULL, NULL)
             && g_subprocess_get_if_exited (child->subprocess)
             && g_subprocess_get_exit_status (child->subprocess) == BENCH_CHILD_STATUS;
  g_clear_object (&child->subprocess);

  return finished;
}

const BenchWay bench_ways[BENCH_N_WAYS] = {
  [BENCH_WAY_CONTROL] =
    { "control", "nothing started", BENCH_HOST_PLAIN, launch_nothing, finish_nothing },
  [BENCH_WAY_VFORK] =
    { "vfork", "bare vfork + execve", BENCH_HOST_PLAIN, launch_vfork, finish_child },
  [BENCH_WAY_VFORK_ACTIONS] =
    { "vfork-actions", "vfork + execve, same actions", BENCH_HOST_PLAIN, launch_vfork_actions,
      finish_child },
  [BENCH_WAY_VFORK_ATTRIBUTES] =
    { "vfork-attributes", "vfork + execve, same attributes", BENCH_HOST_PLAIN,
      launch_vfork_attributes, finish_child },
  [BENCH_WAY_FORK] =
    { "fork", "bare fork + execve", BENCH_HOST_PLAIN, launch_fork, finish_child },
  [BENCH_WAY_POSIX_SPAWN] =
    { "posix_spawn", "libc's posix_spawn, same actions", BENCH_HOST_PLAIN, launch_posix_spawn,
      finish_child },
  [BENCH_WAY_GLIB] =
    { "glib", "GLib's g_spawn_async", BENCH_HOST_PLAIN, launch_async, finish_child },
  [BENCH_WAY_GLIB_REAPED] =
    { "glib-reaped", "GLib's g_spawn_async, reaped", BENCH_HOST_PLAIN, launch_reaped,
      finish_orphan },
  [BENCH_WAY_GLIB_SUBPROCESS] =
    { "glib-subprocess", "GSubprocess over GLib", BENCH_HOST_PLAIN_GIO, launch_subprocess,
      finish_subprocess },
  [BENCH_WAY_GLIB_CALLBACK] =
    { "glib-callback", "GLib's g_spawn_async, callback", BENCH_HOST_PLAIN, launch_callback,
      finish_child },
  [BENCH_WAY_OURS_CLONE] =
    { "gspawn-clone", "gspawn, clone engine", BENCH_HOST_CLONE, launch_async, finish_child },
  [BENCH_WAY_OURS_CLONE_CLOSING] =
    { "gspawn-clone-closing", "gspawn, clone, stdin inherited", BENCH_HOST_CLONE,
      launch_async_inheriting, finish_child },
  [BENCH_WAY_OURS_POSIX_SPAWN] =
    { "gspawn-posix_spawn", "gspawn, posix_spawn engine", BENCH_HOST_POSIX_SPAWN, launch_async,
      finish_child },
  [BENCH_WAY_OURS_FORK] =
    { "gspawn-fork", "gspawn, fork engine", BENCH_HOST_FORK, launch_async, finish_child },
  [BENCH_WAY_OURS_REAPED] =
    { "gspawn-reaped", "gspawn, clone engine, reaped", BENCH_HOST_CLONE, launch_reaped,
      finish_orphan },
  [BENCH_WAY_OURS_SUBPROCESS] =
    { "gspawn-subprocess", "GSubprocess over gspawn", BENCH_HOST_CLONE_GIO, launch_subprocess,
      finish_subprocess },
  [BENCH_WAY_OURS_ATTRIBUTES] =
    { "gspawn-attributes", "gspawn, clone, attributes", BENCH_HOST_CLONE, launch_attributes,
      finish_child },
  [BENCH_WAY_OURS_GROUP_ATTRIBUTES] =
    { "gspawn-group-attributes", "gspawn, clone, without a session", BENCH_HOST_CLONE,
      launch_group_attributes, finish_child },
  [BENCH_WAY_OURS_PIPES] =
    { "gspawn-pipes", "g_spawn_async_with_pipes, ours", BENCH_HOST_CLONE, launch_pipes,
      finish_pipes },
  [BENCH_WAY_TEMPLATE] =
    { "template", "gspawn_template_launch", BENCH_HOST_CLONE, bench_template_launch,
      bench_template_finish_launch },
  [BENCH_WAY_BEGIN_ASYNCHRONOUS] =
    { "begin-asynchronous", "begin, asynchronous kind", BENCH_HOST_UNPRIVILEGED,
      bench_template_begin, bench_template_finish_asynchronous },
  [BENCH_WAY_BEGIN_WORKER] =
    { "begin-worker", "begin, worker kind (root)", BENCH_HOST_PRIVILEGED, bench_template_begin,
      bench_template_finish_worker },
  [BENCH_WAY_GIO_ASYNCHRONOUS] =
    { "gio-asynchronous", "launch_async, asynchronous kind", BENCH_HOST_UNPRIVILEGED,
      bench_gio_launch_async, bench_gio_finish_asynchronous },
};

gboolean
bench_way_find (const char *name,
                BenchWayId *way)
{
  guint i;

  for (i = 0; i < BENCH_N_WAYS; i++)
    {
      if (g_str_equal (bench_ways[i].name, name))
        {
          *way = i;
          return TRUE;
        }
    }

  return FALSE;
}

const char *
bench_host_get_engine (BenchHost host)
{
  static const char * const engines[BENCH_N_HOSTS] = {
    [BENCH_HOST_CLONE] = "clone",
    [BENCH_HOST_POSIX_SPAWN] = "posix_spawn",
    [BENCH_HOST_FORK] = "fork",
    [BENCH_HOST_CLONE_GIO] = "clone",
    [BENCH_HOST_PRIVILEGED] = "clone",
    [BENCH_HOST_UNPRIVILEGED] = "clone",
  };

  return engines[host];
}
