/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * The file that GSPAWN_TRACE names: what may be in its lines, and what happens if it cannot be
 * written. The trace is read by a JSON library. */
#include "guard.h"
#include "isolation.h"

#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char *
new_directory (void)
{
  g_autoptr (GError) error = NULL;
  char *directory = g_dir_make_tmp ("gspawn-trace-XXXXXX", &error);

  g_assert_no_error (error);
  return directory;
}

static void
launch (const char *file)
{
  const char *argv[] = { file, NULL };
  GPid pid;

  if (g_spawn_async (NULL, (char **) argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid, NULL))
    g_assert_cmpint (waitpid (pid, NULL, 0), ==, pid);
}

/* The only line of @path, parsed; the file is removed. */
static JsonNode *
read_line (const char *path)
{
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  JsonNode *node;

  g_file_get_contents (path, &text, NULL, &error);
  g_assert_no_error (error);
  g_unlink (path);
  g_assert_true (g_str_has_suffix (text, "}\n"));
  g_assert_true (strchr (text, '\n') == strrchr (text, '\n'));
  node = json_from_string (text, &error);
  g_assert_no_error (error);

  return node;
}

static void
test_members (void)
{
  g_autofree char *directory = NULL;
  g_autofree char *path = NULL;
  g_autoptr (JsonNode) node = NULL;
  JsonObject *record;

  g_test_summary ("A line says who spawned what by which function and engine, and how long it took");

  if (!in_subprocess ())
    return;

  directory = new_directory ();
  path = g_build_filename (directory, "trace", NULL);
  g_setenv ("GSPAWN_TRACE", path, TRUE);
  launch ("/bin/true");
  node = read_line (path);
  g_rmdir (directory);

  record = json_node_get_object (node);
  g_assert_cmpint (json_object_get_int_member (record, "pid"), ==, getpid ());
  g_assert_cmpstr (json_object_get_string_member (record, "program"), ==, "test-trace-file");
  g_assert_cmpstr (json_object_get_string_member (record, "function"), ==, "g_spawn_async");
  g_assert_cmpstr (json_object_get_string_member (record, "command"), ==, "/bin/true");
  g_assert_nonnull (json_object_get_string_member (record, "engine"));
  g_assert_nonnull (json_object_get_string_member (record, "reason"));
  g_assert_cmpint (json_object_get_int_member (record, "child"), >, 0);
  g_assert_cmpfloat (json_object_get_double_member (record, "microseconds"), >, 0);
  g_assert_cmpfloat (g_get_real_time () / 1e6 - json_object_get_double_member (record, "time"), <,
                     60);
  g_assert_true (json_object_get_null_member (record, "error"));
}

static void
test_any_bytes (void)
{
  static const char name[] = "/nonexistent/\xff\xfe \"quoted\" \\ \n\t\x01\x7f \xe2\x80\xa8 end";
  g_autofree char *directory = NULL;
  g_autofree char *path = NULL;
  g_autofree char *valid = g_utf8_make_valid (name, -1);
  g_autoptr (JsonNode) node = NULL;
  JsonObject *error;

  g_test_summary ("Any file name makes a line of valid JSON");

  if (!in_subprocess ())
    return;

  directory = new_directory ();
  path = g_build_filename (directory, "trace", NULL);
  g_setenv ("GSPAWN_TRACE", path, TRUE);
  launch (name);
  node = read_line (path);
  g_rmdir (directory);

  g_assert_cmpstr (json_object_get_string_member (json_node_get_object (node), "command"), ==,
                   valid);
  g_assert_true (json_object_get_null_member (json_node_get_object (node), "child"));
  error = json_object_get_object_member (json_node_get_object (node), "error");
  g_assert_cmpstr (json_object_get_string_member (error, "domain"), ==, "g-exec-error-quark");
  g_assert_cmpint (json_object_get_int_member (error, "code"), ==, G_SPAWN_ERROR_NOENT);
}

static void
test_relative (void)
{
  g_autofree char *directory = NULL;
  g_autofree char *path = NULL;
  g_autofree char *old = g_get_current_dir ();
  g_autofree char *text = NULL;

  g_test_summary ("A relative name means the same file after the program changes its directory");

  if (!in_subprocess ())
    return;

  directory = new_directory ();
  path = g_build_filename (directory, "trace", NULL);
  g_setenv ("GSPAWN_TRACE", "trace", TRUE);
  g_assert_no_errno (g_chdir (directory));
  launch ("/bin/true");
  g_assert_no_errno (g_chdir ("/"));
  launch ("/bin/true");
  g_assert_no_errno (g_chdir (old));

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_assert_true (strchr (text, '\n') != strrchr (text, '\n'));
  g_unlink (path);
  g_rmdir (directory);
}

static void
assert_warns_once (const char *path)
{
  g_setenv ("GSPAWN_TRACE", path, TRUE);
  g_test_expect_message ("gspawn", G_LOG_LEVEL_MESSAGE, "GSPAWN_TRACE: cannot write*");
  launch ("/bin/true");
  g_test_assert_expected_messages ();
  launch ("/bin/true");
}

static void
test_unwritable (void)
{
  g_test_summary ("A trace that cannot be written is warned of once and harms no launch");

  if (in_subprocess ())
    assert_warns_once ("/nonexistent/directory/trace");
}

/* It would block the program until somebody reads, or end it by SIGPIPE. */
static void
test_fifo (void)
{
  g_autofree char *directory = NULL;
  g_autofree char *path = NULL;

  g_test_summary ("A trace is not written into a pipe");

  if (!in_subprocess ())
    return;

  directory = new_directory ();
  path = g_build_filename (directory, "trace", NULL);
  g_assert_no_errno (mkfifo (path, 0600));
  assert_warns_once (path);
  g_unlink (path);
  g_rmdir (directory);
}

/* The kernel sends SIGXFSZ to who writes there, which ends the program. */
static void
test_size_limit (void)
{
  static const struct rlimit none = { 0, 0 };
  g_autofree char *directory = NULL;
  g_autofree char *path = NULL;
  sigset_t pending;

  g_test_summary ("A trace at the limit of file sizes harms no launch");

  if (!in_subprocess ())
    return;

  directory = new_directory ();
  path = g_build_filename (directory, "trace", NULL);
  g_assert_no_errno (setrlimit (RLIMIT_FSIZE, &none));
  assert_warns_once (path);
  g_assert_no_errno (sigpending (&pending));
  g_assert_false (sigismember (&pending, SIGXFSZ));
  g_unlink (path);
  g_rmdir (directory);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  guard_add_func ("/trace-file/members", test_members);
  guard_add_func ("/trace-file/any-bytes", test_any_bytes);
  guard_add_func ("/trace-file/relative", test_relative);
  guard_add_func ("/trace-file/unwritable", test_unwritable);
  guard_add_func ("/trace-file/fifo", test_fifo);
  guard_add_func ("/trace-file/size-limit", test_size_limit);

  return g_test_run ();
}
