/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* What others may do to a launch under way, or its caller without meaning it: signals to everybody,
 * processes stopped and killed, children that nobody waits for, and descriptors closed. */

#include "pending-stage.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch.h"

#define N_STORM 30

static gboolean
begin_stalled (gconstpointer   data,
               PendingStall   *stall,
               GSpawnPending **pending)
{
  if (!pending_enter (data))
    return FALSE;
  if (!pending_is_expected (GSPAWN_LAUNCH_ASYNCHRONOUS))
    {
      g_test_message ("This engine has no process in the middle");
      return FALSE;
    }
  if (!pending_stall_init (stall, "print 9 ran exit 3"))
    return FALSE;
  *pending = pending_begin (stall->tmpl);
  scene_stall_await (stall->stall);

  return TRUE;
}

static void
end_stalled (PendingStall  *stall,
             GSpawnPending *pending)
{
  g_autoptr (GSpawnProcess) process = pending_complete (pending);

  g_assert_cmpint (pending_exit_status (process), ==, 3);
  gspawn_pending_free (pending);
  pending_stall_clear (stall);
}

/* A stop is a delay: the program does its work, and nobody learns of it until it is over. */
static void
test_stopped_middle (gconstpointer data)
{
  g_autofree char *text = NULL;
  GSpawnPending *pending;
  PendingStall stall;
  pid_t middle, program;

  if (!begin_stalled (data, &stall, &pending))
    return;
  pending_find_children (&middle, &program);
  g_assert_no_errno (kill (middle, SIGSTOP));
  scene_stall_release (stall.stall);
  pending_await_end (program);
  text = pending_stall_read (&stall);
  g_assert_cmpstr (text, ==, "ran");
  g_assert_false (gspawn_pending_poll (pending));
  g_assert_no_errno (kill (middle, SIGCONT));
  pending_await (pending);
  end_stalled (&stall, pending);
}

/* One that is stopped can be cancelled. */
static void
test_cancel_stopped (gconstpointer data)
{
  g_autofree char *text = NULL;
  GSpawnPending *pending;
  PendingStall stall;
  pid_t middle, program;

  if (!begin_stalled (data, &stall, &pending))
    return;
  pending_find_children (&middle, &program);
  g_assert_no_errno (kill (middle, SIGSTOP));
  g_assert_no_errno (kill (program, SIGSTOP));
  g_assert_true (gspawn_pending_cancel (pending));
  pending_await (pending);
  pending_assert_cancelled (pending);
  pending_await_no_child ();
  gspawn_pending_free (pending);
  text = pending_stall_read (&stall);
  g_assert_cmpstr (text, ==, "");
  pending_stall_clear (&stall);
}

/* Its work is done by then. The caller has to wait for the rest itself. */
static void
test_killed_middle (gconstpointer data)
{
  GSpawnPending *pending;
  PendingStall stall;
  pid_t middle, program;

  if (!begin_stalled (data, &stall, &pending))
    return;
  pending_find_children (&middle, &program);
  g_assert_no_errno (kill (middle, SIGKILL));
  pending_await (pending);
  scene_stall_release (stall.stall);
  end_stalled (&stall, pending);
}

static void
test_killed_program (gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  GSpawnPending *pending;
  PendingStall stall;
  pid_t middle, program;

  if (!begin_stalled (data, &stall, &pending))
    return;
  pending_find_children (&middle, &program);
  g_assert_no_errno (kill (program, SIGKILL));
  pending_await (pending);
  g_assert_null (gspawn_pending_complete (pending, &error));
  g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_FORK);
  pending_await_no_child ();
  gspawn_pending_free (pending);
  pending_stall_clear (&stall);
}

static pid_t owner;
static int n_handled;
static int n_astray;

static void
handle (int number G_GNUC_UNUSED)
{
  g_atomic_int_inc (syscall (SYS_getpid) == owner ? &n_handled : &n_astray);
}

/* Sends what programs ignore to all of our process group, until it is killed. */
static pid_t
start_storm (void)
{
  pid_t pid = fork ();

  g_assert_no_errno (pid);
  while (pid == 0)
    kill (0, SIGURG);

  return pid;
}

/* No handler runs but in the process that it is of. */
static void
test_storm (gconstpointer data)
{
  struct sigaction action = { .sa_handler = handle };
  g_autoptr (GSpawnTemplate) tmpl = NULL;
  pid_t storm;

  if (!pending_enter (data))
    return;
  owner = getpid ();
  tmpl = pending_template_new ("/bin/true");
  storm = start_storm ();
  g_assert_no_errno (sigaction (SIGURG, &action, NULL));
  for (guint i = 0; i < N_STORM; i++)
    {
      g_autoptr (GSpawnPending) pending = pending_begin (tmpl);
      g_autoptr (GSpawnProcess) process = pending_complete (pending);

      g_assert_cmpint (pending_exit_status (process), ==, 0);
    }
  g_assert_no_errno (kill (storm, SIGKILL));
  g_assert_cmpint (wait_for (storm), ==, SIGKILL);
  scene_default_signal (SIGURG);
  g_assert_cmpint (n_handled, >, 0);
  g_assert_cmpint (n_astray, ==, 0);
}

/* Whose program the kernel has done away with, still has launched it. */
static void
test_ignored_children (gconstpointer data)
{
  g_autoptr (GSpawnTemplate) tmpl = NULL;
  g_autoptr (GSpawnPending) pending = NULL;
  g_autoptr (GSpawnProcess) process = NULL;
  g_autoptr (GError) error = NULL;

  if (!pending_enter (data))
    return;
  scene_ignore_signal (SIGCHLD);
  tmpl = pending_template_new ("/bin/true");
  pending = pending_begin (tmpl);
  pending_await (pending);
  process = pending_complete (pending);
  g_assert_false (gspawn_process_wait (process, NULL, &error));
  g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED);
  pending_await_no_child ();
  scene_default_signal (SIGCHLD);
}

/* Who has closed what it does not know, and opened something that can be read at once, has to wait,
 * but loses nothing. */
static void
test_closed (gconstpointer data)
{
  g_autoptr (GSpawnProcess) process = NULL;
  GSpawnPending *pending;
  PendingStall stall;
  int null;

  if (!pending_enter (data) || !pending_stall_init (&stall, "exit 3"))
    return;
  null = scene_open_private ("/dev/null", O_RDONLY);
  pending = pending_begin (stall.tmpl);
  scene_stall_await (stall.stall);
  g_assert_no_errno (dup3 (null, gspawn_pending_get_fd (pending), O_CLOEXEC));
  close (null);
  scene_stall_release (stall.stall);
  process = pending_complete (pending);
  g_assert_cmpint (pending_exit_status (process), ==, 3);
  gspawn_pending_free (pending);
  pending_stall_clear (&stall);
}

static gpointer
launch_as_other (gpointer data)
{
  g_autoptr (GSpawnTemplate) tmpl = pending_template_new ("/usr/bin/id -u");
  g_autoptr (GSpawnPending) pending = NULL;
  g_autoptr (GSpawnProcess) process = NULL;
  g_autofree char *text = NULL;

  if (syscall (SYS_setresuid, 1000, 1000, 0) < 0)
    g_error ("setresuid");
  g_assert_true (gspawn_template_set_stream (tmpl, GSPAWN_STREAM_OUTPUT, GSPAWN_STREAM_KIND_PIPE,
                                             NULL));
  pending = pending_begin (tmpl);
  process = gspawn_pending_complete (pending, NULL);
  if (process != NULL)
    {
      text = read_all (gspawn_process_get_pipe (process, GSPAWN_STREAM_OUTPUT));
      g_assert_cmpstr (text, ==, "1000\n");
      g_assert_cmpint (pending_exit_status (process), ==, 0);
    }

  return data;
}

/* A thread that has made itself another user, as servers do, gets no program of more rights. */
static void
test_thread_of_other (gconstpointer data)
{
  g_autoptr (GSpawnTemplate) tmpl = NULL;
  g_autoptr (GSpawnPending) pending = NULL;
  g_autoptr (GSpawnProcess) process = NULL;

  if (!pending_enter (data))
    return;
  if (geteuid () != 0)
    {
      case_skip ("Only root can become another user");
      return;
    }
  /* So there are threads of root's. */
  tmpl = pending_template_new ("/bin/true");
  pending = pending_begin (tmpl);
  process = pending_complete (pending);
  g_assert_cmpint (pending_exit_status (process), ==, 0);
  g_thread_join (g_thread_new ("other", launch_as_other, NULL));
  g_assert_no_errno (prctl (PR_SET_DUMPABLE, 1));
}

const Case pending_harm_cases[] = {
  PENDING_ONE ("stopped-middle", test_stopped_middle, pending_asynchronous),
  PENDING_ONE ("cancel-stopped", test_cancel_stopped, pending_asynchronous),
  PENDING_ONE ("killed-middle", test_killed_middle, pending_asynchronous),
  PENDING_ONE ("killed-program", test_killed_program, pending_asynchronous),
  PENDING_BOTH ("storm", test_storm),
  PENDING_BOTH ("ignored-children", test_ignored_children),
  PENDING_BOTH ("closed", test_closed),
  PENDING_ONE ("thread-of-other", test_thread_of_other, pending_worker),
  { .name = NULL },
};
