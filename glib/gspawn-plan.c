/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Makes the plan of a child from a request: flags become operations and needs, the search path
 * becomes a list of candidates. It reads the caller's environment, and has no side effect. */
#include "config.h"

#include "gspawn-candidates-private.h"
#include "gspawn-fdops-private.h"

#include <unistd.h>

static const GSpawnFlags null_flags[GSPAWN_N_STREAMS] = {
  0,
  G_SPAWN_STDOUT_TO_DEV_NULL,
  G_SPAWN_STDERR_TO_DEV_NULL,
};

static GSpawnFdStream
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
    return (GSpawnFdStream) { GSPAWN_FD_STREAM_FD, fd };
  if (!inherits || (request->flags & null_flags[stream]) != 0)
    return (GSpawnFdStream) { GSPAWN_FD_STREAM_NULL, -1 };
  return (GSpawnFdStream) { GSPAWN_FD_STREAM_INHERIT, -1 };
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

static void
plan_program (GSpawnPlan          *plan,
              const GSpawnRequest *request)
{
  gboolean searches;

  plan->name = request->argv[0];
  plan->argv = request->argv;
  if ((request->flags & G_SPAWN_FILE_AND_ARGV_ZERO) != 0)
    plan->argv++;
  plan->argc = g_strv_length ((char **) plan->argv);
  plan->envp = request->envp;

  if (request->candidates != NULL)
    searches = request->candidates[0] != NULL && request->candidates[1] != NULL;
  else
    plan->own_candidates = _gspawn_candidates_new (plan->name, request->flags, request->envp,
                                                   &searches);
  plan->candidates = plan->own_candidates != NULL ? plan->own_candidates : request->candidates;
  if (searches)
    plan->needs |= GSPAWN_NEED_SEARCH_PATH;
}

static GSpawnNeeds
attribute_needs (const GSpawnAttributes *attributes,
                 guint                   set)
{
  static const struct {
    guint mask;
    GSpawnNeeds need;
  } rows[] = {
    { 1u << GSPAWN_ATTRIBUTE_NEW_SESSION, GSPAWN_NEED_SESSION },
    { 1u << GSPAWN_ATTRIBUTE_PROCESS_GROUP, GSPAWN_NEED_PROCESS_GROUP },
    { 1u << GSPAWN_ATTRIBUTE_DEFAULT_SIGNALS | 1u << GSPAWN_ATTRIBUTE_SIGNAL_MASK,
      GSPAWN_NEED_SIGNALS },
    { 1u << GSPAWN_ATTRIBUTE_TRACE_ME, GSPAWN_NEED_TRACE_ME },
    { 1u << GSPAWN_ATTRIBUTE_SECCOMP_FILTER, GSPAWN_NEED_SECCOMP_FILTER },
  };
  GSpawnNeeds needs = 0;

  /* To join a group can fail, and then somebody has to say that it was that; so does the leader of a
   * session. */
  if (gspawn_attributes_contain (attributes, GSPAWN_ATTRIBUTE_PROCESS_GROUP) &&
      (attributes->process_group != 0 ||
       gspawn_attributes_contain (attributes, GSPAWN_ATTRIBUTE_NEW_SESSION)))
    needs |= GSPAWN_NEED_ATTRIBUTES;

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      if ((set & rows[i].mask) != 0)
        needs |= rows[i].need;
      set &= ~rows[i].mask;
    }

  return set != 0 ? needs | GSPAWN_NEED_ATTRIBUTES : needs;
}

/* A descriptor that attributes hold is needed after the map, and so moved out of its way before. Of
 * attributes that mean the parent only optional ones come so far in a child that is not ours. */
static void
plan_attributes (GSpawnPlan             *plan,
                 GSpawnOp               *ops,
                 const GSpawnAttributes *attributes,
                 int                     first_free_fd)
{
  plan->attributes = attributes;
  plan->attribute_set = attributes->set;
  if ((plan->needs & GSPAWN_NEED_REAP) != 0)
    plan->attribute_set &= ~GSPAWN_PARENTHOOD_ATTRIBUTES;
  plan->needs |= attribute_needs (attributes, plan->attribute_set);

  for (int i = 0; i < GSPAWN_N_HELD; i++)
    {
      int fd = attributes->held_fds[i];

      plan->held_slots[i] = -1;
      if (fd < 0 || fd >= first_free_fd)
        continue;

      plan->held_slots[i] = plan->n_slots++;
      ops[plan->n_ops++] = (GSpawnOp) { .kind = GSPAWN_OP_SAVE, .source = fd,
                                        .minimum = first_free_fd,
                                        .slot = plan->held_slots[i] };
    }
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
  GSpawnOp *ops = g_new (GSpawnOp, 1 + GSPAWN_N_HELD + _gspawn_fdops_max_ops (&table));

  plan->ops = ops;
  plan->needs = _gspawn_fdops_needs (&table);
  plan->working_directory = request->working_directory;
  plan->wants_pidfd = request->wants_pidfd;
  plan->made = request->made;
  plan->signal_mask = request->signal_mask;
  plan->first_free_fd = _gspawn_fdops_first_free_fd (&table);

  if (request->working_directory != NULL)
    {
      plan->needs |= GSPAWN_NEED_WORKING_DIRECTORY;
      ops[plan->n_ops++] = (GSpawnOp) { .kind = GSPAWN_OP_CHDIR,
                                        .path = request->working_directory };
    }
  if ((request->flags & G_SPAWN_DO_NOT_REAP_CHILD) == 0)
    plan->needs |= GSPAWN_NEED_REAP;
  if (request->attributes != NULL)
    plan_attributes (plan, ops, request->attributes, plan->first_free_fd);
  if (request->child_setup != NULL)
    {
      plan->child_setup = request->child_setup;
      plan->user_data = request->user_data;
      plan->needs |= GSPAWN_NEED_CHILD_SETUP;
    }

  _gspawn_fdops_append (&table, ops + plan->n_ops, plan);
  plan_program (plan, request);

  return plan;
}

void
_gspawn_plan_free (GSpawnPlan *plan)
{
  g_free ((gpointer) plan->own_candidates);
  g_free ((gpointer) plan->ops);
  g_free (plan);
}
