/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * A typelib of GLib that names the drop-in before GLib's own libraries. Language bindings look a
 * function up in the libraries that its typelib names, in that order, and never ask the dynamic
 * linker's global scope, so that preloading alone does not reach them.
 *
 * Owns finding the GIR and its compiler, compiling, and what is kept of it. Must not change the
 * environment. */

#include "gspawn-typelib-private.h"

#include "gspawn-cache-private.h"
#include "gspawn-command-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GIR_NAME      "GLib-2.0.gir"
#define TYPELIB_NAME  "GLib-2.0.typelib"
#define CHECKSUM_NAME "GLib-2.0.typelib.sha256"

/* Part of the key: raise it when what is kept changes its form. */
#define CACHE_FORMAT 1

/* The second one is the first's successor within GLib itself. */
static const char *const compilers[] = { "g-ir-compiler", "gi-compile-repository" };

static char *
find_gir (void)
{
  const char *const *data_dirs = g_get_system_data_dirs ();
  g_auto (GStrv) built_in = g_strsplit (GSPAWN_GIR_DIRS, ":", -1);

  for (gsize i = 0; data_dirs[i] != NULL; i++)
    {
      g_autofree char *path = g_build_filename (data_dirs[i], "gir-1.0", GIR_NAME, NULL);

      if (g_file_test (path, G_FILE_TEST_EXISTS))
        return g_canonicalize_filename (path, NULL);
    }

  for (gsize i = 0; built_in[i] != NULL; i++)
    {
      g_autofree char *path = g_build_filename (built_in[i], GIR_NAME, NULL);

      if (g_file_test (path, G_FILE_TEST_EXISTS))
        return g_steal_pointer (&path);
    }

  return NULL;
}

static char *
find_compiler (void)
{
  char *path = NULL;

  for (gsize i = 0; path == NULL && i < G_N_ELEMENTS (compilers); i++)
    path = g_find_program_in_path (compilers[i]);
  return path;
}

/**
 * _gspawn_typelib_source_find:
 * @source: (out): return location
 * @error: return location
 *
 * Finds what a typelib can be compiled from.
 *
 * Returns: %FALSE if it is not installed; that is no reason not to run PROGRAM
 */
gboolean
_gspawn_typelib_source_find (GSpawnTypelibSource  *source,
                             GError              **error)
{
  g_auto (GSpawnTypelibSource) found = { find_gir (), find_compiler () };

  if (found.gir == NULL || found.compiler == NULL)
    {
      g_set_error (error, GSPAWN_COMMAND_ERROR, GSPAWN_COMMAND_ERROR_TYPELIB,
                   "%s is not installed", found.gir == NULL ? GIR_NAME : compilers[0]);
      return FALSE;
    }

  source->gir = g_steal_pointer (&found.gir);
  source->compiler = g_steal_pointer (&found.compiler);
  return TRUE;
}

void
_gspawn_typelib_source_clear (GSpawnTypelibSource *source)
{
  g_clear_pointer (&source->gir, g_free);
  g_clear_pointer (&source->compiler, g_free);
}

/* The name of the directory for what this source and this drop-in give. That a file was replaced
 * shows in its size and time, so the compiler need not be run to know its version. */
static char *
compute_key (const GSpawnTypelibSource  *source,
             const char                 *dropin,
             GError                    **error)
{
  const char *files[] = { source->gir, source->compiler };
  g_autoptr (GString) text = g_string_new (NULL);

  g_string_append_printf (text, "%d%c%s%c", CACHE_FORMAT, 0, dropin, 0);
  for (gsize i = 0; i < G_N_ELEMENTS (files); i++)
    {
      struct stat st;

      if (stat (files[i], &st) < 0)
        {
          _gspawn_command_set_error_from_errno (error, errno, files[i]);
          return NULL;
        }

      g_string_append_printf (text, "%s%c%" G_GINT64_FORMAT " %" G_GINT64_FORMAT ".%09ld%c",
                              files[i], 0, (gint64) st.st_size, (gint64) st.st_mtim.tv_sec,
                              st.st_mtim.tv_nsec, 0);
    }

  return g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guchar *) text->str, text->len);
}

static void
read_namespace (GMarkupParseContext  *context G_GNUC_UNUSED,
                const char           *element,
                const char          **names,
                const char          **values,
                gpointer              user_data,
                GError              **error G_GNUC_UNUSED)
{
  char **libraries = user_data;
  const char *name = NULL, *library = NULL;

  if (!g_str_equal (element, "namespace") || *libraries != NULL)
    return;

  for (gsize i = 0; names[i] != NULL; i++)
    {
      if (g_str_equal (names[i], "name"))
        name = values[i];
      else if (g_str_equal (names[i], "shared-library"))
        library = values[i];
    }

  if (g_strcmp0 (name, "GLib") == 0 && library != NULL && *library != '\0')
    *libraries = g_strdup (library);
}

/* Returns the libraries that the GIR names. They stand at its start, so little of it is read. */
static char *
read_libraries (const char  *gir,
                GError     **error)
{
  const GMarkupParser parser = { .start_element = read_namespace };
  g_autoptr (GMappedFile) file = g_mapped_file_new (gir, FALSE, error);
  g_autoptr (GMarkupParseContext) context = NULL;
  const gsize chunk = 4096;
  g_autofree char *libraries = NULL;
  gsize length;

  if (file == NULL)
    return NULL;

  context = g_markup_parse_context_new (&parser, G_MARKUP_TREAT_CDATA_AS_TEXT, &libraries, NULL);
  length = g_mapped_file_get_length (file);
  for (gsize offset = 0; libraries == NULL && offset < length; offset += chunk)
    if (!g_markup_parse_context_parse (context, g_mapped_file_get_contents (file) + offset,
                                       MIN (chunk, length - offset), error))
      {
        g_prefix_error (error, "%s: ", gir);
        return NULL;
      }

  if (libraries == NULL)
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                 "%s does not say which libraries GLib consists of", gir);
  return g_steal_pointer (&libraries);
}

/* Naming the libraries on the command line replaces the ones in the GIR. */
static gboolean
compile (const GSpawnTypelibSource  *source,
         const char                 *dropin,
         const char                 *output,
         GError                    **error)
{
  g_autofree char *libraries = read_libraries (source->gir, error);
  g_autofree char *option = NULL;
  g_autofree char *messages = NULL;
  const char *argv[] = { source->compiler, NULL, "-o", output, source->gir, NULL };
  int wait_status;

  if (libraries == NULL)
    return FALSE;

  option = g_strdup_printf ("--shared-library=%s,%s", dropin, libraries);
  argv[1] = option;
  if (!g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL,
                     &messages, &wait_status, error))
    return FALSE;

  if (!g_spawn_check_wait_status (wait_status, error))
    {
      g_prefix_error (error, "%s %s: %s", source->compiler, source->gir, g_strstrip (messages));
      return FALSE;
    }

  /* Its mode is up to the user's umask, which may let others write. */
  if (g_chmod (output, 0600) == 0)
    return TRUE;

  _gspawn_command_set_error_from_errno (error, errno, output);
  return FALSE;
}

static gboolean
move (const char  *from,
      const char  *to,
      GError     **error)
{
  if (g_rename (from, to) == 0)
    return TRUE;

  _gspawn_command_set_error_from_errno (error, errno, to);
  return FALSE;
}

/* The checksum comes last: until it is there, others take the typelib for a broken one and make
 * their own, which is the same. */
static gboolean
compile_in (const GSpawnTypelibSource  *source,
            const char                 *dropin,
            const char                 *scratch,
            const char                 *directory,
            GError                    **error)
{
  g_autofree char *fresh = g_build_filename (scratch, TYPELIB_NAME, NULL);
  g_autofree char *typelib = g_build_filename (directory, TYPELIB_NAME, NULL);
  g_autofree char *checksum = g_build_filename (directory, CHECKSUM_NAME, NULL);
  g_autofree char *sum = NULL;
  g_autoptr (GBytes) bytes = NULL;

  if (!compile (source, dropin, fresh, error) ||
      (bytes = _gspawn_cache_read (fresh, error)) == NULL)
    return FALSE;

  sum = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, bytes);
  return move (fresh, typelib, error) &&
         g_file_set_contents_full (checksum, sum, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, error);
}

static void
remove_scratch (const char *scratch)
{
  g_autoptr (GDir) dir = g_dir_open (scratch, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (scratch, name, NULL);

      g_unlink (path);
    }
  g_rmdir (scratch);
}

static gboolean
is_intact (const char *directory)
{
  g_autofree char *typelib = g_build_filename (directory, TYPELIB_NAME, NULL);
  g_autofree char *checksum = g_build_filename (directory, CHECKSUM_NAME, NULL);
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GBytes) kept = NULL;
  g_autofree char *sum = NULL;

  if ((kept = _gspawn_cache_read (checksum, NULL)) == NULL ||
      (bytes = _gspawn_cache_read (typelib, NULL)) == NULL)
    return FALSE;

  sum = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, bytes);
  return g_bytes_get_size (kept) == strlen (sum) &&
         memcmp (g_bytes_get_data (kept, NULL), sum, strlen (sum)) == 0;
}

/* What is kept elsewhere than where it is used lets no reader see half a file. */
static gboolean
fill (const GSpawnTypelibSource  *source,
      const char                 *dropin,
      const char                 *directory,
      GError                    **error)
{
  g_autofree char *scratch = g_strconcat (directory, ".XXXXXX", NULL);
  gboolean success;

  if (g_mkdtemp (scratch) == NULL)
    {
      _gspawn_command_set_error_from_errno (error, errno, directory);
      return FALSE;
    }

  success = compile_in (source, dropin, scratch, directory, error);
  remove_scratch (scratch);
  return success;
}

static char *
prepare_below (const char                 *root,
               const GSpawnTypelibSource  *source,
               const char                 *dropin,
               const char                 *key,
               GError                    **error)
{
  g_autofree char *directory = g_build_filename (root, key, NULL);

  if (strchr (directory, G_SEARCHPATH_SEPARATOR) != NULL)
    {
      g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                   "%s: a colon cannot stand in GI_TYPELIB_PATH", root);
      return NULL;
    }

  if (!_gspawn_cache_make_directory (root, error) ||
      !_gspawn_cache_check_private (root, error) ||
      !_gspawn_cache_make_directory (directory, error) ||
      !_gspawn_cache_check_private (directory, error))
    return NULL;

  if (!is_intact (directory) && !fill (source, dropin, directory, error))
    return NULL;
  return g_steal_pointer (&directory);
}

/**
 * _gspawn_typelib_prepare:
 * @source: what to compile
 * @dropin: the drop-in's absolute path
 * @error: return location
 *
 * Finds the typelib that was kept, or compiles it.
 *
 * Returns: (transfer full): the directory that it is in, or %NULL with
 *     %GSPAWN_COMMAND_ERROR_TYPELIB if it cannot be compiled, or kept in no place
 */
char *
_gspawn_typelib_prepare (const GSpawnTypelibSource  *source,
                         const char                 *dropin,
                         GError                    **error)
{
  g_auto (GStrv) roots = _gspawn_cache_list_roots ();
  g_autoptr (GError) local_error = NULL;
  g_autofree char *key = compute_key (source, dropin, &local_error);

  for (gsize i = 0; key != NULL && roots[i] != NULL; i++)
    {
      char *directory;

      g_clear_error (&local_error);
      directory = prepare_below (roots[i], source, dropin, key, &local_error);
      if (directory != NULL)
        return directory;
    }

  g_set_error (error, GSPAWN_COMMAND_ERROR, GSPAWN_COMMAND_ERROR_TYPELIB,
               "cannot make a typelib for GLib: %s (--no-introspection does without)",
               local_error != NULL ? local_error->message : "no directory to keep it in");
  return NULL;
}
