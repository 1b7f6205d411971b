/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Makes the plan of a child from a request: flags become operations and needs, the search path
 * becomes a list of candidates. It reads the caller's environment, and has no side effect. */
#include "config.h"

#include "gspawn-fdops-private.h"

#include <string.h>
#include <unistd.h>

/* What execvp() of most systems uses without PATH, and what GLib does. */
#define DEFAULT_SEARCH_PATH "/bin:/usr/bin:."

static const GSpawnFlags null_flags[GSPAWN_N_STREAMS] = {
  0,
  G_SPAWN_STDOUT_TO_DEV_NULL,
  G_SPAWN_STDERR_TO_DEV_NULL,
};

static GSpawnStream
plan_stream (const GSpawnRequest *request,
             int                  stream,
             int                  pipe_fd)
{
  int fd = pipe_fd >= 0 ? pipe_fd : request->stream_fds[stream];
  gboolean inherits = stream != STDIN_FILENO ||
                      (request->flags & G_SPAWN_CHILD_INHERITS_STDIN) != 0;

  /* Who wants the program to read the caller's own input has to say so by the flag. */
  if (stream == STDIN_FILENO && fd == STDIN_FILENO)
    fd = -1;

  if (fd >= 0)
    return (GSpawnStream) { GSPAWN_STREAM_FD, fd };
  if (!inherits || (request->flags & null_flags[stream]) != 0)
    return (GSpawnStream) { GSPAWN_STREAM_NULL, -1 };
  return (GSpawnStream) { GSPAWN_STREAM_INHERIT, -1 };
}

static GSpawnFdTable
plan_fd_table (const GSpawnRequest *request,
               const int           *pipe_fds)
{
  GSpawnFdTable table = {
    .close_rest = (request->flags & G_SPAWN_LEAVE_DESCRIPTORS_OPEN) == 0,
    .source_fds = request->source_fds,
    .target_fds = request->target_fds,
    .n_fds = request->n_fds,
  };

  for (int i = 0; i < GSPAWN_N_STREAMS; i++)
    table.streams[i] = plan_stream (request, i, pipe_fds[i]);

  return table;
}

static const char *
environ_get (const char *const *envp,
             const char        *name)
{
  return g_environ_getenv ((char **) envp, name);
}

/* NULL where the name is executed as it stands. */
static const char *
search_path (const GSpawnRequest *request,
             const char          *name)
{
  const GSpawnFlags search = G_SPAWN_SEARCH_PATH | G_SPAWN_SEARCH_PATH_FROM_ENVP;
  const char *path = NULL;

  if ((request->flags & search) == 0 || name[0] == '\0' || strchr (name, '/') != NULL)
    return NULL;

  if ((request->flags & G_SPAWN_SEARCH_PATH_FROM_ENVP) != 0 && request->envp != NULL)
    path = environ_get (request->envp, "PATH");
  if (path == NULL && (request->flags & G_SPAWN_SEARCH_PATH) != 0)
    path = g_getenv ("PATH");

  return path != NULL ? path : DEFAULT_SEARCH_PATH;
}

/* One block: the vector, then the strings it points to. An empty element is the directory that the
 * child is in, which is the bare name. */
static const char *const *
expand_candidates (const char *name,
                   const char *path)
{
  gsize name_size = strlen (name) + 1;
  gsize n_elements = 1;
  const char **candidates;
  const char *element;
  char *string;

  for (const char *p = path; *p != '\0'; p++)
    n_elements += *p == ':';

  candidates = g_malloc ((n_elements + 1) * sizeof (char *) +
                         strlen (path) + 1 + n_elements * (name_size + 1));
  string = (char *) (candidates + n_elements + 1);

  element = path;
  for (gsize i = 0; i < n_elements; i++)
    {
      gsize length = strcspn (element, ":");

      candidates[i] = string;
      string = mempcpy (string, element, length);
      if (length > 0)
        *string++ = '/';
      string = mempcpy (string, name, name_size);
      element += length + 1;
    }
  candidates[n_elements] = NULL;

  return candidates;
}

static const char *const *
single_candidate (const char *name)
{
  const char **candidates = g_new (const char *, 2);

  candidates[0] = name;
  candidates[1] = NULL;

  return candidates;
}

static void
plan_program (GSpawnPlan          *plan,
              const GSpawnRequest *request)
{
  const char *path;

  plan->name = request->argv[0];
  plan->argv = request->argv;
  if ((request->flags & G_SPAWN_FILE_AND_ARGV_ZERO) != 0)
    plan->argv++;
  plan->argc = g_strv_length ((char **) plan->argv);
  plan->envp = request->envp;

  path = search_path (request, plan->name);
  if (path != NULL)
    plan->needs |= GSPAWN_NEED_SEARCH_PATH;
  plan->candidates = path != NULL ? expand_candidates (plan->name, path)
                                  : single_candidate (plan->name);
}

/*< private >
 * _gspawn_plan_new:
 * @request: what was asked for; the plan borrows its strings
 * @pipe_fds: the child's end of a pipe per standard stream, or −1
 *
 * Returns: (transfer full): the plan, which depends on nothing but its arguments and `PATH`.
 */
GSpawnPlan *
_gspawn_plan_new (const GSpawnRequest *request,
                  const int           *pipe_fds)
{
  GSpawnPlan *plan = g_new0 (GSpawnPlan, 1);
  GSpawnFdTable table = plan_fd_table (request, pipe_fds);
  GSpawnOp *ops = g_new (GSpawnOp, 1 + _gspawn_fdops_max_ops (&table));

  plan->ops = ops;
  plan->needs = _gspawn_fdops_needs (&table);
  plan->working_directory = request->working_directory;
  plan->child_setup = request->child_setup;
  plan->user_data = request->user_data;

  if (request->working_directory != NULL)
    {
      plan->needs |= GSPAWN_NEED_WORKING_DIRECTORY;
      ops[plan->n_ops++] = (GSpawnOp) { .kind = GSPAWN_OP_CHDIR,
                                        .path = request->working_directory };
    }
  if (request->child_setup != NULL)
    plan->needs |= GSPAWN_NEED_CHILD_SETUP;
  if ((request->flags & G_SPAWN_DO_NOT_REAP_CHILD) == 0)
    plan->needs |= GSPAWN_NEED_REAP;

  _gspawn_fdops_append (&table, ops + plan->n_ops, plan);
  plan_program (plan, request);

  return plan;
}

void
_gspawn_plan_free (GSpawnPlan *plan)
{
  g_free ((gpointer) plan->candidates);
  g_free ((gpointer) plan->ops);
  g_free (plan);
}
