/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* The child setup function of attributes is known by its address. In a program that is linked to a
 * fixed place that address is the program's own; it has to be the library's, too. */

#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gspawn-attributes.h"
#include "gspawn-engines.h"

static char *trace;

static void
launch (GSpawnChildSetupFunc setup)
{
  g_autoptr (GSpawnAttributes) attributes = gspawn_attributes_new ();
  g_autoptr (GError) error = NULL;
  char *argv[] = { (char *) "/bin/true", NULL };
  int status = -1;

  g_assert_true (gspawn_attributes_set_umask (attributes, 077, &error));
  g_spawn_sync (NULL, argv, NULL, G_SPAWN_DEFAULT, setup, attributes, NULL, NULL, &status,
                &error);
  g_assert_no_error (error);
  g_assert_cmpint (status, ==, 0);
}

static void
call_attributes (gpointer data)
{
  gspawn_attributes_child_setup (data);
}

static void
check_record (const char *record,
              const char *reason)
{
  g_autofree char *member = g_strdup_printf ("\"reason\":\"%s\"", reason);

  g_assert_nonnull (strstr (record, member));
}

static void
test_address (void)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  g_test_summary ("The function is recognised, and one that calls it is not");

  if (!gspawn_engine_is_available (GSPAWN_ENGINE_CLONE, NULL) ||
      !gspawn_engine_is_available (GSPAWN_ENGINE_FORK, NULL))
    {
      g_test_skip ("The clone and fork engines are not both available");
      return;
    }

  launch (gspawn_attributes_child_setup);
  launch (call_attributes);
  g_assert_true (g_file_get_contents (trace, &text, NULL, NULL));
  lines = g_strsplit (text, "\n", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, 3);
  g_assert_nonnull (strstr (lines[0], "\"engine\":\"clone\""));
  check_record (lines[0], "first-choice");
  g_assert_nonnull (strstr (lines[1], "\"engine\":\"fork\""));
  check_record (lines[1], "child-setup");
}

int
main (int    argc,
      char **argv)
{
  g_autofree char *directory = g_dir_make_tmp ("gspawn-test-XXXXXX", NULL);
  int status;

  trace = g_build_filename (directory, "trace", NULL);
  g_setenv ("GSPAWN_TRACE", trace, TRUE);
  g_unsetenv ("GSPAWN_ENGINE");
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/attribute-address/recognised", test_address);

  status = g_test_run ();
  unlink (trace);
  rmdir (directory);
  g_free (trace);

  return status;
}
