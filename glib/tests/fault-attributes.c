/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * The attributes of requests that faults are let loose on. Each has a value that the kernel takes,
 * of this caller and here: what it refuses is for the fault to say. */
#include "fault-attributes.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/magic.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#define NOBODY 65534
#define SOME_GROUP 70001

static void
must (gboolean    success,
      const char *what)
{
  if (!success)
    g_error ("%s: %s", what, g_strerror (errno));
}

/* Holds a directory, which is closed again. */
static void
hold (GSpawnAttributes  *attributes,
      const char        *path,
      gboolean         (*set) (GSpawnAttributes *, int, GError **))
{
  int fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  must (fd >= 0, path);
  must (set (attributes, fd, NULL), path);
  close (fd);
}

static void
hold_below (GSpawnAttributes  *attributes,
            const char        *directory,
            const char        *name,
            gboolean         (*set) (GSpawnAttributes *, int, GError **))
{
  g_autofree char *path = g_build_filename (directory, name, NULL);

  hold (attributes, path, set);
}

/* The other side stays open, so that the terminal is one. */
static void
open_terminal (void)
{
  int master = posix_openpt (O_RDWR | O_NOCTTY | O_CLOEXEC);
  char name[64];
  int fd;

  must (master >= 0 && grantpt (master) == 0 && unlockpt (master) == 0 &&
        ptsname_r (master, name, sizeof name) == 0, "terminal");
  fd = open (name, O_RDWR | O_NOCTTY | O_CLOEXEC);
  must (fd >= 0 && dup3 (fd, FAULT_TERMINAL_FD, O_CLOEXEC) == FAULT_TERMINAL_FD, name);
  close (fd);
}

static void
set_signals (GSpawnAttributes *attributes)
{
  const int ignored[] = { SIGHUP, SIGUSR1 };
  const int blocked[] = { SIGWINCH, SIGUSR2 };

  gspawn_attributes_set_default_signals (attributes, TRUE);
  gspawn_attributes_set_ignored_signals (attributes, ignored, G_N_ELEMENTS (ignored), NULL);
  gspawn_attributes_set_signal_mask (attributes, blocked, G_N_ELEMENTS (blocked), NULL);
}

static void
set_place (GSpawnAttributes *attributes,
           const char       *directory)
{
  open_terminal ();
  gspawn_attributes_set_new_session (attributes, TRUE);
  gspawn_attributes_set_controlling_terminal (attributes, 0, NULL);
  hold_below (attributes, directory, "cwd", gspawn_attributes_set_working_directory_fd);
  hold_below (attributes, directory, FAULT_CGROUP, gspawn_attributes_set_cgroup_fd);
  gspawn_attributes_set_umask (attributes, 027, NULL);
  gspawn_attributes_set_oom_score_adjustment (attributes, 500, NULL);
  gspawn_attributes_set_personality (attributes, ADDR_NO_RANDOMIZE, NULL);
  gspawn_attributes_set_limit (attributes, RLIMIT_CPU, 1000, 2000, NULL);
  gspawn_attributes_set_pid_variable (attributes, "LISTEN_PID", NULL);
}

static void
set_share (GSpawnAttributes *attributes)
{
  cpu_set_t cpus;
  guint cpu = 0;

  must (sched_getaffinity (0, sizeof cpus, &cpus) == 0, "sched_getaffinity");
  while (!CPU_ISSET (cpu, &cpus))
    cpu++;
  gspawn_attributes_set_cpu_affinity (attributes, &cpu, 1, NULL);
  gspawn_attributes_set_nice (attributes, 7, NULL);
  gspawn_attributes_set_scheduler (attributes, SCHED_BATCH, 0, NULL);
  gspawn_attributes_set_io_priority (attributes, 2, 6, NULL);
}

/* Forbids a thing that the program does not do. */
static void
set_landlock (GSpawnAttributes *attributes)
{
  const struct landlock_ruleset_attr attr = {
    .handled_access_fs = LANDLOCK_ACCESS_FS_MAKE_BLOCK,
  };
  int fd = (int) syscall (SYS_landlock_create_ruleset, &attr, sizeof attr, 0);

  /* Not every kernel has it, and a sandbox may forbid it. */
  if (fd < 0)
    return;
  gspawn_attributes_set_landlock_ruleset_fd (attributes, fd, NULL);
  close (fd);
}

static void
set_filter (GSpawnAttributes *attributes)
{
  const struct sock_filter instructions[] = {
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  g_autoptr (GBytes) filter = g_bytes_new (instructions, sizeof instructions);

  gspawn_attributes_set_seccomp_filter (attributes, filter, NULL);
}

static void
set_rights (GSpawnAttributes *attributes)
{
  const guint groups[] = { SOME_GROUP };

  if (getuid () == 0)
    {
      gspawn_attributes_set_groups (attributes, groups, G_N_ELEMENTS (groups), NULL);
      gspawn_attributes_set_group (attributes, SOME_GROUP, NULL);
      gspawn_attributes_set_user (attributes, NOBODY, NULL);
      gspawn_attributes_set_namespaces (attributes, CLONE_NEWUTS, NULL);
    }
  gspawn_attributes_set_no_new_privileges (attributes, TRUE);
  gspawn_attributes_set_death_signal (attributes, SIGTERM, NULL);
  set_landlock (attributes);
  set_filter (attributes);
}

/* Where the caller is already: that takes no right and changes nothing. Without such a hierarchy it
 * is a directory like any other, which a child can only write to. */
static void
set_own_cgroup (GSpawnAttributes *attributes,
                const char       *directory)
{
  static const char *const roots[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
  g_autofree char *text = NULL;
  const char *own;
  struct statfs status;

  must (g_file_get_contents ("/proc/self/cgroup", &text, NULL, NULL), "/proc/self/cgroup");
  own = g_strrstr (text, "0::/");
  for (gsize i = 0; own != NULL && i < G_N_ELEMENTS (roots); i++)
    if (statfs (roots[i], &status) == 0 && status.f_type == CGROUP2_SUPER_MAGIC)
      {
        g_autofree char *line = g_strndup (own + 3, strcspn (own + 3, "\n"));

        hold_below (attributes, roots[i], line, gspawn_attributes_set_cgroup_fd);
        return;
      }
  hold_below (attributes, directory, FAULT_CGROUP, gspawn_attributes_set_cgroup_fd);
}

/*
 * fault_attributes_new: (skip)
 * @kind: which
 * @directory: the stage's
 * @optional: whether the child can do without each of them
 * @left_out: those that are not set, as bits
 *
 * Returns: (transfer full) (nullable): the attributes, or %NULL for none
 */
GSpawnAttributes *
fault_attributes_new (FaultAttributes  kind,
                      const char      *directory,
                      gboolean         optional,
                      guint            left_out)
{
  GSpawnAttributes *attributes = gspawn_attributes_new ();

  switch (kind)
    {
    case FAULT_ATTRIBUTES_MOST:
      set_signals (attributes);
      set_place (attributes, directory);
      set_share (attributes);
      set_rights (attributes);
      break;
    case FAULT_ATTRIBUTES_JOINED:
      gspawn_attributes_set_process_group (attributes, getpgrp (), NULL);
      break;
    case FAULT_ATTRIBUTES_GROUP:
      set_signals (attributes);
      gspawn_attributes_unset (attributes, GSPAWN_ATTRIBUTE_IGNORED_SIGNALS);
      gspawn_attributes_set_process_group (attributes, 0, NULL);
      break;
    case FAULT_ATTRIBUTES_SESSION:
      gspawn_attributes_set_new_session (attributes, TRUE);
      break;
    case FAULT_ATTRIBUTES_TRACED:
      gspawn_attributes_set_trace_me (attributes, TRUE);
      break;
    case FAULT_ATTRIBUTES_ORPHAN:
      gspawn_attributes_set_oom_score_adjustment (attributes, 500, NULL);
      gspawn_attributes_set_pid_variable (attributes, "LISTEN_PID", NULL);
      if (getuid () == 0)
        gspawn_attributes_set_user (attributes, NOBODY, NULL);
      break;
    case FAULT_ATTRIBUTES_FLIGHT:
      gspawn_attributes_set_new_session (attributes, TRUE);
      gspawn_attributes_set_umask (attributes, 027, NULL);
      gspawn_attributes_set_limit (attributes, RLIMIT_CPU, 1000, 2000, NULL);
      gspawn_attributes_set_no_new_privileges (attributes, TRUE);
      gspawn_attributes_set_pid_variable (attributes, "LISTEN_PID", NULL);
      break;
    case FAULT_ATTRIBUTES_CGROUP:
      set_own_cgroup (attributes, directory);
      break;
    case FAULT_ATTRIBUTES_NONE:
    default:
      gspawn_attributes_unref (attributes);
      return NULL;
    }

  for (int attribute = 0; attribute < GSPAWN_N_ATTRIBUTES; attribute++)
    {
      gspawn_attributes_set_optional (attributes, attribute, optional);
      if ((left_out & 1u << attribute) != 0)
        gspawn_attributes_unset (attributes, attribute);
    }

  return attributes;
}
