/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Processes as objects: what they are, their streams, signals to them, and waits by many. */
#include "await.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#define N_WAITERS 6
#define SIZE (1024 * 1024)

static void
test_status (void)
{
  g_autoptr (GSpawnGioProcess) process = launch_held ();

  g_assert_false (gspawn_gio_process_has_ended (process));
  g_assert_cmpint (gspawn_gio_process_get_wait_status (process), ==, -1);
  g_assert_false (gspawn_gio_process_get_if_exited (process));
  g_assert_false (gspawn_gio_process_get_if_signaled (process));
  g_assert_cmpint (gspawn_gio_process_get_exit_status (process), ==, -1);
  g_assert_cmpint (gspawn_gio_process_get_term_sig (process), ==, -1);
  g_assert_cmpint (gspawn_gio_process_get_user_time (process), ==, -1);
  g_assert_cmpint (gspawn_gio_process_get_system_time (process), ==, -1);
  g_assert_cmpint (gspawn_gio_process_get_max_rss (process), ==, -1);

  release_held (process);
  assert_exits (process, 0);
  g_assert_true (gspawn_gio_process_has_ended (process));
  g_assert_cmpint (gspawn_gio_process_get_wait_status (process), ==, 0);
  g_assert_false (gspawn_gio_process_get_if_signaled (process));
  g_assert_cmpint (gspawn_gio_process_get_term_sig (process), ==, -1);
  g_assert_cmpint (gspawn_gio_process_get_user_time (process), >=, 0);
  g_assert_cmpint (gspawn_gio_process_get_system_time (process), >=, 0);
  g_assert_cmpint (gspawn_gio_process_get_max_rss (process), >, 100);
  g_assert_cmpint (gspawn_gio_process_get_max_rss (process), <, 1000 * 1000);
}

/* Work that takes a while, in the one unit and not in another. */
static void
test_times (void)
{
  g_autoptr (GSpawnGioTemplate) tmpl = make_script ("while [ $((i += 1)) -lt 30000 ]; do :; done");
  g_autoptr (GSpawnGioProcess) process = NULL;
  g_autoptr (GError) error = NULL;
  gint64 start = g_get_monotonic_time ();

  process = gspawn_gio_template_launch (tmpl, NULL, &error);
  g_assert_no_error (error);
  assert_exits (process, 0);
  g_assert_cmpint (gspawn_gio_process_get_user_time (process), >, 1000);
  /* The kernel counts in ticks where it must. */
  g_assert_cmpint (gspawn_gio_process_get_user_time (process), <,
                   g_get_monotonic_time () - start + 20000);
}

static void
test_signals (void)
{
  g_autoptr (GSpawnGioProcess) process = launch_held (), forced = launch_held ();
  g_autoptr (GError) error = NULL;

  g_assert_false (gspawn_gio_process_send_signal (process, 1000, &error));
  g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_INVAL);
  g_clear_error (&error);

  gspawn_gio_process_send_signal (process, SIGTERM, &error);
  g_assert_no_error (error);
  g_assert_false (gspawn_gio_process_wait_check (process, NULL, &error));
  g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED);
  g_clear_error (&error);
  g_assert_true (gspawn_gio_process_get_if_signaled (process));
  g_assert_false (gspawn_gio_process_get_if_exited (process));
  g_assert_cmpint (gspawn_gio_process_get_term_sig (process), ==, SIGTERM);
  g_assert_cmpint (gspawn_gio_process_get_exit_status (process), ==, -1);
  g_assert_false (gspawn_gio_process_send_signal (process, SIGTERM, &error));
  g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED);
  g_clear_error (&error);

  gspawn_gio_process_force_exit (forced, &error);
  g_assert_no_error (error);
  gspawn_gio_process_wait (forced, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (gspawn_gio_process_get_term_sig (forced), ==, SIGKILL);
}

static void
test_wait_check (void)
{
  g_autoptr (GSpawnGioTemplate) tmpl = make_script ("exit $1");

  for (int i = 0; i < 2; i++)
    {
      g_autoptr (GSpawnGioProcess) process = NULL;
      g_autoptr (GAsyncResult) result = NULL;
      g_autoptr (GError) error = NULL, late_error = NULL;
      Awaited ended = { 0 };

      process = gspawn_gio_template_launch (tmpl, (const char *[]) { i == 0 ? "0" : "9", NULL },
                                            &error);
      g_assert_no_error (error);
      gspawn_gio_process_wait_check_async (process, NULL, await_ready, &ended);
      g_assert_null (ended.result);
      result = await (&ended);
      g_assert_cmpint (gspawn_gio_process_wait_check_finish (process, result, &late_error), ==,
                       i == 0);
      g_assert_cmpint (gspawn_gio_process_wait_check (process, NULL, &error), ==, i == 0);
      if (i == 1)
        {
          g_assert_error (error, G_SPAWN_EXIT_ERROR, 9);
          g_assert_error (late_error, G_SPAWN_EXIT_ERROR, 9);
          g_assert_cmpstr (error->message, ==, late_error->message);
        }
    }
}

typedef struct {
  GSpawnGioProcess *process;
  GCancellable *cancellable;
  gboolean asynchronous;
} Waiter;

static gpointer
wait_in_thread (gpointer user_data)
{
  Waiter *waiter = user_data;
  g_autoptr (GMainContext) context = g_main_context_new ();
  GError *error = NULL;
  Awaited ended = { 0 };

  g_main_context_push_thread_default (context);
  if (waiter->asynchronous)
    {
      gspawn_gio_process_wait_async (waiter->process, waiter->cancellable, await_ready, &ended);
      await_end (waiter->process, &ended, &error);
      g_assert_true (ended.thread == g_thread_self ());
    }
  else
    gspawn_gio_process_wait (waiter->process, waiter->cancellable, &error);
  g_main_context_pop_thread_default (context);

  return error;
}

/* In threads and in this one, with and without something that could cancel them; one of each kind
 * is cancelled. */
static void
test_waiters (void)
{
  g_autoptr (GSpawnGioProcess) process = launch_held ();
  GCancellable *cancellables[N_WAITERS];
  Waiter waiters[N_WAITERS];
  GThread *threads[N_WAITERS];
  Awaited ended[2] = { { 0 } };
  g_autoptr (GError) error = NULL;
  guint n_descriptors;

  for (int i = 0; i < 2; i++)
    gspawn_gio_process_wait_async (process, NULL, await_ready, &ended[i]);
  n_descriptors = count_descriptors ();
  for (int i = 0; i < N_WAITERS; i++)
    {
      cancellables[i] = i < 4 ? g_cancellable_new () : NULL;
      waiters[i] = (Waiter) { process, cancellables[i], i % 2 == 0 };
      threads[i] = g_thread_new ("wait", wait_in_thread, &waiters[i]);
    }

  for (int i = 0; i < 2; i++)
    {
      g_autoptr (GError) cancelled = NULL;

      g_cancellable_cancel (cancellables[i]);
      cancelled = g_thread_join (threads[i]);
      g_assert_error (cancelled, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    }
  g_assert_false (gspawn_gio_process_has_ended (process));

  release_held (process);
  for (int i = 2; i < N_WAITERS; i++)
    g_assert_null (g_thread_join (threads[i]));
  /* What a wait opens for a cancellable is not kept until that is freed. */
  g_assert_cmpuint (count_descriptors (), <=, n_descriptors);
  for (int i = 0; i < 2; i++)
    {
      await_end (process, &ended[i], &error);
      g_assert_no_error (error);
    }
  g_assert_cmpint (gspawn_gio_process_get_exit_status (process), ==, 0);
  for (int i = 0; i < N_WAITERS; i++)
    g_clear_object (&cancellables[i]);
}

static void
test_wait_cancelled (void)
{
  g_autoptr (GSpawnGioProcess) process = launch_held ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  Awaited before = { 0 }, under_way = { 0 };

  gspawn_gio_process_wait_async (process, cancellable, await_ready, &under_way);
  g_assert_false (g_main_context_iteration (NULL, FALSE));
  g_cancellable_cancel (cancellable);
  g_assert_false (await_end (process, &under_way, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);

  gspawn_gio_process_wait_async (process, cancellable, await_ready, &before);
  g_assert_false (await_end (process, &before, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_assert_false (gspawn_gio_process_wait (process, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  g_assert_false (gspawn_gio_process_has_ended (process));
  release_held (process);
  assert_exits (process, 0);
}

/* The wait alone has the process. */
static void
test_given_up (void)
{
  GSpawnGioProcess *process = launch_held ();
  g_autoptr (GOutputStream) input = g_object_ref (gspawn_gio_process_get_stdin_pipe (process));
  g_autoptr (GSpawnGioProcess) source = NULL;
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  Awaited ended = { 0 };

  gspawn_gio_process_wait_async (process, NULL, await_ready, &ended);
  g_object_unref (process);
  g_output_stream_close (input, NULL, &error);
  g_assert_no_error (error);
  result = await (&ended);
  source = GSPAWN_GIO_PROCESS (g_async_result_get_source_object (result));
  g_assert_true (gspawn_gio_process_wait_finish (source, result, &error));
  g_assert_no_error (error);
}

static void
on_read (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  gsize *n = user_data;
  g_autoptr (GError) error = NULL;

  *n = (gsize) g_output_stream_splice_finish (G_OUTPUT_STREAM (source), result, &error);
  g_assert_no_error (error);
}

/* More than a pipe holds, both ways at once: an operation that blocked would block for ever. */
static void
test_streams (void)
{
  g_autoptr (GSpawnGioTemplate) tmpl = make_script ("cat; echo end >&2");
  g_autoptr (GOutputStream) collected = g_memory_output_stream_new_resizable ();
  g_autofree char *sent = g_malloc (SIZE);
  g_autoptr (GSpawnGioProcess) process = NULL;
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  Awaited written = { 0 };
  char text[16] = "";
  gsize n_read = 0, n;

  for (gsize i = 0; i < SIZE; i++)
    sent[i] = (char) (i * 7 + i / 251);
  for (int i = 0; i < 3; i++)
    gspawn_gio_template_set_stream (tmpl, i, GSPAWN_STREAM_KIND_PIPE, &error);
  g_assert_no_error (error);
  process = gspawn_gio_template_launch (tmpl, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (gspawn_gio_process_get_stdin_pipe (process) ==
                 gspawn_gio_process_get_stdin_pipe (process));
  g_assert_true (gspawn_gio_process_get_stdout_pipe (process) ==
                 gspawn_gio_process_get_stdout_pipe (process));
  g_assert_true (gspawn_gio_process_get_stdout_pipe (process) !=
                 gspawn_gio_process_get_stderr_pipe (process));

  g_output_stream_splice_async (collected, gspawn_gio_process_get_stdout_pipe (process), 0, 0, NULL,
                                on_read, &n_read);
  g_output_stream_write_all_async (gspawn_gio_process_get_stdin_pipe (process), sent, SIZE, 0, NULL,
                                   await_ready, &written);
  result = await (&written);
  g_assert_true (g_output_stream_write_all_finish (gspawn_gio_process_get_stdin_pipe (process),
                                                   result, &n, &error));
  g_assert_cmpuint (n, ==, SIZE);
  g_output_stream_close (gspawn_gio_process_get_stdin_pipe (process), NULL, &error);
  g_assert_no_error (error);
  while (n_read == 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpmem (sent, SIZE, g_memory_output_stream_get_data (G_MEMORY_OUTPUT_STREAM (collected)),
                   n_read);

  g_input_stream_read_all (gspawn_gio_process_get_stderr_pipe (process), text, sizeof text - 1, &n,
                           NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (text, ==, "end\n");
  assert_exits (process, 0);
}

/* A stream is of use as long as somebody has it. */
static void
test_stream_outlives (void)
{
  g_autoptr (GSpawnGioTemplate) tmpl = make_script ("echo out; exec >&-; read line");
  g_autoptr (GSpawnGioProcess) process = NULL;
  g_autoptr (GInputStream) output = NULL;
  g_autoptr (GError) error = NULL;
  char text[16] = "";
  gsize n;

  gspawn_gio_template_set_stream (tmpl, GSPAWN_STREAM_INPUT, GSPAWN_STREAM_KIND_PIPE, &error);
  gspawn_gio_template_set_stream (tmpl, GSPAWN_STREAM_OUTPUT, GSPAWN_STREAM_KIND_PIPE, &error);
  g_assert_no_error (error);
  process = gspawn_gio_template_launch (tmpl, NULL, &error);
  g_assert_no_error (error);
  output = g_object_ref (gspawn_gio_process_get_stdout_pipe (process));
  g_clear_object (&process);
  g_input_stream_read_all (output, text, sizeof text - 1, &n, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (text, ==, "out\n");
}

static void
on_child (GPid     pid,
          int      status,
          gpointer user_data)
{
  int *seen = user_data;

  *seen = status;
  g_spawn_close_pid (pid);
}

/* GLib watches a child of its own, whose end is not taken from it, nor ours by it. */
static void
test_child_watch (void)
{
  const char *const argv[] = { "/bin/sh", "-c", "exit 3", NULL };
  g_autoptr (GSpawnGioProcess) process = launch_held ();
  g_autoptr (GError) error = NULL;
  Awaited ended = { 0 };
  int status = -1;
  GPid pid;

  gspawn_gio_process_wait_async (process, NULL, await_ready, &ended);
  g_spawn_async (NULL, (char **) argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid, &error);
  g_assert_no_error (error);
  g_child_watch_add (pid, on_child, &status);
  while (status == -1)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpint (WEXITSTATUS (status), ==, 3);
  g_assert_null (ended.result);

  release_held (process);
  await_end (process, &ended, &error);
  g_assert_no_error (error);
}

void
add_process_tests (void)
{
  add_test ("/process/status", test_status);
  add_test ("/process/times", test_times);
  add_test ("/process/signals", test_signals);
  add_test ("/process/wait-check", test_wait_check);
  add_test ("/process/waiters", test_waiters);
  add_test ("/process/wait-cancelled", test_wait_cancelled);
  add_test ("/process/given-up", test_given_up);
  add_test ("/process/streams", test_streams);
  add_test ("/process/stream-outlives", test_stream_outlives);
  add_test ("/process/child-watch", test_child_watch);
}
