/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Signals to processes: which are sent, which refused and why, and that none reaches another that
 * has got the number since. */

#include "process-stage.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch.h"
#include "scene.h"
#include "seccomp-profile.h"

/* Unless HUNTS_VARIABLE says otherwise. */
#define N_HUNTS 50
#define HUNTS_VARIABLE "GSPAWN_TEST_HUNTS"
#define N_HUNTERS 2
/* What each of them tries when the number is certainly another's. */
#define N_LATE_SHOTS 20
#define N_TRIES 100

static void
test_sent (gconstpointer data)
{
  static const int numbers[] = { SIGTERM, SIGKILL, SIGUSR1, 34, 63, 64 };
  const StageFlags *flags = data;

  for (gsize i = 0; i < G_N_ELEMENTS (numbers) - stage_has_valgrind (); i++)
    {
      g_autoptr (GSpawnProcess) process = stage_launch ("wait-fd 0", *flags | STAGE_HELD);
      g_autoptr (GError) error = NULL;
      int status = -1;

      g_assert_true (gspawn_process_send_signal (process, 0, &error));
      g_assert_true (gspawn_process_send_signal (process, numbers[i], &error));
      g_assert_no_error (error);
      g_assert_true (gspawn_process_wait (process, &status, NULL));
      g_assert_cmphex (status, ==, numbers[i]);
    }
}

/* Neither is the process harmed. */
static void
test_invalid (gconstpointer data)
{
  static const int numbers[] = { -1, -SIGTERM, G_MININT, 65, 1000, G_MAXINT };
  const StageFlags *flags = data;
  g_autoptr (GSpawnProcess) process = stage_launch ("wait-fd 0", *flags | STAGE_HELD);

  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (gspawn_process_send_signal (process, numbers[i], &error));
      g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_INVAL);
      g_assert_nonnull (strstr (error->message, g_strerror (EINVAL)));
    }
  stage_release (process);
  g_assert_true (gspawn_process_wait_check (process, NULL));
}

/* Waited for or still a zombie: it is the same. */
static void
test_ended (gconstpointer data)
{
  const StageFlags *flags = data;

  for (int waits = 0; waits <= 1; waits++)
    {
      g_autoptr (GSpawnProcess) process = stage_launch ("exit 3", *flags);
      g_autofree char *number = g_strdup_printf ("%d", gspawn_process_get_pid (process));
      int status = -1;

      stage_await_end (process);
      if (waits == 1)
        g_assert_true (gspawn_process_wait (process, NULL, NULL));
      for (int signal_number = 0; signal_number <= SIGKILL; signal_number += SIGKILL)
        {
          g_autoptr (GError) error = NULL;

          g_assert_false (gspawn_process_send_signal (process, signal_number, &error));
          g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED);
          g_assert_nonnull (strstr (error->message, number));
        }
      g_assert_true (gspawn_process_wait (process, &status, NULL));
      g_assert_cmphex (status, ==, 3 << 8);
    }
}

static void
test_forbidden (gconstpointer data)
{
  const StageFlags *flags = data;
  g_autoptr (GSpawnProcess) process = NULL;
  g_autoptr (GError) error = NULL;

  if (geteuid () != 0)
    {
      case_skip ("There is no other user to become");
      return;
    }

  process = stage_launch ("wait-fd 0", *flags | STAGE_HELD);
  stage_become_nobody ();
  g_assert_false (gspawn_process_send_signal (process, SIGTERM, &error));
  g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_PERM);
  g_assert_nonnull (strstr (error->message, g_strerror (EPERM)));
  stage_become_root ();
  stage_release (process);
  g_assert_true (gspawn_process_wait_check (process, NULL));
}

/* A sandbox of before the descriptors, in which there are some all the same. */
typedef struct {
  unsigned int error_number;
} Sandbox;

static const Sandbox sandbox_eperm = { EPERM };
static const Sandbox sandbox_enosys = { ENOSYS };

static void
test_sandbox (gconstpointer data)
{
  const Sandbox *sandbox = data;
  const SeccompRule rules[] = {
    SECCOMP_ALL (SYS_pidfd_send_signal, SECCOMP_FAIL (sandbox->error_number)),
    SECCOMP_IF_EQUAL (SYS_waitid, 0, G_MAXUINT, 3, SECCOMP_FAIL (EINVAL)),
    SECCOMP_END
  };
  g_autoptr (GSpawnProcess) process = NULL;
  g_autoptr (GError) error = NULL;
  int status = -1;

  if (stage_has_valgrind ())
    {
      case_skip_anywhere ("Valgrind has no seccomp filters");
      return;
    }

  process = stage_launch ("wait-fd 0", STAGE_HELD);
  seccomp_enter (rules);
  g_assert_false (gspawn_process_has_ended (process));
  g_assert_true (gspawn_process_send_signal (process, 0, &error));
  g_assert_true (gspawn_process_send_signal (process, SIGTERM, &error));
  g_assert_no_error (error);
  g_assert_true (gspawn_process_wait (process, &status, NULL));
  g_assert_cmphex (status, ==, SIGTERM);
  g_assert_false (gspawn_process_send_signal (process, SIGTERM, &error));
}

typedef struct {
  GSpawnProcess *process;
  int recycled;
  int n_sent;
  int n_refused;
  int n_strange;
} Hunt;

static void
shoot (Hunt *hunt)
{
  g_autoptr (GError) error = NULL;

  if (gspawn_process_send_signal (hunt->process, SIGTERM, &error))
    g_atomic_int_inc (&hunt->n_sent);
  else if (g_error_matches (error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED))
    g_atomic_int_inc (&hunt->n_refused);
  else
    g_atomic_int_inc (&hunt->n_strange);
}

static gpointer
hunt_in_thread (gpointer data)
{
  Hunt *hunt = data;

  while (!g_atomic_int_get (&hunt->recycled))
    shoot (hunt);
  for (guint i = 0; i < N_LATE_SHOTS; i++)
    shoot (hunt);

  return NULL;
}

static gpointer
wait_in_thread (gpointer data)
{
  Hunt *hunt = data;
  int status = -1;

  gspawn_process_wait (hunt->process, &status, NULL);
  if (status != SIGTERM)
    g_atomic_int_inc (&hunt->n_strange);

  return NULL;
}

/* Signals are sent all the time while the process starts, ends, is waited for, and its number goes
 * to another at once. So who waits by a number may be late, too, and then the other never lets it
 * go. Returns FALSE if the number could not be given away. */
static gboolean
hunt_once (StageFlags   flags,
           const char **reason)
{
  Hunt hunt = { .process = stage_launch ("wait-fd 0 exit 1", flags | STAGE_HELD) };
  pid_t pid = gspawn_process_get_pid (hunt.process);
  GThread *hunters[N_HUNTERS], *waiter;
  int line, status = -1;
  pid_t recycled = 0;

  for (guint i = 0; i < N_HUNTERS; i++)
    hunters[i] = g_thread_new ("hunter", hunt_in_thread, &hunt);
  waiter = g_thread_new ("waiter", wait_in_thread, &hunt);
  while (!gspawn_process_has_ended (hunt.process))
    ;
  /* The number is free once the waiter is through, unless a process elsewhere got it. */
  for (guint i = 0; i < N_TRIES && recycled == 0; i++)
    recycled = stage_recycle (pid, &line, reason);
  g_atomic_int_set (&hunt.recycled, TRUE);
  g_thread_join (waiter);
  for (guint i = 0; i < N_HUNTERS; i++)
    g_thread_join (hunters[i]);

  g_assert_true (gspawn_process_wait (hunt.process, &status, NULL));
  g_assert_cmphex (status, ==, SIGTERM);
  g_assert_cmpint (hunt.n_sent, >, 0);
  g_assert_cmpint (hunt.n_refused, >=, N_HUNTERS * N_LATE_SHOTS);
  g_assert_cmpint (hunt.n_strange, ==, 0);
  if (recycled > 0)
    {
      close (line);
      g_assert_cmphex (wait_for (recycled), ==, 0);
    }
  gspawn_process_unref (hunt.process);

  return recycled > 0;
}

static void
test_hunt (gconstpointer data)
{
  const StageFlags *flags = data;
  const char *variable = g_getenv (HUNTS_VARIABLE);
  guint n_hunts = variable != NULL ? (guint) g_ascii_strtoull (variable, NULL, 10) : N_HUNTS;
  const char *reason = NULL;
  guint n_recycled = 0;

  for (guint i = 0; i < n_hunts && !g_test_failed (); i++)
    n_recycled += hunt_once (*flags, &reason);

  g_test_message ("%u of %u numbers were given to another process", n_recycled, n_hunts);
  if (n_recycled < n_hunts / 2 && !g_test_failed ())
    case_skip (reason);
}

const Case process_signal_cases[] = {
  STAGE_BOTH ("sent", test_sent),
  STAGE_BOTH ("invalid", test_invalid),
  STAGE_BOTH ("ended", test_ended),
  STAGE_BOTH ("forbidden", test_forbidden),
  { .name = "sandbox-eperm", .run_data = test_sandbox, .data = &sandbox_eperm,
    .engines_only = TRUE },
  { .name = "sandbox-enosys", .run_data = test_sandbox, .data = &sandbox_enosys,
    .engines_only = TRUE },
  STAGE_BOTH ("hunt", test_hunt),
  { .name = NULL }
};
