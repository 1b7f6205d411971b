/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* What a program finds that was launched by a template and what the launch adds to it: arguments,
 * environment, standard streams and descriptors of both. */

#include "template-stage.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "scene.h"

/* Launches the probe with @launch, which makes it report. */
static GKeyFile *
report_of (GSpawnTemplate *tmpl,
           GSpawnLaunch   *launch,
           ReportSink     *sink)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSpawnProcess) process = template_start (tmpl, launch, probe_get_path (), 0, &error);

  g_assert_no_error (error);

  return template_read_report (sink, process);
}

static void
check_texts (GKeyFile   *report,
             const char *group,
             const char *expected)
{
  g_auto (GStrv) texts = report_get_texts (report, group);
  g_autofree char *joined = g_strjoinv ("|", texts);

  g_assert_cmpstr (joined, ==, expected);
}

static void
test_arguments (void)
{
  g_autoptr (ReportSink) sink = report_sink_new ();
  const char *path = report_sink_get_path (sink);
  g_autoptr (GSpawnTemplate) tmpl = template_new (0, probe_get_path (), "report", path, "rest",
                                                  "a b", "", NULL);
  g_autoptr (GSpawnLaunch) empty = gspawn_launch_new (NULL);
  g_autoptr (GSpawnLaunch) launch = template_launch_new ("c", "", "d'\"$", NULL);
  g_autofree char *leading = g_strdup_printf ("%s|report|%s|rest|a b|", probe_get_path (), path);
  g_autofree char *all = g_strconcat (leading, "|c||d'\"$", NULL);

  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (GKeyFile) alone = report_of (tmpl, i == 0 ? NULL : empty, sink);
      g_autoptr (GKeyFile) more = report_of (tmpl, launch, sink);

      check_texts (alone, "arguments", leading);
      check_texts (more, "arguments", all);
    }
}

/* The shorter way to give some. */
static void
test_plain_arguments (void)
{
  const char *const arguments[] = { "exit", "9", NULL };
  const char *const none[] = { NULL };
  g_autoptr (GSpawnTemplate) tmpl = template_new (0, probe_get_path (), NULL);
  g_autoptr (GSpawnProcess) process = NULL;
  g_autoptr (GSpawnProcess) without = NULL;

  g_unsetenv ("GSPAWN_TRACE");
  process = gspawn_template_launch (tmpl, arguments, NULL);
  without = gspawn_template_launch (tmpl, none, NULL);
  g_assert_nonnull (process);
  g_assert_nonnull (without);
  g_assert_cmpint (template_exit_status (process), ==, 9);
  g_assert_cmpint (template_exit_status (without), ==, 0);
}

static void
test_file_and_argv_zero (void)
{
  g_autoptr (ReportSink) sink = report_sink_new ();
  g_autoptr (GSpawnTemplate) tmpl = template_new (G_SPAWN_FILE_AND_ARGV_ZERO, probe_get_path (),
                                                  "another name", NULL);
  g_autoptr (GSpawnLaunch) launch = template_new_report (sink);
  g_autoptr (GKeyFile) report = report_of (tmpl, launch, sink);
  g_autofree char *expected = g_strconcat ("another name|report|", report_sink_get_path (sink),
                                           NULL);

  check_texts (report, "arguments", expected);
}

typedef struct {
  const char *name;
  const char *base[6];        /* the template's environment */
  gboolean of_caller;         /* it is the caller's instead */
  const char *changes[10];    /* names and values in turn; a value may be "-" for none */
  const char *expected;
} VariableRow;

static const VariableRow variable_rows[] = {
  { "none", { "A=1", "B=2" }, FALSE, { NULL }, "A=1|B=2" },
  { "added", { "A=1" }, FALSE, { "B", "2" }, "A=1|B=2" },
  { "added-to-nothing", { NULL }, FALSE, { "B", "2" }, "B=2" },
  { "replaced", { "A=1", "B=2" }, FALSE, { "A", "3" }, "B=2|A=3" },
  { "left-out", { "A=1", "B=2", "C=3" }, FALSE, { "B", "-" }, "A=1|C=3" },
  { "left-out-all", { "A=1" }, FALSE, { "A", "-" }, "" },
  { "left-out-but-missing", { "A=1" }, FALSE, { "B", "-" }, "A=1" },
  { "empty-value", { "A=1" }, FALSE, { "A", "" }, "A=" },
  { "name-begins-another", { "A=1", "AB=2", "ABC=3" }, FALSE, { "AB", "4" }, "A=1|ABC=3|AB=4" },
  { "twice-there", { "A=1", "A=2", "B=3" }, FALSE, { "A", "4" }, "B=3|A=4" },
  { "changed-twice", { "A=1" }, FALSE, { "B", "2", "B", "3" }, "A=1|B=3" },
  { "set-and-left-out", { "A=1" }, FALSE, { "A", "2", "A", "-" }, "" },
  { "left-out-and-set", { "A=1" }, FALSE, { "A", "-", "A", "2" }, "A=2" },
  { "equals-in-value", { "A=1" }, FALSE, { "B", "x=y=z" }, "A=1|B=x=y=z" },
  { "not-a-variable", { "A", "B=2" }, FALSE, { "A", "1" }, "A|B=2|A=1" },
  { "of-caller", { NULL }, TRUE, { "X", "9" }, "P=1|Q=2|X=9" },
  { "of-caller-replaced", { NULL }, TRUE, { "P", "9" }, "Q=2|P=9" },
  { "of-caller-alone", { NULL }, TRUE, { NULL }, "P=1|Q=2" },
};

static void
run_variable_row (const VariableRow *row)
{
  static char *callers[] = { (char *) "P=1", (char *) "Q=2", NULL };
  g_autoptr (ReportSink) sink = report_sink_new ();
  g_autoptr (GSpawnTemplate) tmpl = template_new (0, probe_get_path (), NULL);
  g_autoptr (GSpawnLaunch) launch = template_new_report (sink);
  g_autoptr (GKeyFile) report = NULL;
  char **saved = environ;

  g_test_message ("%s", row->name);
  if (!row->of_caller)
    g_assert_true (gspawn_template_set_environment (tmpl, row->base, NULL));
  for (guint i = 0; row->changes[i] != NULL; i += 2)
    g_assert_true (gspawn_launch_set_variable (launch, row->changes[i],
                                               g_str_equal (row->changes[i + 1], "-")
                                                 ? NULL : row->changes[i + 1], NULL));
  if (row->of_caller)
    environ = callers;
  report = report_of (tmpl, launch, sink);
  environ = saved;
  check_texts (report, "environment", row->expected);
}

static void
test_variables (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (variable_rows); i++)
    run_variable_row (&variable_rows[i]);
}

/* It is the caller's of each launch, not of the first. */
static void
test_callers_environment (void)
{
  g_autoptr (GSpawnTemplate) tmpl = template_new (0, probe_get_path (), NULL);

  for (guint i = 0; i < 2; i++)
    {
      g_autofree char *value = g_strdup_printf ("%u", i);
      g_autoptr (GKeyFile) report = NULL;
      g_auto (GStrv) variables = NULL;

      g_setenv ("GSPAWN_TEST_ROUND", value, TRUE);
      report = template_report (tmpl);
      variables = report_get_texts (report, "environment");
      g_assert_cmpstr (g_environ_getenv (variables, "GSPAWN_TEST_ROUND"), ==, value);
    }
}

/* As after clearenv(). Where the trace goes is known by then. */
static void
test_no_environment (void)
{
  g_autoptr (ReportSink) sink = report_sink_new ();
  g_autoptr (GSpawnTemplate) tmpl = template_new (0, probe_get_path (), NULL);
  g_autoptr (GSpawnLaunch) launch = template_new_report (sink);
  g_autoptr (GKeyFile) before = template_report (tmpl);
  g_autoptr (GKeyFile) report = NULL;
  char **saved = environ;

  g_assert_nonnull (before);
  g_assert_true (gspawn_launch_set_variable (launch, "A", "1", NULL));
  environ = NULL;
  report = report_of (tmpl, launch, sink);
  environ = saved;
  check_texts (report, "environment", "A=1");
}

/* A letter per stream: what is set, or "-" for nothing, and what the child finds there.
 *
 * d: as the flags say; i: the caller's, n: /dev/null, p: a pipe, m: merged, f and g: a file of the
 * template's and of the launch's. */
typedef struct {
  const char *name;
  GSpawnFlags flags;
  const char *of_template;
  const char *of_launch;
  const char *expected;
} StreamRow;

static const StreamRow stream_rows[] = {
  { "default", 0, "---", "---", "nii" },
  { "default-set", 0, "ddd", "---", "nii" },
  { "flags-null", G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL |
    G_SPAWN_STDIN_FROM_DEV_NULL, "---", "---", "nnn" },
  { "flags-inherit", G_SPAWN_CHILD_INHERITS_STDIN | G_SPAWN_CHILD_INHERITS_STDOUT |
    G_SPAWN_CHILD_INHERITS_STDERR, "---", "---", "iii" },
  { "inherited", 0, "iii", "---", "iii" },
  { "null", 0, "nnn", "---", "nnn" },
  { "pipes", 0, "ppp", "---", "ppp" },
  { "files", 0, "fff", "---", "fff" },
  { "merged-pipe", 0, "-pm", "---", "npp" },
  { "merged-file", 0, "-fm", "---", "nff" },
  { "merged-inherited", 0, "--m", "---", "nic" },
  { "stronger-than-null", G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, "pif",
    "---", "pif" },
  { "pipe-despite-null", G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDIN_FROM_DEV_NULL, "pp-",
    "---", "ppi" },
  { "stronger-than-inherit", G_SPAWN_CHILD_INHERITS_STDIN | G_SPAWN_CHILD_INHERITS_STDOUT |
    G_SPAWN_CHILD_INHERITS_STDERR, "npf", "---", "npf" },
  { "of-launch", 0, "---", "pgn", "pgn" },
  { "launch-replaces-files", 0, "fff", "gpi", "gpi" },
  { "launch-replaces-pipes", 0, "ppp", "nig", "nig" },
  { "launch-replaces-one", 0, "fpn", "-n-", "fnn" },
  { "launch-replaces-null", 0, "nnn", "ipp", "ipp" },
  { "launch-merges", 0, "-p-", "--m", "npp" },
  { "launch-parts", 0, "-pm", "--n", "npn" },
  { "launch-as-flags-say", G_SPAWN_STDERR_TO_DEV_NULL | G_SPAWN_CHILD_INHERITS_STDIN,
    "npp", "ddd", "iin" },
  { "pipe-to-closed-in-turn", 0, "-nm", "-p-", "npp" },
};

static GSpawnStreamKind
kind_of (char letter)
{
  switch (letter)
    {
    case 'd': return GSPAWN_STREAM_KIND_DEFAULT;
    case 'i': return GSPAWN_STREAM_KIND_INHERITED;
    case 'n': return GSPAWN_STREAM_KIND_NULL;
    case 'p': return GSPAWN_STREAM_KIND_PIPE;
    case 'm': return GSPAWN_STREAM_KIND_MERGED;
    default: g_assert_not_reached ();
    }
}

static void
set_streams (GSpawnTemplate *tmpl,
             GSpawnLaunch   *launch,
             const char     *letters,
             int             fd)
{
  for (int i = 0; i < 3; i++)
    {
      g_autoptr (GError) error = NULL;
      char letter = letters[i];

      if (letter == 'f' || letter == 'g')
        launch != NULL ? gspawn_launch_set_stream_fd (launch, i, fd, &error)
                       : gspawn_template_set_stream_fd (tmpl, i, fd, &error);
      else if (letter != '-')
        launch != NULL ? gspawn_launch_set_stream (launch, i, kind_of (letter), &error)
                       : gspawn_template_set_stream (tmpl, i, kind_of (letter), &error);
      g_assert_no_error (error);
    }
}

/* The other end of a pipe has the same number, and the other direction. */
static char *
describe_other_end (GSpawnProcess *process,
                    int            stream)
{
  g_autofree char *ours = descriptor_describe (gspawn_process_get_pipe (process, stream));

  *strchr (ours, ' ') = '\0';

  return g_strconcat (ours, stream == 0 ? " read" : " write", NULL);
}

static char *
describe_expected (char           letter,
                   int            stream,
                   GSpawnProcess *process,
                   const int     *files)
{
  switch (letter)
    {
    case 'n': return g_strdup (stream == 0 ? "null read" : "null write");
    case 'i': return descriptor_describe (stream);
    case 'c': return descriptor_describe (STDOUT_FILENO);
    case 'f': return descriptor_describe (files[0]);
    case 'g': return descriptor_describe (files[1]);
    default:
      return describe_other_end (process,
                                 gspawn_process_get_pipe (process, stream) >= 0 ? stream : 1);
    }
}

/* A pipe where one was asked for, and nowhere else. */
static void
check_pipes (const StreamRow *row,
             GSpawnProcess   *process)
{
  for (int i = 0; i < 3; i++)
    {
      char letter = row->of_launch[i] != '-' ? row->of_launch[i] : row->of_template[i];
      int fd = gspawn_process_get_pipe (process, i);

      g_assert_cmpint (fd >= 0, ==, letter == 'p');
      if (fd >= 0)
        g_assert_cmpint (fcntl (fd, F_GETFD), ==, FD_CLOEXEC);
    }
}

static void
run_stream_row (const StreamRow *row)
{
  g_autoptr (ReportSink) sink = report_sink_new ();
  g_autoptr (GSpawnTemplate) tmpl = template_new (row->flags, probe_get_path (), NULL);
  g_autoptr (GSpawnLaunch) launch = template_new_report (sink);
  int files[] = {
    scene_open_private ("of-template", O_RDWR | O_CREAT),
    scene_open_private ("of-launch", O_RDWR | O_CREAT),
  };
  g_autoptr (GSpawnProcess) process = NULL;
  g_autoptr (GKeyFile) report = NULL;

  g_test_message ("%s", row->name);
  set_streams (tmpl, NULL, row->of_template, files[0]);
  set_streams (tmpl, launch, row->of_launch, files[1]);
  process = template_start (tmpl, launch, probe_get_path (), 0, NULL);
  g_assert_nonnull (process);
  if (process == NULL)
    return;

  check_pipes (row, process);
  report = template_read_report (sink, process);
  for (int i = 0; i < 3; i++)
    {
      g_autofree char *found = report_describe (report, i);
      g_autofree char *expected = describe_expected (row->expected[i], i, process, files);

      g_assert_cmpstr (found, ==, expected);
    }
  close (files[0]);
  close (files[1]);
}

static void
test_streams (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (stream_rows); i++)
    run_stream_row (&stream_rows[i]);
}

/* Whose file each descriptor is: upper case letters are the template's, lower case the launch's. */
typedef struct {
  const char *name;
  const char *of_template[8];   /* a letter and the number that its file gets */
  const char *of_launch[8];
  const char *expected;         /* what is open beside the standard streams */
} MapRow;

/* Copies are held at the first free numbers from 64 on, the template's first. */
static const MapRow map_rows[] = {
  { "none", { NULL }, { NULL }, "" },
  { "template", { "A5", "B9" }, { NULL }, "A5 B9" },
  { "launch", { NULL }, { "a5", "b9" }, "a5 b9" },
  { "both", { "A5", "B9" }, { "a7" }, "A5 a7 B9" },
  { "launch-overrides", { "A5", "B9" }, { "a9" }, "A5 a9" },
  { "launch-overrides-all", { "A5", "B9" }, { "b9", "a5" }, "a5 b9" },
  { "set-twice", { "A5", "B5" }, { NULL }, "B5" },
  { "launch-sets-twice", { "A5" }, { "a5", "b5" }, "b5" },
  { "own-number", { "A64" }, { NULL }, "A64" },
  { "numbers-crossed", { "A65", "B64" }, { NULL }, "B64 A65" },
  { "numbers-in-a-ring", { "A65", "B66", "C64" }, { NULL }, "C64 A65 B66" },
  { "numbers-shifted", { "A65", "B66" }, { "a67", "b64" }, "b64 A65 B66 a67" },
  { "own-number-overrides", { "A65" }, { "a65" }, "a65" },
  { "own-number-is-overridden", { "A64" }, { "a64" }, "a64" },
  { "number-of-the-other", { "A5" }, { "a64" }, "A5 a64" },
};

/* One file for each letter. */
static int
open_letter (char letter)
{
  const char name[] = { letter, '\0' };
  g_autofree char *directory = g_strconcat (g_ascii_isupper (letter) ? "upper-" : "lower-", name,
                                            NULL);

  return scene_open_private (directory, O_RDWR | O_CREAT);
}

static void
set_map (GSpawnTemplate    *tmpl,
         GSpawnLaunch      *launch,
         const char *const *entries)
{
  for (; *entries != NULL; entries++)
    {
      g_autoptr (GError) error = NULL;
      int fd = open_letter ((*entries)[0]);
      int target = atoi (*entries + 1);

      launch != NULL ? gspawn_launch_set_fd (launch, fd, target, &error)
                     : gspawn_template_set_fd (tmpl, fd, target, &error);
      g_assert_no_error (error);
      close (fd);
    }
}

static void
check_map (GKeyFile   *report,
           const char *expected)
{
  g_auto (GStrv) entries = g_strsplit (expected, " ", -1);
  g_autoptr (GString) open_fds = g_string_new ("0;1;2");
  g_autofree char *found_fds = report_get_open (report);

  for (char **entry = entries; *entry != NULL && **entry != '\0'; entry++)
    {
      int fd = open_letter ((*entry)[0]);
      g_autofree char *wanted = descriptor_describe (fd);
      g_autofree char *found = report_describe (report, atoi (*entry + 1));

      g_assert_cmpstr (found, ==, wanted);
      g_string_append_printf (open_fds, ";%s", *entry + 1);
      close (fd);
    }
  g_assert_cmpstr (found_fds, ==, open_fds->str);
}

static void
run_map_row (const MapRow *row,
             GSpawnFlags   flags)
{
  g_autoptr (ReportSink) sink = report_sink_new ();
  g_autoptr (GSpawnTemplate) tmpl = template_new (flags, probe_get_path (), NULL);
  g_autoptr (GSpawnLaunch) launch = template_new_report (sink);
  g_autoptr (GKeyFile) report = NULL;

  g_test_message ("%s", row->name);
  set_map (tmpl, NULL, row->of_template);
  set_map (tmpl, launch, row->of_launch);
  report = report_of (tmpl, launch, sink);
  check_map (report, row->expected);
}

/* What is held is close-on-exec, and so not seen even where all is left open. */
static void
test_maps (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (map_rows); i++)
    {
      run_map_row (&map_rows[i], G_SPAWN_DEFAULT);
      run_map_row (&map_rows[i], G_SPAWN_LEAVE_DESCRIPTORS_OPEN);
    }
}

/* One launch for two templates, and once more for the first. */
static void
test_shared_launch (void)
{
  g_autoptr (ReportSink) sink = report_sink_new ();
  g_autoptr (GSpawnTemplate) first = template_new (0, probe_get_path (), NULL);
  g_autoptr (GSpawnTemplate) second = template_new (0, probe_get_path (), NULL);
  g_autoptr (GSpawnLaunch) launch = template_new_report (sink);

  set_map (first, NULL, (const char *const[]) { "A5", NULL });
  set_map (second, NULL, (const char *const[]) { "B6", NULL });
  set_map (NULL, launch, (const char *const[]) { "a7", NULL });
  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (GKeyFile) report = report_of (i == 1 ? second : first, launch, sink);

      check_map (report, i == 1 ? "B6 a7" : "A5 a7");
    }
}

/* All that the one cannot do is done by another engine, as for every launch. */
static void
test_attributes (void)
{
  g_autoptr (ReportSink) sink = report_sink_new ();
  g_autoptr (GSpawnAttributes) attributes = gspawn_attributes_new ();
  g_autoptr (GSpawnTemplate) tmpl = template_new (0, probe_get_path (), NULL);
  g_autoptr (GSpawnLaunch) launch = template_new_report (sink);
  g_autoptr (GSpawnProcess) process = NULL;
  g_autoptr (GKeyFile) report = NULL;
  g_auto (GStrv) variables = NULL;
  g_autofree char *expected = NULL;
  const char *const envp[] = { "LISTEN_PID=1", "A=1", NULL };

  g_assert_true (gspawn_attributes_set_umask (attributes, 0123, NULL));
  g_assert_true (gspawn_attributes_set_pid_variable (attributes, "LISTEN_PID", NULL));
  g_assert_true (gspawn_template_set_attributes (tmpl, attributes, NULL));
  g_assert_true (gspawn_template_set_environment (tmpl, envp, NULL));
  g_assert_true (gspawn_launch_set_variable (launch, "A", "2", NULL));
  process = template_start (tmpl, launch, probe_get_path (), GSPAWN_NEED_ATTRIBUTES, NULL);
  report = template_read_report (sink, process);

  variables = report_get_texts (report, "environment");
  expected = g_strdup_printf ("%" G_GINT64_FORMAT, report_get_int (report, "process", "pid"));
  g_assert_cmpuint (g_strv_length (variables), ==, 2);
  g_assert_cmpstr (g_environ_getenv (variables, "LISTEN_PID"), ==, expected);
  g_assert_cmpstr (g_environ_getenv (variables, "A"), ==, "2");
  g_assert_cmpint (report_get_int (report, "process", "umask"), ==, 123);
}

const Case template_merge_cases[] = {
  { .name = "arguments", .run = test_arguments, .engines_only = TRUE },
  { .name = "plain-arguments", .run = test_plain_arguments, .engines_only = TRUE },
  { .name = "file-and-argv-zero", .run = test_file_and_argv_zero, .engines_only = TRUE },
  { .name = "variables", .run = test_variables, .engines_only = TRUE },
  { .name = "callers-environment", .run = test_callers_environment, .engines_only = TRUE },
  { .name = "no-environment", .run = test_no_environment, .engines_only = TRUE },
  { .name = "streams", .run = test_streams, .engines_only = TRUE },
  { .name = "maps", .run = test_maps, .engines_only = TRUE },
  { .name = "shared-launch", .run = test_shared_launch, .engines_only = TRUE },
  { .name = "attributes", .run = test_attributes, .engines_only = TRUE,
    .needs = GSPAWN_NEED_ATTRIBUTES },
  { .name = NULL },
};
