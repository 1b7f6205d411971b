/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * The values of the attributes that say what a child may do: who it is, what confines it, and who is
 * told of its parent's death. Checked and kept as those in gspawn-attribute-signals.c. */
#include "config.h"

#include "gspawn-attributes-private.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <unistd.h>

/* Means "leave it" to the system calls that take an id. */
#define NO_ID G_MAXUINT32

/* What the setters take for them. */
G_STATIC_ASSERT (sizeof (gid_t) == sizeof (guint) && sizeof (uid_t) == sizeof (guint));

/**
 * gspawn_attributes_set_groups:
 * @attributes: attributes
 * @groups: (array length=n_groups) (nullable): ids of groups
 * @n_groups: how many, 0 for no supplementary group
 * @error: (out) (optional): why they were refused
 *
 * Sets the supplementary groups of the program, by setgroups(), which takes privileges.
 *
 * Returns: %TRUE, or %FALSE if there are more than the system allows
 *
 * Since: 0.1
 */
gboolean
gspawn_attributes_set_groups (GSpawnAttributes  *attributes,
                              const guint       *groups,
                              gsize              n_groups,
                              GError           **error)
{
  const GSpawnAttribute attribute = GSPAWN_ATTRIBUTE_GROUPS;

  g_return_val_if_fail (attributes != NULL, FALSE);
  g_return_val_if_fail (n_groups == 0 || groups != NULL, FALSE);

  if (n_groups > NGROUPS_MAX)
    return _gspawn_attribute_refuse (error, attribute, "%" G_GSIZE_FORMAT " groups are too many",
                                     n_groups);

  g_free (attributes->groups);
  attributes->groups = g_new (gid_t, n_groups);
  for (gsize i = 0; i < n_groups; i++)
    attributes->groups[i] = groups[i];
  attributes->n_groups = n_groups;

  _gspawn_attributes_mark (attributes, attribute, TRUE);
  return TRUE;
}

/**
 * gspawn_attributes_set_group:
 * @attributes: attributes
 * @group: id of a group
 * @error: (out) (optional): why it was refused
 *
 * Sets the real, effective and saved group of the program, by setresgid().
 *
 * Returns: %TRUE, or %FALSE if @group is the number that means none
 *
 * Since: 0.1
 */
gboolean
gspawn_attributes_set_group (GSpawnAttributes  *attributes,
                             guint              group,
                             GError           **error)
{
  g_return_val_if_fail (attributes != NULL, FALSE);

  if (group == NO_ID)
    return _gspawn_attribute_refuse (error, GSPAWN_ATTRIBUTE_GROUP, "%u is not a group", group);

  attributes->group = group;
  _gspawn_attributes_mark (attributes, GSPAWN_ATTRIBUTE_GROUP, TRUE);
  return TRUE;
}

/**
 * gspawn_attributes_set_user:
 * @attributes: attributes
 * @user: id of a user
 * @error: (out) (optional): why it was refused
 *
 * Sets the real, effective and saved user of the program, by setresuid(). Groups stay as they are;
 * see gspawn_attributes_set_user_by_name().
 *
 * While the launch lasts the caller may be made undumpable, and must not change that.
 *
 * Returns: %TRUE, or %FALSE if @user is the number that means none
 *
 * Since: 0.1
 */
gboolean
gspawn_attributes_set_user (GSpawnAttributes  *attributes,
                            guint              user,
                            GError           **error)
{
  g_return_val_if_fail (attributes != NULL, FALSE);

  if (user == NO_ID)
    return _gspawn_attribute_refuse (error, GSPAWN_ATTRIBUTE_USER, "%u is not a user", user);

  attributes->user = user;
  _gspawn_attributes_mark (attributes, GSPAWN_ATTRIBUTE_USER, TRUE);
  return TRUE;
}

/* Returns FALSE with errno set, to 0 if there is no such user. The strings are in @buffer. */
static gboolean
look_up_user (const char     *name,
              struct passwd  *entry,
              char          **buffer)
{
  struct passwd *found = NULL;
  gsize size = 1024;

  do
    {
      size *= 2;
      *buffer = g_realloc (*buffer, size);
      errno = getpwnam_r (name, entry, *buffer, size, &found);
    }
  while (errno == ERANGE);

  return found != NULL;
}

static gid_t *
look_up_groups (const struct passwd *entry,
                int                 *n_groups)
{
  int room = 16;
  gid_t *groups = g_new (gid_t, room);

  *n_groups = room;
  while (getgrouplist (entry->pw_name, entry->pw_gid, groups, n_groups) < 0)
    {
      /* Not every libc says how many there are. */
      room = MAX (2 * room, *n_groups);
      groups = g_renew (gid_t, groups, room);
      *n_groups = room;
    }

  return groups;
}

/**
 * gspawn_attributes_set_user_by_name:
 * @attributes: attributes
 * @name: a user's name
 * @error: (out) (optional): why it was refused
 *
 * Sets the user of the program, and its group and supplementary groups to those of that user. They
 * are looked up now, in the caller; the child does not do that.
 *
 * Returns: %TRUE, or %FALSE if the user is not known
 *
 * Since: 0.1
 */
gboolean
gspawn_attributes_set_user_by_name (GSpawnAttributes  *attributes,
                                    const char        *name,
                                    GError           **error)
{
  g_autofree char *buffer = NULL;
  g_autofree gid_t *groups = NULL;
  struct passwd entry;
  int n_groups;

  g_return_val_if_fail (attributes != NULL, FALSE);
  g_return_val_if_fail (name != NULL, FALSE);

  if (!look_up_user (name, &entry, &buffer))
    return _gspawn_attribute_refuse (error, GSPAWN_ATTRIBUTE_USER, "no user “%s” (%s)", name,
                                     errno != 0 ? g_strerror (errno) : "not known");

  groups = look_up_groups (&entry, &n_groups);

  return gspawn_attributes_set_groups (attributes, groups, n_groups, error) &&
         gspawn_attributes_set_group (attributes, entry.pw_gid, error) &&
         gspawn_attributes_set_user (attributes, entry.pw_uid, error);
}

/**
 * gspawn_attributes_set_death_signal:
 * @attributes: attributes
 * @death_signal: a signal
 * @error: (out) (optional): why it was refused
 *
 * Makes the kernel send the child a signal when its parent dies, by `PR_SET_PDEATHSIG`. If the
 * parent has died by then, the program is not executed.
 *
 * The kernel means the thread that made the child, not its process: a thread that starts programs
 * so has to live as long as they do. It forgets the signal when the program gains privileges by
 * exec.
 *
 * The child has to be the caller's, so a launch fails with %G_SPAWN_ERROR_INVAL without
 * `G_SPAWN_DO_NOT_REAP_CHILD`, unless the attribute is optional: then it is left out. Under plain
 * GLib the attributes have to be made in the process that starts the child.
 *
 * Returns: %TRUE, or %FALSE if @death_signal is not a signal
 *
 * Since: 0.1
 */
gboolean
gspawn_attributes_set_death_signal (GSpawnAttributes  *attributes,
                                    int                death_signal,
                                    GError           **error)
{
  const GSpawnAttribute attribute = GSPAWN_ATTRIBUTE_DEATH_SIGNAL;

  g_return_val_if_fail (attributes != NULL, FALSE);

  if (death_signal < 1 || death_signal >= _NSIG)
    return _gspawn_attribute_refuse (error, attribute, "%d is not a signal", death_signal);

  attributes->death_signal = death_signal;
  attributes->parent_pid = getpid ();
  _gspawn_attributes_mark (attributes, attribute, TRUE);
  return TRUE;
}

/**
 * gspawn_attributes_set_no_new_privileges:
 * @attributes: attributes
 * @no_new_privileges: whether the program and what it starts shall stay without
 *
 * Makes set-user-ID bits and file capabilities without effect for the program and all that it
 * starts, by `PR_SET_NO_NEW_PRIVS`. An unprivileged caller needs it for Landlock and for a filter of
 * system calls.
 *
 * Since: 0.1
 */
void
gspawn_attributes_set_no_new_privileges (GSpawnAttributes *attributes,
                                         gboolean          no_new_privileges)
{
  g_return_if_fail (attributes != NULL);

  _gspawn_attributes_mark (attributes, GSPAWN_ATTRIBUTE_NO_NEW_PRIVILEGES, no_new_privileges);
}

/**
 * gspawn_attributes_set_landlock_ruleset_fd:
 * @attributes: attributes
 * @fd: a ruleset of landlock_create_ruleset(), which is duplicated
 * @error: (out) (optional): why it was refused
 *
 * Confines the program to what a Landlock ruleset allows. That has to include to execute the
 * program and to read what it is linked with.
 *
 * Returns: %TRUE, or %FALSE if @fd is not open
 *
 * Since: 0.1
 */
gboolean
gspawn_attributes_set_landlock_ruleset_fd (GSpawnAttributes  *attributes,
                                           int                fd,
                                           GError           **error)
{
  g_return_val_if_fail (attributes != NULL, FALSE);

  return _gspawn_attributes_hold (attributes, GSPAWN_HELD_LANDLOCK, fd, error);
}

/**
 * gspawn_attributes_set_trace_me:
 * @attributes: attributes
 * @trace_me: whether the caller is to trace the program
 *
 * Makes the caller the tracer of the program, by `PTRACE_TRACEME`: it stops with `SIGTRAP` when it
 * has been executed, before its first instruction. The child has to be the caller's, as for
 * gspawn_attributes_set_death_signal().
 *
 * Signals that come before that are passed on, but for those that stop a process: these are lost. It
 * takes a copy of the caller to make the child.
 *
 * Since: 0.1
 */
void
gspawn_attributes_set_trace_me (GSpawnAttributes *attributes,
                                gboolean          trace_me)
{
  g_return_if_fail (attributes != NULL);

  _gspawn_attributes_mark (attributes, GSPAWN_ATTRIBUTE_TRACE_ME, trace_me);
}

/**
 * gspawn_attributes_set_seccomp_filter:
 * @attributes: attributes
 * @filter: instructions: an array of `struct sock_filter`
 * @error: (out) (optional): why it was refused
 *
 * Installs a filter of system calls right before exec, by seccomp(). It has to allow execve() and
 * exit_group(), and what the program and its dynamic linker do. Before Linux 5.16 it takes a copy of
 * the caller to make the child.
 *
 * Returns: %TRUE, or %FALSE if @filter is empty, too long, or does not consist of instructions
 *
 * Since: 0.1
 */
gboolean
gspawn_attributes_set_seccomp_filter (GSpawnAttributes  *attributes,
                                      GBytes            *filter,
                                      GError           **error)
{
  const GSpawnAttribute attribute = GSPAWN_ATTRIBUTE_SECCOMP_FILTER;
  gsize size;
  const void *data;

  g_return_val_if_fail (attributes != NULL, FALSE);
  g_return_val_if_fail (filter != NULL, FALSE);

  data = g_bytes_get_data (filter, &size);
  if (size == 0 || size % sizeof (struct sock_filter) != 0 ||
      size / sizeof (struct sock_filter) > BPF_MAXINSNS)
    return _gspawn_attribute_refuse (error, attribute,
                                     "%" G_GSIZE_FORMAT " bytes are not a filter", size);

  g_free (attributes->filter);
  attributes->filter = g_memdup2 (data, size);
  attributes->filter_length = size / sizeof (struct sock_filter);
  _gspawn_attributes_mark (attributes, attribute, TRUE);
  return TRUE;
}
