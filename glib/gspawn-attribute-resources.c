/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * The values of the attributes about resources: how much of processors, memory and disks a child
 * gets. Checked and kept as those in gspawn-attribute-signals.c. */
#include "config.h"

#include "gspawn-attributes-private.h"

#include <linux/ioprio.h>
#include <sched.h>
#include <sys/stat.h>

#define BITS_PER_LONG (8 * sizeof (long))
/* More than any kernel is built for. */
#define MAX_CPUS (64 * 1024)
#define MAX_OOM_SCORE 1000
#define IO_PRIORITY_LEVELS 8

/* What the setter of limits takes for them. */
G_STATIC_ASSERT (sizeof (rlim_t) == sizeof (guint64) && RLIM_INFINITY == G_MAXUINT64);

/**
 * gspawn_attributes_set_cgroup_fd:
 * @attributes: attributes
 * @fd: descriptor of a control group's directory, which is duplicated
 * @error: (out) (optional): why it was refused
 *
 * Puts the child into a control group. Where the kernel can, the child is made there (version 2, by
 * `CLONE_INTO_CGROUP`); elsewhere it moves itself before the program runs.
 *
 * Returns: %TRUE, or %FALSE if @fd is not open on a directory
 *
 * Since: 0.1
 */
gboolean
gspawn_attributes_set_cgroup_fd (GSpawnAttributes  *attributes,
                                 int                fd,
                                 GError           **error)
{
  const GSpawnAttribute attribute = GSPAWN_ATTRIBUTE_CGROUP;
  struct stat status;

  g_return_val_if_fail (attributes != NULL, FALSE);

  if (fstat (fd, &status) == 0 && !S_ISDIR (status.st_mode))
    return _gspawn_attribute_refuse (error, attribute, "descriptor %d is not a directory", fd);

  return _gspawn_attributes_hold (attributes, GSPAWN_HELD_CGROUP, fd, error);
}

/**
 * gspawn_attributes_set_oom_score_adjustment:
 * @attributes: attributes
 * @adjustment: from −1000, never, to 1000, first
 * @error: (out) (optional): why it was refused
 *
 * Sets how readily the kernel kills the program when memory runs out, as the child's
 * `oom_score_adj`. To lower it takes privileges.
 *
 * Returns: %TRUE, or %FALSE if @adjustment is out of range
 *
 * Since: 0.1
 */
gboolean
gspawn_attributes_set_oom_score_adjustment (GSpawnAttributes  *attributes,
                                            int                adjustment,
                                            GError           **error)
{
  const GSpawnAttribute attribute = GSPAWN_ATTRIBUTE_OOM_SCORE;

  g_return_val_if_fail (attributes != NULL, FALSE);

  if (ABS ((gint64) adjustment) > MAX_OOM_SCORE)
    return _gspawn_attribute_refuse (error, attribute, "%d is not in −1000…1000", adjustment);

  g_snprintf (attributes->oom_score, sizeof attributes->oom_score, "%d", adjustment);
  _gspawn_attributes_mark (attributes, attribute, TRUE);
  return TRUE;
}

/**
 * gspawn_attributes_set_limit:
 * @attributes: attributes
 * @resource: a resource of setrlimit(), such as `RLIMIT_NOFILE`
 * @soft: the limit in force, or %G_MAXUINT64 for none; in the unit of the resource
 * @hard: how far the program may raise that
 * @error: (out) (optional): why it was refused
 *
 * Sets a resource limit of the program. Each resource can be given one.
 *
 * Returns: %TRUE, or %FALSE if there is no such resource or @soft is above @hard
 *
 * Since: 0.1
 */
gboolean
gspawn_attributes_set_limit (GSpawnAttributes  *attributes,
                             int                resource,
                             guint64            soft,
                             guint64            hard,
                             GError           **error)
{
  const GSpawnAttribute attribute = GSPAWN_ATTRIBUTE_LIMITS;

  g_return_val_if_fail (attributes != NULL, FALSE);

  if (resource < 0 || resource >= (int) RLIM_NLIMITS)
    return _gspawn_attribute_refuse (error, attribute, "%d is not a resource", resource);
  if (soft > hard)
    return _gspawn_attribute_refuse (error, attribute, "the limit is above what it can be raised to");

  attributes->limits[resource] = (struct rlimit) { soft, hard };
  attributes->limits_set |= 1u << resource;
  _gspawn_attributes_mark (attributes, attribute, TRUE);
  return TRUE;
}

/**
 * gspawn_attributes_set_nice:
 * @attributes: attributes
 * @nice: from −20, most favoured, to 19
 * @error: (out) (optional): why it was refused
 *
 * Sets the nice value of the program, by setpriority(): the value itself, and not a change of the
 * caller's. To lower it takes privileges.
 *
 * Returns: %TRUE, or %FALSE if @nice is out of range
 *
 * Since: 0.1
 */
gboolean
gspawn_attributes_set_nice (GSpawnAttributes  *attributes,
                            int                nice,
                            GError           **error)
{
  g_return_val_if_fail (attributes != NULL, FALSE);

  if (nice < PRIO_MIN || nice >= PRIO_MAX)
    return _gspawn_attribute_refuse (error, GSPAWN_ATTRIBUTE_NICE, "%d is not in −20…19", nice);

  attributes->nice = nice;
  _gspawn_attributes_mark (attributes, GSPAWN_ATTRIBUTE_NICE, TRUE);
  return TRUE;
}

/**
 * gspawn_attributes_set_scheduler:
 * @attributes: attributes
 * @policy: a policy of sched_setscheduler(), such as `SCHED_BATCH`
 * @priority: a priority of that policy, 0 for those that have none
 * @error: (out) (optional): why they were refused
 *
 * Sets how the kernel shares processors between the program and others. To be favoured takes
 * privileges.
 *
 * Returns: %TRUE, or %FALSE if there is no such policy, or it has no such priority
 *
 * Since: 0.1
 */
gboolean
gspawn_attributes_set_scheduler (GSpawnAttributes  *attributes,
                                 int                policy,
                                 int                priority,
                                 GError           **error)
{
  const GSpawnAttribute attribute = GSPAWN_ATTRIBUTE_SCHEDULER;
  /* A child may be made so that its own children are not. */
  int kind = policy & ~SCHED_RESET_ON_FORK;

  g_return_val_if_fail (attributes != NULL, FALSE);

  if (kind != SCHED_OTHER && kind != SCHED_FIFO && kind != SCHED_RR && kind != SCHED_BATCH &&
      kind != SCHED_IDLE)
    return _gspawn_attribute_refuse (error, attribute, "%d is not a policy", policy);
  if (priority < sched_get_priority_min (kind) || priority > sched_get_priority_max (kind))
    return _gspawn_attribute_refuse (error, attribute, "%d is not a priority of the policy",
                                     priority);

  attributes->scheduling_policy = policy;
  attributes->scheduling_priority = priority;
  _gspawn_attributes_mark (attributes, attribute, TRUE);
  return TRUE;
}

/**
 * gspawn_attributes_set_io_priority:
 * @attributes: attributes
 * @io_class: 1 for real time, 2 for best effort, 3 for idle, as for ionice
 * @level: from 0, first, to 7
 * @error: (out) (optional): why they were refused
 *
 * Sets the program's place in the queues of disks, by ioprio_set().
 *
 * Returns: %TRUE, or %FALSE if @io_class or @level is out of range
 *
 * Since: 0.1
 */
gboolean
gspawn_attributes_set_io_priority (GSpawnAttributes  *attributes,
                                   int                io_class,
                                   int                level,
                                   GError           **error)
{
  const GSpawnAttribute attribute = GSPAWN_ATTRIBUTE_IO_PRIORITY;

  g_return_val_if_fail (attributes != NULL, FALSE);

  if (io_class < IOPRIO_CLASS_RT || io_class > IOPRIO_CLASS_IDLE)
    return _gspawn_attribute_refuse (error, attribute, "%d is not a class", io_class);
  if (level < 0 || level >= IO_PRIORITY_LEVELS)
    return _gspawn_attribute_refuse (error, attribute, "%d is not a level", level);

  attributes->io_priority = IOPRIO_PRIO_VALUE (io_class, level);
  _gspawn_attributes_mark (attributes, attribute, TRUE);
  return TRUE;
}

/**
 * gspawn_attributes_set_cpu_affinity:
 * @attributes: attributes
 * @cpus: (array length=n_cpus): numbers of processors, from 0
 * @n_cpus: how many, at least one
 * @error: (out) (optional): why they were refused
 *
 * Sets the processors that the program may run on, by sched_setaffinity(). A launch fails with
 * `EINVAL` if the machine has none of them.
 *
 * Returns: %TRUE, or %FALSE if there is none, or one has no number that a processor can have
 *
 * Since: 0.1
 */
gboolean
gspawn_attributes_set_cpu_affinity (GSpawnAttributes  *attributes,
                                    const guint       *cpus,
                                    gsize              n_cpus,
                                    GError           **error)
{
  const GSpawnAttribute attribute = GSPAWN_ATTRIBUTE_CPU_AFFINITY;
  guint max = 0;
  gsize n_words;

  g_return_val_if_fail (attributes != NULL, FALSE);
  g_return_val_if_fail (n_cpus == 0 || cpus != NULL, FALSE);

  if (n_cpus == 0)
    return _gspawn_attribute_refuse (error, attribute, "there is no processor in the list");
  for (gsize i = 0; i < n_cpus; i++)
    {
      if (cpus[i] >= MAX_CPUS)
        return _gspawn_attribute_refuse (error, attribute, "%u is not a processor", cpus[i]);
      max = MAX (max, cpus[i]);
    }

  n_words = max / BITS_PER_LONG + 1;
  g_free (attributes->cpus);
  attributes->cpus = g_new0 (unsigned long, n_words);
  attributes->cpus_size = n_words * sizeof (unsigned long);
  for (gsize i = 0; i < n_cpus; i++)
    attributes->cpus[cpus[i] / BITS_PER_LONG] |= 1ul << cpus[i] % BITS_PER_LONG;

  _gspawn_attributes_mark (attributes, attribute, TRUE);
  return TRUE;
}
