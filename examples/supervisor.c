/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Keeps a worker running: starts it again when it crashes, and ends when it exits with 0.
 *
 *     supervisor PROGRAM [ARGUMENT...]
 *
 * The worker gets SIGTERM when the supervisor dies, however that comes to pass. It may have 256
 * open descriptors, leaves no core file, cannot gain privileges, and has a cgroup of its own where
 * ours may have such below it: where not, it runs without. After five crashes the supervisor gives
 * up.
 *
 *     cc supervisor.c $(pkg-config --cflags --libs gspawn-1.0 glib-2.0) -o supervisor
 */
#define _GNU_SOURCE 1
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gspawn-template.h>

#define N_CRASHES 5

/* A directory below our own cgroup, in the hierarchy of version 2; NULL where that is not mounted,
 * or has not been delegated to us. */
static char *
make_cgroup (void)
{
  static const char *const mounts[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
  g_autofree char *contents = NULL;
  char *path;

  if (!g_file_get_contents ("/proc/self/cgroup", &contents, NULL, NULL) ||
      (path = strstr (contents, "0::/")) == NULL)
    return NULL;

  path += strlen ("0::");
  path[strcspn (path, "\n")] = '\0';
  for (gsize i = 0; i < G_N_ELEMENTS (mounts); i++)
    {
      g_autofree char *file = g_strconcat (mounts[i], path, "/cgroup.procs", NULL);
      g_autofree char *directory = NULL;

      directory = g_strdup_printf ("%s%s/worker-%d", mounts[i], path, (int) getpid ());
      if (access (file, F_OK) == 0 && mkdir (directory, 0755) == 0)
        return g_steal_pointer (&directory);
    }

  return NULL;
}

static gboolean
enter_cgroup (GSpawnAttributes  *attributes,
              const char        *directory,
              GError           **error)
{
  int fd = open (directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
  gboolean success = gspawn_attributes_set_cgroup_fd (attributes, fd, error);

  /* The attributes have a descriptor of their own. */
  close (fd);

  return success;
}

static GSpawnTemplate *
prepare (char       **argv,
         const char  *cgroup,
         GError     **error)
{
  g_autoptr (GSpawnAttributes) attributes = gspawn_attributes_new ();
  g_autoptr (GSpawnTemplate) worker = NULL;

  gspawn_attributes_set_default_signals (attributes, TRUE);
  gspawn_attributes_set_no_new_privileges (attributes, TRUE);
  if (!gspawn_attributes_set_death_signal (attributes, SIGTERM, error) ||
      !gspawn_attributes_set_limit (attributes, RLIMIT_NOFILE, 256, 256, error) ||
      !gspawn_attributes_set_limit (attributes, RLIMIT_CORE, 0, 0, error) ||
      (cgroup != NULL && !enter_cgroup (attributes, cgroup, error)))
    return NULL;

  worker = gspawn_template_new ((const char *const *) argv, G_SPAWN_SEARCH_PATH, error);
  if (worker == NULL || !gspawn_template_set_attributes (worker, attributes, error))
    return NULL;

  return g_steal_pointer (&worker);
}

/* The thread that launches is the one whose death the worker is told of: here the only one. */
static gboolean
supervise (GSpawnTemplate *worker)
{
  for (guint crashes = 0; crashes < N_CRASHES; crashes++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GSpawnProcess) process = gspawn_template_launch (worker, NULL, &error);

      if (process == NULL)
        {
          g_printerr ("supervisor: %s\n", error->message);
          return FALSE;
        }
      if (gspawn_process_wait_check (process, &error))
        return TRUE;

      g_print ("The worker has crashed: %s\n", error->message);
    }

  return FALSE;
}

int
main (int    argc,
      char **argv)
{
  g_autofree char *cgroup = make_cgroup ();
  g_autoptr (GSpawnTemplate) worker = NULL;
  g_autoptr (GError) error = NULL;
  gboolean success;

  if (argc < 2)
    {
      g_printerr ("Usage: %s PROGRAM [ARGUMENT...]\n", argv[0]);
      return 2;
    }

  worker = prepare (argv + 1, cgroup, &error);
  if (worker == NULL)
    {
      g_printerr ("supervisor: %s\n", error->message);
      return EXIT_FAILURE;
    }

  g_print ("The worker runs in %s\n", cgroup != NULL ? "a cgroup of its own" : "our cgroup");
  success = supervise (worker);
  if (cgroup != NULL)
    rmdir (cgroup);

  g_print (success ? "The worker is done\n" : "The worker is given up\n");
  return success ? EXIT_SUCCESS : EXIT_FAILURE;
}
