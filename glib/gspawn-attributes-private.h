/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * The attributes as the child sees them: values that system calls take as they are. */
#pragma once

#include <linux/filter.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "gspawn-attributes.h"
#include "gspawn-syscall-private.h"

/* The digits of a pid, and the end. */
#define GSPAWN_PID_SIZE 12

/* Descriptors that attributes hold. */
typedef enum {
  GSPAWN_HELD_DIRECTORY,
  GSPAWN_HELD_CGROUP,
  GSPAWN_HELD_LANDLOCK,
  GSPAWN_N_HELD,
} GSpawnHeld;

/* Those that mean the parent, which is not the caller for a child that is reaped: as bits. */
#define GSPAWN_PARENTHOOD_ATTRIBUTES \
  (1u << GSPAWN_ATTRIBUTE_DEATH_SIGNAL | 1u << GSPAWN_ATTRIBUTE_TRACE_ME)

/**
 * _GSpawnAttributes:
 * @set: attributes that have a value, as bits
 * @optional: attributes whose failure is ignored, as bits
 * @held_fds: descriptors of ours, or −1
 * @oom_score: the number as the kernel reads it
 * @limits_set: resources that have a limit, as bits
 * @parent_pid: who set the death signal
 * @pid_entry: the name, an equals sign, and room for a pid
 * @environment: room for the caller's environment, for a child setup function cannot make any
 *
 * Under plain GLib the child setup function runs in a copy of the caller that can allocate nothing.
 * So nothing here has to be worked out when a child is made.
 */
struct _GSpawnAttributes {
  gatomicrefcount ref_count;
  guint set;
  guint optional;

  int held_fds[GSPAWN_N_HELD];

  SysSignalSet ignored_signals;
  SysSignalSet signal_mask;
  pid_t process_group;
  mode_t umask;
  int controlling_terminal;
  char oom_score[8];
  unsigned int namespaces;
  unsigned int personality;
  guint limits_set;
  struct rlimit limits[RLIM_NLIMITS];
  int nice;
  int scheduling_policy;
  int scheduling_priority;
  int io_priority;
  unsigned long *cpus;
  gsize cpus_size;
  gid_t *groups;
  gsize n_groups;
  gid_t group;
  uid_t user;
  int death_signal;
  pid_t parent_pid;
  char *pid_entry;
  gsize pid_name_length;
  char **environment;
  gsize environment_size;
  struct sock_filter *filter;
  gsize filter_length;
};

static inline gboolean
gspawn_attributes_contain (const GSpawnAttributes *attributes,
                           GSpawnAttribute         attribute)
{
  return attributes != NULL && (attributes->set & 1u << attribute) != 0;
}

void     _gspawn_attributes_mark  (GSpawnAttributes  *attributes,
                                   GSpawnAttribute    attribute,
                                   gboolean           set);
gboolean _gspawn_attributes_hold  (GSpawnAttributes  *attributes,
                                   GSpawnHeld         held,
                                   int                fd,
                                   GError           **error);
gboolean _gspawn_attribute_refuse (GError           **error,
                                   GSpawnAttribute    attribute,
                                   const char        *format,
                                   ...) G_GNUC_PRINTF (3, 4);
