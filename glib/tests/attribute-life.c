/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Attributes beside the lives of others: a death signal and the thread or process whose death it
 * tells of, children that are not the caller's, threads that share attributes, and what a caller
 * must not notice. */

#include "attribute-cases.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scene.h"

#define DEADLINE_MS 15000
#define N_THREADS 6
#define N_LAUNCHES 12
#define EXIT_NOT_EXECUTED 127
#define N_VARIABLES 400

static GSpawnAttributes *
new_with_death_signal (void)
{
  GSpawnAttributes *attributes = gspawn_attributes_new ();

  g_assert_true (gspawn_attributes_set_death_signal (attributes, SIGTERM, NULL));

  return attributes;
}

typedef struct {
  ReportSink *sink;
  char *fifo;
  GPid pid;
} Waiter;

/* Reports, and then waits for what never comes. The thread returns when it has heard of it. */
static gpointer
launch_waiter (gpointer data)
{
  Waiter *waiter = data;
  g_autoptr (GSpawnAttributes) attributes = new_with_death_signal ();
  g_autoptr (GKeyFile) report = NULL;
  g_auto (Launch) launch;

  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD, NULL, "report",
               report_sink_get_path (waiter->sink), "wait-fifo", waiter->fifo, NULL);
  launch_declare (&launch, attributes, GSPAWN_NEED_ATTRIBUTES);
  g_assert_true (launch_start (&launch, NULL));
  waiter->pid = launch.pid;
  launch.pid = 0;
  report = report_sink_read (waiter->sink, 0);
  g_assert_cmpint (report_get_int (report, "process", "death-signal"), ==, SIGTERM);
  g_assert_no_errno (kill (waiter->pid, 0));

  return NULL;
}

/* The kernel means the thread. */
static void
test_thread_dies (void)
{
  g_autofree char *fifo = scene_make_fifo ("never");
  g_autoptr (ReportSink) sink = report_sink_new ();
  Waiter waiter = { sink, fifo, 0 };
  int status;

  g_thread_join (g_thread_new ("launcher", launch_waiter, &waiter));
  status = wait_for (waiter.pid);
  g_assert_true (WIFSIGNALED (status));
  g_assert_cmpint (WTERMSIG (status), ==, SIGTERM);
}

/* This test program again, which has the subject and leaves no trace: its calls are not ours. */
static pid_t
start_other_caller (void)
{
  g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);
  char *const argv[] = { program, (char *) "--GTestSubprocess", NULL };
  pid_t pid = fork ();

  g_assert_no_errno (pid);
  if (pid > 0)
    return pid;

  if (case_has_engine ())
    g_setenv ("LD_PRELOAD", g_getenv ("GSPAWN_DROPIN"), TRUE);
  g_unsetenv ("GSPAWN_TRACE");
  execv (program, argv);
  _exit (EXIT_FAILURE);
}

/* In the other caller, which dies once its child runs. */
static void
launch_and_die (void)
{
  g_autoptr (GSpawnAttributes) attributes = new_with_death_signal ();
  g_autofree char *fifo = scene_path ("never");
  g_auto (Launch) launch;

  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD, NULL, "wait-fifo", fifo, NULL);
  launch_declare (&launch, attributes, GSPAWN_NEED_ATTRIBUTES);
  g_assert_true (launch_start (&launch, NULL));
  _exit (EXIT_SUCCESS);
}

static void
test_process_dies (void)
{
  g_autofree char *fifo = NULL;
  pid_t caller, orphan;
  int status = 0;

  if (g_test_subprocess ())
    {
      launch_and_die ();
      return;
    }

  fifo = scene_make_fifo ("never");
  g_assert_no_errno (prctl (PR_SET_CHILD_SUBREAPER, 1));
  caller = start_other_caller ();
  g_assert_cmpint (wait_for (caller), ==, 0);
  orphan = waitpid (-1, &status, 0);
  g_assert_cmpint (orphan, >, 0);
  g_assert_true (WIFSIGNALED (status));
  g_assert_cmpint (WTERMSIG (status), ==, SIGTERM);
  g_assert_no_errno (prctl (PR_SET_CHILD_SUBREAPER, 0));
}

/* In the other caller: its child is held up where it opens its standard input. */
static void
launch_and_be_killed (void)
{
  g_autoptr (GSpawnAttributes) attributes = new_with_death_signal ();
  g_autofree char *file = scene_path ("held-up");
  g_autofree char *executed = scene_path ("executed");
  g_auto (Launch) launch;

  if (unshare (CLONE_NEWNS) < 0 || mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
      mount (file, "/dev/null", NULL, MS_BIND, NULL) < 0)
    _exit (2);
  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD, NULL, "report", executed, NULL);
  launch_declare (&launch, attributes, GSPAWN_NEED_ATTRIBUTES);
  launch_start (&launch, NULL);
  _exit (3);
}

/* The caller dies after it has made the child and before the death signal is set: nobody would ever
 * send it. */
static void
test_parent_is_gone (void)
{
  g_autofree char *file = scene_path ("held-up");
  g_autofree char *executed = scene_path ("executed");
  SceneStall *stall;
  pid_t caller, orphan;
  int status = 0;

  if (g_test_subprocess ())
    {
      launch_and_be_killed ();
      return;
    }
  if (!stage_has_capabilities (CAPABILITY (CAP_SYS_ADMIN)))
    {
      case_skip ("A mount namespace cannot be made");
      return;
    }

  scene_write ("held-up", 0666, "");
  stall = scene_stall_new (file);
  if (stall == NULL)
    {
      case_skip ("There are no leases on files here");
      return;
    }
  g_assert_no_errno (prctl (PR_SET_CHILD_SUBREAPER, 1));
  caller = start_other_caller ();
  scene_stall_await (stall);
  g_assert_no_errno (kill (caller, SIGKILL));
  g_assert_cmpint (wait_for (caller), ==, SIGKILL);
  scene_stall_release (stall);

  orphan = waitpid (-1, &status, __WALL);
  g_assert_cmpint (orphan, >, 0);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, EXIT_NOT_EXECUTED);
  g_assert_false (g_file_test (executed, G_FILE_TEST_EXISTS));
  g_assert_no_errno (prctl (PR_SET_CHILD_SUBREAPER, 0));
  scene_stall_free (stall);
}

static void
check_parenthood (GSpawnAttributes *attributes,
                  const char       *name)
{
  g_autoptr (GError) error = NULL;
  g_auto (Launch) launch;

  launch_init (&launch, G_SPAWN_DEFAULT, NULL, "nothing", NULL);
  launch_declare (&launch, attributes, GSPAWN_NEED_ATTRIBUTES);
  launch.before_engine = TRUE;
  g_assert_false (launch_start (&launch, &error));
  g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_INVAL);
  g_assert_nonnull (strstr (error->message, name));
}

/* Before anything is started. */
static void
test_not_own_child (void)
{
  g_autoptr (GSpawnAttributes) dying = new_with_death_signal ();
  g_autoptr (GSpawnAttributes) traced = gspawn_attributes_new ();

  gspawn_attributes_set_trace_me (traced, TRUE);
  check_parenthood (dying, "death-signal");
  check_parenthood (traced, "trace-me");
}

/* Of a process that is not our child. */
static void
await_end (pid_t pid)
{
  struct pollfd pollfd = { .fd = (int) syscall (SYS_pidfd_open, pid, 0), .events = POLLIN };

  if (pollfd.fd < 0)
    return;
  g_assert_cmpint (poll (&pollfd, 1, DEADLINE_MS), ==, 1);
  close (pollfd.fd);
}

/* An optional one is left out, whoever the parent is. */
static void
test_not_own_child_optional (void)
{
  g_autoptr (GSpawnAttributes) attributes = new_with_death_signal ();
  g_autoptr (ReportSink) sink = report_sink_new ();
  g_autoptr (GKeyFile) report = NULL;
  g_auto (Launch) launch;

  gspawn_attributes_set_optional (attributes, GSPAWN_ATTRIBUTE_DEATH_SIGNAL, TRUE);
  if (case_has_engine ())
    {
      gspawn_attributes_set_trace_me (attributes, TRUE);
      gspawn_attributes_set_optional (attributes, GSPAWN_ATTRIBUTE_TRACE_ME, TRUE);
    }

  launch_init (&launch, G_SPAWN_DEFAULT, NULL, "report", report_sink_get_path (sink), NULL);
  launch_declare (&launch, attributes, 0);
  g_assert_true (launch_start (&launch, NULL));
  report = report_sink_read (sink, launch.pid);
  await_end (launch.pid);
  g_assert_cmpint (report_get_int (report, "process", "death-signal"), ==, 0);
  g_assert_cmpint (report_get_int (report, "confinement", "tracer"), ==, 0);
}

static void
launch_orphan_by_glib (void)
{
  g_autoptr (GSpawnAttributes) attributes = new_with_death_signal ();
  g_autofree char *executed = scene_path ("executed");
  g_auto (Launch) launch;

  launch_init (&launch, G_SPAWN_DEFAULT, NULL, "report", executed, NULL);
  launch_declare (&launch, attributes, GSPAWN_NEED_ATTRIBUTES);
  g_assert_true (launch_start (&launch, NULL));
  await_end (launch.pid);
  g_assert_false (g_file_test (executed, G_FILE_TEST_EXISTS));
}

/* Under plain GLib the same is found out in the child. */
static void
test_not_own_child_of_glib (void)
{
  if (!case_has_engine ())
    launch_orphan_by_glib ();
}

static void
check_shared (GSpawnAttributes *attributes)
{
  g_autoptr (GKeyFile) report = NULL;
  g_autofree char *limit = NULL;
  g_autofree char *path = NULL;
  g_auto (GStrv) variables = NULL;
  g_autofree char *expected = NULL;
  gint64 pid;
  g_auto (Launch) launch;

  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL);
  launch_declare (&launch, attributes, GSPAWN_NEED_SESSION | GSPAWN_NEED_ATTRIBUTES);
  report = launch_report (&launch);
  pid = report_get_int (report, "process", "pid");
  limit = report_get_text (report, "limits", "nofile");
  path = report_get_text (report, "directory", "path");
  variables = report_get_texts (report, "environment");
  expected = g_strdup_printf ("%" G_GINT64_FORMAT, pid);
  g_assert_cmpint (report_get_int (report, "process", "sid"), ==, pid);
  g_assert_cmpstr (limit, ==, "99;111");
  g_assert_cmpstr (path, ==, "/");
  g_assert_cmpstr (g_environ_getenv (variables, "LISTEN_PID"), ==, expected);
}

static gpointer
launch_shared (gpointer data)
{
  for (guint i = 0; i < N_LAUNCHES; i++)
    check_shared (data);

  return NULL;
}

/* Nothing of a launch is written into the attributes. */
static void
test_shared (void)
{
  g_autoptr (GSpawnAttributes) attributes = gspawn_attributes_new ();
  GThread *threads[N_THREADS];
  int fd = open ("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  gspawn_attributes_set_new_session (attributes, TRUE);
  g_assert_true (gspawn_attributes_set_limit (attributes, RLIMIT_NOFILE, 99, 111, NULL));
  g_assert_true (gspawn_attributes_set_working_directory_fd (attributes, fd, NULL));
  g_assert_true (gspawn_attributes_set_pid_variable (attributes, "LISTEN_PID", NULL));
  close (fd);

  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("launcher", launch_shared, attributes);
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
}

/* The function without attributes does nothing, and need not be called. */
static void
test_none (void)
{
  for (GSpawnFlags flags = 0; flags <= G_SPAWN_DO_NOT_REAP_CHILD;
       flags += G_SPAWN_DO_NOT_REAP_CHILD)
    {
      g_autoptr (GKeyFile) report = NULL;
      g_auto (Launch) launch;

      launch_init (&launch, flags, NULL, NULL);
      launch_declare (&launch, NULL, 0);
      report = launch_report (&launch);
      g_assert_nonnull (report);
    }
}

/* As after clearenv(). */
static void
test_no_environment (void)
{
  g_autoptr (GSpawnAttributes) attributes = gspawn_attributes_new ();
  g_autoptr (GKeyFile) report = NULL;
  g_autofree char *expected = NULL;
  g_auto (GStrv) variables = NULL;
  char **saved = environ;
  g_auto (Launch) launch;

  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL);
  environ = NULL;
  g_assert_true (gspawn_attributes_set_pid_variable (attributes, "LISTEN_PID", NULL));
  launch_declare (&launch, attributes, GSPAWN_NEED_ATTRIBUTES);
  report = launch_report (&launch);
  environ = saved;

  variables = report_get_texts (report, "environment");
  expected = g_strdup_printf ("LISTEN_PID=%" G_GINT64_FORMAT,
                              report_get_int (report, "process", "pid"));
  g_assert_cmpuint (g_strv_length (variables), ==, 1);
  g_assert_cmpstr (variables[0], ==, expected);
}

/* There is no room for it where GLib has forked, and the program does without; or there is. */
static void
test_grown_environment (void)
{
  g_autoptr (GSpawnAttributes) attributes = gspawn_attributes_new ();
  g_autoptr (GKeyFile) report = NULL;
  g_auto (GStrv) variables = NULL;
  g_auto (Launch) launch;

  g_assert_true (gspawn_attributes_set_pid_variable (attributes, "LISTEN_PID", NULL));
  gspawn_attributes_set_optional (attributes, GSPAWN_ATTRIBUTE_PID_VARIABLE, TRUE);
  for (int i = 0; i < N_VARIABLES; i++)
    {
      g_autofree char *name = g_strdup_printf ("VARIABLE_%d", i);

      g_assert_true (g_setenv (name, "", TRUE));
    }

  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL);
  launch_declare (&launch, attributes, GSPAWN_NEED_ATTRIBUTES);
  report = launch_report (&launch);
  variables = report_get_texts (report, "environment");
  g_assert_cmpuint (g_strv_length (variables), >, N_VARIABLES);
  g_assert_cmpint (g_environ_getenv (variables, "LISTEN_PID") != NULL, ==, case_has_engine ());
}

static void
count_call (gpointer data)
{
  *(int *) data = 1;
}

/* What is not ours is called still. */
static void
test_other_function (void)
{
  int *called = scene_share (sizeof *called);
  g_auto (Launch) launch;

  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD, NULL, "nothing", NULL);
  launch.setup = count_call;
  launch.setup_data = called;
  g_assert_true (launch_start (&launch, NULL));
  g_assert_cmpint (launch_wait (&launch), ==, 0);
  g_assert_cmpint (*called, ==, 1);
  scene_unshare (called, sizeof *called);
}

const Case attribute_life_cases[] = {
  { .name = "thread-dies", .run = test_thread_dies, .needs = GSPAWN_NEED_ATTRIBUTES },
  { .name = "process-dies", .run = test_process_dies, .needs = GSPAWN_NEED_ATTRIBUTES },
  { .name = "parent-is-gone", .run = test_parent_is_gone, .needs = GSPAWN_NEED_ATTRIBUTES },
  { .name = "not-own-child", .run = test_not_own_child, .needs = GSPAWN_NEED_ATTRIBUTES,
    .engines_only = TRUE },
  { .name = "not-own-child-of-glib", .run = test_not_own_child_of_glib },
  { .name = "not-own-child-optional", .run = test_not_own_child_optional },
  { .name = "shared", .run = test_shared, .needs = GSPAWN_NEED_ATTRIBUTES },
  { .name = "none", .run = test_none },
  { .name = "no-environment", .run = test_no_environment, .needs = GSPAWN_NEED_ATTRIBUTES },
  { .name = "grown-environment", .run = test_grown_environment,
    .needs = GSPAWN_NEED_ATTRIBUTES },
  { .name = "other-function", .run = test_other_function, .needs = GSPAWN_NEED_CHILD_SETUP },
  { .name = NULL }
};
