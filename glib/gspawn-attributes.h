/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>

#include "gspawn-macros.h"

G_BEGIN_DECLS

/**
 * GSpawnAttributes:
 *
 * What a child shall be, beside its program, its environment and its descriptors: declared by the
 * parent rather than coded in a child setup function.
 *
 * Every attribute is applied between the child's descriptors and its program, in the order of
 * #GSpawnAttribute.
 *
 * Since: 0.1
 */
typedef struct _GSpawnAttributes GSpawnAttributes;

/**
 * GSpawnAttribute:
 * @GSPAWN_ATTRIBUTE_DEFAULT_SIGNALS: every signal has its default action
 * @GSPAWN_ATTRIBUTE_IGNORED_SIGNALS: some signals are ignored
 * @GSPAWN_ATTRIBUTE_NEW_SESSION: it leads a session of its own
 * @GSPAWN_ATTRIBUTE_PROCESS_GROUP: the process group that it is in
 * @GSPAWN_ATTRIBUTE_WORKING_DIRECTORY: the directory that it starts in, by descriptor
 * @GSPAWN_ATTRIBUTE_UMASK: the permissions that files it creates do not get
 * @GSPAWN_ATTRIBUTE_CONTROLLING_TERMINAL: which of its descriptors is its controlling terminal
 * @GSPAWN_ATTRIBUTE_CGROUP: the control group that it is in
 * @GSPAWN_ATTRIBUTE_OOM_SCORE: how readily the kernel kills it when memory runs out
 * @GSPAWN_ATTRIBUTE_NAMESPACES: the namespaces that it has of its own
 * @GSPAWN_ATTRIBUTE_PERSONALITY: its execution domain
 * @GSPAWN_ATTRIBUTE_LIMITS: its resource limits
 * @GSPAWN_ATTRIBUTE_NICE: its nice value
 * @GSPAWN_ATTRIBUTE_SCHEDULER: its scheduling policy and priority
 * @GSPAWN_ATTRIBUTE_IO_PRIORITY: its class and level in the queue of a disk
 * @GSPAWN_ATTRIBUTE_CPU_AFFINITY: the processors that it may run on
 * @GSPAWN_ATTRIBUTE_GROUPS: its supplementary groups
 * @GSPAWN_ATTRIBUTE_GROUP: its group
 * @GSPAWN_ATTRIBUTE_USER: its user
 * @GSPAWN_ATTRIBUTE_DEATH_SIGNAL: the signal that it gets when its parent dies
 * @GSPAWN_ATTRIBUTE_NO_NEW_PRIVILEGES: neither it nor its children can gain privileges by exec
 * @GSPAWN_ATTRIBUTE_LANDLOCK: what it may do with files, as a Landlock ruleset
 * @GSPAWN_ATTRIBUTE_TRACE_ME: its parent traces it
 * @GSPAWN_ATTRIBUTE_PID_VARIABLE: an environment variable has its pid
 * @GSPAWN_ATTRIBUTE_SIGNAL_MASK: the signals that are blocked
 * @GSPAWN_ATTRIBUTE_SECCOMP_FILTER: which system calls it may make
 *
 * The attributes of a child, in the order in which they are applied.
 *
 * Since: 0.1
 */
typedef enum {
  GSPAWN_ATTRIBUTE_DEFAULT_SIGNALS,
  GSPAWN_ATTRIBUTE_IGNORED_SIGNALS,
  GSPAWN_ATTRIBUTE_NEW_SESSION,
  GSPAWN_ATTRIBUTE_PROCESS_GROUP,
  GSPAWN_ATTRIBUTE_WORKING_DIRECTORY,
  GSPAWN_ATTRIBUTE_UMASK,
  GSPAWN_ATTRIBUTE_CONTROLLING_TERMINAL,
  GSPAWN_ATTRIBUTE_CGROUP,
  GSPAWN_ATTRIBUTE_OOM_SCORE,
  GSPAWN_ATTRIBUTE_NAMESPACES,
  GSPAWN_ATTRIBUTE_PERSONALITY,
  GSPAWN_ATTRIBUTE_LIMITS,
  GSPAWN_ATTRIBUTE_NICE,
  GSPAWN_ATTRIBUTE_SCHEDULER,
  GSPAWN_ATTRIBUTE_IO_PRIORITY,
  GSPAWN_ATTRIBUTE_CPU_AFFINITY,
  GSPAWN_ATTRIBUTE_GROUPS,
  GSPAWN_ATTRIBUTE_GROUP,
  GSPAWN_ATTRIBUTE_USER,
  GSPAWN_ATTRIBUTE_DEATH_SIGNAL,
  GSPAWN_ATTRIBUTE_NO_NEW_PRIVILEGES,
  GSPAWN_ATTRIBUTE_LANDLOCK,
  GSPAWN_ATTRIBUTE_TRACE_ME,
  GSPAWN_ATTRIBUTE_PID_VARIABLE,
  GSPAWN_ATTRIBUTE_SIGNAL_MASK,
  GSPAWN_ATTRIBUTE_SECCOMP_FILTER,
} GSpawnAttribute;

/**
 * GSPAWN_N_ATTRIBUTES:
 *
 * How many values #GSpawnAttribute has.
 *
 * Since: 0.1
 */
#define GSPAWN_N_ATTRIBUTES 26

GSPAWN_AVAILABLE_IN_0_1
const char *gspawn_attribute_get_name (GSpawnAttribute attribute);

GSPAWN_AVAILABLE_IN_0_1
GSpawnAttributes *gspawn_attributes_new (void);

GSPAWN_AVAILABLE_IN_0_1
GSpawnAttributes *gspawn_attributes_copy (const GSpawnAttributes  *attributes,
                                          GError                 **error);

GSPAWN_AVAILABLE_IN_0_1
GSpawnAttributes *gspawn_attributes_ref (GSpawnAttributes *attributes);

GSPAWN_AVAILABLE_IN_0_1
void gspawn_attributes_unref (GSpawnAttributes *attributes);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (GSpawnAttributes, gspawn_attributes_unref)

GSPAWN_AVAILABLE_IN_0_1
void gspawn_attributes_child_setup (gpointer attributes);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_attributes_has (const GSpawnAttributes *attributes,
                                GSpawnAttribute         attribute);

GSPAWN_AVAILABLE_IN_0_1
void gspawn_attributes_unset (GSpawnAttributes *attributes,
                              GSpawnAttribute   attribute);

GSPAWN_AVAILABLE_IN_0_1
void gspawn_attributes_set_optional (GSpawnAttributes *attributes,
                                     GSpawnAttribute   attribute,
                                     gboolean          optional);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_attributes_get_optional (const GSpawnAttributes *attributes,
                                         GSpawnAttribute         attribute);

GSPAWN_AVAILABLE_IN_0_1
void gspawn_attributes_set_default_signals (GSpawnAttributes *attributes,
                                            gboolean          default_signals);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_attributes_set_ignored_signals (GSpawnAttributes  *attributes,
                                                const int         *signals,
                                                gsize              n_signals,
                                                GError           **error);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_attributes_set_signal_mask (GSpawnAttributes  *attributes,
                                            const int         *signals,
                                            gsize              n_signals,
                                            GError           **error);

GSPAWN_AVAILABLE_IN_0_1
void gspawn_attributes_set_new_session (GSpawnAttributes *attributes,
                                        gboolean          new_session);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_attributes_set_process_group (GSpawnAttributes  *attributes,
                                              int                process_group,
                                              GError           **error);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_attributes_set_working_directory_fd (GSpawnAttributes  *attributes,
                                                     int                fd,
                                                     GError           **error);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_attributes_set_umask (GSpawnAttributes  *attributes,
                                      guint              mask,
                                      GError           **error);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_attributes_set_controlling_terminal (GSpawnAttributes  *attributes,
                                                     int                fd,
                                                     GError           **error);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_attributes_set_cgroup_fd (GSpawnAttributes  *attributes,
                                          int                fd,
                                          GError           **error);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_attributes_set_oom_score_adjustment (GSpawnAttributes  *attributes,
                                                     int                adjustment,
                                                     GError           **error);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_attributes_set_namespaces (GSpawnAttributes  *attributes,
                                           guint              flags,
                                           GError           **error);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_attributes_set_personality (GSpawnAttributes  *attributes,
                                            guint              personality,
                                            GError           **error);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_attributes_set_limit (GSpawnAttributes  *attributes,
                                      int                resource,
                                      guint64            soft,
                                      guint64            hard,
                                      GError           **error);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_attributes_set_nice (GSpawnAttributes  *attributes,
                                     int                nice,
                                     GError           **error);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_attributes_set_scheduler (GSpawnAttributes  *attributes,
                                          int                policy,
                                          int                priority,
                                          GError           **error);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_attributes_set_io_priority (GSpawnAttributes  *attributes,
                                            int                io_class,
                                            int                level,
                                            GError           **error);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_attributes_set_cpu_affinity (GSpawnAttributes  *attributes,
                                             const guint       *cpus,
                                             gsize              n_cpus,
                                             GError           **error);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_attributes_set_groups (GSpawnAttributes  *attributes,
                                       const guint       *groups,
                                       gsize              n_groups,
                                       GError           **error);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_attributes_set_group (GSpawnAttributes  *attributes,
                                      guint              group,
                                      GError           **error);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_attributes_set_user (GSpawnAttributes  *attributes,
                                     guint              user,
                                     GError           **error);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_attributes_set_user_by_name (GSpawnAttributes  *attributes,
                                             const char        *name,
                                             GError           **error);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_attributes_set_death_signal (GSpawnAttributes  *attributes,
                                             int                death_signal,
                                             GError           **error);

GSPAWN_AVAILABLE_IN_0_1
void gspawn_attributes_set_no_new_privileges (GSpawnAttributes *attributes,
                                              gboolean          no_new_privileges);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_attributes_set_landlock_ruleset_fd (GSpawnAttributes  *attributes,
                                                    int                fd,
                                                    GError           **error);

GSPAWN_AVAILABLE_IN_0_1
void gspawn_attributes_set_trace_me (GSpawnAttributes *attributes,
                                     gboolean          trace_me);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_attributes_set_pid_variable (GSpawnAttributes  *attributes,
                                             const char        *name,
                                             GError           **error);

GSPAWN_AVAILABLE_IN_0_1
gboolean gspawn_attributes_set_seccomp_filter (GSpawnAttributes  *attributes,
                                               GBytes            *filter,
                                               GError           **error);

G_END_DECLS
