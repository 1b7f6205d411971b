/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/*
 * Describes the machine that a benchmark ran on.
 */
#include "bench-machine.h"

#include <gnu/libc-version.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

static char *
read_line (const char *file)
{
  char *contents;

  if (!g_file_get_contents (file, &contents, NULL, NULL))
    return g_strdup ("unknown");

  contents[strcspn (contents, "\n")] = '\0';

  return contents;
}

static char *
find_processor (void)
{
  g_autofree char *contents = NULL;
  const char *line;

  if (!g_file_get_contents ("/proc/cpuinfo", &contents, NULL, NULL))
    return g_strdup ("unknown");

  line = strstr (contents, "model name");
  if (line == NULL)
    return g_strdup ("unknown");

  line = strchr (line, ':') + 1;

  return g_strstrip (g_strndup (line, strcspn (line, "\n")));
}

static char *
find_load (void)
{
  double load = 0;

  getloadavg (&load, 1);

  return g_strdup_printf ("%.2f", load);
}

void
bench_machine_describe (BenchFact facts[BENCH_N_FACTS])
{
  struct utsname system;
  guint i = 0;

  uname (&system);

  facts[i++] = (BenchFact) { "kernel", g_strdup_printf ("%s %s", system.sysname, system.release) };
  facts[i++] = (BenchFact) { "processor", find_processor () };
  facts[i++] = (BenchFact) { "processors", g_strdup_printf ("%u", g_get_num_processors ()) };
  facts[i++] = (BenchFact) { "libc", g_strdup_printf ("glibc %s", gnu_get_libc_version ()) };
  facts[i++] = (BenchFact) { "glib", g_strdup_printf ("%u.%u.%u", glib_major_version,
                                                      glib_minor_version, glib_micro_version) };
  facts[i++] = (BenchFact) { "transparent huge pages",
                             read_line ("/sys/kernel/mm/transparent_hugepage/enabled") };
  facts[i++] = (BenchFact) { "load", find_load () };

  g_assert (i == BENCH_N_FACTS);
}
