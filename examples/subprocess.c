/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Sorts its arguments, by the program of that name:
 *
 *     subprocess WORD...
 *
 * It calls nothing but GSubprocess, and so no function that the drop-in has: GIO's calls are taken
 * over all the same, once the program is linked with it.
 *
 *     cc subprocess.c $(pkg-config --cflags --libs gspawn-dropin-1.0 gio-2.0) -o subprocess
 */
#include <gio/gio.h>
#include <stdlib.h>

int
main (int    argc,
      char **argv)
{
  const GSubprocessFlags flags = G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE;
  g_autoptr (GSubprocess) sort = NULL;
  g_autofree char *words = g_strjoinv ("\n", argv + 1);
  g_autofree char *sorted = NULL;
  g_autoptr (GError) error = NULL;

  sort = g_subprocess_new (flags, &error, "sort", NULL);
  if (sort == NULL ||
      !g_subprocess_communicate_utf8 (sort, words, NULL, &sorted, NULL, &error) ||
      !g_subprocess_wait_check (sort, NULL, &error))
    {
      g_printerr ("Cannot sort: %s\n", error->message);
      return EXIT_FAILURE;
    }

  g_print ("%s", sorted);
  return EXIT_SUCCESS;
}
