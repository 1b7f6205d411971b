/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * The values of the attributes about signals, and about the session, group and terminal that send
 * them. Values are checked when they are set, so that what can be known to be wrong does not wait for
 * a launch, and kept as the system call takes them. */
#include "config.h"

#include "gspawn-attributes-private.h"

static gboolean
fill_signals (SysSignalSet     *set,
              const int        *signals,
              gsize             n_signals,
              GSpawnAttribute   attribute,
              GError          **error)
{
  SysSignalSet filled = { 0 };

  for (gsize i = 0; i < n_signals; i++)
    {
      if (signals[i] < 1 || signals[i] >= _NSIG)
        return _gspawn_attribute_refuse (error, attribute, "%d is not a signal", signals[i]);
      sys_signal_set_add (&filled, signals[i]);
    }

  *set = filled;
  return TRUE;
}

/**
 * gspawn_attributes_set_default_signals:
 * @attributes: attributes
 * @default_signals: whether every signal shall have its default action
 *
 * Gives every signal its default action, also those that the caller ignores. Without it that is
 * done for `SIGCHLD`, `SIGINT`, `SIGTERM`, `SIGHUP`, `SIGPIPE` and signals with a handler.
 *
 * Since: 0.1
 */
void
gspawn_attributes_set_default_signals (GSpawnAttributes *attributes,
                                       gboolean          default_signals)
{
  g_return_if_fail (attributes != NULL);

  _gspawn_attributes_mark (attributes, GSPAWN_ATTRIBUTE_DEFAULT_SIGNALS, default_signals);
}

/**
 * gspawn_attributes_set_ignored_signals:
 * @attributes: attributes
 * @signals: (array length=n_signals) (nullable): numbers of signals
 * @n_signals: how many
 * @error: (out) (optional): why they were refused
 *
 * Makes the program start with signals ignored, as nohup does with `SIGHUP`.
 *
 * Returns: %TRUE, or %FALSE if one is not a signal that can be ignored
 *
 * Since: 0.1
 */
gboolean
gspawn_attributes_set_ignored_signals (GSpawnAttributes  *attributes,
                                       const int         *signals,
                                       gsize              n_signals,
                                       GError           **error)
{
  const GSpawnAttribute attribute = GSPAWN_ATTRIBUTE_IGNORED_SIGNALS;

  g_return_val_if_fail (attributes != NULL, FALSE);
  g_return_val_if_fail (n_signals == 0 || signals != NULL, FALSE);

  for (gsize i = 0; i < n_signals; i++)
    if (signals[i] == SIGKILL || signals[i] == SIGSTOP)
      return _gspawn_attribute_refuse (error, attribute, "%s cannot be ignored",
                                       signals[i] == SIGKILL ? "SIGKILL" : "SIGSTOP");
  if (!fill_signals (&attributes->ignored_signals, signals, n_signals, attribute, error))
    return FALSE;

  _gspawn_attributes_mark (attributes, attribute, TRUE);
  return TRUE;
}

/**
 * gspawn_attributes_set_signal_mask:
 * @attributes: attributes
 * @signals: (array length=n_signals) (nullable): numbers of signals
 * @n_signals: how many, 0 to block none
 * @error: (out) (optional): why they were refused
 *
 * Makes the program start with exactly these signals blocked. Without it, those are blocked that
 * are in the thread that starts it. `SIGKILL` and `SIGSTOP` in the list are ignored, as POSIX has
 * it for sigprocmask().
 *
 * Returns: %TRUE, or %FALSE if one is not a signal
 *
 * Since: 0.1
 */
gboolean
gspawn_attributes_set_signal_mask (GSpawnAttributes  *attributes,
                                   const int         *signals,
                                   gsize              n_signals,
                                   GError           **error)
{
  const GSpawnAttribute attribute = GSPAWN_ATTRIBUTE_SIGNAL_MASK;

  g_return_val_if_fail (attributes != NULL, FALSE);
  g_return_val_if_fail (n_signals == 0 || signals != NULL, FALSE);

  if (!fill_signals (&attributes->signal_mask, signals, n_signals, attribute, error))
    return FALSE;

  _gspawn_attributes_mark (attributes, attribute, TRUE);
  return TRUE;
}

/**
 * gspawn_attributes_set_new_session:
 * @attributes: attributes
 * @new_session: whether the child shall lead a session of its own
 *
 * Makes the child the leader of a new session and process group, without a controlling terminal, by
 * setsid().
 *
 * Since: 0.1
 */
void
gspawn_attributes_set_new_session (GSpawnAttributes *attributes,
                                   gboolean          new_session)
{
  g_return_if_fail (attributes != NULL);

  _gspawn_attributes_mark (attributes, GSPAWN_ATTRIBUTE_NEW_SESSION, new_session);
}

/**
 * gspawn_attributes_set_process_group:
 * @attributes: attributes
 * @process_group: a process group of the caller's session, or 0 for a new one led by the child
 * @error: (out) (optional): why it was refused
 *
 * Puts the child into a process group, by setpgid(). Once the launch has returned it is there, so
 * the caller need not do the same.
 *
 * A launch fails with `EPERM` if the group is not there, and if the child also leads a new session.
 *
 * Returns: %TRUE, or %FALSE if @process_group is negative
 *
 * Since: 0.1
 */
gboolean
gspawn_attributes_set_process_group (GSpawnAttributes  *attributes,
                                     int                process_group,
                                     GError           **error)
{
  const GSpawnAttribute attribute = GSPAWN_ATTRIBUTE_PROCESS_GROUP;

  g_return_val_if_fail (attributes != NULL, FALSE);

  if (process_group < 0)
    return _gspawn_attribute_refuse (error, attribute, "%d is not a process group",
                                     process_group);

  attributes->process_group = process_group;
  _gspawn_attributes_mark (attributes, attribute, TRUE);
  return TRUE;
}

/**
 * gspawn_attributes_set_controlling_terminal:
 * @attributes: attributes
 * @fd: a descriptor of the program, such as 0, that is a terminal
 * @error: (out) (optional): why it was refused
 *
 * Makes a terminal the controlling terminal of the child's session, by `TIOCSCTTY`. The child has
 * to lead a session; see gspawn_attributes_set_new_session().
 *
 * @fd is a number in the child, after its standard streams and its map of descriptors are made.
 *
 * Returns: %TRUE, or %FALSE if @fd is negative
 *
 * Since: 0.1
 */
gboolean
gspawn_attributes_set_controlling_terminal (GSpawnAttributes  *attributes,
                                            int                fd,
                                            GError           **error)
{
  const GSpawnAttribute attribute = GSPAWN_ATTRIBUTE_CONTROLLING_TERMINAL;

  g_return_val_if_fail (attributes != NULL, FALSE);

  if (fd < 0)
    return _gspawn_attribute_refuse (error, attribute, "%d is not a descriptor", fd);

  attributes->controlling_terminal = fd;
  _gspawn_attributes_mark (attributes, attribute, TRUE);
  return TRUE;
}
