/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Points 9 to 13: what each flag does to streams, pipes, arguments and open descriptors. */

#include "contract.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "launch.h"
#include "scene.h"

#define INPUT_PIPE_TEXT "through the pipe"
#define N_ARGUMENTS 20000
#define LOW_LIMIT 100
#define FAR_FD 1000

/* What a child's streams shall be: "0", "1", "2" or "5" for the caller's file there, "pipe", or
 * what /dev/null is described as. */
typedef struct {
  GSpawnFlags flags;
  int streams[3];           /* 0: none */
  gboolean pipes[3];
  const char *expected[3];
} StreamsRow;

static gboolean
is_pipe (const char *description,
         int         own_end)
{
  g_autofree char *own = descriptor_describe (own_end);
  g_auto (GStrv) a = g_strsplit (description, " ", 2);
  g_auto (GStrv) b = g_strsplit (own, " ", 2);

  return own_end >= 0 && g_strcmp0 (a[0], b[0]) == 0 && g_strcmp0 (a[1], b[1]) != 0;
}

static void
check_stream (const Launch     *launch,
              GKeyFile         *report,
              int               stream,
              const char       *expected,
              char *const      *callers)
{
  g_autofree char *actual = report_describe (report, stream);

  if (g_str_equal (expected, "pipe"))
    g_assert_true (is_pipe (actual, launch->pipe_fds[stream]));
  else if (g_ascii_isdigit (expected[0]))
    g_assert_cmpstr (actual, ==, callers[expected[0] - '0']);
  else
    g_assert_cmpstr (actual, ==, expected);
}

static void
run_streams_row (const StreamsRow *row,
                 GSpawnFlags       more_flags)
{
  g_autoptr (GKeyFile) report = NULL;
  g_auto (Launch) launch;
  g_autofree char *open_fds = NULL;
  char *callers[6];

  for (int fd = 0; fd < 6; fd++)
    callers[fd] = descriptor_describe (fd);

  launch_init (&launch, row->flags | more_flags, NULL, NULL);
  for (int i = 0; i < 3; i++)
    {
      launch.streams[i] = row->streams[i] != 0 ? row->streams[i] : -1;
      launch.pipes[i] = row->pipes[i];
    }
  report = launch_report (&launch);
  for (int i = 0; i < 3; i++)
    check_stream (&launch, report, i, row->expected[i], callers);
  open_fds = report_get_open (report);
  g_assert_cmpstr (open_fds, ==, "0;1;2");

  for (int fd = 0; fd < 6; fd++)
    g_free (callers[fd]);
}

static void
test_streams_row (gconstpointer data)
{
  scene_open ("five", 5);
  g_assert_no_errno (fcntl (5, F_SETFD, FD_CLOEXEC));
  run_streams_row (data, G_SPAWN_DO_NOT_REAP_CHILD);
  run_streams_row (data, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_LEAVE_DESCRIPTORS_OPEN);
  run_streams_row (data, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_CLOEXEC_PIPES);
  run_streams_row (data, G_SPAWN_DEFAULT);
  scene_close (5);
}

static void
check_cloexec (GSpawnFlags flags,
               gboolean    expected)
{
  g_auto (Launch) launch;

  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD | flags, NULL, NULL);
  for (int i = 0; i < 3; i++)
    launch.pipes[i] = TRUE;
  g_assert_true (launch_start (&launch, NULL));
  for (int i = 0; i < 3; i++)
    g_assert_cmpint (fcntl (launch.pipe_fds[i], F_GETFD) & FD_CLOEXEC, ==,
                     expected ? FD_CLOEXEC : 0);
}

static void
test_cloexec_pipes (void)
{
  check_cloexec (G_SPAWN_CLOEXEC_PIPES, TRUE);
  check_cloexec (G_SPAWN_DEFAULT, FALSE);
}

/* The pipes carry data, and their other ends are closed in the caller: what the child writes
 * ends with the child, and its input with the caller's end. */
static void
test_pipes_work (void)
{
  g_auto (Launch) launch;
  g_autofree char *output = NULL;
  g_autofree char *errors = NULL;

  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_CLOEXEC_PIPES, NULL,
               "copy", "0", "1", "print", "2", "done", NULL);
  for (int i = 0; i < 3; i++)
    launch.pipes[i] = TRUE;
  g_assert_true (launch_start (&launch, NULL));
  g_assert_cmpint (write (launch.pipe_fds[0], INPUT_PIPE_TEXT, sizeof INPUT_PIPE_TEXT - 1), ==,
                   sizeof INPUT_PIPE_TEXT - 1);
  scene_close (launch.pipe_fds[0]);
  launch.pipe_fds[0] = -1;

  output = launch_read (&launch, 1);
  errors = launch_read (&launch, 2);
  g_assert_cmpstr (output, ==, INPUT_PIPE_TEXT);
  g_assert_cmpstr (errors, ==, "done");
  g_assert_cmpint (launch_wait (&launch), ==, 0);
}

static gpointer
look_at_pipes (gpointer data)
{
  SceneStall *stall = data;
  guint n_inheritable = 0;

  scene_stall_await (stall);
  /* The child sits in exec. Nothing has been handed out, so every pipe below the test's own
   * descriptors is the subject's. */
  for (int fd = 3; fd < 100; fd++)
    {
      int flags = fcntl (fd, F_GETFD);

      if (flags >= 0 && !(flags & FD_CLOEXEC))
        n_inheritable++;
    }
  scene_stall_release (stall);

  return GUINT_TO_POINTER (n_inheritable);
}

/* A number that was free when the call was made, and then is a pipe's end. */
static void
test_fresh_pipe_end (void)
{
  for (int fd = 3; fd <= 6; fd++)
    {
      g_auto (Launch) launch;
      g_autoptr (GError) error = NULL;

      launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL);
      launch.before_engine = TRUE;
      launch.streams[2] = fd;
      launch.pipes[0] = launch.pipes[1] = TRUE;
      g_assert_false (launch_start (&launch, &error));
      g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED);
    }
}

/* What another thread's child would get of the pipes at the worst moment: only what the caller
 * asked to have without the flag, and that is handed out when the call returns. */
static void
test_internal_ends (void)
{
  g_auto (Launch) launch = { 0 };
  g_autofree char *program = scene_copy_probe ("program");
  SceneStall *stall = scene_stall_new (program);
  guint n_inheritable;
  GThread *thread;

  if (stall == NULL && case_skip ("no leases on files"))
    return;

  thread = g_thread_new ("look", look_at_pipes, stall);
  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD, program, NULL);
  for (int i = 0; i < 3; i++)
    launch.pipes[i] = TRUE;
  g_assert_true (launch_start (&launch, NULL));
  n_inheritable = GPOINTER_TO_UINT (g_thread_join (thread));
  g_assert_cmpuint (n_inheritable, <=, 3);
  scene_stall_free (stall);
}

static void
check_arguments (Launch     *launch,
                 const char *executed_as,
                 const char *argv0)
{
  g_autoptr (GKeyFile) report = launch_report (launch);
  g_autofree char *actual = report_get_text (report, "process", "executed-as");
  g_auto (GStrv) arguments = report_get_texts (report, "arguments");

  g_assert_cmpstr (actual, ==, executed_as);
  g_assert_cmpstr (arguments[0], ==, argv0);
  g_assert_cmpuint (g_strv_length (arguments), ==, 3);
  g_assert_cmpstr (arguments[1], ==, "report");
}

static void
test_argv_zero (void)
{
  const char *probe = probe_get_path ();
  g_auto (Launch) with_path;
  g_auto (Launch) in_search;

  launch_init (&with_path, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_FILE_AND_ARGV_ZERO, NULL,
               "some name", NULL);
  check_arguments (&with_path, probe, "some name");

  scene_link_probe ("bin/tool");
  setenv ("PATH", "bin", TRUE);
  launch_init (&in_search, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_FILE_AND_ARGV_ZERO |
               G_SPAWN_SEARCH_PATH, "tool", "", NULL);
  check_arguments (&in_search, "bin/tool", "");
}

/* An empty vector: what the program then finds is up to the kernel, which puts an empty string
 * there, or leaves it empty. */
static void
test_argv_zero_empty (void)
{
  g_autoptr (ReportSink) sink = report_sink_new ();
  g_autoptr (GKeyFile) report = NULL;
  g_autofree char *steps = g_strdup_printf ("report %s", report_sink_get_path (sink));
  g_auto (GStrv) arguments = NULL;
  g_auto (Launch) launch;

  setenv ("PROBE_STEPS", steps, TRUE);
  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_FILE_AND_ARGV_ZERO, NULL, NULL);
  g_assert_true (launch_start (&launch, NULL));
  report = report_sink_read (sink, launch.pid);
  arguments = report_get_texts (report, "arguments");
  g_assert_nonnull (report);
  g_assert_cmpstr (arguments[0] != NULL ? arguments[0] : "", ==, "");
}

/* Far more than fits on any stack of a child. */
static void
test_many_arguments (void)
{
  g_auto (Launch) launch;
  g_autoptr (GKeyFile) report = NULL;
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) arguments = NULL;

  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL);
  g_strv_builder_add (builder, launch.argv[0]);
  for (int i = 0; i < N_ARGUMENTS; i++)
    g_strv_builder_add (builder, "nothing");
  g_strfreev (launch.argv);
  launch.argv = g_strv_builder_end (builder);
  report = launch_report (&launch);
  arguments = report_get_texts (report, "arguments");
  g_assert_cmpuint (g_strv_length (arguments), ==, N_ARGUMENTS + 3);
}

static void
check_open (GSpawnFlags  flags,
            const char  *expected)
{
  g_auto (Launch) launch;
  g_autoptr (GKeyFile) report = NULL;
  g_autofree char *actual = NULL;

  launch_init (&launch, flags, NULL, NULL);
  report = launch_report (&launch);
  actual = report_get_open (report);
  g_assert_cmpstr (actual, ==, expected);
}

static void
test_descriptors (void)
{
  scene_open ("four", 4);
  scene_open ("seven", 7);
  scene_open ("private", 8);
  scene_open ("far", FAR_FD);
  g_assert_no_errno (fcntl (8, F_SETFD, FD_CLOEXEC));

  check_open (G_SPAWN_DO_NOT_REAP_CHILD, "0;1;2");
  check_open (G_SPAWN_DEFAULT, "0;1;2");
  check_open (G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_LEAVE_DESCRIPTORS_OPEN, "0;1;2;4;7;1000");
  check_open (G_SPAWN_LEAVE_DESCRIPTORS_OPEN, "0;1;2;4;7;1000");

  scene_close (4);
  scene_close (7);
  scene_close (8);
  scene_close (FAR_FD);
}

/* A limit that was lowered since does not close what is above it. */
static void
check_above_limit (GSpawnFlags flags)
{
  g_autoptr (ReportSink) sink = report_sink_new ();
  g_autoptr (GKeyFile) report = NULL;
  g_autofree char *open_fds = NULL;
  g_auto (Launch) launch;
  struct rlimit old, limit;

  launch_init (&launch, flags, NULL, "report", report_sink_get_path (sink), NULL);
  g_assert_no_errno (getrlimit (RLIMIT_NOFILE, &old));
  limit = old;
  limit.rlim_cur = LOW_LIMIT;
  g_assert_no_errno (setrlimit (RLIMIT_NOFILE, &limit));
  g_assert_true (launch_start (&launch, NULL));
  g_assert_no_errno (setrlimit (RLIMIT_NOFILE, &old));

  report = report_sink_read (sink, 0);
  open_fds = report_get_open (report);
  g_assert_cmpstr (open_fds, ==, "0;1;2");
}

static void
test_descriptors_above_limit (void)
{
  scene_open ("far", FAR_FD);
  check_above_limit (G_SPAWN_DO_NOT_REAP_CHILD);
  check_above_limit (G_SPAWN_DEFAULT);
  scene_close (FAR_FD);
}

static void
keep_seven_open (gpointer data)
{
  int *flags = data;

  flags[0] = fcntl (4, F_GETFD);
  flags[1] = fcntl (7, F_GETFD);
  fcntl (7, F_SETFD, 0);
}

static void
test_descriptors_and_setup (void)
{
  int *flags = scene_share (2 * sizeof *flags);
  g_auto (Launch) launch;
  g_autoptr (GKeyFile) report = NULL;
  g_autofree char *open_fds = NULL;

  scene_open ("four", 4);
  scene_open ("seven", 7);
  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL);
  launch.setup = keep_seven_open;
  launch.setup_data = flags;
  report = launch_report (&launch);
  open_fds = report_get_open (report);
  g_assert_cmpint (flags[0], ==, FD_CLOEXEC);
  g_assert_cmpint (flags[1], ==, FD_CLOEXEC);
  g_assert_cmpstr (open_fds, ==, "0;1;2;7");

  scene_unshare (flags, 2 * sizeof *flags);
  scene_close (4);
  scene_close (7);
}

#define STREAMS(...) .run_data = test_streams_row, .data = &(const StreamsRow) { __VA_ARGS__ }

const Case flags_cases[] = {
  { .name = "9-default", STREAMS (.expected = { "null read", "1", "2" }) },
  { .name = "9-inherit-input",
    STREAMS (.flags = G_SPAWN_CHILD_INHERITS_STDIN, .expected = { "0", "1", "2" }) },
  { .name = "9-null-output",
    STREAMS (.flags = G_SPAWN_STDOUT_TO_DEV_NULL, .expected = { "null read", "null write", "2" }) },
  { .name = "9-null-error",
    STREAMS (.flags = G_SPAWN_STDERR_TO_DEV_NULL, .expected = { "null read", "1", "null write" }) },
  { .name = "9-all-null",
    STREAMS (.flags = G_SPAWN_STDIN_FROM_DEV_NULL | G_SPAWN_STDOUT_TO_DEV_NULL |
             G_SPAWN_STDERR_TO_DEV_NULL,
             .expected = { "null read", "null write", "null write" }) },
  { .name = "9-all-inherited",
    STREAMS (.flags = G_SPAWN_CHILD_INHERITS_STDIN | G_SPAWN_CHILD_INHERITS_STDOUT |
             G_SPAWN_CHILD_INHERITS_STDERR, .expected = { "0", "1", "2" }) },
  { .name = "9-pipes",
    STREAMS (.pipes = { TRUE, TRUE, TRUE }, .expected = { "pipe", "pipe", "pipe" }) },
  { .name = "9-pipe-input",
    STREAMS (.pipes = { TRUE, FALSE, FALSE }, .expected = { "pipe", "1", "2" }) },
  { .name = "9-pipe-output",
    STREAMS (.pipes = { FALSE, TRUE, FALSE }, .expected = { "null read", "pipe", "2" }) },
  { .name = "9-pipe-error",
    STREAMS (.pipes = { FALSE, FALSE, TRUE }, .expected = { "null read", "1", "pipe" }) },
  { .name = "9-suppressed-by-inherit",
    STREAMS (.flags = G_SPAWN_CHILD_INHERITS_STDIN | G_SPAWN_CHILD_INHERITS_STDOUT |
             G_SPAWN_CHILD_INHERITS_STDERR, .pipes = { TRUE, TRUE, TRUE },
             .expected = { "0", "1", "2" }) },
  { .name = "9-suppressed-by-null",
    STREAMS (.flags = G_SPAWN_STDIN_FROM_DEV_NULL | G_SPAWN_STDOUT_TO_DEV_NULL |
             G_SPAWN_STDERR_TO_DEV_NULL, .pipes = { TRUE, TRUE, TRUE },
             .expected = { "null read", "null write", "null write" }) },
  { .name = "9-pipes-work", .run = test_pipes_work },

  { .name = "10-descriptor-beats-null",
    STREAMS (.flags = G_SPAWN_STDIN_FROM_DEV_NULL | G_SPAWN_STDOUT_TO_DEV_NULL |
             G_SPAWN_STDERR_TO_DEV_NULL, .streams = { 5, 5, 5 },
             .expected = { "5", "5", "5" }) },
  { .name = "10-descriptor-beats-inherit",
    STREAMS (.flags = G_SPAWN_CHILD_INHERITS_STDIN | G_SPAWN_CHILD_INHERITS_STDOUT |
             G_SPAWN_CHILD_INHERITS_STDERR, .streams = { 5, 5, 5 },
             .expected = { "5", "5", "5" }) },
  { .name = "10-negative-is-unset",
    STREAMS (.streams = { -2, INT_MIN, -100 }, .expected = { "null read", "1", "2" }) },
  { .name = "10-negative-with-pipe",
    STREAMS (.streams = { -2, INT_MIN, -100 }, .pipes = { TRUE, TRUE, TRUE },
             .expected = { "pipe", "pipe", "pipe" }) },
  { .name = "10-fresh-pipe-end", .run = test_fresh_pipe_end,
    .verdict = GLIB_FAILS,
    .difference = "An explicit stream descriptor that equals the number of a fresh pipe end gives "
                  "the child that end." },

  { .name = "11-cloexec-pipes", .run = test_cloexec_pipes },
  { .name = "11-internal-ends", .run = test_internal_ends,
    .verdict = GLIB_FAILS,
    .difference = "Without `G_SPAWN_CLOEXEC_PIPES` the child's ends of the pipes and the pipe that "
                  "reports errors can leak into a child that another thread makes." },

  { .name = "12-argv-zero", .run = test_argv_zero },
  { .name = "12-argv-zero-empty", .run = test_argv_zero_empty },
  { .name = "12-many-arguments", .run = test_many_arguments },

  { .name = "13-descriptors", .run = test_descriptors },
  { .name = "13-descriptors-above-limit", .run = test_descriptors_above_limit },
  { .name = "13-descriptors-and-setup", .run = test_descriptors_and_setup,
    .needs = GSPAWN_NEED_CHILD_SETUP },
  { .name = NULL }
};
