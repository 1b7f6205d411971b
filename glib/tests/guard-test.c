/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* The guard itself: each thing that it looks at is changed, and it has to say so. */

#include "guard.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void
check_diff (Guard      *before,
            const char *pattern)
{
  g_autofree char *diff = guard_diff (before);

  g_assert_nonnull (diff);
  if (diff != NULL && !g_pattern_match_simple (pattern, diff))
    g_assert_cmpstr (diff, ==, pattern);
}

static void
test_nothing (void)
{
  Guard *before = guard_take ();
  g_autofree char *diff = guard_diff (before);

  g_assert_cmpstr (diff, ==, NULL);
}

static void
test_descriptor (void)
{
  Guard *before = guard_take ();
  int fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);

  check_diff (before, "new: descriptor *");
  before = guard_take ();
  g_assert_no_errno (fcntl (fd, F_SETFD, 0));
  check_diff (before, "gone: descriptor *flags 1*new: descriptor *flags 0*");
  before = guard_take ();
  g_assert_no_errno (fcntl (fd, F_SETFL, O_NONBLOCK));
  check_diff (before, "gone: descriptor *new: descriptor *");
  before = guard_take ();
  close (fd);
  check_diff (before, "gone: descriptor *");
}

static void
test_child (void)
{
  Guard *before = guard_take ();
  pid_t pid = fork ();

  if (pid == 0)
    {
      pause ();
      _exit (0);
    }
  check_diff (before, "new: child *; new: some child runs");

  before = guard_take ();
  g_assert_no_errno (kill (pid, SIGKILL));
  g_assert_no_errno (waitpid (pid, NULL, 0));
  check_diff (before, "gone: child *; gone: some child runs");
}

static void
test_zombie (void)
{
  Guard *before = guard_take ();
  siginfo_t info = { 0 };
  pid_t pid = fork ();

  if (pid == 0)
    _exit (0);
  g_assert_no_errno (waitid (P_PID, (id_t) pid, &info, WEXITED | WNOWAIT));
  check_diff (before, "*new: zombie *");
  g_assert_no_errno (waitpid (pid, NULL, 0));
}

static void
test_mask (void)
{
  Guard *before = guard_take ();
  sigset_t set, old;

  sigemptyset (&set);
  sigaddset (&set, SIGUSR1);
  g_assert_no_errno (sigprocmask (SIG_BLOCK, &set, &old));
  check_diff (before, "gone: signal mask *; new: signal mask *");
  g_assert_no_errno (sigprocmask (SIG_SETMASK, &old, NULL));
}

static void
test_disposition (void)
{
  Guard *before = guard_take ();
  struct sigaction action = { .sa_handler = SIG_IGN };

  g_assert_no_errno (sigaction (SIGUSR1, &action, NULL));
  check_diff (before, "gone: signal 10: *; new: signal 10: 1 *");
  action.sa_handler = SIG_DFL;
  g_assert_no_errno (sigaction (SIGUSR1, &action, NULL));
}

static void
test_umask (void)
{
  Guard *before = guard_take ();
  mode_t old = umask (0123);

  check_diff (before, "gone: umask *; new: umask 123");
  umask (old);
}

static void
test_dumpable (void)
{
  Guard *before = guard_take ();

  g_assert_no_errno (prctl (PR_SET_DUMPABLE, 0, 0, 0, 0));
  check_diff (before, "*gone: dumpable 1*new: dumpable 0*");
  g_assert_no_errno (prctl (PR_SET_DUMPABLE, 1, 0, 0, 0));
}

static void
test_directory (void)
{
  g_autofree char *old = g_get_current_dir ();
  Guard *before = guard_take ();

  g_assert_no_errno (chdir ("/"));
  check_diff (before, "gone: directory *; new: directory *");
  g_assert_no_errno (chdir (old));
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_set_nonfatal_assertions ();

  g_test_add_func ("/guard/nothing", test_nothing);
  g_test_add_func ("/guard/descriptor", test_descriptor);
  g_test_add_func ("/guard/child", test_child);
  g_test_add_func ("/guard/zombie", test_zombie);
  g_test_add_func ("/guard/mask", test_mask);
  g_test_add_func ("/guard/disposition", test_disposition);
  g_test_add_func ("/guard/umask", test_umask);
  g_test_add_func ("/guard/dumpable", test_dumpable);
  g_test_add_func ("/guard/directory", test_directory);

  return g_test_run ();
}
