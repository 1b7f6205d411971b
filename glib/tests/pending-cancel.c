/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Launches that are cancelled, or freed, before, while and after their programs are executed. */

#include "pending-stage.h"

#define N_ROUNDS 30

/* Before anything, perhaps: either it comes to nothing, or it is decided. */
static void
test_at_once (gconstpointer data)
{
  g_autoptr (GSpawnTemplate) tmpl = NULL;

  if (!pending_enter (data))
    return;
  tmpl = pending_template_new ("/bin/true");
  for (guint i = 0; i < N_ROUNDS; i++)
    {
      g_autoptr (GSpawnPending) pending = pending_begin (tmpl);

      if (gspawn_pending_cancel (pending))
        {
          g_assert_true (gspawn_pending_cancel (pending));
          pending_assert_cancelled (pending);
          pending_await_no_child ();
        }
      else
        {
          g_autoptr (GSpawnProcess) process = pending_complete (pending);

          g_assert_cmpint (pending_exit_status (process), ==, 0);
        }
    }
}

/* Where the program's process is known before its exec. */
static gboolean
is_stopped_in_time (void)
{
  return g_strcmp0 (g_getenv ("GSPAWN_ENGINE"), "clone") == 0;
}

/* A program that nothing hinders any more after the cancellation, while the caller has other things
 * to do, does not run. */
static void
test_in_flight (gconstpointer data)
{
  g_autoptr (GSpawnPending) pending = NULL;
  g_autofree char *text = NULL;
  PendingStall stall;
  pid_t middle, program;

  if (!pending_enter (data) || !pending_stall_init (&stall, "print 9 ran"))
    return;
  pending = pending_begin (stall.tmpl);
  scene_stall_await (stall.stall);
  if (pending_is_expected (GSPAWN_LAUNCH_ASYNCHRONOUS))
    pending_find_children (&middle, &program);
  g_assert_true (gspawn_pending_cancel (pending));
  g_assert_true (gspawn_pending_cancel (pending));
  scene_stall_release (stall.stall);
  if (pending_is_expected (GSPAWN_LAUNCH_ASYNCHRONOUS))
    {
      pending_await_end (program);
      text = pending_stall_read (&stall);
      g_assert_cmpstr (text, ==, "");
      g_free (text);
    }
  pending_await (pending);
  pending_assert_cancelled (pending);
  pending_await_no_child ();
  text = pending_stall_read (&stall);
  if (is_stopped_in_time ())
    g_assert_cmpstr (text, ==, "");
  pending_stall_clear (&stall);
}

/* What it would have come to does not count. */
static void
test_failing (gconstpointer data)
{
  g_autoptr (GSpawnTemplate) tmpl = NULL;

  if (!pending_enter (data))
    return;
  tmpl = pending_template_new ("/nonexistent/program");
  for (guint i = 0; i < N_ROUNDS; i++)
    {
      g_autoptr (GSpawnPending) pending = pending_begin (tmpl);
      g_autoptr (GError) error = NULL;

      if (gspawn_pending_cancel (pending))
        pending_assert_cancelled (pending);
      else
        {
          g_assert_null (gspawn_pending_complete (pending, &error));
          g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT);
        }
      pending_await_no_child ();
    }
}

static void
test_decided (gconstpointer data)
{
  g_autoptr (GSpawnTemplate) tmpl = NULL;
  g_autoptr (GSpawnPending) pending = NULL;
  g_autoptr (GSpawnProcess) process = NULL;

  if (!pending_enter (data))
    return;
  tmpl = pending_template_new ("/bin/sh -c exit\t6");
  pending = pending_begin (tmpl);
  pending_await (pending);
  g_assert_false (gspawn_pending_cancel (pending));
  process = pending_complete (pending);
  g_assert_cmpint (pending_exit_status (process), ==, 6);
}

static void
test_free_in_flight (gconstpointer data)
{
  g_autofree char *text = NULL;
  GSpawnPending *pending;
  PendingStall stall;

  if (!pending_enter (data) || !pending_stall_init (&stall, "print 9 ran"))
    return;
  pending = pending_begin (stall.tmpl);
  scene_stall_await (stall.stall);
  gspawn_pending_free (pending);
  /* A thread does the rest, however long it takes. */
  if (pending_is_expected (GSPAWN_LAUNCH_ASYNCHRONOUS))
    pending_await_no_child ();
  scene_stall_release (stall.stall);
  pending_await_no_child ();
  text = pending_stall_read (&stall);
  if (is_stopped_in_time ())
    g_assert_cmpstr (text, ==, "");
  pending_stall_clear (&stall);
}

/* Of a launch that has come to its end without anybody's asking, the program is killed. */
static void
test_free_decided (gconstpointer data)
{
  g_autoptr (GSpawnTemplate) tmpl = NULL;
  GSpawnPending *pending;

  if (!pending_enter (data))
    return;
  tmpl = pending_template_new ("/bin/sleep 1000");
  pending = pending_begin (tmpl);
  pending_await (pending);
  gspawn_pending_free (pending);
  pending_await_no_child ();
}

const Case pending_cancel_cases[] = {
  PENDING_BOTH ("cancel-at-once", test_at_once),
  PENDING_BOTH ("cancel-in-flight", test_in_flight),
  PENDING_BOTH ("cancel-failing", test_failing),
  PENDING_BOTH ("cancel-decided", test_decided),
  PENDING_BOTH ("free-in-flight", test_free_in_flight),
  PENDING_BOTH ("free-decided", test_free_decided),
  { .name = NULL },
};
