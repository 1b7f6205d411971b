/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * What all commands share: the error whose code is the exit status, the reading of options, and
 * the flushing of standard output. Must not know any command. */

#include "gspawn-command-private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

G_DEFINE_QUARK (gspawn-command-error-quark, _gspawn_command_error)

/* For helpers that do not know what their failure means to the command. */
void
_gspawn_command_set_error_from_errno (GError     **error,
                                      int          saved_errno,
                                      const char  *path)
{
  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (saved_errno), "%s: %s", path,
               g_strerror (saved_errno));
}

/* Options end at the first operand or after "--", so that PROGRAM's options stay PROGRAM's. No
 * option of ours has its value in the next argument; GOptionContext's own handling of "--" keeps
 * or drops it depending on what comes later. */
static int
count_options (int    argc,
               char **argv)
{
  int i = 1;

  while (i < argc && argv[i][0] == '-' && argv[i][1] != '\0' && !g_str_equal (argv[i], "--"))
    i++;
  return i;
}

/**
 * _gspawn_command_parse:
 * @name: what the help calls the command
 * @entries: its options; none takes its value from the next argument
 * @parameters: (nullable): the operands, for the help
 * @summary: a sentence for the help
 * @description: (nullable): text below the options in the help
 * @argc: the number of @argv
 * @argv: the arguments, the command's name first
 * @error: return location
 *
 * Reads the options at the start of @argv. Prints the help and exits if that is asked for.
 *
 * Returns: the index of the first operand, which may be @argc, or -1 with
 *     %GSPAWN_COMMAND_ERROR_USAGE
 */
int
_gspawn_command_parse (const char          *name,
                       const GOptionEntry  *entries,
                       const char          *parameters,
                       const char          *summary,
                       const char          *description,
                       int                  argc,
                       char               **argv,
                       GError             **error)
{
  g_autoptr (GOptionContext) context = g_option_context_new (parameters);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) options = NULL;
  g_autoptr (GError) local_error = NULL;
  int n_options = count_options (argc, argv);

  g_set_prgname (name);
  g_strv_builder_add (builder, name);
  for (int i = 1; i < n_options; i++)
    g_strv_builder_add (builder, argv[i]);
  options = g_strv_builder_end (builder);

  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_set_summary (context, summary);
  g_option_context_set_description (context, description);
  if (!g_option_context_parse_strv (context, &options, &local_error))
    {
      g_set_error (error, GSPAWN_COMMAND_ERROR, GSPAWN_COMMAND_ERROR_USAGE,
                   "%s (see %s --help)", local_error->message, name);
      return -1;
    }

  if (n_options < argc && g_str_equal (argv[n_options], "--"))
    n_options++;
  return n_options;
}

/* A table cut short by a full disk must not pass for a whole one. */
gboolean
_gspawn_command_flush (GError **error)
{
  if (fflush (stdout) == 0 && !ferror (stdout))
    return TRUE;

  g_set_error (error, GSPAWN_COMMAND_ERROR, GSPAWN_COMMAND_ERROR_SYSTEM,
               "cannot write to standard output: %s", g_strerror (errno));
  return FALSE;
}
