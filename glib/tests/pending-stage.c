/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Launches that nobody waits for: by whom they are made, and programs that come to their exec and
 * no further until a test lets them. */

#include "pending-stage.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch.h"

#define NOBODY 65534

/* What the program of a stall writes to. */
#define LINE_FD 9

const GSpawnLaunchKind pending_asynchronous = GSPAWN_LAUNCH_ASYNCHRONOUS;
const GSpawnLaunchKind pending_worker = GSPAWN_LAUNCH_WORKER;

static GSpawnLaunchKind expected_kind;

static gboolean
engine_can_fly (void)
{
  const char *detail = NULL;

  return g_strcmp0 (g_getenv ("GSPAWN_ENGINE"), "clone") == 0 &&
         gspawn_engine_is_available (GSPAWN_ENGINE_CLONE, &detail) &&
         g_str_has_prefix (detail, "clone3()");
}

static void
become_nobody (void)
{
  if (geteuid () != 0)
    return;

  if (chown (".", NOBODY, NOBODY) < 0 || setgroups (0, NULL) < 0 ||
      setresgid (NOBODY, NOBODY, NOBODY) < 0 || setresuid (NOBODY, NOBODY, NOBODY) < 0 ||
      prctl (PR_SET_DUMPABLE, 1) < 0)
    g_error ("To become nobody: %s", g_strerror (errno));
}

/*
 * pending_enter: (skip)
 * @kind: how the running case wants to launch
 *
 * Makes the caller one whose launches are of that kind, where the engine has it.
 *
 * Returns: whether that can be; if not, the case is skipped
 */
gboolean
pending_enter (const GSpawnLaunchKind *kind)
{
  /* Not what these cases are about. */
  g_unsetenv ("GSPAWN_TRACE");
  expected_kind = GSPAWN_LAUNCH_WORKER;
  if (*kind == GSPAWN_LAUNCH_WORKER)
    return geteuid () == 0 || !engine_can_fly () ||
           !case_skip ("Only who is root has no asynchronous launches");

  become_nobody ();
  if (engine_can_fly ())
    expected_kind = GSPAWN_LAUNCH_ASYNCHRONOUS;
  if (access (probe_get_path (), X_OK) < 0)
    return !case_skip ("The tests are at a place that nobody but root can reach");

  return TRUE;
}

/* Whether launches of the running case are of this kind. */
gboolean
pending_is_expected (GSpawnLaunchKind kind)
{
  return kind == expected_kind;
}

/*
 * pending_template_new: (skip)
 * @line: a program and its arguments, between blanks
 *
 * Returns: (transfer full): a template for it that depends on nothing of the caller's
 */
GSpawnTemplate *
pending_template_new (const char *line)
{
  g_auto (GStrv) argv = g_strsplit (line, " ", -1);
  g_autoptr (GError) error = NULL;
  GSpawnTemplate *tmpl = gspawn_template_new ((const char *const *) argv, 0, &error);

  if (tmpl == NULL)
    g_error ("%s", error->message);

  return tmpl;
}

GSpawnPending *
pending_begin (GSpawnTemplate *tmpl)
{
  g_autoptr (GError) error = NULL;
  GSpawnPending *pending = gspawn_template_begin (tmpl, NULL, &error);

  if (pending == NULL)
    g_error ("%s", error->message);

  return pending;
}

/* Until it is decided. */
void
pending_await (GSpawnPending *pending)
{
  struct pollfd pollfd = { .fd = gspawn_pending_get_fd (pending), .events = POLLIN };
  int n;

  do
    n = poll (&pollfd, 1, PENDING_DEADLINE_MS);
  while (n < 0 && errno == EINTR);
  g_assert_cmpint (n, ==, 1);
  g_assert_cmpint (pollfd.revents & POLLIN, ==, POLLIN);
  g_assert_true (gspawn_pending_poll (pending));
}

/* Returns the process of a launch that must be good, and of the expected kind. */
GSpawnProcess *
pending_complete (GSpawnPending *pending)
{
  g_autoptr (GError) error = NULL;
  GSpawnProcess *process = gspawn_pending_complete (pending, &error);

  if (process == NULL)
    g_error ("%s", error != NULL ? error->message : "There is no error");
  g_assert_no_error (error);
  g_assert_cmpint (gspawn_process_get_launch_kind (process), ==, expected_kind);
  g_assert_cmpint (gspawn_pending_get_fd (pending), ==, -1);
  g_assert_true (gspawn_pending_poll (pending));
  g_assert_false (gspawn_pending_cancel (pending));

  return process;
}

int
pending_exit_status (GSpawnProcess *process)
{
  g_autoptr (GError) error = NULL;
  int status = -1;

  gspawn_process_wait (process, &status, &error);
  g_assert_no_error (error);

  return WIFEXITED (status) ? WEXITSTATUS (status) : -1;
}

void
pending_assert_cancelled (GSpawnPending *pending)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSpawnProcess) process = gspawn_pending_complete (pending, &error);

  g_assert_null (process);
  g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "was cancelled"));
}

/* Nobody tells of a zombie that is gone. */
void
pending_await_no_child (void)
{
  gint64 deadline = g_get_monotonic_time () + PENDING_DEADLINE_MS * G_TIME_SPAN_MILLISECOND;
  siginfo_t info;

  while (waitid (P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0)
    {
      if (g_get_monotonic_time () > deadline)
        {
          g_test_message ("A child is left");
          g_test_fail ();
          return;
        }
      sched_yield ();
    }
}

/* Until a child is a zombie, or gone. */
void
pending_await_end (pid_t pid)
{
  siginfo_t info;

  while (waitid (P_PID, (id_t) pid, &info, WEXITED | WNOWAIT | __WALL) < 0 && errno == EINTR)
    ;
}

/*
 * pending_find_children: (skip)
 * @middle: (out): the process in the middle of the only launch
 * @program: (out): the program's
 *
 * In the order of their births.
 */
void
pending_find_children (pid_t *middle,
                       pid_t *program)
{
  g_autoptr (GArray) children = scene_list_children ();

  g_assert_cmpuint (children->len, ==, 2);
  *middle = g_array_index (children, pid_t, 0);
  *program = g_array_index (children, pid_t, 1);
}

/*
 * pending_stall_init: (skip)
 * @self: (out caller-allocates): a template whose program waits at its exec
 * @steps: (nullable): what the probe does once it is let; it can write to descriptor 9
 *
 * Returns: whether that can be; if not, the case is skipped
 */
gboolean
pending_stall_init (PendingStall *self,
                    const char   *steps)
{
  g_autofree char *line = NULL;
  int ends[2];

  *self = (PendingStall) { .program = scene_copy_probe ("stalled"), .line = -1 };
  self->stall = scene_stall_new (self->program);
  if (self->stall == NULL)
    {
      g_free (self->program);
      case_skip ("There are no leases on files here");
      return FALSE;
    }

  g_assert_no_errno (pipe2 (ends, O_CLOEXEC));
  line = g_strconcat (self->program, steps != NULL ? " " : NULL, steps, NULL);
  self->tmpl = pending_template_new (line);
  self->line = ends[0];
  g_assert_no_errno (fcntl (self->line, F_SETFL, O_NONBLOCK));
  g_assert_true (gspawn_template_set_fd (self->tmpl, ends[1], LINE_FD, NULL));
  close (ends[1]);

  return TRUE;
}

/* What was written by now. */
char *
pending_stall_read (PendingStall *self)
{
  char text[64];
  ssize_t n = read (self->line, text, sizeof text);

  if (n < 0 && errno != EAGAIN)
    g_error ("read: %s", g_strerror (errno));

  return g_strndup (text, (gsize) MAX (n, 0));
}

/* All that is written until nobody is left who could; what was begun here must have ended. */
char *
pending_stall_read_to_end (PendingStall *self)
{
  g_clear_pointer (&self->tmpl, gspawn_template_unref);
  g_assert_no_errno (fcntl (self->line, F_SETFL, 0));

  return read_all (self->line);
}

void
pending_stall_clear (PendingStall *self)
{
  close (self->line);
  scene_stall_free (self->stall);
  g_clear_pointer (&self->tmpl, gspawn_template_unref);
  unlink (self->program);
  g_free (self->program);
}
