/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Processes that are not, or not any more, their caller's to wait for: somebody else was faster,
 * nobody can, the number is another's by now, or the caller is a copy. And those that are waited
 * for beside others. */

#include "process-stage.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch.h"
#include "scene.h"

#define N_ROUNDS 100
#define N_WAITERS 3

static void
assert_failed (gboolean  success,
               GError   *error)
{
  g_assert_false (success);
  g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED);
  g_clear_error (&error);
}

/* Nothing is made up, now and later, and no signal is sent. */
static void
assert_lost (GSpawnProcess *process)
{
  int status = -7;
  struct rusage usage;

  for (int i = 0; i < 2; i++)
    {
      GError *error = NULL;
      gboolean success = gspawn_process_wait (process, &status, &error);

      assert_failed (success, g_steal_pointer (&error));
      success = gspawn_process_wait_check (process, &error);
      assert_failed (success, g_steal_pointer (&error));
      success = gspawn_process_send_signal (process, 0, &error);
      assert_failed (success, g_steal_pointer (&error));
      success = gspawn_process_send_signal (process, SIGKILL, &error);
      assert_failed (success, g_steal_pointer (&error));
      g_assert_cmpint (status, ==, -7);
      g_assert_true (gspawn_process_has_ended (process));
      g_assert_false (gspawn_process_get_usage (process, &usage));
    }
}

static void
test_stolen (gconstpointer data)
{
  const StageFlags *flags = data;
  g_autoptr (GSpawnProcess) process = stage_launch ("exit 3", *flags);

  g_assert_cmphex (wait_for (gspawn_process_get_pid (process)), ==, 3 << 8);
  assert_lost (process);
}

/* Before anything else is asked, a signal is refused. */
static void
test_stolen_signal (gconstpointer data)
{
  const StageFlags *flags = data;
  g_autoptr (GSpawnProcess) process = stage_launch ("exit 3", *flags);
  g_autoptr (GError) error = NULL;

  g_assert_cmphex (wait_for (gspawn_process_get_pid (process)), ==, 3 << 8);
  g_assert_false (gspawn_process_send_signal (process, SIGTERM, &error));
  g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED);
}

/* What was known before stays known. */
static void
test_known (gconstpointer data)
{
  const StageFlags *flags = data;
  g_autoptr (GSpawnProcess) process = stage_launch ("exit 3", *flags);
  int status = -1;

  g_assert_true (gspawn_process_wait (process, NULL, NULL));
  g_assert_cmpint (waitpid (gspawn_process_get_pid (process), NULL, 0), ==, -1);
  g_assert_cmpint (errno, ==, ECHILD);
  g_assert_true (gspawn_process_wait (process, &status, NULL));
  g_assert_cmphex (status, ==, 3 << 8);
}

static void
test_ignored (gconstpointer data)
{
  const StageFlags *flags = data;
  g_autoptr (GSpawnProcess) process = NULL;
  g_autoptr (GSpawnProcess) ended = NULL;

  if (stage_has_valgrind ())
    {
      case_skip_anywhere ("Valgrind does not ignore SIGCHLD");
      return;
    }

  scene_ignore_signal (SIGCHLD);
  process = stage_launch ("wait-fd 0 exit 3", *flags | STAGE_HELD);
  ended = stage_launch ("exit 3", *flags);
  stage_release (process);
  assert_lost (process);
  assert_lost (ended);
  scene_default_signal (SIGCHLD);
}

/* The number is that of a child which runs, and of one that has ended otherwise. */
static void
test_recycled (void)
{
  g_autoptr (GSpawnProcess) process = stage_launch ("exit 3", STAGE_DEFAULT);
  pid_t pid = gspawn_process_get_pid (process);
  const char *reason = NULL;
  siginfo_t info = { 0 };
  int line;

  if (gspawn_process_get_pidfd (process) < 0)
    {
      case_skip ("There are no descriptors of processes");
      return;
    }

  g_assert_cmphex (wait_for (pid), ==, 3 << 8);
  if (stage_recycle (pid, &line, &reason) == 0)
    {
      if (!g_test_failed ())
        case_skip (reason);
      return;
    }
  assert_lost (process);
  g_assert_no_errno (close (line));
  g_assert_no_errno (waitid (P_PID, (id_t) pid, &info, WEXITED | WNOWAIT));
  assert_lost (process);
  g_assert_cmphex (wait_for (pid), ==, 0);
}

typedef struct {
  GSpawnProcess *process;
  gboolean known;
  int status;
} Waiter;

static gpointer
wait_in_thread (gpointer data)
{
  Waiter *waiter = data;

  waiter->known = gspawn_process_wait (waiter->process, &waiter->status, NULL);

  return NULL;
}

/* Either side may be faster, and both may see it: nobody gets a wrong status, and all that wait for
 * the process the same answer. */
static void
test_contested (gconstpointer data)
{
  const StageFlags *flags = data;
  guint n_known = 0;

  for (guint i = 0; i < N_ROUNDS; i++)
    {
      g_autoptr (GSpawnProcess) process = stage_launch ("wait-fd 0 exit 3", *flags | STAGE_HELD);
      Waiter waiters[N_WAITERS];
      GThread *threads[N_WAITERS];
      int status = 3 << 8;
      gboolean known;

      for (guint w = 0; w < N_WAITERS; w++)
        {
          waiters[w] = (Waiter) { process, FALSE, 3 << 8 };
          threads[w] = g_thread_new ("waiter", wait_in_thread, &waiters[w]);
        }
      stage_release (process);
      if (waitpid (-1, &status, 0) < 0)
        g_assert_cmpint (errno, ==, ECHILD);
      g_assert_cmphex (status, ==, 3 << 8);

      for (guint w = 0; w < N_WAITERS; w++)
        g_thread_join (threads[w]);
      known = gspawn_process_wait (process, NULL, NULL);
      for (guint w = 0; w < N_WAITERS; w++)
        {
          g_assert_cmpint (waiters[w].known, ==, known);
          g_assert_cmphex (waiters[w].status, ==, 3 << 8);
        }
      n_known += known;
      if (!known)
        assert_lost (process);
    }
  g_test_message ("%u of %d statuses were known", n_known, N_ROUNDS);
}

static const char *
use_in_copy (gpointer data)
{
  GSpawnProcess *process = data;
  gint64 begin = g_get_monotonic_time ();
  struct rusage usage;

  if (gspawn_process_wait (process, NULL, NULL))
    return "waits";
  if (gspawn_process_send_signal (process, SIGKILL, NULL))
    return "sends a signal";
  if (gspawn_process_has_ended (process))
    return "knows that it has ended";
  if (gspawn_process_get_usage (process, &usage))
    return "knows what it has used";
  gspawn_process_unref (process);
  if (stage_count_threads () > 0)
    return "starts a thread";
  if (g_get_monotonic_time () - begin > G_TIME_SPAN_SECOND)
    return "takes its time";

  return NULL;
}

/* It is not the copy's child, and none of its business. */
static void
test_copy (gconstpointer data)
{
  const StageFlags *flags = data;
  g_autoptr (GSpawnProcess) process = stage_launch ("wait-fd 0 exit 3", *flags | STAGE_HELD);
  g_autofree char *complaint = stage_ask_copy (use_in_copy, process);
  int status = -1;

  g_assert_cmpstr (complaint, ==, "");
  g_assert_false (gspawn_process_has_ended (process));
  stage_release (process);
  g_assert_true (gspawn_process_wait (process, &status, NULL));
  g_assert_cmphex (status, ==, 3 << 8);
}

/* Another thread waits, and may hold the lock, when the copy is made. */
static void
test_copy_while_waiting (gconstpointer data)
{
  const StageFlags *flags = data;

  for (guint i = 0; i < N_ROUNDS / 4; i++)
    {
      g_autoptr (GSpawnProcess) process = stage_launch ("wait-fd 0 exit 3", *flags | STAGE_HELD);
      Waiter waiter = { process, FALSE, -1 };
      GThread *thread = g_thread_new ("waiter", wait_in_thread, &waiter);
      g_autofree char *complaint = stage_ask_copy (use_in_copy, process);

      g_assert_cmpstr (complaint, ==, "");
      stage_release (process);
      g_thread_join (thread);
      g_assert_true (waiter.known);
      g_assert_cmphex (waiter.status, ==, 3 << 8);
    }
}

typedef struct {
  GMainLoop *loop;
  int status;
} Watched;

static void
note_status (GPid     pid G_GNUC_UNUSED,
             int      status,
             gpointer data)
{
  Watched *watched = data;

  watched->status = status;
  g_main_loop_quit (watched->loop);
}

/* GLib watches one child while others are waited for, watched by their descriptor or abandoned. */
static void
test_child_watch (gconstpointer data)
{
  const StageFlags *flags = data;

  for (guint i = 0; i < N_ROUNDS / 4; i++)
    {
      g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
      g_autoptr (GSpawnProcess) process = stage_launch ("wait-fd 0 exit 3", *flags | STAGE_HELD);
      GSpawnProcess *abandoned = stage_launch ("wait-fd 0 exit 2", *flags | STAGE_HELD);
      Watched watched = { loop, -1 };
      int line = gspawn_process_steal_pipe (abandoned, GSPAWN_STREAM_INPUT);
      g_auto (Launch) launch;
      int status = -1;

      launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD, NULL, "exit", "7", NULL);
      g_assert_true (launch_start (&launch, NULL));
      g_child_watch_add (launch.pid, note_status, &watched);
      gspawn_process_unref (abandoned);
      stage_release (process);
      close (line);
      g_assert_true (gspawn_process_wait (process, &status, NULL));
      g_assert_cmphex (status, ==, 3 << 8);
      g_main_loop_run (loop);
      g_assert_cmphex (watched.status, ==, 7 << 8);
      launch.pid = 0;
    }
  stage_await_quiet (0);
}

const Case process_lost_cases[] = {
  STAGE_BOTH ("stolen", test_stolen),
  STAGE_BOTH ("stolen-signal", test_stolen_signal),
  STAGE_BOTH ("known", test_known),
  STAGE_BOTH ("ignored", test_ignored),
  STAGE_ONE ("recycled", test_recycled),
  STAGE_BOTH ("contested", test_contested),
  STAGE_BOTH ("copy", test_copy),
  STAGE_BOTH ("copy-while-waiting", test_copy_while_waiting),
  STAGE_BOTH ("child-watch", test_child_watch),
  { .name = NULL }
};
