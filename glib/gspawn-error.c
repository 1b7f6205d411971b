/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Makes a GError of a stage and an errno, or of a wait status; the only place that does. The
 * messages are GLib's, which programs parse, and translated by GLib's catalogues. */
#include "config.h"

#include "gspawn-error-private.h"

#include <errno.h>
#include <glib-unix.h>
#include <sys/wait.h>

#define _(message) g_dgettext ("glib20", message)

static const struct {
  int error_number;
  GSpawnError code;
} exec_codes[] = {
  { EACCES, G_SPAWN_ERROR_ACCES },
  { EPERM, G_SPAWN_ERROR_PERM },
  { E2BIG, G_SPAWN_ERROR_TOO_BIG },
  { ENOEXEC, G_SPAWN_ERROR_NOEXEC },
  { ENAMETOOLONG, G_SPAWN_ERROR_NAMETOOLONG },
  { ENOENT, G_SPAWN_ERROR_NOENT },
  { ENOMEM, G_SPAWN_ERROR_NOMEM },
  { ENOTDIR, G_SPAWN_ERROR_NOTDIR },
  { ELOOP, G_SPAWN_ERROR_LOOP },
  { ETXTBSY, G_SPAWN_ERROR_TXTBUSY },
  { EIO, G_SPAWN_ERROR_IO },
  { ENFILE, G_SPAWN_ERROR_NFILE },
  { EMFILE, G_SPAWN_ERROR_MFILE },
  { EINVAL, G_SPAWN_ERROR_INVAL },
  { EISDIR, G_SPAWN_ERROR_ISDIR },
  { ELIBBAD, G_SPAWN_ERROR_LIBBAD },
};

static GSpawnError
exec_code (int error_number)
{
  for (gsize i = 0; i < G_N_ELEMENTS (exec_codes); i++)
    if (exec_codes[i].error_number == error_number)
      return exec_codes[i].code;

  return G_SPAWN_ERROR_FAILED;
}

/* A message of one place, for the reason alone. */
static void
set_plain (GError     **error,
           GSpawnError  code,
           const char  *format,
           const char  *reason)
{
  /* The format is one of the literals below, or a translation that msgfmt has checked. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  g_set_error (error, G_SPAWN_ERROR, code, format, reason);
#pragma GCC diagnostic pop
}

/* A message of two places, for a file name and the reason. */
static void
set_named (GError     **error,
           GSpawnError  code,
           const char  *format,
           const char  *file_name,
           const char  *reason)
{
  g_autofree char *display_name = g_filename_display_name (file_name);

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  g_set_error (error, G_SPAWN_ERROR, code, format, display_name, reason);
#pragma GCC diagnostic pop
}

/*< private >
 * _gspawn_error_set:
 * @error: (out) (optional): where to put it
 * @request: the request that failed
 * @failure: what failed, and why
 */
void
_gspawn_error_set (GError              **error,
                   const GSpawnRequest  *request,
                   const GSpawnFailure  *failure)
{
  const char *reason = g_strerror (failure->error_number);

  switch (failure->stage)
    {
    case GSPAWN_STAGE_PIPE:
      g_set_error_literal (error, G_UNIX_ERROR, 0, reason);
      break;
    case GSPAWN_STAGE_SOURCE:
      g_set_error_literal (error, G_SPAWN_ERROR, G_SPAWN_ERROR_INVAL,
                           _("Invalid file descriptor."));
      break;
    case GSPAWN_STAGE_PROCESS:
      set_plain (error, G_SPAWN_ERROR_FORK, _("Failed to fork (%s)"), reason);
      break;
    case GSPAWN_STAGE_SECOND_PROCESS:
      set_plain (error, G_SPAWN_ERROR_FORK, _("Failed to fork child process (%s)"), reason);
      break;
    case GSPAWN_STAGE_REPORT:
      set_plain (error, G_SPAWN_ERROR_FORK,
                 _("Failed to read enough data from child pid pipe (%s)"), reason);
      break;
    case GSPAWN_STAGE_CHDIR:
      set_named (error, G_SPAWN_ERROR_CHDIR, _("Failed to change to directory “%s” (%s)"),
                 request->working_directory, reason);
      break;
    case GSPAWN_STAGE_OPEN:
      set_plain (error, G_SPAWN_ERROR_FAILED,
                 _("Failed to open file to remap file descriptor (%s)"), reason);
      break;
    case GSPAWN_STAGE_DUP:
      set_plain (error, G_SPAWN_ERROR_FAILED,
                 _("Failed to duplicate file descriptor for child process (%s)"), reason);
      break;
    case GSPAWN_STAGE_PARENTHOOD:
      g_set_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_INVAL,
                   "Attribute “%s” needs a child that is the caller's to wait for",
                   gspawn_attribute_get_name (failure->attribute));
      break;
    case GSPAWN_STAGE_ATTRIBUTE:
      g_set_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED,
                   "Failed to set attribute “%s” of child process (%s)",
                   gspawn_attribute_get_name (failure->attribute), reason);
      break;
    case GSPAWN_STAGE_EXEC:
      set_named (error, exec_code (failure->error_number),
                 _("Failed to execute child process “%s” (%s)"), request->argv[0], reason);
      break;
    default:
      g_assert_not_reached ();
    }
}

/* For what goes wrong in g_spawn_sync() after the launch; @format is a message of GLib's. */
void
_gspawn_error_set_read (GError     **error,
                        const char  *format,
                        int          error_number)
{
  set_plain (error, G_SPAWN_ERROR_READ, _(format), g_strerror (error_number));
}

/*< private >
 * _gspawn_check_wait_status:
 * @wait_status: as waitpid() gives it
 * @error: (out) (optional): the exit code, or how else the process ended
 *
 * Returns: %TRUE if the process exited with 0
 */
gboolean
_gspawn_check_wait_status (int      wait_status,
                           GError **error)
{
  if (WIFEXITED (wait_status) && WEXITSTATUS (wait_status) == 0)
    return TRUE;

  if (WIFEXITED (wait_status))
    g_set_error (error, G_SPAWN_EXIT_ERROR, WEXITSTATUS (wait_status),
                 _("Child process exited with code %ld"), (long) WEXITSTATUS (wait_status));
  else if (WIFSIGNALED (wait_status))
    g_set_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED,
                 _("Child process killed by signal %ld"), (long) WTERMSIG (wait_status));
  else if (WIFSTOPPED (wait_status))
    g_set_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED,
                 _("Child process stopped by signal %ld"), (long) WSTOPSIG (wait_status));
  else
    g_set_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED, _("Child process exited abnormally"));

  return FALSE;
}
