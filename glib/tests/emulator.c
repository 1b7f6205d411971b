/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Tests of another processor's build, which qemu-user runs: how one of its programs is executed,
 * and what an emulator keeps a case from.
 *
 * The kernel knows no programs of that processor, so this program can only start itself again
 * through the emulator. What the subject starts is built for this machine and needs none. */

#include "emulator.h"

#include <unistd.h>

/* The emulator and its arguments, separated by spaces. */
#define EMULATOR_VARIABLE "GSPAWN_TEST_EMULATOR"

static const char *
get_command (void)
{
  const char *command = g_getenv (EMULATOR_VARIABLE);

  return command != NULL ? command : "";
}

/*
 * emulator_is_used: (skip)
 *
 * Returns: whether this program runs under an emulator
 */
gboolean
emulator_is_used (void)
{
  return *get_command () != '\0';
}

/*
 * emulator_exec: (skip)
 * @program: a program of the same build as this one
 * @preload: (nullable): a library that is loaded into it, and not into the emulator
 *
 * Executes the program without arguments. Returns only if that failed.
 */
void
emulator_exec (const char *program,
               const char *preload)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) emulator = g_strsplit (get_command (), " ", 0);
  g_auto (GStrv) argv = NULL;

  g_strv_builder_addv (builder, (const char **) emulator);
  if (preload != NULL && emulator_is_used ())
    {
      g_autofree char *setting = g_strconcat ("LD_PRELOAD=", preload, NULL);

      g_strv_builder_add_many (builder, "-E", setting, NULL);
    }
  else if (preload != NULL)
    g_setenv ("LD_PRELOAD", preload, TRUE);
  g_strv_builder_add (builder, program);
  argv = g_strv_builder_end (builder);

  execvp (argv[0], argv);
}

/*
 * emulator_get_limit: (skip)
 * @list: the cases
 * @name: a case
 *
 * Returns: (nullable): why the case fails under the emulator that is used, if it does
 */
const char *
emulator_get_limit (const CaseList *list,
                    const char     *name)
{
  if (!emulator_is_used () || list->emulator_limits == NULL)
    return NULL;

  for (const CaseLimit *limit = list->emulator_limits; limit->name != NULL; limit++)
    if (g_str_equal (limit->name, name))
      return limit->reason;

  return NULL;
}
