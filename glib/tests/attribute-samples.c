/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* A value for each attribute, to see which engine takes it. Whether the kernel would take the value
 * does not matter, for the engine is chosen before. */

#include "attribute-samples.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

static void
set_default_signals (GSpawnAttributes *attributes)
{
  gspawn_attributes_set_default_signals (attributes, TRUE);
}

static void
set_ignored_signals (GSpawnAttributes *attributes)
{
  gspawn_attributes_set_ignored_signals (attributes, NULL, 0, NULL);
}

static void
set_new_session (GSpawnAttributes *attributes)
{
  gspawn_attributes_set_new_session (attributes, TRUE);
}

static void
set_new_group (GSpawnAttributes *attributes)
{
  gspawn_attributes_set_process_group (attributes, 0, NULL);
}

static void
set_joined_group (GSpawnAttributes *attributes)
{
  gspawn_attributes_set_process_group (attributes, getpgrp (), NULL);
}

static void
set_session_and_group (GSpawnAttributes *attributes)
{
  set_new_session (attributes);
  set_new_group (attributes);
}

static void
set_held (GSpawnAttributes  *attributes,
          gboolean         (*set) (GSpawnAttributes *, int, GError **))
{
  int fd = open ("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  set (attributes, fd, NULL);
  close (fd);
}

static void
set_working_directory (GSpawnAttributes *attributes)
{
  set_held (attributes, gspawn_attributes_set_working_directory_fd);
}

static void
set_umask (GSpawnAttributes *attributes)
{
  gspawn_attributes_set_umask (attributes, 022, NULL);
}

static void
set_controlling_terminal (GSpawnAttributes *attributes)
{
  gspawn_attributes_set_controlling_terminal (attributes, 0, NULL);
}

static void
set_cgroup (GSpawnAttributes *attributes)
{
  set_held (attributes, gspawn_attributes_set_cgroup_fd);
}

static void
set_oom_score (GSpawnAttributes *attributes)
{
  gspawn_attributes_set_oom_score_adjustment (attributes, 1, NULL);
}

static void
set_namespaces (GSpawnAttributes *attributes)
{
  gspawn_attributes_set_namespaces (attributes, CLONE_NEWUTS, NULL);
}

static void
set_personality (GSpawnAttributes *attributes)
{
  gspawn_attributes_set_personality (attributes, 0, NULL);
}

static void
set_limits (GSpawnAttributes *attributes)
{
  gspawn_attributes_set_limit (attributes, RLIMIT_CORE, 0, 0, NULL);
}

static void
set_nice (GSpawnAttributes *attributes)
{
  gspawn_attributes_set_nice (attributes, 1, NULL);
}

static void
set_scheduler (GSpawnAttributes *attributes)
{
  gspawn_attributes_set_scheduler (attributes, SCHED_BATCH, 0, NULL);
}

static void
set_io_priority (GSpawnAttributes *attributes)
{
  gspawn_attributes_set_io_priority (attributes, 2, 7, NULL);
}

static void
set_cpu_affinity (GSpawnAttributes *attributes)
{
  const guint cpus[] = { 0 };

  gspawn_attributes_set_cpu_affinity (attributes, cpus, 1, NULL);
}

static void
set_groups (GSpawnAttributes *attributes)
{
  gspawn_attributes_set_groups (attributes, NULL, 0, NULL);
}

static void
set_group (GSpawnAttributes *attributes)
{
  gspawn_attributes_set_group (attributes, getgid (), NULL);
}

static void
set_user (GSpawnAttributes *attributes)
{
  gspawn_attributes_set_user (attributes, getuid (), NULL);
}

static void
set_death_signal (GSpawnAttributes *attributes)
{
  gspawn_attributes_set_death_signal (attributes, SIGTERM, NULL);
}

static void
set_no_new_privileges (GSpawnAttributes *attributes)
{
  gspawn_attributes_set_no_new_privileges (attributes, TRUE);
}

static void
set_landlock (GSpawnAttributes *attributes)
{
  set_held (attributes, gspawn_attributes_set_landlock_ruleset_fd);
}

static void
set_trace_me (GSpawnAttributes *attributes)
{
  gspawn_attributes_set_trace_me (attributes, TRUE);
}

static void
set_pid_variable (GSpawnAttributes *attributes)
{
  gspawn_attributes_set_pid_variable (attributes, "LISTEN_PID", NULL);
}

static void
set_signal_mask (GSpawnAttributes *attributes)
{
  gspawn_attributes_set_signal_mask (attributes, NULL, 0, NULL);
}

static void
set_seccomp_filter (GSpawnAttributes *attributes)
{
  static const guint64 allow = G_GUINT64_CONSTANT (0x7fff000000000006);
  g_autoptr (GBytes) filter = g_bytes_new_static (&allow, sizeof allow);

  gspawn_attributes_set_seccomp_filter (attributes, filter, NULL);
}

const AttributeSample attribute_samples[] = {
  { GSPAWN_ATTRIBUTE_DEFAULT_SIGNALS, "", set_default_signals },
  { GSPAWN_ATTRIBUTE_IGNORED_SIGNALS, "", set_ignored_signals },
  { GSPAWN_ATTRIBUTE_NEW_SESSION, "", set_new_session },
  { GSPAWN_ATTRIBUTE_PROCESS_GROUP, ", a new one", set_new_group },
  { GSPAWN_ATTRIBUTE_PROCESS_GROUP, ", to join", set_joined_group },
  { GSPAWN_ATTRIBUTE_PROCESS_GROUP, " with `new-session`", set_session_and_group },
  { GSPAWN_ATTRIBUTE_WORKING_DIRECTORY, "", set_working_directory },
  { GSPAWN_ATTRIBUTE_UMASK, "", set_umask },
  { GSPAWN_ATTRIBUTE_CONTROLLING_TERMINAL, "", set_controlling_terminal },
  { GSPAWN_ATTRIBUTE_CGROUP, "", set_cgroup },
  { GSPAWN_ATTRIBUTE_OOM_SCORE, "", set_oom_score },
  { GSPAWN_ATTRIBUTE_NAMESPACES, "", set_namespaces },
  { GSPAWN_ATTRIBUTE_PERSONALITY, "", set_personality },
  { GSPAWN_ATTRIBUTE_LIMITS, "", set_limits },
  { GSPAWN_ATTRIBUTE_NICE, "", set_nice },
  { GSPAWN_ATTRIBUTE_SCHEDULER, "", set_scheduler },
  { GSPAWN_ATTRIBUTE_IO_PRIORITY, "", set_io_priority },
  { GSPAWN_ATTRIBUTE_CPU_AFFINITY, "", set_cpu_affinity },
  { GSPAWN_ATTRIBUTE_GROUPS, "", set_groups },
  { GSPAWN_ATTRIBUTE_GROUP, "", set_group },
  { GSPAWN_ATTRIBUTE_USER, "", set_user },
  { GSPAWN_ATTRIBUTE_DEATH_SIGNAL, "", set_death_signal },
  { GSPAWN_ATTRIBUTE_NO_NEW_PRIVILEGES, "", set_no_new_privileges },
  { GSPAWN_ATTRIBUTE_LANDLOCK, "", set_landlock },
  { GSPAWN_ATTRIBUTE_TRACE_ME, "", set_trace_me },
  { GSPAWN_ATTRIBUTE_PID_VARIABLE, "", set_pid_variable },
  { GSPAWN_ATTRIBUTE_SIGNAL_MASK, "", set_signal_mask },
  { GSPAWN_ATTRIBUTE_SECCOMP_FILTER, "", set_seccomp_filter },
  { .set = NULL }
};
