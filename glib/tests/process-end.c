/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Ends of processes and who hears of them: every status, what was used, several threads that wait,
 * what may come in between, and pipes. */

#include "process-stage.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gspawn-attributes.h"
#include "launch.h"
#include "scene.h"

#define N_WAITERS 8
#define N_ROUNDS 20
#define N_TAKERS 4

typedef struct {
  const char *script;
  GQuark (*domain) (void);      /* of what a check says, or NULL for nothing */
  int code;
} Ending;

static const Ending endings[] = {
  { "exit 0", NULL, 0 },
  { "exit 1", g_spawn_exit_error_quark, 1 },
  { "exit 255", g_spawn_exit_error_quark, 255 },
  { "kill -TERM $$", g_spawn_error_quark, G_SPAWN_ERROR_FAILED },
  { "kill -KILL $$", g_spawn_error_quark, G_SPAWN_ERROR_FAILED },
  { "kill -64 $$", g_spawn_error_quark, G_SPAWN_ERROR_FAILED },
  { "ulimit -c 0; kill -SEGV $$", g_spawn_error_quark, G_SPAWN_ERROR_FAILED },
  { "ulimit -c unlimited; kill -SEGV $$", g_spawn_error_quark, G_SPAWN_ERROR_FAILED },
};

/* What waitpid() says of the same program. */
static int
get_true_status (const char *script)
{
  g_auto (Launch) launch;

  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD, "/bin/sh", "-c", script, NULL);
  g_assert_true (launch_start (&launch, NULL));

  return launch_wait (&launch);
}

static void
test_status (gconstpointer data)
{
  const StageFlags *flags = data;

  for (gsize i = 0; i < G_N_ELEMENTS (endings); i++)
    {
      const Ending *ending = &endings[i];
      const char *const argv[] = { "/bin/sh", "-c", ending->script, NULL };
      g_autoptr (GSpawnProcess) process = stage_launch_program (argv, *flags);
      g_autoptr (GError) error = NULL;
      g_autoptr (GError) true_error = NULL;
      int true_status = get_true_status (ending->script);
      int status = -1;

      g_test_message ("%s: wait status %#x", ending->script, (unsigned int) true_status);
      g_assert_true (gspawn_process_wait (process, &status, NULL));
      g_assert_cmphex (status, ==, true_status);
      g_assert_true (gspawn_process_wait (process, NULL, NULL));

      g_assert_cmpint (gspawn_process_wait_check (process, &error), ==, ending->domain == NULL);
      if (ending->domain == NULL)
        continue;
      g_assert_error (error, ending->domain (), ending->code);
      g_spawn_check_wait_status (status, &true_error);
      g_assert_cmpstr (error->message, ==, true_error->message);
    }
}

static gint64
get_microseconds (struct timeval time)
{
  return time.tv_sec * G_USEC_PER_SEC + time.tv_usec;
}

/* The kernel adds the same up for all children that were waited for. */
static void
test_usage (gconstpointer data)
{
  const StageFlags *flags = data;
  const char *const argv[] = {
    "/bin/sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done; /bin/true", NULL
  };
  struct rusage before, after, usage;
  g_autoptr (GSpawnProcess) process = NULL;

  /* A launch may have needed children of its own. */
  process = stage_launch_program (argv, *flags);
  g_assert_no_errno (getrusage (RUSAGE_CHILDREN, &before));
  g_assert_true (gspawn_process_wait (process, NULL, NULL));
  g_assert_true (gspawn_process_get_usage (process, &usage));
  g_assert_no_errno (getrusage (RUSAGE_CHILDREN, &after));

  g_assert_cmpint (get_microseconds (usage.ru_utime), >, 0);
  g_assert_cmpint (ABS (get_microseconds (after.ru_utime) - get_microseconds (before.ru_utime) -
                        get_microseconds (usage.ru_utime)), <=, 2);
  g_assert_cmpint (ABS (get_microseconds (after.ru_stime) - get_microseconds (before.ru_stime) -
                        get_microseconds (usage.ru_stime)), <=, 2);
  g_assert_cmpint (usage.ru_minflt, ==, after.ru_minflt - before.ru_minflt);
  g_assert_cmpint (usage.ru_majflt, ==, after.ru_majflt - before.ru_majflt);
  g_assert_cmpint (usage.ru_inblock, ==, after.ru_inblock - before.ru_inblock);
  g_assert_cmpint (usage.ru_oublock, ==, after.ru_oublock - before.ru_oublock);
  g_assert_cmpint (usage.ru_nvcsw, ==, after.ru_nvcsw - before.ru_nvcsw);
  g_assert_cmpint (usage.ru_nivcsw, ==, after.ru_nivcsw - before.ru_nivcsw);
  g_assert_cmpint (usage.ru_minflt, >, 0);
  g_assert_cmpint (usage.ru_maxrss, >, 0);
  g_assert_cmpint (usage.ru_maxrss, <=, after.ru_maxrss);
}

/* Nothing is known, and nothing waited for, as long as it runs. */
static void
test_polling (gconstpointer data)
{
  const StageFlags *flags = data;
  g_autoptr (GSpawnProcess) process = stage_launch ("wait-fd 0 exit 3", *flags | STAGE_HELD);
  struct rusage usage;
  int status = -1;

  g_assert_false (gspawn_process_has_ended (process));
  g_assert_false (gspawn_process_get_usage (process, &usage));
  g_assert_true (gspawn_process_send_signal (process, 0, NULL));
  stage_release (process);
  stage_await_end (process);
  g_assert_true (gspawn_process_has_ended (process));
  g_assert_cmpint (stage_count_children (), ==, 0);
  g_assert_true (gspawn_process_get_usage (process, &usage));
  g_assert_true (gspawn_process_has_ended (process));
  g_assert_true (gspawn_process_wait (process, &status, NULL));
  g_assert_cmphex (status, ==, 3 << 8);
}

typedef struct {
  GSpawnProcess *process;
  int status;
} Waiter;

static gpointer
wait_in_thread (gpointer data)
{
  Waiter *waiter = data;
  g_autoptr (GError) error = NULL;

  gspawn_process_wait (waiter->process, &waiter->status, &error);
  g_assert_no_error (error);
  gspawn_process_unref (waiter->process);

  return NULL;
}

static void
start_waiters (GSpawnProcess  *process,
               Waiter         *waiters,
               GThread       **threads)
{
  for (guint i = 0; i < N_WAITERS; i++)
    {
      waiters[i] = (Waiter) { gspawn_process_ref (process), -1 };
      threads[i] = g_thread_new ("waiter", wait_in_thread, &waiters[i]);
    }
}

/* Some are there before it ends, some come after it; one looks on all the time. */
static void
test_waiters (gconstpointer data)
{
  const StageFlags *flags = data;

  for (guint round = 0; round < N_ROUNDS; round++)
    {
      g_autoptr (GSpawnProcess) process = stage_launch ("wait-fd 0 exit 5", *flags | STAGE_HELD);
      GThread *threads[N_WAITERS];
      Waiter waiters[N_WAITERS];

      start_waiters (process, waiters, threads);
      stage_release (process);
      if (round % 2 == 0)
        while (!gspawn_process_has_ended (process))
          g_thread_yield ();
      for (guint i = 0; i < N_WAITERS; i++)
        g_thread_join (threads[i]);

      for (guint i = 0; i < N_WAITERS; i++)
        g_assert_cmphex (waiters[i].status, ==, 5 << 8);
      g_assert_cmpint (stage_count_children (), ==, 0);
    }
}

static int n_interruptions;

static void
count_interruption (int number G_GNUC_UNUSED)
{
  g_atomic_int_inc (&n_interruptions);
}

/* A handler runs in the thread that waits, and its system call fails. */
static void
test_interrupted (gconstpointer data)
{
  const StageFlags *flags = data;
  g_autoptr (GSpawnProcess) process = NULL;
  struct sigaction action = { .sa_handler = count_interruption };
  Waiter waiter = { NULL, -1 };
  pthread_t thread;

  if (THREADS_ARE_SANITIZED)
    {
      case_skip_anywhere ("The thread sanitizer puts handlers off until the wait is over");
      return;
    }

  process = stage_launch ("wait-fd 0 exit 6", *flags | STAGE_HELD);
  waiter.process = gspawn_process_ref (process);
  g_assert_no_errno (sigaction (SIGUSR1, &action, NULL));
  g_assert_cmpint (pthread_create (&thread, NULL, wait_in_thread, &waiter), ==, 0);
  for (int i = 1; i <= 200; i++)
    {
      g_assert_cmpint (pthread_kill (thread, SIGUSR1), ==, 0);
      while (g_atomic_int_get (&n_interruptions) < i)
        g_thread_yield ();
    }
  stage_release (process);
  pthread_join (thread, NULL);
  g_assert_cmphex (waiter.status, ==, 6 << 8);
  scene_default_signal (SIGUSR1);
}

/* A descriptor for a main loop may have been made not to block. */
static void
test_nonblocking (void)
{
  g_autoptr (GSpawnProcess) process = stage_launch ("wait-fd 0 exit 4", STAGE_HELD);
  int pidfd = gspawn_process_get_pidfd (process);
  struct pollfd pollfd = { .fd = pidfd, .events = POLLIN };
  Waiter waiter = { NULL, -1 };
  GThread *thread;

  if (pidfd < 0 || fcntl (pidfd, F_SETFL, O_NONBLOCK) < 0)
    {
      stage_release (process);
      g_assert_true (gspawn_process_wait (process, NULL, NULL));
      case_skip ("There are no descriptors of processes that do not block");
      return;
    }

  g_assert_cmpint (poll (&pollfd, 1, 0), ==, 0);
  waiter.process = gspawn_process_ref (process);
  thread = g_thread_new ("waiter", wait_in_thread, &waiter);
  stage_await_asleep ("waiter");
  stage_release (process);
  g_thread_join (thread);
  g_assert_cmphex (waiter.status, ==, 4 << 8);
  g_assert_cmpint (poll (&pollfd, 1, 0), ==, 1);
}

static GSpawnProcess *
launch_traced (StageFlags flags)
{
  g_autoptr (GSpawnAttributes) attributes = gspawn_attributes_new ();
  GSpawnChildInfo info = { .pidfd = -1, .pipes = { -1, -1, -1 } };
  g_auto (Launch) launch;

  gspawn_attributes_set_trace_me (attributes, TRUE);
  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD, NULL, "exit", "9", NULL);
  launch.setup = gspawn_attributes_child_setup;
  launch.setup_data = attributes;
  launch.setup_declares = TRUE;
  launch.other_needs = GSPAWN_NEED_TRACE_ME;
  g_assert_true (launch_start (&launch, NULL));
  info.pid = launch.pid;
  launch.pid = 0;
  if ((flags & STAGE_NO_PIDFD) == 0)
    info.pidfd = (int) syscall (SYS_pidfd_open, info.pid, 0);

  return _gspawn_process_new (&info, GSPAWN_LAUNCH_WAITING);
}

static clockid_t
get_clock (pthread_t thread)
{
  clockid_t clock;

  g_assert_cmpint (pthread_getcpuclockid (thread, &clock), ==, 0);
  return clock;
}

/* The stop at exec is no end, and nothing to keep a processor busy with. */
static void
test_traced (gconstpointer data)
{
  const StageFlags *flags = data;
  g_autoptr (GSpawnProcess) process = launch_traced (*flags);
  Waiter waiter = { gspawn_process_ref (process), -1 };
  pid_t pid = gspawn_process_get_pid (process);
  siginfo_t info = { 0 };
  struct timespec used;
  pthread_t thread;

  g_assert_no_errno (waitid (P_PID, (id_t) pid, &info, WSTOPPED | WEXITED | WNOWAIT));
  g_assert_cmpint (info.si_code, ==, CLD_TRAPPED);
  g_assert_false (gspawn_process_has_ended (process));
  g_assert_cmpint (pthread_create (&thread, NULL, wait_in_thread, &waiter), ==, 0);
  /* Time for it to spin in, if it would. */
  g_assert_cmpint (poll (NULL, 0, 150), ==, 0);
  g_assert_no_errno (clock_gettime (get_clock (thread), &used));
  g_assert_cmpint (used.tv_sec, ==, 0);
  g_assert_cmpint (used.tv_nsec, <, 50 * 1000 * 1000);

  g_assert_cmpint (waitpid (pid, NULL, WSTOPPED), ==, pid);
  g_assert_no_errno (ptrace (PTRACE_DETACH, pid, NULL, NULL));
  pthread_join (thread, NULL);
  g_assert_cmphex (waiter.status, ==, 9 << 8);
}

static gpointer
take_pipe (gpointer process)
{
  return GINT_TO_POINTER (gspawn_process_steal_pipe (process, GSPAWN_STREAM_INPUT));
}

/* Of several threads, one gets it. */
static void
test_steal_pipe (void)
{
  g_autoptr (GSpawnProcess) process = stage_launch ("wait-fd 0", STAGE_HELD);
  int fd = gspawn_process_get_pipe (process, GSPAWN_STREAM_INPUT);
  GThread *threads[N_TAKERS];
  guint n_taken = 0;

  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (fcntl (fd, F_GETFD), ==, FD_CLOEXEC);
  g_assert_cmpint (gspawn_process_get_pipe (process, GSPAWN_STREAM_OUTPUT), ==, -1);
  g_assert_cmpint (gspawn_process_steal_pipe (process, GSPAWN_STREAM_ERROR), ==, -1);
  for (guint i = 0; i < N_TAKERS; i++)
    threads[i] = g_thread_new ("taker", take_pipe, process);
  for (guint i = 0; i < N_TAKERS; i++)
    {
      int taken = GPOINTER_TO_INT (g_thread_join (threads[i]));

      g_assert_true (taken == fd || taken == -1);
      n_taken += taken == fd;
    }
  g_assert_cmpuint (n_taken, ==, 1);
  g_assert_cmpint (gspawn_process_get_pipe (process, GSPAWN_STREAM_INPUT), ==, -1);
  g_assert_no_errno (close (fd));
  g_assert_true (gspawn_process_wait_check (process, NULL));
}

/* The others are closed, which the guard sees, and so does the process. */
static void
test_close_pipe (gconstpointer data)
{
  const StageFlags *flags = data;
  GSpawnProcess *process = stage_launch ("wait-fd 0", *flags | STAGE_HELD);

  gspawn_process_unref (gspawn_process_ref (process));
  g_assert_false (gspawn_process_has_ended (process));
  gspawn_process_unref (process);
  stage_await_quiet (0);
}

static void
test_identity (gconstpointer data)
{
  const StageFlags *flags = data;
  g_autoptr (GSpawnProcess) process = stage_launch ("nothing", *flags);
  int pidfd = gspawn_process_get_pidfd (process);

  g_assert_cmpint (gspawn_process_get_pid (process), >, 0);
  g_assert_cmpstr (gspawn_engine_get_name (gspawn_process_get_engine (process)), ==,
                   g_getenv ("GSPAWN_ENGINE"));
  g_assert_cmpint (gspawn_process_get_launch_kind (process), ==, GSPAWN_LAUNCH_WAITING);
  if ((*flags & STAGE_NO_PIDFD) != 0)
    g_assert_cmpint (pidfd, ==, -1);
  g_assert_true (gspawn_process_wait_check (process, NULL));
  /* Waiting does not take it away. */
  g_assert_cmpint (gspawn_process_get_pidfd (process), ==, pidfd);
  g_assert_true (pidfd < 0 || fcntl (pidfd, F_GETFD) == FD_CLOEXEC);
}

const Case process_end_cases[] = {
  STAGE_BOTH ("identity", test_identity),
  STAGE_BOTH ("status", test_status),
  STAGE_BOTH ("usage", test_usage),
  STAGE_BOTH ("polling", test_polling),
  STAGE_BOTH ("waiters", test_waiters),
  STAGE_BOTH ("interrupted", test_interrupted),
  STAGE_ONE ("nonblocking", test_nonblocking),
  { .name = "traced", .run_data = test_traced, .data = &stage_by_pidfd,
    .needs = GSPAWN_NEED_TRACE_ME, .engines_only = TRUE },
  { .name = "traced-by-number", .run_data = test_traced, .data = &stage_by_number,
    .needs = GSPAWN_NEED_TRACE_ME, .engines_only = TRUE },
  STAGE_ONE ("steal-pipe", test_steal_pipe),
  STAGE_BOTH ("close-pipe", test_close_pipe),
  { .name = NULL }
};
