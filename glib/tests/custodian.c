/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* A process that undoes what a test changed on the machine, however the test ends: it does its
 * duty when the test closes its end of a socket or is no more, be it by exit or by SIGKILL. It
 * leaves the session of the test, because a test runner kills a whole process group, and keeps no
 * descriptor that a runner would wait on. What the duty is, it does not know. */

#include "custodian.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct _Custodian {
  GPid pid;
  int line;
};

static void
close_all_but (int first,
               int second)
{
  GDir *directory = g_dir_open ("/proc/self/fd", 0, NULL);
  g_autoptr (GArray) fds = g_array_new (FALSE, FALSE, sizeof (int));
  const char *name;

  g_assert_nonnull (directory);
  while ((name = g_dir_read_name (directory)) != NULL)
    {
      int fd = atoi (name);

      if (fd > STDERR_FILENO && fd != first && fd != second)
        g_array_append_val (fds, fd);
    }
  g_dir_close (directory);

  for (guint i = 0; i < fds->len; i++)
    close (g_array_index (fds, int, i));
}

static void
detach (int line,
        int kept_fd)
{
  static const int ignored[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGALRM };
  int null;

  setsid ();
  for (guint i = 0; i < G_N_ELEMENTS (ignored); i++)
    signal (ignored[i], SIG_IGN);

  null = open ("/dev/null", O_RDWR);
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    dup2 (null, fd);
  close_all_but (line, kept_fd);
}

/* The socket alone would not do: a forked child of the owner has it as well. */
G_GNUC_NORETURN
static void
serve (CustodianDuty duty,
       gpointer      data,
       pid_t         owner,
       int           line,
       int           kept_fd)
{
  struct pollfd events[] = {
    { .fd = line, .events = POLLIN },
    { .events = POLLIN },
  };
  char byte = 0;

  detach (line, kept_fd);
  events[1].fd = (int) syscall (SYS_pidfd_open, owner, 0);

  /* From here on a signal to the test's group no longer reaches this process. */
  if (events[1].fd < 0 || getppid () != owner || write (line, &byte, 1) != 1)
    _exit (1);
  while (poll (events, G_N_ELEMENTS (events), -1) < 0 && errno == EINTR)
    ;

  _exit (duty (data) ? 0 : 1);
}

/* Starts a custodian and returns when it is ready. It keeps @kept_fd open until its duty is done
 * (-1: none), so that a lock lasts as long as the change that it protects. */
Custodian *
custodian_new (CustodianDuty   duty,
               gpointer        data,
               int             kept_fd,
               GError        **error)
{
  Custodian *custodian;
  const pid_t owner = getpid ();
  int line[2];
  char byte;
  GPid pid;

  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line) < 0)
    g_error ("socketpair: %s", g_strerror (errno));

  pid = fork ();
  if (pid == 0)
    {
      close (line[0]);
      serve (duty, data, owner, line[1], kept_fd);
    }
  close (line[1]);

  if (pid < 0 || read (line[0], &byte, 1) != 1)
    {
      g_set_error_literal (error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "cannot start a custodian");
      close (line[0]);
      if (pid > 0)
        waitpid (pid, NULL, 0);
      return NULL;
    }

  custodian = g_new0 (Custodian, 1);
  custodian->pid = pid;
  custodian->line = line[0];
  return custodian;
}

/* Has the duty done now; returns whether it succeeded. */
gboolean
custodian_dismiss (Custodian *custodian)
{
  int status = -1;

  /* Wakes it even if a child of ours still has this end. */
  shutdown (custodian->line, SHUT_RDWR);
  close (custodian->line);
  while (waitpid (custodian->pid, &status, 0) < 0 && errno == EINTR)
    ;
  g_free (custodian);

  return WIFEXITED (status) && WEXITSTATUS (status) == 0;
}
