/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Where kept files may lie, and whether a directory or a file there is to be trusted. What is kept
 * names a library that PROGRAM loads, so nobody else may be able to put something in its place.
 * Must not know what is kept. */

#include "gspawn-cache-private.h"

#include "gspawn-command-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* The owner that the kernel shows for files of users who do not exist in a user namespace. A
 * sandbox shows root's directories that way. */
#define OVERFLOW_UID 65534

static gboolean
is_ours (const struct stat *st)
{
  return st->st_uid == geteuid () && (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* Whether nobody but root and us can rename an entry of this directory. A group of one's own is
 * usual for home directories. */
static gboolean
is_safe_ancestor (const struct stat *st)
{
  if (st->st_uid != 0 && st->st_uid != geteuid () && st->st_uid != OVERFLOW_UID)
    return FALSE;
  if (st->st_mode & S_ISVTX)
    return TRUE;
  return (st->st_mode & S_IWOTH) == 0 &&
         ((st->st_mode & S_IWGRP) == 0 || st->st_gid == getegid () || st->st_gid == 0);
}

static gboolean
check_ancestors (const char  *path,
                 GError     **error)
{
  g_autofree char *parent = g_path_get_dirname (path);
  struct stat st;

  if (stat (parent, &st) < 0)
    {
      _gspawn_command_set_error_from_errno (error, errno, parent);
      return FALSE;
    }

  if (!is_safe_ancestor (&st))
    {
      g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_PERM,
                   "%s: other users could replace '%s'", path, parent);
      return FALSE;
    }

  return g_str_equal (parent, "/") || check_ancestors (parent, error);
}

/**
 * _gspawn_cache_list_roots:
 *
 * Lists the directories that may be used, best first. They need not exist. With a home directory
 * that is read-only or not ours, the later ones are what remains.
 *
 * Returns: (transfer full): absolute paths
 */
GStrv
_gspawn_cache_list_roots (void)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  const char *runtime = g_getenv ("XDG_RUNTIME_DIR");
  g_autofree char *home = g_build_filename (g_get_user_cache_dir (), "gspawn", NULL);
  g_autofree char *name = g_strdup_printf ("gspawn-%u", (guint) geteuid ());
  g_autofree char *temporary = g_build_filename (g_get_tmp_dir (), name, NULL);

  if (g_path_is_absolute (home))
    g_strv_builder_add (builder, home);
  if (runtime != NULL && g_path_is_absolute (runtime))
    {
      g_autofree char *path = g_build_filename (runtime, "gspawn", NULL);

      g_strv_builder_add (builder, path);
    }
  if (g_path_is_absolute (temporary))
    g_strv_builder_add (builder, temporary);
  return g_strv_builder_end (builder);
}

gboolean
_gspawn_cache_make_directory (const char  *path,
                              GError     **error)
{
  if (g_mkdir_with_parents (path, 0700) == 0)
    return TRUE;

  _gspawn_command_set_error_from_errno (error, errno, path);
  return FALSE;
}

/**
 * _gspawn_cache_check_private:
 * @path: a directory
 * @error: return location
 *
 * Checks that @path is a directory of ours, not a link to one, in which nobody else can write and
 * which nobody else can replace.
 *
 * Returns: %TRUE if so
 */
gboolean
_gspawn_cache_check_private (const char  *path,
                             GError     **error)
{
  g_autofree char *resolved = NULL;
  struct stat st;

  if (lstat (path, &st) < 0)
    {
      _gspawn_command_set_error_from_errno (error, errno, path);
      return FALSE;
    }

  if (!S_ISDIR (st.st_mode) || !is_ours (&st))
    {
      g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_PERM,
                   "%s: not a directory that only its owner, user %u, can write to", path,
                   (guint) geteuid ());
      return FALSE;
    }

  resolved = realpath (path, NULL);
  if (resolved == NULL)
    {
      _gspawn_command_set_error_from_errno (error, errno, path);
      return FALSE;
    }

  return check_ancestors (resolved, error);
}

/**
 * _gspawn_cache_read:
 * @path: a file in a directory that passed _gspawn_cache_check_private()
 * @error: return location
 *
 * Reads a file, unless it is a link or somebody else's.
 *
 * Returns: (transfer full): its content, or %NULL
 */
GBytes *
_gspawn_cache_read (const char  *path,
                    GError     **error)
{
  int fd = open (path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  g_autoptr (GMappedFile) file = NULL;
  struct stat st;
  GBytes *bytes = NULL;

  if (fd < 0)
    {
      _gspawn_command_set_error_from_errno (error, errno, path);
      return NULL;
    }

  if (fstat (fd, &st) < 0 || !S_ISREG (st.st_mode) || !is_ours (&st))
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_PERM,
                 "%s: not a file that only its owner, user %u, can write to", path,
                 (guint) geteuid ());
  else if ((file = g_mapped_file_new_from_fd (fd, FALSE, error)) != NULL)
    bytes = g_mapped_file_get_bytes (file);

  g_close (fd, NULL);
  return bytes;
}
