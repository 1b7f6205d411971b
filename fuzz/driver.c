/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Stands in for the fuzzer: gives a target the files and directories that are named, or standard
 * input, one after the other. It needs no compiler that can fuzz, so every build can do it. */

#include "fuzz-input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
add_path (GPtrArray  *paths,
          const char *path)
{
  g_autoptr (GDir) directory = g_dir_open (path, 0, NULL);
  const char *name;

  if (directory == NULL)
    {
      g_ptr_array_add (paths, g_strdup (path));
      return;
    }

  while ((name = g_dir_read_name (directory)) != NULL)
    g_ptr_array_add (paths, g_build_filename (path, name, NULL));
}

static int
compare_paths (gconstpointer a,
               gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* The input is a block of its own size, so that reading past it is noticed. */
static void
run (const char *bytes,
     gsize       length)
{
  guint8 *copy = length > 0 ? g_memdup2 (bytes, length) : g_malloc (1);

  LLVMFuzzerTestOneInput (copy, length);
  g_free (copy);
}

static void
run_standard_input (void)
{
  g_autoptr (GByteArray) input = g_byte_array_new ();
  guint8 buffer[4096];
  gsize n;

  while ((n = fread (buffer, 1, sizeof buffer, stdin)) > 0)
    g_byte_array_append (input, buffer, (guint) n);
  run ((const char *) input->data, input->len);
}

int
main (int    argc,
      char **argv)
{
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);

  if (argc < 2)
    {
      run_standard_input ();
      return EXIT_SUCCESS;
    }

  for (int i = 1; i < argc; i++)
    add_path (paths, argv[i]);
  g_ptr_array_sort (paths, compare_paths);

  /* A target ends the program where it finds something: what is missing of the plan then failed. */
  printf ("TAP version 13\n1..%u\n", paths->len);
  for (guint i = 0; i < paths->len; i++)
    {
      const char *path = g_ptr_array_index (paths, i);
      g_autofree char *bytes = NULL;
      g_autoptr (GError) error = NULL;
      gsize length;

      printf ("# %s\n", path);
      fflush (stdout);
      if (!g_file_get_contents (path, &bytes, &length, &error))
        {
          printf ("Bail out! %s\n", error->message);
          return EXIT_FAILURE;
        }

      run (bytes, length);
      printf ("ok %u - %s\n", i + 1, strrchr (path, '/') != NULL ? strrchr (path, '/') + 1 : path);
    }

  return paths->len > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
