/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* The situation that a request finds its caller in: descriptors, directory, environment, signals,
 * user, threads, limits. It is set up once in the life of a process, and only the limit on
 * descriptors is ever taken back. */

#include "differential-stage.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define N_FILES 4096
#define NOBODY 65534
#define FAR_FD 1000
#define N_FEW 3
#define N_MANY 24
#define LONG_NAME 5000
#define PATH_SIZE 4000

/* The kernel's own struct, into which every machine's fits; it begins with the handler. */
typedef struct {
  guintptr words[8];
} KernelAction;

static const struct {
  Aspect aspect;
  int number;
} signal_aspects[] = {
  { ASPECT_SIGINT, SIGINT },
  { ASPECT_SIGPIPE, SIGPIPE },
  { ASPECT_SIGCHLD, SIGCHLD },
  { ASPECT_SIGUSR1, SIGUSR1 },
  { ASPECT_SIGTSTP, SIGTSTP },
  { ASPECT_SIGHUP, SIGHUP },
  { ASPECT_SIG32, 32 },
  { ASPECT_SIG64, 64 },
};

static int handled[65];
static struct rlimit plenty = { N_FILES, N_FILES };

static void
must (gboolean    success,
      const char *what)
{
  int saved_errno = errno;

  if (!success)
    g_error ("%s: %s", what, g_strerror (saved_errno));
}

static char *
pad (const char *path,
     gsize       length)
{
  GString *padded = g_string_new (path);

  while (padded->len + 2 <= length)
    g_string_append (padded, "/.");

  return g_string_free (padded, FALSE);
}

static char *
repeat (const char *element,
        guint       n,
        const char *last)
{
  GString *path = g_string_new (NULL);

  while (n-- > 0)
    g_string_append (path, element);
  g_string_append (path, last);

  return g_string_free (path, FALSE);
}

/*
 * stage_make_search_path: (skip)
 * @scene: the scene's directory
 * @shape: a number of the aspect
 *
 * Returns: (transfer full) (nullable): a value for `PATH`, or %NULL where it is to be unset
 */
char *
stage_make_search_path (const char *scene,
                        int         shape)
{
  g_autofree char *bin = g_strdup_printf ("%s/bin", scene);
  g_autofree char *missing = g_strdup_printf ("%s/missing", scene);
  g_autofree char *long_name = g_strnfill (LONG_NAME, 'n');
  g_autofree char *long_missing = pad (missing, PATH_SIZE);
  g_autofree char *many = g_strdup_printf ("%s:", missing);
  static const char *const first[] = {
    [6] = "missing", [7] = "standard-input", [8] = "locked", [9] = "denied",
    [16] = "bin/loop" SCENE_PROGRAM_SUFFIX, [17] = "scripts",
  };

  switch (shape)
    {
    case 0: return g_steal_pointer (&bin);
    case 1: return NULL;
    case 2: return g_strdup ("");
    case 3: return g_strdup ("bin");
    case 4: return g_strconcat (":", bin, NULL);
    case 5: return g_strconcat (missing, ":", NULL);
    case 10: return g_strconcat (scene, "/denied", NULL);
    case 11: return g_strconcat (long_name, ":", bin, NULL);
    case 12: return g_strconcat (bin, ":", long_name, NULL);
    case 13: return g_strconcat (long_missing, ":", bin, NULL);
    case 14: return pad (bin, PATH_SIZE);
    case 15: return repeat (many, 100, bin);
    case 18: return g_strdup ("/bin:/usr/bin");
    default: return g_strconcat (scene, "/", first[shape], ":", bin, NULL);
    }
}

/*
 * stage_move_up: (skip)
 * @fd: (transfer full): a descriptor
 *
 * Returns: (transfer full): the same, close-on-exec and out of the way of every request
 */
int
stage_move_up (int fd)
{
  int moved = fcntl (fd, F_DUPFD_CLOEXEC, FIRST_OWN_FD);

  must (fd >= 0 && moved >= 0, "a descriptor of the caller's own");
  close (fd);

  return moved;
}

static void
open_at (const char *scene,
         const char *name,
         int         flags,
         int         fd)
{
  g_autofree char *path = g_strdup_printf ("%s/%s", scene, name);
  int opened = open (path, flags);

  must (opened >= 0, path);
  if (opened != fd)
    must (dup2 (opened, fd) == fd && close (opened) == 0, path);
}

/* 0, 1 and 2 are three different files, none of them /dev/null; 3 is free, as it is in most
 * callers, and 4 to 7 are not. */
static void
open_files (const Request *request,
            const char    *scene)
{
  static const char *const names[] = { "four", "five", "six", "seven" };
  int more = request_get (request, ASPECT_MORE_FILES);

  closefrom (STDERR_FILENO + 1);
  open_at (scene, "standard-input", O_RDONLY, STDIN_FILENO);
  open_at (scene, SCENE_OUTPUT, O_WRONLY | O_APPEND, STDOUT_FILENO);
  open_at (scene, SCENE_ERRORS, O_WRONLY | O_APPEND, STDERR_FILENO);
  for (int i = 0; i < 4; i++)
    open_at (scene, names[i], O_RDWR, 4 + i);
  must (fcntl (6, F_SETFD, FD_CLOEXEC) == 0, "six");

  if (more == 1)
    for (int fd = 100; fd < 200; fd++)
      open_at (scene, "more", O_RDONLY, fd);
  if (more == 2)
    open_at (scene, "more", O_RDONLY, FAR_FD);
  if (more == 3)
    open_at (scene, "more", O_RDONLY | O_CLOEXEC, 50);
}

static void
set_environment (const Request *request,
                 const char    *scene)
{
  static const char *const kept[] = {
    "GSPAWN_ENGINE", "GSPAWN_TRACE", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS",
  };
  g_autofree char *path = stage_make_search_path (scene, request_get (request, ASPECT_PATH));
  g_autofree char *steps = g_strdup_printf ("report %s/" SCENE_REPORT, scene);
  g_autoptr (GHashTable) values = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_free);

  for (guint i = 0; i < G_N_ELEMENTS (kept); i++)
    g_hash_table_insert (values, (char *) kept[i], g_strdup (g_getenv (kept[i])));
  clearenv ();
  for (guint i = 0; i < G_N_ELEMENTS (kept); i++)
    if (g_hash_table_lookup (values, kept[i]) != NULL)
      g_setenv (kept[i], g_hash_table_lookup (values, kept[i]), TRUE);

  g_setenv ("LC_ALL", "C.UTF-8", TRUE);
  g_setenv ("PROBE_STEPS", steps, TRUE);
  if (path != NULL)
    g_setenv ("PATH", path, TRUE);
  setlocale (LC_ALL, "");
}

static void
enter_home (const Request *request,
            const char    *scene)
{
  g_autofree char *bin = g_strdup_printf ("%s/bin", scene);
  g_autofree char *removed = g_strdup_printf ("%s/removed", scene);

  must (chdir (scene) == 0, scene);
  if (request_is (request, ASPECT_HOME, "bin"))
    must (chdir (bin) == 0, bin);
  if (request_is (request, ASPECT_HOME, "removed"))
    must (mkdir (removed, 0755) == 0 && chdir (removed) == 0 && rmdir (removed) == 0, removed);
}

static void
count_signal (int number)
{
  g_atomic_int_inc (&handled[number]);
}

static void
ignore_signal (int number)
{
  const KernelAction action = { { (guintptr) SIG_IGN } };

  must (syscall (SYS_rt_sigaction, number, &action, NULL, sizeof (guint64)) == 0, "rt_sigaction");
}

static void
set_signal (int number,
            int state)
{
  struct sigaction action = { .sa_handler = count_signal };
  sigset_t set;

  if (state == SIGNAL_IGNORED)
    ignore_signal (number);
  if (state == SIGNAL_HANDLED)
    must (sigaction (number, &action, NULL) == 0, "sigaction");
  if (state != SIGNAL_BLOCKED && state != SIGNAL_PENDING)
    return;

  sigemptyset (&set);
  sigaddset (&set, number);
  must (pthread_sigmask (SIG_BLOCK, &set, NULL) == 0, "pthread_sigmask");
  if (state == SIGNAL_PENDING)
    must (raise (number) == 0, "raise");
}

static void
set_signals (const Request *request)
{
  for (guint i = 0; i < G_N_ELEMENTS (signal_aspects); i++)
    set_signal (signal_aspects[i].number, request_get (request, signal_aspects[i].aspect));
}

/*
 * stage_describe_signal: (skip)
 * @number: a signal
 *
 * Returns: (transfer full) (nullable): how often it was handled, and whether it is pending here, or
 *   %NULL if neither
 */
char *
stage_describe_signal (int number)
{
  guint64 pending = 0;
  gboolean is_pending;

  must (syscall (SYS_rt_sigpending, &pending, sizeof pending) == 0, "rt_sigpending");
  is_pending = (pending >> (number - 1)) & 1;
  if (!is_pending && g_atomic_int_get (&handled[number]) == 0)
    return NULL;

  return g_strdup_printf ("handled %d%s", g_atomic_int_get (&handled[number]),
                          is_pending ? ", pending" : "");
}

static void
become_user (const Request *request)
{
  if (!request_is (request, ASPECT_USER, "nobody"))
    return;

  must (setgroups (0, NULL) == 0, "setgroups");
  must (setresgid (NOBODY, NOBODY, NOBODY) == 0, "setresgid");
  must (setresuid (NOBODY, NOBODY, NOBODY) == 0, "setresuid");
  must (prctl (PR_SET_DUMPABLE, 1, 0, 0, 0) == 0, "PR_SET_DUMPABLE");
}

/* Ends with the process. */
static gpointer
idle (gpointer data)
{
  for (;;)
    pause ();

  return data;
}

static void
start_threads (const Request *request)
{
  int kind = request_get (request, ASPECT_THREADS);
  int n = kind == THREADS_MANY ? N_MANY : kind == THREADS_NONE ? 0 : N_FEW;
  sigset_t all, old;

  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &old);
  for (int i = 0; i < n; i++)
    g_thread_unref (g_thread_new ("idle", idle, NULL));
  pthread_sigmask (SIG_SETMASK, &old, NULL);
}

/* What was opened before it is gone after it. */
void
stage_set_up (const Request *request,
              const char    *scene)
{
  struct rlimit no_core = { 0, 0 };

  must (setrlimit (RLIMIT_NOFILE, &plenty) == 0, "RLIMIT_NOFILE");
  must (setrlimit (RLIMIT_CORE, &no_core) == 0, "RLIMIT_CORE");
  open_files (request, scene);
  set_environment (request, scene);
  enter_home (request, scene);
  umask ((mode_t) request_get (request, ASPECT_UMASK));
  must (setpriority (PRIO_PROCESS, 0, request_get (request, ASPECT_NICE)) == 0, "setpriority");
  if (request_is (request, ASPECT_SESSION, "leader"))
    must (setsid () >= 0, "setsid");
  else
    must (setpgid (0, 0) == 0, "setpgid");
  become_user (request);
  start_threads (request);
}

static int
find_limit (int n_free)
{
  int fd = 0;

  for (; fd < N_FILES; fd++)
    if (fcntl (fd, F_GETFD) < 0 && n_free-- == 0)
      break;

  return fd;
}

void
stage_limit_descriptors (const Request *request)
{
  int room = request_get (request, ASPECT_ROOM);
  struct rlimit limit = plenty;

  if (room < 0)
    return;
  limit.rlim_cur = (rlim_t) find_limit (room);
  must (setrlimit (RLIMIT_NOFILE, &limit) == 0, "RLIMIT_NOFILE");
}

void
stage_unlimit_descriptors (void)
{
  must (setrlimit (RLIMIT_NOFILE, &plenty) == 0, "RLIMIT_NOFILE");
}

typedef struct {
  const Request *request;
  GThreadFunc func;
  gpointer data;
} Job;

static gpointer
run_job (gpointer data)
{
  const Job *job = data;

  set_signals (job->request);

  return job->func (job->data);
}

/*
 * stage_run_in_thread: (skip)
 * @request: the request
 * @func: what to do
 * @data: its argument
 *
 * Calls a function in the thread that the request names, with its signals as the request has them;
 * no other thread takes any signal.
 *
 * Returns: what the function returned
 */
gpointer
stage_run_in_thread (const Request *request,
                     GThreadFunc    func,
                     gpointer       data)
{
  Job job = { request, func, data };
  GThread *thread;
  sigset_t all;

  if (request_get (request, ASPECT_THREADS) != THREADS_OTHER)
    return run_job (&job);

  thread = g_thread_new ("caller", run_job, &job);
  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, NULL);

  return g_thread_join (thread);
}
