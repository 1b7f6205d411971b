/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Processes to which nobody refers any more: no zombie, thread or descriptor of them stays, in the
 * caller, in a copy of it, and where there is no thread to be had. That no descriptor stays, the
 * guard sees. */

#include "process-stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch.h"
#include "scene.h"

#define N_MANY 60
#define N_ROUNDS 30
#define N_THREADS 4
#define KEEPER_NAME "gspawn-keeper"

/* Returns what to close for it to end. */
static int
abandon (StageFlags flags)
{
  GSpawnProcess *process = stage_launch ("wait-fd 0 exit 1", flags | STAGE_HELD);
  int line = gspawn_process_steal_pipe (process, GSPAWN_STREAM_INPUT);

  gspawn_process_unref (process);

  return line;
}

/* While it runs there is one thread for it. Again and again: the thread ends as the next comes. */
static void
test_running (gconstpointer data)
{
  const StageFlags *flags = data;

  for (guint i = 0; i < N_ROUNDS; i++)
    {
      int line = abandon (*flags);

      /* The one before may be there still. */
      if (i % 3 != 2)
        g_assert_cmpint (stage_count_children (), ==, 1);
      if (i % 3 == 0)
        g_assert_cmpint (stage_count_threads (), ==, 1);
      close (line);
      if (i % 3 != 1)
        stage_await_quiet (0);
    }
  stage_await_quiet (0);
}

/* The thread sleeps until the first one ends, and is to know of the second. */
static void
test_second (gconstpointer data)
{
  const StageFlags *flags = data;
  int first = abandon (STAGE_DEFAULT);
  int second;

  stage_await_asleep (KEEPER_NAME);
  second = abandon (*flags);
  close (second);
  stage_await_quiet (1);
  close (first);
  stage_await_quiet (0);
}

/* One that has ended already needs no thread. */
static void
test_ended (gconstpointer data)
{
  const StageFlags *flags = data;
  GSpawnProcess *process = stage_launch ("exit 1", *flags);

  stage_await_end (process);
  gspawn_process_unref (process);
  g_assert_cmpint (stage_count_children (), ==, 0);
  g_assert_cmpint (stage_count_threads (), ==, 0);
}

/* Of both kinds, abandoned while others end, in another order. */
static void
test_many (void)
{
  int lines[N_MANY];

  for (guint i = 0; i < N_MANY / 2; i++)
    lines[i] = abandon (i % 2 == 0 ? STAGE_DEFAULT : STAGE_NO_PIDFD);
  g_assert_cmpint (stage_count_children (), ==, N_MANY / 2);
  g_assert_cmpint (stage_count_threads (), ==, 1);

  for (guint i = N_MANY / 2; i < N_MANY; i++)
    {
      close (lines[i - N_MANY / 2]);
      lines[i] = abandon (i % 3 == 0 ? STAGE_NO_PIDFD : STAGE_DEFAULT);
    }
  stage_await_quiet (N_MANY / 2);
  g_assert_cmpint (stage_count_threads (), ==, 1);
  for (guint i = N_MANY; i > N_MANY / 2; i--)
    close (lines[i - 1]);
  stage_await_quiet (0);
}

static gpointer
unref_in_thread (gpointer process)
{
  gspawn_process_unref (process);

  return NULL;
}

/* Threads hand over at once, while others end. */
static void
test_threads (gconstpointer data)
{
  const StageFlags *flags = data;
  GThread *threads[N_THREADS];

  for (guint round = 0; round < N_ROUNDS; round++)
    {
      GSpawnProcess *processes[N_THREADS];

      for (guint i = 0; i < N_THREADS; i++)
        processes[i] = stage_launch ("wait-fd 0", *flags | STAGE_HELD);
      for (guint i = 0; i < N_THREADS; i++)
        threads[i] = g_thread_new ("owner", unref_in_thread, processes[i]);
      for (guint i = 0; i < N_THREADS; i++)
        g_thread_join (threads[i]);
    }
  stage_await_quiet (0);
}

/* Children of others are left alone, zombies among them. */
static void
test_others (gconstpointer data)
{
  const StageFlags *flags = data;
  g_auto (Launch) other;
  siginfo_t info = { 0 };
  int line;

  launch_init (&other, G_SPAWN_DO_NOT_REAP_CHILD, NULL, "exit", "7", NULL);
  g_assert_true (launch_start (&other, NULL));
  g_assert_no_errno (waitid (P_PID, (id_t) other.pid, &info, WEXITED | WNOWAIT));
  line = abandon (*flags);
  close (line);
  stage_await_quiet (1);
  g_assert_cmphex (launch_wait (&other), ==, 7 << 8);
  stage_await_quiet (0);
}

/* Somebody else may be faster. */
static void
test_stolen (gconstpointer data)
{
  const StageFlags *flags = data;

  for (guint i = 0; i < N_ROUNDS; i++)
    {
      int line = abandon (*flags);
      int status = 1 << 8;

      close (line);
      if (waitpid (-1, &status, 0) < 0)
        g_assert_cmpint (errno, ==, ECHILD);
      g_assert_cmphex (status, ==, 1 << 8);
    }
  stage_await_quiet (0);
}

static void
test_ignored (gconstpointer data)
{
  const StageFlags *flags = data;
  int line;

  if (stage_has_valgrind ())
    {
      case_skip_anywhere ("Valgrind does not ignore SIGCHLD");
      return;
    }

  scene_ignore_signal (SIGCHLD);
  line = abandon (*flags);
  close (line);
  stage_await_quiet (0);
  scene_default_signal (SIGCHLD);
}

static guint64
read_blocked (const char *thread)
{
  g_autofree char *name_path = g_strdup_printf ("/proc/self/task/%s/comm", thread);
  g_autofree char *status_path = g_strdup_printf ("/proc/self/task/%s/status", thread);
  g_autofree char *name = NULL;
  g_autofree char *status = NULL;
  const char *line;

  if (!g_file_get_contents (name_path, &name, NULL, NULL) ||
      !g_str_equal (g_strchomp (name), KEEPER_NAME) ||
      !g_file_get_contents (status_path, &status, NULL, NULL))
    return 0;
  line = strstr (status, "\nSigBlk:");

  return line != NULL ? g_ascii_strtoull (line + strlen ("\nSigBlk:"), NULL, 16) : 0;
}

/* 0 until the thread has named itself. */
static guint64
find_blocked (void)
{
  DIR *dir = opendir ("/proc/self/task");
  struct dirent *entry;
  guint64 blocked = 0;

  while ((entry = readdir (dir)) != NULL)
    blocked |= read_blocked (entry->d_name);
  closedir (dir);

  return blocked;
}

static int n_handled;

static void
count_handled (int number G_GNUC_UNUSED)
{
  g_atomic_int_inc (&n_handled);
}

/* The thread takes no signal, but those that libc sends to every thread; the caller's mask is as it
 * was, as the guard sees. */
static void
test_signals (gconstpointer data)
{
  const StageFlags *flags = data;
  const struct timespec at_once = { 0, 0 };
  struct sigaction action = { .sa_handler = count_handled };
  sigset_t usr1, old;
  guint64 blocked;
  int line;

  line = abandon (*flags);
  while ((blocked = find_blocked ()) == 0)
    g_thread_yield ();
  for (int number = 1; number <= 64; number++)
    if (number != SIGKILL && number != SIGSTOP && number != 32 && number != 33)
      g_assert_cmpuint (blocked >> (number - 1) & 1, ==, 1);
  /* Or a change of user ids would wait for ever. */
  g_assert_cmpuint (blocked >> (33 - 1) & 1, ==, 0);

  g_assert_no_errno (sigaction (SIGUSR1, &action, NULL));
  sigemptyset (&usr1);
  sigaddset (&usr1, SIGUSR1);
  pthread_sigmask (SIG_BLOCK, &usr1, &old);
  g_assert_no_errno (kill (getpid (), SIGUSR1));
  close (line);
  stage_await_quiet (0);
  g_assert_cmpint (n_handled, ==, 0);
  g_assert_cmpint (sigtimedwait (&usr1, NULL, &at_once), ==, SIGUSR1);
  pthread_sigmask (SIG_SETMASK, &old, NULL);
  scene_default_signal (SIGUSR1);
}

static guint
count_descriptors (void)
{
  guint n = 0;

  for (int fd = 0; fd < CASE_FIRST_OWN_FD; fd++)
    n += fcntl (fd, F_GETFD) >= 0;

  return n;
}

typedef struct {
  StageFlags flags;
  guint n_descriptors;      /* with what the copy has of its own */
} Expected;

/* The copy has no descriptors of children that are not its own, and abandons one. */
static const char *
abandon_in_copy (gpointer data)
{
  const Expected *expected = data;
  GSpawnChildInfo info = { .pidfd = -1, .pipes = { -1, -1, -1 } };
  int ends[2];
  char byte;

  if (count_descriptors () != expected->n_descriptors)
    return "has other descriptors";
  if (stage_count_threads () != 0 || stage_count_children () != 0)
    return "has a thread or children";

  if (pipe2 (ends, O_CLOEXEC) < 0)
    return "has no pipe";
  info.pid = fork ();
  if (info.pid == 0)
    {
      close (ends[1]);
      _exit (read (ends[0], &byte, 1) == 0 ? 0 : 1);
    }
  if ((expected->flags & STAGE_NO_PIDFD) == 0)
    info.pidfd = (int) syscall (SYS_pidfd_open, info.pid, 0);
  gspawn_process_unref (_gspawn_process_new (&info, GSPAWN_LAUNCH_WAITING));
  if (stage_count_threads () != 1)
    return "starts no thread";
  close (ends[0]);
  close (ends[1]);
  stage_await_quiet (0);
  if (stage_count_threads () != 0 || stage_count_children () != 0)
    return "keeps its child";

  return count_descriptors () == expected->n_descriptors ? NULL : "keeps descriptors";
}

/* Made while the thread is at work, and again. */
static void
test_copy (gconstpointer data)
{
  const StageFlags *flags = data;
  Expected expected = { *flags, count_descriptors () };
  int lines[3];

  if (THREADS_ARE_SANITIZED)
    {
      case_skip_anywhere ("The thread sanitizer allows no threads in a copy of several");
      return;
    }

  /* The pipe to answer with, and for each child what to close. */
  expected.n_descriptors += 2 + G_N_ELEMENTS (lines);
  for (guint i = 0; i < G_N_ELEMENTS (lines); i++)
    lines[i] = abandon (*flags);
  for (int round = 0; round < 2; round++)
    {
      g_autofree char *complaint = stage_ask_copy (abandon_in_copy, &expected);

      g_assert_cmpstr (complaint, ==, "");
      g_assert_cmpint (stage_count_children (), ==, G_N_ELEMENTS (lines));
    }
  for (guint i = 0; i < G_N_ELEMENTS (lines); i++)
    close (lines[i]);
  stage_await_quiet (0);
}

/* No thread can be started: what is abandoned is not forgotten, and goes with the next one. */
static void
test_no_thread (gconstpointer data)
{
  const StageFlags *flags = data;
  struct rlimit limit, none;
  GSpawnProcess *processes[3];
  int lines[G_N_ELEMENTS (processes)];
  siginfo_t info = { 0 };
  pid_t pid;

  for (guint i = 0; i < G_N_ELEMENTS (processes); i++)
    {
      processes[i] = stage_launch ("wait-fd 0 exit 1", *flags | STAGE_HELD);
      lines[i] = gspawn_process_steal_pipe (processes[i], GSPAWN_STREAM_INPUT);
    }
  /* The limit is nothing to root. */
  stage_become_nobody ();
  g_assert_no_errno (getrlimit (RLIMIT_NPROC, &limit));
  none = (struct rlimit) { 0, limit.rlim_max };
  g_assert_no_errno (setrlimit (RLIMIT_NPROC, &none));

  pid = gspawn_process_get_pid (processes[0]);
  gspawn_process_unref (processes[0]);
  g_assert_cmpint (stage_count_threads (), ==, 0);
  close (lines[0]);
  g_assert_no_errno (waitid (P_PID, (id_t) pid, &info, WEXITED | WNOWAIT));
  /* Somebody has to come by. */
  gspawn_process_unref (processes[1]);
  g_assert_cmpint (stage_count_threads (), ==, 0);
  g_assert_cmpint (stage_count_children (), ==, 2);
  close (lines[1]);

  g_assert_no_errno (setrlimit (RLIMIT_NPROC, &limit));
  stage_become_root ();
  gspawn_process_unref (processes[2]);
  close (lines[2]);
  stage_await_quiet (0);
}

const Case process_abandoned_cases[] = {
  STAGE_BOTH ("abandoned", test_running),
  STAGE_BOTH ("abandoned-second", test_second),
  STAGE_BOTH ("abandoned-ended", test_ended),
  STAGE_ONE ("abandoned-many", test_many),
  STAGE_BOTH ("abandoned-by-threads", test_threads),
  STAGE_BOTH ("abandoned-others", test_others),
  STAGE_BOTH ("abandoned-stolen", test_stolen),
  STAGE_BOTH ("abandoned-ignored", test_ignored),
  STAGE_BOTH ("abandoned-signals", test_signals),
  STAGE_BOTH ("abandoned-copy", test_copy),
  STAGE_BOTH ("abandoned-no-thread", test_no_thread),
  { .name = NULL }
};
