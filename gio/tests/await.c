/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * What the tests of templates and processes share: asynchronous calls that are waited for, and
 * programs to launch. */
#include "await.h"

#include "guard.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void
await_ready (GObject      *source G_GNUC_UNUSED,
             GAsyncResult *result,
             gpointer      awaited)
{
  Awaited *self = awaited;

  g_assert_null (self->result);
  self->result = g_object_ref (result);
  self->thread = g_thread_self ();
}

/* Gives the reference away. */
GAsyncResult *
await (Awaited *awaited)
{
  GMainContext *context = g_main_context_ref_thread_default ();

  while (awaited->result == NULL)
    g_main_context_iteration (context, TRUE);
  g_main_context_unref (context);

  return g_steal_pointer (&awaited->result);
}

GSpawnGioProcess *
await_launch (GSpawnGioTemplate  *tmpl,
              Awaited            *awaited,
              GError            **error)
{
  g_autoptr (GAsyncResult) result = await (awaited);

  return gspawn_gio_template_launch_finish (tmpl, result, error);
}

gboolean
await_end (GSpawnGioProcess  *process,
           Awaited           *awaited,
           GError           **error)
{
  g_autoptr (GAsyncResult) result = await (awaited);

  return gspawn_gio_process_wait_finish (process, result, error);
}

GSpawnGioTemplate *
make_script (const char *script)
{
  const char *const argv[] = { "/bin/sh", "-c", script, "sh", NULL };
  g_autoptr (GError) error = NULL;
  GSpawnGioTemplate *tmpl = gspawn_gio_template_new (argv, G_SPAWN_DEFAULT, &error);

  g_assert_no_error (error);

  return tmpl;
}

/* A process that runs until release_held(). */
GSpawnGioProcess *
launch_held (void)
{
  g_autoptr (GSpawnGioTemplate) tmpl = make_script ("read line");
  g_autoptr (GError) error = NULL;
  GSpawnGioProcess *process;

  gspawn_gio_template_set_stream (tmpl, GSPAWN_STREAM_INPUT, GSPAWN_STREAM_KIND_PIPE, &error);
  g_assert_no_error (error);
  process = gspawn_gio_template_launch (tmpl, NULL, &error);
  g_assert_no_error (error);

  return process;
}

void
release_held (GSpawnGioProcess *process)
{
  g_autoptr (GError) error = NULL;

  g_output_stream_write_all (gspawn_gio_process_get_stdin_pipe (process), "\n", 1, NULL, NULL,
                             &error);
  g_assert_no_error (error);
}

void
assert_exits (GSpawnGioProcess *process,
              int               exit_status)
{
  g_autoptr (GError) error = NULL;

  gspawn_gio_process_wait (process, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (gspawn_gio_process_get_if_exited (process));
  g_assert_cmpint (gspawn_gio_process_get_exit_status (process), ==, exit_status);
}

void
make_pipe (int *read_end,
           int *write_end)
{
  g_autoptr (GError) error = NULL;
  int ends[2];

  g_unix_open_pipe (ends, FD_CLOEXEC, &error);
  g_assert_no_error (error);
  *read_end = ends[0];
  *write_end = ends[1];
}

/* Closes @fd. */
char *
read_to_end (int fd)
{
  GString *text = g_string_new (NULL);
  char buffer[64];
  gssize n;

  while ((n = read (fd, buffer, sizeof buffer)) > 0 || (n < 0 && errno == EINTR))
    g_string_append_len (text, buffer, MAX (n, 0));
  g_assert_cmpint (n, ==, 0);
  close (fd);

  return g_string_free (text, FALSE);
}

guint
count_descriptors (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/fd", 0, NULL);
  guint n = 0;

  g_assert_nonnull (dir);
  while (g_dir_read_name (dir) != NULL)
    n++;

  return n;
}

static gboolean
has_child (void)
{
  siginfo_t info;

  return waitid (P_ALL, 0, &info, WEXITED | WNOWAIT | WNOHANG | __WALL) == 0;
}

/* What nobody here has any more is seen to by a thread of the library's, in a moment. If it is not,
 * the guard says what is left. */
static void
run_until_quiet (gconstpointer data)
{
  GTestFunc func = (GTestFunc) data;
  guint n = count_descriptors ();
  gint64 deadline;

  func ();
  deadline = g_get_monotonic_time () + 10 * G_TIME_SPAN_SECOND;
  while ((has_child () || count_descriptors () != n) && g_get_monotonic_time () < deadline)
    g_thread_yield ();
}

void
add_test (const char *path,
          GTestFunc   func)
{
  guard_add_data_func (path, (gconstpointer) func, run_until_quiet);
}
