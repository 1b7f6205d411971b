/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * The table of engines and needs, and how the user and the machine have their say in the choice. */
#include "gspawn-engines.h"
#include "guard.h"
#include "isolation.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static void
test_names (void)
{
  g_autoptr (GHashTable) names = g_hash_table_new (g_str_hash, g_str_equal);

  g_test_summary ("No two engines or needs have the same name, and each need is described");

  for (int i = 0; i < GSPAWN_N_ENGINES; i++)
    g_assert_true (g_hash_table_add (names, (gpointer) gspawn_engine_get_name (i)));
  for (int i = 0; i < GSPAWN_N_NEEDS; i++)
    {
      g_assert_true (g_hash_table_add (names, (gpointer) gspawn_need_get_name (1 << i)));
      g_assert_nonnull (gspawn_need_get_description (1 << i));
    }
}

static void
test_preconditions (void)
{
  g_test_summary ("A value that is no engine or need is a critical");

  g_test_expect_message ("gspawn", G_LOG_LEVEL_CRITICAL, "*engine < GSPAWN_N_ENGINES*");
  g_assert_null (gspawn_engine_get_name (GSPAWN_N_ENGINES));
  g_test_expect_message ("gspawn", G_LOG_LEVEL_CRITICAL, "*engine < GSPAWN_N_ENGINES*");
  g_assert_false (gspawn_engine_is_available (-1, NULL));
  g_test_expect_message ("gspawn", G_LOG_LEVEL_CRITICAL, "*engine < GSPAWN_N_ENGINES*");
  g_assert_cmpuint (gspawn_engine_get_capabilities (-1), ==, 0);
  g_test_expect_message ("gspawn", G_LOG_LEVEL_CRITICAL, "*need_index*");
  g_assert_null (gspawn_need_get_name (3));
  g_test_expect_message ("gspawn", G_LOG_LEVEL_CRITICAL, "*need_index*");
  g_assert_null (gspawn_need_get_description (1 << GSPAWN_N_NEEDS));
  g_test_assert_expected_messages ();
}

/* Only the fork engine can run a function of the caller's; what the others lack is told. */
static void
test_capabilities (void)
{
  GSpawnNeeds all = (1 << GSPAWN_N_NEEDS) - 1;

  g_test_summary ("What the engines lack is what the documentation says");

  g_assert_cmpuint (gspawn_engine_get_capabilities (GSPAWN_ENGINE_CLONE), ==,
                    all & ~(GSPAWN_NEED_CHILD_SETUP | GSPAWN_NEED_TRACE_ME));
  g_assert_cmpuint (gspawn_engine_get_capabilities (GSPAWN_ENGINE_POSIX_SPAWN), ==,
                    all & ~(GSPAWN_NEED_CHILD_SETUP | GSPAWN_NEED_REAP |
                            GSPAWN_NEED_SPARSE_CLOSE | GSPAWN_NEED_ATTRIBUTES |
                            GSPAWN_NEED_TRACE_ME | GSPAWN_NEED_SECCOMP_FILTER));
  g_assert_cmpuint (gspawn_engine_get_capabilities (GSPAWN_ENGINE_FORK), ==, all);
}

/* Runs this program as @file with GSPAWN_ENGINE, and gives back the trace of one launch. */
static char *
trace_of_run (const char *file,
              const char *engine)
{
  g_autofree char *trace = NULL;
  g_auto (GStrv) envp = g_get_environ ();
  const char *argv[] = { file, "--launch", NULL };
  g_autoptr (GError) error = NULL;
  g_autofree char *out = NULL;
  g_autofree char *err = NULL;
  char *text = NULL;
  int status;
  int fd;

  fd = g_file_open_tmp ("gspawn-trace-XXXXXX", &trace, NULL);
  g_assert_no_errno (fd);
  close (fd);
  g_assert_no_errno (g_chmod (trace, 0666));
  envp = g_environ_setenv (envp, "GSPAWN_TRACE", trace, TRUE);
  envp = g_environ_setenv (envp, "GSPAWN_ENGINE", engine, TRUE);

  g_spawn_sync (NULL, (char **) argv, envp, G_SPAWN_DEFAULT, NULL, NULL, &out, &err, &status,
                &error);
  g_assert_no_error (error);
  g_assert_cmpint (status, ==, 0);
  g_file_get_contents (trace, &text, NULL, &error);
  g_assert_no_error (error);
  g_unlink (trace);

  return g_strconcat (text, err, NULL);
}

static void
test_order (gconstpointer data)
{
  const char *const *row = data;
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *text = NULL;
  const char *first_warning;

  g_test_summary ("GSPAWN_ENGINE sets the order, and a word it does not know is warned of once");

  for (int i = 0; i < GSPAWN_N_ENGINES; i++)
    if (!gspawn_engine_is_available (i, NULL))
      {
        g_test_skip ("an engine is missing");
        return;
      }

  text = trace_of_run (self, row[0]);
  g_assert_nonnull (strstr (text, row[1]));
  g_assert_nonnull (strstr (text, row[2]));
  first_warning = strstr (text, "GSPAWN_ENGINE: ");
  g_assert_true ((first_warning != NULL) == (row[3] != NULL));
  /* Once, though there were two launches. */
  if (first_warning != NULL)
    g_assert_null (strstr (first_warning + 1, "GSPAWN_ENGINE: "));
}

/* Neither the order nor the trace are taken from the user of a set-user-ID program. */
static void
test_secure_execution (void)
{
  g_autofree char *directory = NULL;
  g_autofree char *copy = NULL;
  g_autofree char *program = NULL;
  g_autofree char *text = NULL;
  gsize length;

  g_test_summary ("A set-user-ID program ignores GSPAWN_ENGINE and GSPAWN_TRACE");

  if (geteuid () != 0)
    {
      g_test_skip ("making a set-user-ID program of another user needs root");
      return;
    }
  if (g_strcmp0 (g_getenv ("GSPAWN_TEST_TOOL"), "valgrind") == 0)
    {
      g_test_skip ("valgrind does not follow into a set-user-ID program");
      return;
    }

  program = g_test_build_filename (G_TEST_BUILT, "secure-launch", NULL);
  g_assert_true (g_file_get_contents (program, &copy, &length, NULL));
  g_clear_pointer (&program, g_free);
  directory = g_dir_make_tmp ("gspawn-secure-XXXXXX", NULL);
  g_assert_no_errno (g_chmod (directory, 0755));
  program = g_build_filename (directory, "program", NULL);
  g_assert_true (g_file_set_contents (program, copy, length, NULL));
  g_assert_no_errno (chown (program, 65534, 65534));
  g_assert_no_errno (g_chmod (program, 04755));

  text = trace_of_run (program, "nonsense");
  g_unlink (program);
  g_rmdir (directory);
  g_assert_cmpstr (text, ==, "secure execution: launched\n");
}

/* Valgrind knows neither a program with sanitizers nor what clang tells debuggers. */
#if defined(__clang__) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CAN_RUN_UNDER_VALGRIND FALSE
#else
#define CAN_RUN_UNDER_VALGRIND TRUE
#endif

/* Valgrind copies the memory that clone() is to share. */
static void
test_valgrind (void)
{
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *valgrind = g_find_program_in_path ("valgrind");
  const char *argv[] = { valgrind, "--quiet", "--error-exitcode=9", "--leak-check=no", self,
                         "--launch", NULL };
  g_auto (GStrv) envp = g_get_environ ();
  g_autofree char *trace = NULL;
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *out = NULL;
  int status, fd;

  g_test_summary ("Under valgrind launches fork, and the trace says why");

  if (!CAN_RUN_UNDER_VALGRIND)
    {
      g_test_skip ("built in a way that valgrind does not know");
      return;
    }
  if (!gspawn_engine_is_available (GSPAWN_ENGINE_FORK, NULL))
    {
      g_test_skip ("no engine of this build works there");
      return;
    }
  if (valgrind == NULL)
    {
      skip_unless_required ("valgrind is not installed");
      return;
    }

  fd = g_file_open_tmp ("gspawn-trace-XXXXXX", &trace, NULL);
  g_assert_no_errno (fd);
  close (fd);
  envp = g_environ_setenv (envp, "GSPAWN_TRACE", trace, TRUE);
  envp = g_environ_unsetenv (envp, "GSPAWN_ENGINE");
  g_spawn_sync (NULL, (char **) argv, envp, G_SPAWN_DEFAULT, NULL, NULL, &out, NULL, &status,
                &error);
  g_assert_no_error (error);
  g_assert_cmpint (status, ==, 0);
  g_assert_nonnull (strstr (out, "clone: 0\n"));

  g_assert_true (g_file_get_contents (trace, &text, NULL, NULL));
  g_unlink (trace);
  g_assert_nonnull (strstr (text, "\"engine\":\"fork\""));
  g_assert_nonnull (strstr (text, "clone-unavailable"));
  g_assert_null (strstr (text, "\"engine\":\"clone\""));
}

/* What some cases above run this program for. */
static int
launch_main (void)
{
  const char *argv[] = { "/bin/true", NULL };
  const char *missing[] = { "/nonexistent/program", NULL };

  for (int i = 0; i < 2; i++)
    if (!g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL, NULL,
                       NULL))
      return 1;
  /* An engine that cannot hear of a failure must not have been asked. */
  if (g_spawn_sync (NULL, (char **) missing, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL, NULL,
                    NULL))
    return 2;
  g_print ("clone: %d\n", gspawn_engine_is_available (GSPAWN_ENGINE_CLONE, NULL));

  return 0;
}

static const char *const orders[][4] = {
  /* GSPAWN_ENGINE, engine, reason, warning */
  { "fork", "\"engine\":\"fork\"", "\"reason\":\"forced\"", NULL },
  { "posix_spawn", "\"engine\":\"posix_spawn\"", "\"reason\":\"forced\"", NULL },
  { "posix_spawn,fork", "\"engine\":\"posix_spawn\"", "\"reason\":\"forced\"", NULL },
  { "clone", "\"engine\":\"clone\"", "\"reason\":\"forced\"", NULL },
  { "", "\"engine\":\"clone\"", "\"reason\":\"first-choice\"", NULL },
  { "vfork", "\"engine\":\"clone\"", "\"reason\":\"first-choice\"", "warns" },
  { "fork,nonsense", "\"engine\":\"clone\"", "\"reason\":\"first-choice\"", "warns" },
};

int
main (int   argc,
      char *argv[])
{
  if (argc > 1 && strcmp (argv[1], "--launch") == 0)
    return launch_main ();

  g_test_init (&argc, &argv, NULL);

  guard_add_func ("/engines/names", test_names);
  guard_add_func ("/engines/preconditions", test_preconditions);
  guard_add_func ("/engines/capabilities", test_capabilities);
  for (gsize i = 0; i < G_N_ELEMENTS (orders); i++)
    {
      const char *name = orders[i][0][0] != '\0' ? orders[i][0] : "unset";
      g_autofree char *path = g_strdup_printf ("/engines/order/%s", name);

      guard_add_data_func (path, orders[i], test_order);
    }
  guard_add_func ("/engines/secure-execution", test_secure_execution);
  guard_add_func ("/engines/valgrind", test_valgrind);

  return g_test_run ();
}
