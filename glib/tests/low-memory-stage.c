/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* What the machine's settings must be for a process to be short of memory, from before the
 * process starts until it has ended. Every change goes through a module that has a custodian for
 * it; this one only puts them in order. */

#include "low-memory-stage.h"

#include <pwd.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "kernel-file.h"
#include "memory-cgroup.h"
#include "overcommit.h"

/* Enough for a child and for what a driver needs for itself, and an eighth of the page tables
 * that a copy would take. */
#define CGROUP_ROOM (G_GINT64_CONSTANT (16) << 20)

/* The kernel's value for a panic even if only a control group is out of memory. */
#define PANIC_ALWAYS 2

struct _Stage {
  const Situation *situation;
  StrictAccounting *strict;
  MemoryCgroup *cgroup;
  int lock;
};

static gint64
get_machine_memory (void)
{
  struct sysinfo machine;

  if (sysinfo (&machine) < 0)
    g_error ("sysinfo failed");

  return ((gint64) machine.totalram + machine.totalswap) * machine.mem_unit;
}

static char *
find_mapping_obstacle (const Situation *situation)
{
  OvercommitSettings settings;
  struct rlimit limit;

  if (getrlimit (RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
    return g_strdup ("the address space is limited");

  if (situation->strict)
    {
      if (access ("/proc/sys/vm/overcommit_memory", W_OK) < 0 ||
          access ("/proc/sys/vm/overcommit_kbytes", W_OK) < 0)
        return g_strdup ("vm.overcommit_memory may not be changed");
    }
  else if (!overcommit_read (&settings, NULL) || settings.mode != OVERCOMMIT_HEURISTIC)
    {
      return g_strdup ("vm.overcommit_memory is not 0");
    }

  return NULL;
}

static char *
find_cgroup_obstacle (void)
{
  g_autoptr (GError) error = NULL;
  OvercommitSettings settings;
  MemoryCgroup *cgroup;
  gint64 panic;

  if (!overcommit_read (&settings, NULL) || settings.mode == OVERCOMMIT_STRICT)
    return g_strdup ("vm.overcommit_memory is 2");
  if (!kernel_file_read_number ("/proc/sys/vm/panic_on_oom", &panic, NULL) ||
      panic == PANIC_ALWAYS)
    return g_strdup ("vm.panic_on_oom is 2");

  cgroup = memory_cgroup_new (-1, &error);
  if (cgroup == NULL)
    return g_strdup_printf ("no control group: %s", error->message);
  if (!memory_cgroup_free (cgroup))
    g_error ("A control group could not be removed");

  return NULL;
}

/* Returns why this machine cannot have @situation, or NULL. */
char *
situation_find_obstacle (const Situation *situation)
{
  int lock = overcommit_lock (FALSE);
  char *obstacle;

  if (situation->cgroup)
    obstacle = find_cgroup_obstacle ();
  else
    obstacle = find_mapping_obstacle (situation);
  close (lock);

  if (obstacle == NULL && situation->user != NULL)
    {
      if (geteuid () != 0)
        obstacle = g_strdup ("only root may become someone else");
      else if (getpwnam (situation->user) == NULL)
        obstacle = g_strdup_printf ("there is no user %s", situation->user);
    }

  return obstacle;
}

/* Skips the running test, unless this is where everything must work. */
void
situation_skip (const char *obstacle)
{
  if (g_strcmp0 (g_getenv ("GSPAWN_MUST_WORK"), "1") == 0)
    g_test_fail_printf ("everything must work here, but %s", obstacle);
  else
    g_test_skip (obstacle);
}

/* Waits until the settings may be relied on; changes nothing. */
Stage *
stage_new (const Situation *situation)
{
  Stage *stage = g_new0 (Stage, 1);

  stage->situation = situation;
  stage->lock = situation->strict ? -1 : overcommit_lock (FALSE);

  return stage;
}

/* Makes the machine ready for the process @pid to use up its memory. The room that strict
 * accounting leaves is twice the memory for that process, and once for everybody else, who
 * therefore cannot notice. */
gboolean
stage_set_up (Stage   *stage,
              GPid     pid,
              GError **error)
{
  if (stage->situation->strict)
    {
      stage->strict = strict_accounting_begin (3 * get_machine_memory (), error);
      return stage->strict != NULL;
    }

  if (!stage->situation->cgroup)
    return TRUE;

  stage->cgroup = memory_cgroup_new (stage->lock, error);
  return stage->cgroup != NULL && memory_cgroup_add (stage->cgroup, pid, error);
}

/* Takes away what the process did not use. */
gboolean
stage_tighten (Stage   *stage,
               GError **error)
{
  if (stage->cgroup == NULL)
    return TRUE;

  if (memory_cgroup_get_usage (stage->cgroup) < 2 * CGROUP_ROOM)
    {
      g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_FAILED,
                   "page tables are not charged to %s", memory_cgroup_get_path (stage->cgroup));
      return FALSE;
    }

  return memory_cgroup_limit (stage->cgroup, CGROUP_ROOM, error);
}

/* How many processes were killed for want of memory. */
gint64
stage_count_kills (Stage *stage)
{
  return stage->cgroup != NULL ? memory_cgroup_count_kills (stage->cgroup) : 0;
}

const char *
stage_get_cgroup_path (Stage *stage)
{
  return stage->cgroup != NULL ? memory_cgroup_get_path (stage->cgroup) : NULL;
}

/* Returns whether the machine is as it was before. */
gboolean
stage_free (Stage *stage)
{
  gboolean ok = TRUE;

  if (stage->strict != NULL)
    ok &= strict_accounting_end (stage->strict);
  if (stage->cgroup != NULL)
    ok &= memory_cgroup_free (stage->cgroup);
  if (stage->lock >= 0)
    close (stage->lock);
  g_free (stage);

  return ok;
}
