/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Declarative attributes of a child, on the parent's side: values are checked and brought into the
 * form that the kernel takes. Nothing here is done in a child. */
#include "config.h"

#include "gspawn-attributes-private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Held descriptors are put above the numbers that a map of descriptors usually gives out, for under
 * plain GLib an entry could take their place. */
#define MIN_HELD_FD 64

static const char *const attribute_names[GSPAWN_N_ATTRIBUTES] = {
  [GSPAWN_ATTRIBUTE_DEFAULT_SIGNALS] = "default-signals",
  [GSPAWN_ATTRIBUTE_IGNORED_SIGNALS] = "ignored-signals",
  [GSPAWN_ATTRIBUTE_NEW_SESSION] = "new-session",
  [GSPAWN_ATTRIBUTE_PROCESS_GROUP] = "process-group",
  [GSPAWN_ATTRIBUTE_WORKING_DIRECTORY] = "working-directory",
  [GSPAWN_ATTRIBUTE_UMASK] = "umask",
  [GSPAWN_ATTRIBUTE_CONTROLLING_TERMINAL] = "controlling-terminal",
  [GSPAWN_ATTRIBUTE_CGROUP] = "cgroup",
  [GSPAWN_ATTRIBUTE_OOM_SCORE] = "oom-score",
  [GSPAWN_ATTRIBUTE_NAMESPACES] = "namespaces",
  [GSPAWN_ATTRIBUTE_PERSONALITY] = "personality",
  [GSPAWN_ATTRIBUTE_LIMITS] = "limits",
  [GSPAWN_ATTRIBUTE_NICE] = "nice",
  [GSPAWN_ATTRIBUTE_SCHEDULER] = "scheduler",
  [GSPAWN_ATTRIBUTE_IO_PRIORITY] = "io-priority",
  [GSPAWN_ATTRIBUTE_CPU_AFFINITY] = "cpu-affinity",
  [GSPAWN_ATTRIBUTE_GROUPS] = "groups",
  [GSPAWN_ATTRIBUTE_GROUP] = "group",
  [GSPAWN_ATTRIBUTE_USER] = "user",
  [GSPAWN_ATTRIBUTE_DEATH_SIGNAL] = "death-signal",
  [GSPAWN_ATTRIBUTE_NO_NEW_PRIVILEGES] = "no-new-privileges",
  [GSPAWN_ATTRIBUTE_LANDLOCK] = "landlock",
  [GSPAWN_ATTRIBUTE_TRACE_ME] = "trace-me",
  [GSPAWN_ATTRIBUTE_PID_VARIABLE] = "pid-variable",
  [GSPAWN_ATTRIBUTE_SIGNAL_MASK] = "signal-mask",
  [GSPAWN_ATTRIBUTE_SECCOMP_FILTER] = "seccomp-filter",
};

/* Which attribute a held descriptor belongs to. */
static const GSpawnAttribute held_attributes[GSPAWN_N_HELD] = {
  [GSPAWN_HELD_DIRECTORY] = GSPAWN_ATTRIBUTE_WORKING_DIRECTORY,
  [GSPAWN_HELD_CGROUP] = GSPAWN_ATTRIBUTE_CGROUP,
  [GSPAWN_HELD_LANDLOCK] = GSPAWN_ATTRIBUTE_LANDLOCK,
};

/**
 * gspawn_attribute_get_name:
 * @attribute: an attribute
 *
 * Gets the name by which errors and the documentation call an attribute.
 *
 * This function may be called from any thread.
 *
 * Returns: (transfer none): the name, such as `death-signal`
 *
 * Since: 0.1
 */
const char *
gspawn_attribute_get_name (GSpawnAttribute attribute)
{
  g_return_val_if_fail ((guint) attribute < GSPAWN_N_ATTRIBUTES, NULL);

  return attribute_names[attribute];
}

void
_gspawn_attributes_mark (GSpawnAttributes *attributes,
                         GSpawnAttribute   attribute,
                         gboolean          set)
{
  if (set)
    attributes->set |= 1u << attribute;
  else
    attributes->set &= ~(1u << attribute);
}

/* Returns FALSE, for a setter to end with. */
gboolean
_gspawn_attribute_refuse (GError          **error,
                          GSpawnAttribute   attribute,
                          const char       *format,
                          ...)
{
  g_autofree char *reason = NULL;
  va_list args;

  va_start (args, format);
  reason = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_INVAL, "Attribute “%s”: %s",
               attribute_names[attribute], reason);

  return FALSE;
}

static void
release (GSpawnAttributes *attributes,
         GSpawnHeld        held)
{
  if (attributes->held_fds[held] >= 0)
    close (attributes->held_fds[held]);
  attributes->held_fds[held] = -1;
}

/* Duplicates @fd, so that the caller may close its own. */
gboolean
_gspawn_attributes_hold (GSpawnAttributes  *attributes,
                         GSpawnHeld         held,
                         int                fd,
                         GError           **error)
{
  GSpawnAttribute attribute = held_attributes[held];
  int copy = fcntl (fd, F_DUPFD_CLOEXEC, MIN_HELD_FD);

  /* The limit may be lower than that. */
  if (copy < 0 && errno == EINVAL)
    copy = fcntl (fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0)
    return _gspawn_attribute_refuse (error, attribute, "descriptor %d cannot be duplicated (%s)",
                                     fd, g_strerror (errno));

  release (attributes, held);
  attributes->held_fds[held] = copy;
  _gspawn_attributes_mark (attributes, attribute, TRUE);

  return TRUE;
}

/**
 * gspawn_attributes_new:
 *
 * Makes attributes of which none is set: a child starts as it would without them.
 *
 * Attributes may be used by launches in any number of threads at once, but not be changed
 * meanwhile.
 *
 * Returns: (transfer full): the attributes, to be freed with gspawn_attributes_unref()
 *
 * Since: 0.1
 */
GSpawnAttributes *
gspawn_attributes_new (void)
{
  GSpawnAttributes *attributes = g_new0 (GSpawnAttributes, 1);

  g_atomic_ref_count_init (&attributes->ref_count);
  for (int i = 0; i < GSPAWN_N_HELD; i++)
    attributes->held_fds[i] = -1;

  return attributes;
}

/**
 * gspawn_attributes_copy:
 * @attributes: attributes
 * @error: (out) (optional): why they could not be copied
 *
 * Copies attributes, so that either can be changed without the other. Descriptors are duplicated,
 * which is what can fail.
 *
 * Returns: (transfer full): the copy, or %NULL
 *
 * Since: 0.1
 */
GSpawnAttributes *
gspawn_attributes_copy (const GSpawnAttributes  *attributes,
                        GError                 **error)
{
  g_autoptr (GSpawnAttributes) copy = NULL;

  g_return_val_if_fail (attributes != NULL, NULL);

  copy = g_memdup2 (attributes, sizeof *attributes);
  g_atomic_ref_count_init (&copy->ref_count);
  for (int i = 0; i < GSPAWN_N_HELD; i++)
    copy->held_fds[i] = -1;
  copy->cpus = g_memdup2 (attributes->cpus, attributes->cpus_size);
  copy->groups = g_memdup2 (attributes->groups, attributes->n_groups * sizeof (gid_t));
  copy->filter = g_memdup2 (attributes->filter,
                            attributes->filter_length * sizeof (struct sock_filter));
  if (attributes->pid_entry != NULL)
    {
      copy->pid_entry = g_memdup2 (attributes->pid_entry,
                                   attributes->pid_name_length + 1 + GSPAWN_PID_SIZE);
      copy->environment = g_new (char *, attributes->environment_size);
    }

  for (int i = 0; i < GSPAWN_N_HELD; i++)
    if (attributes->held_fds[i] >= 0 &&
        !_gspawn_attributes_hold (copy, i, attributes->held_fds[i], error))
      return NULL;

  return g_steal_pointer (&copy);
}

/**
 * gspawn_attributes_ref:
 * @attributes: attributes
 *
 * Adds a reference. This function may be called from any thread.
 *
 * Returns: (transfer full): @attributes
 *
 * Since: 0.1
 */
GSpawnAttributes *
gspawn_attributes_ref (GSpawnAttributes *attributes)
{
  g_return_val_if_fail (attributes != NULL, NULL);

  g_atomic_ref_count_inc (&attributes->ref_count);

  return attributes;
}

/**
 * gspawn_attributes_unref:
 * @attributes: (transfer full): attributes
 *
 * Gives a reference back, the last of which frees the attributes. This function may be called from
 * any thread.
 *
 * Since: 0.1
 */
void
gspawn_attributes_unref (GSpawnAttributes *attributes)
{
  g_return_if_fail (attributes != NULL);

  if (!g_atomic_ref_count_dec (&attributes->ref_count))
    return;

  for (int i = 0; i < GSPAWN_N_HELD; i++)
    release (attributes, i);
  g_free (attributes->cpus);
  g_free (attributes->groups);
  g_free (attributes->filter);
  g_free (attributes->pid_entry);
  g_free (attributes->environment);
  g_free (attributes);
}

/**
 * gspawn_attributes_has:
 * @attributes: attributes
 * @attribute: one of them
 *
 * Finds out whether an attribute is set.
 *
 * Returns: whether it is
 *
 * Since: 0.1
 */
gboolean
gspawn_attributes_has (const GSpawnAttributes *attributes,
                       GSpawnAttribute         attribute)
{
  g_return_val_if_fail (attributes != NULL, FALSE);
  g_return_val_if_fail ((guint) attribute < GSPAWN_N_ATTRIBUTES, FALSE);

  return gspawn_attributes_contain (attributes, attribute);
}

/**
 * gspawn_attributes_unset:
 * @attributes: attributes
 * @attribute: one of them
 *
 * Takes an attribute back: the child is as it would be without it. Descriptors that were held for
 * it are closed.
 *
 * Since: 0.1
 */
void
gspawn_attributes_unset (GSpawnAttributes *attributes,
                         GSpawnAttribute   attribute)
{
  g_return_if_fail (attributes != NULL);
  g_return_if_fail ((guint) attribute < GSPAWN_N_ATTRIBUTES);

  _gspawn_attributes_mark (attributes, attribute, FALSE);
  for (int i = 0; i < GSPAWN_N_HELD; i++)
    if (held_attributes[i] == attribute)
      release (attributes, i);
  if (attribute == GSPAWN_ATTRIBUTE_LIMITS)
    attributes->limits_set = 0;
}

/**
 * gspawn_attributes_set_optional:
 * @attributes: attributes
 * @attribute: one of them
 * @optional: whether the child may do without it
 *
 * Says what becomes of a launch in which an attribute cannot be applied. By default it fails. An
 * optional attribute is left out, as a child setup function does that ignores errors.
 *
 * A value that is refused when it is set is refused in either case.
 *
 * Since: 0.1
 */
void
gspawn_attributes_set_optional (GSpawnAttributes *attributes,
                                GSpawnAttribute   attribute,
                                gboolean          optional)
{
  g_return_if_fail (attributes != NULL);
  g_return_if_fail ((guint) attribute < GSPAWN_N_ATTRIBUTES);

  if (optional)
    attributes->optional |= 1u << attribute;
  else
    attributes->optional &= ~(1u << attribute);
}

/**
 * gspawn_attributes_get_optional:
 * @attributes: attributes
 * @attribute: one of them
 *
 * Finds out whether the child may do without an attribute.
 *
 * Returns: whether it may
 *
 * Since: 0.1
 */
gboolean
gspawn_attributes_get_optional (const GSpawnAttributes *attributes,
                                GSpawnAttribute         attribute)
{
  g_return_val_if_fail (attributes != NULL, FALSE);
  g_return_val_if_fail ((guint) attribute < GSPAWN_N_ATTRIBUTES, FALSE);

  return (attributes->optional & 1u << attribute) != 0;
}
