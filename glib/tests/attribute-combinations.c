/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Attributes together: what they do to each other, their order, and the descriptors that they
 * hold. */

#include "attribute-cases.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scene.h"

#define ATTRIBUTES GSPAWN_NEED_ATTRIBUTES
#define SOME_GROUP 70001
#define NOBODY 65534
/* Attributes hold their descriptors from here. */
#define FIRST_HELD_FD 64

#define CREDENTIALS (CAPABILITY (CAP_SETUID) | CAPABILITY (CAP_SETGID))

static void
take_limit (Stage *stage)
{
  gspawn_attributes_set_limit (stage->attributes, RLIMIT_NOFILE, 128, 256, &stage->error);
  stage_expect (stage, "limits/nofile", "128;256");
}

static void
take_death_signal (Stage *stage)
{
  gspawn_attributes_set_death_signal (stage->attributes, SIGUSR1, &stage->error);
  stage_expect (stage, "process/death-signal", "%d", SIGUSR1);
}

static void
take_session (Stage *stage)
{
  gspawn_attributes_set_new_session (stage->attributes, TRUE);
  stage_expect (stage, "process/sid", "@pid");
  stage_expect (stage, "process/pgid", "@pid");
  stage_expect (stage, "process/terminal", "0:0");
}

static void
take_user (Stage *stage)
{
  const guint groups[] = { SOME_GROUP + 1 };

  gspawn_attributes_set_user (stage->attributes, NOBODY, &stage->error);
  gspawn_attributes_set_group (stage->attributes, SOME_GROUP, &stage->error);
  gspawn_attributes_set_groups (stage->attributes, groups, G_N_ELEMENTS (groups), &stage->error);
  stage_expect (stage, "credentials/uids", "%d;%d;%d", NOBODY, NOBODY, NOBODY);
  stage_expect (stage, "credentials/gids", "%d;%d;%d", SOME_GROUP, SOME_GROUP, SOME_GROUP);
  stage_expect (stage, "credentials/groups", "%d", SOME_GROUP + 1);
  stage_expect (stage, "confinement/capabilities", "%016x", 0);
}

/* Of the two that forbid the same, the filter comes first. */
static void
take_confinement (Stage *stage)
{
  gspawn_attributes_set_no_new_privileges (stage->attributes, TRUE);
  stage_expect (stage, "confinement/no-new-privileges", "1");
  scene_take_landlock (stage);
  scene_take_filter (stage);
}

static void
take_directory (Stage *stage)
{
  g_autofree char *path = scene_path ("inside");
  struct stat st;
  int fd;

  g_assert_no_errno (mkdir (path, 0755));
  fd = scene_open_private ("inside", O_RDONLY | O_DIRECTORY);
  g_assert_no_errno (fstat (fd, &st));
  gspawn_attributes_set_working_directory_fd (stage->attributes, fd, &stage->error);
  close (fd);
  stage_expect (stage, "directory/path", "%s", path);
  stage_expect (stage, "directory/inode", "%" G_GUINT64_FORMAT, (guint64) st.st_ino);
}

static void
take_modest_priorities (Stage *stage)
{
  const guint cpus[] = { 0 };

  gspawn_attributes_set_nice (stage->attributes, 3, &stage->error);
  gspawn_attributes_set_scheduler (stage->attributes, SCHED_BATCH, 0, &stage->error);
  gspawn_attributes_set_io_priority (stage->attributes, 3, 0, &stage->error);
  gspawn_attributes_set_cpu_affinity (stage->attributes, cpus, G_N_ELEMENTS (cpus),
                                      &stage->error);
  gspawn_attributes_set_oom_score_adjustment (stage->attributes, 20, &stage->error);
  stage_expect (stage, "scheduling/nice", "3");
  stage_expect (stage, "scheduling/policy", "%d", SCHED_BATCH);
  stage_expect (stage, "scheduling/io-priority", "%d", 3 << 13);
  stage_expect (stage, "scheduling/cpus", "0");
  stage_expect (stage, "scheduling/oom-score", "20");
}

static void
take_signals (Stage *stage)
{
  const int ignored[] = { SIGUSR2 };
  const int masked[] = { SIGUSR1 };

  gspawn_attributes_set_default_signals (stage->attributes, TRUE);
  gspawn_attributes_set_ignored_signals (stage->attributes, ignored, G_N_ELEMENTS (ignored),
                                         &stage->error);
  gspawn_attributes_set_signal_mask (stage->attributes, masked, G_N_ELEMENTS (masked),
                                     &stage->error);
  stage_expect (stage, "signals/ignored", "%016x", 1u << (SIGUSR2 - 1));
  stage_expect (stage, "signals/mask", "%016x", 1u << (SIGUSR1 - 1));
}

static void
take_pid_variable (Stage *stage)
{
  g_auto (GStrv) variables = g_get_environ ();
  g_autofree char *key = g_strdup_printf ("environment/%u", g_strv_length (variables));

  gspawn_attributes_set_pid_variable (stage->attributes, "LISTEN_PID", &stage->error);
  stage_expect (stage, key, "LISTEN_PID=@pid");
  stage_expect (stage, "environment/count", "%u", g_strv_length (variables) + 1);
}

static void
group_limit_death_signal (Stage *stage)
{
  gspawn_attributes_set_process_group (stage->attributes, 0, &stage->error);
  stage_expect (stage, "process/pgid", "@pid");
  take_limit (stage);
  take_death_signal (stage);
}

static void
session_limit_death_signal (Stage *stage)
{
  take_session (stage);
  take_limit (stage);
  take_death_signal (stage);
}

static void
session_and_mask (Stage *stage)
{
  take_session (stage);
  gspawn_attributes_set_default_signals (stage->attributes, TRUE);
  gspawn_attributes_set_signal_mask (stage->attributes, NULL, 0, &stage->error);
}

static void
confined_user (Stage *stage)
{
  take_user (stage);
  take_confinement (stage);
  take_limit (stage);
  take_death_signal (stage);
}

static void
confined_by_nobody (Stage *stage)
{
  take_confinement (stage);
  take_limit (stage);
  take_death_signal (stage);
  take_directory (stage);
}

/* What takes privileges is done while there are some, and the death signal, which a change of
 * credentials would undo, when there are none. */
static void
privileges_first (Stage *stage)
{
  take_user (stage);
  take_death_signal (stage);
  gspawn_attributes_set_nice (stage->attributes, -5, &stage->error);
  gspawn_attributes_set_scheduler (stage->attributes, SCHED_FIFO, 2, &stage->error);
  gspawn_attributes_set_io_priority (stage->attributes, 1, 3, &stage->error);
  gspawn_attributes_set_namespaces (stage->attributes, CLONE_NEWUTS, &stage->error);
  stage_expect (stage, "scheduling/nice", "-5");
  stage_expect (stage, "scheduling/policy", "%d", SCHED_FIFO);
  stage_expect (stage, "scheduling/priority", "2");
  stage_expect (stage, "scheduling/io-priority", "%d", 1 << 13 | 3);
  stage_expect_other (stage, "namespaces/uts");
}

static void
resources_first (Stage *stage)
{
  struct rlimit limit;

  g_assert_no_errno (getrlimit (RLIMIT_NOFILE, &limit));
  take_user (stage);
  gspawn_attributes_set_oom_score_adjustment (stage->attributes, -100, &stage->error);
  gspawn_attributes_set_limit (stage->attributes, RLIMIT_NOFILE, 64, limit.rlim_max + 1,
                               &stage->error);
  stage_expect (stage, "scheduling/oom-score", "-100");
  stage_expect (stage, "limits/nofile", "64;%" G_GUINT64_FORMAT, (guint64) limit.rlim_max + 1);
}

static void
everything (Stage *stage)
{
  take_signals (stage);
  take_session (stage);
  take_directory (stage);
  gspawn_attributes_set_umask (stage->attributes, 077, &stage->error);
  stage_expect (stage, "process/umask", "0077");
  gspawn_attributes_set_controlling_terminal (stage->attributes, 0, &stage->error);
  stage_expect (stage, "process/terminal", "@terminal");
  gspawn_attributes_set_namespaces (stage->attributes, CLONE_NEWUTS, &stage->error);
  stage_expect_other (stage, "namespaces/uts");
  gspawn_attributes_set_personality (stage->attributes, ADDR_NO_RANDOMIZE, &stage->error);
  stage_expect (stage, "process/personality", "%#x", ADDR_NO_RANDOMIZE);
  take_limit (stage);
  take_modest_priorities (stage);
  take_user (stage);
  take_death_signal (stage);
  take_confinement (stage);
  take_pid_variable (stage);
}

/* The map takes the numbers of the held descriptors, and more than it has operations between. */
static void
held_in_the_way (Stage *stage)
{
  static const int sources[] = { 2, 2, 1, 2 };
  static const int targets[] = { FIRST_HELD_FD + 1, FIRST_HELD_FD, FIRST_HELD_FD + 2, 3 };

  take_directory (stage);
  gspawn_attributes_set_no_new_privileges (stage->attributes, TRUE);
  stage_expect (stage, "confinement/no-new-privileges", "1");
  scene_take_landlock (stage);
  g_assert_no_errno (fcntl (FIRST_HELD_FD, F_GETFD));
  g_assert_no_errno (fcntl (FIRST_HELD_FD + 1, F_GETFD));

  stage->sources = sources;
  stage->targets = targets;
  stage->n_mapped = G_N_ELEMENTS (sources);
}

static void
held_and_left_open (Stage *stage)
{
  take_directory (stage);
  stage->flags = G_SPAWN_LEAVE_DESCRIPTORS_OPEN;
}

static void
traced_user (Stage *stage)
{
  take_user (stage);
  gspawn_attributes_set_trace_me (stage->attributes, TRUE);
  stage_expect (stage, "confinement/tracer", "%d", getpid ());
}

const AttributeRow attribute_combinations[] = {
  { "group-limit-death-signal", group_limit_death_signal, GSPAWN_NEED_PROCESS_GROUP | ATTRIBUTES,
    STAGE_OWN_CHILD, 0, 0, 0 },
  { "session-limit-death-signal", session_limit_death_signal, GSPAWN_NEED_SESSION | ATTRIBUTES,
    STAGE_OWN_CHILD, 0, 0, 0 },
  { "session-and-mask", session_and_mask, GSPAWN_NEED_SESSION | GSPAWN_NEED_SIGNALS, 0, 0, 0, 0 },
  { "confined-user", confined_user, ATTRIBUTES | GSPAWN_NEED_SECCOMP_FILTER, STAGE_OWN_CHILD,
    CREDENTIALS, 0, 0 },
  { "confined-by-nobody", confined_by_nobody, ATTRIBUTES | GSPAWN_NEED_SECCOMP_FILTER,
    STAGE_OWN_CHILD | STAGE_NOBODY, 0, 0, 0 },
  { "privileges-first", privileges_first, ATTRIBUTES, STAGE_OWN_CHILD,
    CREDENTIALS | CAPABILITY (CAP_SYS_NICE) | CAPABILITY (CAP_SYS_ADMIN), 0, 0 },
  { "resources-first", resources_first, ATTRIBUTES, 0,
    CREDENTIALS | CAPABILITY (CAP_SYS_RESOURCE), 0, 0 },
  { "everything", everything,
    GSPAWN_NEED_SESSION | GSPAWN_NEED_SIGNALS | ATTRIBUTES | GSPAWN_NEED_SECCOMP_FILTER,
    STAGE_OWN_CHILD | STAGE_TERMINAL | STAGE_ENVIRONMENT,
    CREDENTIALS | CAPABILITY (CAP_SYS_ADMIN), 0, 0 },
  { "held-in-the-way", held_in_the_way, ATTRIBUTES, STAGE_NOT_GLIB, 0, 0, 0 },
  { "held-and-left-open", held_and_left_open, ATTRIBUTES, 0, 0, 0, 0 },
  { "traced-user", traced_user, ATTRIBUTES | GSPAWN_NEED_TRACE_ME,
    STAGE_OWN_CHILD | STAGE_TRACED, CREDENTIALS, 0, 0 },
  { .name = NULL }
};
