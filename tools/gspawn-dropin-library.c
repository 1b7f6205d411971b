/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * The drop-in library as a file: where it is and whether it can be preloaded. Must not call into
 * it, nor change the environment. */

#include "gspawn-dropin-library-private.h"

#include "gspawn-command-private.h"

#include <dlfcn.h>
#include <link.h>
#include <string.h>

/* Separators of LD_PRELOAD, of a typelib's list of libraries and of the dynamic linker's tokens:
 * none of these lists knows an escape. */
#define SEPARATORS " \t\n:;,$"

/* dlsym() searches the dependencies too, and GLib itself is one. */
static gboolean
exports_spawn (void *handle)
{
  struct link_map *library = NULL, *owner = NULL;
  void *symbol = dlsym (handle, "g_spawn_async");
  Dl_info info;

  return symbol != NULL &&
         dlinfo (handle, RTLD_DI_LINKMAP, &library) == 0 &&
         dladdr1 (symbol, &info, (void **) &owner, RTLD_DL_LINKMAP) != 0 &&
         owner == library;
}

/* The dynamic linker ignores what it cannot preload, and PROGRAM would run without us and without
 * more than a warning. So try it here. */
static gboolean
check_loadable (const char  *path,
                GError     **error)
{
  void *handle = dlopen (path, RTLD_NOW | RTLD_LOCAL);
  gboolean suitable;

  if (handle == NULL)
    {
      g_set_error (error, GSPAWN_COMMAND_ERROR, GSPAWN_COMMAND_ERROR_DROPIN,
                   "cannot load the drop-in library: %s", dlerror ());
      return FALSE;
    }

  suitable = exports_spawn (handle);
  dlclose (handle);
  if (!suitable)
    g_set_error (error, GSPAWN_COMMAND_ERROR, GSPAWN_COMMAND_ERROR_DROPIN,
                 "'%s' is not a drop-in library: it does not define g_spawn_async", path);
  return suitable;
}

/**
 * _gspawn_dropin_library_find:
 * @error: return location
 *
 * Finds the drop-in that `GSPAWN_DROPIN` names, or the installed one, and makes sure that it can
 * be preloaded.
 *
 * Returns: (transfer full): an absolute path, or %NULL with %GSPAWN_COMMAND_ERROR_DROPIN
 */
char *
_gspawn_dropin_library_find (GError **error)
{
  const char *named = g_getenv ("GSPAWN_DROPIN");
  g_autofree char *path = NULL;

  if (named != NULL && *named == '\0')
    named = NULL;
  path = g_canonicalize_filename (named != NULL ? named : GSPAWN_DROPIN_PATH, NULL);

  if (!g_file_test (path, G_FILE_TEST_IS_REGULAR))
    {
      g_set_error (error, GSPAWN_COMMAND_ERROR, GSPAWN_COMMAND_ERROR_DROPIN,
                   "the drop-in library '%s' does not exist%s", path,
                   named != NULL ? " (GSPAWN_DROPIN names it)" : "");
      return NULL;
    }

  if (strpbrk (path, SEPARATORS) != NULL)
    {
      g_set_error (error, GSPAWN_COMMAND_ERROR, GSPAWN_COMMAND_ERROR_DROPIN,
                   "the drop-in library '%s' cannot be preloaded: its path contains white space "
                   "or one of the characters : ; , $", path);
      return NULL;
    }

  return check_loadable (path, error) ? g_steal_pointer (&path) : NULL;
}
