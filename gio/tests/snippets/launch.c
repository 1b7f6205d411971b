/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#include <gspawn-gio.h>

static int
run (GError **error)
{
  const char *const argv[] = { "git", NULL };
  const char *const version[] = { "--version", NULL };
  const char *const ps[] = { "ps", "-o", "sid=", NULL };
  g_autoptr (GSpawnAttributes) a = gspawn_attributes_new ();
  g_autoptr (GSubprocessLauncher) launcher = NULL;
  g_autoptr (GSubprocess) subprocess = NULL;
  g_autoptr (GSpawnGioTemplate) git = NULL;
  g_autoptr (GSpawnGioProcess) p = NULL;
  g_autofree char *output = NULL;

  gspawn_attributes_set_new_session (a, TRUE);
  git = gspawn_gio_template_new (argv, G_SPAWN_SEARCH_PATH, error);
  if (git == NULL || !gspawn_attributes_set_death_signal (a, 15, error) ||
      !gspawn_gio_template_set_attributes (git, a, error))
    return FALSE;

  p = gspawn_gio_template_launch (git, version, error);
  if (p == NULL || !gspawn_gio_process_wait_check (p, NULL, error))
    return FALSE;

  launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE);
  gspawn_attributes_attach (a, launcher);
  subprocess = g_subprocess_launcher_spawnv (launcher, ps, error);
  if (subprocess == NULL ||
      !g_subprocess_communicate_utf8 (subprocess, NULL, NULL, &output, NULL, error))
    return FALSE;

  g_print ("%s", output);

  return TRUE;
}

int
main (void)
{
  g_autoptr (GError) error = NULL;

  if (run (&error))
    return 0;

  g_printerr ("%s\n", error->message);
  return 1;
}
