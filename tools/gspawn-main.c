/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * The gspawn command: finds the command in a table, runs it, and turns its error into a message
 * and an exit status. What a command does is the business of its own file. */

#include "gspawn-command-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
  const char        *name;
  const char        *summary;
  GSpawnCommandFunc  run;
} Command;

static const Command commands[] = {
  { "run", "Run a program whose g_spawn calls go through gspawn", _gspawn_run_command },
  { "engines", "Show which ways of making a process this machine has", _gspawn_engines_command },
};

static char *
describe_commands (void)
{
  GString *text = g_string_new ("Commands:\n");

  for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
    g_string_append_printf (text, "  %-10s %s\n", commands[i].name, commands[i].summary);
  g_string_append (text, "\n'gspawn COMMAND --help' describes a command.");
  return g_string_free (text, FALSE);
}

static const Command *
find_command (const char  *name,
              GError     **error)
{
  for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
    if (g_str_equal (commands[i].name, name))
      return &commands[i];

  g_set_error (error, GSPAWN_COMMAND_ERROR, GSPAWN_COMMAND_ERROR_USAGE,
               "unknown command '%s' (see gspawn --help)", name);
  return NULL;
}

static int
dispatch (int      argc,
          char   **argv,
          GError **error)
{
  gboolean version = FALSE;
  const GOptionEntry entries[] = {
    { "version", 0, 0, G_OPTION_ARG_NONE, &version, "Print the version", NULL },
    G_OPTION_ENTRY_NULL
  };
  g_autofree char *description = describe_commands ();
  const Command *command;
  int first;

  first = _gspawn_command_parse ("gspawn", entries, "COMMAND",
                                 "Starts processes without copying the caller.",
                                 description, argc, argv, error);
  if (first < 0)
    return -1;

  if (version)
    {
      g_print ("gspawn %s\n", GSPAWN_VERSION);
      return _gspawn_command_flush (error) ? EXIT_SUCCESS : -1;
    }

  if (first == argc)
    {
      g_set_error_literal (error, GSPAWN_COMMAND_ERROR, GSPAWN_COMMAND_ERROR_USAGE,
                           "no command given (see gspawn --help)");
      return -1;
    }

  command = find_command (argv[first], error);
  return command != NULL ? command->run (argc - first, argv + first, error) : -1;
}

/* If a standard stream is closed, the next file opened would take its number, and messages would
 * go there. Close-on-exec, so that PROGRAM still finds it closed. */
static void
reserve_standard_streams (void)
{
  int fd;

  do
    fd = open ("/dev/null", O_RDWR | O_CLOEXEC);
  while (fd >= 0 && fd <= 2);

  if (fd > 2)
    g_close (fd, NULL);
}

int
main (int    argc,
      char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *message = NULL;
  int status;

  reserve_standard_streams ();
  setlocale (LC_ALL, "");

  status = dispatch (argc, argv, &error);
  if (status >= 0)
    return status;

  /* The names of files in it may be anything. */
  message = g_utf8_make_valid (error->message, -1);
  g_printerr ("gspawn: %s\n", message);
  return error->domain == GSPAWN_COMMAND_ERROR ? error->code : GSPAWN_COMMAND_ERROR_SYSTEM;
}
