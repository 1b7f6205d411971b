/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* GSubprocess, whose calls come from another library than the subject takes over, on every
 * engine. */

#include <fcntl.h>
#include <gio/gio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launch.h"
#include "runner.h"
#include "scene.h"

/* More than a pipe holds. */
#define N_BYTES 300000

#define DEFAULT_NEEDS (GSPAWN_NEED_STREAMS | GSPAWN_NEED_CLOSE)

/* GIO makes its thread for the first child. */
static void
start_worker (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSubprocess) subprocess = g_subprocess_new (G_SUBPROCESS_FLAGS_NONE, &error,
                                                         probe_get_path (), NULL);

  if (subprocess == NULL || !g_subprocess_wait_check (subprocess, NULL, &error))
    g_error ("%s", error->message);
}

static void
expect_call (GSubprocess  *subprocess,
             const char   *program,
             GSpawnNeeds   needs,
             const GError *error)
{
  const char *identifier = subprocess != NULL ? g_subprocess_get_identifier (subprocess) : NULL;

  trace_expect (&(TraceExpectation) {
    .function = "g_spawn_async_with_pipes_and_fds",
    .command = program,
    .needs = needs,
    .child = subprocess == NULL ? 0 : identifier != NULL ? atoi (identifier) : TRACE_ANY_CHILD,
    .error = error,
  });
}

/* Runs the probe by a launcher, which is the subject of a case, and gets its report. */
static GKeyFile *
run_report (GSubprocessLauncher *launcher,
            const char          *program,
            GSpawnNeeds          needs)
{
  g_autoptr (ReportSink) sink = report_sink_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GSubprocess) subprocess = NULL;
  GKeyFile *report;

  subprocess = g_subprocess_launcher_spawn (launcher, &error, program, "report",
                                            report_sink_get_path (sink), NULL);
  g_assert_no_error (error);
  expect_call (subprocess, program, needs, NULL);
  if (subprocess == NULL)
    return NULL;

  report = report_sink_read (sink, 0);
  g_assert_true (g_subprocess_wait_check (subprocess, NULL, &error));
  g_assert_no_error (error);

  return report;
}

static void
check_stream (GKeyFile   *report,
              int         fd,
              const char *expected)
{
  g_autofree char *actual = report_describe (report, fd);

  g_assert_cmpstr (actual, ==, expected);
}

static void
check_open (GKeyFile   *report,
            const char *expected)
{
  g_autofree char *actual = report_get_open (report);

  g_assert_cmpstr (actual, ==, expected);
}

static void
test_streams (void)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (
      G_SUBPROCESS_FLAGS_STDOUT_SILENCE);
  g_autoptr (GKeyFile) report = NULL;
  g_autofree char *errors = descriptor_describe (2);

  report = run_report (launcher, probe_get_path (), DEFAULT_NEEDS);
  check_stream (report, 0, "null read");
  check_stream (report, 1, "null write");
  check_stream (report, 2, errors);
  check_open (report, "0;1;2");
}

static void
test_inherited_input (void)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (
      G_SUBPROCESS_FLAGS_STDIN_INHERIT | G_SUBPROCESS_FLAGS_STDERR_SILENCE);
  g_autoptr (GKeyFile) report = NULL;
  g_autofree char *input = descriptor_describe (0);

  report = run_report (launcher, probe_get_path (), DEFAULT_NEEDS);
  check_stream (report, 0, input);
  check_stream (report, 2, "null write");
}

static void
test_merge (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSubprocess) subprocess = NULL;
  g_autofree char *output = NULL;

  subprocess = g_subprocess_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_MERGE,
                                 &error, probe_get_path (), "print", "1", "a", "print", "2", "b",
                                 "print", "1", "c", NULL);
  g_assert_no_error (error);
  expect_call (subprocess, probe_get_path (), DEFAULT_NEEDS, NULL);
  g_assert_true (g_subprocess_communicate_utf8 (subprocess, NULL, NULL, &output, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (output, ==, "abc");
}

static void
test_merge_without_pipe (void)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (
      G_SUBPROCESS_FLAGS_STDERR_MERGE);
  g_autoptr (GKeyFile) report = NULL;
  g_autofree char *output = descriptor_describe (1);

  report = run_report (launcher, probe_get_path (), DEFAULT_NEEDS);
  check_stream (report, 1, output);
  check_stream (report, 2, output);
}

static void
test_communicate (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSubprocess) subprocess = NULL;
  g_autofree char *text = g_strnfill (N_BYTES, 'x');
  g_autoptr (GBytes) input = g_bytes_new_static (text, N_BYTES);
  g_autoptr (GBytes) output = NULL;
  g_autoptr (GBytes) errors = NULL;

  subprocess = g_subprocess_new (G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE |
                                 G_SUBPROCESS_FLAGS_STDERR_PIPE, &error, probe_get_path (),
                                 "copy", "0", "1", "print", "2", "done", NULL);
  g_assert_no_error (error);
  expect_call (subprocess, probe_get_path (), DEFAULT_NEEDS, NULL);
  g_assert_true (g_subprocess_communicate (subprocess, input, NULL, &output, &errors, &error));
  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (input, output));
  g_assert_cmpmem (g_bytes_get_data (errors, NULL), g_bytes_get_size (errors), "done", 4);
  g_assert_true (g_subprocess_get_successful (subprocess));
}

typedef struct {
  GMainLoop *loop;
  char *output;
  GError *error;
} Communication;

static void
on_communicated (GObject      *object,
                 GAsyncResult *result,
                 gpointer      data)
{
  Communication *communication = data;

  g_subprocess_communicate_utf8_finish (G_SUBPROCESS (object), result, &communication->output,
                                        NULL, &communication->error);
  g_main_loop_quit (communication->loop);
}

static void
test_communicate_async (void)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (GSubprocess) subprocess = NULL;
  Communication communication = { 0 };

  g_main_context_push_thread_default (context);
  communication.loop = g_main_loop_new (context, FALSE);
  subprocess = g_subprocess_new (G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE,
                                 NULL, probe_get_path (), "copy", "0", "1", NULL);
  g_assert_nonnull (subprocess);
  expect_call (subprocess, probe_get_path (), DEFAULT_NEEDS, NULL);
  g_subprocess_communicate_utf8_async (subprocess, "text", NULL, on_communicated, &communication);
  g_main_loop_run (communication.loop);
  g_assert_no_error (communication.error);
  g_assert_cmpstr (communication.output, ==, "text");

  g_free (communication.output);
  g_main_loop_unref (communication.loop);
  g_main_context_pop_thread_default (context);
}

static void
test_directory (void)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (
      G_SUBPROCESS_FLAGS_NONE);
  g_autoptr (GKeyFile) report = NULL;
  g_autofree char *directory = NULL;

  g_subprocess_launcher_set_cwd (launcher, "/");
  report = run_report (launcher, probe_get_path (), DEFAULT_NEEDS | GSPAWN_NEED_WORKING_DIRECTORY);
  directory = report_get_text (report, "directory", "path");
  g_assert_cmpstr (directory, ==, "/");
}

static void
test_take_descriptors (void)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (
      G_SUBPROCESS_FLAGS_NONE);
  g_autoptr (GKeyFile) report = NULL;
  g_autofree char *first = NULL;
  g_autofree char *second = NULL;
  int first_fd = open ("first", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  int second_fd = open ("second", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

  first = descriptor_describe (first_fd);
  second = descriptor_describe (second_fd);
  /* Crossing, if they are neighbours: each goes to the number of the other. */
  g_subprocess_launcher_take_fd (launcher, first_fd, second_fd);
  g_subprocess_launcher_take_fd (launcher, second_fd, first_fd);
  g_subprocess_launcher_take_fd (launcher, dup (first_fd), 40);
  report = run_report (launcher, probe_get_path (), DEFAULT_NEEDS | GSPAWN_NEED_FD_MAP);
  check_stream (report, second_fd, first);
  check_stream (report, first_fd, second);
  check_stream (report, 40, first);
  g_assert_cmpint (report_get_int (report, "descriptors", "count"), ==, 6);
  g_subprocess_launcher_close (launcher);
}

static void
test_take_streams (void)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (
      G_SUBPROCESS_FLAGS_NONE);
  g_autoptr (GKeyFile) report = NULL;
  g_autofree char *file = NULL;
  int fd = open ("file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

  file = descriptor_describe (fd);
  g_subprocess_launcher_take_stdin_fd (launcher, dup (fd));
  g_subprocess_launcher_take_stdout_fd (launcher, dup (fd));
  g_subprocess_launcher_take_stderr_fd (launcher, fd);
  report = run_report (launcher, probe_get_path (), DEFAULT_NEEDS);
  check_open (report, "0;1;2");
  for (int i = 0; i < 3; i++)
    check_stream (report, i, file);
  g_subprocess_launcher_close (launcher);
}

static void
test_output_file (void)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (
      G_SUBPROCESS_FLAGS_NONE);
  g_autoptr (GSubprocess) subprocess = NULL;
  g_autofree char *contents = NULL;

  g_subprocess_launcher_set_stdout_file_path (launcher, "output");
  subprocess = g_subprocess_launcher_spawn (launcher, NULL, probe_get_path (), "print", "1",
                                            "text", NULL);
  g_assert_nonnull (subprocess);
  expect_call (subprocess, probe_get_path (), DEFAULT_NEEDS, NULL);
  g_assert_true (g_subprocess_wait_check (subprocess, NULL, NULL));
  g_assert_true (g_file_get_contents ("output", &contents, NULL, NULL));
  g_assert_cmpstr (contents, ==, "text");
}

static void
test_inherit_descriptors (void)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (
      G_SUBPROCESS_FLAGS_INHERIT_FDS);
  g_autoptr (GKeyFile) report = NULL;
  g_autofree char *expected = NULL;

  scene_open ("inherited", 40);
  scene_open ("private", 41);
  g_assert_no_errno (fcntl (41, F_SETFD, FD_CLOEXEC));
  expected = descriptor_describe (40);
  report = run_report (launcher, probe_get_path (), GSPAWN_NEED_STREAMS);
  check_open (report, "0;1;2;40");
  check_stream (report, 40, expected);
  scene_close (40);
  scene_close (41);
}

static void
test_search (void)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (
      G_SUBPROCESS_FLAGS_NONE);
  g_autoptr (GKeyFile) report = NULL;
  g_autofree char *executed_as = NULL;

  scene_link_probe ("bin/tool");
  setenv ("PATH", "missing:bin", TRUE);
  /* The child's own counts for nothing. */
  g_subprocess_launcher_setenv (launcher, "PATH", "missing", TRUE);
  report = run_report (launcher, "tool", DEFAULT_NEEDS | GSPAWN_NEED_SEARCH_PATH);
  executed_as = report_get_text (report, "process", "executed-as");
  g_assert_cmpstr (executed_as, ==, "bin/tool");
}

static void
test_search_from_envp (void)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (
      G_SUBPROCESS_FLAGS_SEARCH_PATH_FROM_ENVP);
  g_autoptr (GKeyFile) report = NULL;
  g_auto (GStrv) environment = NULL;
  g_autofree char *executed_as = NULL;

  scene_link_probe ("bin/tool");
  g_subprocess_launcher_setenv (launcher, "PATH", "missing:bin", TRUE);
  g_subprocess_launcher_setenv (launcher, "WORD", "word", TRUE);
  report = run_report (launcher, "tool", DEFAULT_NEEDS | GSPAWN_NEED_SEARCH_PATH);
  environment = report_get_texts (report, "environment");
  g_assert_true (g_strv_contains ((const char *const *) environment, "WORD=word"));
  executed_as = report_get_text (report, "process", "executed-as");
  g_assert_cmpstr (executed_as, ==, "bin/tool");
}

static void
test_missing (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSubprocess) subprocess = g_subprocess_new (
      G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error, "/missing/program", NULL);

  g_assert_null (subprocess);
  g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT);
  expect_call (NULL, "/missing/program", DEFAULT_NEEDS, error);
}

static void
test_exit_status (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSubprocess) subprocess = g_subprocess_new (
      G_SUBPROCESS_FLAGS_NONE, NULL, probe_get_path (), "exit", "17", NULL);

  g_assert_nonnull (subprocess);
  expect_call (subprocess, probe_get_path (), DEFAULT_NEEDS, NULL);
  g_assert_false (g_subprocess_wait_check (subprocess, NULL, &error));
  g_assert_error (error, G_SPAWN_EXIT_ERROR, 17);
  g_assert_cmpint (g_subprocess_get_exit_status (subprocess), ==, 17);
}

static void
test_force_exit (void)
{
  g_autofree char *fifo = scene_make_fifo ("wait");
  g_autoptr (GSubprocess) subprocess = g_subprocess_new (
      G_SUBPROCESS_FLAGS_NONE, NULL, probe_get_path (), "wait-fifo", fifo, NULL);

  g_assert_nonnull (subprocess);
  expect_call (subprocess, probe_get_path (), DEFAULT_NEEDS, NULL);
  g_subprocess_force_exit (subprocess);
  g_assert_true (g_subprocess_wait (subprocess, NULL, NULL));
  g_assert_true (g_subprocess_get_if_signaled (subprocess));
  g_assert_cmpint (g_subprocess_get_term_sig (subprocess), ==, SIGKILL);
}

static void
change_directory (gpointer data)
{
  if (chdir (data) < 0)
    _exit (99);
}

static void
test_child_setup (void)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (
      G_SUBPROCESS_FLAGS_NONE);
  g_autoptr (GKeyFile) report = NULL;
  g_autofree char *directory = NULL;

  g_subprocess_launcher_set_child_setup (launcher, change_directory, (char *) "/", NULL);
  report = run_report (launcher, probe_get_path (), DEFAULT_NEEDS | GSPAWN_NEED_CHILD_SETUP);
  directory = report_get_text (report, "directory", "path");
  g_assert_cmpstr (directory, ==, "/");
}

static const Case cases[] = {
  { .name = "streams", .run = test_streams },
  { .name = "inherited-input", .run = test_inherited_input },
  { .name = "merge", .run = test_merge },
  { .name = "merge-without-pipe", .run = test_merge_without_pipe,
    .verdict = GLIB_FAILS,
    .difference = "With the error stream merged into an inherited output the child's output is "
                  "closed." },
  { .name = "communicate", .run = test_communicate },
  { .name = "communicate-async", .run = test_communicate_async },
  { .name = "directory", .run = test_directory },
  { .name = "take-descriptors", .run = test_take_descriptors },
  { .name = "take-streams", .run = test_take_streams },
  { .name = "output-file", .run = test_output_file },
  { .name = "inherit-descriptors", .run = test_inherit_descriptors },
  { .name = "search", .run = test_search },
  { .name = "search-from-envp", .run = test_search_from_envp },
  { .name = "missing", .run = test_missing },
  { .name = "exit-status", .run = test_exit_status },
  { .name = "force-exit", .run = test_force_exit },
  { .name = "child-setup", .run = test_child_setup, .needs = GSPAWN_NEED_CHILD_SETUP },
  { .name = NULL }
};

static const Case *const tables[] = { cases, NULL };

static const CaseList gsubprocess = {
  .noun = "gsubprocess",
  .tables = tables,
  .prepare = start_worker,
  .has_worker = TRUE,
  .glib_series = "2.74.",
};

int
main (int    argc,
      char **argv)
{
  return runner_main (argc, argv, &gsubprocess);
}
