/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* A caller with some of 0, 1 and 2 closed: whatever the subject opens for itself gets just those
 * numbers, which are the child's streams too. */

#include "contract.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "launch.h"
#include "scene.h"

/* The streams that are closed in the caller are the bits of @data. */

static guint
get_mask (gconstpointer data)
{
  return GPOINTER_TO_UINT (data);
}

static void
check_report (GKeyFile         *report,
              guint             mask,
              const char *const *expected)
{
  for (int i = 0; i < 3; i++)
    {
      g_autofree char *actual = report_describe (report, i);

      g_assert_cmpstr (actual, ==, (mask & (1u << i)) && expected[i] != NULL &&
                                   g_ascii_isdigit (*expected[i]) ? "closed" : expected[i]);
    }
}

static void
check_default (guint       mask,
               GSpawnFlags flags)
{
  g_auto (Launch) launch;
  g_autoptr (GKeyFile) report = NULL;
  g_autofree char *output = descriptor_describe (1);
  g_autofree char *errors = descriptor_describe (2);
  g_autofree char *open_fds = NULL;
  const char *expected[] = { "null read", output, errors };
  static const char *const expected_open[] = { "0;1;2", "0;2", "0;1", "0" };

  launch_init (&launch, flags, NULL, NULL);
  scene_close_streams (mask);
  report = launch_report (&launch);
  scene_restore_streams ();
  check_report (report, mask, expected);
  open_fds = report_get_open (report);
  g_assert_cmpstr (open_fds, ==, expected_open[mask >> 1]);
}

static void
test_default (gconstpointer data)
{
  check_default (get_mask (data), G_SPAWN_DO_NOT_REAP_CHILD);
}

static void
test_reaped (gconstpointer data)
{
  check_default (get_mask (data), G_SPAWN_DEFAULT);
}

static void
test_left_open (gconstpointer data)
{
  check_default (get_mask (data), G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_LEAVE_DESCRIPTORS_OPEN);
}

static void
test_null (gconstpointer data)
{
  static const char *const expected[] = { "null read", "null write", "null write" };
  guint mask = get_mask (data);
  g_auto (Launch) launch;
  g_autoptr (GKeyFile) report = NULL;

  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL |
               G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL);
  scene_close_streams (mask);
  report = launch_report (&launch);
  scene_restore_streams ();
  check_report (report, mask, expected);
}

static void
test_pipes (gconstpointer data)
{
  g_auto (Launch) launch;
  g_autoptr (GError) error = NULL;
  g_autofree char *output = NULL;
  g_autofree char *errors = NULL;

  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_CLOEXEC_PIPES, NULL,
               "copy", "0", "1", "print", "2", "errors", NULL);
  for (int i = 0; i < 3; i++)
    launch.pipes[i] = TRUE;
  scene_close_streams (get_mask (data));
  g_assert_true (launch_start (&launch, &error));
  g_assert_no_error (error);

  /* The caller's ends may be 0 to 2 themselves. */
  for (int i = 0; i < 3; i++)
    {
      int moved = fcntl (launch.pipe_fds[i], F_DUPFD_CLOEXEC, CASE_FIRST_OWN_FD);

      close (launch.pipe_fds[i]);
      launch.pipe_fds[i] = moved;
    }
  scene_restore_streams ();

  scene_ignore_signal (SIGPIPE);
  g_assert_cmpint (write (launch.pipe_fds[0], "text", 4), ==, 4);
  scene_default_signal (SIGPIPE);
  scene_close (launch.pipe_fds[0]);
  launch.pipe_fds[0] = -1;
  output = launch_read (&launch, 1);
  errors = launch_read (&launch, 2);
  g_assert_cmpstr (output, ==, "text");
  g_assert_cmpstr (errors, ==, "errors");
}

static void
test_sync (gconstpointer data)
{
  g_auto (Launch) launch;
  g_autoptr (GError) error = NULL;
  g_autofree char *output = NULL;
  g_autofree char *errors = NULL;
  int status = -1;

  launch_init (&launch, G_SPAWN_DEFAULT, NULL, "out", "100000", "err", "26", "exit", "3", NULL);
  scene_close_streams (get_mask (data));
  g_assert_true (launch_sync (&launch, &output, &errors, &status, &error));
  scene_restore_streams ();
  g_assert_no_error (error);
  g_assert_cmpuint (output != NULL ? strlen (output) : 0, ==, 100000);
  g_assert_cmpstr (errors, ==, "abcdefghijklmnopqrstuvwxyz");
  g_assert_cmpint (status, ==, 3 << 8);
}

/* The targets are the very numbers that are free. */
static void
test_map (gconstpointer data)
{
  static const int sources[] = { 5, 5, 5, 5 }, targets[] = { 0, 1, 2, 9 };
  g_auto (Launch) launch;
  g_autoptr (GKeyFile) report = NULL;
  g_autofree char *expected = NULL;

  scene_open ("five", 5);
  expected = descriptor_describe (5);
  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL);
  launch_map (&launch, sources, targets, 4);
  scene_close_streams (get_mask (data));
  report = launch_report (&launch);
  scene_restore_streams ();
  for (int i = 0; i < 4; i++)
    {
      g_autofree char *actual = report_describe (report, targets[i]);

      g_assert_cmpstr (actual, ==, expected);
    }
  scene_close (5);
}

static void
check_missing (guint       mask,
               GSpawnFlags flags)
{
  g_auto (Launch) launch;
  g_autoptr (GError) error = NULL;
  gboolean success;

  launch_init (&launch, flags, "/missing/program", NULL);
  scene_close_streams (mask);
  success = launch_start (&launch, &error);
  scene_restore_streams ();
  g_assert_false (success);
  g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT);
}

static void
test_missing (gconstpointer data)
{
  check_missing (get_mask (data), G_SPAWN_DO_NOT_REAP_CHILD);
}

static void
test_missing_null (gconstpointer data)
{
  check_missing (get_mask (data), G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL);
}

/* The program ends when the caller lets it, which it cannot before the call has returned. */
static void
test_returns (gconstpointer data)
{
  g_autofree char *fifo = scene_make_fifo ("wait");
  g_auto (Launch) launch;
  gboolean success;

  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD, NULL, "wait-fifo", fifo, NULL);
  scene_close_streams (get_mask (data));
  success = launch_start (&launch, NULL);
  scene_restore_streams ();
  g_assert_true (success);
  scene_close (scene_open_private (fifo, O_WRONLY));
  g_assert_cmpint (launch_wait (&launch), ==, 0);
}

#define CLOSED(name_, function_, mask_, glib_) \
  { .name = "closed-" name_, .run_data = function_, .data = GUINT_TO_POINTER (mask_), glib_ }

#define GLIB_DOES \
  .verdict = GLIB_AGREES
#define GLIB_CLOSES_INPUT \
  .verdict = GLIB_FAILS, \
  .difference = "With 0 closed in the caller the child's input is closed and not `/dev/null`."
#define GLIB_CLOSES_NULL \
  .verdict = GLIB_FAILS, \
  .difference = "A stream that is to be `/dev/null`, and is closed in the caller, is closed in " \
                "the child."
#define GLIB_CLOSES_PIPE \
  .verdict = GLIB_FAILS, \
  .difference = "A pipe's end that got a number of 0 to 2, because that was closed in the " \
                "caller, is closed in the child."
#define GLIB_LEAKS_REPORT \
  .verdict = GLIB_FAILS, \
  .difference = "With two of 0 to 2 closed in the caller the pipe that reports errors leaks into " \
                "the program."
#define GLIB_HOLDS_CALLER \
  .verdict = GLIB_BLOCKS, \
  .difference = "With two of 0 to 2 closed in the caller the call returns when the program ends."
#define GLIB_LOSES_FAILURE \
  .verdict = GLIB_FAILS, \
  .difference = "With 0 and 1 closed in the caller and `G_SPAWN_STDOUT_TO_DEV_NULL` a missing " \
                "program is a success."

const Case closed_cases[] = {
  CLOSED ("0-default", test_default, 1, GLIB_CLOSES_INPUT),
  CLOSED ("1-default", test_default, 2, GLIB_DOES),
  CLOSED ("0-1-default", test_default, 3, GLIB_LEAKS_REPORT),
  CLOSED ("2-default", test_default, 4, GLIB_DOES),
  CLOSED ("0-2-default", test_default, 5, GLIB_LEAKS_REPORT),
  CLOSED ("1-2-default", test_default, 6, GLIB_LEAKS_REPORT),
  CLOSED ("0-1-2-default", test_default, 7, GLIB_LEAKS_REPORT),
  CLOSED ("0-reaped", test_reaped, 1, GLIB_CLOSES_INPUT),
  CLOSED ("1-reaped", test_reaped, 2, GLIB_DOES),
  CLOSED ("0-1-reaped", test_reaped, 3, GLIB_LEAKS_REPORT),
  CLOSED ("2-reaped", test_reaped, 4, GLIB_DOES),
  CLOSED ("0-2-reaped", test_reaped, 5, GLIB_LEAKS_REPORT),
  CLOSED ("1-2-reaped", test_reaped, 6, GLIB_LEAKS_REPORT),
  CLOSED ("0-1-2-reaped", test_reaped, 7, GLIB_LEAKS_REPORT),
  CLOSED ("0-left-open", test_left_open, 1, GLIB_DOES),
  CLOSED ("1-left-open", test_left_open, 2, GLIB_DOES),
  CLOSED ("0-1-left-open", test_left_open, 3, GLIB_DOES),
  CLOSED ("2-left-open", test_left_open, 4, GLIB_DOES),
  CLOSED ("0-2-left-open", test_left_open, 5, GLIB_DOES),
  CLOSED ("1-2-left-open", test_left_open, 6, GLIB_DOES),
  CLOSED ("0-1-2-left-open", test_left_open, 7, GLIB_DOES),
  CLOSED ("0-null", test_null, 1, GLIB_CLOSES_NULL),
  CLOSED ("1-null", test_null, 2, GLIB_CLOSES_NULL),
  CLOSED ("0-1-null", test_null, 3, GLIB_CLOSES_NULL),
  CLOSED ("2-null", test_null, 4, GLIB_CLOSES_NULL),
  CLOSED ("0-2-null", test_null, 5, GLIB_CLOSES_NULL),
  CLOSED ("1-2-null", test_null, 6, GLIB_CLOSES_NULL),
  CLOSED ("0-1-2-null", test_null, 7, GLIB_CLOSES_NULL),
  CLOSED ("0-pipes", test_pipes, 1, GLIB_CLOSES_PIPE),
  CLOSED ("1-pipes", test_pipes, 2, GLIB_DOES),
  CLOSED ("0-1-pipes", test_pipes, 3, GLIB_CLOSES_PIPE),
  CLOSED ("2-pipes", test_pipes, 4, GLIB_DOES),
  CLOSED ("0-2-pipes", test_pipes, 5, GLIB_CLOSES_PIPE),
  CLOSED ("1-2-pipes", test_pipes, 6, GLIB_DOES),
  CLOSED ("0-1-2-pipes", test_pipes, 7, GLIB_CLOSES_PIPE),
  CLOSED ("0-sync", test_sync, 1, GLIB_DOES),
  CLOSED ("1-sync", test_sync, 2, GLIB_DOES),
  CLOSED ("0-1-sync", test_sync, 3, GLIB_CLOSES_PIPE),
  CLOSED ("2-sync", test_sync, 4, GLIB_DOES),
  CLOSED ("0-2-sync", test_sync, 5, GLIB_DOES),
  CLOSED ("1-2-sync", test_sync, 6, GLIB_DOES),
  CLOSED ("0-1-2-sync", test_sync, 7, GLIB_CLOSES_PIPE),
  CLOSED ("0-map", test_map, 1, GLIB_DOES),
  CLOSED ("1-map", test_map, 2, GLIB_DOES),
  CLOSED ("0-1-map", test_map, 3, GLIB_DOES),
  CLOSED ("2-map", test_map, 4, GLIB_DOES),
  CLOSED ("0-2-map", test_map, 5, GLIB_DOES),
  CLOSED ("1-2-map", test_map, 6, GLIB_DOES),
  CLOSED ("0-1-2-map", test_map, 7, GLIB_DOES),
  CLOSED ("0-missing", test_missing, 1, GLIB_DOES),
  CLOSED ("1-missing", test_missing, 2, GLIB_DOES),
  CLOSED ("0-1-missing", test_missing, 3, GLIB_DOES),
  CLOSED ("2-missing", test_missing, 4, GLIB_DOES),
  CLOSED ("0-2-missing", test_missing, 5, GLIB_DOES),
  CLOSED ("1-2-missing", test_missing, 6, GLIB_DOES),
  CLOSED ("0-1-2-missing", test_missing, 7, GLIB_DOES),
  CLOSED ("0-missing-null", test_missing_null, 1, GLIB_DOES),
  CLOSED ("0-1-missing-null", test_missing_null, 3, GLIB_LOSES_FAILURE),
  CLOSED ("0-1-2-missing-null", test_missing_null, 7, GLIB_LOSES_FAILURE),
  CLOSED ("0-returns", test_returns, 1, GLIB_DOES),
  CLOSED ("1-returns", test_returns, 2, GLIB_DOES),
  CLOSED ("0-1-returns", test_returns, 3, GLIB_HOLDS_CALLER),
  CLOSED ("2-returns", test_returns, 4, GLIB_DOES),
  CLOSED ("0-2-returns", test_returns, 5, GLIB_HOLDS_CALLER),
  CLOSED ("1-2-returns", test_returns, 6, GLIB_HOLDS_CALLER),
  CLOSED ("0-1-2-returns", test_returns, 7, GLIB_HOLDS_CALLER),
  { .name = NULL }
};
