/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Templates as objects: what is passed on to the core, values that are refused, and the outcome of
 * launches that wait. */
#include "await.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define NOBODY 65534

static void
test_launch (void)
{
  g_autoptr (GSpawnGioTemplate) tmpl = make_script ("exit $(($1 + $2))");
  g_autoptr (GSpawnGioProcess) process = NULL;
  g_autoptr (GError) error = NULL;

  process = gspawn_gio_template_launch (tmpl, (const char *[]) { "3", "4", NULL }, &error);
  g_assert_no_error (error);
  g_assert_cmpint (gspawn_gio_process_get_pid (process), >, 0);
  g_assert_cmpint (gspawn_gio_process_get_launch_kind (process), ==, GSPAWN_LAUNCH_WAITING);
  assert_exits (process, 7);
}

static char *
run_with (GSpawnGioTemplate *tmpl,
          GSpawnLaunch      *launch)
{
  g_autoptr (GSpawnGioProcess) process = NULL;
  g_autoptr (GError) error = NULL;
  char text[256];
  gsize length;

  process = gspawn_gio_template_launch_with (tmpl, launch, &error);
  g_assert_no_error (error);
  g_input_stream_read_all (gspawn_gio_process_get_stdout_pipe (process), text, sizeof text - 1,
                           &length, NULL, &error);
  g_assert_no_error (error);
  text[length] = '\0';
  assert_exits (process, 0);

  return g_strdup (text);
}

static void
test_settings (void)
{
  const char *script = "echo $A $B $1; pwd; umask; cat <&5; echo no >&2";
  const char *const envp[] = { "A=one", "PATH=/usr/bin:/bin", NULL };
  g_autoptr (GSpawnGioTemplate) tmpl = make_script (script);
  g_autoptr (GSpawnAttributes) attributes = gspawn_attributes_new ();
  g_autoptr (GSpawnLaunch) launch = gspawn_launch_new ((const char *[]) { "three", NULL });
  g_autoptr (GError) error = NULL;
  g_autofree char *output = NULL;
  int read_end, write_end;

  make_pipe (&read_end, &write_end);
  g_assert_cmpint (write (write_end, "five\n", 5), ==, 5);
  close (write_end);
  g_assert_true (gspawn_attributes_set_umask (attributes, 051, NULL));

  gspawn_gio_template_set_environment (tmpl, envp, &error);
  g_assert_no_error (error);
  gspawn_gio_template_set_working_directory (tmpl, "/usr", &error);
  g_assert_no_error (error);
  gspawn_gio_template_set_attributes (tmpl, attributes, &error);
  g_assert_no_error (error);
  gspawn_gio_template_set_stream (tmpl, GSPAWN_STREAM_OUTPUT, GSPAWN_STREAM_KIND_PIPE, &error);
  g_assert_no_error (error);
  gspawn_gio_template_set_stream (tmpl, GSPAWN_STREAM_ERROR, GSPAWN_STREAM_KIND_NULL, &error);
  g_assert_no_error (error);
  gspawn_gio_template_set_fd (tmpl, read_end, 5, &error);
  g_assert_no_error (error);
  close (read_end);
  gspawn_launch_set_variable (launch, "B", "two", &error);
  g_assert_no_error (error);

  output = run_with (tmpl, launch);
  g_assert_cmpstr (output, ==, "one two three\n/usr\n0051\nfive\n");

  g_assert_false (gspawn_gio_template_set_environment (tmpl, NULL, &error));
  g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_INVAL);
}

static void
test_stream_fd (void)
{
  g_autoptr (GSpawnGioTemplate) tmpl = make_script ("echo out");
  g_autoptr (GSpawnGioProcess) process = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *output = NULL;
  int read_end, write_end;

  make_pipe (&read_end, &write_end);
  gspawn_gio_template_set_stream_fd (tmpl, GSPAWN_STREAM_OUTPUT, write_end, &error);
  g_assert_no_error (error);
  close (write_end);
  process = gspawn_gio_template_launch (tmpl, NULL, &error);
  g_assert_no_error (error);
  g_assert_null (gspawn_gio_process_get_stdin_pipe (process));
  g_assert_null (gspawn_gio_process_get_stdout_pipe (process));
  g_assert_null (gspawn_gio_process_get_stderr_pipe (process));
  g_clear_object (&tmpl);
  output = read_to_end (read_end);
  g_assert_cmpstr (output, ==, "out\n");
  assert_exits (process, 0);
}

static void
assert_refused (gboolean   accepted,
                GError   **error)
{
  g_assert_false (accepted);
  g_assert_error (*error, G_SPAWN_ERROR, G_SPAWN_ERROR_INVAL);
  g_clear_error (error);
}

static void
test_bad_values (void)
{
  g_autoptr (GSpawnGioTemplate) tmpl = make_script ("exit 0");
  g_autoptr (GError) error = NULL;

  g_assert_null (gspawn_gio_template_new ((const char *[]) { NULL }, G_SPAWN_DEFAULT, &error));
  assert_refused (FALSE, &error);
  g_assert_null (gspawn_gio_template_new ((const char *[]) { "true", NULL }, 1 << 30, &error));
  assert_refused (FALSE, &error);
  assert_refused (gspawn_gio_template_set_working_directory (tmpl, "", &error), &error);
  assert_refused (gspawn_gio_template_set_stream (tmpl, 3, GSPAWN_STREAM_KIND_NULL, &error),
                  &error);
  assert_refused (gspawn_gio_template_set_stream (tmpl, GSPAWN_STREAM_INPUT, -1, &error), &error);
  assert_refused (gspawn_gio_template_set_stream_fd (tmpl, GSPAWN_STREAM_INPUT, 999, &error),
                  &error);
  assert_refused (gspawn_gio_template_set_fd (tmpl, 999, 5, &error), &error);
  assert_refused (gspawn_gio_template_set_fd (tmpl, 0, -1, &error), &error);
}

/* A binding makes an object by its type as readily as by its constructor. */
static void
test_unconstructed (void)
{
  g_autoptr (GSpawnGioTemplate) tmpl = g_object_new (GSPAWN_GIO_TYPE_TEMPLATE, NULL);
  g_autoptr (GSpawnGioProcess) process = g_object_new (GSPAWN_GIO_TYPE_PROCESS, NULL);
  Awaited launched = { 0 }, ended = { 0 };
  g_autoptr (GError) error = NULL;

  assert_refused (gspawn_gio_template_set_environment (tmpl, NULL, &error), &error);
  assert_refused (gspawn_gio_template_set_working_directory (tmpl, NULL, &error), &error);
  assert_refused (gspawn_gio_template_set_attributes (tmpl, NULL, &error), &error);
  assert_refused (gspawn_gio_template_set_stream (tmpl, 0, 0, &error), &error);
  assert_refused (gspawn_gio_template_set_stream_fd (tmpl, 0, 0, &error), &error);
  assert_refused (gspawn_gio_template_set_fd (tmpl, 0, 5, &error), &error);
  assert_refused (gspawn_gio_template_launch (tmpl, NULL, &error) != NULL, &error);
  assert_refused (gspawn_gio_template_launch_with (tmpl, NULL, &error) != NULL, &error);
  gspawn_gio_template_launch_async (tmpl, NULL, NULL, await_ready, &launched);
  assert_refused (await_launch (tmpl, &launched, &error) != NULL, &error);

  g_assert_cmpint (gspawn_gio_process_get_pid (process), ==, -1);
  g_assert_cmpint (gspawn_gio_process_get_pidfd (process), ==, -1);
  g_assert_cmpint (gspawn_gio_process_get_engine (process), ==, GSPAWN_ENGINE_FORK);
  g_assert_cmpint (gspawn_gio_process_get_launch_kind (process), ==, GSPAWN_LAUNCH_WAITING);
  g_assert_null (gspawn_gio_process_get_stdin_pipe (process));
  g_assert_null (gspawn_gio_process_get_stdout_pipe (process));
  g_assert_false (gspawn_gio_process_has_ended (process));
  g_assert_cmpint (gspawn_gio_process_get_wait_status (process), ==, -1);
  g_assert_cmpint (gspawn_gio_process_get_max_rss (process), ==, -1);
  assert_refused (gspawn_gio_process_force_exit (process, &error), &error);
  assert_refused (gspawn_gio_process_wait (process, NULL, &error), &error);
  assert_refused (gspawn_gio_process_wait_check (process, NULL, &error), &error);
  gspawn_gio_process_wait_async (process, NULL, await_ready, &ended);
  assert_refused (await_end (process, &ended, &error), &error);
}

void
add_template_tests (void)
{
  add_test ("/template/launch", test_launch);
  add_test ("/template/settings", test_settings);
  add_test ("/template/stream-fd", test_stream_fd);
  add_test ("/template/bad-values", test_bad_values);
  add_test ("/template/unconstructed", test_unconstructed);
}

/* An asynchronous launch is only for who has no privileges. */
static void
become_nobody (void)
{
  if (getuid () != 0)
    return;
  if (setgroups (0, NULL) < 0 || setresgid (NOBODY, NOBODY, NOBODY) < 0 ||
      setresuid (NOBODY, NOBODY, NOBODY) < 0 || prctl (PR_SET_DUMPABLE, 1) < 0)
    g_error ("To become nobody: %s", g_strerror (errno));
}

/* What a library, or a thread of one, opens once is there before a guard looks. */
static void
settle (void)
{
  g_autoptr (GSpawnGioTemplate) tmpl = make_script ("exit 0");
  g_autoptr (GSpawnGioProcess) process = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Awaited launched = { 0 }, ended = { 0 };
  g_autoptr (GError) error = NULL;

  gspawn_gio_template_launch_async (tmpl, NULL, cancellable, await_ready, &launched);
  process = await_launch (tmpl, &launched, &error);
  g_assert_no_error (error);
  gspawn_gio_process_wait_async (process, cancellable, await_ready, &ended);
  await_end (process, &ended, &error);
  g_assert_no_error (error);
}

int
main (int    argc,
      char **argv)
{
  if (argc > 1 && strcmp (argv[1], "--nobody") == 0)
    become_nobody ();
  g_test_init (&argc, &argv, NULL);
  settle ();

  add_template_tests ();
  add_launching_tests ();
  add_process_tests ();

  return g_test_run ();
}
