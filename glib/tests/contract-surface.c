/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Points 1 to 3: which functions the subject takes over, and which calls do not reach it. */

#include "contract.h"

#include <dlfcn.h>

#include "launch.h"

static const char *const names[] = {
  "g_spawn_async",
  "g_spawn_async_with_pipes",
  "g_spawn_async_with_pipes_and_fds",
  "g_spawn_async_with_fds",
  "g_spawn_sync",
  "g_spawn_command_line_sync",
  "g_spawn_command_line_async",
  "g_spawn_check_wait_status",
  "g_spawn_check_exit_status",
  "g_spawn_close_pid",
  "g_spawn_error_quark",
  "g_spawn_exit_error_quark",
};

/* All twelve come from one library, and under a drop-in that is not GLib's. */
static void
test_names (void)
{
  Dl_info glib, first, info;

  g_assert_cmpint (dladdr (dlsym (RTLD_DEFAULT, "g_strdup"), &glib), !=, 0);
  g_assert_cmpint (dladdr (dlsym (RTLD_DEFAULT, names[0]), &first), !=, 0);
  g_assert_cmpint (g_str_equal (glib.dli_fname, first.dli_fname), !=, case_has_engine ());

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_assert_cmpint (dladdr (dlsym (RTLD_DEFAULT, names[i]), &info), !=, 0);
      g_assert_cmpstr (info.dli_fname, ==, first.dli_fname);
      g_assert_cmpstr (info.dli_sname, ==, names[i]);
    }
}

static void
test_quarks (void)
{
  g_assert_cmpstr (g_quark_to_string (G_SPAWN_ERROR), ==, "g-exec-error-quark");
  g_assert_cmpstr (g_quark_to_string (G_SPAWN_EXIT_ERROR), ==, "g-spawn-exit-error-quark");
}

/* GLib starts this program again by itself, so the trace stays empty. */
static void
test_inside_glib (void)
{
  if (g_test_subprocess ())
    return;

  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_passed ();
}

static void
test_close_pid (void)
{
  g_auto (Launch) launch;

  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD, NULL, "exit", "7", NULL);
  g_assert_true (launch_start (&launch, NULL));
  /* It does nothing here: the child can still be waited for. */
  g_spawn_close_pid (launch.pid);
  g_assert_cmpint (launch_wait (&launch), ==, 7 << 8);
}

const Case surface_cases[] = {
  { .name = "1-names", .run = test_names },
  { .name = "1-close-pid", .run = test_close_pid },
  { .name = "2-quarks", .run = test_quarks },
  { .name = "3-inside-glib", .run = test_inside_glib },
  { .name = NULL }
};
