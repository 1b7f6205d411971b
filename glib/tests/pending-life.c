/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* What a launch under way outlives: the thread that has begun it, with its stack; the process
 * itself, its end and its exec; and copies of it. */

#include "pending-stage.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gspawn-attributes.h"
#include "case.h"
#include "launch.h"

#define THREAD_STACK_SIZE (256 * 1024)

static void *
begin_in_thread (void *data)
{
  return pending_begin (data);
}

/* Its stack, which libc's storage of the thread is in, is no memory any more while the program
 * waits for its exec. */
static void
test_thread_ends (gconstpointer data)
{
  void *stack = mmap (NULL, THREAD_STACK_SIZE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  g_autoptr (GSpawnProcess) process = NULL;
  pthread_attr_t attributes;
  GSpawnPending *pending;
  PendingStall stall;
  pthread_t thread;
  void *result;

  if (THREADS_ARE_SANITIZED)
    {
      case_skip_anywhere ("The thread sanitizer looks at a thread's stack when it has ended");
      return;
    }
  g_assert_true (stack != MAP_FAILED);
  if (!pending_enter (data) || !pending_stall_init (&stall, "exit 9"))
    return;
  pthread_attr_init (&attributes);
  g_assert_cmpint (pthread_attr_setstack (&attributes, stack, THREAD_STACK_SIZE), ==, 0);
  g_assert_cmpint (pthread_create (&thread, &attributes, begin_in_thread, stall.tmpl), ==, 0);
  g_assert_cmpint (pthread_join (thread, &result), ==, 0);
  g_assert_no_errno (munmap (stack, THREAD_STACK_SIZE));
  pthread_attr_destroy (&attributes);

  pending = result;
  scene_stall_await (stall.stall);
  g_assert_false (gspawn_pending_poll (pending));
  scene_stall_release (stall.stall);
  process = pending_complete (pending);
  g_assert_cmpint (pending_exit_status (process), ==, 9);
  gspawn_pending_free (pending);
  pending_stall_clear (&stall);
}

typedef struct {
  GSpawnTemplate *tmpl;
  gboolean launched;
  int status;
} Doomed;

/* Cancelled from the start: nothing in here is a place to end at. */
static void *
launch_doomed (void *data)
{
  Doomed *doomed = data;
  GSpawnPending *pending;
  GSpawnProcess *process;

  g_assert_cmpint (pthread_cancel (pthread_self ()), ==, 0);
  gspawn_pending_free (pending_begin (doomed->tmpl));
  pending = pending_begin (doomed->tmpl);
  process = gspawn_pending_complete (pending, NULL);
  gspawn_pending_free (pending);
  doomed->launched = process != NULL;
  if (doomed->launched)
    gspawn_process_wait (process, &doomed->status, NULL);
  pthread_setcancelstate (PTHREAD_CANCEL_DISABLE, NULL);
  g_clear_pointer (&process, gspawn_process_unref);
  pthread_setcancelstate (PTHREAD_CANCEL_ENABLE, NULL);
  pthread_testcancel ();

  return NULL;
}

/* A thread that is cancelled leaves no launch half begun, and no process without an owner. */
static void
test_thread_cancelled (gconstpointer data)
{
  Doomed doomed = { .status = -1 };
  pthread_t thread;
  void *result;

  if (THREADS_ARE_SANITIZED)
    {
      case_skip_anywhere ("The thread sanitizer puts cancellation off");
      return;
    }
  if (!pending_enter (data))
    return;
  doomed.tmpl = pending_template_new ("/bin/sh -c exit\t4");
  g_assert_cmpint (pthread_create (&thread, NULL, launch_doomed, &doomed), ==, 0);
  g_assert_cmpint (pthread_join (thread, &result), ==, 0);
  g_assert_true (result == PTHREAD_CANCELED);
  g_assert_true (doomed.launched);
  g_assert_cmphex (doomed.status, ==, 4 << 8);
  pending_await_no_child ();
  gspawn_template_unref (doomed.tmpl);
}

static const char *
use_in_copy (GSpawnPending *pending)
{
  g_autoptr (GError) error = NULL;

  if (gspawn_pending_cancel (pending))
    return "cancelled";
  if (gspawn_pending_complete (pending, &error) != NULL || error == NULL)
    return "completed";
  gspawn_pending_free (pending);

  return NULL;
}

/* A copy frees its own, and begins others. */
static const char *
live_in_copy (GSpawnPending *used,
              GSpawnPending *freed)
{
  g_autoptr (GSpawnTemplate) tmpl = pending_template_new ("/bin/sh -c exit\t8");
  g_autoptr (GSpawnPending) pending = NULL;
  g_autoptr (GSpawnProcess) process = NULL;
  const char *complaint = use_in_copy (used);
  int fd = gspawn_pending_get_fd (freed);

  gspawn_pending_free (freed);
  if (fcntl (fd, F_GETFD) >= 0)
    return "a descriptor left open";
  if (complaint != NULL)
    return complaint;
  pending = pending_begin (tmpl);
  process = gspawn_pending_complete (pending, NULL);
  if (process == NULL || pending_exit_status (process) != 8)
    return "not launched";

  return NULL;
}

static void
test_copies (gconstpointer data)
{
  GSpawnPending *pendings[2];
  PendingStall stall;
  pid_t pid;

  if (THREADS_ARE_SANITIZED)
    {
      case_skip_anywhere ("The thread sanitizer allows no threads in a copy of several");
      return;
    }
  if (!pending_enter (data) || !pending_stall_init (&stall, "exit 2"))
    return;
  for (guint i = 0; i < 2; i++)
    pendings[i] = pending_begin (stall.tmpl);
  scene_stall_await (stall.stall);
  pid = fork ();
  g_assert_no_errno (pid);
  if (pid == 0)
    {
      const char *complaint = live_in_copy (pendings[0], pendings[1]);

      if (complaint != NULL)
        g_test_message ("In the copy: %s", complaint);
      _exit (complaint == NULL ? 0 : 1);
    }
  g_assert_cmpint (wait_for (pid), ==, 0);
  for (guint i = 0; i < 2; i++)
    g_assert_false (gspawn_pending_poll (pendings[i]));
  scene_stall_release (stall.stall);
  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (GSpawnProcess) process = pending_complete (pendings[i]);

      g_assert_cmpint (pending_exit_status (process), ==, 2);
      gspawn_pending_free (pendings[i]);
    }
  pending_stall_clear (&stall);
}

/* Runs @leave in a copy that has begun a launch, and returns what the program writes afterwards. */
static char *
leave_in_flight (PendingStall  *stall,
                 void         (*leave) (void))
{
  int ends[2];
  char byte;
  pid_t pid;

  g_assert_no_errno (pipe2 (ends, O_CLOEXEC));
  pid = fork ();
  g_assert_no_errno (pid);
  if (pid == 0)
    {
      close (ends[1]);
      pending_begin (stall->tmpl);
      if (read (ends[0], &byte, 1) == 0)
        leave ();
      _exit (1);
    }
  close (ends[0]);
  scene_stall_await (stall->stall);
  close (ends[1]);
  g_assert_cmpint (wait_for (pid), ==, 0);
  scene_stall_release (stall->stall);

  return pending_stall_read_to_end (stall);
}

static void
leave_by_end (void)
{
  _exit (0);
}

static void
leave_by_exec (void)
{
  execl ("/bin/true", "true", NULL);
}

/* What was begun goes on. What a thread has begun, ends with it. */
static void
test_leave (gconstpointer data)
{
  void (*const ways[]) (void) = { leave_by_end, leave_by_exec };

  if (!pending_enter (data))
    return;
  for (gsize i = 0; i < G_N_ELEMENTS (ways); i++)
    {
      g_autofree char *text = NULL;
      PendingStall stall;

      if (!pending_stall_init (&stall, "print 9 ran"))
        return;
      text = leave_in_flight (&stall, ways[i]);
      g_assert_cmpstr (text, ==, "ran");
      pending_stall_clear (&stall);
    }
}

/* The program ends with its caller, whoever has made it. */
static void
test_death_signal (gconstpointer data)
{
  g_autoptr (GSpawnAttributes) attributes = gspawn_attributes_new ();
  g_autofree char *text = NULL;
  PendingStall stall;
  pid_t pid;

  if (!pending_enter (data) || !pending_stall_init (&stall, "print 9 ran wait-fifo line"))
    return;
  g_free (scene_make_fifo ("line"));
  g_assert_true (gspawn_attributes_set_death_signal (attributes, SIGKILL, NULL));
  g_assert_true (gspawn_template_set_attributes (stall.tmpl, attributes, NULL));
  scene_stall_release (stall.stall);
  pid = fork ();
  g_assert_no_errno (pid);
  if (pid == 0)
    {
      g_autoptr (GSpawnPending) pending = pending_begin (stall.tmpl);
      char byte;

      pending_complete (pending);
      fcntl (stall.line, F_SETFL, 0);
      _exit (read (stall.line, &byte, 1) == 1 && byte == 'r' ? 0 : 1);
    }
  g_assert_cmpint (wait_for (pid), ==, 0);
  text = pending_stall_read_to_end (&stall);
  g_assert_cmpstr (text, ==, "an");
  pending_stall_clear (&stall);
}

const Case pending_life_cases[] = {
  PENDING_BOTH ("thread-ends", test_thread_ends),
  PENDING_BOTH ("thread-cancelled", test_thread_cancelled),
  PENDING_BOTH ("copies", test_copies),
  PENDING_ONE ("leave", test_leave, pending_asynchronous),
  { .name = "death-signal", .run_data = test_death_signal, .data = &pending_asynchronous,
    .engines_only = TRUE, .needs = GSPAWN_NEED_ATTRIBUTES },
  { .name = "death-signal-by-worker", .run_data = test_death_signal, .data = &pending_worker,
    .engines_only = TRUE, .needs = GSPAWN_NEED_ATTRIBUTES },
  { .name = NULL },
};
