/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* What comes of a launch that nobody waits for: the process, or the error of one that is waited
 * for; when that is known; and that nothing is read of the caller's after it was begun. */

#include "pending-stage.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "launch.h"

/* More than fly at once. */
#define N_CROWD 70
#define N_FLYING 64

static void
test_status (gconstpointer data)
{
  g_autoptr (GSpawnTemplate) tmpl = NULL;
  g_autoptr (GSpawnPending) pending = NULL;
  g_autoptr (GSpawnProcess) process = NULL;

  if (!pending_enter (data))
    return;
  tmpl = pending_template_new ("/bin/sh -c exit\t7");
  pending = pending_begin (tmpl);
  g_assert_cmpint (fcntl (gspawn_pending_get_fd (pending), F_GETFD), ==, FD_CLOEXEC);
  pending_await (pending);
  process = pending_complete (pending);
  g_assert_cmpint (pending_exit_status (process), ==, 7);
}

/* It is decided neither before nor after it is. */
static void
test_decision (gconstpointer data)
{
  struct pollfd pollfd = { .events = POLLIN };
  g_autoptr (GSpawnPending) pending = NULL;
  g_autoptr (GSpawnProcess) process = NULL;
  PendingStall stall;

  if (!pending_enter (data) || !pending_stall_init (&stall, "exit 5"))
    return;
  pending = pending_begin (stall.tmpl);
  scene_stall_await (stall.stall);
  pollfd.fd = gspawn_pending_get_fd (pending);
  g_assert_cmpint (poll (&pollfd, 1, 0), ==, 0);
  g_assert_false (gspawn_pending_poll (pending));
  scene_stall_release (stall.stall);
  pending_await (pending);
  process = pending_complete (pending);
  g_assert_cmpint (pending_exit_status (process), ==, 5);
  pending_stall_clear (&stall);
}

/* Who does not ask first has to wait. */
static void
test_unasked (gconstpointer data)
{
  g_autoptr (GSpawnTemplate) tmpl = NULL;
  g_autoptr (GSpawnPending) pending = NULL;
  g_autoptr (GSpawnProcess) process = NULL;

  if (!pending_enter (data))
    return;
  tmpl = pending_template_new ("/bin/sh -c exit\t3");
  pending = pending_begin (tmpl);
  process = pending_complete (pending);
  g_assert_cmpint (pending_exit_status (process), ==, 3);
}

static void
test_pipes (gconstpointer data)
{
  g_autoptr (GSpawnTemplate) tmpl = NULL;
  g_autoptr (GSpawnPending) pending = NULL;
  g_autoptr (GSpawnProcess) process = NULL;
  g_autofree char *output = NULL;
  g_autofree char *errors = NULL;
  int input;

  if (!pending_enter (data))
    return;
  tmpl = pending_template_new ("/bin/sh -c cat;\techo\terrors\t>&2");
  for (GSpawnStream stream = GSPAWN_STREAM_INPUT; stream <= GSPAWN_STREAM_ERROR; stream++)
    g_assert_true (gspawn_template_set_stream (tmpl, stream, GSPAWN_STREAM_KIND_PIPE, NULL));
  pending = pending_begin (tmpl);
  pending_await (pending);
  process = pending_complete (pending);
  input = gspawn_process_steal_pipe (process, GSPAWN_STREAM_INPUT);
  g_assert_cmpint (write (input, "word", 4), ==, 4);
  close (input);
  output = read_all (gspawn_process_get_pipe (process, GSPAWN_STREAM_OUTPUT));
  errors = read_all (gspawn_process_get_pipe (process, GSPAWN_STREAM_ERROR));
  g_assert_cmpstr (output, ==, "word");
  g_assert_cmpstr (errors, ==, "errors\n");
  g_assert_cmpint (pending_exit_status (process), ==, 0);
}

/* The library keeps what it needs: all else is the caller's again, and its memory is overwritten
 * when it is freed. */
static void
test_freed (gconstpointer data)
{
  g_autoptr (GSpawnPending) pending = NULL;
  g_autoptr (GSpawnProcess) process = NULL;
  g_autofree char *text = NULL;
  GSpawnLaunch *launch;
  PendingStall stall;
  GStrv argv;

  if (!pending_enter (data) || !pending_stall_init (&stall, "print 9 template"))
    return;
  argv = g_strsplit ("print 9 -launch", " ", -1);
  launch = gspawn_launch_new ((const char *const *) argv);
  pending = gspawn_template_begin (stall.tmpl, launch, NULL);
  g_strfreev (argv);
  gspawn_launch_unref (launch);
  gspawn_template_unref (g_steal_pointer (&stall.tmpl));
  scene_stall_await (stall.stall);
  scene_stall_release (stall.stall);
  process = pending_complete (pending);
  g_assert_cmpint (pending_exit_status (process), ==, 0);
  text = pending_stall_read (&stall);
  g_assert_cmpstr (text, ==, "template-launch");
  pending_stall_clear (&stall);
}

/* The environment is that of the moment, even if the strings in it change. */
static void
test_environment (gconstpointer data)
{
  static char variable[] = "PROBE_STEPS=print 9 before";
  g_autoptr (GSpawnPending) pending = NULL;
  g_autoptr (GSpawnProcess) process = NULL;
  g_autofree char *text = NULL;
  PendingStall stall;

  if (!pending_enter (data) || !pending_stall_init (&stall, NULL))
    return;
  g_assert_no_errno (putenv (variable));
  pending = pending_begin (stall.tmpl);
  memcpy (strstr (variable, "before"), "beyond", strlen ("beyond"));
  scene_stall_await (stall.stall);
  g_assert_no_errno (unsetenv ("PROBE_STEPS"));
  scene_stall_release (stall.stall);
  process = pending_complete (pending);
  g_assert_cmpint (pending_exit_status (process), ==, 0);
  text = pending_stall_read (&stall);
  g_assert_cmpstr (text, ==, "before");
  pending_stall_clear (&stall);
}

typedef struct {
  const char *program;
  const char *directory;
} Failing;

static const Failing failing[] = {
  { "/nonexistent/program", NULL },
  { "nonexistent-program", NULL },
  { ".", NULL },
  { "/etc/passwd", NULL },
  { "./no-interpreter", NULL },
  { "/bin/true", "/nonexistent" },
  { "/bin/true", "/etc/passwd" },
};

static GSpawnTemplate *
new_failing (const Failing *row)
{
  GSpawnTemplate *tmpl = pending_template_new (row->program);

  if (row->directory != NULL)
    g_assert_true (gspawn_template_set_working_directory (tmpl, row->directory, NULL));

  return tmpl;
}

/* As for who waits. */
static void
test_errors (gconstpointer data)
{
  if (!pending_enter (data))
    return;
  scene_write ("no-interpreter", 0755, "#!/nonexistent/interpreter\n");
  for (gsize i = 0; i < G_N_ELEMENTS (failing); i++)
    {
      g_autoptr (GSpawnTemplate) tmpl = new_failing (&failing[i]);
      g_autoptr (GError) true_error = NULL;
      g_autoptr (GError) error = NULL;
      g_autoptr (GSpawnPending) pending = NULL;

      g_assert_null (gspawn_template_launch (tmpl, NULL, &true_error));
      pending = pending_begin (tmpl);
      pending_await (pending);
      g_assert_null (gspawn_pending_complete (pending, &error));
      g_assert_nonnull (error);
      g_test_message ("%s", true_error->message);
      g_assert_cmpstr (error->message, ==, true_error->message);
      g_assert_true (g_error_matches (error, true_error->domain, true_error->code));
      g_assert_cmpint (gspawn_pending_get_fd (pending), ==, -1);
    }
}

/* The mask of the thread that begins it, signals of libc's own excepted. */
static void
test_mask (gconstpointer data)
{
  g_autoptr (GSpawnTemplate) tmpl = NULL;
  g_autoptr (GSpawnPending) pending = NULL;
  g_autoptr (GSpawnProcess) process = NULL;
  g_autofree char *text = NULL;
  sigset_t mask, old;

  if (!pending_enter (data))
    return;
  tmpl = pending_template_new ("/bin/grep ^SigBlk: /proc/self/status");
  g_assert_true (gspawn_template_set_stream (tmpl, GSPAWN_STREAM_OUTPUT, GSPAWN_STREAM_KIND_PIPE,
                                             NULL));
  sigemptyset (&mask);
  sigaddset (&mask, SIGUSR2);
  sigaddset (&mask, 40);
  g_assert_cmpint (pthread_sigmask (SIG_SETMASK, &mask, &old), ==, 0);
  pending = pending_begin (tmpl);
  g_assert_cmpint (pthread_sigmask (SIG_SETMASK, &old, NULL), ==, 0);
  process = pending_complete (pending);
  text = read_all (gspawn_process_get_pipe (process, GSPAWN_STREAM_OUTPUT));
  g_assert_cmpstr (text, ==, "SigBlk:\t0000008000000800\n");
  g_assert_cmpint (pending_exit_status (process), ==, 0);
}

/* Those that find no room wait in threads, behind each other. None blocks the caller. */
static void
test_crowd (gconstpointer data)
{
  GSpawnPending *pendings[N_CROWD];
  guint n_flying = 0;
  PendingStall stall;

  if (!pending_enter (data) || !pending_stall_init (&stall, "exit 4"))
    return;
  for (guint i = 0; i < N_CROWD; i++)
    pendings[i] = pending_begin (stall.tmpl);
  scene_stall_await (stall.stall);
  for (guint i = 0; i < N_CROWD; i++)
    g_assert_false (gspawn_pending_poll (pendings[i]));
  scene_stall_release (stall.stall);
  for (guint i = 0; i < N_CROWD; i++)
    {
      g_autoptr (GSpawnProcess) process = gspawn_pending_complete (pendings[i], NULL);

      g_assert_nonnull (process);
      n_flying += gspawn_process_get_launch_kind (process) == GSPAWN_LAUNCH_ASYNCHRONOUS;
      g_assert_cmpint (pending_exit_status (process), ==, 4);
      gspawn_pending_free (pendings[i]);
    }
  g_assert_cmpuint (n_flying, ==,
                    pending_is_expected (GSPAWN_LAUNCH_ASYNCHRONOUS) ? N_FLYING : 0);
  pending_stall_clear (&stall);
}

const Case pending_result_cases[] = {
  PENDING_BOTH ("status", test_status),
  PENDING_BOTH ("decision", test_decision),
  PENDING_BOTH ("unasked", test_unasked),
  PENDING_BOTH ("pipes", test_pipes),
  PENDING_BOTH ("freed", test_freed),
  PENDING_BOTH ("environment", test_environment),
  PENDING_BOTH ("errors", test_errors),
  PENDING_BOTH ("mask", test_mask),
  PENDING_BOTH ("crowd", test_crowd),
  { .name = NULL },
};
