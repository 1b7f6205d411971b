/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Attributes that the kernel refuses: the launch fails, the error says which one and why, and the
 * caller is as before. Where the one is optional, the child does without it. */

#include "attribute-cases.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scene.h"

#define ATTRIBUTES GSPAWN_NEED_ATTRIBUTES
#define NO_CPU 4000
#define FREE_FD 99

static void
missing_group (Stage *stage)
{
  gspawn_attributes_set_process_group (stage->attributes, G_MAXINT, &stage->error);
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
group_of_leader (Stage *stage)
{
  take_session (stage);
  gspawn_attributes_set_process_group (stage->attributes, 0, &stage->error);
}

static void
forbidden_directory (Stage *stage)
{
  g_autofree char *path = scene_path ("forbidden");
  int fd;

  g_assert_no_errno (mkdir (path, 0));
  fd = scene_open_private ("forbidden", O_PATH | O_DIRECTORY);
  gspawn_attributes_set_working_directory_fd (stage->attributes, fd, &stage->error);
  close (fd);
}

static void
no_terminal (Stage *stage)
{
  take_session (stage);
  gspawn_attributes_set_controlling_terminal (stage->attributes, 0, &stage->error);
}

static void
closed_terminal (Stage *stage)
{
  take_session (stage);
  gspawn_attributes_set_controlling_terminal (stage->attributes, FREE_FD, &stage->error);
}

static void
terminal_of_others (Stage *stage)
{
  gspawn_attributes_set_controlling_terminal (stage->attributes, 0, &stage->error);
}

static void
no_cgroup (Stage *stage)
{
  int fd = open (".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  gspawn_attributes_set_cgroup_fd (stage->attributes, fd, &stage->error);
  close (fd);
}

static void
lower_oom_score (Stage *stage)
{
  gspawn_attributes_set_oom_score_adjustment (stage->attributes, -500, &stage->error);
}

static void
namespaces (Stage *stage)
{
  gspawn_attributes_set_namespaces (stage->attributes, CLONE_NEWUTS, &stage->error);
}

static void
raised_limit (Stage *stage)
{
  struct rlimit limit;

  g_assert_no_errno (getrlimit (RLIMIT_NOFILE, &limit));
  gspawn_attributes_set_limit (stage->attributes, RLIMIT_NOFILE, 10, limit.rlim_max + 1,
                               &stage->error);
}

static void
favoured_nice (Stage *stage)
{
  gspawn_attributes_set_nice (stage->attributes, -20, &stage->error);
}

static void
real_time_scheduler (Stage *stage)
{
  gspawn_attributes_set_scheduler (stage->attributes, SCHED_FIFO, 1, &stage->error);
}

static void
real_time_io_priority (Stage *stage)
{
  gspawn_attributes_set_io_priority (stage->attributes, 1, 0, &stage->error);
}

static void
missing_cpu (Stage *stage)
{
  const guint cpus[] = { NO_CPU };

  gspawn_attributes_set_cpu_affinity (stage->attributes, cpus, G_N_ELEMENTS (cpus),
                                      &stage->error);
}

static void
groups (Stage *stage)
{
  gspawn_attributes_set_groups (stage->attributes, NULL, 0, &stage->error);
}

static void
group (Stage *stage)
{
  gspawn_attributes_set_group (stage->attributes, 0, &stage->error);
}

static void
user (Stage *stage)
{
  gspawn_attributes_set_user (stage->attributes, 0, &stage->error);
}

static void
take_no_new_privileges (Stage *stage)
{
  gspawn_attributes_set_no_new_privileges (stage->attributes, TRUE);
  stage_expect (stage, "confinement/no-new-privileges", "1");
}

static void
no_ruleset (Stage *stage)
{
  int fd = open (".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  take_no_new_privileges (stage);
  gspawn_attributes_set_landlock_ruleset_fd (stage->attributes, fd, &stage->error);
  close (fd);
}

static void
privileged_landlock (Stage *stage)
{
  scene_take_landlock (stage);
  g_hash_table_remove (stage->changes, "confinement/directory-errno");
}

/* It does not end in an answer. */
static void
broken_filter (Stage *stage)
{
  const struct sock_filter instructions[] = { BPF_STMT (BPF_LD | BPF_W | BPF_ABS, 0) };
  g_autoptr (GBytes) filter = g_bytes_new (instructions, sizeof instructions);

  take_no_new_privileges (stage);
  gspawn_attributes_set_seccomp_filter (stage->attributes, filter, &stage->error);
}

static void
privileged_filter (Stage *stage)
{
  scene_take_filter (stage);
  g_hash_table_remove_all (stage->changes);
}

const AttributeRow attribute_failures[] = {
  { "no-process-group", missing_group, GSPAWN_NEED_PROCESS_GROUP | ATTRIBUTES, STAGE_FAILS, 0,
    GSPAWN_ATTRIBUTE_PROCESS_GROUP, EPERM },
  { "no-group-of-leader", group_of_leader,
    GSPAWN_NEED_SESSION | GSPAWN_NEED_PROCESS_GROUP | ATTRIBUTES, STAGE_FAILS, 0,
    GSPAWN_ATTRIBUTE_PROCESS_GROUP, EPERM },
  { "no-working-directory", forbidden_directory, ATTRIBUTES, STAGE_FAILS | STAGE_NOBODY, 0,
    GSPAWN_ATTRIBUTE_WORKING_DIRECTORY, EACCES },
  { "no-controlling-terminal", no_terminal, GSPAWN_NEED_SESSION | ATTRIBUTES, STAGE_FAILS, 0,
    GSPAWN_ATTRIBUTE_CONTROLLING_TERMINAL, ENOTTY },
  { "no-closed-terminal", closed_terminal, GSPAWN_NEED_SESSION | ATTRIBUTES, STAGE_FAILS, 0,
    GSPAWN_ATTRIBUTE_CONTROLLING_TERMINAL, EBADF },
  { "no-terminal-without-session", terminal_of_others, ATTRIBUTES, STAGE_FAILS | STAGE_TERMINAL,
    0, GSPAWN_ATTRIBUTE_CONTROLLING_TERMINAL, EPERM },
  { "no-cgroup", no_cgroup, ATTRIBUTES, STAGE_FAILS, 0, GSPAWN_ATTRIBUTE_CGROUP, ENOENT },
  { "no-oom-score", lower_oom_score, ATTRIBUTES, STAGE_FAILS | STAGE_NOBODY, 0,
    GSPAWN_ATTRIBUTE_OOM_SCORE, EACCES },
  { "no-namespaces", namespaces, ATTRIBUTES, STAGE_FAILS | STAGE_NOBODY, 0,
    GSPAWN_ATTRIBUTE_NAMESPACES, EPERM },
  { "no-limits", raised_limit, ATTRIBUTES, STAGE_FAILS | STAGE_NOBODY, 0,
    GSPAWN_ATTRIBUTE_LIMITS, EPERM },
  { "no-nice", favoured_nice, ATTRIBUTES, STAGE_FAILS | STAGE_NOBODY, 0,
    GSPAWN_ATTRIBUTE_NICE, EACCES },
  { "no-scheduler", real_time_scheduler, ATTRIBUTES, STAGE_FAILS | STAGE_NOBODY, 0,
    GSPAWN_ATTRIBUTE_SCHEDULER, EPERM },
  { "no-io-priority", real_time_io_priority, ATTRIBUTES, STAGE_FAILS | STAGE_NOBODY, 0,
    GSPAWN_ATTRIBUTE_IO_PRIORITY, EPERM },
  { "no-cpu-affinity", missing_cpu, ATTRIBUTES, STAGE_FAILS, 0,
    GSPAWN_ATTRIBUTE_CPU_AFFINITY, EINVAL },
  { "no-groups", groups, ATTRIBUTES, STAGE_FAILS | STAGE_NOBODY, 0,
    GSPAWN_ATTRIBUTE_GROUPS, EPERM },
  { "no-group", group, ATTRIBUTES, STAGE_FAILS | STAGE_NOBODY, 0,
    GSPAWN_ATTRIBUTE_GROUP, EPERM },
  { "no-user", user, ATTRIBUTES, STAGE_FAILS | STAGE_NOBODY, 0, GSPAWN_ATTRIBUTE_USER, EPERM },
  { "no-ruleset", no_ruleset, ATTRIBUTES, STAGE_FAILS, 0, GSPAWN_ATTRIBUTE_LANDLOCK, EBADFD },
  { "no-landlock", privileged_landlock, ATTRIBUTES, STAGE_FAILS | STAGE_NOBODY, 0,
    GSPAWN_ATTRIBUTE_LANDLOCK, EPERM },
  { "no-broken-filter", broken_filter, ATTRIBUTES | GSPAWN_NEED_SECCOMP_FILTER, STAGE_FAILS, 0,
    GSPAWN_ATTRIBUTE_SECCOMP_FILTER, EINVAL },
  { "no-seccomp-filter", privileged_filter, GSPAWN_NEED_SECCOMP_FILTER,
    STAGE_FAILS | STAGE_NOBODY, 0,
    GSPAWN_ATTRIBUTE_SECCOMP_FILTER, EACCES },
  { .name = NULL }
};
