/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * The way of a request: pipes, plan, route, engine, outcome, error, trace. Each step is taken once,
 * and none is undone by another engine's try. */
#include "config.h"

#include "gspawn-error-private.h"
#include "gspawn-fd-private.h"
#include "gspawn-trace-private.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

/* The pipes of a launch. Stream 0 is read by the child, the others written. */
typedef struct {
  GSpawnPipe streams[GSPAWN_N_STREAMS];
} Pipes;

static void
pipes_clear (Pipes *pipes)
{
  for (int i = 0; i < GSPAWN_N_STREAMS; i++)
    _gspawn_pipe_clear (&pipes->streams[i]);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Pipes, pipes_clear)

static int *
pipes_child_end (Pipes *pipes,
                 int    stream)
{
  GSpawnPipe *ends = &pipes->streams[stream];

  return stream == STDIN_FILENO ? &ends->read_fd : &ends->write_fd;
}

static int *
pipes_caller_end (Pipes *pipes,
                  int    stream)
{
  GSpawnPipe *ends = &pipes->streams[stream];

  return stream == STDIN_FILENO ? &ends->write_fd : &ends->read_fd;
}

static gboolean
pipes_open (Pipes               *pipes,
            const GSpawnRequest *request,
            GSpawnFailure       *failure)
{
  for (int i = 0; i < GSPAWN_N_STREAMS; i++)
    if (request->stream_pipes[i] && !_gspawn_pipe_open (&pipes->streams[i]))
      {
        failure->stage = GSPAWN_STAGE_PIPE;
        failure->error_number = errno;
        return FALSE;
      }

  return TRUE;
}

static gboolean
pipes_contain (const Pipes *pipes,
               int          fd)
{
  for (int i = 0; i < GSPAWN_N_STREAMS; i++)
    if (fd >= 0 && (pipes->streams[i].read_fd == fd || pipes->streams[i].write_fd == fd))
      return TRUE;

  return FALSE;
}

/* A number that the caller had not open may have become one of our pipes: to use that would be to
 * hand the program an end it must not have. */
static gboolean
check_descriptors (const Pipes         *pipes,
                   const GSpawnRequest *request,
                   GSpawnFailure       *failure)
{
  for (int i = 0; i < GSPAWN_N_STREAMS; i++)
    if (pipes_contain (pipes, request->stream_fds[i]))
      {
        *failure = (GSpawnFailure) { GSPAWN_STAGE_DUP, EBADF };
        return FALSE;
      }

  for (gsize i = 0; i < request->n_fds; i++)
    {
      if (pipes_contain (pipes, request->source_fds[i]))
        {
          *failure = (GSpawnFailure) { GSPAWN_STAGE_SOURCE, EBADF };
          return FALSE;
        }
      /* Sources are moved above the highest target. */
      if (request->target_fds[i] == G_MAXINT)
        {
          *failure = (GSpawnFailure) { GSPAWN_STAGE_DUP, EINVAL };
          return FALSE;
        }
    }

  return TRUE;
}

static gboolean
launch_plan (Pipes               *pipes,
             const GSpawnRequest *request,
             GSpawnRoute         *route,
             GPid                *pid,
             GSpawnFailure       *failure)
{
  int child_ends[GSPAWN_N_STREAMS];
  g_autoptr (GSpawnPlan) plan = NULL;

  for (int i = 0; i < GSPAWN_N_STREAMS; i++)
    child_ends[i] = *pipes_child_end (pipes, i);

  plan = _gspawn_plan_new (request, child_ends);
  *route = _gspawn_route_choose (plan->needs);
  if (route->launch == NULL)
    {
      *failure = (GSpawnFailure) { GSPAWN_STAGE_PROCESS, ENOSYS };
      return FALSE;
    }

  return route->launch (plan, pid, failure);
}

/* Hands the caller's ends over. Until now they were close-on-exec in any case, so that no process
 * that another thread makes in the meantime keeps the program's input open. */
static void
steal_pipes (Pipes               *pipes,
             const GSpawnRequest *request,
             int                 *fds)
{
  for (int i = 0; i < GSPAWN_N_STREAMS; i++)
    {
      int *end = pipes_caller_end (pipes, i);

      fds[i] = *end;
      *end = -1;
      if (fds[i] >= 0 && (request->flags & G_SPAWN_CLOEXEC_PIPES) == 0)
        fcntl (fds[i], F_SETFD, 0);
    }
}

static gboolean
launch (const GSpawnRequest  *request,
        GSpawnChildInfo      *info,
        GError              **error)
{
  g_auto (Pipes) pipes = { { GSPAWN_PIPE_INIT, GSPAWN_PIPE_INIT, GSPAWN_PIPE_INIT } };
  gint64 begin = _gspawn_trace_begin ();
  GError *local_error = NULL;
  GSpawnFailure failure;
  GSpawnRoute route;
  gboolean routed = FALSE;
  gboolean launched = FALSE;
  GPid pid = 0;

  if (pipes_open (&pipes, request, &failure) && check_descriptors (&pipes, request, &failure))
    {
      routed = TRUE;
      launched = launch_plan (&pipes, request, &route, &pid, &failure);
    }

  if (!launched)
    _gspawn_error_set (&local_error, request, &failure);
  _gspawn_trace_end (begin, request, routed ? &route : NULL, pid, local_error);

  if (!launched)
    {
      g_propagate_error (error, local_error);
      return FALSE;
    }

  info->pid = pid;
  steal_pipes (&pipes, request, info->pipes);
  return TRUE;
}

/*< private >
 * _gspawn_launch:
 * @request: what to do
 * @info: (out caller-allocates): the child, set on success only
 * @error: (out) (optional): why there is none
 *
 * Starts a program, and returns when it has been executed. A thread is not cancelled in here, where
 * it would leave a process or a pipe behind.
 *
 * Returns: whether the program was started
 */
gboolean
_gspawn_launch (const GSpawnRequest  *request,
                GSpawnChildInfo      *info,
                GError              **error)
{
  gboolean launched;
  int cancel_state;

  pthread_setcancelstate (PTHREAD_CANCEL_DISABLE, &cancel_state);
  launched = launch (request, info, error);
  pthread_setcancelstate (cancel_state, NULL);

  return launched;
}
