/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Callers in the midst of something: in threads that end or are cancelled, after a fork(), stopped
 * by the terminal, without memory, given other processes' orphans. */
#include "gspawn-engines.h"
#include "guard.h"
#include "isolation.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static gpointer
spawn_in_thread (G_GNUC_UNUSED gpointer data)
{
  assert_runs ("exit 0");

  return NULL;
}

static guint
count_mappings (void)
{
  g_autofree char *maps = NULL;
  guint n = 0;

  g_file_get_contents ("/proc/self/maps", &maps, NULL, NULL);
  for (const char *p = maps; *p != '\0'; p++)
    n += *p == '\n';

  return n;
}

/* The memory of a launch is kept per thread, not longer. */
static void
test_thread_exit (void)
{
  guint before;

  g_test_summary ("A thread that ends gives back the memory of its launches");

#if defined(__SANITIZE_THREAD__)
  g_test_skip ("the sanitizer keeps memory of its own for threads that have ended");
  return;
#endif

  if (!in_subprocess ())
    return;

  for (int i = 0; i < 10; i++)
    g_thread_join (g_thread_new ("spawn", spawn_in_thread, NULL));
  before = count_mappings ();
  for (int i = 0; i < 50; i++)
    g_thread_join (g_thread_new ("spawn", spawn_in_thread, NULL));
  g_assert_cmpuint (count_mappings (), <=, before + 5);
}

/* A process that fork() made of one that has launched before. */
static void
test_after_fork (void)
{
  int status;
  pid_t pid;

  g_test_summary ("A process made by fork() can launch when its maker has launched before");

  assert_runs ("exit 0");
  pid = fork ();
  g_assert_no_errno (pid);
  if (pid == 0)
    {
      assert_runs ("exit 0");
      _exit (0);
    }
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 0);
}

static void *
cancelled_thread (void *data)
{
  const int *source = data;
  const char *argv[] = { "/bin/sh", "-c", "echo >&3; read -r line", NULL };
  int target = 3;
  int input;

  pthread_setcanceltype (PTHREAD_CANCEL_DEFERRED, NULL);
  /* A cancellation that is pending from the start must find nothing to interrupt in here. */
  pthread_cancel (pthread_self ());
  if (g_spawn_async_with_pipes_and_fds (NULL, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, -1, -1, -1,
                                        source, &target, 1, NULL, &input, NULL, NULL, NULL))
    close (input);
  pthread_testcancel ();

  return NULL;
}

static void
test_cancellation (void)
{
  int ends[2];
  pthread_t thread;
  void *result;
  char byte;

  g_test_summary ("A pending cancellation does not act in a launch");

  g_assert_no_errno (pipe2 (ends, O_CLOEXEC));
  g_assert_cmpint (pthread_create (&thread, NULL, cancelled_thread, &ends[1]), ==, 0);
  g_assert_cmpint (pthread_join (thread, &result), ==, 0);
  g_assert_true (result == PTHREAD_CANCELED);
  close (ends[1]);
  /* It did start the program, and closed the pipe to it. */
  g_assert_cmpint (read (ends[0], &byte, 1), ==, 1);
  close (ends[0]);
}

/* The job of the next test. It launches twice, the second time under the eyes of the test. */
static G_GNUC_NORETURN void
traced_main (GSpawnFlags flags)
{
  const char *argv[] = { "/bin/true", NULL };

  /* What is probed but once is none of the test's business. */
  assert_runs ("exit 0");
  ptrace (PTRACE_TRACEME, 0, NULL, NULL);
  raise (SIGSTOP);
  _exit (g_spawn_async (NULL, (char **) argv, NULL, flags, NULL, NULL, NULL, NULL) ? 0 : 1);
}

/* Follows @job to its end. The program's process, which comes after one in the middle if @reaped, is
 * given a stop of the terminal's at its birth, when no signal can take effect yet, and let go. */
static int
follow (pid_t    job,
        gboolean reaped)
{
  pid_t middle = 0;
  int status;
  pid_t pid;

  while ((pid = waitpid (-1, &status, __WALL)) > 0)
    {
      if (pid == job && !WIFSTOPPED (status))
        return status;
      if (pid != job && middle == 0 && reaped)
        middle = pid;

      if (!WIFSTOPPED (status))
        continue;
      if (pid == job || pid == middle)
        ptrace (PTRACE_CONT, pid, NULL, NULL);
      else
        {
          g_assert_no_errno (kill (pid, SIGTSTP));
          ptrace (PTRACE_DETACH, pid, NULL, NULL);
        }
    }

  return -1;
}

static void
test_stop (gconstpointer data)
{
  const long options = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
                       PTRACE_O_EXITKILL;
  int status;
  pid_t job;

  g_test_summary ("A stop from the terminal before exec does not keep the caller waiting");

  job = fork ();
  g_assert_no_errno (job);
  if (job == 0)
    traced_main (GPOINTER_TO_UINT (data));

  g_assert_cmpint (waitpid (job, &status, 0), ==, job);
  g_assert_no_errno (ptrace (PTRACE_SETOPTIONS, job, NULL, options));
  g_assert_no_errno (ptrace (PTRACE_CONT, job, NULL, NULL));
  status = follow (job, (GPOINTER_TO_UINT (data) & G_SPAWN_DO_NOT_REAP_CHILD) == 0);
  g_assert_cmpint (status, ==, 0);
}

/* The first launch wants memory of its own, and must do without. */
static void
test_no_memory (gconstpointer data)
{
  const char *argv[] = { "/bin/true", NULL };
  struct rlimit limit = { 0, RLIM_INFINITY };
  g_autoptr (GError) error = NULL;
  struct rlimit old;

  g_test_summary ("The first launch works when no more memory can be mapped");

  if (!g_test_subprocess () && !gspawn_engine_is_available (GSPAWN_ENGINE_CLONE, NULL))
    {
      g_test_skip ("posix_spawn() of libc maps a stack");
      return;
    }
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  g_test_skip ("the sanitizer wants to map memory itself");
  return;
#endif
  if (!in_subprocess ())
    return;

  /* So that the heap has room. */
  g_free (g_malloc (100 * 1000));
  g_assert_no_errno (getrlimit (RLIMIT_AS, &old));
  g_assert_no_errno (setrlimit (RLIMIT_AS, &limit));
  g_spawn_async (NULL, (char **) argv, NULL, GPOINTER_TO_UINT (data), NULL, NULL, NULL, &error);
  g_assert_no_errno (setrlimit (RLIMIT_AS, &old));
  /* The program inherits the limit and cannot be loaded, but it has been executed. */
  g_assert_no_error (error);
  while (waitpid (-1, NULL, 0) > 0)
    ;
}

/* As the first process of a container is. */
static void
test_subreaper (gconstpointer data)
{
  const char *argv[] = { "/nonexistent/program", NULL };
  g_autoptr (GError) error = NULL;

  g_test_summary ("A failed launch leaves no orphan to a caller who is given orphans");

  g_assert_no_errno (prctl (PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
  g_assert_false (g_spawn_async (NULL, (char **) argv, NULL, GPOINTER_TO_UINT (data), NULL, NULL,
                                 NULL, &error));
  g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT);
  g_assert_cmpint (waitpid (-1, NULL, WNOHANG), ==, -1);
  g_assert_cmpint (errno, ==, ECHILD);
  g_assert_no_errno (prctl (PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0));
}

static const struct {
  const char *name;
  GSpawnFlags flags;
} kinds[] = {
  { "reaped", G_SPAWN_DEFAULT },
  { "waited", G_SPAWN_DO_NOT_REAP_CHILD },
};

static void
add_kinds (const char    *prefix,
           GTestDataFunc  test)
{
  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      g_autofree char *path = g_strdup_printf ("%s/%s", prefix, kinds[i].name);

      guard_add_data_func (path, GUINT_TO_POINTER (kinds[i].flags), test);
    }
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  /* The first thread makes libc handle a signal, which a guard would notice. */
  g_test_add_func ("/caller/thread-exit", test_thread_exit);
  g_test_add_func ("/caller/cancellation", test_cancellation);
  guard_add_func ("/caller/after-fork", test_after_fork);
  add_kinds ("/caller/stop", test_stop);
  add_kinds ("/caller/no-memory", test_no_memory);
  add_kinds ("/caller/subreaper", test_subreaper);

  return g_test_run ();
}
