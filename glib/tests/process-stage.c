/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Makes processes for the tests of GSpawnProcess, looks at what the caller has of children and
 * threads, and gives a process the number of one that is gone. */

#include "process-stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch.h"

#define NOBODY 65534

const StageFlags stage_by_pidfd = STAGE_DEFAULT;
const StageFlags stage_by_number = STAGE_NO_PIDFD;

gboolean
stage_has_valgrind (void)
{
  return g_strcmp0 (g_getenv ("GSPAWN_TEST_TOOL"), "valgrind") == 0;
}

static GSpawnEngine
get_engine (void)
{
  for (GSpawnEngine engine = 0; engine < GSPAWN_N_ENGINES; engine++)
    if (g_strcmp0 (gspawn_engine_get_name (engine), g_getenv ("GSPAWN_ENGINE")) == 0)
      return engine;

  g_error ("no engine is forced");
}

/*
 * stage_launch_program: (skip)
 * @argv: a program and its arguments
 *
 * Returns: (transfer full): a process that runs it
 */
GSpawnProcess *
stage_launch_program (const char *const *argv,
                      StageFlags         flags)
{
  GSpawnChildInfo info = { .pidfd = -1, .engine = get_engine () };
  g_autoptr (GError) error = NULL;
  g_auto (Launch) launch;

  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_CLOEXEC_PIPES, NULL, NULL);
  g_strfreev (launch.argv);
  launch.argv = g_strdupv ((char **) argv);
  launch.pipes[0] = (flags & STAGE_HELD) != 0;
  if (!launch_start (&launch, &error))
    g_error ("%s", error->message);

  info.pid = launch.pid;
  if ((flags & STAGE_NO_PIDFD) == 0)
    {
      info.pidfd = (int) syscall (SYS_pidfd_open, info.pid, 0);
      if (info.pidfd < 0)
        g_test_message ("The kernel has no descriptors of processes");
    }
  for (int i = 0; i < GSPAWN_N_STREAMS; i++)
    {
      info.pipes[i] = launch.pipe_fds[i];
      launch.pipe_fds[i] = -1;
    }
  launch.pid = 0;

  return _gspawn_process_new (&info, GSPAWN_LAUNCH_WAITING);
}

/*
 * stage_launch: (skip)
 * @steps: what the probe shall do
 *
 * Returns: (transfer full): a process that does it
 */
GSpawnProcess *
stage_launch (const char *steps,
              StageFlags  flags)
{
  g_autofree char *line = g_strconcat (probe_get_path (), " ", steps, NULL);
  g_auto (GStrv) argv = g_strsplit (line, " ", -1);

  return stage_launch_program ((const char *const *) argv, flags);
}

/* Lets one that is held go on. */
void
stage_release (GSpawnProcess *process)
{
  g_assert_no_errno (close (gspawn_process_steal_pipe (process, GSPAWN_STREAM_INPUT)));
}

/* Until it is a zombie, and stays one. */
void
stage_await_end (const GSpawnProcess *process)
{
  siginfo_t info = { 0 };
  pid_t pid = gspawn_process_get_pid (process);

  while (waitid (P_PID, (id_t) pid, &info, WEXITED | WNOWAIT) < 0)
    if (errno != EINTR)
      g_error ("waitid: %s", g_strerror (errno));
}

/* A sanitizer may have a thread of its own. */
static guint n_first_threads;

static guint
count_tasks (void)
{
  DIR *dir = opendir ("/proc/self/task");
  struct dirent *entry;
  guint n = 0;

  while ((entry = readdir (dir)) != NULL)
    n += entry->d_name[0] != '.';
  closedir (dir);

  return n;
}

void
stage_begin (void)
{
  n_first_threads = count_tasks ();
}

/* Beside those of the beginning. */
guint
stage_count_threads (void)
{
  return count_tasks () - n_first_threads;
}

static gboolean
is_asleep (const char *thread,
           const char *name)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/task/%s/stat", thread);
  g_autofree char *field = g_strdup_printf ("(%s) S", name);
  g_autofree char *text = NULL;

  return g_file_get_contents (path, &text, NULL, NULL) && strstr (text, field) != NULL;
}

/* Until a thread of this name waits for something. */
void
stage_await_asleep (const char *name)
{
  gint64 deadline = g_get_monotonic_time () + DEADLINE_MS * G_TIME_SPAN_MILLISECOND;
  gboolean asleep = FALSE;

  while (!asleep && g_get_monotonic_time () < deadline)
    {
      DIR *dir = opendir ("/proc/self/task");
      struct dirent *entry;

      while ((entry = readdir (dir)) != NULL)
        asleep |= is_asleep (entry->d_name, name);
      closedir (dir);
    }
  g_assert_true (asleep);
}

/* Zombies among them. */
guint
stage_count_children (void)
{
  DIR *dir = opendir ("/proc/self/task");
  struct dirent *entry;
  guint n = 0;

  while ((entry = readdir (dir)) != NULL)
    {
      g_autofree char *path = g_strdup_printf ("/proc/self/task/%s/children", entry->d_name);
      g_autofree char *children = NULL;

      if (entry->d_name[0] != '.' && g_file_get_contents (path, &children, NULL, NULL))
        for (const char *blank = children; (blank = strchr (blank, ' ')) != NULL; blank++)
          n++;
    }
  closedir (dir);

  return n;
}

/* Until so many children are left, and no thread of the library's if there are none. Nobody
 * tells of a zombie that is gone, so there is nothing to wait for but that. */
void
stage_await_quiet (guint n_children)
{
  gint64 deadline = g_get_monotonic_time () + DEADLINE_MS * G_TIME_SPAN_MILLISECOND;

  while (stage_count_children () != n_children || (n_children == 0 && stage_count_threads () > 0))
    {
      if (g_get_monotonic_time () > deadline)
        {
          g_test_message ("%u children and %u threads are left", stage_count_children (),
                          stage_count_threads ());
          g_test_fail ();
          return;
        }
      sched_yield ();
    }
}

/*
 * stage_recycle: (skip)
 * @pid: the number of a process that is gone
 * @line: (out): what the new one waits for the end of
 * @reason: (out): why there is none
 *
 * Makes a child of that number, which any signal kills and which else exits with 0.
 *
 * Returns: its pid, or 0 if there is none
 */
pid_t
stage_recycle (pid_t        pid,
               int         *line,
               const char **reason)
{
  struct clone_args args = {
    .exit_signal = SIGCHLD,
    .set_tid = (guintptr) &pid,
    .set_tid_size = 1,
  };
  int ends[2];
  long result;
  char byte;

  g_assert_no_errno (pipe2 (ends, O_CLOEXEC));
  result = syscall (SYS_clone3, &args, sizeof args);
  if (result == 0)
    {
      close (ends[1]);
      /* A sanitizer has its say in _exit(), and does not know of this process. */
      syscall (SYS_exit_group, read (ends[0], &byte, 1) == 0 ? 0 : 1);
    }
  close (ends[0]);
  if (result < 0)
    {
      *reason = g_strerror (errno);
      close (ends[1]);
      return 0;
    }

  *line = ends[1];
  return (pid_t) result;
}

/*
 * stage_ask_copy: (skip)
 * @ask: called in a copy of this process; returns what it finds wrong, or %NULL
 *
 * Returns: (transfer full): what that was, or the empty string
 */
char *
stage_ask_copy (const char *(*ask) (gpointer data),
                gpointer      data)
{
  int ends[2];
  char *text;
  pid_t pid;

  g_assert_no_errno (pipe2 (ends, O_CLOEXEC));
  pid = fork ();
  g_assert_no_errno (pid);
  if (pid == 0)
    {
      const char *complaint;
      size_t length;

      stage_begin ();
      complaint = ask (data);
      length = complaint != NULL ? strlen (complaint) : 0;

      _exit (write (ends[1], complaint, length) == (ssize_t) length ? 0 : 1);
    }
  close (ends[1]);
  text = read_all (ends[0]);
  close (ends[0]);
  g_assert_cmpint (wait_for (pid), ==, 0);

  return text;
}

/* Until stage_become_root(): for whom there are limits, and processes that are not theirs. */
void
stage_become_nobody (void)
{
  if (geteuid () == 0 && setresuid (NOBODY, NOBODY, 0) < 0)
    g_error ("To become nobody: %s", g_strerror (errno));
}

/* That is, who this process was before. */
void
stage_become_root (void)
{
  uid_t real, effective, saved;

  if (getresuid (&real, &effective, &saved) == 0 && saved == 0 && effective != 0 &&
      (setresuid (0, 0, 0) < 0 || prctl (PR_SET_DUMPABLE, 1) < 0))
    g_error ("To become root again: %s", g_strerror (errno));
}
