/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Descriptors of ours in the caller: how they are made so that they get in nobody's way, and
 * closed. */
#include "config.h"

#include "gspawn-fd-private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Closes *@fd and forgets it. Keeps errno. */
void
_gspawn_fd_clear (int *fd)
{
  int saved_errno = errno;

  if (*fd >= 0)
    close (*fd);
  *fd = -1;

  errno = saved_errno;
}

/*< private >
 * _gspawn_fd_move_up:
 * @fd: (transfer full): a descriptor, or a negative number that is passed on
 * @minimum: the lowest number that it may have
 *
 * Returns: (transfer full): the same, close-on-exec, at @minimum or above; −1 with errno set.
 */
int
_gspawn_fd_move_up (int fd,
                    int minimum)
{
  int moved;

  if (fd < 0 || fd >= minimum)
    return fd;

  moved = fcntl (fd, F_DUPFD_CLOEXEC, minimum);
  /* No target has asked for a number that high: it is a limit of three or less. */
  if (moved < 0 && errno == EINVAL && minimum == STDERR_FILENO + 1)
    errno = EMFILE;
  _gspawn_fd_clear (&fd);

  return moved;
}

/* Returns FALSE with errno set. A caller without standard streams would else get a pipe there, and
 * its child the wrong end of it as its own. */
gboolean
_gspawn_pipe_open (GSpawnPipe *self)
{
  int fds[2];

  if (pipe2 (fds, O_CLOEXEC) < 0)
    return FALSE;

  self->read_fd = _gspawn_fd_move_up (fds[0], STDERR_FILENO + 1);
  self->write_fd = _gspawn_fd_move_up (fds[1], STDERR_FILENO + 1);
  if (self->read_fd >= 0 && self->write_fd >= 0)
    return TRUE;

  _gspawn_pipe_clear (self);
  return FALSE;
}

void
_gspawn_pipe_clear (GSpawnPipe *self)
{
  _gspawn_fd_clear (&self->read_fd);
  _gspawn_fd_clear (&self->write_fd);
}
