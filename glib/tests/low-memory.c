/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Whether a program can start children where its memory is too tight for a second of its kind.
 *
 * The tests are a table: situations × ways to spawn × requests, each made in a driver of its own.
 * In every driver plain fork() is tried as well, and the system's GLib is one of the ways, so no
 * test can pass because memory was not tight after all. */

#include "config.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib.h>
#include <glib/gstdio.h>

#include "guard.h"
#include "low-memory-custody.h"
#include "low-memory-driver.h"
#include "low-memory-trace.h"

/* A request, failed or not, must leave its caller able to make the next. */
#define N_REPEATS 3

#define UNPRIVILEGED_USER "nobody"

typedef enum {
  LANGUAGE_C,
  LANGUAGE_PYTHON,
  LANGUAGE_JAVASCRIPT,
} Language;

typedef struct {
  const char *name;
  const char *interpreter;
  const char *option;
  const char *script;
} Driver;

/* The needs are what decides between engines here, not all that the request has. */
typedef struct {
  Language language;
  const char *name;
  const char *function;
  GSpawnNeeds needs;
} Request;

typedef struct {
  const char *name;
  gboolean drop_in;
  const char *engine;
} Way;

typedef struct {
  const Situation *situation;
  const Way *way;
  const Request *request;
} Row;

static const Situation situations[] = {
  { "heuristic/same-user", "mapping", NULL, FALSE, FALSE },
  { "heuristic/unprivileged", "mapping", UNPRIVILEGED_USER, FALSE, FALSE },
  { "strict", "mapping", NULL, TRUE, FALSE },
  { "cgroup", "page-tables", NULL, FALSE, TRUE },
};

static const Way ways[] = {
  { "system", FALSE, NULL },
  { "default", TRUE, NULL },
  { "posix-spawn", TRUE, "posix_spawn" },
  { "fork", TRUE, "fork" },
};

/* Interpreters that were not found are "". */
static const Driver drivers[] = {
  [LANGUAGE_C] = { "c", NULL, NULL, "low-memory-c" },
  [LANGUAGE_PYTHON] = { "python", PYTHON_PATH, NULL, "low-memory-gi.py" },
  [LANGUAGE_JAVASCRIPT] = { "javascript", GJS_PATH, "--module", "low-memory-gjs.js" },
};

static const Request requests[] = {
  { LANGUAGE_C, "sync", "g_spawn_sync", 0 },
  { LANGUAGE_C, "command-line", "g_spawn_command_line_sync", 0 },
  { LANGUAGE_C, "async", "g_spawn_async", 0 },
  { LANGUAGE_C, "reaped", "g_spawn_async_with_fds", GSPAWN_NEED_REAP },
  { LANGUAGE_C, "pipes", "g_spawn_async_with_pipes", 0 },
  { LANGUAGE_C, "working-directory", "g_spawn_sync", GSPAWN_NEED_WORKING_DIRECTORY },
  { LANGUAGE_C, "descriptor-map", "g_spawn_async_with_pipes_and_fds", GSPAWN_NEED_FD_MAP },
  { LANGUAGE_C, "gsubprocess", "g_spawn_async_with_pipes_and_fds", 0 },
  { LANGUAGE_C, "launcher", "g_spawn_async_with_pipes_and_fds",
    GSPAWN_NEED_WORKING_DIRECTORY | GSPAWN_NEED_FD_MAP },
  { LANGUAGE_C, "child-setup", "g_spawn_async_with_pipes", GSPAWN_NEED_CHILD_SETUP },
#ifdef HAVE_INTROSPECTION
  { LANGUAGE_PYTHON, "gsubprocess", "g_spawn_async_with_pipes_and_fds", 0 },
  { LANGUAGE_PYTHON, "spawn-sync", "g_spawn_sync", 0 },
  { LANGUAGE_PYTHON, "spawn-async", "g_spawn_async_with_pipes", 0 },
  { LANGUAGE_PYTHON, "child-setup", "g_spawn_async_with_pipes", GSPAWN_NEED_CHILD_SETUP },
  { LANGUAGE_JAVASCRIPT, "gsubprocess", "g_spawn_async_with_pipes_and_fds", 0 },
  { LANGUAGE_JAVASCRIPT, "spawn-sync", "g_spawn_sync", 0 },
  { LANGUAGE_JAVASCRIPT, "spawn-async", "g_spawn_async", GSPAWN_NEED_WORKING_DIRECTORY },
#endif
};

/* Where the traces are written and where the typelib that names the drop-in lies. */
static char *directory;
static char *trace_path;
static char *typelib_directory;

static GPtrArray *rows;

static const char *const *
make_argv (const Row *row)
{
  const Driver *driver = &drivers[row->request->language];
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();

  if (driver->interpreter != NULL)
    g_ptr_array_add (argv, g_strdup (driver->interpreter));
  if (driver->option != NULL)
    g_ptr_array_add (argv, g_strdup (driver->option));
  g_ptr_array_add (argv, g_test_build_filename (driver->interpreter != NULL ? G_TEST_DIST
                                                                            : G_TEST_BUILT,
                                                driver->script, NULL));
  g_ptr_array_add (argv, g_strdup (row->situation->pressure));
  g_ptr_array_add (argv, g_strdup (row->request->name));
  g_ptr_array_add (argv, g_strdup (G_STRINGIFY (N_REPEATS)));
  g_ptr_array_add (argv, NULL);

  return (const char *const *) g_ptr_array_steal (argv, NULL);
}

static char **
prepend (char       **envp,
         const char  *name,
         const char  *first,
         const char  *rest)
{
  g_autofree char *list = g_strjoin (":", first, rest != NULL && *rest != '\0' ? rest : NULL, NULL);

  return g_environ_setenv (envp, name, list, TRUE);
}

static char **
make_envp (const Row *row)
{
  static const char *const unwanted[] = {
    "LD_PRELOAD", "GSPAWN_ENGINE", "GSPAWN_TRACE", "G_MESSAGES_DEBUG"
  };
  const char *build_directory = g_test_get_dir (G_TEST_BUILT);
  char **envp = g_get_environ ();

  for (guint i = 0; i < G_N_ELEMENTS (unwanted); i++)
    envp = g_environ_unsetenv (envp, unwanted[i]);

  envp = g_environ_setenv (envp, "HOME", directory, TRUE);
  envp = prepend (envp, "LD_LIBRARY_PATH", build_directory, g_getenv ("LD_LIBRARY_PATH"));
  envp = prepend (envp, "GI_TYPELIB_PATH", build_directory, g_getenv ("GI_TYPELIB_PATH"));
  if (!row->way->drop_in)
    return envp;

  envp = g_environ_setenv (envp, "LD_PRELOAD", g_getenv ("GSPAWN_DROPIN"), TRUE);
  envp = g_environ_setenv (envp, "GSPAWN_TRACE", trace_path, TRUE);
  envp = prepend (envp, "GI_TYPELIB_PATH", typelib_directory,
                  g_environ_getenv (envp, "GI_TYPELIB_PATH"));
  if (row->way->engine != NULL)
    envp = g_environ_setenv (envp, "GSPAWN_ENGINE", row->way->engine, TRUE);

  return envp;
}

/* The file is there before the driver, which may be someone else's. */
static void
empty_trace (void)
{
  g_autoptr (GError) error = NULL;

  g_file_set_contents (trace_path, "", 0, &error);
  g_assert_no_error (error);
  g_assert_no_errno (g_chmod (trace_path, 0666));
}

static gboolean
was_killed (const Row          *row,
            const DriverReport *report)
{
  return row->situation->cgroup && WIFSIGNALED (report->status) &&
         WTERMSIG (report->status) == SIGKILL && report->kills > 0;
}

/* The driver either came to its end, and plain fork() failed in it, or was killed by fork(). */
static void
check_plain_fork (const Row          *row,
                  const DriverReport *report)
{
  if (was_killed (row, report))
    {
      g_test_message ("fork(): killed by the kernel");
      return;
    }

  g_assert_true (report->complete);
  g_test_message ("fork(): %s", g_strerror (report->fork_errno));
  g_assert_cmpint (report->status, ==, 0);
  g_assert_cmpint (report->fork_errno, ==, ENOMEM);
}

static void
check_outcomes (const DriverReport *report,
                const char         *expected)
{
  for (guint i = 0; i < report->outcomes->len; i++)
    {
      const char *outcome = g_ptr_array_index (report->outcomes, i);

      if (g_str_has_prefix (outcome, expected))
        g_test_message ("the request: %s", outcome);
      else
        g_test_fail_printf ("not “%s”, but “%s”", expected, outcome);
    }
  g_assert_cmpuint (report->outcomes->len, ==, N_REPEATS);
}

/* A driver whose request was deadly cannot tell more. */
static void
check_failure (const Row          *row,
               const DriverReport *report,
               const char         *engine)
{
  g_autofree char *expected = NULL;

  if (engine != NULL)
    expected = g_strdup_printf ("error g-exec-error-quark %d ", G_SPAWN_ERROR_FORK);
  else
    expected = g_strdup ("error g-exec-error-quark ");

  if (was_killed (row, report) && report->outcomes->len == 0)
    g_test_message ("the request: killed by the kernel");
  else
    check_outcomes (report, expected);
}

static void
check_report (const Row          *row,
              const DriverReport *report)
{
  ExpectedRecord expected = {
    .pid = report->pid,
    .function = row->request->function,
    .engine = "fork",
  };

  if (row->way->drop_in)
    expected.engine = find_engine (row->way->engine, row->request->needs, &expected.reason);
  expected.fails = expected.engine == NULL || g_str_equal (expected.engine, "fork");

  if (expected.fails)
    check_failure (row, report, expected.engine);
  else
    check_outcomes (report, "ok");

  check_plain_fork (row, report);
  g_assert_cmpint (report->leaked, ==, 0);
  g_assert_false (report->has_children);
  if (row->way->drop_in)
    check_trace (trace_path, &expected, report->outcomes->len);
}

/* Without this a machine on which the engine does not work would pass with forks. */
static char *
find_obstacle (const Row *row)
{
  const Driver *driver = &drivers[row->request->language];
  const char *detail = NULL;

  if (g_strcmp0 (driver->interpreter, "") == 0)
    return g_strdup_printf ("there is no interpreter for %s with introspection", driver->name);
  if (GSPAWN_ENGINE_CLONE_BUILT && row->way->drop_in && row->way->engine == NULL &&
      !gspawn_engine_is_available (GSPAWN_ENGINE_CLONE, &detail))
    return g_strdup_printf ("the clone engine does not work: %s", detail);

  return situation_find_obstacle (row->situation);
}

static void
test_row (gconstpointer data)
{
  const Row *row = data;
  g_autofree char *obstacle = find_obstacle (row);
  g_auto (GStrv) argv = NULL;
  g_auto (GStrv) envp = NULL;
  g_autoptr (DriverReport) report = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("Where fork() fails for want of memory, a request is served unless it must fork");
  if (obstacle != NULL)
    {
      situation_skip (obstacle);
      return;
    }

  empty_trace ();
  argv = (char **) make_argv (row);
  envp = make_envp (row);
  report = driver_run (row->situation, (const char *const *) argv, (const char *const *) envp,
                       &error);
  if (row->situation->user != NULL && g_error_matches (error, G_SPAWN_ERROR, G_SPAWN_ERROR_ACCES))
    {
      situation_skip ("an unprivileged user cannot reach the build directory");
      return;
    }
  g_assert_no_error (error);
  if (report != NULL)
    check_report (row, report);
}

static void
add_rows (const Situation *situation)
{
  for (guint i = 0; i < G_N_ELEMENTS (ways); i++)
    {
      for (guint j = 0; j < G_N_ELEMENTS (requests); j++)
        {
          Row *row = g_new0 (Row, 1);
          g_autofree char *path =
            g_strdup_printf ("/low-memory/%s/%s/%s/%s", situation->name, ways[i].name,
                             drivers[requests[j].language].name, requests[j].name);

          row->situation = situation;
          row->way = &ways[i];
          row->request = &requests[j];
          g_ptr_array_add (rows, row);
          guard_add_data_func (path, row, test_row);
        }
    }
}

static void
add_situation (const Situation *situation)
{
  add_rows (situation);

  if (situation->strict || situation->cgroup)
    {
      g_autofree char *path = g_strdup_printf ("/low-memory/%s/killed", situation->name);

      guard_add_data_func (path, situation, custody_test);
    }
}

static void
make_directory (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *typelib = g_test_build_filename (G_TEST_BUILT, "GLib-2.0-drop-in.typelib", NULL);
  g_autofree char *link = NULL;

  directory = g_dir_make_tmp ("gspawn-low-memory-XXXXXX", &error);
  g_assert_no_error (error);
  g_assert_no_errno (g_chmod (directory, 0755));

  trace_path = g_build_filename (directory, "trace", NULL);
  typelib_directory = g_build_filename (directory, "typelib", NULL);
  link = g_build_filename (typelib_directory, "GLib-2.0.typelib", NULL);
  g_assert_no_errno (g_mkdir (typelib_directory, 0755));
  g_assert_no_errno (symlink (typelib, link));
}

static void
remove_directory (void)
{
  g_autofree char *link = g_build_filename (typelib_directory, "GLib-2.0.typelib", NULL);

  g_assert_no_errno (g_unlink (link));
  g_assert_no_errno (g_rmdir (typelib_directory));
  g_unlink (trace_path);
  g_assert_no_errno (g_rmdir (directory));

  g_free (typelib_directory);
  g_free (trace_path);
  g_free (directory);
}

int
main (int    argc,
      char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  if (g_getenv ("GSPAWN_DROPIN") == NULL)
    g_error ("GSPAWN_DROPIN must be the path of the drop-in");

  make_directory ();

  /* A row that fails must not keep the others from being tried. */
  g_test_set_nonfatal_assertions ();

  rows = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < G_N_ELEMENTS (situations); i++)
    add_situation (&situations[i]);
  status = g_test_run ();
  g_ptr_array_unref (rows);
  remove_directory ();

  return status;
}
