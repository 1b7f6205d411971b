/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Asks a template for what a request asks a function of GLib's for. */

#include "differential-template.h"

static gboolean
set_streams (GSpawnTemplate      *tmpl,
             const TemplateCall  *call,
             GError             **error)
{
  for (int i = 0; i < 3; i++)
    {
      if (call->pipes[i] &&
          !gspawn_template_set_stream (tmpl, i, GSPAWN_STREAM_KIND_PIPE, error))
        return FALSE;
      if (call->fds[i] >= 0 && !gspawn_template_set_stream_fd (tmpl, i, call->fds[i], error))
        return FALSE;
    }

  return TRUE;
}

/*
 * template_call: (skip)
 * @call: what is asked for
 * @error: return location
 *
 * Returns: (transfer full) (nullable): the process
 */
GSpawnProcess *
template_call (const TemplateCall  *call,
               GError             **error)
{
  g_autoptr (GSpawnTemplate) tmpl = gspawn_template_new (call->argv, call->flags, error);

  if (tmpl == NULL || !set_streams (tmpl, call, error))
    return NULL;
  if (call->envp != NULL && !gspawn_template_set_environment (tmpl, call->envp, error))
    return NULL;
  if (call->directory != NULL &&
      !gspawn_template_set_working_directory (tmpl, call->directory, error))
    return NULL;
  if (call->attributes != NULL &&
      !gspawn_template_set_attributes (tmpl, call->attributes, error))
    return NULL;
  for (guint i = 0; i < call->n_mapped; i++)
    if (!gspawn_template_set_fd (tmpl, call->sources[i], call->targets[i], error))
      return NULL;

  return gspawn_template_launch (tmpl, NULL, error);
}
