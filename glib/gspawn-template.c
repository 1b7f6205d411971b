/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Templates: what is known of a program before it is launched, and launches that wait. How a
 * request is put together, and what becomes of it, is not decided here. */
#include "config.h"

#include "gspawn-process-private.h"
#include "gspawn-template-private.h"

/* A process of a template is ours to wait for, and what it has of ours is nobody else's. */
#define IMPLIED_FLAGS (G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_CLOEXEC_PIPES)

#define KNOWN_FLAGS \
  (IMPLIED_FLAGS | G_SPAWN_LEAVE_DESCRIPTORS_OPEN | G_SPAWN_SEARCH_PATH | \
   G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL | G_SPAWN_CHILD_INHERITS_STDIN | \
   G_SPAWN_FILE_AND_ARGV_ZERO | G_SPAWN_SEARCH_PATH_FROM_ENVP | G_SPAWN_CHILD_INHERITS_STDOUT | \
   G_SPAWN_CHILD_INHERITS_STDERR | G_SPAWN_STDIN_FROM_DEV_NULL)

static const struct {
  GSpawnFlags flags;
  const char *names;
} contradictions[] = {
  { G_SPAWN_CHILD_INHERITS_STDIN | G_SPAWN_STDIN_FROM_DEV_NULL,
    "G_SPAWN_CHILD_INHERITS_STDIN and G_SPAWN_STDIN_FROM_DEV_NULL" },
  { G_SPAWN_CHILD_INHERITS_STDOUT | G_SPAWN_STDOUT_TO_DEV_NULL,
    "G_SPAWN_CHILD_INHERITS_STDOUT and G_SPAWN_STDOUT_TO_DEV_NULL" },
  { G_SPAWN_CHILD_INHERITS_STDERR | G_SPAWN_STDERR_TO_DEV_NULL,
    "G_SPAWN_CHILD_INHERITS_STDERR and G_SPAWN_STDERR_TO_DEV_NULL" },
};

static gboolean
check_flags (GSpawnFlags   flags,
             GError      **error)
{
  if ((flags & ~KNOWN_FLAGS) != 0)
    {
      g_set_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_INVAL, "Flags %#x are not known",
                   (guint) (flags & ~KNOWN_FLAGS));
      return FALSE;
    }

  for (gsize i = 0; i < G_N_ELEMENTS (contradictions); i++)
    if ((flags & contradictions[i].flags) == contradictions[i].flags)
      {
        g_set_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_INVAL, "Flags %s contradict each other",
                     contradictions[i].names);
        return FALSE;
      }

  return TRUE;
}

static gboolean
check_argv (gsize         argc,
            GSpawnFlags   flags,
            GError      **error)
{
  gboolean has_file = (flags & G_SPAWN_FILE_AND_ARGV_ZERO) != 0;

  if (argc >= (has_file ? 2 : 1))
    return TRUE;

  g_set_error_literal (error, G_SPAWN_ERROR, G_SPAWN_ERROR_INVAL,
                       has_file ? "A template needs a file and a name for it"
                                : "A template needs a program");
  return FALSE;
}

/**
 * gspawn_template_new:
 * @argv: (array zero-terminated=1) (element-type filename): the program and its leading arguments;
 *     with `G_SPAWN_FILE_AND_ARGV_ZERO` the file to execute comes first
 * @flags: how it is started
 * @error: (out) (optional): what is wrong with @argv or @flags
 *
 * Makes a template of a program that is to be launched many times.
 *
 * The flags mean what they mean to g_spawn_async_with_pipes(). `G_SPAWN_DO_NOT_REAP_CHILD` and
 * `G_SPAWN_CLOEXEC_PIPES` are implied. An empty @argv, flags that are not known and flags that
 * contradict each other are refused with %G_SPAWN_ERROR_INVAL.
 *
 * The template can be changed until its first launch, whether that succeeds or not. From then on it
 * is immutable, any number of threads can launch it at once, and its functions that change it fail
 * with %G_SPAWN_ERROR_INVAL.
 *
 * If the program has to be searched for, that is done at the first launch, in the search path of
 * that moment, and what is found is kept. Each launch finds out by one system call whether the file
 * is still the same one, by its device, inode, size, and times of modification and change; if it is
 * not, the search is made anew. So a program that was upgraded, replaced or removed is noticed, and
 * one that is new in an earlier directory is when the one that was found changes. A directory or a
 * file that cannot be executed is passed over. What is found in a directory of the search path that
 * is not absolute is not kept, for the child may be in another directory.
 *
 * Returns: (transfer full): the template, to be freed with gspawn_template_unref(), or %NULL
 *
 * Since: 0.1
 */
GSpawnTemplate *
gspawn_template_new (const char *const  *argv,
                     GSpawnFlags         flags,
                     GError            **error)
{
  GSpawnTemplate *tmpl;
  gsize argc;

  g_return_val_if_fail (argv != NULL, NULL);

  argc = g_strv_length ((char **) argv);
  if (!check_flags (flags, error) || !check_argv (argc, flags, error))
    return NULL;

  tmpl = g_new0 (GSpawnTemplate, 1);
  g_atomic_ref_count_init (&tmpl->ref_count);
  _gspawn_seal_init (&tmpl->seal);
  _gspawn_connections_init (&tmpl->connections);
  tmpl->flags = flags | IMPLIED_FLAGS;
  tmpl->argv = g_strdupv ((char **) argv);
  tmpl->argc = argc;

  return tmpl;
}

/**
 * gspawn_template_ref:
 * @tmpl: a template
 *
 * Adds a reference. This function may be called from any thread.
 *
 * Returns: (transfer full): @tmpl
 *
 * Since: 0.1
 */
GSpawnTemplate *
gspawn_template_ref (GSpawnTemplate *tmpl)
{
  g_return_val_if_fail (tmpl != NULL, NULL);

  g_atomic_ref_count_inc (&tmpl->ref_count);

  return tmpl;
}

/**
 * gspawn_template_unref:
 * @tmpl: (transfer full): a template
 *
 * Gives a reference back, the last of which frees the template and closes the descriptors that it
 * holds. Processes that it has launched, and launches that have begun, go on without it.
 *
 * This function may be called from any thread.
 *
 * Since: 0.1
 */
void
gspawn_template_unref (GSpawnTemplate *tmpl)
{
  g_return_if_fail (tmpl != NULL);

  if (!g_atomic_ref_count_dec (&tmpl->ref_count))
    return;

  if (_gspawn_seal_is_closed (&tmpl->seal))
    _gspawn_executable_clear (&tmpl->executable);
  _gspawn_seal_clear (&tmpl->seal);
  _gspawn_connections_clear (&tmpl->connections);
  g_clear_pointer (&tmpl->attributes, gspawn_attributes_unref);
  g_strfreev (tmpl->argv);
  g_strfreev (tmpl->envp);
  g_free (tmpl->directory);
  g_free (tmpl);
}

/* Returns whether it can be changed, and is locked then. */
static gboolean
lock (GSpawnTemplate  *tmpl,
      GError         **error)
{
  return _gspawn_seal_lock (&tmpl->seal, "template", error);
}

static gboolean
unlock (GSpawnTemplate *tmpl,
        gboolean        success)
{
  _gspawn_seal_unlock (&tmpl->seal);

  return success;
}

/**
 * gspawn_template_set_environment:
 * @tmpl: a template that was not launched yet
 * @envp: (array zero-terminated=1) (element-type filename) (nullable): variables as `NAME=value`,
 *     or %NULL
 * @error: (out) (optional): that it was launched
 *
 * Sets the environment of the program. It is copied. With %NULL, which is what a template begins
 * with, the program gets the caller's environment as it is at each launch.
 *
 * Returns: %TRUE if it was set
 *
 * Since: 0.1
 */
gboolean
gspawn_template_set_environment (GSpawnTemplate     *tmpl,
                                 const char *const  *envp,
                                 GError            **error)
{
  g_return_val_if_fail (tmpl != NULL, FALSE);

  if (!lock (tmpl, error))
    return FALSE;

  g_strfreev (tmpl->envp);
  tmpl->envp = g_strdupv ((char **) envp);

  return unlock (tmpl, TRUE);
}

/**
 * gspawn_template_set_working_directory:
 * @tmpl: a template that was not launched yet
 * @directory: (type filename) (nullable): a directory, or %NULL for the caller's
 * @error: (out) (optional): that @directory is empty, or that the template was launched
 *
 * Sets where the program starts. A relative name is looked up from the caller's working directory
 * at each launch. Whether there is such a directory shows when it is launched.
 *
 * Returns: %TRUE if it was set
 *
 * Since: 0.1
 */
gboolean
gspawn_template_set_working_directory (GSpawnTemplate  *tmpl,
                                       const char      *directory,
                                       GError         **error)
{
  g_return_val_if_fail (tmpl != NULL, FALSE);

  if (directory != NULL && directory[0] == '\0')
    {
      g_set_error_literal (error, G_SPAWN_ERROR, G_SPAWN_ERROR_INVAL,
                           "A directory without a name is none");
      return FALSE;
    }
  if (!lock (tmpl, error))
    return FALSE;

  g_free (tmpl->directory);
  tmpl->directory = g_strdup (directory);

  return unlock (tmpl, TRUE);
}

/**
 * gspawn_template_set_attributes:
 * @tmpl: a template that was not launched yet
 * @attributes: (nullable): attributes, or %NULL for none
 * @error: (out) (optional): why they could not be copied, or that the template was launched
 *
 * Sets what the program's process shall be. The template keeps a copy, so that @attributes can be
 * changed afterwards without a consequence for it.
 *
 * Returns: %TRUE if they were set
 *
 * Since: 0.1
 */
gboolean
gspawn_template_set_attributes (GSpawnTemplate    *tmpl,
                                GSpawnAttributes  *attributes,
                                GError           **error)
{
  GSpawnAttributes *copy = NULL;

  g_return_val_if_fail (tmpl != NULL, FALSE);

  if (!lock (tmpl, error))
    return FALSE;
  if (attributes != NULL && (copy = gspawn_attributes_copy (attributes, error)) == NULL)
    return unlock (tmpl, FALSE);

  g_clear_pointer (&tmpl->attributes, gspawn_attributes_unref);
  tmpl->attributes = copy;

  return unlock (tmpl, TRUE);
}

/**
 * gspawn_template_set_stream:
 * @tmpl: a template that was not launched yet
 * @stream: a standard stream
 * @kind: what it is connected to
 * @error: (out) (optional): that there is no such stream or kind, or that the template was launched
 *
 * Sets what a standard stream of the program is connected to. It takes the place of what was set
 * for that stream before, and of the flags' words about it.
 *
 * Returns: %TRUE if it was set
 *
 * Since: 0.1
 */
gboolean
gspawn_template_set_stream (GSpawnTemplate    *tmpl,
                            GSpawnStream       stream,
                            GSpawnStreamKind   kind,
                            GError           **error)
{
  g_return_val_if_fail (tmpl != NULL, FALSE);

  if (!lock (tmpl, error))
    return FALSE;

  return unlock (tmpl, _gspawn_connections_set_stream (&tmpl->connections, stream, kind, error));
}

/**
 * gspawn_template_set_stream_fd:
 * @tmpl: a template that was not launched yet
 * @stream: a standard stream
 * @fd: a descriptor of the caller's
 * @error: (out) (optional): that there is no such stream or descriptor, or that the template was
 *     launched
 *
 * Connects a standard stream of the program to a descriptor. It is duplicated at once, and the
 * duplicate is closed when the template is freed; the caller keeps its own.
 *
 * A descriptor of 1 for the standard error is the caller's output.
 * %GSPAWN_STREAM_KIND_MERGED connects it to the program's.
 *
 * Returns: %TRUE if it was set
 *
 * Since: 0.1
 */
gboolean
gspawn_template_set_stream_fd (GSpawnTemplate  *tmpl,
                               GSpawnStream     stream,
                               int              fd,
                               GError         **error)
{
  g_return_val_if_fail (tmpl != NULL, FALSE);

  if (!lock (tmpl, error))
    return FALSE;

  return unlock (tmpl, _gspawn_connections_set_stream_fd (&tmpl->connections, stream, fd, error));
}

/**
 * gspawn_template_set_fd:
 * @tmpl: a template that was not launched yet
 * @source_fd: a descriptor of the caller's
 * @target_fd: its number in the program, from 3 on
 * @error: (out) (optional): that there is no such descriptor, that it cannot have that number, or
 *     that the template was launched
 *
 * Gives a descriptor to the program. It is duplicated at once, and the duplicate is closed when the
 * template is freed; the caller keeps its own. If something was given that number already, it gives
 * way.
 *
 * The standard streams, whose numbers are 0 to 2, are refused with %G_SPAWN_ERROR_INVAL: they are
 * connected by gspawn_template_set_stream_fd().
 *
 * Returns: %TRUE if it was set
 *
 * Since: 0.1
 */
gboolean
gspawn_template_set_fd (GSpawnTemplate  *tmpl,
                        int              source_fd,
                        int              target_fd,
                        GError         **error)
{
  g_return_val_if_fail (tmpl != NULL, FALSE);

  if (!lock (tmpl, error))
    return FALSE;

  return unlock (tmpl, _gspawn_connections_set_fd (&tmpl->connections, source_fd, target_fd,
                                                   error));
}

static GSpawnProcess *
launch_prepared (const GSpawnPrepared  *prepared,
                 GError               **error)
{
  GSpawnChildInfo info;

  if (!_gspawn_launch (&prepared->request, &info, error))
    return NULL;

  return _gspawn_process_new (&info, GSPAWN_LAUNCH_WAITING);
}

/**
 * gspawn_template_launch:
 * @tmpl: a template
 * @arguments: (array zero-terminated=1) (element-type filename) (nullable): arguments after those
 *     of the template
 * @error: (out) (optional): why the program was not started
 *
 * Starts the program, and returns when it has been executed, not when it ends.
 *
 * The errors are those of g_spawn_async_with_pipes_and_fds(). A program that is not found any more
 * is %G_SPAWN_ERROR_NOENT.
 *
 * This function may be called from any number of threads at once. If the program gets the caller's
 * environment, no thread may change that in the meantime.
 *
 * Returns: (transfer full): the process, to be freed with gspawn_process_unref(), or %NULL
 *
 * Since: 0.1
 */
GSpawnProcess *
gspawn_template_launch (GSpawnTemplate     *tmpl,
                        const char *const  *arguments,
                        GError            **error)
{
  g_auto (GSpawnPrepared) prepared = { 0 };

  g_return_val_if_fail (tmpl != NULL, NULL);

  _gspawn_prepared_init (&prepared, tmpl, NULL, arguments, FALSE);

  return launch_prepared (&prepared, error);
}

/**
 * gspawn_template_launch_with:
 * @tmpl: a template
 * @launch: (nullable): what this launch has of its own, or %NULL for nothing
 * @error: (out) (optional): why the program was not started
 *
 * Starts the program as gspawn_template_launch() does, with arguments, variables, streams and
 * descriptors of this launch's own. @launch is immutable from now on.
 *
 * This function may be called from any number of threads at once, with the same @launch, too.
 *
 * Returns: (transfer full): the process, to be freed with gspawn_process_unref(), or %NULL
 *
 * Since: 0.1
 */
GSpawnProcess *
gspawn_template_launch_with (GSpawnTemplate  *tmpl,
                             GSpawnLaunch    *launch,
                             GError         **error)
{
  g_auto (GSpawnPrepared) prepared = { 0 };

  g_return_val_if_fail (tmpl != NULL, NULL);

  _gspawn_prepared_init (&prepared, tmpl, launch, NULL, FALSE);
  prepared.request.function = "gspawn_template_launch_with";

  return launch_prepared (&prepared, error);
}
