/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * A template as a GObject. What it means, and which values are refused, is the core's to say.
 * Launches for which nobody waits are in gspawn-gio-pending.c. */
#include "gspawn-gio-process-private.h"
#include "gspawn-gio-template-private.h"

struct _GSpawnGioTemplate
{
  GObject parent_instance;

  GSpawnTemplate *core;
};

G_DEFINE_FINAL_TYPE (GSpawnGioTemplate, gspawn_gio_template, G_TYPE_OBJECT)

static void
gspawn_gio_template_finalize (GObject *object)
{
  GSpawnGioTemplate *self = GSPAWN_GIO_TEMPLATE (object);

  g_clear_pointer (&self->core, gspawn_template_unref);

  G_OBJECT_CLASS (gspawn_gio_template_parent_class)->finalize (object);
}

static void
gspawn_gio_template_class_init (GSpawnGioTemplateClass *class)
{
  G_OBJECT_CLASS (class)->finalize = gspawn_gio_template_finalize;
}

static void
gspawn_gio_template_init (GSpawnGioTemplate *self G_GNUC_UNUSED)
{
}

/* Bindings can make an object without its constructor. */
GSpawnTemplate *
_gspawn_gio_template_get_core (GSpawnGioTemplate  *tmpl,
                               GError            **error)
{
  if (tmpl->core == NULL)
    g_set_error_literal (error, G_SPAWN_ERROR, G_SPAWN_ERROR_INVAL, "The template has no program");

  return tmpl->core;
}

/**
 * gspawn_gio_template_new:
 * @argv: (array zero-terminated=1) (element-type filename): the program, and its leading arguments
 * @flags: flags of g_spawn_async()
 * @error: (out) (optional): why there is no template
 *
 * Makes a template of a program. The flags mean what they mean for g_spawn_async(), but that a
 * process is always waited for by its #GSpawnGioProcess, and that our ends of pipes are always
 * close-on-exec.
 *
 * A vector or flags that cannot be launched are refused with %G_SPAWN_ERROR_INVAL. That the program
 * exists is seen at a launch.
 *
 * This function may be called from any thread.
 *
 * Returns: (transfer full): the template, or %NULL
 *
 * Since: 0.1
 */
GSpawnGioTemplate *
gspawn_gio_template_new (const char *const  *argv,
                         GSpawnFlags         flags,
                         GError            **error)
{
  GSpawnGioTemplate *tmpl;
  GSpawnTemplate *core;

  g_return_val_if_fail (argv != NULL, NULL);

  core = gspawn_template_new (argv, flags, error);
  if (core == NULL)
    return NULL;
  tmpl = g_object_new (GSPAWN_GIO_TYPE_TEMPLATE, NULL);
  tmpl->core = core;

  return tmpl;
}

/**
 * gspawn_gio_template_set_environment:
 * @tmpl: a template
 * @envp: (array zero-terminated=1) (element-type filename) (nullable): variables as `NAME=VALUE`,
 *     or %NULL for that of the caller at the moment of a launch
 * @error: (out) (optional): why it was refused
 *
 * Sets the environment that processes start with.
 *
 * A template that was launched is immutable, which is %G_SPAWN_ERROR_INVAL.
 *
 * Returns: whether it was set
 *
 * Since: 0.1
 */
gboolean
gspawn_gio_template_set_environment (GSpawnGioTemplate  *tmpl,
                                     const char *const  *envp,
                                     GError            **error)
{
  GSpawnTemplate *core;

  g_return_val_if_fail (GSPAWN_GIO_IS_TEMPLATE (tmpl), FALSE);

  core = _gspawn_gio_template_get_core (tmpl, error);

  return core != NULL && gspawn_template_set_environment (core, envp, error);
}

/**
 * gspawn_gio_template_set_working_directory:
 * @tmpl: a template
 * @directory: (type filename) (nullable): the directory, or %NULL for that of the caller
 * @error: (out) (optional): why it was refused
 *
 * Sets the directory that processes start in.
 *
 * A template that was launched is immutable, which is %G_SPAWN_ERROR_INVAL.
 *
 * Returns: whether it was set
 *
 * Since: 0.1
 */
gboolean
gspawn_gio_template_set_working_directory (GSpawnGioTemplate  *tmpl,
                                           const char         *directory,
                                           GError            **error)
{
  GSpawnTemplate *core;

  g_return_val_if_fail (GSPAWN_GIO_IS_TEMPLATE (tmpl), FALSE);

  core = _gspawn_gio_template_get_core (tmpl, error);

  return core != NULL && gspawn_template_set_working_directory (core, directory, error);
}

/**
 * gspawn_gio_template_set_attributes:
 * @tmpl: a template
 * @attributes: (nullable): attributes, or %NULL for none
 * @error: (out) (optional): why they were refused
 *
 * Sets what processes shall be beside their program, environment and descriptors. The template
 * keeps a copy.
 *
 * A template that was launched is immutable, which is %G_SPAWN_ERROR_INVAL.
 *
 * Returns: whether they were set
 *
 * Since: 0.1
 */
gboolean
gspawn_gio_template_set_attributes (GSpawnGioTemplate  *tmpl,
                                    GSpawnAttributes   *attributes,
                                    GError            **error)
{
  GSpawnTemplate *core;

  g_return_val_if_fail (GSPAWN_GIO_IS_TEMPLATE (tmpl), FALSE);

  core = _gspawn_gio_template_get_core (tmpl, error);

  return core != NULL && gspawn_template_set_attributes (core, attributes, error);
}

/**
 * gspawn_gio_template_set_stream:
 * @tmpl: a template
 * @stream: a standard stream
 * @kind: what it is connected to
 * @error: (out) (optional): why it was refused
 *
 * Sets what a standard stream of processes is connected to, in place of what the flags say and of
 * a descriptor that was set.
 *
 * Values that are none of the enumeration are refused with %G_SPAWN_ERROR_INVAL. A template that
 * was launched is immutable, which is the same error.
 *
 * Returns: whether it was set
 *
 * Since: 0.1
 */
gboolean
gspawn_gio_template_set_stream (GSpawnGioTemplate  *tmpl,
                                GSpawnStream        stream,
                                GSpawnStreamKind    kind,
                                GError            **error)
{
  GSpawnTemplate *core;

  g_return_val_if_fail (GSPAWN_GIO_IS_TEMPLATE (tmpl), FALSE);

  core = _gspawn_gio_template_get_core (tmpl, error);

  return core != NULL && gspawn_template_set_stream (core, stream, kind, error);
}

/**
 * gspawn_gio_template_set_stream_fd:
 * @tmpl: a template
 * @stream: a standard stream
 * @fd: a descriptor
 * @error: (out) (optional): why it was refused
 *
 * Connects a standard stream of processes to a descriptor. It is duplicated: the caller may close
 * its own.
 *
 * A descriptor that is not open is refused with %G_SPAWN_ERROR_INVAL. A template that was launched
 * is immutable, which is the same error.
 *
 * Returns: whether it was set
 *
 * Since: 0.1
 */
gboolean
gspawn_gio_template_set_stream_fd (GSpawnGioTemplate  *tmpl,
                                   GSpawnStream        stream,
                                   int                 fd,
                                   GError            **error)
{
  GSpawnTemplate *core;

  g_return_val_if_fail (GSPAWN_GIO_IS_TEMPLATE (tmpl), FALSE);

  core = _gspawn_gio_template_get_core (tmpl, error);

  return core != NULL && gspawn_template_set_stream_fd (core, stream, fd, error);
}

/**
 * gspawn_gio_template_set_fd:
 * @tmpl: a template
 * @source_fd: a descriptor
 * @target_fd: the number that it has in processes, from 3 on
 * @error: (out) (optional): why it was refused
 *
 * Gives processes a descriptor. It is duplicated: the caller may close its own.
 *
 * A descriptor that is not open, and a number that none can have, are refused with
 * %G_SPAWN_ERROR_INVAL. A template that was launched is immutable, which is the same error.
 *
 * Returns: whether it was set
 *
 * Since: 0.1
 */
gboolean
gspawn_gio_template_set_fd (GSpawnGioTemplate  *tmpl,
                            int                 source_fd,
                            int                 target_fd,
                            GError            **error)
{
  GSpawnTemplate *core;

  g_return_val_if_fail (GSPAWN_GIO_IS_TEMPLATE (tmpl), FALSE);

  core = _gspawn_gio_template_get_core (tmpl, error);

  return core != NULL && gspawn_template_set_fd (core, source_fd, target_fd, error);
}

/* A launch for which the caller has waited. */
static GSpawnGioProcess *
wrap (GSpawnProcess *process)
{
  return process != NULL ? _gspawn_gio_process_new (process) : NULL;
}

/**
 * gspawn_gio_template_launch:
 * @tmpl: a template
 * @arguments: (array zero-terminated=1) (element-type filename) (nullable): arguments, after those
 *     of the template
 * @error: (out) (optional): why nothing was launched
 *
 * Launches the program of a template, and waits until it is executed. The errors are those of
 * g_spawn_async().
 *
 * This function may be called from any thread.
 *
 * Returns: (transfer full): the process, or %NULL
 *
 * Since: 0.1
 */
GSpawnGioProcess *
gspawn_gio_template_launch (GSpawnGioTemplate  *tmpl,
                            const char *const  *arguments,
                            GError            **error)
{
  GSpawnTemplate *core;

  g_return_val_if_fail (GSPAWN_GIO_IS_TEMPLATE (tmpl), NULL);

  core = _gspawn_gio_template_get_core (tmpl, error);
  if (core == NULL)
    return NULL;

  return wrap (gspawn_template_launch (core, arguments, error));
}

/**
 * gspawn_gio_template_launch_with:
 * @tmpl: a template
 * @launch: (nullable): what this launch has of its own, or %NULL for nothing
 * @error: (out) (optional): why nothing was launched
 *
 * Launches the program of a template with more than arguments, and waits until it is executed. The
 * errors are those of g_spawn_async().
 *
 * This function may be called from any thread.
 *
 * Returns: (transfer full): the process, or %NULL
 *
 * Since: 0.1
 */
GSpawnGioProcess *
gspawn_gio_template_launch_with (GSpawnGioTemplate  *tmpl,
                                 GSpawnLaunch       *launch,
                                 GError            **error)
{
  GSpawnTemplate *core;

  g_return_val_if_fail (GSPAWN_GIO_IS_TEMPLATE (tmpl), NULL);

  core = _gspawn_gio_template_get_core (tmpl, error);
  if (core == NULL)
    return NULL;

  return wrap (gspawn_template_launch_with (core, launch, error));
}
