/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Launches for which nobody waits: their outcome, where it arrives, cancellation at each stage, and
 * what is left when somebody loses interest. */
#include "await.h"

#include "isolation.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define N_LAUNCHES 300
#define N_THREADS 4

/* A program whose exec does not go on until it is released: it cannot be opened as long as there is
 * a lease on it, and who has the lease hears of it. */
typedef struct {
  char *directory;
  char *path;
  int fd;
  int signal_fd;
} Slow;

static gboolean
lease (Slow *slow)
{
  struct f_owner_ex owner = { F_OWNER_TID, gettid () };

  return fcntl (slow->fd, F_SETOWN_EX, &owner) == 0 && fcntl (slow->fd, F_SETSIG, SIGURG) == 0 &&
         fcntl (slow->fd, F_SETLEASE, F_WRLCK) == 0;
}

static gboolean
slow_init (Slow *slow)
{
  g_autoptr (GError) error = NULL;
  sigset_t urgent;

  slow->directory = g_dir_make_tmp ("gspawn-test-XXXXXX", &error);
  g_assert_no_error (error);
  slow->path = g_build_filename (slow->directory, "slow", NULL);
  g_file_set_contents_full (slow->path, "#!/bin/sh\nexit 5\n", -1, G_FILE_SET_CONTENTS_NONE, 0700,
                            &error);
  g_assert_no_error (error);

  sigemptyset (&urgent);
  sigaddset (&urgent, SIGURG);
  g_assert_no_errno (sigprocmask (SIG_BLOCK, &urgent, NULL));
  slow->signal_fd = signalfd (-1, &urgent, SFD_CLOEXEC);
  slow->fd = open (slow->path, O_RDONLY | O_CLOEXEC);
  g_assert_no_errno (slow->fd);

  return lease (slow);
}

/* Returns once somebody tries to execute the program. */
static void
slow_await_exec (Slow *slow)
{
  struct signalfd_siginfo info;

  g_assert_cmpint (read (slow->signal_fd, &info, sizeof info), ==, sizeof info);
}

static void
slow_release (Slow *slow)
{
  g_assert_no_errno (fcntl (slow->fd, F_SETLEASE, F_UNLCK));
}

static void
slow_clear (Slow *slow)
{
  sigset_t urgent;

  close (slow->fd);
  close (slow->signal_fd);
  sigemptyset (&urgent);
  sigaddset (&urgent, SIGURG);
  g_assert_no_errno (sigprocmask (SIG_UNBLOCK, &urgent, NULL));
  g_assert_no_errno (unlink (slow->path));
  g_assert_no_errno (rmdir (slow->directory));
  g_free (slow->path);
  g_free (slow->directory);
}

static GSpawnGioTemplate *
make_program (const char *path)
{
  g_autoptr (GError) error = NULL;
  GSpawnGioTemplate *tmpl;

  tmpl = gspawn_gio_template_new ((const char *[]) { path, NULL }, G_SPAWN_DEFAULT, &error);
  g_assert_no_error (error);

  return tmpl;
}

static void
test_success (void)
{
  g_autoptr (GSpawnGioTemplate) tmpl = make_script ("exit $(($1 + $2))");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GSpawnGioProcess) process = NULL;
  g_autoptr (GAsyncResult) result = NULL;
  guint signal = g_signal_lookup ("cancelled", G_TYPE_CANCELLABLE);
  g_autoptr (GError) error = NULL;
  Awaited launched = { 0 };

  gspawn_gio_template_launch_async (tmpl, (const char *[]) { "3", "4", NULL }, cancellable,
                                    await_ready, &launched);
  result = await (&launched);
  process = gspawn_gio_template_launch_finish (tmpl, result, &error);
  g_assert_no_error (error);
  assert_exits (process, 7);
  /* One cancellable may see to very many launches, whose results somebody keeps. */
  g_assert_false (g_signal_has_handler_pending (cancellable, signal, 0, TRUE));
  g_assert_true (gspawn_gio_process_get_pidfd (process) == -1 ||
                 fcntl (gspawn_gio_process_get_pidfd (process), F_GETFD) == FD_CLOEXEC);
}

static void
test_with (void)
{
  g_autoptr (GSpawnGioTemplate) tmpl = make_script ("exit $A$1");
  g_autoptr (GSpawnLaunch) launch = gspawn_launch_new ((const char *[]) { "2", NULL });
  g_autoptr (GSpawnGioProcess) process = NULL;
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  Awaited launched = { 0 };

  gspawn_launch_set_variable (launch, "A", "4", &error);
  g_assert_no_error (error);
  gspawn_gio_template_launch_with_async (tmpl, launch, NULL, await_ready, &launched);
  result = await (&launched);
  process = gspawn_gio_template_launch_with_finish (tmpl, result, &error);
  g_assert_no_error (error);
  assert_exits (process, 42);
}

static void
assert_same_error (GSpawnGioTemplate *tmpl,
                   int                code)
{
  g_autoptr (GError) error = NULL, late_error = NULL;
  Awaited launched = { 0 };

  g_assert_null (gspawn_gio_template_launch (tmpl, NULL, &error));
  g_assert_error (error, G_SPAWN_ERROR, code);
  gspawn_gio_template_launch_async (tmpl, NULL, NULL, await_ready, &launched);
  g_assert_null (launched.result);
  g_assert_null (await_launch (tmpl, &launched, &late_error));
  g_assert_error (late_error, G_SPAWN_ERROR, code);
  g_assert_cmpstr (late_error->message, ==, error->message);
}

static void
test_errors (void)
{
  g_autoptr (GSpawnGioTemplate) missing = make_program ("/nonexistent/program");
  g_autoptr (GSpawnGioTemplate) directory = make_program ("/usr");
  g_autoptr (GSpawnGioTemplate) nowhere = make_script ("exit 0");

  assert_same_error (missing, G_SPAWN_ERROR_NOENT);
  assert_same_error (directory, G_SPAWN_ERROR_ACCES);
  gspawn_gio_template_set_working_directory (nowhere, "/nonexistent", NULL);
  assert_same_error (nowhere, G_SPAWN_ERROR_CHDIR);
}

/* A failure that is another's, and that a cancellation which comes too late does not hide. */
static void
test_error_cancellable (void)
{
  g_autoptr (GSpawnGioTemplate) missing = make_program ("/nonexistent/program");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  Awaited launched = { 0 };

  gspawn_gio_template_launch_async (missing, NULL, cancellable, await_ready, &launched);
  while (launched.result == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_cancellable_cancel (cancellable);
  g_assert_null (await_launch (missing, &launched, &error));
  g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT);
}

static void
test_cancelled_before (void)
{
  g_autoptr (GSpawnGioTemplate) tmpl = make_script ("echo ran >&5");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *output = NULL;
  Awaited launched = { 0 };
  int read_end, write_end;

  make_pipe (&read_end, &write_end);
  gspawn_gio_template_set_fd (tmpl, write_end, 5, &error);
  g_assert_no_error (error);
  close (write_end);

  g_cancellable_cancel (cancellable);
  gspawn_gio_template_launch_async (tmpl, NULL, cancellable, await_ready, &launched);
  g_assert_null (await_launch (tmpl, &launched, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  /* Not launched at all: it can still be changed. */
  gspawn_gio_template_set_environment (tmpl, NULL, &error);
  g_assert_no_error (error);
  g_clear_object (&tmpl);
  output = read_to_end (read_end);
  g_assert_cmpstr (output, ==, "");
}

static gpointer
cancel (gpointer cancellable)
{
  g_cancellable_cancel (cancellable);

  return NULL;
}

/* The lease is kept until the outcome is there: it cannot have been waited for. */
static void
test_cancelled_in_flight (void)
{
  g_autoptr (GSpawnGioTemplate) tmpl = NULL;
  g_autoptr (GError) error = NULL;
  const char *detail;
  Slow slow;

  /* Another engine tells of its child when it has been executed. */
  if (!gspawn_engine_is_available (GSPAWN_ENGINE_CLONE, &detail))
    {
      g_test_skip (detail);
      return;
    }
  if (!slow_init (&slow))
    {
      skip_unless_required ("there is no lease on a file");
      slow_clear (&slow);
      return;
    }

  tmpl = make_program (slow.path);
  for (int i = 0; i < 4; i++)
    {
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();
      Awaited launched = { 0 };

      gspawn_gio_template_launch_async (tmpl, NULL, cancellable, await_ready, &launched);
      slow_await_exec (&slow);
      if (i % 2 == 0)
        g_cancellable_cancel (cancellable);
      else
        g_thread_join (g_thread_new ("cancel", cancel, cancellable));
      g_assert_null (await_launch (tmpl, &launched, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      g_clear_error (&error);
      slow_release (&slow);
      g_assert_true (lease (&slow));
    }
  slow_clear (&slow);
}

static void
test_slow_exec (void)
{
  g_autoptr (GSpawnGioTemplate) tmpl = NULL, quick = make_script ("exit 0");
  g_autoptr (GSpawnGioProcess) process = NULL, other = NULL;
  g_autoptr (GError) error = NULL;
  Awaited launched = { 0 }, other_launched = { 0 };
  Slow slow;

  if (!slow_init (&slow))
    {
      skip_unless_required ("there is no lease on a file");
      slow_clear (&slow);
      return;
    }

  tmpl = make_program (slow.path);
  gspawn_gio_template_launch_async (tmpl, NULL, NULL, await_ready, &launched);
  slow_await_exec (&slow);
  gspawn_gio_template_launch_async (quick, NULL, NULL, await_ready, &other_launched);
  other = await_launch (quick, &other_launched, &error);
  g_assert_no_error (error);
  assert_exits (other, 0);
  g_assert_null (launched.result);

  slow_release (&slow);
  process = await_launch (tmpl, &launched, &error);
  g_assert_no_error (error);
  assert_exits (process, 5);
  slow_clear (&slow);
}

/* Polls what the context polls, but its own descriptor, without letting it know. */
static void
await_decided (GMainContext *context,
               int           own_fd)
{
  GPollFD fds[4];
  int timeout, priority, n;

  g_main_context_prepare (context, &priority);
  n = g_main_context_query (context, G_MAXINT, &timeout, fds, G_N_ELEMENTS (fds));
  g_assert_cmpint (n, ==, 2);
  for (int i = 0; i < n; i++)
    if (fds[i].fd == own_fd)
      fds[i].fd = -1;
  while (g_poll (fds, (guint) n, -1) <= 0)
    ;
  g_main_context_check (context, priority, fds, n);
}

static void
test_cancelled_late (void)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (GSpawnGioTemplate) tmpl = make_script ("exit 6");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GSpawnGioProcess) process = NULL;
  g_autoptr (GError) error = NULL;
  Awaited launched = { 0 };
  int timeout, priority;
  GPollFD own;

  g_main_context_push_thread_default (context);
  g_assert_true (g_main_context_acquire (context));
  g_main_context_prepare (context, &priority);
  g_assert_cmpint (g_main_context_query (context, G_MAXINT, &timeout, &own, 1), ==, 1);
  gspawn_gio_template_launch_async (tmpl, NULL, cancellable, await_ready, &launched);
  await_decided (context, own.fd);
  g_cancellable_cancel (cancellable);
  process = await_launch (tmpl, &launched, &error);
  g_assert_no_error (error);
  assert_exits (process, 6);
  g_main_context_release (context);
  g_main_context_pop_thread_default (context);
}

static void
iterate (GCancellable *cancellable G_GNUC_UNUSED,
         gpointer      user_data)
{
  Awaited *awaited = user_data;

  while (awaited->result == NULL)
    g_main_context_iteration (NULL, TRUE);
}

/* The outcome arrives while the cancellation is under way, in a function that was called before
 * ours. */
static void
test_cancelled_nested (void)
{
  g_autoptr (GSpawnGioTemplate) tmpl = make_script ("exit 0");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GSpawnGioProcess) process = NULL;
  g_autoptr (GError) error = NULL;
  Awaited launched = { 0 };

  g_signal_connect (cancellable, "cancelled", G_CALLBACK (iterate), &launched);
  gspawn_gio_template_launch_async (tmpl, NULL, cancellable, await_ready, &launched);
  g_cancellable_cancel (cancellable);
  process = await_launch (tmpl, &launched, &error);
  g_assert_no_error (error);
  assert_exits (process, 0);
}

static gpointer
cancel_all (gpointer queue)
{
  GCancellable *cancellable;

  while ((cancellable = g_async_queue_pop (queue)) != queue)
    {
      g_cancellable_cancel (cancellable);
      g_object_unref (cancellable);
    }

  return NULL;
}

/* Whatever comes first: a process that can be waited for, or nothing at all. */
static void
test_cancelled_race (void)
{
  g_autoptr (GSpawnGioTemplate) tmpl = make_script ("exit 0");
  g_autoptr (GAsyncQueue) queue = g_async_queue_new ();
  GThread *thread = g_thread_new ("cancel", cancel_all, queue);
  int n_cancelled = 0;

  for (int i = 0; i < N_LAUNCHES; i++)
    {
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();
      g_autoptr (GSpawnGioProcess) process = NULL;
      g_autoptr (GError) error = NULL;
      Awaited launched = { 0 };

      if (i % 2 == 0)
        g_async_queue_push (queue, g_object_ref (cancellable));
      gspawn_gio_template_launch_async (tmpl, NULL, cancellable, await_ready, &launched);
      if (i % 2 == 1)
        g_async_queue_push (queue, g_object_ref (cancellable));
      process = await_launch (tmpl, &launched, &error);
      if (process != NULL)
        assert_exits (process, 0);
      else
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      n_cancelled += process == NULL;
    }
  g_async_queue_push (queue, queue);
  g_thread_join (thread);
  g_test_message ("%d of %d were cancelled", n_cancelled, N_LAUNCHES);
}

static void
test_many (void)
{
  g_autoptr (GSpawnGioTemplate) tmpl = make_script ("exit $1");
  Awaited launched[N_LAUNCHES] = { { 0 } };

  for (int i = 0; i < N_LAUNCHES; i++)
    {
      g_autofree char *status = g_strdup_printf ("%d", i % 100);

      gspawn_gio_template_launch_async (tmpl, (const char *[]) { status, NULL }, NULL, await_ready,
                                        &launched[i]);
    }
  for (int i = 0; i < N_LAUNCHES; i++)
    {
      g_autoptr (GSpawnGioProcess) process = NULL;
      g_autoptr (GError) error = NULL;
      Awaited ended = { 0 };

      process = await_launch (tmpl, &launched[i], &error);
      g_assert_no_error (error);
      gspawn_gio_process_wait_async (process, NULL, await_ready, &ended);
      await_end (process, &ended, &error);
      g_assert_no_error (error);
      g_assert_cmpint (gspawn_gio_process_get_exit_status (process), ==, i % 100);
    }
}

static gpointer
launch_in_context (gpointer tmpl)
{
  g_autoptr (GMainContext) context = g_main_context_new ();

  g_main_context_push_thread_default (context);
  for (int i = 0; i < 20; i++)
    {
      g_autoptr (GSpawnGioProcess) process = NULL;
      g_autoptr (GError) error = NULL;
      Awaited launched = { 0 }, ended = { 0 };

      gspawn_gio_template_launch_async (tmpl, NULL, NULL, await_ready, &launched);
      process = await_launch (tmpl, &launched, &error);
      g_assert_no_error (error);
      g_assert_true (launched.thread == g_thread_self ());
      gspawn_gio_process_wait_async (process, NULL, await_ready, &ended);
      await_end (process, &ended, &error);
      g_assert_no_error (error);
      g_assert_true (ended.thread == g_thread_self ());
      g_assert_cmpint (gspawn_gio_process_get_exit_status (process), ==, 3);
    }
  g_main_context_pop_thread_default (context);

  return NULL;
}

/* Nobody looks at the default context. */
static void
test_threads (void)
{
  g_autoptr (GSpawnGioTemplate) tmpl = make_script ("exit 3");
  GThread *threads[N_THREADS];

  for (int i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("launch", launch_in_context, tmpl);
  for (int i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
}

static void
test_given_up (void)
{
  GSpawnGioTemplate *tmpl = make_script ("read line");
  g_autoptr (GSpawnGioTemplate) source = NULL;
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GSpawnGioProcess) process = NULL;
  Awaited launched = { 0 };

  gspawn_gio_template_set_stream (tmpl, GSPAWN_STREAM_INPUT, GSPAWN_STREAM_KIND_PIPE, &error);
  g_assert_no_error (error);
  gspawn_gio_template_launch_async (tmpl, NULL, NULL, await_ready, &launched);
  g_object_unref (tmpl);
  result = await (&launched);
  source = GSPAWN_GIO_TEMPLATE (g_async_result_get_source_object (result));
  process = gspawn_gio_template_launch_finish (source, result, &error);
  g_assert_no_error (error);
  g_assert_false (gspawn_gio_process_has_ended (process));
  /* It runs until its pipe is closed, which is now. */
}

/* Nobody asks for the outcome, which is a process that is let go. */
static void
test_unfinished (void)
{
  g_autoptr (GSpawnGioTemplate) tmpl = make_script ("read line <&5");
  g_autoptr (GError) error = NULL;
  g_autofree char *output = NULL;
  Awaited launched = { 0 };
  int input, held, read_end, write_end;

  make_pipe (&input, &held);
  make_pipe (&read_end, &write_end);
  gspawn_gio_template_set_fd (tmpl, input, 5, &error);
  gspawn_gio_template_set_fd (tmpl, write_end, 6, &error);
  g_assert_no_error (error);
  close (input);
  close (write_end);
  gspawn_gio_template_launch_async (tmpl, NULL, NULL, await_ready, &launched);
  g_object_unref (await (&launched));
  g_clear_object (&tmpl);
  close (held);
  output = read_to_end (read_end);
  g_assert_cmpstr (output, ==, "");
}

static void
test_kind (void)
{
  g_autoptr (GSpawnGioTemplate) tmpl = make_script ("exit 0");
  g_autoptr (GSpawnGioProcess) process = NULL;
  g_autoptr (GError) error = NULL;
  Awaited launched = { 0 };

  gspawn_gio_template_launch_async (tmpl, NULL, NULL, await_ready, &launched);
  process = await_launch (tmpl, &launched, &error);
  g_assert_no_error (error);
  g_test_message ("kind %d, engine %s", gspawn_gio_process_get_launch_kind (process),
                  gspawn_engine_get_name (gspawn_gio_process_get_engine (process)));
  g_assert_cmpint (gspawn_gio_process_get_launch_kind (process), !=, GSPAWN_LAUNCH_WAITING);
  if (getuid () == 0)
    g_assert_cmpint (gspawn_gio_process_get_launch_kind (process), ==, GSPAWN_LAUNCH_WORKER);
  assert_exits (process, 0);
}

void
add_launching_tests (void)
{
  add_test ("/launching/success", test_success);
  add_test ("/launching/with", test_with);
  add_test ("/launching/kind", test_kind);
  add_test ("/launching/errors", test_errors);
  add_test ("/launching/error-cancellable", test_error_cancellable);
  add_test ("/launching/cancelled-before", test_cancelled_before);
  add_test ("/launching/cancelled-in-flight", test_cancelled_in_flight);
  add_test ("/launching/cancelled-late", test_cancelled_late);
  add_test ("/launching/cancelled-nested", test_cancelled_nested);
  add_test ("/launching/cancelled-race", test_cancelled_race);
  add_test ("/launching/slow-exec", test_slow_exec);
  add_test ("/launching/many", test_many);
  add_test ("/launching/threads", test_threads);
  add_test ("/launching/given-up", test_given_up);
  add_test ("/launching/unfinished", test_unfinished);
}
