/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * The values of the attributes about what a child finds around it: directory, umask, namespaces,
 * personality, environment. Checked and kept as those in gspawn-attribute-signals.c. */
#include "config.h"

#include "gspawn-attributes-private.h"

#include <linux/sched.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How many variables the caller's environment may gain until a child is made under plain GLib. */
#define ENVIRONMENT_MARGIN 256

#define NAMESPACE_FLAGS \
  (CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWTIME | \
   CLONE_NEWUSER | CLONE_NEWUTS)

/**
 * gspawn_attributes_set_working_directory_fd:
 * @attributes: attributes
 * @fd: descriptor of a directory, which is duplicated
 * @error: (out) (optional): why it was refused
 *
 * Makes the program start in a directory that is known by a descriptor, by fchdir(). It is stronger
 * than a working directory that is given to the launch by name.
 *
 * Returns: %TRUE, or %FALSE if @fd is not open on a directory
 *
 * Since: 0.1
 */
gboolean
gspawn_attributes_set_working_directory_fd (GSpawnAttributes  *attributes,
                                            int                fd,
                                            GError           **error)
{
  const GSpawnAttribute attribute = GSPAWN_ATTRIBUTE_WORKING_DIRECTORY;
  struct stat status;

  g_return_val_if_fail (attributes != NULL, FALSE);

  if (fstat (fd, &status) == 0 && !S_ISDIR (status.st_mode))
    return _gspawn_attribute_refuse (error, attribute, "descriptor %d is not a directory", fd);

  return _gspawn_attributes_hold (attributes, GSPAWN_HELD_DIRECTORY, fd, error);
}

/**
 * gspawn_attributes_set_umask:
 * @attributes: attributes
 * @mask: permission bits, at most 0777
 * @error: (out) (optional): why it was refused
 *
 * Sets the permissions that files created by the program do not get, by umask().
 *
 * Returns: %TRUE, or %FALSE if @mask has other bits
 *
 * Since: 0.1
 */
gboolean
gspawn_attributes_set_umask (GSpawnAttributes  *attributes,
                             guint              mask,
                             GError           **error)
{
  g_return_val_if_fail (attributes != NULL, FALSE);

  if ((mask & ~0777u) != 0)
    return _gspawn_attribute_refuse (error, GSPAWN_ATTRIBUTE_UMASK, "%#o has other bits than 0777",
                                     mask);

  attributes->umask = mask;
  _gspawn_attributes_mark (attributes, GSPAWN_ATTRIBUTE_UMASK, TRUE);
  return TRUE;
}

/**
 * gspawn_attributes_set_namespaces:
 * @attributes: attributes
 * @flags: `CLONE_NEW…` flags of unshare()
 * @error: (out) (optional): why they were refused
 *
 * Gives the child namespaces of its own, by unshare(). A new PID namespace is, as there, that of
 * the program's children.
 *
 * Returns: %TRUE, or %FALSE if @flags are none, or others
 *
 * Since: 0.1
 */
gboolean
gspawn_attributes_set_namespaces (GSpawnAttributes  *attributes,
                                  guint              flags,
                                  GError           **error)
{
  const GSpawnAttribute attribute = GSPAWN_ATTRIBUTE_NAMESPACES;

  g_return_val_if_fail (attributes != NULL, FALSE);

  if (flags == 0 || (flags & ~(guint) NAMESPACE_FLAGS) != 0)
    return _gspawn_attribute_refuse (error, attribute, "%#x are not flags of namespaces", flags);

  attributes->namespaces = flags;
  _gspawn_attributes_mark (attributes, attribute, TRUE);
  return TRUE;
}

/**
 * gspawn_attributes_set_personality:
 * @attributes: attributes
 * @personality: an execution domain and flags of personality()
 * @error: (out) (optional): why it was refused
 *
 * Sets the execution domain of the program, for example to give up the randomization of addresses.
 *
 * Returns: %TRUE, or %FALSE if @personality is the value that only asks
 *
 * Since: 0.1
 */
gboolean
gspawn_attributes_set_personality (GSpawnAttributes  *attributes,
                                   guint              personality,
                                   GError           **error)
{
  const GSpawnAttribute attribute = GSPAWN_ATTRIBUTE_PERSONALITY;

  g_return_val_if_fail (attributes != NULL, FALSE);

  if (personality == G_MAXUINT32)
    return _gspawn_attribute_refuse (error, attribute, "%#x is not a personality", personality);

  attributes->personality = personality;
  _gspawn_attributes_mark (attributes, attribute, TRUE);
  return TRUE;
}

/**
 * gspawn_attributes_set_pid_variable:
 * @attributes: attributes
 * @name: an environment variable, such as `LISTEN_PID`
 * @error: (out) (optional): why it was refused
 *
 * Tells the program its own pid in a variable of its environment, in place of one of that name.
 *
 * Returns: %TRUE, or %FALSE if @name is empty or has an equals sign
 *
 * Since: 0.1
 */
gboolean
gspawn_attributes_set_pid_variable (GSpawnAttributes  *attributes,
                                    const char        *name,
                                    GError           **error)
{
  const GSpawnAttribute attribute = GSPAWN_ATTRIBUTE_PID_VARIABLE;

  g_return_val_if_fail (attributes != NULL, FALSE);
  g_return_val_if_fail (name != NULL, FALSE);

  if (name[0] == '\0' || strchr (name, '=') != NULL)
    return _gspawn_attribute_refuse (error, attribute, "“%s” is not a variable", name);

  g_free (attributes->pid_entry);
  g_free (attributes->environment);
  attributes->pid_name_length = strlen (name);
  attributes->pid_entry = g_malloc (attributes->pid_name_length + 1 + GSPAWN_PID_SIZE);
  sprintf (attributes->pid_entry, "%s=", name);
  attributes->environment_size = ENVIRONMENT_MARGIN;
  /* It has no vector after clearenv(). */
  if (environ != NULL)
    attributes->environment_size += g_strv_length (environ);
  attributes->environment = g_new (char *, attributes->environment_size);

  _gspawn_attributes_mark (attributes, attribute, TRUE);
  return TRUE;
}
