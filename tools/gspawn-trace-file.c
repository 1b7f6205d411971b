/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * The file that the processes of PROGRAM's tree append their records to, seen by the one who reads
 * it while it grows: counts the records in a summary, and forwards their lines to a descriptor.
 *
 * Always a regular file: with a pipe, PROGRAM would hang when nobody reads. Must not wait; the
 * caller polls. */

#include "gspawn-trace-file-private.h"

#include "gspawn-command-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <limits.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

struct _GSpawnTraceFile {
  char *path;
  char *directory;      /* ours, with nothing but the file in it; NULL if the file is the user's */
  int source;
  int watch;            /* inotify; -1 if nobody waits for lines, or the system has no more */
  int sink;             /* where lines are forwarded to; -1 if nowhere */
  gboolean owns_sink;
  GString *pending;     /* lines on their way to the sink */
  GSpawnTraceReader *reader;
  GSpawnSummary *summary;
};

static void
set_trace_error (GError     **error,
                 int          saved_errno,
                 const char  *path)
{
  g_set_error (error, GSPAWN_COMMAND_ERROR, GSPAWN_COMMAND_ERROR_TRACE,
               "cannot write the trace to '%s': %s", path, g_strerror (saved_errno));
}

/* Not waiting for the reader of a named pipe: there may never be one. */
static int
open_to_append (const char  *path,
                GError     **error)
{
  int fd = open (path, O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0666);

  if (fd < 0)
    set_trace_error (error, errno, path);
  return fd;
}

/**
 * _gspawn_trace_file_check:
 * @path: where the user wants the trace
 * @error: return location
 *
 * Makes sure that lines can be appended to @path, which is created if need be.
 *
 * Returns: (transfer full): the absolute path, or %NULL with %GSPAWN_COMMAND_ERROR_TRACE
 */
char *
_gspawn_trace_file_check (const char  *path,
                          GError     **error)
{
  g_autofree char *absolute = g_canonicalize_filename (path, NULL);
  int fd = open_to_append (absolute, error);

  if (fd < 0)
    return NULL;

  g_close (fd, NULL);
  return g_steal_pointer (&absolute);
}

static void
take_record (const GSpawnTraceRecord *record,
             gpointer                 user_data)
{
  GSpawnTraceFile *file = user_data;

  if (file->summary != NULL)
    _gspawn_summary_add (file->summary, record);
  if (file->sink >= 0)
    {
      g_string_append_len (file->pending, record->line, (gssize) record->line_length);
      g_string_append_c (file->pending, '\n');
    }
}

/* A directory of our own: when it is gone, a daemon that PROGRAM left behind cannot create the
 * file anew. */
static gboolean
create_temporary (GSpawnTraceFile  *file,
                  GError          **error)
{
  g_autoptr (GError) local_error = NULL;
  int fd;

  file->directory = g_dir_make_tmp ("gspawn-XXXXXX", &local_error);
  if (file->directory == NULL)
    {
      g_set_error (error, GSPAWN_COMMAND_ERROR, GSPAWN_COMMAND_ERROR_TRACE,
                   "cannot make a directory for the trace: %s", local_error->message);
      return FALSE;
    }

  file->path = g_build_filename (file->directory, "trace", NULL);
  fd = open_to_append (file->path, error);
  if (fd < 0)
    return FALSE;

  g_close (fd, NULL);
  return TRUE;
}

/* What cannot be read back, such as a terminal, becomes the sink. */
static gboolean
choose_file (GSpawnTraceFile  *file,
             const char       *path,
             GError          **error)
{
  struct stat st;
  int fd;

  if (path == NULL)
    return create_temporary (file, error);

  file->path = g_canonicalize_filename (path, NULL);
  fd = open_to_append (file->path, error);
  if (fd < 0)
    return FALSE;

  if (fstat (fd, &st) == 0 && S_ISREG (st.st_mode))
    {
      g_close (fd, NULL);
      return TRUE;
    }

  if (file->sink >= 0)
    {
      g_set_error (error, GSPAWN_COMMAND_ERROR, GSPAWN_COMMAND_ERROR_TRACE,
                   "'%s' is no regular file, so the trace cannot go to standard error as well",
                   file->path);
      g_close (fd, NULL);
      return FALSE;
    }

  file->sink = fd;
  file->owns_sink = TRUE;
  g_clear_pointer (&file->path, g_free);
  return create_temporary (file, error);
}

/* Earlier lines are not of this run. Without a watch, the lines are forwarded at the end. */
static gboolean
open_source (GSpawnTraceFile  *file,
             GError          **error)
{
  g_assert (file->path != NULL);
  file->source = open (file->path, O_RDONLY | O_CLOEXEC);
  if (file->source < 0 || lseek (file->source, 0, SEEK_END) < 0)
    {
      int saved_errno = errno;

      g_set_error (error, GSPAWN_COMMAND_ERROR, GSPAWN_COMMAND_ERROR_TRACE,
                   "cannot read the trace '%s': %s", file->path, g_strerror (saved_errno));
      return FALSE;
    }

  if (file->sink >= 0)
    {
      file->watch = inotify_init1 (IN_NONBLOCK | IN_CLOEXEC);
      if (file->watch >= 0)
        inotify_add_watch (file->watch, file->path, IN_MODIFY);
    }
  return TRUE;
}

/**
 * _gspawn_trace_file_new:
 * @path: (nullable): the file to append to; %NULL for one that is removed in the end
 * @forward: whether lines go to standard error, too
 * @summary: (nullable): what counts the records; must outlive the file
 * @error: return location
 *
 * Opens the file, for reading from its present end on.
 *
 * Returns: (transfer full): the file, or %NULL with %GSPAWN_COMMAND_ERROR_TRACE
 */
GSpawnTraceFile *
_gspawn_trace_file_new (const char     *path,
                        gboolean        forward,
                        GSpawnSummary  *summary,
                        GError        **error)
{
  g_autoptr (GSpawnTraceFile) file = g_new0 (GSpawnTraceFile, 1);

  file->source = file->watch = -1;
  file->sink = forward ? STDERR_FILENO : -1;
  file->pending = g_string_new (NULL);
  file->reader = _gspawn_trace_reader_new (take_record, file);
  file->summary = summary;

  if (!choose_file (file, path, error) || !open_source (file, error))
    return NULL;
  return g_steal_pointer (&file);
}

static void
drop_sink (GSpawnTraceFile *file)
{
  if (file->owns_sink)
    g_close (file->sink, NULL);
  file->owns_sink = FALSE;
  file->sink = -1;
  g_string_truncate (file->pending, 0);
}

void
_gspawn_trace_file_free (GSpawnTraceFile *file)
{
  drop_sink (file);
  if (file->watch >= 0)
    g_close (file->watch, NULL);
  if (file->source >= 0)
    g_close (file->source, NULL);

  if (file->directory != NULL)
    {
      if (file->path != NULL)
        g_unlink (file->path);
      g_rmdir (file->directory);
    }

  _gspawn_trace_reader_free (file->reader);
  g_string_free (file->pending, TRUE);
  g_free (file->directory);
  g_free (file->path);
  g_free (file);
}

const char *
_gspawn_trace_file_get_path (GSpawnTraceFile *file)
{
  return file->path;
}

/* A descriptor that becomes readable when there are new lines to forward, or -1. */
int
_gspawn_trace_file_get_watch (GSpawnTraceFile *file)
{
  return file->watch;
}

int
_gspawn_trace_file_get_sink (GSpawnTraceFile *file)
{
  return file->sink;
}

static gboolean
read_chunk (GSpawnTraceFile *file)
{
  char buffer[65536];
  gssize n = read (file->source, buffer, sizeof buffer);

  if (n <= 0)
    return FALSE;

  _gspawn_trace_reader_push (file->reader, buffer, (gsize) n);
  return TRUE;
}

/* One line at a time, so that it does not mix with what PROGRAM writes; and no more than a pipe
 * that polls as writable takes without making us wait. */
static void
write_line (GSpawnTraceFile *file)
{
  const char *newline = memchr (file->pending->str, '\n', file->pending->len);
  gsize length = newline != NULL ? (gsize) (newline - file->pending->str) + 1 : file->pending->len;
  gssize n = write (file->sink, file->pending->str, MIN (length, PIPE_BUF));

  if (n >= 0)
    g_string_erase (file->pending, 0, n);
  else if (errno != EAGAIN && errno != EINTR)
    drop_sink (file);
}

/**
 * _gspawn_trace_file_advance:
 * @file: a file
 * @writable: whether the sink has been polled and takes a line
 *
 * Reads what is new, as long as no line waits for the sink.
 *
 * Returns: whether a line waits for the sink
 */
gboolean
_gspawn_trace_file_advance (GSpawnTraceFile *file,
                            gboolean         writable)
{
  char events[4096];

  if (writable && file->pending->len > 0)
    write_line (file);
  while (file->watch >= 0 && read (file->watch, events, sizeof events) > 0)
    ;
  while (file->pending->len == 0 && read_chunk (file))
    ;
  return file->pending->len > 0;
}

/**
 * _gspawn_trace_file_get_n_rejected:
 * @file: a file that nobody writes to any more
 *
 * Returns: how many of its lines were no records
 */
guint64
_gspawn_trace_file_get_n_rejected (GSpawnTraceFile *file)
{
  _gspawn_trace_reader_finish (file->reader);
  return _gspawn_trace_reader_get_n_rejected (file->reader);
}
