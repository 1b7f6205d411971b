/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * What one launch adds to its template. */
#include "config.h"

#include "gspawn-template-private.h"

#include <string.h>

/**
 * gspawn_launch_new:
 * @arguments: (array zero-terminated=1) (element-type filename) (nullable): arguments after those
 *     of the template
 *
 * Makes what a launch has of its own. The arguments are copied.
 *
 * It can be changed until it is used, and be used by any number of launches, of any template and in
 * any thread. Its functions that change it then fail with %G_SPAWN_ERROR_INVAL.
 *
 * Returns: (transfer full): the launch, to be freed with gspawn_launch_unref()
 *
 * Since: 0.1
 */
GSpawnLaunch *
gspawn_launch_new (const char *const *arguments)
{
  GSpawnLaunch *launch = g_new0 (GSpawnLaunch, 1);

  g_atomic_ref_count_init (&launch->ref_count);
  _gspawn_seal_init (&launch->seal);
  _gspawn_connections_init (&launch->connections);
  launch->arguments = g_strdupv ((char **) arguments);
  launch->n_arguments = arguments != NULL ? g_strv_length ((char **) arguments) : 0;

  return launch;
}

/**
 * gspawn_launch_ref:
 * @launch: a launch
 *
 * Adds a reference. This function may be called from any thread.
 *
 * Returns: (transfer full): @launch
 *
 * Since: 0.1
 */
GSpawnLaunch *
gspawn_launch_ref (GSpawnLaunch *launch)
{
  g_return_val_if_fail (launch != NULL, NULL);

  g_atomic_ref_count_inc (&launch->ref_count);

  return launch;
}

/**
 * gspawn_launch_unref:
 * @launch: (transfer full): a launch
 *
 * Gives a reference back, the last of which frees the launch and closes the descriptors that it
 * holds. This function may be called from any thread.
 *
 * Since: 0.1
 */
void
gspawn_launch_unref (GSpawnLaunch *launch)
{
  g_return_if_fail (launch != NULL);

  if (!g_atomic_ref_count_dec (&launch->ref_count))
    return;

  _gspawn_seal_clear (&launch->seal);
  _gspawn_connections_clear (&launch->connections);
  for (gsize i = 0; i < launch->n_variables; i++)
    g_free (launch->variables[i].entry);
  g_free (launch->variables);
  g_strfreev (launch->arguments);
  g_free (launch);
}

static gboolean
lock (GSpawnLaunch  *launch,
      GError       **error)
{
  return _gspawn_seal_lock (&launch->seal, "launch", error);
}

static gboolean
unlock (GSpawnLaunch *launch,
        gboolean      success)
{
  _gspawn_seal_unlock (&launch->seal);

  return success;
}

/* The one of that name, or a new one. */
static GSpawnVariable *
get_variable (GSpawnLaunch *launch,
              const char   *name)
{
  gsize name_length = strlen (name);
  GSpawnVariable *variable;

  for (gsize i = 0; i < launch->n_variables; i++)
    if (launch->variables[i].name_length == name_length &&
        memcmp (launch->variables[i].entry, name, name_length) == 0)
      return &launch->variables[i];

  launch->variables = g_renew (GSpawnVariable, launch->variables, launch->n_variables + 1);
  variable = &launch->variables[launch->n_variables++];
  *variable = (GSpawnVariable) { .name_length = name_length };

  return variable;
}

/**
 * gspawn_launch_set_variable:
 * @launch: a launch that was not used yet
 * @name: (type filename): a variable of the environment
 * @value: (type filename) (nullable): its value, or %NULL to leave the variable out
 * @error: (out) (optional): that @name is empty or has an equals sign in it, or that @launch was
 *     used
 *
 * Changes the template's environment, or the caller's, for this launch.
 *
 * Where the template is searched for in the `PATH` of the program's environment, a launch that
 * changes that searches anew.
 *
 * Returns: %TRUE if it was set
 *
 * Since: 0.1
 */
gboolean
gspawn_launch_set_variable (GSpawnLaunch  *launch,
                            const char    *name,
                            const char    *value,
                            GError       **error)
{
  GSpawnVariable *variable;

  g_return_val_if_fail (launch != NULL, FALSE);
  g_return_val_if_fail (name != NULL, FALSE);

  if (name[0] == '\0' || strchr (name, '=') != NULL)
    {
      g_set_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_INVAL,
                   "“%s” cannot be the name of a variable", name);
      return FALSE;
    }
  if (!lock (launch, error))
    return FALSE;

  variable = get_variable (launch, name);
  g_free (variable->entry);
  variable->entry = value != NULL ? g_strconcat (name, "=", value, NULL) : g_strdup (name);
  variable->is_set = value != NULL;

  return unlock (launch, TRUE);
}

/**
 * gspawn_launch_set_stream:
 * @launch: a launch that was not used yet
 * @stream: a standard stream
 * @kind: what it is connected to
 * @error: (out) (optional): that there is no such stream or kind, or that @launch was used
 *
 * Sets what a standard stream of the program is connected to, whatever the template says.
 * %GSPAWN_STREAM_KIND_DEFAULT is what the template's flags say, even if something else was set for
 * the template.
 *
 * Returns: %TRUE if it was set
 *
 * Since: 0.1
 */
gboolean
gspawn_launch_set_stream (GSpawnLaunch      *launch,
                          GSpawnStream       stream,
                          GSpawnStreamKind   kind,
                          GError           **error)
{
  g_return_val_if_fail (launch != NULL, FALSE);

  if (!lock (launch, error))
    return FALSE;

  return unlock (launch, _gspawn_connections_set_stream (&launch->connections, stream, kind,
                                                         error));
}

/**
 * gspawn_launch_set_stream_fd:
 * @launch: a launch that was not used yet
 * @stream: a standard stream
 * @fd: a descriptor of the caller's
 * @error: (out) (optional): that there is no such stream or descriptor, or that @launch was used
 *
 * Connects a standard stream of the program to a descriptor, whatever the template says. It is
 * duplicated at once, and the duplicate is closed when @launch is freed; the caller keeps its own.
 *
 * Returns: %TRUE if it was set
 *
 * Since: 0.1
 */
gboolean
gspawn_launch_set_stream_fd (GSpawnLaunch  *launch,
                             GSpawnStream   stream,
                             int            fd,
                             GError       **error)
{
  g_return_val_if_fail (launch != NULL, FALSE);

  if (!lock (launch, error))
    return FALSE;

  return unlock (launch, _gspawn_connections_set_stream_fd (&launch->connections, stream, fd,
                                                            error));
}

/**
 * gspawn_launch_set_fd:
 * @launch: a launch that was not used yet
 * @source_fd: a descriptor of the caller's
 * @target_fd: its number in the program, from 3 on
 * @error: (out) (optional): that there is no such descriptor, that it cannot have that number, or
 *     that @launch was used
 *
 * Gives a descriptor to the program, beside those that the template gives it; what that gives the
 * same number to gives way. Otherwise it is as gspawn_template_set_fd().
 *
 * Returns: %TRUE if it was set
 *
 * Since: 0.1
 */
gboolean
gspawn_launch_set_fd (GSpawnLaunch  *launch,
                      int            source_fd,
                      int            target_fd,
                      GError       **error)
{
  g_return_val_if_fail (launch != NULL, FALSE);

  if (!lock (launch, error))
    return FALSE;

  return unlock (launch, _gspawn_connections_set_fd (&launch->connections, source_fd, target_fd,
                                                     error));
}
