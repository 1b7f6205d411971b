/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Numbers in the kernel's virtual files: settings under /proc/sys, the attributes of a control
 * group, lines like "Key: 123 kB". Knows no particular file. Writes in place and at once: the
 * kernel takes one write as one setting, so nothing may buffer or replace the file. */

#include "kernel-file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static gboolean
parse_number (const char  *path,
              const char  *text,
              gint64      *number,
              GError     **error)
{
  char *end;
  gint64 value;

  errno = 0;
  value = g_ascii_strtoll (text, &end, 10);
  if (errno != 0 || end == text)
    {
      g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s: no number in “%s”", path, text);
      return FALSE;
    }

  *number = value;
  return TRUE;
}

/* Reads a file that holds one number. */
gboolean
kernel_file_read_number (const char  *path,
                         gint64      *number,
                         GError     **error)
{
  g_autofree char *text = NULL;

  if (!g_file_get_contents (path, &text, NULL, error))
    return FALSE;

  return parse_number (path, g_strstrip (text), number, error);
}

/* Reads the number behind @key, which ends at a colon or a blank, from a file of many lines. */
gboolean
kernel_file_read_field (const char  *path,
                        const char  *key,
                        gint64      *number,
                        GError     **error)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  if (!g_file_get_contents (path, &text, NULL, error))
    return FALSE;

  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    {
      const char *rest;

      if (!g_str_has_prefix (lines[i], key))
        continue;
      rest = lines[i] + strlen (key);
      if (*rest == ':' || *rest == ' ')
        return parse_number (path, rest + 1, number, error);
    }

  g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s: no line “%s”", path, key);
  return FALSE;
}

gboolean
kernel_file_write_number (const char  *path,
                          gint64       number,
                          GError     **error)
{
  g_autofree char *text = g_strdup_printf ("%" G_GINT64_FORMAT, number);
  int saved_errno = 0;
  int fd;

  fd = open (path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write (fd, text, strlen (text)) != (gssize) strlen (text))
    saved_errno = errno;
  if (fd >= 0)
    close (fd);
  if (saved_errno == 0)
    return TRUE;

  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (saved_errno),
               "%s: cannot write %s: %s", path, text, g_strerror (saved_errno));
  return FALSE;
}
