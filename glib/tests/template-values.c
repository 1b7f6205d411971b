/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Templates and launches as objects: values that are refused when they are set, what cannot be
 * changed once it was launched, copies, and descriptors that are held. */

#include "template-stage.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "scene.h"

#define FREE_FD 99

typedef struct {
  const char *argv[4];
  GSpawnFlags flags;
  const char *reason;     /* in the message, or NULL where it is good */
} NewRow;

static const NewRow new_rows[] = {
  { { NULL }, 0, "needs a program" },
  { { "a", NULL }, G_SPAWN_FILE_AND_ARGV_ZERO, "a name for it" },
  { { NULL }, G_SPAWN_FILE_AND_ARGV_ZERO, "a name for it" },
  { { "a", NULL }, 1 << 12, "0x1000 are not known" },
  { { "a", NULL }, G_SPAWN_SEARCH_PATH | (GSpawnFlags) (1u << 31), "0x80000000 are not known" },
  { { "a", NULL }, G_SPAWN_CHILD_INHERITS_STDIN | G_SPAWN_STDIN_FROM_DEV_NULL, "contradict" },
  { { "a", NULL }, G_SPAWN_CHILD_INHERITS_STDOUT | G_SPAWN_STDOUT_TO_DEV_NULL, "STDOUT" },
  { { "a", NULL }, G_SPAWN_CHILD_INHERITS_STDERR | G_SPAWN_STDERR_TO_DEV_NULL, "STDERR" },
  { { "a", NULL }, 0, NULL },
  { { "", NULL }, 0, NULL },
  { { "a", "b", NULL }, G_SPAWN_FILE_AND_ARGV_ZERO, NULL },
  { { "a", NULL }, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_CLOEXEC_PIPES, NULL },
  { { "a", NULL }, G_SPAWN_CHILD_INHERITS_STDIN | G_SPAWN_STDOUT_TO_DEV_NULL |
    G_SPAWN_CHILD_INHERITS_STDERR | G_SPAWN_LEAVE_DESCRIPTORS_OPEN | G_SPAWN_SEARCH_PATH |
    G_SPAWN_SEARCH_PATH_FROM_ENVP, NULL },
};

static void
check_refusal (gboolean      success,
               const GError *error,
               const char   *reason)
{
  g_assert_false (success);
  g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_INVAL);
  if (error != NULL && strstr (error->message, reason) == NULL)
    {
      g_test_message ("\"%s\" does not say \"%s\"", error->message, reason);
      g_test_fail ();
    }
}

static void
test_new (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (new_rows); i++)
    {
      const NewRow *row = &new_rows[i];
      g_autoptr (GError) error = NULL;
      g_autoptr (GSpawnTemplate) tmpl = gspawn_template_new (row->argv, row->flags, &error);

      if (row->reason != NULL)
        check_refusal (tmpl != NULL, error, row->reason);
      else
        {
          g_assert_no_error (error);
          g_assert_nonnull (tmpl);
        }
    }
}

/* Each is an expression of its own, so that it is seen as a program writes it. */
static gboolean
set_refused (guint            i,
             GSpawnTemplate  *t,
             GSpawnLaunch    *l,
             const char     **reason,
             GError         **e)
{
#define REFUSED(number, why, expression) \
    case number: *reason = why; return expression

  switch (i)
    {
    REFUSED (0, "without a name", gspawn_template_set_working_directory (t, "", e));
    REFUSED (1, "not a standard stream", gspawn_template_set_stream (t, 3, 0, e));
    REFUSED (2, "not a standard stream", gspawn_launch_set_stream (l, -1, 0, e));
    REFUSED (3, "not a kind", gspawn_template_set_stream (t, 0, 5, e));
    REFUSED (4, "not a kind", gspawn_launch_set_stream (l, 0, -1, e));
    REFUSED (5, "Only standard error",
             gspawn_template_set_stream (t, 0, GSPAWN_STREAM_KIND_MERGED, e));
    REFUSED (6, "Only standard error",
             gspawn_launch_set_stream (l, 1, GSPAWN_STREAM_KIND_MERGED, e));
    REFUSED (7, "not a standard stream", gspawn_template_set_stream_fd (t, 3, 0, e));
    REFUSED (8, "not a standard stream", gspawn_launch_set_stream_fd (l, -1, 0, e));
    REFUSED (9, "Descriptor -1 ", gspawn_template_set_stream_fd (t, 0, -1, e));
    REFUSED (10, "Descriptor 99 ", gspawn_launch_set_stream_fd (l, 2, FREE_FD, e));
    REFUSED (11, "Descriptor -1 ", gspawn_template_set_fd (t, -1, 5, e));
    REFUSED (12, "Descriptor 99 ", gspawn_launch_set_fd (l, FREE_FD, 5, e));
    REFUSED (13, "number -1", gspawn_template_set_fd (t, 0, -1, e));
    REFUSED (14, "number 2147483647", gspawn_launch_set_fd (l, 0, G_MAXINT, e));
    REFUSED (15, "is a standard stream", gspawn_template_set_fd (t, 0, 0, e));
    REFUSED (16, "is a standard stream", gspawn_launch_set_fd (l, 0, 2, e));
    REFUSED (17, "name of a variable", gspawn_launch_set_variable (l, "", "x", e));
    REFUSED (18, "name of a variable", gspawn_launch_set_variable (l, "A=B", "x", e));
    REFUSED (19, "name of a variable", gspawn_launch_set_variable (l, "=", NULL, e));
    default:
      *reason = NULL;
      return FALSE;
    }
#undef REFUSED
}

static void
test_refused (void)
{
  g_autoptr (GSpawnTemplate) tmpl = template_new (0, probe_get_path (), NULL);
  g_autoptr (GSpawnLaunch) launch = gspawn_launch_new (NULL);
  g_autoptr (GKeyFile) report = NULL;
  g_autofree char *open_fds = NULL;
  const char *reason = "";

  for (guint i = 0; reason != NULL; i++)
    {
      g_autoptr (GError) error = NULL;
      gboolean success = set_refused (i, tmpl, launch, &reason, &error);

      if (reason != NULL)
        check_refusal (success, error, reason);
    }

  /* Nothing of it has stayed. */
  report = template_report (tmpl);
  open_fds = report_get_open (report);
  g_assert_cmpstr (open_fds, ==, "0;1;2");
}

/* All that changes a template, with good values. */
static gboolean
change_template (guint            i,
                 GSpawnTemplate  *t,
                 GError         **e)
{
  switch (i)
    {
    case 0: return gspawn_template_set_environment (t, NULL, e);
    case 1: return gspawn_template_set_working_directory (t, "/", e);
    case 2: return gspawn_template_set_attributes (t, NULL, e);
    case 3: return gspawn_template_set_stream (t, 0, GSPAWN_STREAM_KIND_PIPE, e);
    case 4: return gspawn_template_set_stream_fd (t, 1, 1, e);
    default: return gspawn_template_set_fd (t, 1, 7, e);
    }
}

static gboolean
change_launch (guint          i,
               GSpawnLaunch  *l,
               GError       **e)
{
  switch (i)
    {
    case 0: return gspawn_launch_set_variable (l, "A", "B", e);
    case 1: return gspawn_launch_set_variable (l, "A", NULL, e);
    case 2: return gspawn_launch_set_stream (l, 0, GSPAWN_STREAM_KIND_PIPE, e);
    case 3: return gspawn_launch_set_stream_fd (l, 1, 1, e);
    default: return gspawn_launch_set_fd (l, 1, 7, e);
    }
}

#define N_TEMPLATE_CHANGES 6
#define N_LAUNCH_CHANGES 5

static void
check_immutable (GSpawnTemplate *tmpl)
{
  for (guint i = 0; i < N_TEMPLATE_CHANGES; i++)
    {
      g_autoptr (GError) error = NULL;
      gboolean success = change_template (i, tmpl, &error);

      check_refusal (success, error, "template cannot be changed");
    }
}

static void
test_immutable (void)
{
  g_autoptr (GSpawnTemplate) tmpl = template_new (0, probe_get_path (), NULL);
  g_autoptr (GSpawnTemplate) failing = template_new (0, "/nonexistent/program", NULL);
  g_autoptr (GSpawnLaunch) launch = template_launch_new ("exit", "3", NULL);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < N_TEMPLATE_CHANGES; i++)
    g_assert_true (change_template (i, tmpl, NULL));
  for (guint i = 0; i < N_LAUNCH_CHANGES; i++)
    g_assert_true (change_launch (i, launch, NULL));
  g_assert_cmpint (template_run (tmpl, launch, probe_get_path (), NULL), ==, 3);
  check_immutable (tmpl);
  for (guint i = 0; i < N_LAUNCH_CHANGES; i++)
    {
      g_autoptr (GError) refusal = NULL;
      gboolean success = change_launch (i, launch, &refusal);

      check_refusal (success, refusal, "launch cannot be changed");
    }
  /* It can be used again. */
  g_assert_cmpint (template_run (tmpl, launch, probe_get_path (), NULL), ==, 3);

  g_assert_cmpint (template_run (failing, NULL, "/nonexistent/program", &error), ==, -1);
  g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT);
  check_immutable (failing);
}

/* What the caller gives it may be changed, closed and freed at once. */
static void
test_copies (void)
{
  char *program = g_strdup (probe_get_path ());
  char *directory = g_strdup ("/");
  char entry[] = "A=1";
  char *envp[] = { entry, NULL };
  const char *argv[] = { program, NULL };
  g_autoptr (GSpawnAttributes) attributes = gspawn_attributes_new ();
  g_autoptr (GSpawnTemplate) tmpl = gspawn_template_new (argv, 0, NULL);
  g_autoptr (GKeyFile) report = NULL;
  g_autofree char *path = NULL;
  g_autofree char *file = NULL;
  g_autofree char *expected_file = NULL;
  g_auto (GStrv) variables = NULL;
  int fd = scene_open_private ("given", O_RDWR | O_CREAT);

  gspawn_attributes_set_new_session (attributes, TRUE);
  g_assert_true (gspawn_template_set_environment (tmpl, (const char *const *) envp, NULL));
  g_assert_true (gspawn_template_set_working_directory (tmpl, directory, NULL));
  g_assert_true (gspawn_template_set_attributes (tmpl, attributes, NULL));
  g_assert_true (gspawn_template_set_fd (tmpl, fd, 5, NULL));
  expected_file = descriptor_describe (fd);

  memset (program, 'x', strlen (program));
  g_free (program);
  directory[0] = 'x';
  g_free (directory);
  entry[2] = '2';
  gspawn_attributes_set_new_session (attributes, FALSE);
  close (fd);

  report = template_report (tmpl);
  variables = report_get_texts (report, "environment");
  g_assert_cmpuint (g_strv_length (variables), ==, 1);
  g_assert_cmpstr (variables[0], ==, "A=1");
  path = report_get_text (report, "directory", "path");
  g_assert_cmpstr (path, ==, "/");
  g_assert_cmpint (report_get_int (report, "process", "sid"), ==,
                   report_get_int (report, "process", "pid"));
  file = report_describe (report, 5);
  g_assert_cmpstr (file, ==, expected_file);
}

/* With NULL it is as it was. */
static void
test_cleared (void)
{
  const char *envp[] = { "A=1", NULL };
  g_autofree char *directory = g_get_current_dir ();
  g_autoptr (GSpawnAttributes) attributes = gspawn_attributes_new ();
  g_autoptr (GSpawnTemplate) tmpl = template_new (0, probe_get_path (), NULL);
  g_autoptr (GKeyFile) report = NULL;
  g_autofree char *path = NULL;
  g_auto (GStrv) variables = NULL;

  gspawn_attributes_set_new_session (attributes, TRUE);
  for (guint i = 0; i < 2; i++)
    {
      g_assert_true (gspawn_template_set_environment (tmpl, i == 0 ? envp : NULL, NULL));
      g_assert_true (gspawn_template_set_working_directory (tmpl, i == 0 ? "/" : NULL, NULL));
      g_assert_true (gspawn_template_set_attributes (tmpl, i == 0 ? attributes : NULL, NULL));
    }

  report = template_report (tmpl);
  variables = report_get_texts (report, "environment");
  g_assert_cmpuint (g_strv_length (variables), ==, g_strv_length (environ));
  path = report_get_text (report, "directory", "path");
  g_assert_cmpstr (path, ==, directory);
  g_assert_cmpint (report_get_int (report, "process", "sid"), !=,
                   report_get_int (report, "process", "pid"));
}

/* Above what programs use, but where the limit does not allow for that. */
static void
test_held_fds (void)
{
  g_autoptr (GSpawnTemplate) tmpl = template_new (0, "/bin/true", NULL);
  int source = scene_open_private ("/dev/null", O_RDONLY);

  g_assert_cmpint (fcntl (64, F_GETFD), <, 0);
  g_assert_true (gspawn_template_set_fd (tmpl, source, 5, NULL));
  g_assert_cmpint (fcntl (64, F_GETFD), ==, FD_CLOEXEC);
  /* What it replaces is closed. */
  g_assert_true (gspawn_template_set_fd (tmpl, source, 5, NULL));
  g_assert_cmpint (fcntl (64, F_GETFD), <, 0);
  g_assert_true (gspawn_template_set_stream_fd (tmpl, GSPAWN_STREAM_INPUT, source, NULL));
  g_assert_cmpint (fcntl (64, F_GETFD), ==, FD_CLOEXEC);
  g_assert_true (gspawn_template_set_stream (tmpl, GSPAWN_STREAM_INPUT,
                                             GSPAWN_STREAM_KIND_NULL, NULL));
  g_assert_cmpint (fcntl (64, F_GETFD), <, 0);
  close (source);
}

/* A reference is as good as another. */
static void
test_references (void)
{
  g_autoptr (GSpawnTemplate) tmpl = template_new (0, probe_get_path (), "exit", "4", NULL);
  g_autoptr (GSpawnLaunch) launch = gspawn_launch_new (NULL);
  GSpawnTemplate *other = gspawn_template_ref (tmpl);
  GSpawnLaunch *other_launch = gspawn_launch_ref (launch);

  g_assert_true (other == tmpl);
  g_assert_true (other_launch == launch);
  g_assert_cmpint (template_run (other, other_launch, probe_get_path (), NULL), ==, 4);
  gspawn_template_unref (other);
  gspawn_launch_unref (other_launch);
  g_assert_cmpint (template_run (tmpl, launch, probe_get_path (), NULL), ==, 4);
}

/* A failed launch tells of it by its error even if nobody wants to know. */
static void
test_no_error_wanted (void)
{
  static const char *const argv[] = { NULL };
  g_autoptr (GSpawnTemplate) tmpl = template_new (0, probe_get_path (), NULL);

  g_assert_null (gspawn_template_new (argv, 0, NULL));
  g_assert_false (gspawn_template_set_fd (tmpl, FREE_FD, 5, NULL));
}

const Case template_value_cases[] = {
  { .name = "new", .run = test_new, .engines_only = TRUE },
  { .name = "refused", .run = test_refused, .engines_only = TRUE },
  { .name = "immutable", .run = test_immutable, .engines_only = TRUE },
  { .name = "copies", .run = test_copies, .engines_only = TRUE },
  { .name = "cleared", .run = test_cleared, .engines_only = TRUE },
  { .name = "held-fds", .run = test_held_fds, .engines_only = TRUE },
  { .name = "references", .run = test_references, .engines_only = TRUE },
  { .name = "no-error-wanted", .run = test_no_error_wanted, .engines_only = TRUE },
  { .name = NULL },
};
