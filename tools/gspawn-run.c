/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * `gspawn run`: puts together the environment in which a program's g_spawn calls go through the
 * drop-in, and runs it: in our place if nothing is left to do at its end, else as a child. */

#include "gspawn-command-private.h"

#include "gspawn-dropin-library-private.h"
#include "gspawn-supervisor-private.h"
#include "gspawn-typelib-private.h"

#include <string.h>

typedef struct {
  char *trace;
  gboolean trace_to_stderr;
  gboolean summary;
  gboolean no_introspection;
} Options;

static void
options_clear (Options *options)
{
  g_clear_pointer (&options->trace, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

#define DESCRIPTION \
  "Exit status: that of PROGRAM, or\n" \
  "  121  a system call failed\n" \
  "  122  the trace cannot be written\n" \
  "  123  the typelib cannot be made, read or kept\n" \
  "  124  the drop-in library is missing or cannot be loaded\n" \
  "  125  wrong options\n" \
  "  126  PROGRAM cannot be executed\n" \
  "  127  PROGRAM was not found"

/* GOptionContext takes the argument after an option whose value is optional for the value, but
 * here that is PROGRAM. So a bare --trace becomes another option. */
static char **
split_trace_option (int    argc,
                    char **argv)
{
  char **split = g_new0 (char *, argc + 1);
  gboolean in_options = TRUE;

  for (int i = 0; i < argc; i++)
    {
      in_options = in_options && (i == 0 || (argv[i][0] == '-' && !g_str_equal (argv[i], "--")));
      split[i] = in_options && g_str_equal (argv[i], "--trace") ? (char *) "--trace-to-stderr"
                                                               : argv[i];
    }
  return split;
}

/* Returns the index of PROGRAM, or -1. */
static int
parse (Options  *options,
       int       argc,
       char    **argv,
       GError  **error)
{
  const GOptionEntry entries[] = {
    { "trace", 0, 0, G_OPTION_ARG_FILENAME, &options->trace,
      "Append a line of JSON for each spawn to FILE; --trace alone: to standard error", "FILE" },
    { "trace-to-stderr", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &options->trace_to_stderr,
      NULL, NULL },
    { "summary", 0, 0, G_OPTION_ARG_NONE, &options->summary,
      "Print a table of all spawns to standard error at the end", NULL },
    { "no-introspection", 0, 0, G_OPTION_ARG_NONE, &options->no_introspection,
      "Do not take over calls through introspection, as in Python and JavaScript", NULL },
    G_OPTION_ENTRY_NULL
  };
  g_autofree char **split = split_trace_option (argc, argv);
  int first = _gspawn_command_parse ("gspawn run", entries, "PROGRAM [ARGUMENT…]",
                                     "Runs PROGRAM with its calls of g_spawn_*() going through "
                                     "gspawn.", DESCRIPTION, argc, split, error);

  if (first < 0)
    return -1;

  if (first == argc || (options->trace != NULL && *options->trace == '\0'))
    {
      g_set_error (error, GSPAWN_COMMAND_ERROR, GSPAWN_COMMAND_ERROR_USAGE,
                   "%s (see gspawn run --help)",
                   first == argc ? "no program given" : "--trace= needs the name of a file");
      return -1;
    }

  return first;
}

/* Keeps what was there, and does nothing if a gspawn further up has done it. */
static void
prepend_to_variable (const char *variable,
                     const char *path)
{
  const char *old = g_getenv (variable);
  g_autofree char *joined = NULL;

  if (old != NULL && g_str_has_prefix (old, path) &&
      (old[strlen (path)] == ':' || old[strlen (path)] == '\0'))
    return;

  joined = g_strdup_printf ("%s%s%s", path, old != NULL && *old != '\0' ? ":" : "",
                            old != NULL ? old : "");
  g_setenv (variable, joined, TRUE);
}

/* Most programs use no introspection, so that its absence is no reason not to run one. */
static gboolean
set_up_introspection (const char  *dropin,
                      GError     **error)
{
  g_auto (GSpawnTypelibSource) source = { NULL, NULL };
  g_autoptr (GError) missing = NULL;
  g_autofree char *directory = NULL;

  if (!_gspawn_typelib_source_find (&source, &missing))
    {
      g_printerr ("gspawn: warning: %s; GLib.spawn_*() in Python or JavaScript will not be taken "
                  "over (--no-introspection turns this warning off)\n", missing->message);
      return TRUE;
    }

  directory = _gspawn_typelib_prepare (&source, dropin, error);
  if (directory == NULL)
    return FALSE;

  prepend_to_variable ("GI_TYPELIB_PATH", directory);
  return TRUE;
}

static gboolean
set_up_environment (const Options  *options,
                    GError        **error)
{
  g_autofree char *dropin = _gspawn_dropin_library_find (error);

  if (dropin == NULL)
    return FALSE;

  if (GSPAWN_WITH_INTROSPECTION && !options->no_introspection &&
      !set_up_introspection (dropin, error))
    return FALSE;

  prepend_to_variable ("LD_PRELOAD", dropin);
  return TRUE;
}

/* Returns only with an error. */
static int
run_in_place (const Options                 *options,
              char                         **argv,
              const GSpawnInheritedSignals  *signals,
              GError                       **error)
{
  if (options->trace != NULL)
    {
      g_autofree char *path = _gspawn_trace_file_check (options->trace, error);

      if (path == NULL)
        return -1;
      g_setenv ("GSPAWN_TRACE", path, TRUE);
    }

  _gspawn_program_replace (argv, signals, error);
  return -1;
}

/* Without a file of its own, the trace stays in the one that a gspawn further up reads. */
static int
run_as_child (const Options                 *options,
              char                         **argv,
              const GSpawnInheritedSignals  *signals,
              GError                       **error)
{
  g_autoptr (GSpawnSummary) summary = options->summary ? _gspawn_summary_new () : NULL;
  g_autoptr (GSpawnTraceFile) trace = NULL;
  const char *path = options->trace;
  g_autofree char *text = NULL;
  guint64 n_rejected;
  int wait_status;

  if (path == NULL && g_strcmp0 (g_getenv ("GSPAWN_TRACE"), "") != 0)
    path = g_getenv ("GSPAWN_TRACE");
  trace = _gspawn_trace_file_new (path, options->trace_to_stderr, summary, error);
  if (trace == NULL)
    return -1;

  g_setenv ("GSPAWN_TRACE", _gspawn_trace_file_get_path (trace), TRUE);
  if (!_gspawn_supervise (argv, signals, trace, &wait_status, error))
    return -1;

  n_rejected = _gspawn_trace_file_get_n_rejected (trace);
  g_clear_pointer (&trace, _gspawn_trace_file_free);

  if (summary != NULL)
    text = _gspawn_summary_format (summary, n_rejected);
  else if (n_rejected > 0)
    text = g_strdup_printf ("gspawn: lines of the trace that are no records: %" G_GUINT64_FORMAT
                            "\n", n_rejected);
  if (text != NULL)
    g_printerr ("%s", text);
  return _gspawn_program_imitate (wait_status);
}

int
_gspawn_run_command (int      argc,
                     char   **argv,
                     GError **error)
{
  g_auto (Options) options = { NULL, FALSE, FALSE, FALSE };
  GSpawnInheritedSignals signals;
  int program = parse (&options, argc, argv, error);

  if (program < 0)
    return -1;

  _gspawn_inherited_signals_save (&signals);
  if (!set_up_environment (&options, error))
    return -1;

  if (options.summary || options.trace_to_stderr)
    return run_as_child (&options, argv + program, &signals, error);
  return run_in_place (&options, argv + program, &signals, error);
}
