/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* What the built libraries export, as nm sees it: the drop-in takes over GLib's twelve functions
 * and nothing else, and the core shows what its map declares. */

#include <dlfcn.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "guard.h"

static const char *const dropin_names[] = {
  "g_spawn_async",
  "g_spawn_async_with_fds",
  "g_spawn_async_with_pipes",
  "g_spawn_async_with_pipes_and_fds",
  "g_spawn_check_exit_status",
  "g_spawn_check_wait_status",
  "g_spawn_close_pid",
  "g_spawn_command_line_async",
  "g_spawn_command_line_sync",
  "g_spawn_error_quark",
  "g_spawn_exit_error_quark",
  "g_spawn_sync",
  NULL
};

static void *dropin;

/* The library that a symbol comes from. */
static char *
find_library (void       *handle,
              const char *symbol)
{
  Dl_info info;

  if (dladdr (dlsym (handle, symbol), &info) == 0)
    g_error ("%s is in no library", symbol);

  return g_strdup (info.dli_fname);
}

static int
compare_strings (const void *a,
                 const void *b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static GStrv
sort_strings (GStrvBuilder *builder)
{
  GStrv strings = g_strv_builder_end (builder);

  qsort (strings, g_strv_length (strings), sizeof *strings, compare_strings);

  return strings;
}

/* The defined dynamic symbols, sorted, as "name" or "name@@VERSION". The names of the versions
 * themselves are absolute symbols, and not counted. */
static GStrv
list_exports (const char *library)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_autofree char *output = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) lines = NULL;
  const char *argv[] = { "nm", "-D", "--defined-only", "--format=posix", library, NULL };
  int status;

  if (!g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &output, NULL,
                     &status, &error) ||
      !g_spawn_check_wait_status (status, &error))
    g_error ("nm: %s", error->message);

  lines = g_strsplit (output, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    {
      g_auto (GStrv) words = g_strsplit (*line, " ", 3);

      if (g_strv_length (words) >= 2 && !g_str_equal (words[1], "A"))
        g_strv_builder_add (builder, words[0]);
    }

  return sort_strings (builder);
}

static GStrv
read_map (const char *name)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_autoptr (GRegex) node_regex = g_regex_new ("([A-Z0-9_.]*)\\s*\\{[^}]*global:([^}:]*)"
                                               "(?:local:[^}]*)?\\}",
                                               G_REGEX_DEFAULT, G_REGEX_MATCH_DEFAULT, NULL);
  g_autoptr (GRegex) name_regex = g_regex_new ("(\\w+);", G_REGEX_DEFAULT, G_REGEX_MATCH_DEFAULT,
                                               NULL);
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "..", name, NULL);
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GMatchInfo) nodes = NULL;

  if (!g_file_get_contents (path, &text, NULL, &error))
    g_error ("%s", error->message);

  for (g_regex_match (node_regex, text, 0, &nodes); g_match_info_matches (nodes);
       g_match_info_next (nodes, NULL))
    {
      g_autofree char *version = g_match_info_fetch (nodes, 1);
      g_autofree char *names = g_match_info_fetch (nodes, 2);
      g_autoptr (GMatchInfo) match = NULL;

      for (g_regex_match (name_regex, names, 0, &match); g_match_info_matches (match);
           g_match_info_next (match, NULL))
        {
          g_autofree char *symbol = g_match_info_fetch (match, 1);
          g_autofree char *versioned = g_strconcat (symbol, *version != '\0' ? "@@" : "", version,
                                                    NULL);

          g_strv_builder_add (builder, versioned);
        }
    }

  return sort_strings (builder);
}

static void
test_dropin (void)
{
  g_autofree char *library = find_library (dropin, "g_spawn_sync");
  g_auto (GStrv) exports = list_exports (library);

  g_assert_cmpstr (library, ==, g_getenv ("GSPAWN_DROPIN"));
  g_assert_cmpstrv (exports, dropin_names);
}

/* The installed GLib has them all, under the same names without a version. */
static void
test_installed_glib (void)
{
  g_autofree char *library = find_library (RTLD_DEFAULT, "g_strdup");
  g_auto (GStrv) exports = list_exports (library);

  g_assert_cmpuint (g_strv_length (exports), >, 1000);
  for (gsize i = 0; dropin_names[i] != NULL; i++)
    if (!g_strv_contains ((const char *const *) exports, dropin_names[i]))
      {
        g_test_message ("%s does not export %s", library, dropin_names[i]);
        g_test_fail ();
      }
}

/* And no function of GLib's that starts a program was forgotten. */
static void
test_complete (void)
{
  g_autofree char *library = find_library (RTLD_DEFAULT, "g_strdup");
  g_auto (GStrv) exports = list_exports (library);

  for (gsize i = 0; exports[i] != NULL; i++)
    if (g_str_has_prefix (exports[i], "g_spawn_") &&
        !g_strv_contains (dropin_names, exports[i]))
      {
        g_test_message ("%s is not taken over", exports[i]);
        g_test_fail ();
      }
}

static void
test_core (void)
{
  g_autofree char *library = find_library (dropin, "gspawn_engine_get_name");
  g_auto (GStrv) exports = list_exports (library);
  g_auto (GStrv) declared = read_map ("libgspawn.map");

  g_assert_cmpuint (g_strv_length (declared), >, 0);
  g_assert_cmpstrv (exports, declared);
}

static char *
read_public_headers (void)
{
  g_autofree char *directory = g_test_build_filename (G_TEST_DIST, "..", NULL);
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GDir) dir = g_dir_open (directory, 0, &error);
  const char *name;

  if (dir == NULL)
    g_error ("%s", error->message);

  while ((name = g_dir_read_name (dir)) != NULL)
    if (g_str_has_suffix (name, ".h") && !g_str_has_suffix (name, "-private.h"))
      {
        g_autofree char *path = g_build_filename (directory, name, NULL);
        g_autofree char *contents = NULL;

        g_assert_true (g_file_get_contents (path, &contents, NULL, NULL));
        g_string_append (text, contents);
      }

  return g_strdup (text->str);
}

/* What has a public version is in a public header, and what is private is no public name. */
static void
test_public_names (void)
{
  g_auto (GStrv) declared = read_map ("libgspawn.map");
  g_autofree char *headers = read_public_headers ();

  for (gsize i = 0; declared[i] != NULL; i++)
    {
      g_auto (GStrv) sides = g_strsplit (declared[i], "@@", 2);
      g_autofree char *pattern = g_strdup_printf ("\\b%s\\b", sides[0]);

      if (g_str_equal (sides[1], "GSPAWN_PRIVATE"))
        g_assert_true (g_str_has_prefix (sides[0], "_gspawn_"));
      else
        g_assert_true (g_regex_match_simple (pattern, headers, G_REGEX_DEFAULT,
                                             G_REGEX_MATCH_DEFAULT));
    }
}

static void
test_quarks (void)
{
  static const char *const names[] = { "g_spawn_error_quark", "g_spawn_exit_error_quark" };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      GQuark (*ours) (void) = dlsym (dropin, names[i]);
      GQuark (*glibs) (void) = dlsym (RTLD_DEFAULT, names[i]);

      g_assert_true (ours != glibs);
      g_assert_cmpstr (g_quark_to_string (ours ()), ==, g_quark_to_string (glibs ()));
    }
}

int
main (int    argc,
      char **argv)
{
  g_autofree char *nm = g_find_program_in_path ("nm");

  g_test_init (&argc, &argv, NULL);
  g_test_set_nonfatal_assertions ();
  if (nm == NULL && g_strcmp0 (g_getenv ("GSPAWN_MUST_WORK"), "1") != 0)
    {
      g_print ("1..0 # SKIP nm is not installed\n");
      return 0;
    }

  dropin = dlopen (g_getenv ("GSPAWN_DROPIN"), RTLD_NOW | RTLD_LOCAL);
  if (dropin == NULL)
    g_error ("GSPAWN_DROPIN: %s", dlerror ());

  guard_add_func ("/exports/dropin", test_dropin);
  guard_add_func ("/exports/installed-glib", test_installed_glib);
  guard_add_func ("/exports/complete", test_complete);
  guard_add_func ("/exports/core", test_core);
  guard_add_func ("/exports/public-names", test_public_names);
  guard_add_func ("/exports/quarks", test_quarks);

  return g_test_run ();
}
