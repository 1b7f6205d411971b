/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * A child whose output is read to its end before it is waited for. Knows nothing of how it was
 * started. */
#include "config.h"

#include "gspawn-error-private.h"
#include "gspawn-fd-private.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define READ_SIZE (16 * 1024)

/* One of the child's outputs on its way into memory. */
typedef struct {
  int fd;
  GString *text;
} Output;

typedef struct {
  Output outputs[2];
} Outputs;

#define OUTPUTS_INIT { { { -1, NULL }, { -1, NULL } } }

static void
outputs_close (Outputs *self)
{
  for (gsize i = 0; i < G_N_ELEMENTS (self->outputs); i++)
    _gspawn_fd_clear (&self->outputs[i].fd);
}

static void
outputs_clear (Outputs *self)
{
  outputs_close (self);
  for (gsize i = 0; i < G_N_ELEMENTS (self->outputs); i++)
    if (self->outputs[i].text != NULL)
      g_string_free (g_steal_pointer (&self->outputs[i].text), TRUE);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Outputs, outputs_clear)

/* Reads once and closes the pipe at its end. */
static gboolean
output_read (Output  *output,
             GError **error)
{
  char buffer[READ_SIZE];
  gssize n;

  do
    n = read (output->fd, buffer, sizeof buffer);
  while (n < 0 && errno == EINTR);

  if (n < 0)
    {
      _gspawn_error_set_read (error, "Failed to read from child pipe (%s)", errno);
      return FALSE;
    }

  if (n > 0)
    g_string_append_len (output->text, buffer, n);
  else
    _gspawn_fd_clear (&output->fd);

  return TRUE;
}

/* Prepares to wait for what is still open, and tells whether that is anything. */
static gboolean
outputs_prepare (const Outputs *self,
                 struct pollfd *polls)
{
  gboolean open = FALSE;

  for (gsize i = 0; i < G_N_ELEMENTS (self->outputs); i++)
    {
      /* poll() passes over a negative descriptor. */
      polls[i] = (struct pollfd) { .fd = self->outputs[i].fd, .events = POLLIN };
      open |= self->outputs[i].fd >= 0;
    }

  return open;
}

static gboolean
outputs_read (Outputs  *self,
              GError  **error)
{
  struct pollfd polls[G_N_ELEMENTS (self->outputs)];

  while (outputs_prepare (self, polls))
    {
      if (poll (polls, G_N_ELEMENTS (polls), -1) < 0)
        {
          if (errno == EINTR)
            continue;
          _gspawn_error_set_read (error,
                                  "Unexpected error in reading data from a child process (%s)",
                                  errno);
          return FALSE;
        }

      for (gsize i = 0; i < G_N_ELEMENTS (polls); i++)
        if (polls[i].revents != 0 && !output_read (&self->outputs[i], error))
          return FALSE;
    }

  return TRUE;
}

/* Somebody else may have waited for the child: a handler of the program's, or the kernel where
 * SIGCHLD is ignored. Its status is lost then, which is no failure of the child. */
static gboolean
wait_for (GPid      pid,
          int      *status,
          gboolean  status_wanted,
          GError  **error)
{
  while (waitpid (pid, status, 0) < 0)
    if (errno == ECHILD)
      {
        if (status_wanted)
          g_log ("GLib", G_LOG_LEVEL_WARNING,
                 "In call to g_spawn_sync(), wait status of a child process was requested but "
                 "ECHILD was received by waitpid(). See the documentation of "
                 "g_child_watch_source_new() for possible causes.");
        *status = 0;
        return TRUE;
      }
    else if (errno != EINTR)
      {
        _gspawn_error_set_read (error, "Unexpected error in waitpid() (%s)", errno);
        return FALSE;
      }

  return TRUE;
}

static void
output_steal (Output  *output,
              char   **text)
{
  if (text != NULL)
    *text = g_string_free (g_steal_pointer (&output->text), FALSE);
}

static gboolean
spawn_sync (const GSpawnRequest  *request,
            char                **standard_output,
            char                **standard_error,
            int                  *wait_status,
            GError              **error)
{
  g_auto (Outputs) outputs = OUTPUTS_INIT;
  GSpawnRequest own_request = *request;
  GSpawnChildInfo info;
  gboolean complete;
  int status;

  /* The ends are ours alone: no process that another thread starts is to hold one open. */
  own_request.flags |= G_SPAWN_CLOEXEC_PIPES;
  if (!_gspawn_launch (&own_request, &info, error))
    return FALSE;

  for (gsize i = 0; i < G_N_ELEMENTS (outputs.outputs); i++)
    outputs.outputs[i] = (Output) { info.pipes[STDOUT_FILENO + i], g_string_new (NULL) };

  complete = outputs_read (&outputs, error);
  /* After a failure a child that goes on writing gets to know that nobody reads. */
  outputs_close (&outputs);
  if (!wait_for (info.pid, &status, wait_status != NULL, complete ? error : NULL) || !complete)
    return FALSE;

  output_steal (&outputs.outputs[0], standard_output);
  output_steal (&outputs.outputs[1], standard_error);
  if (wait_status != NULL)
    *wait_status = status;

  return TRUE;
}

/*< private >
 * _gspawn_sync:
 * @request: what to do; pipes only where the text is wanted, and the child not reaped by others
 * @standard_output: (out) (optional) (transfer full): all that the program wrote
 * @standard_error: (out) (optional) (transfer full): the same
 * @wait_status: (out) (optional): as waitpid() gives it, or 0 if somebody else has had it
 * @error: (out) (optional): what went wrong; then nothing else is set
 *
 * Starts a program and returns when it has closed its outputs and ended. The thread is not
 * cancelled in here.
 *
 * Returns: whether the program ran, whatever its exit status
 */
gboolean
_gspawn_sync (const GSpawnRequest  *request,
              char                **standard_output,
              char                **standard_error,
              int                  *wait_status,
              GError              **error)
{
  gboolean success;
  int cancel_state;

  pthread_setcancelstate (PTHREAD_CANCEL_DISABLE, &cancel_state);
  success = spawn_sync (request, standard_output, standard_error, wait_status, error);
  pthread_setcancelstate (cancel_state, NULL);

  return success;
}
