/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Points 19 to 22: which file is executed. A search goes over directories of the case's own, and
 * what it found is the name by which the kernel executed it. */

#include "contract.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launch.h"
#include "scene.h"

#define NAME_LENGTH 255
#define PATH_LENGTH 4096
#define N_ELEMENTS 2000

/* Each file is a program that reports, unless its name says something else:
 *   bin/tool  other/tool  sub/bin/tool  tool  sub/tool
 *   denied/tool (not executable), directory/tool/ (a directory), file (not a directory),
 *   loop/tool (a link to itself), gone/tool (a dangling link), broken/tool (its interpreter is
 *   missing), script/tool (no interpreter line), busy/tool (open for writing) */
typedef struct {
  const char *program;
  const char *path;             /* PATH of the caller; NULL: unset */
  const char *child_path;       /* PATH of the child's environment */
  gboolean has_environment;     /* the child has an environment of its own */
  GSpawnFlags flags;
  const char *directory;
  const char *expected;         /* what is executed; NULL: nothing */
  int code;                     /* then the error's code */
} Row;

static void
make_files (void)
{
  g_autofree char *long_directory = g_strnfill (NAME_LENGTH, 'd');

  scene_link_probe ("bin/tool");
  scene_link_probe ("other/tool");
  scene_link_probe ("sub/bin/tool");
  scene_link_probe ("sub/tool");
  scene_link_probe ("tool");
  scene_write ("denied/tool", 0644, "");
  scene_write ("directory/tool/file", 0644, "");
  scene_write ("file", 0644, "");
  scene_write ("loop/file", 0644, "");
  scene_write ("gone/file", 0644, "");
  scene_write ("broken/tool", 0755, "#!/missing/interpreter\n");
  g_assert_no_errno (mkdir ("empty", 0755));
  g_assert_no_errno (mkdir (long_directory, 0755));
  g_assert_no_errno (symlink ("tool", "loop/tool"));
  g_assert_no_errno (symlink ("missing", "gone/tool"));
}

static void
set_path (const char *path)
{
  /* GLib's functions complain where there are threads; nobody else reads it here. */
  if (path != NULL)
    setenv ("PATH", path, TRUE);
  else
    unsetenv ("PATH");
}

static void
check_row (const Row   *row,
           GSpawnFlags  more_flags)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) envp = NULL;
  g_auto (Launch) launch;

  launch_init (&launch, row->flags | more_flags, row->program, NULL);
  launch.directory = row->directory;
  if (row->has_environment || row->child_path != NULL)
    envp = g_new0 (char *, 2);
  if (row->child_path != NULL)
    envp[0] = g_strdup_printf ("PATH=%s", row->child_path);
  launch.envp = envp;

  if (row->expected != NULL)
    {
      g_autoptr (GKeyFile) report = launch_report (&launch);
      g_autofree char *actual = report_get_text (report, "process", "executed-as");
      g_auto (GStrv) arguments = report_get_texts (report, "arguments");

      g_assert_cmpstr (actual, ==, row->expected);
      g_assert_cmpstr (arguments[0], ==, row->program);
    }
  else
    {
      g_assert_false (launch_start (&launch, &error));
      g_assert_error (error, G_SPAWN_ERROR, row->code);
    }
}

static void
test_row (gconstpointer data)
{
  const Row *row = data;

  make_files ();
  set_path (row->path);
  check_row (row, G_SPAWN_DO_NOT_REAP_CHILD);
  check_row (row, G_SPAWN_DEFAULT);
}

static void
test_row_left_open (gconstpointer data)
{
  const Row *row = data;

  make_files ();
  set_path (row->path);
  check_row (row, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_LEAVE_DESCRIPTORS_OPEN);
}

static void
test_long_list (void)
{
  g_autoptr (GString) path = g_string_new (NULL);
  Row row = { .program = "tool", .flags = G_SPAWN_SEARCH_PATH, .expected = "bin/tool" };

  make_files ();
  for (int i = 0; i < N_ELEMENTS; i++)
    g_string_append_printf (path, "missing/%d:", i);
  g_string_append (path, "bin");
  set_path (path->str);
  check_row (&row, G_SPAWN_DO_NOT_REAP_CHILD);
  check_row (&row, G_SPAWN_DEFAULT);
}

/* An element that is too long for a path ends the search, even where a later one would do. */
static void
check_long (GSpawnFlags  flags,
            const char  *element,
            const char  *program)
{
  g_autofree char *path = g_strconcat (element, ":bin", NULL);
  const Row row = { .program = program, .path = path, .flags = G_SPAWN_SEARCH_PATH,
                    .code = G_SPAWN_ERROR_NAMETOOLONG };

  set_path (path);
  check_row (&row, flags | G_SPAWN_DO_NOT_REAP_CHILD);
}

static void
test_long_path (void)
{
  g_autofree char *element = g_strnfill (PATH_LENGTH + 10, '/');

  make_files ();
  check_long (G_SPAWN_DEFAULT, element, "tool");
}

static void
test_long_path_left_open (void)
{
  g_autofree char *element = g_strnfill (PATH_LENGTH + 10, '/');

  make_files ();
  check_long (G_SPAWN_LEAVE_DESCRIPTORS_OPEN, element, "tool");
}

static void
test_long_directory (void)
{
  g_autofree char *element = g_strnfill (NAME_LENGTH + 1, 'd');

  make_files ();
  check_long (G_SPAWN_DEFAULT, element, "tool");
}

static void
test_long_name (void)
{
  g_autofree char *program = g_strnfill (NAME_LENGTH + 1, 't');

  make_files ();
  check_long (G_SPAWN_DEFAULT, "empty", program);
}

/* A file that somebody writes to ends the search as well. */
static void
test_busy_stops (void)
{
  g_autofree char *path = scene_copy_probe ("busy/tool");
  g_autoptr (GError) error = NULL;
  g_auto (Launch) launch;
  int fd;

  make_files ();
  fd = scene_open_private (path, O_WRONLY);
  set_path ("busy:bin");
  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_SEARCH_PATH, "tool", NULL);
  g_assert_false (launch_start (&launch, &error));
  g_assert_nonnull (error);
  scene_close (fd);
}

/* A file without an interpreter line is the shell's, which sees the file's name, the arguments
 * and the environment. */
static void
check_script (const char  *directory,
              const char  *program,
              GSpawnFlags  flags,
              const char  *const *envp,
              const char  *expected)
{
  g_auto (Launch) launch;
  g_autoptr (GError) error = NULL;
  g_autofree char *output = NULL;

  launch_init (&launch, flags | G_SPAWN_CLOEXEC_PIPES, program, "a b", "", "c", NULL);
  launch.directory = directory;
  launch.envp = (char **) envp;
  launch.pipes[1] = TRUE;
  g_assert_true (launch_start (&launch, &error));
  g_assert_no_error (error);
  output = launch_read (&launch, 1);
  g_assert_cmpstr (output, ==, expected);
}

static void
test_script (void)
{
  static const char *const envp[] = { "WORD=word", NULL };
  static const GSpawnFlags flags[] = {
    G_SPAWN_DO_NOT_REAP_CHILD,
    G_SPAWN_DEFAULT,
    G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_LEAVE_DESCRIPTORS_OPEN,
  };

  scene_write ("script/tool", 0755, "echo \"$0\" \"$#\" \"$1\" \"$2\" \"$3\" \"$WORD\"\n");
  make_files ();
  set_path ("empty:denied:script:bin");
  for (gsize i = 0; i < G_N_ELEMENTS (flags); i++)
    {
      check_script (NULL, "script/tool", flags[i], envp, "script/tool 3 a b  c word\n");
      check_script (NULL, "tool", flags[i] | G_SPAWN_SEARCH_PATH, envp,
                    "script/tool 3 a b  c word\n");
      check_script ("script", "./tool", flags[i], envp, "./tool 3 a b  c word\n");
    }
}

static void
test_script_argv_zero (void)
{
  g_auto (Launch) launch;
  g_autofree char *output = NULL;

  scene_write ("script/tool", 0755, "echo \"$0\" \"$#\" \"$1\"\n");
  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_CLOEXEC_PIPES |
               G_SPAWN_FILE_AND_ARGV_ZERO, "script/tool", "zero", "one", NULL);
  launch.pipes[1] = TRUE;
  g_assert_true (launch_start (&launch, NULL));
  output = launch_read (&launch, 1);
  g_assert_cmpstr (output, ==, "script/tool 1 one\n");
}

static void
test_empty_file (void)
{
  g_auto (Launch) launch;

  scene_write ("nothing", 0755, "");
  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD, "./nothing", NULL);
  g_assert_true (launch_start (&launch, NULL));
  g_assert_cmpint (launch_wait (&launch), ==, 0);
}

static void
test_empty_name (void)
{
  static const GSpawnFlags flags[] = {
    G_SPAWN_DEFAULT, G_SPAWN_SEARCH_PATH, G_SPAWN_SEARCH_PATH_FROM_ENVP
  };

  make_files ();
  for (gsize i = 0; i < G_N_ELEMENTS (flags); i++)
    {
      const Row row = { .program = "", .flags = flags[i], .code = G_SPAWN_ERROR_NOENT };

      set_path ("bin:");
      check_row (&row, G_SPAWN_DO_NOT_REAP_CHILD);
      check_row (&row, G_SPAWN_DEFAULT);
    }
}

#define ROW(...) .run_data = test_row, .data = &(const Row) { __VA_ARGS__ }
#define SEARCH(...) ROW (.program = "tool", .flags = G_SPAWN_SEARCH_PATH, __VA_ARGS__)
#define SEARCH_ENVP(...) \
  ROW (.program = "tool", .flags = G_SPAWN_SEARCH_PATH_FROM_ENVP, __VA_ARGS__)
#define SEARCH_BOTH(...) \
  ROW (.program = "tool", .flags = G_SPAWN_SEARCH_PATH | G_SPAWN_SEARCH_PATH_FROM_ENVP, __VA_ARGS__)
#define SEARCH_LEFT_OPEN(...) \
  .run_data = test_row_left_open, \
  .data = &(const Row) { .program = "tool", .flags = G_SPAWN_SEARCH_PATH, __VA_ARGS__ }

const Case search_cases[] = {
  { .name = "19-slash",
    ROW (.program = "./tool", .path = "bin", .flags = G_SPAWN_SEARCH_PATH, .expected = "./tool") },
  { .name = "19-slash-inside",
    ROW (.program = "sub/tool", .path = "bin", .flags = G_SPAWN_SEARCH_PATH,
         .expected = "sub/tool") },
  { .name = "19-no-search", ROW (.program = "tool", .path = "bin", .expected = "tool") },
  { .name = "19-no-search-missing",
    ROW (.program = "tool", .path = "bin", .directory = "empty", .code = G_SPAWN_ERROR_NOENT) },
  { .name = "19-search", SEARCH (.path = "empty:bin:other", .expected = "bin/tool") },
  { .name = "19-search-own-path",
    SEARCH (.path = "bin", .child_path = "other", .expected = "bin/tool") },
  { .name = "19-search-missing", SEARCH (.path = "empty:/missing", .code = G_SPAWN_ERROR_NOENT) },
  { .name = "19-path-unset", SEARCH (.expected = "./tool") },
  { .name = "19-path-unset-system",
    ROW (.program = "sh", .flags = G_SPAWN_SEARCH_PATH, .directory = "/missing",
         .code = G_SPAWN_ERROR_CHDIR) },
  { .name = "19-path-unset-left-open", SEARCH_LEFT_OPEN (.expected = "./tool"),
    .verdict = GLIB_FAILS,
    .difference = "With `G_SPAWN_LEAVE_DESCRIPTORS_OPEN` and without `PATH` the current directory "
                  "is not searched." },
  { .name = "19-envp", SEARCH_ENVP (.path = "bin", .child_path = "other",
                                    .expected = "other/tool") },
  { .name = "19-envp-without-environment", SEARCH_ENVP (.path = "bin", .expected = "./tool") },
  { .name = "19-envp-without-path",
    SEARCH_ENVP (.path = "bin", .has_environment = TRUE, .expected = "./tool") },
  { .name = "19-both", SEARCH_BOTH (.path = "bin", .child_path = "other",
                                    .expected = "other/tool") },
  { .name = "19-both-without-path",
    SEARCH_BOTH (.path = "bin", .has_environment = TRUE, .expected = "bin/tool") },
  { .name = "19-both-without-any-path",
    SEARCH_BOTH (.has_environment = TRUE, .expected = "./tool") },
  { .name = "19-empty-path", SEARCH (.path = "", .expected = "tool") },
  { .name = "19-empty-path-envp",
    SEARCH_ENVP (.path = "bin", .child_path = "", .expected = "tool") },
  { .name = "19-empty-element-first", SEARCH (.path = ":bin", .expected = "tool") },
  { .name = "19-empty-element-last", SEARCH (.path = "empty:", .expected = "tool") },
  { .name = "19-empty-element-between", SEARCH (.path = "empty::bin", .expected = "tool") },
  { .name = "19-element-with-slash", SEARCH (.path = "bin/", .expected = "bin//tool") },
  { .name = "19-relative-to-directory",
    SEARCH (.path = "bin", .directory = "sub", .expected = "bin/tool") },
  { .name = "19-empty-element-in-directory",
    SEARCH (.path = ":missing", .directory = "sub", .expected = "tool") },
  { .name = "19-name-relative-to-directory",
    ROW (.program = "bin/tool", .directory = "sub", .expected = "bin/tool") },
  { .name = "19-name-only-in-directory",
    ROW (.program = "./bin/tool", .directory = "other", .code = G_SPAWN_ERROR_NOENT) },

  { .name = "20-denied-then-found", SEARCH (.path = "denied:bin", .expected = "bin/tool") },
  { .name = "20-denied-remembered",
    SEARCH (.path = "empty:denied:empty:/missing", .code = G_SPAWN_ERROR_ACCES) },
  { .name = "20-denied-only", SEARCH (.path = "denied", .code = G_SPAWN_ERROR_ACCES) },
  { .name = "20-directory-then-found", SEARCH (.path = "directory:bin", .expected = "bin/tool") },
  { .name = "20-directory-only", SEARCH (.path = "directory", .code = G_SPAWN_ERROR_ACCES) },
  { .name = "20-file-then-found", SEARCH (.path = "file:bin", .expected = "bin/tool") },
  { .name = "20-file-last", SEARCH (.path = "empty:file", .code = G_SPAWN_ERROR_NOTDIR) },
  { .name = "20-file-not-last", SEARCH (.path = "file:empty", .code = G_SPAWN_ERROR_NOENT) },
  { .name = "20-dangling-then-found", SEARCH (.path = "gone:bin", .expected = "bin/tool") },
  { .name = "20-interpreter-missing-then-found",
    SEARCH (.path = "broken:bin", .expected = "bin/tool") },
  { .name = "20-interpreter-missing-only",
    SEARCH (.path = "broken", .code = G_SPAWN_ERROR_NOENT) },
  { .name = "20-loop-stops", SEARCH (.path = "loop:bin", .code = G_SPAWN_ERROR_LOOP) },
  { .name = "20-loop-after-denied", SEARCH (.path = "denied:loop", .code = G_SPAWN_ERROR_LOOP) },
  { .name = "20-long-list", .run = test_long_list },
  { .name = "20-long-path", .run = test_long_path },
  { .name = "20-long-path-left-open", .run = test_long_path_left_open,
    .verdict = GLIB_FAILS,
    .difference = "With `G_SPAWN_LEAVE_DESCRIPTORS_OPEN` an element of `PATH` that is too long is "
                  "passed over." },
  { .name = "20-long-directory", .run = test_long_directory },
  { .name = "20-long-name", .run = test_long_name },
  { .name = "20-busy-stops", .run = test_busy_stops },

  { .name = "21-script", .run = test_script },
  { .name = "21-script-argv-zero", .run = test_script_argv_zero },
  { .name = "21-empty-file", .run = test_empty_file },
  { .name = "22-empty-name", .run = test_empty_name },
  { .name = NULL }
};
