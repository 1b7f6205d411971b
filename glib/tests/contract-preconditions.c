/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Points 4 to 8: what is a mistake of the programmer, and under which function's name it is
 * reported. Nothing is written, nothing is started, and no error is set. */

#include "contract.h"

#include <stdlib.h>
#include <unistd.h>

#include "launch.h"
#include "scene.h"

#define UNTOUCHED (-7)

typedef enum {
  VIA_ASYNC,
  VIA_PIPES,
  VIA_PIPES_AND_FDS,
  VIA_FDS,
  VIA_SYNC,
} Function;

/* Which call to make, and the name that the message must have. */
typedef struct {
  Function function;
  const char *reported_as;
  const char *argv0;        /* NULL: the vector is empty */
  gboolean without_argv;
  GSpawnFlags flags;
  int streams[3];           /* 0: none; for others that number */
  gboolean pointers[3];     /* pass an out-pointer */
} Row;

typedef struct {
  GPid pid;
  int pipes[3];
  char *texts[2];
  int wait_status;
} Outputs;

static char untouched_text[] = "untouched";

static gboolean
call (const Row  *row,
      char      **argv,
      Outputs    *outputs,
      GError    **error)
{
  int fds[3];
  int *pipes[3];

  for (int i = 0; i < 3; i++)
    {
      fds[i] = row->streams[i] > 0 ? row->streams[i] : -1;
      pipes[i] = row->pointers[i] ? &outputs->pipes[i] : NULL;
    }

  switch (row->function)
    {
    case VIA_ASYNC:
      return g_spawn_async (NULL, argv, NULL, row->flags, NULL, NULL, &outputs->pid, error);
    case VIA_PIPES:
      return g_spawn_async_with_pipes (NULL, argv, NULL, row->flags, NULL, NULL, &outputs->pid,
                                       pipes[0], pipes[1], pipes[2], error);
    case VIA_PIPES_AND_FDS:
      return g_spawn_async_with_pipes_and_fds (NULL, (const char *const *) argv, NULL, row->flags,
                                               NULL, NULL, fds[0], fds[1], fds[2], NULL, NULL, 0,
                                               &outputs->pid, pipes[0], pipes[1], pipes[2],
                                               error);
    case VIA_FDS:
      return g_spawn_async_with_fds (NULL, argv, NULL, row->flags, NULL, NULL, &outputs->pid,
                                     fds[0], fds[1], fds[2], error);
    case VIA_SYNC:
      return g_spawn_sync (NULL, argv, NULL, row->flags, NULL, NULL,
                           row->pointers[1] ? &outputs->texts[0] : NULL,
                           row->pointers[2] ? &outputs->texts[1] : NULL,
                           &outputs->wait_status, error);
    default:
      g_assert_not_reached ();
    }
}

static void
test_row (gconstpointer data)
{
  const Row *row = data;
  Outputs outputs = { UNTOUCHED, { UNTOUCHED, UNTOUCHED, UNTOUCHED },
                      { untouched_text, untouched_text }, UNTOUCHED };
  g_autofree char *pattern = g_strdup_printf ("GLib: %s: assertion * failed", row->reported_as);
  g_autoptr (GError) error = NULL;
  char *argv[] = { (char *) row->argv0, NULL };

  g_assert_false (call (row, row->without_argv ? NULL : argv, &outputs, &error));
  g_assert_no_error (error);
  case_expect_log (pattern);

  g_assert_cmpint (outputs.pid, ==, UNTOUCHED);
  g_assert_cmpint (outputs.wait_status, ==, UNTOUCHED);
  for (int i = 0; i < 3; i++)
    g_assert_cmpint (outputs.pipes[i], ==, UNTOUCHED);
  for (int i = 0; i < 2; i++)
    g_assert_cmpstr (outputs.texts[i], ==, untouched_text);
}

static void
test_command_line_null (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (g_spawn_command_line_async (NULL, &error));
  g_assert_no_error (error);
  case_expect_log ("GLib: g_spawn_command_line_async: assertion * failed");

  g_assert_false (g_spawn_command_line_sync (NULL, NULL, NULL, NULL, &error));
  g_assert_no_error (error);
  case_expect_log ("GLib: g_spawn_command_line_sync: assertion * failed");
}

static void
test_command_line_parse (void)
{
  static const struct {
    const char *line;
    int code;
  } rows[] = {
    { "", G_SHELL_ERROR_EMPTY_STRING },
    { "  ", G_SHELL_ERROR_EMPTY_STRING },
    { "true 'it", G_SHELL_ERROR_BAD_QUOTING },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) async_error = NULL;
      g_autoptr (GError) sync_error = NULL;
      char untouched[] = "";
      char *output = untouched, *errors = untouched;

      g_assert_false (g_spawn_command_line_async (rows[i].line, &async_error));
      g_assert_error (async_error, G_SHELL_ERROR, rows[i].code);
      g_assert_false (g_spawn_command_line_sync (rows[i].line, &output, &errors, NULL,
                                                 &sync_error));
      g_assert_error (sync_error, G_SHELL_ERROR, rows[i].code);
      /* There was no launch that they could be of. */
      g_assert_true (output == untouched && errors == untouched);
    }
}

/* The line is split as a shell would, and PATH is searched; nothing else is set, so the child is
 * not the caller's, reads nothing and has the caller's output. */
static void
test_command_line_async (void)
{
  g_autoptr (ReportSink) sink = report_sink_new ();
  g_autoptr (GKeyFile) report = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *line = g_strdup_printf ("tool print 1 'a b' report \"%s\"",
                                           report_sink_get_path (sink));
  g_autofree char *open_fds = NULL;
  g_autofree char *input = NULL;
  g_auto (GStrv) arguments = NULL;

  scene_link_probe ("bin/tool");
  scene_open ("open", 5);
  setenv ("PATH", "bin", TRUE);

  g_assert_true (g_spawn_command_line_async (line, &error));
  g_assert_no_error (error);
  trace_expect (&(TraceExpectation) {
    .function = "g_spawn_command_line_async",
    .command = "tool",
    .needs = GSPAWN_NEED_SEARCH_PATH | GSPAWN_NEED_STREAMS | GSPAWN_NEED_CLOSE |
             GSPAWN_NEED_REAP,
    .child = TRACE_ANY_CHILD,
  });

  report = report_sink_read (sink, 0);
  arguments = report_get_texts (report, "arguments");
  open_fds = report_get_open (report);
  input = report_describe (report, 0);
  g_assert_cmpuint (g_strv_length (arguments), ==, 6);
  g_assert_cmpstr (arguments[0], ==, "tool");
  g_assert_cmpstr (arguments[3], ==, "a b");
  g_assert_cmpstr (open_fds, ==, "0;1;2");
  g_assert_cmpstr (input, ==, "null read");
  g_assert_cmpint (report_get_int (report, "process", "ppid"), !=, getpid ());
  scene_close (5);
}

static void
test_command_line_sync (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *output = NULL;
  g_autofree char *errors = NULL;
  int status = UNTOUCHED;

  scene_link_probe ("bin/tool");
  setenv ("PATH", "bin", TRUE);

  g_assert_true (g_spawn_command_line_sync ("tool print 1 'a b' print 2 c exit 3", &output,
                                            &errors, &status, &error));
  g_assert_no_error (error);
  trace_expect (&(TraceExpectation) {
    .function = "g_spawn_command_line_sync",
    .command = "tool",
    .needs = GSPAWN_NEED_SEARCH_PATH | GSPAWN_NEED_STREAMS | GSPAWN_NEED_CLOSE,
    .child = TRACE_ANY_CHILD,
  });
  g_assert_cmpstr (output, ==, "a b");
  g_assert_cmpstr (errors, ==, "c");
  g_assert_cmpint (status, ==, 3 << 8);
}

#define NO_ARGV(function_, name_) \
  &(const Row) { .function = function_, .reported_as = name_, .without_argv = TRUE }
#define EMPTY_ARGV(function_, name_) \
  &(const Row) { .function = function_, .reported_as = name_ }
#define SYNC(...) \
  &(const Row) { .function = VIA_SYNC, .reported_as = "g_spawn_sync", .argv0 = "/bin/true", \
                 __VA_ARGS__ }
#define PIPES(...) \
  &(const Row) { .function = VIA_PIPES_AND_FDS, .argv0 = "/bin/true", \
                 .reported_as = "g_spawn_async_with_pipes_and_fds", __VA_ARGS__ }
#define FDS(...) \
  &(const Row) { .function = VIA_FDS, .argv0 = "/bin/true", \
                 .reported_as = "g_spawn_async_with_fds", __VA_ARGS__ }

const Case preconditions_cases[] = {
  { .name = "4-async-no-argv", .run_data = test_row,
    .data = NO_ARGV (VIA_ASYNC, "g_spawn_async_with_pipes_and_fds") },
  { .name = "4-async-empty-argv", .run_data = test_row,
    .data = EMPTY_ARGV (VIA_ASYNC, "g_spawn_async_with_pipes_and_fds") },
  { .name = "4-with-pipes-no-argv", .run_data = test_row,
    .data = NO_ARGV (VIA_PIPES, "g_spawn_async_with_pipes_and_fds") },
  { .name = "4-with-pipes-empty-argv", .run_data = test_row,
    .data = EMPTY_ARGV (VIA_PIPES, "g_spawn_async_with_pipes_and_fds") },
  { .name = "4-with-pipes-and-fds-no-argv", .run_data = test_row,
    .data = NO_ARGV (VIA_PIPES_AND_FDS, "g_spawn_async_with_pipes_and_fds") },
  { .name = "4-with-pipes-and-fds-empty-argv", .run_data = test_row,
    .data = EMPTY_ARGV (VIA_PIPES_AND_FDS, "g_spawn_async_with_pipes_and_fds") },
  { .name = "4-with-fds-no-argv", .run_data = test_row,
    .data = NO_ARGV (VIA_FDS, "g_spawn_async_with_fds") },
  { .name = "4-with-fds-empty-argv", .run_data = test_row,
    .data = EMPTY_ARGV (VIA_FDS, "g_spawn_async_with_fds") },
  { .name = "4-sync-no-argv", .run_data = test_row, .data = NO_ARGV (VIA_SYNC, "g_spawn_sync") },
  { .name = "4-sync-empty-argv", .run_data = test_row,
    .data = EMPTY_ARGV (VIA_SYNC, "g_spawn_sync") },

  { .name = "5-not-reaped", .run_data = test_row,
    .data = SYNC (.flags = G_SPAWN_DO_NOT_REAP_CHILD) },
  { .name = "5-output-and-null", .run_data = test_row,
    .data = SYNC (.flags = G_SPAWN_STDOUT_TO_DEV_NULL, .pointers = { FALSE, TRUE, FALSE }) },
  { .name = "5-error-and-null", .run_data = test_row,
    .data = SYNC (.flags = G_SPAWN_STDERR_TO_DEV_NULL, .pointers = { FALSE, FALSE, TRUE }) },

  { .name = "6-input-inherited-and-null", .run_data = test_row,
    .data = PIPES (.flags = G_SPAWN_CHILD_INHERITS_STDIN | G_SPAWN_STDIN_FROM_DEV_NULL) },
  { .name = "6-output-inherited-and-null", .run_data = test_row,
    .data = PIPES (.flags = G_SPAWN_CHILD_INHERITS_STDOUT | G_SPAWN_STDOUT_TO_DEV_NULL) },
  { .name = "6-error-inherited-and-null", .run_data = test_row,
    .data = PIPES (.flags = G_SPAWN_CHILD_INHERITS_STDERR | G_SPAWN_STDERR_TO_DEV_NULL) },
  { .name = "6-input-pipe-and-descriptor", .run_data = test_row,
    .data = PIPES (.streams = { 5, 0, 0 }, .pointers = { TRUE, FALSE, FALSE }) },
  { .name = "6-output-pipe-and-descriptor", .run_data = test_row,
    .data = PIPES (.streams = { 0, 5, 0 }, .pointers = { FALSE, TRUE, FALSE }) },
  { .name = "6-error-pipe-and-descriptor", .run_data = test_row,
    .data = PIPES (.streams = { 0, 0, 5 }, .pointers = { FALSE, FALSE, TRUE }) },

  { .name = "7-output-and-null", .run_data = test_row,
    .data = FDS (.flags = G_SPAWN_STDOUT_TO_DEV_NULL, .streams = { 0, 5, 0 }) },
  { .name = "7-error-and-null", .run_data = test_row,
    .data = FDS (.flags = G_SPAWN_STDERR_TO_DEV_NULL, .streams = { 0, 0, 5 }) },
  { .name = "7-input-and-inherited", .run_data = test_row,
    .data = FDS (.flags = G_SPAWN_CHILD_INHERITS_STDIN, .streams = { 5, 0, 0 }) },

  { .name = "8-null", .run = test_command_line_null },
  { .name = "8-parse", .run = test_command_line_parse },
  { .name = "8-async", .run = test_command_line_async },
  { .name = "8-sync", .run = test_command_line_sync },
  { .name = NULL }
};
