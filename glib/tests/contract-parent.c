/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Points 26 to 28 and 31: what the caller has when a call returns, and whose child it is. */

#include "contract.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch.h"
#include "scene.h"

#define UNTOUCHED (-7)
#define DEADLINE_MS 15000

/* launch_start() looks at the out-pointers of every call; here are failures of each kind, with
 * pipes wanted. */
static void
check_untouched (GSpawnFlags  flags,
                 const char  *program,
                 const char  *directory)
{
  static const int sources[] = { 99 }, targets[] = { 50 };

  for (int with_map = 0; with_map < 2; with_map++)
    {
      g_auto (Launch) launch;
      g_autoptr (GError) error = NULL;

      launch_init (&launch, flags, program, NULL);
      launch.directory = directory;
      launch_map (&launch, sources, targets, (gsize) with_map);
      for (int i = 0; i < 3; i++)
        launch.pipes[i] = TRUE;
      launch.before_engine = with_map;
      g_assert_false (launch_start (&launch, &error));
    }
}

static void
test_untouched (void)
{
  static const GSpawnFlags flags[] = {
    G_SPAWN_DO_NOT_REAP_CHILD, G_SPAWN_DEFAULT, G_SPAWN_CLOEXEC_PIPES
  };

  for (gsize i = 0; i < G_N_ELEMENTS (flags); i++)
    {
      check_untouched (flags[i], "/missing/program", NULL);
      check_untouched (flags[i], "/missing/program", "/missing");
    }
}

static void
test_untouched_by_sync (void)
{
  g_auto (Launch) launch;
  g_autoptr (GError) error = NULL;
  char *output = (char *) "untouched", *errors = (char *) "untouched";
  int status = UNTOUCHED;

  launch_init (&launch, G_SPAWN_DEFAULT, "/missing/program", NULL);
  g_assert_false (launch_sync (&launch, &output, &errors, &status, &error));
  g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT);
  g_assert_null (output);
  g_assert_null (errors);
  g_assert_cmpint (status, ==, UNTOUCHED);
}

/* By the time the call returns the process is the program: nothing of the caller is in it. */
static void
test_executed (void)
{
  g_autofree char *fifo = scene_make_fifo ("wait");
  g_autofree char *exe = NULL;
  g_autofree char *target = NULL;
  g_auto (Launch) launch;

  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD, NULL, "wait-fifo", fifo, NULL);
  g_assert_true (launch_start (&launch, NULL));
  exe = g_strdup_printf ("/proc/%d/exe", launch.pid);
  target = g_file_read_link (exe, NULL);
  g_assert_cmpstr (target, ==, probe_get_path ());
  scene_close (scene_open_private (fifo, O_WRONLY));
  g_assert_cmpint (launch_wait (&launch), ==, 0);
}

typedef struct {
  SceneStall *stall;
  int released;
} Release;

static gpointer
release_later (gpointer data)
{
  Release *release = data;

  scene_stall_await (release->stall);
  g_atomic_int_set (&release->released, TRUE);
  scene_stall_release (release->stall);

  return NULL;
}

/* A program that cannot be executed yet: the call has to wait for it. */
static void
check_waits (GSpawnFlags flags)
{
  g_autofree char *program = scene_copy_probe ("program");
  Release release = { scene_stall_new (program), FALSE };
  g_auto (Launch) launch = { 0 };
  GThread *thread;

  if (release.stall == NULL && case_skip ("no leases on files"))
    return;

  thread = g_thread_new ("release", release_later, &release);
  launch_init (&launch, flags, program, NULL);
  g_assert_true (launch_start (&launch, NULL));
  g_assert_true (g_atomic_int_get (&release.released));
  g_thread_join (thread);
  scene_stall_free (release.stall);
}

static void
test_waits_for_exec (void)
{
  check_waits (G_SPAWN_DO_NOT_REAP_CHILD);
}

static void
test_waits_for_exec_reaped (void)
{
  check_waits (G_SPAWN_DEFAULT);
}

/* The guard looks for zombies after every case; here many failures are followed by a child of the
 * caller's own, which must be the only one there is to wait for. */
static void
test_no_zombie (void)
{
  static const GSpawnFlags flags[] = { G_SPAWN_DO_NOT_REAP_CHILD, G_SPAWN_DEFAULT };

  for (int i = 0; i < 20; i++)
    {
      g_auto (Launch) launch;

      launch_init (&launch, flags[i % 2], "/missing/program", NULL);
      g_assert_false (launch_start (&launch, NULL));
      g_assert_cmpint (waitpid (-1, NULL, WNOHANG | __WALL), ==, -1);
      g_assert_cmpint (errno, ==, ECHILD);
    }
}

static void
test_reaped (void)
{
  g_auto (Launch) launch;
  g_autoptr (ReportSink) sink = report_sink_new ();
  g_autoptr (GKeyFile) report = NULL;

  launch_init (&launch, G_SPAWN_DEFAULT, NULL, "report", report_sink_get_path (sink), NULL);
  g_assert_true (launch_start (&launch, NULL));
  /* While it runs and after. */
  g_assert_cmpint (waitpid (launch.pid, NULL, WNOHANG | __WALL), ==, -1);
  g_assert_cmpint (errno, ==, ECHILD);
  report = report_sink_read (sink, 0);
  g_assert_cmpint (report_get_int (report, "process", "pid"), ==, launch.pid);
  g_assert_cmpint (report_get_int (report, "process", "ppid"), !=, getpid ());
  g_assert_cmpint (report_get_int (report, "process", "pgid"), ==, getpgrp ());
  g_assert_cmpint (report_get_int (report, "process", "sid"), ==, getsid (0));
}

static void
test_reaped_without_pid (void)
{
  g_autoptr (ReportSink) sink = report_sink_new ();
  g_autoptr (GKeyFile) report = NULL;
  g_autoptr (GError) error = NULL;
  char *argv[] = {
    (char *) probe_get_path (), (char *) "report", (char *) report_sink_get_path (sink), NULL
  };

  g_assert_true (g_spawn_async (NULL, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, &error));
  g_assert_no_error (error);
  report = report_sink_read (sink, 0);
  g_assert_nonnull (report);
  trace_expect (&(TraceExpectation) {
    .function = "g_spawn_async",
    .command = argv[0],
    .needs = GSPAWN_NEED_STREAMS | GSPAWN_NEED_CLOSE | GSPAWN_NEED_REAP,
    .child = (pid_t) report_get_int (report, "process", "pid"),
  });
}

/* Orphans come to the nearest process that wants them. */
static void
test_reaped_to_subreaper (void)
{
  g_auto (Launch) launch;

  g_assert_no_errno (prctl (PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
  launch_init (&launch, G_SPAWN_DEFAULT, NULL, "exit", "5", NULL);
  g_assert_true (launch_start (&launch, NULL));
  g_assert_cmpint (launch_wait (&launch), ==, 5 << 8);
  g_assert_no_errno (prctl (PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0));
}

/* All the ways in, with the same child. */
static void
test_functions (void)
{
  g_autoptr (GError) error = NULL;
  char *argv[] = { (char *) probe_get_path (), (char *) "exit", (char *) "0", NULL };
  GSpawnNeeds needs = GSPAWN_NEED_STREAMS | GSPAWN_NEED_CLOSE;
  GPid pid = 0;
  int output = -1;

  g_assert_true (g_spawn_async (NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid,
                                &error));
  g_assert_no_error (error);
  trace_expect (&(TraceExpectation) { "g_spawn_async", argv[0], needs, pid, .error = NULL });
  g_assert_cmpint (wait_for (pid), ==, 0);

  g_assert_true (g_spawn_async_with_pipes (NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL,
                                           &pid, NULL, &output, NULL, &error));
  g_assert_no_error (error);
  trace_expect (&(TraceExpectation) { "g_spawn_async_with_pipes", argv[0], needs, pid,
                                      .error = NULL });
  scene_close (output);
  g_assert_cmpint (wait_for (pid), ==, 0);

  g_assert_true (g_spawn_async_with_fds (NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL,
                                         &pid, -1, 1, 2, &error));
  g_assert_no_error (error);
  trace_expect (&(TraceExpectation) { "g_spawn_async_with_fds", argv[0], needs, pid,
                                      .error = NULL });
  g_assert_cmpint (wait_for (pid), ==, 0);
}

static int handled_pid;
static int handled_code;

static void
note_child (int        number G_GNUC_UNUSED,
            siginfo_t *info,
            void      *context G_GNUC_UNUSED)
{
  handled_pid = info->si_pid;
  handled_code = info->si_code;
}

static void
test_exit_signal (void)
{
  struct sigaction action = { .sa_sigaction = note_child, .sa_flags = SA_SIGINFO | SA_RESTART };
  g_auto (Launch) launch;
  sigset_t set, old;
  GPid pid;

  sigemptyset (&set);
  sigaddset (&set, SIGCHLD);
  g_assert_no_errno (sigprocmask (SIG_BLOCK, &set, &old));
  g_assert_no_errno (sigaction (SIGCHLD, &action, NULL));
  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD, NULL, "exit", "3", NULL);
  g_assert_true (launch_start (&launch, NULL));
  pid = launch.pid;

  /* A wait for just any child, of the ordinary kind. */
  {
    int status = 0;

    g_assert_cmpint (waitpid (-1, &status, 0), ==, pid);
    g_assert_cmpint (status, ==, 3 << 8);
    launch.pid = 0;
  }
  g_assert_no_errno (sigprocmask (SIG_SETMASK, &old, NULL));
  g_assert_cmpint (handled_pid, ==, pid);
  g_assert_cmpint (handled_code, ==, CLD_EXITED);

  scene_default_signal (SIGCHLD);
}

static void
test_pidfd (void)
{
  g_auto (Launch) launch;
  siginfo_t info = { 0 };
  struct pollfd pollfd = { .events = POLLIN };

  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD, NULL, "exit", "9", NULL);
  g_assert_true (launch_start (&launch, NULL));
  pollfd.fd = (int) syscall (SYS_pidfd_open, launch.pid, 0);
  g_assert_no_errno (pollfd.fd);
  g_assert_cmpint (poll (&pollfd, 1, DEADLINE_MS), ==, 1);
  g_assert_no_errno (waitid (P_PIDFD, (id_t) pollfd.fd, &info, WEXITED));
  g_assert_cmpint (info.si_pid, ==, launch.pid);
  g_assert_cmpint (info.si_status, ==, 9);
  scene_close (pollfd.fd);
  launch.pid = 0;
}

const Case parent_cases[] = {
  { .name = "26-untouched", .run = test_untouched },
  { .name = "26-untouched-by-sync", .run = test_untouched_by_sync },
  { .name = "27-executed", .run = test_executed },
  { .name = "27-waits-for-exec", .run = test_waits_for_exec },
  { .name = "27-waits-for-exec-reaped", .run = test_waits_for_exec_reaped },
  { .name = "27-no-zombie", .run = test_no_zombie },
  { .name = "27-functions", .run = test_functions },
  { .name = "28-reaped", .run = test_reaped },
  { .name = "28-reaped-without-pid", .run = test_reaped_without_pid },
  { .name = "28-reaped-to-subreaper", .run = test_reaped_to_subreaper },
  { .name = "31-exit-signal", .run = test_exit_signal },
  { .name = "31-pidfd", .run = test_pidfd },
  { .name = NULL }
};
