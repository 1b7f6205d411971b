/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * What the descriptors of a child are connected to, while it waits for a launch: descriptors of the
 * caller are duplicated, so that the caller may close its own. */
#include "config.h"

#include "gspawn-connections-private.h"
#include "gspawn-fd-private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Above the numbers that a caller or a map usually has. */
#define MIN_HELD_FD 64

typedef struct {
  GSpawnFlags set;
  GSpawnFlags cleared;
} FlagChange;

/* What makes a stream the caller's, and what sends it to /dev/null. */
static const FlagChange inherit_changes[GSPAWN_N_STREAMS] = {
  { G_SPAWN_CHILD_INHERITS_STDIN, G_SPAWN_STDIN_FROM_DEV_NULL },
  { G_SPAWN_CHILD_INHERITS_STDOUT, G_SPAWN_STDOUT_TO_DEV_NULL },
  { G_SPAWN_CHILD_INHERITS_STDERR, G_SPAWN_STDERR_TO_DEV_NULL },
};

void
_gspawn_connections_init (GSpawnConnections *connections)
{
  *connections = (GSpawnConnections) { 0 };
  for (int i = 0; i < GSPAWN_N_STREAMS; i++)
    connections->streams[i] = (GSpawnConnection) { GSPAWN_CONNECTION_UNSET, -1 };
}

void
_gspawn_connections_clear (GSpawnConnections *connections)
{
  for (int i = 0; i < GSPAWN_N_STREAMS; i++)
    _gspawn_fd_clear (&connections->streams[i].fd);
  for (gsize i = 0; i < connections->n_fds; i++)
    _gspawn_fd_clear (&connections->source_fds[i]);
  g_free (connections->source_fds);
  g_free (connections->target_fds);
}

/* Returns −1 with an error. A copy is never one of the standard streams, which a child gets anew. */
static int
hold (int      fd,
      GError **error)
{
  int copy = fcntl (fd, F_DUPFD_CLOEXEC, MIN_HELD_FD);

  /* The limit may be lower than that. */
  if (copy < 0 && errno == EINVAL)
    copy = fcntl (fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  if (copy < 0)
    g_set_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_INVAL,
                 "Descriptor %d cannot be duplicated (%s)", fd, g_strerror (errno));

  return copy;
}

static gboolean
check_stream (GSpawnStream   stream,
              GError       **error)
{
  if ((guint) stream < GSPAWN_N_STREAMS)
    return TRUE;

  g_set_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_INVAL, "%d is not a standard stream",
               (int) stream);
  return FALSE;
}

static void
connect_stream (GSpawnConnections *connections,
                GSpawnStream       stream,
                int                kind,
                int                fd)
{
  GSpawnConnection *connection = &connections->streams[stream];

  _gspawn_fd_clear (&connection->fd);
  *connection = (GSpawnConnection) { kind, fd };
}

gboolean
_gspawn_connections_set_stream (GSpawnConnections  *connections,
                                GSpawnStream        stream,
                                GSpawnStreamKind    kind,
                                GError            **error)
{
  if (!check_stream (stream, error))
    return FALSE;
  if ((guint) kind > GSPAWN_STREAM_KIND_MERGED)
    {
      g_set_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_INVAL, "%d is not a kind of stream",
                   (int) kind);
      return FALSE;
    }
  if (kind == GSPAWN_STREAM_KIND_MERGED && stream != GSPAWN_STREAM_ERROR)
    {
      g_set_error_literal (error, G_SPAWN_ERROR, G_SPAWN_ERROR_INVAL,
                           "Only standard error can be merged into standard output");
      return FALSE;
    }

  connect_stream (connections, stream, (int) kind, -1);

  return TRUE;
}

gboolean
_gspawn_connections_set_stream_fd (GSpawnConnections  *connections,
                                   GSpawnStream        stream,
                                   int                 fd,
                                   GError            **error)
{
  int copy;

  if (!check_stream (stream, error) || (copy = hold (fd, error)) < 0)
    return FALSE;

  connect_stream (connections, stream, GSPAWN_CONNECTION_FD, copy);

  return TRUE;
}

static gboolean
check_target (int      target_fd,
              GError **error)
{
  if (target_fd >= 0 && target_fd <= STDERR_FILENO)
    g_set_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_INVAL,
                 "Descriptor %d is a standard stream, which is set as such", target_fd);
  /* The child needs a number above every target. */
  else if (target_fd < 0 || target_fd == G_MAXINT)
    g_set_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_INVAL,
                 "No descriptor can have the number %d", target_fd);
  else
    return TRUE;

  return FALSE;
}

static gsize
find_target (const GSpawnConnections *connections,
             int                      target_fd)
{
  gsize i = 0;

  while (i < connections->n_fds && connections->target_fds[i] != target_fd)
    i++;

  return i;
}

gboolean
_gspawn_connections_set_fd (GSpawnConnections  *connections,
                            int                 source_fd,
                            int                 target_fd,
                            GError            **error)
{
  gsize i;
  int copy;

  if (!check_target (target_fd, error) || (copy = hold (source_fd, error)) < 0)
    return FALSE;

  i = find_target (connections, target_fd);
  if (i == connections->n_fds)
    {
      connections->n_fds++;
      connections->source_fds = g_renew (int, connections->source_fds, connections->n_fds);
      connections->target_fds = g_renew (int, connections->target_fds, connections->n_fds);
      connections->target_fds[i] = target_fd;
    }
  else
    _gspawn_fd_clear (&connections->source_fds[i]);
  connections->source_fds[i] = copy;

  return TRUE;
}

gboolean
_gspawn_connections_have_target (const GSpawnConnections *connections,
                                 int                      target_fd)
{
  return find_target (connections, target_fd) < connections->n_fds;
}

static void
apply_stream (const GSpawnConnection *connection,
              int                     stream,
              GSpawnFlags             default_flags,
              GSpawnRequest          *request)
{
  const FlagChange *change = &inherit_changes[stream];
  const GSpawnFlags both = change->set | change->cleared;

  /* What an earlier one has said about this stream does not hold any more. */
  request->stream_fds[stream] = -1;
  request->stream_pipes[stream] = FALSE;
  request->flags = (request->flags & ~both) | (default_flags & both);

  switch (connection->kind)
    {
    case GSPAWN_CONNECTION_FD:
      request->stream_fds[stream] = connection->fd;
      break;
    case GSPAWN_STREAM_KIND_INHERITED:
      request->flags = (request->flags & ~both) | change->set;
      break;
    case GSPAWN_STREAM_KIND_NULL:
      request->flags = (request->flags & ~both) | change->cleared;
      break;
    case GSPAWN_STREAM_KIND_PIPE:
      request->stream_pipes[stream] = TRUE;
      break;
    case GSPAWN_STREAM_KIND_MERGED:
      /* What the child has there by then. */
      request->stream_fds[stream] = STDOUT_FILENO;
      break;
    default:
      break;
    }
}

/*< private >
 * _gspawn_connections_apply:
 * @connections: where streams go
 * @default_flags: where they go by default
 * @request: the request to say it in
 *
 * Connects the standard streams; those of which nothing was said remain as they are.
 */
void
_gspawn_connections_apply (const GSpawnConnections *connections,
                           GSpawnFlags              default_flags,
                           GSpawnRequest           *request)
{
  for (int i = 0; i < GSPAWN_N_STREAMS; i++)
    if (connections->streams[i].kind != GSPAWN_CONNECTION_UNSET)
      apply_stream (&connections->streams[i], i, default_flags, request);
}
