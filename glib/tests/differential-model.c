/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* What the contract says of a child's descriptors, for the requests in which GLib does something
 * else. It is written down a second time here, on purpose in another way than in the library. */

#include "differential-model.h"

#include <string.h>

#define N_FDS 1024

typedef struct {
  const char *fds[N_FDS];
} FdTable;

static const char *const caller_files[] = {
  [0] = "@/standard-input: read",
  [1] = "@/standard-output: write append",
  [2] = "@/standard-error: write append",
  [4] = "@/four: both",
  [5] = "@/five: both",
  [6] = "@/six: both",
  [7] = "@/seven: both",
};

static const char *
look_up (const FdTable *table,
         int            fd)
{
  return fd >= 0 && fd < N_FDS ? table->fds[fd] : NULL;
}

static gboolean
gets_pipe (const Request *request,
           int            stream)
{
  static const GSpawnFlags suppress[] = {
    G_SPAWN_STDIN_FROM_DEV_NULL | G_SPAWN_CHILD_INHERITS_STDIN,
    G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_CHILD_INHERITS_STDOUT,
    G_SPAWN_STDERR_TO_DEV_NULL | G_SPAWN_CHILD_INHERITS_STDERR,
  };

  /* g_spawn_sync() looks at its pointers alone. */
  if (!request_get (request, ASPECT_INPUT_PIPE + stream))
    return FALSE;

  return request_is_sync (request) || !(request_get_flags (request) & suppress[stream]);
}

static const char *
get_stream (const Request *request,
            const FdTable *table,
            int            stream)
{
  static const char *const pipes[] = { "pipe 0: read", "pipe 1: write", "pipe 2: write" };
  static const GSpawnFlags null_flags[] = {
    0, G_SPAWN_STDOUT_TO_DEV_NULL, G_SPAWN_STDERR_TO_DEV_NULL
  };
  GSpawnFlags flags = request_get_flags (request);
  int fd = request_get (request, ASPECT_INPUT_FD + stream);

  if (gets_pipe (request, stream))
    return request_is_sync (request) ? "some pipe: write" : pipes[stream];
  if (fd > 0 || (fd == 0 && stream > 0))
    return look_up (table, fd);
  if (stream == 0)
    return flags & G_SPAWN_CHILD_INHERITS_STDIN ? table->fds[0] : "/dev/null: read";

  return flags & null_flags[stream] ? "/dev/null: write" : table->fds[stream];
}

static void
apply_map (const Request *request,
           FdTable       *table)
{
  int sources[MAP_ENTRIES], targets[MAP_ENTRIES];
  guint n = request_get_map (request, sources, targets);
  FdTable before = *table;

  for (guint i = 0; i < n; i++)
    if (sources[i] != targets[i] && targets[i] >= 0 && targets[i] < N_FDS)
      table->fds[targets[i]] = look_up (&before, sources[i]);
}

/*
 * model_describe: (skip)
 * @request: a request that can be met
 * @fd: 0, 1, 2 or a target of its map
 *
 * Returns: (transfer full) (nullable): what the child has there, in the words of an outcome, or
 *   %NULL if nothing
 */
char *
model_describe (const Request *request,
                int            fd)
{
  FdTable table = { { NULL } };

  memcpy (table.fds, caller_files, sizeof caller_files);
  for (int i = 0; i < 3; i++)
    if (request_get (request, ASPECT_CLOSED) & (1 << i))
      table.fds[i] = NULL;
  for (int i = 0; i < 3; i++)
    table.fds[i] = get_stream (request, &table, i);
  apply_map (request, &table);

  return g_strdup (look_up (&table, fd));
}

/*
 * model_suits_posix_spawn: (skip)
 *
 * Returns: whether GLib takes its route over posix_spawn()
 */
gboolean
model_suits_posix_spawn (const Request *request)
{
  return (request_is_sync (request) || request_get (request, ASPECT_DO_NOT_REAP)) &&
         request_get (request, ASPECT_LEAVE_OPEN) && !request_get (request, ASPECT_SEARCH_ENVP) &&
         !request_get (request, ASPECT_DIRECTORY) && !request_get (request, ASPECT_SETUP) &&
         !request_get (request, ASPECT_ATTRIBUTES);
}
