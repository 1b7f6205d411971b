/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * The trace: one line of JSON per spawn, appended to the file that GSPAWN_TRACE names. Without it
 * a launch pays for one comparison.
 *
 * The lines are made by hand because the core depends on nothing but libglib, which has no writer
 * of JSON; who reads them uses a library. */
#include "config.h"

#include "gspawn-syscall-private.h"
#include "gspawn-trace-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S G_GINT64_CONSTANT (1000000000)
/* Enough for most lines. */
#define LINE_SIZE 512

static const char *
trace_path (void)
{
  static const char *path;
  static gsize initialized = 0;

  if (g_once_init_enter (&initialized))
    {
      const char *setting = _gspawn_getenv ("GSPAWN_TRACE");

      /* The program may change its environment, and its working directory. */
      if (setting != NULL && setting[0] != '\0')
        path = g_canonicalize_filename (setting, NULL);
      g_once_init_leave (&initialized, 1);
    }

  return path;
}

static gint64
clock_ns (clockid_t clock)
{
  struct timespec now;

  clock_gettime (clock, &now);

  return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void
append_escaped (GString    *line,
                const char *string,
                gsize       length)
{
  for (gsize i = 0; i < length; i++)
    if (string[i] == '"' || string[i] == '\\')
      g_string_append_printf (line, "\\%c", string[i]);
    else if ((guchar) string[i] < 0x20 || string[i] == 0x7f)
      g_string_append_printf (line, "\\u%04x", (guint) string[i]);
    else
      g_string_append_c (line, string[i]);
}

/* File names and messages may be anything; JSON is UTF-8. What is not becomes U+FFFD, byte by
 * byte. */
static void
append_string (GString    *line,
               const char *string)
{
  if (string == NULL)
    {
      g_string_append (line, "null");
      return;
    }

  g_string_append_c (line, '"');
  for (;;)
    {
      const char *end;

      g_utf8_validate (string, -1, &end);
      append_escaped (line, string, end - string);
      if (*end == '\0')
        break;
      g_string_append (line, "\357\277\275");
      string = end + 1;
    }
  g_string_append_c (line, '"');
}

static void
append_member (GString    *line,
               const char *name,
               const char *value)
{
  g_string_append_printf (line, ",\"%s\":", name);
  append_string (line, value);
}

static void
append_error (GString      *line,
              const GError *error)
{
  if (error == NULL)
    {
      g_string_append (line, ",\"error\":null");
      return;
    }

  g_string_append (line, ",\"error\":{\"domain\":");
  append_string (line, g_quark_to_string (error->domain));
  g_string_append_printf (line, ",\"code\":%d", error->code);
  append_member (line, "message", error->message);
  g_string_append_c (line, '}');
}

/* A pipe could hold the program up, or end it by SIGPIPE. Returns −1 with errno set. */
static int
open_trace (const char *path)
{
  int fd = open (path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
  struct stat status;

  if (fd >= 0 && fstat (fd, &status) == 0 && S_ISFIFO (status.st_mode))
    {
      close (fd);
      errno = ESPIPE;
      return -1;
    }

  return fd;
}

/* One write at the end of the file: lines of many processes do not mix. Where the file has reached
 * the limit of file sizes, the kernel sends the writing thread a signal that would end the program;
 * it is taken back. Returns 0 or the error number. */
static int
append_line (int            fd,
             const GString *line)
{
  static const struct timespec at_once = { 0 };
  SysSignalSet too_large = { 0 };
  SysSignalSet pending, old;
  long size;

  sys_signal_set_add (&too_large, SIGXFSZ);
  sys_block_signals (&old);
  sys_call2 (SYS_rt_sigpending, &pending, sizeof pending);

  size = sys_call3 (SYS_write, fd, line->str, line->len);
  if (size == -EFBIG && !sys_signal_set_has (&pending, SIGXFSZ))
    sys_call4 (SYS_rt_sigtimedwait, &too_large, NULL, &at_once, sizeof too_large);
  sys_set_signal_mask (&old, NULL);

  if (size < 0)
    return (int) -size;

  return size < (long) line->len ? ENOSPC : 0;
}

/* The file is opened anew each time, for a descriptor of ours might be closed, and its number used,
 * by the program. */
static void
write_line (const char    *path,
            const GString *line)
{
  static int warned = FALSE;
  int fd = open_trace (path);
  int error_number = fd >= 0 ? append_line (fd, line) : errno;

  if (fd >= 0)
    close (fd);

  /* No warning, which a program may take as fatal: it has done nothing wrong. */
  if (error_number != 0 && g_atomic_int_compare_and_exchange (&warned, FALSE, TRUE))
    g_message ("GSPAWN_TRACE: cannot write to “%s” (%s)", path, g_strerror (error_number));
}

/* Returns: what _gspawn_trace_end() wants back: when it was, or 0 where nothing is traced. */
gint64
_gspawn_trace_begin (void)
{
  return trace_path () != NULL ? clock_ns (CLOCK_MONOTONIC) : 0;
}

static void
append_route (GString           *line,
              const GSpawnRoute *route)
{
  append_member (line, "engine",
                 route != NULL && route->launch != NULL ? gspawn_engine_get_name (route->engine)
                                                        : NULL);
  if (route == NULL)
    {
      append_member (line, "reason", NULL);
      return;
    }

  g_string_append (line, ",\"reason\":\"");
  _gspawn_route_append_reason (route, line);
  g_string_append_c (line, '"');
}

/* @route is NULL if the launch failed before there was one, @error where it succeeded. */
void
_gspawn_trace_end (gint64               begin,
                   const GSpawnRequest *request,
                   const GSpawnRoute   *route,
                   GPid                 pid,
                   const GError        *error)
{
  /* A GString of its own would come from GLib's slices, whose lock a copy of a process of many
   * threads may wait for without an end (until GLib 2.76). */
  GString line = { .allocated_len = LINE_SIZE };
  gint64 duration, now;

  if (begin == 0)
    return;

  duration = clock_ns (CLOCK_MONOTONIC) - begin;
  now = clock_ns (CLOCK_REALTIME);

  line.str = g_malloc0 (line.allocated_len);
  /* A floating point number would be printed with the locale's comma. */
  g_string_append_printf (&line, "{\"time\":%" G_GINT64_FORMAT ".%06" G_GINT64_FORMAT,
                          now / NS_PER_S, now % NS_PER_S / 1000);
  g_string_append_printf (&line, ",\"pid\":%d", (int) getpid ());
  append_member (&line, "program", program_invocation_short_name);
  append_member (&line, "function", request->function);
  append_member (&line, "command", request->argv[0]);
  append_route (&line, route);
  if (error == NULL)
    g_string_append_printf (&line, ",\"child\":%d", (int) pid);
  else
    g_string_append (&line, ",\"child\":null");
  g_string_append_printf (&line, ",\"microseconds\":%" G_GINT64_FORMAT ".%03" G_GINT64_FORMAT,
                          duration / 1000, duration % 1000);
  append_error (&line, error);
  g_string_append (&line, "}\n");

  write_line (trace_path (), &line);
  g_free (line.str);
}
