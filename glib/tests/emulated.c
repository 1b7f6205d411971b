/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * What the engines make of an emulator that copies the memory which a child should share, as
 * qemu-user does: they notice, and leave the requests to fork(). */
#include "gspawn-engines.h"
#include "guard.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char *trace_path;

/* posix_spawn() succeeds there whatever becomes of its child. */
static void
test_engines (void)
{
  const char *detail = NULL;

  g_test_summary ("No engine is taken that needs memory to be shared");

  g_assert_false (gspawn_engine_is_available (GSPAWN_ENGINE_CLONE, &detail));
  g_test_message ("clone: %s", detail);
  g_assert_false (gspawn_engine_is_available (GSPAWN_ENGINE_POSIX_SPAWN, &detail));
  g_test_message ("posix_spawn: %s", detail);
  g_assert_true (gspawn_engine_is_available (GSPAWN_ENGINE_FORK, &detail));
}

static void
test_launches (void)
{
  g_autofree char *out = NULL;
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  const char *reason = "\"engine\":\"fork\","
                       "\"reason\":\"clone-unavailable,posix_spawn-unavailable\"";
  int status;

  g_test_summary ("Launches work, and the trace says which engine took them, and why");

  g_spawn_command_line_sync ("sh -c 'echo works; exit 3'", &out, NULL, &status, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (out, ==, "works\n");
  g_assert_cmpint (WEXITSTATUS (status), ==, 3);

  g_assert_false (g_spawn_command_line_sync ("/missing/program", NULL, NULL, NULL, &error));
  g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT);

  g_assert_true (g_file_get_contents (trace_path, &text, NULL, NULL));
  g_test_message ("%s", text);
  g_assert_nonnull (strstr (text, reason));
  g_assert_nonnull (strstr (strstr (text, reason) + 1, reason));
}

int
main (int   argc,
      char *argv[])
{
  int status;
  int fd;

  g_test_init (&argc, &argv, NULL);
  fd = g_file_open_tmp ("gspawn-trace-XXXXXX", &trace_path, NULL);
  g_assert_no_errno (fd);
  close (fd);
  g_setenv ("GSPAWN_TRACE", trace_path, TRUE);
  g_unsetenv ("GSPAWN_ENGINE");

  guard_add_func ("/emulated/engines", test_engines);
  guard_add_func ("/emulated/launches", test_launches);
  status = g_test_run ();
  g_unlink (trace_path);
  g_free (trace_path);

  return status;
}
