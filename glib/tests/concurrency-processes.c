/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Disturbances by processes: others that are made and waited for, by whoever waits for any child,
 * and threads that are cancelled or end while they launch. */

#include "concurrency.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch.h"
#include "scene.h"

#define FORK_STATUS 121
#define NOT_EXECUTED 127
#define N_SIGNALS_KEPT 65536

/* fork() and the end of the copy, again and again. */

static gboolean
fork_round (void)
{
  sigset_t all, old;
  pid_t pid;

  /* A handler of another disturbance would run in the copy, which is no child of a launch. */
  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &old);
  pid = fork ();
  if (pid == 0)
    _exit (FORK_STATUS);
  pthread_sigmask (SIG_SETMASK, &old, NULL);

  return pid > 0 && wait_for (pid) == FORK_STATUS << 8;
}

const Disturber disturb_fork = { .name = "fork", .round = fork_round };

/* Copies that live on hold every descriptor that was open when they were made, those of launches
 * under way among them, close-on-exec or not. So nobody may wait for the end of a pipe, and to wait
 * for a program's output is to do that. An engine that takes it for the sign of exec waits, too, as
 * GLib does; with such a one a copy lives for a round only. */

static pid_t held_pids[8];
static guint n_held;
static int hold_pipe[2];

static gboolean
release_held (void)
{
  gboolean complete = TRUE;

  close (hold_pipe[0]);
  close (hold_pipe[1]);
  for (guint i = 0; i < n_held; i++)
    complete &= wait_for (held_pids[i]) == FORK_STATUS << 8;
  n_held = 0;

  return complete;
}

/* Where only fork() makes a child that is not the caller's. */
static gboolean
makes_middle_by_fork (void)
{
  return crowd_engine_is ("fork") || !crowd_has_engine (GSPAWN_ENGINE_CLONE);
}

static void
hold_begin (void)
{
  g_assert_no_errno (pipe2 (hold_pipe, O_CLOEXEC));
}

static gboolean
hold_round (void)
{
  pid_t pid;
  char byte;

  /* A copy that is held holds such a launch up. */
  if (makes_middle_by_fork () && n_held > 0)
    {
      if (!release_held ())
        return FALSE;
      hold_begin ();
    }
  if (n_held == G_N_ELEMENTS (held_pids))
    return TRUE;

  pid = fork ();
  if (pid == 0)
    {
      close (hold_pipe[1]);
      _exit (read (hold_pipe[0], &byte, 1) == 0 ? FORK_STATUS : 1);
    }
  if (pid > 0)
    held_pids[n_held++] = pid;

  return pid > 0;
}

static void
hold_end (void)
{
  crowd_expect (release_held (), "a copy that was held has failed");
}

const Disturber disturb_fork_held = {
  .name = "fork-held", .excludes = TRAIT_SET_UP | TRAIT_SYNC, .begin = hold_begin,
  .round = hold_round, .end = hold_end,
};

/* A copy of a process of many threads launches for itself. Messages of errors may need a lock that
 * another thread held when the copy was made, as in any such copy; so it launches what succeeds. */

static gboolean
fork_launch_round (void)
{
  pid_t pid = fork ();

  if (pid == 0)
    {
      const char *argv[] = { probe_get_path (), "exit", "42", NULL };
      const char *envp[] = { NULL };
      GSpawnFlags flags = G_SPAWN_DO_NOT_REAP_CHILD;
      GPid children[2] = { 0, 0 };

      g_spawn_async (NULL, (char **) argv, (char **) envp, flags, NULL, NULL, &children[0], NULL);
      g_spawn_async (NULL, (char **) argv, (char **) envp, G_SPAWN_DEFAULT, NULL, NULL,
                     &children[1], NULL);
      _exit (children[0] > 0 && children[1] > 0 && wait_for (children[0]) == 42 << 8 &&
             waitpid (-1, NULL, WNOHANG) < 0 && errno == ECHILD ? FORK_STATUS : 1);
    }

  return pid > 0 && wait_for (pid) == FORK_STATUS << 8;
}

const Disturber disturb_fork_launch = { .name = "fork-launch", .round = fork_launch_round };

/* Somebody waits for just any child, and has children of his own. All that the threads wait for
 * comes through him, and nothing else may: what the library makes for itself is its own. */

static GMutex reaped_lock;
static GCond reaped_changed;
static GHashTable *reaped;

static void
reaper_begin (void)
{
  reaped = g_hash_table_new (NULL, NULL);
}

static gboolean
reaper_round (void)
{
  pid_t own = fork ();
  pid_t pid;
  int status;

  if (own == 0)
    _exit (FORK_STATUS);
  if (own < 0)
    return FALSE;

  do
    {
      pid = waitpid (-1, &status, 0);
      if (pid == own)
        continue;
      if (pid < 0 && errno != EINTR)
        return FALSE;

      g_mutex_lock (&reaped_lock);
      g_hash_table_insert (reaped, GINT_TO_POINTER (pid), GINT_TO_POINTER (status));
      g_cond_broadcast (&reaped_changed);
      g_mutex_unlock (&reaped_lock);
    }
  while (pid != own);

  return status == FORK_STATUS << 8;
}

static int
reaper_wait (pid_t pid)
{
  gpointer status;

  g_mutex_lock (&reaped_lock);
  while (!g_hash_table_lookup_extended (reaped, GINT_TO_POINTER (pid), NULL, &status))
    g_cond_wait (&reaped_changed, &reaped_lock);
  g_hash_table_remove (reaped, GINT_TO_POINTER (pid));
  g_mutex_unlock (&reaped_lock);

  return GPOINTER_TO_INT (status);
}

/* What others than the clone engine cannot hide, and GLib neither: a child of posix_spawn() or
 * fork() that did not execute its program, and the process in the middle where fork() makes it. */
static gboolean
may_be_seen (int exit_status)
{
  return (exit_status == NOT_EXECUTED && !crowd_engine_is ("clone")) ||
         (exit_status == 0 && makes_middle_by_fork ());
}

static void
reaper_end (void)
{
  GHashTableIter iter;
  gpointer pid, status;

  g_hash_table_iter_init (&iter, reaped);
  while (g_hash_table_iter_next (&iter, &pid, &status))
    crowd_expect (WIFEXITED (GPOINTER_TO_INT (status)) &&
                  may_be_seen (WEXITSTATUS (GPOINTER_TO_INT (status))),
                  "waited for %d (status %x), who is no child of ours", GPOINTER_TO_INT (pid),
                  GPOINTER_TO_UINT (status));
  g_hash_table_unref (reaped);
}

const Disturber disturb_reaper = {
  .name = "reaper", .excludes = TRAIT_SYNC | TRAIT_BEGUN, .begin = reaper_begin,
  .round = reaper_round,
  .wait = reaper_wait, .end = reaper_end,
};

/* Every SIGCHLD is for a child that its launcher gets to know. */

static struct {
  pid_t pid;
  int status;
} announced[N_SIGNALS_KEPT];
static int n_announced;
static GHashTable *known;
static GMutex known_lock;

static void
note_child (int        number G_GNUC_UNUSED,
            siginfo_t *info,
            void      *context G_GNUC_UNUSED)
{
  int i = g_atomic_int_add (&n_announced, 1);

  if (i < N_SIGNALS_KEPT)
    {
      announced[i].pid = info->si_pid;
      announced[i].status = info->si_status;
    }
}

static void
child_signal_begin (void)
{
  struct sigaction action = { .sa_sigaction = note_child, .sa_flags = SA_SIGINFO | SA_NOCLDSTOP };

  known = g_hash_table_new (NULL, NULL);
  g_assert_no_errno (sigaction (SIGCHLD, &action, NULL));
}

static int
child_signal_wait (pid_t pid)
{
  g_mutex_lock (&known_lock);
  g_hash_table_add (known, GINT_TO_POINTER (pid));
  g_mutex_unlock (&known_lock);

  return wait_for (pid);
}

static void
child_signal_end (void)
{
  scene_default_signal (SIGCHLD);
  crowd_expect (n_announced > 0, "no SIGCHLD came at all");
  for (int i = 0; i < MIN (n_announced, N_SIGNALS_KEPT); i++)
    crowd_expect (may_be_seen (announced[i].status) ||
                  g_hash_table_contains (known, GINT_TO_POINTER (announced[i].pid)),
                  "SIGCHLD for %d, who is no child of ours", (int) announced[i].pid);
  g_test_message ("%d signals for %u children", n_announced, g_hash_table_size (known));
  g_hash_table_unref (known);
}

const Disturber disturb_child_signal = {
  .name = "child-signal", .excludes = TRAIT_SYNC | TRAIT_BEGUN, .begin = child_signal_begin,
  .wait = child_signal_wait, .end = child_signal_end,
};

/* A thread is cancelled at any time of its launches: it ends between two of them, and what it has
 * started is known. A child of which it would not have got to know is found by the guard. */

typedef struct {
  GPid pids[64];
  int outputs[64];
  int n;
} Cancelled;

static void *
cancelled_main (void *data)
{
  Cancelled *self = data;
  const char *argv[] = { probe_get_path (), "print", "1", "here", NULL };
  const char *envp[] = { NULL };

  while (self->n < (int) G_N_ELEMENTS (self->pids) &&
         g_spawn_async_with_pipes (NULL, (char **) argv, (char **) envp,
                                   G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_CLOEXEC_PIPES, NULL, NULL,
                                   &self->pids[self->n], NULL, &self->outputs[self->n], NULL,
                                   NULL))
    {
      g_atomic_int_inc (&self->n);
      pthread_testcancel ();
    }

  /* Whoever cancels us may be long in coming to it, where there is much to do. */
  while (self->n == (int) G_N_ELEMENTS (self->pids))
    pause ();

  return NULL;
}

static gboolean
cancel_round (void)
{
  static guint n_rounds = 0;
  Cancelled self = { .n = 0 };
  int awaited = (int) (n_rounds++ % 3);
  pthread_t thread;
  gboolean complete = TRUE;
  void *result;

  if (pthread_create (&thread, NULL, cancelled_main, &self) != 0)
    return FALSE;
  while (g_atomic_int_get (&self.n) < awaited)
    sched_yield ();
  complete = pthread_cancel (thread) == 0 && pthread_join (thread, &result) == 0 &&
             result == PTHREAD_CANCELED;

  for (int i = 0; i < self.n; i++)
    {
      g_autofree char *text = read_all (self.outputs[i]);

      close (self.outputs[i]);
      complete &= g_str_equal (text, "here") && wait_for (self.pids[i]) == 0;
    }

  return complete && self.n >= awaited;
}

const Disturber disturb_cancel = { .name = "cancel", .round = cancel_round };

/* Threads that come, launch and go: each gives back the memory of its launches. */

static gpointer
short_main (gpointer data G_GNUC_UNUSED)
{
  const char *argv[] = { probe_get_path (), "exit", "42", NULL };
  const char *envp[] = { NULL };
  GPid pid = 0;

  if (!g_spawn_async (NULL, (char **) argv, (char **) envp, G_SPAWN_DO_NOT_REAP_CHILD, NULL,
                      NULL, &pid, NULL))
    return NULL;

  return GINT_TO_POINTER (wait_for (pid) == 42 << 8);
}

static gboolean
threads_round (void)
{
  GThread *threads[3];
  gboolean complete = TRUE;

  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("short", short_main, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    complete &= GPOINTER_TO_INT (g_thread_join (threads[i])) != 0;

  return complete;
}

const Disturber disturb_threads = { .name = "threads", .round = threads_round };
