/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* What a case sets up around a spawn: files and programs in its own directory, descriptors at
 * chosen numbers, standard streams that are closed, memory shared with a forked child, and a
 * program at whose exec a child is held up.
 *
 * Whatever is opened for the test itself is close-on-exec and numbered out of the way. */

#include "scene.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "case.h"
#include "report.h"

#define N_STREAMS 3
#define DEADLINE_MS 15000

struct _SceneStall {
  int fd;
  int signal_fd;
};

static int saved_streams[N_STREAMS] = { -1, -1, -1 };

static void
must (gboolean    success,
      const char *what)
{
  int saved_errno = errno;

  if (!success)
    g_error ("%s: %s", what, g_strerror (saved_errno));
}

/*
 * scene_path: (skip)
 * @name: a name in the case's directory
 *
 * Returns: (transfer full): its absolute path
 */
char *
scene_path (const char *name)
{
  return g_build_filename (case_get_directory (), name, NULL);
}

static void
make_parent (const char *path)
{
  g_autofree char *parent = g_path_get_dirname (path);

  must (g_mkdir_with_parents (parent, 0755) == 0, parent);
}

void
scene_write (const char *name,
             int         mode,
             const char *text)
{
  g_autofree char *path = scene_path (name);
  g_autoptr (GError) error = NULL;

  make_parent (path);
  if (!g_file_set_contents (path, text, -1, &error))
    g_error ("%s", error->message);
  must (chmod (path, (mode_t) mode) == 0, path);
}

void
scene_link_probe (const char *name)
{
  g_autofree char *path = scene_path (name);

  make_parent (path);
  must (symlink (probe_get_path (), path) == 0, path);
}

/*
 * scene_copy_probe: (skip)
 * @name: a name in the case's directory
 *
 * Returns: (transfer full): the path of a copy of the probe
 */
char *
scene_copy_probe (const char *name)
{
  g_autofree char *path = scene_path (name);
  g_autofree char *contents = NULL;
  g_autoptr (GError) error = NULL;
  gsize length;

  make_parent (path);
  if (!g_file_get_contents (probe_get_path (), &contents, &length, &error) ||
      !g_file_set_contents (path, contents, (gssize) length, &error))
    g_error ("%s", error->message);
  must (chmod (path, 0755) == 0, path);

  return g_steal_pointer (&path);
}

char *
scene_make_fifo (const char *name)
{
  char *path = scene_path (name);

  must (mkfifo (path, 0600) == 0, path);

  return path;
}

/*
 * scene_open: (skip)
 * @name: a name in the case's directory
 * @fd: a number that is free
 *
 * Opens a file of its own at this number, inheritable.
 */
void
scene_open (const char *name,
            int         fd)
{
  g_autofree char *path = scene_path (name);
  int opened = open (path, O_RDWR | O_CREAT, 0600);

  must (opened >= 0, path);
  if (opened == fd)
    return;
  must (fcntl (fd, F_GETFD) < 0 && dup2 (opened, fd) == fd, path);
  close (opened);
}

void
scene_close (int fd)
{
  must (close (fd) == 0, "close");
}

/*
 * scene_open_private: (skip)
 * @name: a name in the case's directory, or an absolute path
 * @flags: as for open()
 *
 * Returns: a close-on-exec descriptor whose number is in nobody's way
 */
int
scene_open_private (const char *name,
                    int         flags)
{
  g_autofree char *path = g_path_is_absolute (name) ? g_strdup (name) : scene_path (name);
  int opened = open (path, flags | O_CLOEXEC, 0600);
  int moved = fcntl (opened, F_DUPFD_CLOEXEC, CASE_FIRST_OWN_FD);

  must (opened >= 0 && moved >= 0, path);
  close (opened);

  return moved;
}

/*
 * scene_close_streams: (skip)
 * @mask: bit n closes descriptor n
 */
void
scene_close_streams (guint mask)
{
  for (int fd = 0; fd < N_STREAMS; fd++)
    if (mask & (1u << fd))
      {
        saved_streams[fd] = fcntl (fd, F_DUPFD_CLOEXEC, CASE_FIRST_OWN_FD);
        must (saved_streams[fd] >= 0, "dup");
        close (fd);
      }
}

void
scene_restore_streams (void)
{
  for (int fd = 0; fd < N_STREAMS; fd++)
    if (saved_streams[fd] >= 0)
      {
        must (dup2 (saved_streams[fd], fd) == fd, "dup2");
        close (saved_streams[fd]);
        saved_streams[fd] = -1;
      }
}

/*
 * scene_count_free_from: (skip)
 *
 * Returns: how many numbers from @fd up are free in a row
 */
int
scene_count_free_from (int fd)
{
  int n = 0;

  while (n < CASE_FIRST_OWN_FD && fcntl (fd + n, F_GETFD) < 0)
    n++;

  return n;
}

/* The kernel's own struct: it fits, begins with the handler, and is the default action if all is
 * zero. libc refuses 32 and 33, and leaves its restorer behind, which the guard would see. */
static void
set_action (int      number,
            guintptr handler)
{
  const guintptr action[8] = { handler };

  must (syscall (SYS_rt_sigaction, number, action, NULL, sizeof (guint64)) == 0, "rt_sigaction");
}

void
scene_ignore_signal (int number)
{
  set_action (number, (guintptr) SIG_IGN);
}

void
scene_default_signal (int number)
{
  set_action (number, (guintptr) SIG_DFL);
}

/* Memory that stays shared when a child is forked. */
gpointer
scene_share (gsize size)
{
  gpointer memory = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

  must (memory != MAP_FAILED, "mmap");

  return memory;
}

void
scene_unshare (gpointer memory,
               gsize    size)
{
  must (munmap (memory, size) == 0, "munmap");
}

/*
 * scene_stall_new: (skip)
 * @path: a program that nobody has open
 *
 * From now on an exec of the program waits, up to the release: opening a file breaks the lease
 * that somebody has on it, and waits for that. The signal that announces it must be blocked in
 * every thread, and it is the same mask that a child inherits.
 *
 * Returns: (transfer full) (nullable): the stall, or %NULL where there are no leases
 */
SceneStall *
scene_stall_new (const char *path)
{
  SceneStall *stall = g_new0 (SceneStall, 1);
  int signal_fd;
  sigset_t set;

  stall->fd = scene_open_private (path, O_RDONLY);
  if (fcntl (stall->fd, F_SETLEASE, F_WRLCK) < 0)
    {
      close (stall->fd);
      g_free (stall);
      return NULL;
    }
  must (fcntl (stall->fd, F_SETSIG, SIGIO) == 0, "F_SETSIG");

  sigemptyset (&set);
  sigaddset (&set, SIGIO);
  must (sigprocmask (SIG_BLOCK, &set, NULL) == 0, "sigprocmask");
  signal_fd = signalfd (-1, &set, SFD_CLOEXEC);
  stall->signal_fd = fcntl (signal_fd, F_DUPFD_CLOEXEC, CASE_FIRST_OWN_FD);
  must (stall->signal_fd >= 0, "signalfd");
  close (signal_fd);

  return stall;
}

/*
 * scene_stall_await: (skip)
 * @stall: a stall
 *
 * Waits until some child has come to the exec.
 */
void
scene_stall_await (SceneStall *stall)
{
  struct pollfd pollfd = { .fd = stall->signal_fd, .events = POLLIN };
  struct signalfd_siginfo info;
  int n;

  do
    n = poll (&pollfd, 1, DEADLINE_MS);
  while (n < 0 && errno == EINTR);
  if (n <= 0 || read (stall->signal_fd, &info, sizeof info) != sizeof info)
    {
      g_test_message ("No child came to its exec");
      g_test_fail ();
    }
}

void
scene_stall_release (SceneStall *stall)
{
  must (fcntl (stall->fd, F_SETLEASE, F_UNLCK) == 0, "F_UNLCK");
}

void
scene_stall_free (SceneStall *stall)
{
  sigset_t set;

  close (stall->fd);
  close (stall->signal_fd);
  sigemptyset (&set);
  sigaddset (&set, SIGIO);
  must (sigprocmask (SIG_UNBLOCK, &set, NULL) == 0, "sigprocmask");
  g_free (stall);
}

/*
 * scene_list_children: (skip)
 *
 * Returns: (transfer full): the pids of the children of all our threads
 */
GArray *
scene_list_children (void)
{
  GArray *children = g_array_new (FALSE, FALSE, sizeof (pid_t));
  g_autoptr (GDir) tasks = g_dir_open ("/proc/self/task", 0, NULL);
  const char *task;

  while ((task = g_dir_read_name (tasks)) != NULL)
    {
      g_autofree char *path = g_build_filename ("/proc/self/task", task, "children", NULL);
      g_autofree char *text = NULL;
      g_auto (GStrv) words = NULL;

      if (!g_file_get_contents (path, &text, NULL, NULL))
        continue;
      words = g_strsplit (g_strstrip (text), " ", -1);
      for (char **word = words; *word != NULL && **word != '\0'; word++)
        {
          pid_t pid = atoi (*word);

          g_array_append_val (children, pid);
        }
    }

  return children;
}
