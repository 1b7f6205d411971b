/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The code of an error is the exit status of the command. They lie below 126, where the statuses
 * begin that shells give a meaning of their own. The manual page lists them. */
typedef enum {
  GSPAWN_COMMAND_ERROR_SYSTEM         = 121,
  GSPAWN_COMMAND_ERROR_TRACE          = 122,
  GSPAWN_COMMAND_ERROR_TYPELIB        = 123,
  GSPAWN_COMMAND_ERROR_DROPIN         = 124,
  GSPAWN_COMMAND_ERROR_USAGE          = 125,
  GSPAWN_COMMAND_ERROR_NOT_EXECUTABLE = 126,
  GSPAWN_COMMAND_ERROR_NOT_FOUND      = 127,
} GSpawnCommandError;

#define GSPAWN_COMMAND_ERROR (_gspawn_command_error_quark ())

/* Commands return the exit status, or -1 with an error. argv[0] is the name of the command. */
typedef int (*GSpawnCommandFunc) (int      argc,
                                  char   **argv,
                                  GError **error);

GQuark    _gspawn_command_error_quark          (void);
void      _gspawn_command_set_error_from_errno (GError             **error,
                                                int                  saved_errno,
                                                const char          *path);
int       _gspawn_command_parse                (const char          *name,
                                                const GOptionEntry  *entries,
                                                const char          *parameters,
                                                const char          *summary,
                                                const char          *description,
                                                int                  argc,
                                                char               **argv,
                                                GError             **error);
gboolean  _gspawn_command_flush                (GError             **error);

int       _gspawn_run_command                  (int                  argc,
                                                char               **argv,
                                                GError             **error);
int       _gspawn_engines_command              (int                  argc,
                                                char               **argv,
                                                GError             **error);

G_END_DECLS
