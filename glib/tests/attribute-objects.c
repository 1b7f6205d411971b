/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Attributes as an object: values that are refused when they are set, copies, references, and what
 * becomes of the descriptors that are held. */

#include "attribute-cases.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "scene.h"

#define FREE_FD 99
#define FIRST_HELD_FD 64

static gboolean
take_filter (GSpawnAttributes  *attributes,
             gsize              size,
             GError           **error)
{
  g_autoptr (GBytes) filter = g_bytes_new_take (g_malloc0 (size + 1), size);

  return gspawn_attributes_set_seccomp_filter (attributes, filter, error);
}

static gboolean
take_file (GSpawnAttributes  *attributes,
           gboolean         (*set) (GSpawnAttributes *, int, GError **),
           GError           **error)
{
  int fd = scene_open_private ("/dev/null", O_RDONLY);
  gboolean success = set (attributes, fd, error);

  close (fd);
  return success;
}

/* Each is an expression of its own, so that it is seen as a program writes it. */
static gboolean
set_refused (guint              i,
             GSpawnAttributes  *a,
             GSpawnAttribute   *attribute,
             GError           **e)
{
  static const int too_high[] = { SIGUSR1, _NSIG };
  static const int zero[] = { 0 };
  static const int killing[] = { SIGKILL };
  static const int stopping[] = { SIGUSR1, SIGSTOP };
  static const guint far_cpu[] = { 0, 64 * 1024 };

#define REFUSED(number, name, expression) \
    case number: *attribute = GSPAWN_ATTRIBUTE_ ## name; return expression

  switch (i)
    {
    REFUSED (0, IGNORED_SIGNALS, gspawn_attributes_set_ignored_signals (a, too_high, 2, e));
    REFUSED (1, IGNORED_SIGNALS, gspawn_attributes_set_ignored_signals (a, zero, 1, e));
    REFUSED (2, IGNORED_SIGNALS, gspawn_attributes_set_ignored_signals (a, killing, 1, e));
    REFUSED (3, IGNORED_SIGNALS, gspawn_attributes_set_ignored_signals (a, stopping, 2, e));
    REFUSED (4, SIGNAL_MASK, gspawn_attributes_set_signal_mask (a, too_high, 2, e));
    REFUSED (5, SIGNAL_MASK, gspawn_attributes_set_signal_mask (a, zero, 1, e));
    REFUSED (6, PROCESS_GROUP, gspawn_attributes_set_process_group (a, -1, e));
    REFUSED (7, WORKING_DIRECTORY, gspawn_attributes_set_working_directory_fd (a, -1, e));
    REFUSED (8, WORKING_DIRECTORY, gspawn_attributes_set_working_directory_fd (a, FREE_FD, e));
    REFUSED (9, WORKING_DIRECTORY,
             take_file (a, gspawn_attributes_set_working_directory_fd, e));
    REFUSED (10, UMASK, gspawn_attributes_set_umask (a, 01000, e));
    REFUSED (11, CONTROLLING_TERMINAL, gspawn_attributes_set_controlling_terminal (a, -1, e));
    REFUSED (12, CGROUP, gspawn_attributes_set_cgroup_fd (a, FREE_FD, e));
    REFUSED (13, CGROUP, take_file (a, gspawn_attributes_set_cgroup_fd, e));
    REFUSED (14, OOM_SCORE, gspawn_attributes_set_oom_score_adjustment (a, -1001, e));
    REFUSED (15, OOM_SCORE, gspawn_attributes_set_oom_score_adjustment (a, 1001, e));
    REFUSED (16, OOM_SCORE, gspawn_attributes_set_oom_score_adjustment (a, G_MININT, e));
    REFUSED (17, NAMESPACES, gspawn_attributes_set_namespaces (a, 0, e));
    REFUSED (18, NAMESPACES, gspawn_attributes_set_namespaces (a, CLONE_NEWNS | CLONE_VM, e));
    REFUSED (19, PERSONALITY, gspawn_attributes_set_personality (a, 0xffffffff, e));
    REFUSED (20, LIMITS, gspawn_attributes_set_limit (a, -1, 0, 0, e));
    REFUSED (21, LIMITS, gspawn_attributes_set_limit (a, RLIMIT_NLIMITS, 0, 0, e));
    REFUSED (22, LIMITS, gspawn_attributes_set_limit (a, RLIMIT_CORE, 2, 1, e));
    REFUSED (23, NICE, gspawn_attributes_set_nice (a, -21, e));
    REFUSED (24, NICE, gspawn_attributes_set_nice (a, 20, e));
    REFUSED (25, SCHEDULER, gspawn_attributes_set_scheduler (a, 6, 0, e));
    REFUSED (26, SCHEDULER, gspawn_attributes_set_scheduler (a, -1, 0, e));
    REFUSED (27, SCHEDULER, gspawn_attributes_set_scheduler (a, SCHED_OTHER, 1, e));
    REFUSED (28, SCHEDULER, gspawn_attributes_set_scheduler (a, SCHED_FIFO, 0, e));
    REFUSED (29, IO_PRIORITY, gspawn_attributes_set_io_priority (a, 0, 0, e));
    REFUSED (30, IO_PRIORITY, gspawn_attributes_set_io_priority (a, 4, 0, e));
    REFUSED (31, IO_PRIORITY, gspawn_attributes_set_io_priority (a, 2, 8, e));
    REFUSED (32, IO_PRIORITY, gspawn_attributes_set_io_priority (a, 2, -1, e));
    REFUSED (33, CPU_AFFINITY, gspawn_attributes_set_cpu_affinity (a, NULL, 0, e));
    REFUSED (34, CPU_AFFINITY, gspawn_attributes_set_cpu_affinity (a, far_cpu, 2, e));
    REFUSED (35, GROUPS, gspawn_attributes_set_groups (a, far_cpu, 65537, e));
    REFUSED (36, GROUP, gspawn_attributes_set_group (a, G_MAXUINT32, e));
    REFUSED (37, USER, gspawn_attributes_set_user (a, G_MAXUINT32, e));
    REFUSED (38, USER, gspawn_attributes_set_user_by_name (a, "no-such-user-here", e));
    REFUSED (39, DEATH_SIGNAL, gspawn_attributes_set_death_signal (a, 0, e));
    REFUSED (40, DEATH_SIGNAL, gspawn_attributes_set_death_signal (a, _NSIG, e));
    REFUSED (41, LANDLOCK, gspawn_attributes_set_landlock_ruleset_fd (a, FREE_FD, e));
    REFUSED (42, PID_VARIABLE, gspawn_attributes_set_pid_variable (a, "", e));
    REFUSED (43, PID_VARIABLE, gspawn_attributes_set_pid_variable (a, "A=B", e));
    REFUSED (44, SECCOMP_FILTER, take_filter (a, 0, e));
    REFUSED (45, SECCOMP_FILTER, take_filter (a, 7, e));
    REFUSED (46, SECCOMP_FILTER, take_filter (a, 4097 * 8, e));
    default:
      *attribute = GSPAWN_N_ATTRIBUTES;
      return FALSE;
    }
#undef REFUSED
}

static void
test_refused (void)
{
  g_autoptr (GSpawnAttributes) attributes = gspawn_attributes_new ();
  GSpawnAttribute attribute;

  for (guint i = 0; ; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *prefix = NULL;
      gboolean success = set_refused (i, attributes, &attribute, &error);

      if (attribute == GSPAWN_N_ATTRIBUTES)
        break;
      prefix = g_strdup_printf ("Attribute “%s”: ", gspawn_attribute_get_name (attribute));
      if (success || !g_error_matches (error, G_SPAWN_ERROR, G_SPAWN_ERROR_INVAL) ||
          !g_str_has_prefix (error->message, prefix))
        {
          g_test_message ("%u: %s: %d, %s", i, gspawn_attribute_get_name (attribute), success,
                          error != NULL ? error->message : "no error");
          g_test_fail ();
        }
      g_assert_false (gspawn_attributes_has (attributes, attribute));
      g_assert_false (set_refused (i, attributes, &attribute, NULL));
    }
}

static char *
get_child_text (GSpawnAttributes *attributes,
                const char       *group,
                const char       *key)
{
  g_autoptr (GKeyFile) report = NULL;
  g_auto (Launch) launch;

  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL);
  launch_declare (&launch, attributes, GSPAWN_NEED_ATTRIBUTES);
  report = launch_report (&launch);

  return report_get_text (report, group, key);
}

/* What was refused leaves the value that there was. */
static void
test_refused_keeps (void)
{
  g_autoptr (GSpawnAttributes) attributes = gspawn_attributes_new ();
  g_autofree char *mask = NULL;

  g_assert_true (gspawn_attributes_set_umask (attributes, 0111, NULL));
  g_assert_false (gspawn_attributes_set_umask (attributes, 01111, NULL));
  g_assert_true (gspawn_attributes_has (attributes, GSPAWN_ATTRIBUTE_UMASK));

  mask = get_child_text (attributes, "process", "umask");
  g_assert_cmpstr (mask, ==, "0111");
}

static void
test_names (void)
{
  g_autoptr (GHashTable) names = g_hash_table_new (g_str_hash, g_str_equal);

  for (GSpawnAttribute i = 0; i < GSPAWN_N_ATTRIBUTES; i++)
    {
      const char *name = gspawn_attribute_get_name (i);

      g_assert_true (name != NULL && *name != '\0');
      g_assert_cmpuint (strspn (name, "abcdefghijklmnopqrstuvwxyz-"), ==, strlen (name));
      g_assert_true (g_hash_table_add (names, (gpointer) name));
    }
}

static void
test_marks (void)
{
  g_autoptr (GSpawnAttributes) attributes = gspawn_attributes_new ();

  for (GSpawnAttribute i = 0; i < GSPAWN_N_ATTRIBUTES; i++)
    {
      g_assert_false (gspawn_attributes_has (attributes, i));
      g_assert_false (gspawn_attributes_get_optional (attributes, i));
      gspawn_attributes_set_optional (attributes, i, TRUE);
      g_assert_true (gspawn_attributes_get_optional (attributes, i));
      g_assert_false (gspawn_attributes_has (attributes, i));
      gspawn_attributes_set_optional (attributes, i, FALSE);
      g_assert_false (gspawn_attributes_get_optional (attributes, i));
    }

  gspawn_attributes_set_new_session (attributes, TRUE);
  g_assert_true (gspawn_attributes_has (attributes, GSPAWN_ATTRIBUTE_NEW_SESSION));
  gspawn_attributes_set_new_session (attributes, FALSE);
  g_assert_false (gspawn_attributes_has (attributes, GSPAWN_ATTRIBUTE_NEW_SESSION));
}

/* Where they are held; elsewhere GIO's thread may have some, too. No other program is to have
 * them. */
static int
count_held (void)
{
  int n = 0;

  for (int fd = FIRST_HELD_FD; fd < CASE_FIRST_OWN_FD; fd++)
    {
      int flags = fcntl (fd, F_GETFD);

      g_assert_true (flags < 0 || (flags & FD_CLOEXEC) != 0);
      n += flags >= 0;
    }

  return n;
}

static void
take_directory (GSpawnAttributes *attributes)
{
  int fd = open ("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  g_assert_true (gspawn_attributes_set_working_directory_fd (attributes, fd, NULL));
  close (fd);
}

/* One descriptor is held, however often it is set, and none once nobody asks for it. */
static void
test_held (void)
{
  g_autoptr (GSpawnAttributes) attributes = gspawn_attributes_new ();
  g_autoptr (GSpawnAttributes) copy = NULL;
  int n = count_held ();

  take_directory (attributes);
  take_directory (attributes);
  g_assert_cmpint (count_held (), ==, n + 1);
  g_assert_false (gspawn_attributes_set_working_directory_fd (attributes, FREE_FD, NULL));
  g_assert_cmpint (count_held (), ==, n + 1);
  g_assert_true (gspawn_attributes_has (attributes, GSPAWN_ATTRIBUTE_WORKING_DIRECTORY));

  copy = gspawn_attributes_copy (attributes, NULL);
  g_assert_cmpint (count_held (), ==, n + 2);
  gspawn_attributes_unset (attributes, GSPAWN_ATTRIBUTE_WORKING_DIRECTORY);
  g_assert_cmpint (count_held (), ==, n + 1);
  g_assert_false (gspawn_attributes_has (attributes, GSPAWN_ATTRIBUTE_WORKING_DIRECTORY));
  g_assert_true (gspawn_attributes_has (copy, GSPAWN_ATTRIBUTE_WORKING_DIRECTORY));
  g_clear_pointer (&copy, gspawn_attributes_unref);
  g_assert_cmpint (count_held (), ==, n);

  take_directory (attributes);
  g_assert_true (gspawn_attributes_ref (attributes) == attributes);
  gspawn_attributes_unref (attributes);
  g_assert_cmpint (count_held (), ==, n + 1);
}

static void
fill (GSpawnAttributes *attributes,
      guint             nofile)
{
  const guint cpus[] = { 0 };

  take_directory (attributes);
  g_assert_true (gspawn_attributes_set_limit (attributes, RLIMIT_NOFILE, nofile, nofile, NULL));
  g_assert_true (gspawn_attributes_set_cpu_affinity (attributes, cpus, 1, NULL));
  g_assert_true (gspawn_attributes_set_pid_variable (attributes, "SOME_PID", NULL));
}

/* The copy has what there was, and nothing that came later, even when the other is gone. */
static void
test_copy (void)
{
  GSpawnAttributes *attributes = gspawn_attributes_new ();
  g_autoptr (GSpawnAttributes) copy = NULL;
  g_autofree char *limit = NULL;
  g_autofree char *cpus = NULL;
  g_autofree char *path = NULL;
  g_autofree char *nice = NULL;
  g_autofree char *own_nice = g_strdup_printf ("%d", getpriority (PRIO_PROCESS, 0));
  const guint groups[] = { 1, 2, 3 };

  fill (attributes, 77);
  gspawn_attributes_set_optional (attributes, GSPAWN_ATTRIBUTE_GROUPS, TRUE);
  g_assert_true (gspawn_attributes_set_groups (attributes, groups, 3, NULL));
  copy = gspawn_attributes_copy (attributes, NULL);
  g_assert_true (gspawn_attributes_get_optional (copy, GSPAWN_ATTRIBUTE_GROUPS));
  fill (attributes, 88);
  g_assert_true (gspawn_attributes_set_nice (attributes, 9, NULL));
  limit = get_child_text (attributes, "limits", "nofile");
  g_assert_cmpstr (limit, ==, "88;88");
  g_clear_pointer (&attributes, gspawn_attributes_unref);

  g_clear_pointer (&limit, g_free);
  limit = get_child_text (copy, "limits", "nofile");
  cpus = get_child_text (copy, "scheduling", "cpus");
  path = get_child_text (copy, "directory", "path");
  nice = get_child_text (copy, "scheduling", "nice");
  g_assert_cmpstr (limit, ==, "77;77");
  g_assert_cmpstr (cpus, ==, "0");
  g_assert_cmpstr (path, ==, "/");
  g_assert_cmpstr (nice, ==, own_nice);
}

/* What was unset is not applied, and resources that had a limit have none. */
static void
test_unset (void)
{
  g_autoptr (GSpawnAttributes) attributes = gspawn_attributes_new ();
  g_autofree char *limit = NULL;
  g_autofree char *core = NULL;

  fill (attributes, 77);
  gspawn_attributes_unset (attributes, GSPAWN_ATTRIBUTE_LIMITS);
  g_assert_false (gspawn_attributes_has (attributes, GSPAWN_ATTRIBUTE_LIMITS));
  g_assert_true (gspawn_attributes_set_limit (attributes, RLIMIT_CORE, 1, 2, NULL));
  limit = get_child_text (attributes, "limits", "nofile");
  core = get_child_text (attributes, "limits", "core");
  g_assert_cmpstr (limit, ==, "4096;4096");
  g_assert_cmpstr (core, ==, "1;2");
}

/* Without a free descriptor nothing can be held, which is an error and no leak. */
static void
test_no_descriptor (void)
{
  g_autoptr (GSpawnAttributes) attributes = gspawn_attributes_new ();
  g_autoptr (GSpawnAttributes) other = gspawn_attributes_new ();
  g_autoptr (GError) error = NULL;
  struct rlimit old, limit;
  int taken[64];
  guint n = 0;

  take_directory (attributes);
  g_assert_no_errno (getrlimit (RLIMIT_NOFILE, &old));
  limit = (struct rlimit) { 60, old.rlim_max };
  g_assert_no_errno (setrlimit (RLIMIT_NOFILE, &limit));

  /* Below the numbers that are usual for them. */
  take_directory (other);
  while ((taken[n] = fcntl (1, F_DUPFD_CLOEXEC, 0)) >= 0)
    n++;
  g_assert_null (gspawn_attributes_copy (attributes, &error));
  g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_INVAL);
  g_assert_nonnull (strstr (error->message, g_strerror (EMFILE)));
  g_assert_false (gspawn_attributes_set_landlock_ruleset_fd (attributes, 1, NULL));
  g_assert_false (gspawn_attributes_has (attributes, GSPAWN_ATTRIBUTE_LANDLOCK));

  while (n > 0)
    close (taken[--n]);
  g_assert_no_errno (setrlimit (RLIMIT_NOFILE, &old));
}

const Case attribute_object_cases[] = {
  { .name = "refused", .run = test_refused },
  { .name = "refused-keeps", .run = test_refused_keeps },
  { .name = "names", .run = test_names },
  { .name = "marks", .run = test_marks },
  { .name = "held", .run = test_held },
  { .name = "copied", .run = test_copy },
  { .name = "unset", .run = test_unset },
  { .name = "no-descriptor", .run = test_no_descriptor },
  { .name = NULL }
};
