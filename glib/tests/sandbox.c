/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * What becomes of launches in a sandbox that forbids a system call, or hides a file system, from the
 * start or later. */
#include "gspawn-engines.h"
#include "guard.h"
#include "isolation.h"
#include "seccomp-profile.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* A shell can name no higher one. */
#define EXTRA_FD 9

/* Only where the caller is to wait in shared memory: fork() and threads stay. */
static const SeccompRule no_shared_clone[] = {
  SECCOMP_ALL (SYS_clone3, SECCOMP_FAIL (ENOSYS)),
  SECCOMP_IF_ANY (SYS_clone, 0, CLONE_VFORK, SECCOMP_FAIL (EPERM)),
  SECCOMP_END
};

/* A launch has no memory for its children's stacks. Threads ask for theirs without the second flag. */
static const SeccompRule no_stacks[] = {
  SECCOMP_IF_EQUAL (SYS_mmap, 3, MAP_STACK | MAP_NORESERVE, MAP_STACK | MAP_NORESERVE,
                    SECCOMP_FAIL (ENOMEM)),
  SECCOMP_END
};

static gboolean
skip_without_clone (void)
{
  const char *detail;

  /* The process of the test's own must come to it unprobed. */
  if (g_test_subprocess () || gspawn_engine_is_available (GSPAWN_ENGINE_CLONE, &detail))
    return FALSE;

  g_test_skip (detail);
  return TRUE;
}

/* A sandbox that cannot see the flags of clone3() lets it fail in one of these ways. */
static void
test_no_clone3 (gconstpointer data)
{
  const char *detail;

  g_test_summary ("Where clone3() is forbidden, clone() does the same");

  if (skip_without_clone () || !in_subprocess ())
    return;

  seccomp_forbid (SYS_clone3, GPOINTER_TO_UINT (data));
  g_assert_true (gspawn_engine_is_available (GSPAWN_ENGINE_CLONE, &detail));
  g_assert_cmpstr (detail, ==, "clone(), signal handlers reset one by one");
  g_assert_true (signal (SIGUSR1, SIG_IGN) != SIG_ERR);
  g_assert_true (signal (SIGPIPE, SIG_IGN) != SIG_ERR);
  assert_launches ();
  /* Bits 9 and 12: SIGUSR1 stays ignored, SIGPIPE does not. */
  assert_runs ("while read -r name mask; do if [ \"$name\" = SigIgn: ]; then "
               "[ $((0x$mask & 0x1200)) -eq $((0x200)) ]; exit $?; fi; done </proc/self/status");
}

static void
test_no_shared_clone (void)
{
  const char *detail;
  g_autofree char *trace = NULL;
  g_autofree char *text = NULL;
  int fd;

  g_test_summary ("Where no memory can be shared, another engine takes the request, and says why");

  if (!in_subprocess ())
    return;

  fd = g_file_open_tmp ("gspawn-trace-XXXXXX", &trace, NULL);
  close (fd);
  g_setenv ("GSPAWN_TRACE", trace, TRUE);

  seccomp_enter (no_shared_clone);
  g_assert_false (gspawn_engine_is_available (GSPAWN_ENGINE_CLONE, &detail));
  g_spawn_command_line_async ("true", NULL);
  g_file_get_contents (trace, &text, NULL, NULL);
  g_unlink (trace);
  if (gspawn_engine_is_available (GSPAWN_ENGINE_FORK, NULL))
    {
      g_assert_nonnull (strstr (text, "\"engine\":\"fork\""));
      g_assert_nonnull (strstr (text, "\"reason\":\"clone-unavailable,reap\""));
    }
  else
    g_assert_nonnull (strstr (text, "\"engine\":null"));
}

static void
assert_closes (void)
{
  g_assert_no_errno (dup2 (STDERR_FILENO, EXTRA_FD));
  assert_runs ("! true >&9");
  g_assert_no_errno (fcntl (EXTRA_FD, F_GETFD));
  close (EXTRA_FD);
}

/* The limit was lowered after the descriptor had been opened. */
static void
assert_closes_above_limit (void)
{
  struct rlimit old;
  struct rlimit low;

  g_assert_no_errno (dup2 (STDERR_FILENO, EXTRA_FD));
  g_assert_no_errno (getrlimit (RLIMIT_NOFILE, &old));
  low = (struct rlimit) { EXTRA_FD - 1, old.rlim_max };
  g_assert_no_errno (setrlimit (RLIMIT_NOFILE, &low));
  assert_runs ("! (exec 3>&9)");
  g_assert_no_errno (setrlimit (RLIMIT_NOFILE, &old));
  close (EXTRA_FD);
}

/* Containers that do not know the call forbid it: descriptors are found in /proc then. */
static void
test_no_close_range (void)
{
  g_test_summary ("Where close_range() is forbidden, descriptors are found in /proc");

  if (!in_subprocess ())
    return;

  seccomp_forbid (SYS_close_range, EPERM);
  assert_closes ();
}

static void
test_no_close_range_no_proc (void)
{
  g_test_summary ("Without close_range() and /proc descriptors are closed up to the limit");

  if (geteuid () != 0)
    {
      g_test_skip ("hiding /proc needs root");
      return;
    }
  if (g_strcmp0 (g_getenv ("GSPAWN_TEST_TOOL"), "valgrind") == 0)
    {
      g_test_skip ("valgrind does not work without /proc");
      return;
    }
  if (!in_subprocess ())
    return;

  g_assert_no_errno (unshare (CLONE_NEWNS));
  g_assert_no_errno (mount ("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
  g_assert_no_errno (mount ("none", "/proc", "tmpfs", 0, NULL));
  seccomp_forbid (SYS_close_range, EPERM);
  assert_closes ();
  assert_closes_above_limit ();
  /* The guard wants to look there. */
  g_assert_no_errno (umount ("/proc"));
}

/* A process of many that a browser or a container manager makes locks itself in when it has started
 * things before. */
static void
test_later (void)
{
  const char *detail;

  g_test_summary ("A sandbox that is entered after a launch does not stop the next");

  if (skip_without_clone () || !in_subprocess ())
    return;

  assert_launches ();
  seccomp_forbid (SYS_clone3, ENOSYS);
  assert_launches ();
  g_assert_true (gspawn_engine_is_available (GSPAWN_ENGINE_CLONE, &detail));
  g_assert_nonnull (strstr (detail, "one by one"));
}

/* The attempt that the sandbox refuses fails; what comes after it is left to another engine. */
static void
test_later_all (void)
{
  const char *argv[] = { "/bin/true", NULL };
  g_autoptr (GError) error = NULL;

  g_test_summary ("Where memory can no longer be shared, the next launch takes another engine");

  if (skip_without_clone () || !in_subprocess ())
    return;

  assert_launches ();
  seccomp_enter (no_shared_clone);
  g_assert_false (g_spawn_async (NULL, (char **) argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL,
                                 &error));
  g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_FORK);
  g_assert_false (gspawn_engine_is_available (GSPAWN_ENGINE_CLONE, NULL));
  if (gspawn_engine_is_available (GSPAWN_ENGINE_FORK, NULL))
    assert_launches ();
}

static gpointer
launch_in_thread (G_GNUC_UNUSED gpointer data)
{
  assert_launches ();

  return NULL;
}

/* What the machine can do is known by then, though the thread has no memory to find it out in. */
static void
test_no_memory (void)
{
  g_test_summary ("A thread without memory does not take an engine that does not work");

  if (!gspawn_engine_is_available (GSPAWN_ENGINE_FORK, NULL))
    {
      g_test_skip ("no engine is left that works");
      return;
    }
  if (skip_without_clone () || !in_subprocess ())
    return;

  seccomp_enter (no_shared_clone);
  assert_runs ("exit 0");
  seccomp_enter (no_stacks);
  g_thread_join (g_thread_new ("launch", launch_in_thread, NULL));
}

#if defined(__SANITIZE_ADDRESS__)
#define SMALL_STACK_SIZE (1024 * 1024)
#else
/* The least that libc allows, and a page for the frames of the test. */
#define SMALL_STACK_SIZE (20 * 1024)
#endif

static void *
launch_on_small_stack (G_GNUC_UNUSED void *data)
{
  const char *argv[] = { "/bin/true", NULL };

  return GINT_TO_POINTER (g_spawn_async (NULL, (char **) argv, NULL, G_SPAWN_DEFAULT, NULL, NULL,
                                         NULL, NULL));
}

/* What a launch takes of the caller's own stack then must be there. */
static void
test_small_stack (void)
{
  pthread_attr_t attributes;
  pthread_t thread;
  void *launched;

  g_test_summary ("A thread with a small stack can launch where no stacks can be mapped");

  if (skip_without_clone () || !in_subprocess ())
    return;

  seccomp_enter (no_stacks);
  /* The dynamic linker need not resolve names on the small stack then. */
  assert_launches ();
  pthread_attr_init (&attributes);
  g_assert_cmpint (pthread_attr_setstacksize (&attributes, SMALL_STACK_SIZE), ==, 0);
  g_assert_cmpint (pthread_create (&thread, &attributes, launch_on_small_stack, NULL), ==, 0);
  g_assert_cmpint (pthread_join (thread, &launched), ==, 0);
  g_assert_true (GPOINTER_TO_INT (launched));
  pthread_attr_destroy (&attributes);
}

/* libc gives up there, where clone() is still allowed. */
static void
test_posix_spawn_no_clone3 (void)
{
  g_test_summary ("posix_spawn() is not asked where libc would not get through");

  if (!in_subprocess ())
    return;

  seccomp_forbid (SYS_clone3, EPERM);
  g_assert_false (gspawn_engine_is_available (GSPAWN_ENGINE_POSIX_SPAWN, NULL));
  if (gspawn_engine_is_available (GSPAWN_ENGINE_CLONE, NULL) ||
      gspawn_engine_is_available (GSPAWN_ENGINE_FORK, NULL))
    assert_launches ();
}

/* The probe must not use up the first process of the namespace, which is its init. */
static void
test_pid_namespace (void)
{
  g_autofree char *out = NULL;

  g_test_summary ("The first launch into a new PID namespace is its first process");

  if (geteuid () != 0)
    {
      g_test_skip ("a namespace needs root");
      return;
    }
  if (!in_subprocess ())
    return;

  g_assert_no_errno (unshare (CLONE_NEWPID));
  g_assert_true (g_spawn_command_line_sync ("sh -c 'echo $$'", &out, NULL, NULL, NULL));
  g_assert_cmpstr (out, ==, "1\n");
}

/* Goes on in a child, the first process of a PID namespace, as whose end this process ends. */
static void
become_first (void)
{
  pid_t pid;
  int status;

  g_assert_no_errno (unshare (CLONE_NEWPID));
  pid = fork ();
  g_assert_no_errno (pid);
  if (pid == 0)
    return;

  g_assert_no_errno (waitpid (pid, &status, 0));
  _exit (status == 0 ? 0 : 1);
}

/* A child that ends with @status when the other end of the pipe is closed. */
static pid_t
fork_worker (const int *pipe_fds,
             int        status)
{
  pid_t pid = fork ();
  char byte;

  g_assert_no_errno (pid);
  if (pid > 0)
    return pid;

  close (pipe_fds[1]);
  _exit (read (pipe_fds[0], &byte, 1) == 0 ? status : 1);
}

/* The processes of a launch have low numbers in a namespace that a keeper has just made. Here all of
 * these are workers of the caller's. */
static void
test_foreign_number (gconstpointer data)
{
  GSpawnEngine engine = GPOINTER_TO_UINT (data);
  g_autoptr (GError) error = NULL;
  const char *detail;
  char *argv[] = { (char *) "/nonexistent/program", NULL };
  pid_t workers[6];
  int fds[2];
  int status;

  g_test_summary ("A failed launch into another PID namespace waits for no process of ours");

  if (geteuid () != 0)
    {
      g_test_skip ("a namespace needs root");
      return;
    }
  if (!g_test_subprocess () && !gspawn_engine_is_available (engine, &detail))
    {
      g_test_skip (detail);
      return;
    }
  if (!in_subprocess ())
    return;

  g_assert_true (g_setenv ("GSPAWN_ENGINE", gspawn_engine_get_name (engine), TRUE));
  become_first ();
  g_assert_no_errno (pipe (fds));
  for (gsize i = 0; i < G_N_ELEMENTS (workers); i++)
    workers[i] = fork_worker (fds, 7);
  g_assert_no_errno (unshare (CLONE_NEWPID));
  fork_worker (fds, 0);

  /* Who waits for a worker now does so for good. */
  alarm (20);
  g_assert_false (g_spawn_async (NULL, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, &error));
  g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT);

  close (fds[1]);
  for (gsize i = 0; i < G_N_ELEMENTS (workers); i++)
    {
      g_assert_cmpint (waitpid (workers[i], &status, 0), ==, workers[i]);
      g_assert_true (WIFEXITED (status));
      g_assert_cmpint (WEXITSTATUS (status), ==, 7);
    }
  _exit (0);
}

static const struct {
  const char *name;
  unsigned int error_number;
} clone3_errors[] = {
  { "enosys", ENOSYS },
  { "eperm", EPERM },
  { "einval", EINVAL },
  { "e2big", E2BIG },
  { "eopnotsupp", EOPNOTSUPP },
};

/* Those whose programs can be nobody's children. */
static const struct {
  const char *name;
  GSpawnEngine engine;
} reaping_engines[] = {
  { "clone", GSPAWN_ENGINE_CLONE },
  { "fork", GSPAWN_ENGINE_FORK },
};

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (clone3_errors); i++)
    {
      g_autofree char *path = g_strdup_printf ("/sandbox/no-clone3/%s", clone3_errors[i].name);

      /* It changes dispositions, which a guard would notice. */
      g_test_add_data_func (path, GUINT_TO_POINTER (clone3_errors[i].error_number),
                            test_no_clone3);
    }
  guard_add_func ("/sandbox/no-shared-clone", test_no_shared_clone);
  guard_add_func ("/sandbox/later", test_later);
  guard_add_func ("/sandbox/later-all", test_later_all);
  /* The first thread makes libc handle a signal, which a guard would notice. */
  g_test_add_func ("/sandbox/no-memory", test_no_memory);
  g_test_add_func ("/sandbox/small-stack", test_small_stack);
  guard_add_func ("/sandbox/posix-spawn-no-clone3", test_posix_spawn_no_clone3);
  guard_add_func ("/sandbox/no-close-range", test_no_close_range);
  guard_add_func ("/sandbox/no-close-range-no-proc", test_no_close_range_no_proc);
  guard_add_func ("/sandbox/pid-namespace", test_pid_namespace);
  for (gsize i = 0; i < G_N_ELEMENTS (reaping_engines); i++)
    {
      g_autofree char *path = g_strdup_printf ("/sandbox/foreign-number/%s", reaping_engines[i].name);

      g_test_add_data_func (path, GUINT_TO_POINTER (reaping_engines[i].engine),
                            test_foreign_number);
    }

  return g_test_run ();
}
