/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Runs a program in a directory and numbers the lines that it prints:
 *
 *     run-in DIRECTORY PROGRAM [ARGUMENT...]
 *
 * An ordinary GLib program; that it is linked with the drop-in before GLib is all it takes:
 *
 *     cc run-in.c $(pkg-config --cflags --libs gspawn-dropin-1.0 glib-2.0) -o run-in
 */
#include <glib.h>
#include <stdlib.h>

int
main (int    argc,
      char **argv)
{
  g_autofree char *output = NULL;
  g_auto (GStrv) lines = NULL;
  g_autoptr (GError) error = NULL;
  int wait_status;

  if (argc < 3)
    {
      g_printerr ("Usage: %s DIRECTORY PROGRAM [ARGUMENT...]\n", argv[0]);
      return 2;
    }

  if (!g_spawn_sync (argv[1], argv + 2, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL,
                     &output, NULL, &wait_status, &error))
    {
      g_printerr ("Cannot run %s: %s\n", argv[2], error->message);
      return EXIT_FAILURE;
    }

  lines = g_strsplit (g_strchomp (output), "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    g_print ("%3u  %s\n", i + 1, lines[i]);

  if (!g_spawn_check_wait_status (wait_status, &error))
    {
      g_printerr ("%s: %s\n", argv[2], error->message);
      return EXIT_FAILURE;
    }
  return EXIT_SUCCESS;
}
