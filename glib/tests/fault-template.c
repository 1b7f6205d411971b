/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * The requests of faults by a template: launched, or begun and ended, or cancelled in between. */
#include "fault-template.h"

static void
must (gboolean      success,
      const GError *error)
{
  if (!success)
    g_error ("%s", error->message);
}

/*
 * fault_template_new: (skip)
 * @shape: what is asked for
 * @argv: the program and its arguments
 * @directory: (nullable): where it starts
 * @streams: a descriptor for each stream, or −1
 * @attributes: (nullable): what the child shall be
 *
 * Returns: (transfer full): the template, not launched yet
 */
GSpawnTemplate *
fault_template_new (const FaultShape   *shape,
                    const char *const  *argv,
                    const char         *directory,
                    const int          *streams,
                    GSpawnAttributes   *attributes)
{
  g_autoptr (GError) error = NULL;
  GSpawnTemplate *tmpl = gspawn_template_new (argv, shape->flags, &error);

  must (tmpl != NULL, error);
  if (directory != NULL)
    must (gspawn_template_set_working_directory (tmpl, directory, &error), error);
  if (attributes != NULL)
    must (gspawn_template_set_attributes (tmpl, attributes, &error), error);
  for (int i = 0; i < 3; i++)
    {
      if (shape->pipes[i])
        must (gspawn_template_set_stream (tmpl, i, GSPAWN_STREAM_KIND_PIPE, &error), error);
      if (streams[i] >= 0)
        must (gspawn_template_set_stream_fd (tmpl, i, streams[i], &error), error);
    }
  for (guint i = 0; i < shape->n_mapped; i++)
    must (gspawn_template_set_fd (tmpl, shape->sources[i], shape->targets[i], &error), error);

  return tmpl;
}

/* The owner lets go of the template as soon as it can. */
static GSpawnProcess *
begin (GSpawnTemplate  *tmpl,
       const FaultRun  *run,
       void           (*at_stage) (void),
       GError         **error)
{
  GSpawnPending *pending = gspawn_template_begin (tmpl, NULL, error);
  GSpawnProcess *process = NULL;

  gspawn_template_unref (tmpl);
  if (pending == NULL)
    return NULL;

  at_stage ();
  if (run->fault.kind == FAULT_HOLD && !run->frees)
    gspawn_pending_cancel (pending);
  if (run->fault.kind != FAULT_HOLD || !run->frees)
    process = gspawn_pending_complete (pending, error);
  gspawn_pending_free (pending);

  return process;
}

/*
 * fault_template_launch: (skip)
 * @tmpl: (transfer full): a template
 * @run: what is done
 * @at_stage: called once a launch has begun, where a fault can hold it up
 * @error: return location
 *
 * Returns: (transfer full) (nullable): the process
 */
GSpawnProcess *
fault_template_launch (GSpawnTemplate  *tmpl,
                       const FaultRun  *run,
                       void           (*at_stage) (void),
                       GError         **error)
{
  GSpawnProcess *process;

  if (run->shape->way == WAY_BEGIN)
    return begin (tmpl, run, at_stage, error);

  process = gspawn_template_launch (tmpl, NULL, error);
  gspawn_template_unref (tmpl);

  return process;
}

/*
 * fault_template_try: (skip)
 * @program: a program that does nothing if told so
 * @begins: whether nobody is to wait
 * @error: return location
 *
 * Returns: whether a launch that nothing happens to comes to its end
 */
gboolean
fault_template_try (const char  *program,
                    gboolean     begins,
                    GError     **error)
{
  const char *argv[] = { program, "nothing", NULL };
  g_autoptr (GSpawnTemplate) tmpl = gspawn_template_new (argv, G_SPAWN_DEFAULT, error);
  g_autoptr (GSpawnPending) pending = NULL;
  g_autoptr (GSpawnProcess) process = NULL;

  if (tmpl == NULL)
    return FALSE;
  if (begins)
    {
      pending = gspawn_template_begin (tmpl, NULL, error);
      process = pending != NULL ? gspawn_pending_complete (pending, error) : NULL;
    }
  else
    process = gspawn_template_launch (tmpl, NULL, error);

  return process != NULL && gspawn_process_wait_check (process, error);
}
