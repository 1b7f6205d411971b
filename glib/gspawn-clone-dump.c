/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Whether a child that dumps core takes the caller along. */
#include "config.h"

#include "gspawn-clone-private.h"

#include <stdio.h>
#include <sys/utsname.h>

/* Before Linux 5.16 a process that dies with a core dump, even one that is not written, first kills
 * all that share its memory. A filter of system calls that refuses exec is a way to die so. This is
 * asked of the kernel's version, for to try it out is to be killed, or to copy the caller for a try
 * that costs more than what it decides about. */
gboolean
_gspawn_clone_dump_kills_caller (void)
{
  static int cached = -1;
  int answer = g_atomic_int_get (&cached);

  if (answer < 0)
    {
      struct utsname name;
      unsigned int major = 0, minor = 0;

      answer = uname (&name) < 0 || sscanf (name.release, "%u.%u", &major, &minor) != 2 ||
               major < 5 || (major == 5 && minor < 16);
      g_atomic_int_set (&cached, answer);
    }

  return answer;
}
