/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * The way of a request: pipes, plan, route, engine, outcome, error, trace. Each step is taken once,
 * and none is undone by another engine's try. */
#include "config.h"

#include "gspawn-error-private.h"
#include "gspawn-fd-private.h"
#include "gspawn-flight-private.h"
#include "gspawn-syscall-private.h"
#include "gspawn-trace-private.h"
#include "gspawn-wait-private.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>
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
        *failure = (GSpawnFailure) { .stage = GSPAWN_STAGE_DUP, .error_number = EBADF };
        return FALSE;
      }

  for (gsize i = 0; i < request->n_fds; i++)
    {
      if (pipes_contain (pipes, request->source_fds[i]))
        {
          *failure = (GSpawnFailure) { .stage = GSPAWN_STAGE_SOURCE, .error_number = EBADF };
          return FALSE;
        }
      /* Sources are moved above the highest target. */
      if (request->target_fds[i] == G_MAXINT)
        {
          *failure = (GSpawnFailure) { .stage = GSPAWN_STAGE_DUP, .error_number = EINVAL };
          return FALSE;
        }
    }

  return TRUE;
}

/* To the process between us and a child that is not ours these would mean that one, which is gone
 * before the program runs. */
static gboolean
check_parenthood (const GSpawnRequest *request,
                  GSpawnFailure       *failure)
{
  const GSpawnAttributes *attributes = request->attributes;
  guint refused;

  if (attributes == NULL || (request->flags & G_SPAWN_DO_NOT_REAP_CHILD) != 0)
    return TRUE;

  refused = attributes->set & ~attributes->optional & GSPAWN_PARENTHOOD_ATTRIBUTES;
  if (refused == 0)
    return TRUE;

  *failure = (GSpawnFailure) { GSPAWN_STAGE_PARENTHOOD, EINVAL,
                               (GSpawnAttribute) g_bit_nth_lsf (refused, -1) };
  return FALSE;
}

/**
 * Attempt:
 * @pipes: the pipes to the program
 * @begin: when it was begun, for the trace
 * @plan: (nullable): the plan, if it came to one
 * @route: who takes the plan, if there is one
 * @failure: why there is no child
 */
typedef struct {
  Pipes pipes;
  gint64 begin;
  GSpawnPlan *plan;
  GSpawnRoute route;
  GSpawnFailure failure;
} Attempt;

static void
attempt_clear (Attempt *attempt)
{
  pipes_clear (&attempt->pipes);
  g_clear_pointer (&attempt->plan, _gspawn_plan_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Attempt, attempt_clear)

/* All that is before the making of a process. */
static gboolean
attempt_prepare (Attempt             *attempt,
                 const GSpawnRequest *request)
{
  Pipes *pipes = &attempt->pipes;
  int child_ends[GSPAWN_N_STREAMS];

  *attempt = (Attempt) { .pipes = { { GSPAWN_PIPE_INIT, GSPAWN_PIPE_INIT, GSPAWN_PIPE_INIT } },
                         .begin = _gspawn_trace_begin () };
  if (!check_parenthood (request, &attempt->failure) ||
      !pipes_open (pipes, request, &attempt->failure) ||
      !check_descriptors (pipes, request, &attempt->failure))
    return FALSE;

  for (int i = 0; i < GSPAWN_N_STREAMS; i++)
    child_ends[i] = *pipes_child_end (pipes, i);

  attempt->plan = _gspawn_plan_new (request, child_ends);
  attempt->route = _gspawn_route_choose (attempt->plan->needs);
  if (attempt->route.launch == NULL)
    return _gspawn_failure_set (&attempt->failure, GSPAWN_STAGE_PROCESS, ENOSYS);

  return TRUE;
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

/* A kernel without such descriptors, or a sandbox, leaves the caller without one. A child that
 * somebody else has waited for may have given its number to another process. */
static int
open_pidfd (pid_t pid)
{
  int fd = (int) sys_call2 (SYS_pidfd_open, pid, 0);
  GSpawnEnd end;

  if (fd >= 0 && _gspawn_wait (pid, fd, WNOHANG | WNOWAIT, &end) == GSPAWN_WAIT_LOST)
    _gspawn_fd_clear (&fd);

  return MAX (fd, -1);
}

/* Turns what an engine said into what the caller gets. */
static gboolean
attempt_finish (Attempt              *attempt,
                const GSpawnRequest  *request,
                const GSpawnLaunched *launched,
                GSpawnChildInfo      *info,
                GError              **error)
{
  GError *local_error = NULL;

  if (launched == NULL)
    _gspawn_error_set (&local_error, request, &attempt->failure);
  _gspawn_trace_end (attempt->begin, request, attempt->plan != NULL ? &attempt->route : NULL,
                     launched != NULL ? launched->pid : 0, local_error);

  if (launched == NULL)
    {
      g_propagate_error (error, local_error);
      return FALSE;
    }

  info->pid = launched->pid;
  info->pidfd = launched->pidfd;
  info->engine = attempt->route.engine;
  if (request->wants_pidfd && info->pidfd < 0)
    info->pidfd = open_pidfd (info->pid);
  steal_pipes (&attempt->pipes, request, info->pipes);

  return TRUE;
}

static gboolean
launch (const GSpawnRequest  *request,
        GSpawnChildInfo      *info,
        GError              **error)
{
  g_auto (Attempt) attempt;
  GSpawnLaunched launched = { 0, -1 };
  gboolean is_launched = attempt_prepare (&attempt, request) &&
                         attempt.route.launch (attempt.plan, &launched, &attempt.failure);

  return attempt_finish (&attempt, request, is_launched ? &launched : NULL, info, error);
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

#if GSPAWN_ENGINE_CLONE_BUILT

struct _GSpawnFlight {
  Attempt attempt;
  GSpawnMade made;
  GSpawnCloneFlight *flight;
};

/*< private >
 * _gspawn_flight_begin:
 * @request: what to do, which has to stay as it is until the end
 *
 * Begins to start a program, without waiting for it to be executed.
 *
 * Returns: (transfer full) (nullable): what is under way, to be ended by _gspawn_flight_end(), or
 *   %NULL if somebody has to wait, and nothing was done
 */
GSpawnFlight *
_gspawn_flight_begin (const GSpawnRequest *request)
{
  g_autofree GSpawnFlight *self = g_new0 (GSpawnFlight, 1);
  GSpawnRequest own_request = *request;

  own_request.made = &self->made;
  if (attempt_prepare (&self->attempt, &own_request) &&
      self->attempt.route.engine == GSPAWN_ENGINE_CLONE)
    self->flight = _gspawn_clone_begin (self->attempt.plan);
  /* The program has its own by now. */
  for (int i = 0; self->flight != NULL && i < GSPAWN_N_STREAMS; i++)
    _gspawn_fd_clear (pipes_child_end (&self->attempt.pipes, i));
  if (self->flight == NULL)
    attempt_clear (&self->attempt);

  return self->flight != NULL ? g_steal_pointer (&self) : NULL;
}

int
_gspawn_flight_get_fd (const GSpawnFlight *self)
{
  return _gspawn_clone_flight_get_fd (self->flight);
}

void
_gspawn_flight_cancel (GSpawnFlight *self)
{
  _gspawn_clone_flight_cancel (self->flight);
}

/*< private >
 * _gspawn_flight_end:
 * @self: (transfer full): a launch under way
 * @request: what it was begun with
 * @info: (out caller-allocates): the child, set on success only
 * @error: (out) (optional): why there is none
 *
 * Waits until it is known what has become of a launch.
 *
 * Returns: whether the program was started
 */
gboolean
_gspawn_flight_end (GSpawnFlight         *self,
                    const GSpawnRequest  *request,
                    GSpawnChildInfo      *info,
                    GError              **error)
{
  GSpawnLaunched launched = { 0, -1 };
  gboolean is_launched;

  is_launched = _gspawn_clone_flight_end (self->flight, &launched, &self->attempt.failure);
  is_launched = attempt_finish (&self->attempt, request, is_launched ? &launched : NULL, info,
                                error);
  attempt_clear (&self->attempt);
  g_free (self);

  return is_launched;
}

/*< private >
 * _gspawn_flight_forget:
 * @self: (transfer full): a launch that another process has begun, of which this is a copy
 *
 * Closes the descriptors, and leaves the children alone.
 */
void
_gspawn_flight_forget (GSpawnFlight *self)
{
  _gspawn_clone_flight_forget (self->flight);
  attempt_clear (&self->attempt);
  g_free (self);
}

#else

void
_gspawn_flight_forget (G_GNUC_UNUSED GSpawnFlight *self)
{
  g_assert_not_reached ();
}

GSpawnFlight *
_gspawn_flight_begin (G_GNUC_UNUSED const GSpawnRequest *request)
{
  return NULL;
}

int
_gspawn_flight_get_fd (G_GNUC_UNUSED const GSpawnFlight *self)
{
  g_assert_not_reached ();
}

void
_gspawn_flight_cancel (G_GNUC_UNUSED GSpawnFlight *self)
{
  g_assert_not_reached ();
}

gboolean
_gspawn_flight_end (G_GNUC_UNUSED GSpawnFlight         *self,
                    G_GNUC_UNUSED const GSpawnRequest  *request,
                    G_GNUC_UNUSED GSpawnChildInfo      *info,
                    G_GNUC_UNUSED GError              **error)
{
  g_assert_not_reached ();
}

#endif
