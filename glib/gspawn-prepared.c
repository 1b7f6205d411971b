/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Puts a template and what one launch adds to it together as a request. What neither changes is
 * borrowed: a launch that adds nothing but arguments costs one allocation. */
#include "config.h"

#include "gspawn-template-private.h"

#include <string.h>
#include <unistd.h>

/* From now on the template is immutable, and so its executable can be looked for. */
static void
close_template (GSpawnTemplate *tmpl)
{
  if (!_gspawn_seal_begin_close (&tmpl->seal))
    return;

  _gspawn_executable_init (&tmpl->executable, tmpl->argv[0], tmpl->flags,
                           (const char *const *) tmpl->envp);
  _gspawn_seal_end_close (&tmpl->seal);
}

static void
close_launch (GSpawnLaunch *launch)
{
  if (_gspawn_seal_begin_close (&launch->seal))
    _gspawn_seal_end_close (&launch->seal);
}

static const char **
append_words (const char        **end,
              const char *const  *words,
              gsize               n_words)
{
  if (n_words > 0)
    memcpy (end, words, n_words * sizeof *words);

  return end + n_words;
}

static void
prepare_arguments (GSpawnPrepared    *prepared,
                   const char *const *arguments)
{
  const GSpawnTemplate *tmpl = prepared->tmpl;
  const GSpawnLaunch *launch = prepared->launch;
  gsize n_of_launch = launch != NULL ? launch->n_arguments : 0;
  gsize n_arguments = arguments != NULL ? g_strv_length ((char **) arguments) : 0;
  const char **end;

  prepared->request.argv = (const char *const *) tmpl->argv;
  if (n_of_launch + n_arguments == 0)
    return;

  end = prepared->argv = g_new (const char *, tmpl->argc + n_of_launch + n_arguments + 1);
  end = append_words (end, (const char *const *) tmpl->argv, tmpl->argc);
  if (n_of_launch > 0)
    end = append_words (end, (const char *const *) launch->arguments, n_of_launch);
  end = append_words (end, arguments, n_arguments);
  *end = NULL;

  prepared->request.argv = prepared->argv;
}

static const GSpawnVariable *
find_variable (const GSpawnLaunch *launch,
               const char         *entry)
{
  for (gsize i = 0; launch != NULL && i < launch->n_variables; i++)
    {
      const GSpawnVariable *variable = &launch->variables[i];

      if (strncmp (entry, variable->entry, variable->name_length) == 0 &&
          entry[variable->name_length] == '=')
        return variable;
    }

  return NULL;
}

/* One block: the vector, then copies of the strings in it if they are not to be borrowed. */
static const char **
new_environment (const GSpawnLaunch *launch,
                 const char *const  *base,
                 gboolean            copies)
{
  gsize n_variables = launch != NULL ? launch->n_variables : 0;
  gsize n_base = base != NULL ? g_strv_length ((char **) base) : 0;
  gsize size = 0;
  const char **envp, **end;
  char *string;

  for (gsize i = 0; copies && i < n_base; i++)
    size += strlen (base[i]) + 1;
  end = envp = g_malloc ((n_base + n_variables + 1) * sizeof (char *) + size);
  string = (char *) (envp + n_base + n_variables + 1);

  for (gsize i = 0; i < n_base; i++)
    {
      if (find_variable (launch, base[i]) != NULL)
        continue;
      *end++ = copies ? string : base[i];
      if (copies)
        string = stpcpy (string, base[i]) + 1;
    }
  for (gsize i = 0; i < n_variables; i++)
    if (launch->variables[i].is_set)
      *end++ = launch->variables[i].entry;
  *end = NULL;

  return envp;
}

static void
prepare_environment (GSpawnPrepared *prepared,
                     gboolean        keeps_environment)
{
  const char *const *envp = (const char *const *) prepared->tmpl->envp;
  const GSpawnLaunch *launch = prepared->launch;
  gboolean copies = keeps_environment && envp == NULL;

  prepared->request.envp = envp;
  if (!copies && (launch == NULL || launch->n_variables == 0))
    return;

  if (envp == NULL)
    envp = (const char *const *) environ;
  prepared->envp = new_environment (launch, envp, copies);
  prepared->request.envp = (const char *const *) prepared->envp;
}

/* Where the program is searched for in the environment that it gets, and this launch has changed
 * that, what the template knows is of no use. */
static void
prepare_candidates (GSpawnPrepared *prepared)
{
  GSpawnTemplate *tmpl = prepared->tmpl;

  if ((tmpl->flags & G_SPAWN_SEARCH_PATH_FROM_ENVP) == 0 ||
      find_variable (prepared->launch, "PATH=") == NULL)
    prepared->request.candidates = _gspawn_executable_resolve (&tmpl->executable);
}

static void
borrow_map (GSpawnRequest           *request,
            const GSpawnConnections *connections)
{
  request->source_fds = connections->source_fds;
  request->target_fds = connections->target_fds;
  request->n_fds = connections->n_fds;
}

/* Each target is there once: an entry whose source happens to have the number of its target must
 * not find something else there. */
static void
merge_maps (GSpawnPrepared          *prepared,
            const GSpawnConnections *of_template,
            const GSpawnConnections *of_launch)
{
  gsize n = of_launch->n_fds;

  prepared->source_fds = g_new (int, of_template->n_fds + n);
  prepared->target_fds = g_new (int, of_template->n_fds + n);
  memcpy (prepared->source_fds, of_launch->source_fds, n * sizeof (int));
  memcpy (prepared->target_fds, of_launch->target_fds, n * sizeof (int));

  for (gsize i = 0; i < of_template->n_fds; i++)
    if (!_gspawn_connections_have_target (of_launch, of_template->target_fds[i]))
      {
        prepared->source_fds[n] = of_template->source_fds[i];
        prepared->target_fds[n++] = of_template->target_fds[i];
      }

  prepared->request.source_fds = prepared->source_fds;
  prepared->request.target_fds = prepared->target_fds;
  prepared->request.n_fds = n;
}

static void
prepare_connections (GSpawnPrepared *prepared)
{
  const GSpawnTemplate *tmpl = prepared->tmpl;
  const GSpawnLaunch *launch = prepared->launch;
  GSpawnRequest *request = &prepared->request;

  _gspawn_connections_apply (&tmpl->connections, tmpl->flags, request);
  borrow_map (request, &tmpl->connections);
  if (launch == NULL)
    return;

  _gspawn_connections_apply (&launch->connections, tmpl->flags, request);
  if (tmpl->connections.n_fds == 0)
    borrow_map (request, &launch->connections);
  else if (launch->connections.n_fds > 0)
    merge_maps (prepared, &tmpl->connections, &launch->connections);
}

/*< private >
 * _gspawn_prepared_init:
 * @prepared: what to initialise
 * @tmpl: a template, which becomes immutable
 * @launch: (nullable): what to add to it, which becomes immutable, too
 * @arguments: (array zero-terminated=1) (nullable): further arguments; borrowed
 * @keeps_environment: whether the caller's environment is copied, if the program gets that
 *
 * Puts a request together. It names gspawn_template_launch() as its function.
 */
void
_gspawn_prepared_init (GSpawnPrepared    *prepared,
                       GSpawnTemplate    *tmpl,
                       GSpawnLaunch      *launch,
                       const char *const *arguments,
                       gboolean           keeps_environment)
{
  close_template (tmpl);
  if (launch != NULL)
    close_launch (launch);

  *prepared = (GSpawnPrepared) {
    .request = {
      .function = "gspawn_template_launch",
      .working_directory = tmpl->directory,
      .flags = tmpl->flags,
      .stream_fds = { -1, -1, -1 },
      .attributes = tmpl->attributes,
      .wants_pidfd = TRUE,
    },
    .tmpl = gspawn_template_ref (tmpl),
    .launch = launch != NULL ? gspawn_launch_ref (launch) : NULL,
  };

  prepare_arguments (prepared, arguments);
  prepare_environment (prepared, keeps_environment);
  prepare_candidates (prepared);
  prepare_connections (prepared);
}

void
_gspawn_prepared_clear (GSpawnPrepared *prepared)
{
  g_free (prepared->argv);
  g_free (prepared->envp);
  g_free (prepared->source_fds);
  g_free (prepared->target_fds);
  g_clear_pointer (&prepared->launch, gspawn_launch_unref);
  g_clear_pointer (&prepared->tmpl, gspawn_template_unref);
}
