/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * A program that is meant to be run set-user-ID: it launches something, with the core built in, for
 * the dynamic linker would not look for a library in a build tree then. */
#include "gspawn-request-private.h"

#include <sys/auxv.h>

int
main (void)
{
  const char *argv[] = { "/bin/true", NULL };
  GSpawnRequest request = {
    .function = "g_spawn_async",
    .argv = argv,
    .stream_fds = { -1, -1, -1 },
  };
  GSpawnChildInfo info;

  if (getauxval (AT_SECURE) == 0)
    g_printerr ("no secure execution: ");
  else
    g_printerr ("secure execution: ");
  g_printerr ("%s\n", _gspawn_launch (&request, &info, NULL) ? "launched" : "failed");

  return 0;
}
