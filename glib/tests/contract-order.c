/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Points 14 and 18: what is inherited and what is reset, and in which order things happen in the
 * child. */

#include "contract.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch.h"
#include "scene.h"

#define N_SIGNALS 64
#define BIT(signal_) (G_GUINT64_CONSTANT (1) << ((signal_) - 1))
#define ALL_SIGNALS G_MAXUINT64
#define UNBLOCKABLE (BIT (SIGKILL) | BIT (SIGSTOP))
/* What every child has by default, whatever its parent ignores. */
#define RESET_SIGNALS \
  (BIT (SIGCHLD) | BIT (SIGINT) | BIT (SIGTERM) | BIT (SIGHUP) | BIT (SIGPIPE))
#define N_STORM_SPAWNS 100

/* libc refuses 32 and 33, so the kernel is asked. Its struct begins with the handler, on every
 * machine that this runs on, and all zero is the default action. */
typedef struct {
  guintptr words[8];
} KernelSigaction;

static guint64
set_mask (guint64 mask)
{
  guint64 old = 0;

  g_assert_no_errno ((int) syscall (SYS_rt_sigprocmask, SIG_SETMASK, &mask, &old, sizeof mask));

  return old;
}

static void
check_signals (GSpawnFlags flags,
               guint64     ignored,
               guint64     mask)
{
  g_auto (Launch) launch;
  g_autoptr (GKeyFile) report = NULL;

  launch_init (&launch, flags, NULL, NULL);
  report = launch_report (&launch);
  g_assert_cmphex (report_get_signals (report, "ignored"), ==, ignored);
  g_assert_cmphex (report_get_signals (report, "caught"), ==, 0);
  g_assert_cmphex (report_get_signals (report, "mask"), ==, mask);
  g_assert_cmphex (report_get_signals (report, "pending"), ==, 0);
}

static void
test_defaults (void)
{
  check_signals (G_SPAWN_DO_NOT_REAP_CHILD, 0, 0);
  check_signals (G_SPAWN_DEFAULT, 0, 0);
}

/* Some of them are libc's own, or a sanitizer's. */
static void
save_actions (KernelSigaction *actions)
{
  for (int number = 1; number <= N_SIGNALS; number++)
    g_assert_no_errno ((int) syscall (SYS_rt_sigaction, number, NULL, &actions[number - 1],
                                      sizeof (guint64)));
}

static void
restore_actions (const KernelSigaction *actions)
{
  for (int number = 1; number <= N_SIGNALS; number++)
    if ((BIT (number) & UNBLOCKABLE) == 0)
      g_assert_no_errno ((int) syscall (SYS_rt_sigaction, number, &actions[number - 1], NULL,
                                        sizeof (guint64)));
}

static void
check_ignored (guint64 ignored)
{
  KernelSigaction saved[N_SIGNALS];

  save_actions (saved);
  for (int number = 1; number <= N_SIGNALS; number++)
    if (ignored & BIT (number))
      scene_ignore_signal (number);

  /* Waiting for a child is impossible while SIGCHLD is ignored, so these are not the caller's. */
  check_signals (G_SPAWN_DEFAULT, ignored & ~RESET_SIGNALS, 0);
  check_signals (G_SPAWN_LEAVE_DESCRIPTORS_OPEN, ignored & ~RESET_SIGNALS, 0);
  restore_actions (saved);
}

static void
test_reset (void)
{
  check_ignored (RESET_SIGNALS);
}

static void
test_defaults_left_open (void)
{
  check_signals (G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_LEAVE_DESCRIPTORS_OPEN, 0, 0);
}

static void
test_reset_left_open (void)
{
  const guint64 all = RESET_SIGNALS & ~BIT (SIGCHLD);

  for (int number = 1; number <= N_SIGNALS; number++)
    if (all & BIT (number))
      scene_ignore_signal (number);
  check_signals (G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_LEAVE_DESCRIPTORS_OPEN, 0, 0);
  for (int number = 1; number <= N_SIGNALS; number++)
    if (all & BIT (number))
      scene_default_signal (number);
}

static void
test_ignored (void)
{
  check_ignored (ALL_SIGNALS & ~UNBLOCKABLE);
}

static void
test_mask (void)
{
  static const guint64 masks[] = {
    BIT (SIGUSR1) | BIT (SIGCHLD) | BIT (N_SIGNALS),
    BIT (32) | BIT (33),
    ALL_SIGNALS & ~UNBLOCKABLE,
  };

  for (gsize i = 0; i < G_N_ELEMENTS (masks); i++)
    {
      guint64 old = set_mask (masks[i]);

      check_signals (G_SPAWN_DO_NOT_REAP_CHILD, 0, masks[i]);
      check_signals (G_SPAWN_DEFAULT, 0, masks[i]);
      set_mask (old);
    }
}

static void
ignore_signal (int number G_GNUC_UNUSED)
{
}

static void
test_caught (void)
{
  struct sigaction action = { .sa_handler = ignore_signal, .sa_flags = SA_RESTART };
  KernelSigaction saved[N_SIGNALS];

  save_actions (saved);
  for (int number = 1; number <= N_SIGNALS; number++)
    if ((BIT (number) & UNBLOCKABLE) == 0 && (number < 32 || number >= SIGRTMIN))
      g_assert_no_errno (sigaction (number, &action, NULL));

  check_signals (G_SPAWN_DO_NOT_REAP_CHILD, 0, 0);
  check_signals (G_SPAWN_DEFAULT, 0, 0);
  restore_actions (saved);
}

/* The storm: every process of the group gets a signal that a program ignores by default, over and
 * over, so some arrive in a child before its exec. */
typedef struct {
  int stop;
  int caller;
  int runs_elsewhere;
} Storm;

static Storm *storm;

static void
note_process (int number G_GNUC_UNUSED)
{
  if ((int) syscall (SYS_getpid) != storm->caller)
    __atomic_store_n (&storm->runs_elsewhere, TRUE, __ATOMIC_SEQ_CST);
}

static gpointer
send_signals (gpointer data G_GNUC_UNUSED)
{
  while (!__atomic_load_n (&storm->stop, __ATOMIC_SEQ_CST))
    kill (0, SIGWINCH);

  return NULL;
}

/* Where the child has a copy of the memory, as in GLib, a handler there is harmless. */
static void
test_no_handler_in_child (void)
{
  struct sigaction action = { .sa_handler = note_process, .sa_flags = SA_RESTART };
  GThread *thread;

  storm = scene_share (sizeof *storm);
  storm->caller = getpid ();
  g_assert_no_errno (sigaction (SIGWINCH, &action, NULL));
  thread = g_thread_new ("storm", send_signals, NULL);

  for (int i = 0; i < N_STORM_SPAWNS; i++)
    {
      g_auto (Launch) launch;

      launch_init (&launch, i % 2 ? G_SPAWN_DO_NOT_REAP_CHILD : G_SPAWN_DEFAULT, NULL, "exit", "0",
                   NULL);
      g_assert_true (launch_start (&launch, NULL));
    }

  __atomic_store_n (&storm->stop, TRUE, __ATOMIC_SEQ_CST);
  g_thread_join (thread);
  scene_default_signal (SIGWINCH);
  g_assert_false (storm->runs_elsewhere);
  scene_unshare (storm, sizeof *storm);
}

static void
test_inherited (void)
{
  g_auto (Launch) launch;
  g_autoptr (GKeyFile) report = NULL;
  g_autofree char *nofile = NULL;
  struct rlimit limit;
  mode_t old = umask (0027);

  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL);
  report = launch_report (&launch);
  g_assert_no_errno (getrlimit (RLIMIT_NOFILE, &limit));
  nofile = g_strdup_printf ("%lu;%lu", (gulong) limit.rlim_cur, (gulong) limit.rlim_max);
  {
    g_autofree char *limit_text = report_get_text (report, "limits", "nofile");
    g_autofree char *mask_text = report_get_text (report, "process", "umask");

    g_assert_cmpstr (limit_text, ==, nofile);
    g_assert_cmpstr (mask_text, ==, "0027");
  }
  g_assert_cmpint (report_get_int (report, "process", "ppid"), ==, getpid ());
  g_assert_cmpint (report_get_int (report, "process", "pgid"), ==, getpgrp ());
  g_assert_cmpint (report_get_int (report, "process", "sid"), ==, getsid (0));
  g_assert_cmpint (report_get_int (report, "credentials", "dumpable"), ==,
                   prctl (PR_GET_DUMPABLE, 0, 0, 0, 0));
  umask (old);
}

static void
check_environment (const char *const *envp)
{
  g_auto (Launch) launch;
  g_autoptr (GKeyFile) report = NULL;
  g_auto (GStrv) actual = NULL;
  g_auto (GStrv) callers = g_get_environ ();
  const char *const *expected = envp != NULL ? envp : (const char *const *) callers;

  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL);
  launch.envp = (char **) envp;
  report = launch_report (&launch);
  actual = report_get_texts (report, "environment");
  g_assert_cmpstrv (actual, expected);
}

static void
test_environment (void)
{
  static const char *const own[] = { "A=b c", "A=d", "=", "no equals sign", "B=\n\xff", NULL };
  static const char *const empty[] = { NULL };

  check_environment (NULL);
  check_environment (own);
  check_environment (empty);
}

/* The first thing that goes wrong is the one that is reported. */
static void
check_first_failure (const char *directory,
                     int         output,
                     int         code)
{
  static const GSpawnFlags flags[] = { G_SPAWN_DO_NOT_REAP_CHILD, G_SPAWN_DEFAULT };

  for (gsize i = 0; i < G_N_ELEMENTS (flags); i++)
    {
      g_auto (Launch) launch;
      g_autoptr (GError) error = NULL;

      launch_init (&launch, flags[i], "/missing/program", NULL);
      launch.directory = directory;
      launch.streams[1] = output;
      g_assert_false (launch_start (&launch, &error));
      g_assert_error (error, G_SPAWN_ERROR, code);
    }
}

static void
test_directory_first (void)
{
  check_first_failure ("/missing", 99, G_SPAWN_ERROR_CHDIR);
}

static void
test_streams_before_exec (void)
{
  check_first_failure ("/", 99, G_SPAWN_ERROR_FAILED);
}

static void
test_directory (void)
{
  g_auto (Launch) launch;
  g_autoptr (GKeyFile) report = NULL;
  g_autofree char *expected = scene_path ("sub");
  g_autofree char *actual = NULL;

  g_assert_no_errno (mkdir ("sub", 0700));
  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL);
  launch.directory = "sub";
  report = launch_report (&launch);
  actual = report_get_text (report, "directory", "path");
  g_assert_cmpstr (actual, ==, expected);
}

/* What a child setup function finds, through memory that a fork leaves shared. */
typedef struct {
  guint64 mask;
  guintptr pipe_handler;
  guintptr user_handler;
  int mapped_flags;
  char directory[4096];
  gboolean is_child;
  pid_t caller;
} Findings;

static void
look_around (gpointer data)
{
  Findings *findings = data;
  KernelSigaction action;

  syscall (SYS_rt_sigprocmask, SIG_BLOCK, NULL, &findings->mask, sizeof findings->mask);
  syscall (SYS_rt_sigaction, SIGPIPE, NULL, &action, sizeof findings->mask);
  findings->pipe_handler = action.words[0];
  syscall (SYS_rt_sigaction, SIGUSR1, NULL, &action, sizeof findings->mask);
  findings->user_handler = action.words[0];
  findings->mapped_flags = fcntl (9, F_GETFD);
  if (getcwd (findings->directory, sizeof findings->directory) == NULL)
    findings->directory[0] = '\0';
  findings->is_child = getpid () != findings->caller;
  /* The program's name is resolved after this. */
  if (chdir ("/") < 0 || fcntl (9, F_SETFD, 0) < 0)
    _exit (99);
}

static void
check_findings (const Findings *findings)
{
  g_autofree char *directory = scene_path ("sub");

  g_assert_cmphex (findings->mask, ==, BIT (SIGUSR2));
  g_assert_cmphex (findings->pipe_handler, ==, (guintptr) SIG_DFL);
  g_assert_cmphex (findings->user_handler, ==, (guintptr) SIG_IGN);
  g_assert_cmpint (findings->mapped_flags, ==, 0);
  g_assert_cmpstr (findings->directory, ==, directory);
  g_assert_true (findings->is_child);
}

/* After all else, before exec: it sees the signals, the directory and the map as the program will,
 * and what it changes counts. */
static void
test_setup_last (void)
{
  static const int source = 5, target = 9;
  Findings *findings = scene_share (sizeof *findings);
  g_auto (Launch) launch;
  g_autoptr (GKeyFile) report = NULL;
  g_autofree char *directory = NULL;
  guint64 old = set_mask (BIT (SIGUSR2));

  g_assert_no_errno (mkdir ("sub", 0700));
  scene_open ("five", 5);
  scene_ignore_signal (SIGPIPE);
  scene_ignore_signal (SIGUSR1);

  /* Relative to the root, where the function goes. */
  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD, probe_get_path () + 1, NULL);
  launch.directory = "sub";
  launch.setup = look_around;
  launch.setup_data = findings;
  findings->caller = getpid ();
  launch_map (&launch, &source, &target, 1);
  report = launch_report (&launch);
  directory = report_get_text (report, "directory", "path");
  g_assert_cmpstr (directory, ==, "/");
  check_findings (findings);

  scene_default_signal (SIGPIPE);
  scene_default_signal (SIGUSR1);
  set_mask (old);
  scene_close (5);
  scene_unshare (findings, sizeof *findings);
}

static void
leave (gpointer data G_GNUC_UNUSED)
{
  _exit (42);
}

static void
test_setup_exits (void)
{
  g_auto (Launch) launch;

  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD, NULL, "exit", "0", NULL);
  launch.setup = leave;
  g_assert_true (launch_start (&launch, NULL));
  g_assert_cmpint (launch_wait (&launch), ==, 42 << 8);
}

static void
test_setup_exits_reaped (void)
{
  g_auto (Launch) launch;

  launch_init (&launch, G_SPAWN_DEFAULT, NULL, "exit", "0", NULL);
  launch.setup = leave;
  g_assert_true (launch_start (&launch, NULL));
}

static void
test_setup_sync (void)
{
  g_auto (Launch) launch;
  g_autoptr (GError) error = NULL;
  g_autofree char *output = NULL;
  int status = -1;

  launch_init (&launch, G_SPAWN_DEFAULT, NULL, "print", "1", "not reached", NULL);
  launch.setup = leave;
  g_assert_true (launch_sync (&launch, &output, NULL, &status, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (output, ==, "");
  g_assert_cmpint (status, ==, 42 << 8);
}

const Case order_cases[] = {
  { .name = "14-defaults", .run = test_defaults },
  { .name = "14-reset", .run = test_reset },
  { .name = "14-defaults-left-open", .run = test_defaults_left_open,
    .verdict = GLIB_FAILS,
    .difference = "With `G_SPAWN_LEAVE_DESCRIPTORS_OPEN` the child ignores the signals 32 and "
                  "33." },
  { .name = "14-reset-left-open", .run = test_reset_left_open,
    .verdict = GLIB_FAILS,
    .difference = "With `G_SPAWN_LEAVE_DESCRIPTORS_OPEN` an ignored `SIGPIPE` is inherited." },
  { .name = "14-ignored", .run = test_ignored },
  { .name = "14-mask", .run = test_mask },
  { .name = "14-caught", .run = test_caught },
  { .name = "14-no-handler-in-child", .run = test_no_handler_in_child,
    .engines_only = TRUE },
  { .name = "14-inherited", .run = test_inherited },
  { .name = "14-environment", .run = test_environment },
  { .name = "14-directory", .run = test_directory },
  { .name = "14-directory-first", .run = test_directory_first },
  { .name = "14-streams-before-exec", .run = test_streams_before_exec },
  { .name = "14-setup-last", .run = test_setup_last, .needs = GSPAWN_NEED_CHILD_SETUP },
  { .name = "18-setup-exits", .run = test_setup_exits, .needs = GSPAWN_NEED_CHILD_SETUP },
  { .name = "18-setup-exits-reaped", .run = test_setup_exits_reaped,
    .needs = GSPAWN_NEED_CHILD_SETUP },
  { .name = "18-setup-exits-sync", .run = test_setup_sync, .needs = GSPAWN_NEED_CHILD_SETUP },
  { .name = NULL }
};
