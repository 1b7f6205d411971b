/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * A program for the tests of the command to run: calls a g_spawn function with the rest of its
 * command line. Must not know of gspawn. */

#include <glib.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

typedef gboolean (*ModeFunc) (char   **argv,
                              GError **error);

typedef struct {
  const char *name;
  ModeFunc run;
} Mode;

static gboolean
spawn_and_wait (char                 **argv,
                GSpawnChildSetupFunc   child_setup,
                GError               **error)
{
  int status;
  GPid pid;

  if (!g_spawn_async (NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_SEARCH_PATH,
                      child_setup, NULL, &pid, error))
    return FALSE;

  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  printf ("%d\n", (int) pid);
  return g_spawn_check_wait_status (status, error);
}

static gboolean
run_sync (char   **argv,
          GError **error)
{
  int status;

  return g_spawn_sync (NULL, argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_CHILD_INHERITS_STDIN, NULL,
                       NULL, NULL, NULL, &status, error) &&
         g_spawn_check_wait_status (status, error);
}

static gboolean
run_async (char   **argv,
           GError **error)
{
  return spawn_and_wait (argv, NULL, error);
}

static void
child_do_nothing (gpointer user_data G_GNUC_UNUSED)
{
}

static gboolean
run_setup (char   **argv,
           GError **error)
{
  return spawn_and_wait (argv, child_do_nothing, error);
}

/* Until the reader of standard output is gone. */
static gboolean
run_forever (char   **argv,
             GError **error)
{
  while (spawn_and_wait (argv, NULL, error))
    fflush (stdout);
  return FALSE;
}

static const Mode modes[] = {
  { "sync", run_sync },
  { "async", run_async },
  { "setup", run_setup },
  { "forever", run_forever },
};

int
main (int    argc,
      char **argv)
{
  g_autoptr (GError) error = NULL;

  setlocale (LC_ALL, "");
  g_assert_cmpint (argc, >, 2);
  for (gsize i = 0; i < G_N_ELEMENTS (modes); i++)
    if (strcmp (modes[i].name, argv[1]) == 0)
      {
        if (modes[i].run (argv + 2, &error))
          return EXIT_SUCCESS;
        g_printerr ("spawner: %s\n", error->message);
        return EXIT_FAILURE;
      }

  g_assert_not_reached ();
}
