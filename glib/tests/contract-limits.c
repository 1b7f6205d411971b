/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Points 23 and 24: a caller that may open no more descriptors, or make no more processes. It gets
 * an error, and nothing is left behind. */

#include "contract.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launch.h"
#include "scene.h"

/* Nobody's, so that its processes can be counted. */
#define FIRST_UID 70000
#define PLENTY 100

/* Leaves @n_free descriptors to whoever asks for more. The numbers of the case itself are above
 * the limit then, which does no harm to what is open. */
static void
limit_descriptors (int            n_free,
                   struct rlimit *old)
{
  struct rlimit limit;

  g_assert_no_errno (getrlimit (RLIMIT_NOFILE, old));
  g_assert_cmpint (scene_count_free_from (3), >=, n_free);
  limit = *old;
  limit.rlim_cur = 3 + (rlim_t) n_free;
  g_assert_no_errno (setrlimit (RLIMIT_NOFILE, &limit));
}

static void
check_without_descriptors (int          n_free,
                           GSpawnFlags  flags,
                           gboolean     sync)
{
  g_auto (Launch) launch;
  g_autoptr (GError) error = NULL;
  g_autofree char *output = NULL;
  g_autofree char *errors = NULL;
  struct rlimit old;
  gboolean success;

  launch_init (&launch, flags, NULL, "exit", "0", NULL);
  launch.untraceable = TRUE;
  limit_descriptors (n_free, &old);
  if (sync)
    {
      success = launch_sync (&launch, &output, &errors, NULL, &error);
    }
  else
    {
      for (int i = 0; i < 3; i++)
        launch.pipes[i] = TRUE;
      success = launch_start (&launch, &error);
    }
  g_assert_no_errno (setrlimit (RLIMIT_NOFILE, &old));

  if (n_free < (sync ? 4 : 6))
    g_assert_false (success);
  if (!success)
    {
      g_assert_error (error, G_UNIX_ERROR, 0);
      g_assert_cmpstr (error->message, ==, g_strerror (EMFILE));
    }
}

static void
test_no_descriptors (void)
{
  for (int n_free = 0; n_free <= 5; n_free++)
    {
      check_without_descriptors (n_free, G_SPAWN_DO_NOT_REAP_CHILD, FALSE);
      check_without_descriptors (n_free, G_SPAWN_CLOEXEC_PIPES, FALSE);
    }
  for (int n_free = 0; n_free <= 3; n_free++)
    check_without_descriptors (n_free, G_SPAWN_DEFAULT, TRUE);
}

/* With no pipe to hand out an engine may do with few descriptors of its own, or fail cleanly. */
static void
check_few_descriptors (int         n_free,
                       GSpawnFlags flags)
{
  g_auto (Launch) launch;
  g_autoptr (GError) error = NULL;
  struct rlimit old;
  gboolean success;

  launch_init (&launch, flags, NULL, "exit", "0", NULL);
  launch.untraceable = TRUE;
  limit_descriptors (n_free, &old);
  success = launch_start (&launch, &error);
  g_assert_no_errno (setrlimit (RLIMIT_NOFILE, &old));

  g_test_message ("%d free, flags %#x: %s", n_free, (unsigned int) flags,
                  success ? "success" : error->message);
  if (!success)
    g_assert_nonnull (strstr (error->message, g_strerror (EMFILE)));
  /* Two pipes, and /dev/null. */
  if (n_free >= 5)
    g_assert_true (success);
}

static void
test_few_descriptors (void)
{
  for (int n_free = 0; n_free <= 6; n_free++)
    {
      check_few_descriptors (n_free, G_SPAWN_DO_NOT_REAP_CHILD);
      check_few_descriptors (n_free, G_SPAWN_DEFAULT);
      check_few_descriptors (n_free, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_CHILD_INHERITS_STDIN);
    }
}

static void
test_few_descriptors_left_open (void)
{
  for (int n_free = 0; n_free <= 6; n_free++)
    check_few_descriptors (n_free, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_LEAVE_DESCRIPTORS_OPEN);
}

/* Becomes somebody who has no other process and may have @n_more. */
static void
limit_processes (rlim_t         n_more,
                 struct rlimit *old)
{
  struct rlimit limit;
  uid_t uid = FIRST_UID + (uid_t) getpid ();

  /* The trace is written by whoever the caller is. */
  g_assert_no_errno (chmod (".", 0777));
  g_assert_no_errno (getrlimit (RLIMIT_NPROC, old));
  limit = *old;
  limit.rlim_cur = 1 + n_more;
  g_assert_no_errno (setrlimit (RLIMIT_NPROC, &limit));
  g_assert_no_errno (setresuid (uid, uid, 0));
  g_assert_no_errno (prctl (PR_SET_DUMPABLE, 1, 0, 0, 0));
}

static void
unlimit_processes (const struct rlimit *old)
{
  g_assert_no_errno (setresuid (0, 0, 0));
  g_assert_no_errno (prctl (PR_SET_DUMPABLE, 1, 0, 0, 0));
  g_assert_no_errno (setrlimit (RLIMIT_NPROC, old));
}

static void
check_fork (GSpawnFlags  flags,
            rlim_t       n_more,
            const char  *pattern)
{
  g_auto (Launch) launch = { 0 };
  g_autoptr (GError) error = NULL;
  struct rlimit old;
  gboolean success;

  if (getuid () != 0 && case_skip ("not root, so processes cannot be limited"))
    return;

  launch_init (&launch, flags, NULL, "exit", "0", NULL);
  limit_processes (n_more, &old);
  success = launch_start (&launch, &error);
  unlimit_processes (&old);

  g_assert_false (success);
  g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_FORK);
  if (error != NULL && !g_pattern_match_simple (pattern, error->message))
    g_assert_cmpstr (error->message, ==, pattern);
}

static void
test_no_process (void)
{
  check_fork (G_SPAWN_DO_NOT_REAP_CHILD, 0, "Failed to fork (Resource temporarily unavailable)");
}

static void
test_no_process_reaped (void)
{
  check_fork (G_SPAWN_DEFAULT, 0, "Failed to fork (Resource temporarily unavailable)");
}

static void
test_no_second_process (void)
{
  check_fork (G_SPAWN_DEFAULT, 1,
              "Failed to fork child process (Resource temporarily unavailable)");
}

static void
test_no_process_left_open (void)
{
  check_fork (G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_LEAVE_DESCRIPTORS_OPEN, 0,
              "Failed to fork (Resource temporarily unavailable)");
}

/* A directory that exists, for others. */
static void
test_directory_denied (void)
{
  g_auto (Launch) launch = { 0 };
  g_autoptr (GError) error = NULL;
  struct rlimit old;
  gboolean success;

  if (getuid () != 0 && case_skip ("not root, so nothing can be somebody else's"))
    return;

  g_assert_no_errno (mkdir ("closed", 0700));
  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD, "/bin/true", NULL);
  launch.directory = "closed";
  limit_processes (PLENTY, &old);
  success = launch_start (&launch, &error);
  unlimit_processes (&old);
  g_assert_false (success);
  g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_CHDIR);
  if (error != NULL)
    g_assert_cmpstr (error->message, ==, "Failed to change to directory “closed” "
                                         "(Permission denied)");
}

const Case limits_cases[] = {
  { .name = "23-no-descriptors", .run = test_no_descriptors },
  { .name = "23-few-descriptors", .run = test_few_descriptors },
  { .name = "23-few-descriptors-left-open", .run = test_few_descriptors_left_open,
    .verdict = GLIB_ABORTS,
    .difference = "With `G_SPAWN_LEAVE_DESCRIPTORS_OPEN` an assertion aborts the caller when there "
                  "is no descriptor for the child's `/dev/null`." },
  { .name = "24-no-process", .run = test_no_process },
  { .name = "24-no-process-reaped", .run = test_no_process_reaped },
  { .name = "24-no-process-left-open", .run = test_no_process_left_open,
    .verdict = GLIB_FAILS,
    .difference = "With `G_SPAWN_LEAVE_DESCRIPTORS_OPEN` a process that cannot be made is "
                  "`G_SPAWN_ERROR_FAILED`." },
  { .name = "24-no-second-process", .run = test_no_second_process },
  { .name = "24-directory-denied", .run = test_directory_denied },
  { .name = NULL }
};
