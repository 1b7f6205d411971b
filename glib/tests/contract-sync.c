/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Points 29 and 30: a child whose output is read to its end before it is waited for, and what its
 * wait status means. */

#include "contract.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch.h"
#include "scene.h"

#define N_BYTES 1000000
#define N_BYTES_TEXT "1000000"
#define ECHILD_WARNING "GLib: *g_spawn_sync*ECHILD*"
#define TICK_US 500
#define N_INTERRUPTED 50

static void
check_alphabet (const char *text,
                gsize       length)
{
  gsize i = 0;

  g_assert_nonnull (text);
  g_assert_cmpuint (strlen (text), ==, length);
  while (i < length && text[i] == (char) ('a' + i % 26))
    i++;
  g_assert_cmpuint (i, ==, length);
}

/* More than a pipe holds, on each of them, one after the other and at the same time. */
static void
test_much_output (void)
{
  static const char *const orders[][4] = {
    { "out", N_BYTES_TEXT, "err", N_BYTES_TEXT },
    { "err", N_BYTES_TEXT, "out", N_BYTES_TEXT },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (orders); i++)
    {
      g_auto (Launch) launch;
      g_autoptr (GError) error = NULL;
      g_autofree char *output = NULL;
      g_autofree char *errors = NULL;
      int status = -1;

      launch_init (&launch, G_SPAWN_DEFAULT, NULL, orders[i][0], orders[i][1], orders[i][2],
                   orders[i][3], "exit", "4", NULL);
      g_assert_true (launch_sync (&launch, &output, &errors, &status, &error));
      g_assert_no_error (error);
      check_alphabet (output, N_BYTES);
      check_alphabet (errors, N_BYTES);
      g_assert_cmpint (status, ==, 4 << 8);
    }
}

static void
test_no_output (void)
{
  g_auto (Launch) launch;
  g_autofree char *output = NULL;
  g_autofree char *errors = NULL;

  launch_init (&launch, G_SPAWN_DEFAULT, NULL, "exit", "0", NULL);
  g_assert_true (launch_sync (&launch, &output, &errors, NULL, NULL));
  g_assert_cmpstr (output, ==, "");
  g_assert_cmpstr (errors, ==, "");
}

/* What is not asked for is the caller's own stream. */
static void
test_inherited_output (void)
{
  g_auto (Launch) launch;
  g_autofree char *output = NULL;
  g_autofree char *written = NULL;

  launch_init (&launch, G_SPAWN_DEFAULT, NULL, "print", "1", "a", "print", "2", "b", NULL);
  g_assert_true (launch_sync (&launch, &output, NULL, NULL, NULL));
  g_assert_cmpstr (output, ==, "a");
  g_assert_true (g_file_get_contents ("standard-error", &written, NULL, NULL));
  g_assert_cmpstr (written, ==, "b");
}

static void
test_killed (void)
{
  g_auto (Launch) launch;
  int status = -1;

  launch_init (&launch, G_SPAWN_DEFAULT, NULL, "kill", "15", NULL);
  g_assert_true (launch_sync (&launch, NULL, NULL, &status, NULL));
  g_assert_true (WIFSIGNALED (status));
  g_assert_cmpint (WTERMSIG (status), ==, SIGTERM);
}

/* The output ends when nobody has it open any more, and not when the child has ended. */
static void
test_grandchild (void)
{
  g_auto (Launch) launch;
  g_autofree char *output = NULL;
  int status = -1;

  launch_init (&launch, G_SPAWN_DEFAULT, NULL, "background", "out", N_BYTES_TEXT, NULL);
  g_assert_true (launch_sync (&launch, &output, NULL, &status, NULL));
  check_alphabet (output, N_BYTES);
  g_assert_cmpint (status, ==, 0);
}

/* Only its own child is waited for: another that has ended stays to be waited for. */
static void
test_own_child_only (void)
{
  g_auto (Launch) other;
  g_auto (Launch) launch;
  siginfo_t info = { 0 };
  int status = -1;

  launch_init (&other, G_SPAWN_DO_NOT_REAP_CHILD, NULL, "exit", "6", NULL);
  g_assert_true (launch_start (&other, NULL));
  g_assert_no_errno (waitid (P_PID, (id_t) other.pid, &info, WEXITED | WNOWAIT));

  launch_init (&launch, G_SPAWN_DEFAULT, NULL, "exit", "7", NULL);
  g_assert_true (launch_sync (&launch, NULL, NULL, &status, NULL));
  g_assert_cmpint (status, ==, 7 << 8);
  g_assert_cmpint (launch_wait (&other), ==, 6 << 8);
}

/* The write end of a pipe at whose end the child's output ends. */
static int held_fd = -1;

static void
reap_and_let_go (int number G_GNUC_UNUSED)
{
  int saved_errno = errno;

  while (waitpid (-1, NULL, WNOHANG) > 0)
    ;
  close (held_fd);
  errno = saved_errno;
}

/* Leaves the bits of @filler where the next call's variables will be. */
G_NO_INLINE static guint
dirty_stack (int filler)
{
  volatile char block[8192];
  guint sum = 0;

  for (gsize i = 0; i < sizeof block; i++)
    block[i] = (char) filler;
  for (gsize i = 0; i < sizeof block; i++)
    sum += (guint) block[i];

  return sum;
}

/* The status is lost, so the call succeeds and says so once; what it stores instead must not be
 * whatever was there. */
static void
check_lost_status (Launch   *launch,
                   gboolean  ask,
                   int       filler)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *output = NULL;
  int status = filler;

  dirty_stack (filler);
  g_assert_true (launch_sync (launch, &output, NULL, ask ? &status : NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (output, ==, "text");
  if (ask)
    {
      case_expect_log (ECHILD_WARNING);
      g_assert_cmpint (status, ==, 0);
    }
}

/* The process that was started ends at once and is reaped by the handler; a child of its own
 * keeps the output open until then, so the handler comes first. */
static void
check_stolen (gboolean ask,
              int      filler)
{
  struct sigaction action = { .sa_handler = reap_and_let_go };
  g_auto (Launch) launch;
  int fds[2];

  g_assert_no_errno (pipe2 (fds, O_CLOEXEC));
  g_assert_no_errno (dup2 (fds[0], 20));
  held_fd = fcntl (fds[1], F_DUPFD_CLOEXEC, CASE_FIRST_OWN_FD);
  scene_close (fds[0]);
  scene_close (fds[1]);
  g_assert_no_errno (sigaction (SIGCHLD, &action, NULL));

  launch_init (&launch, G_SPAWN_LEAVE_DESCRIPTORS_OPEN, NULL, "background", "wait-fd", "20",
               "print", "1", "text", NULL);
  check_lost_status (&launch, ask, filler);

  scene_default_signal (SIGCHLD);
  scene_close (20);
}

static void
test_stolen (void)
{
  check_stolen (TRUE, 0x55);
  check_stolen (TRUE, 0xaa);
}

static void
test_stolen_unasked (void)
{
  check_stolen (FALSE, 0);
}

static void
check_ignored (gboolean ask,
               int      filler)
{
  g_auto (Launch) launch;

  scene_ignore_signal (SIGCHLD);
  launch_init (&launch, G_SPAWN_DEFAULT, NULL, "print", "1", "text", "exit", "3", NULL);
  check_lost_status (&launch, ask, filler);
  scene_default_signal (SIGCHLD);
}

static void
test_ignored (void)
{
  check_ignored (TRUE, 0x55);
  check_ignored (TRUE, 0xaa);
}

static void
test_ignored_unasked (void)
{
  check_ignored (FALSE, 0);
}

/* Failures and reaped children wait for processes of their own, which may be gone as well. */
static void
test_ignored_async (void)
{
  g_auto (Launch) launch;
  g_autoptr (GKeyFile) report = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (Launch) failing;

  scene_ignore_signal (SIGCHLD);
  launch_init (&launch, G_SPAWN_DEFAULT, NULL, NULL);
  report = launch_report (&launch);
  g_assert_nonnull (report);

  launch_init (&failing, G_SPAWN_DO_NOT_REAP_CHILD, "/missing/program", NULL);
  g_assert_false (launch_start (&failing, &error));
  g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT);
  scene_default_signal (SIGCHLD);
}

static void
do_nothing (int number G_GNUC_UNUSED)
{
}

/* Every system call that can be interrupted is, again and again. */
static void
test_interrupted (void)
{
  struct sigaction action = { .sa_handler = do_nothing };
  struct itimerval tick = { { 0, TICK_US }, { 0, TICK_US } };

  g_assert_no_errno (sigaction (SIGALRM, &action, NULL));
  g_assert_no_errno (setitimer (ITIMER_REAL, &tick, NULL));
  for (int i = 0; i < N_INTERRUPTED; i++)
    {
      g_auto (Launch) launch;
      g_auto (Launch) reaped;
      g_autoptr (GError) error = NULL;
      g_autofree char *output = NULL;
      g_autofree char *errors = NULL;
      int status = -1;

      launch_init (&launch, G_SPAWN_DEFAULT, NULL, "out", "100000", "err", "100000", "exit", "4",
                   NULL);
      g_assert_true (launch_sync (&launch, &output, &errors, &status, &error));
      g_assert_no_error (error);
      check_alphabet (output, 100000);
      check_alphabet (errors, 100000);
      g_assert_cmpint (status, ==, 4 << 8);

      launch_init (&reaped, G_SPAWN_DEFAULT, NULL, "exit", "0", NULL);
      g_assert_true (launch_start (&reaped, &error));
      g_assert_no_error (error);
    }
  tick = (struct itimerval) { { 0, 0 }, { 0, 0 } };
  g_assert_no_errno (setitimer (ITIMER_REAL, &tick, NULL));
  scene_default_signal (SIGALRM);
}

typedef struct {
  int status;
  const char *domain;       /* NULL: no error */
  int code;
  const char *message;
} StatusRow;

static const StatusRow status_rows[] = {
  { 0, NULL, 0, NULL },
  { 1 << 8, "g-spawn-exit-error-quark", 1, "Child process exited with code 1" },
  { 255 << 8, "g-spawn-exit-error-quark", 255, "Child process exited with code 255" },
  { SIGTERM, "g-exec-error-quark", G_SPAWN_ERROR_FAILED, "Child process killed by signal 15" },
  { SIGSEGV | 0x80, "g-exec-error-quark", G_SPAWN_ERROR_FAILED,
    "Child process killed by signal 11" },
  { SIGSTOP << 8 | 0x7f, "g-exec-error-quark", G_SPAWN_ERROR_FAILED,
    "Child process stopped by signal 19" },
  { 0xffff, "g-exec-error-quark", G_SPAWN_ERROR_FAILED, "Child process exited abnormally" },
};

static void
check_status (const StatusRow *row,
              gboolean         result,
              const GError    *error)
{
  g_assert_cmpint (result, ==, row->domain == NULL);
  if (row->domain == NULL)
    {
      g_assert_no_error (error);
      return;
    }

  g_assert_error (error, g_quark_from_static_string (row->domain), row->code);
  if (error != NULL)
    g_assert_cmpstr (error->message, ==, row->message);
}

static void
test_check_wait_status (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (status_rows); i++)
    {
      g_autoptr (GError) error = NULL;
      gboolean result = g_spawn_check_wait_status (status_rows[i].status, &error);

      check_status (&status_rows[i], result, error);
      g_assert_cmpint (g_spawn_check_wait_status (status_rows[i].status, NULL), ==, result);
    }
}

/* The old name of the same. */
static void
test_check_exit_status (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (status_rows); i++)
    {
      g_autoptr (GError) error = NULL;
      gboolean result;

      G_GNUC_BEGIN_IGNORE_DEPRECATIONS
      result = g_spawn_check_exit_status (status_rows[i].status, &error);
      G_GNUC_END_IGNORE_DEPRECATIONS
      check_status (&status_rows[i], result, error);
    }
}

#define UNDEFINED_STATUS \
  "When somebody else has waited for the child of `g_spawn_sync()` the wait status is not defined."

const Case sync_cases[] = {
  { .name = "29-much-output", .run = test_much_output },
  { .name = "29-no-output", .run = test_no_output },
  { .name = "29-inherited-output", .run = test_inherited_output },
  { .name = "29-killed", .run = test_killed },
  { .name = "29-grandchild", .run = test_grandchild },
  { .name = "29-own-child-only", .run = test_own_child_only },
  { .name = "29-stolen", .run = test_stolen, .verdict = GLIB_FAILS,
    .difference = UNDEFINED_STATUS },
  { .name = "29-stolen-unasked", .run = test_stolen_unasked },
  { .name = "29-ignored", .run = test_ignored, .verdict = GLIB_FAILS,
    .difference = UNDEFINED_STATUS },
  { .name = "29-ignored-unasked", .run = test_ignored_unasked },
  { .name = "29-ignored-async", .run = test_ignored_async },
  { .name = "29-interrupted", .run = test_interrupted },
  { .name = "30-check-wait-status", .run = test_check_wait_status },
  { .name = "30-check-exit-status", .run = test_check_exit_status },
  { .name = NULL }
};
