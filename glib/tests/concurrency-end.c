/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Processes that end, or execute another program, while threads of theirs launch. Each launch's
 * child holds a pipe: when that is at its end, nobody is left in the memory of who has ended. */

#include "concurrency.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch.h"
#include "trace.h"

#define N_THREADS 3
#define N_ENDS 24
#define END_STATUS 43

static int n_done;
static int child_end;

static gpointer
launch_on (gpointer data)
{
  const char *argv[] = { probe_get_path (), "exit", "0", NULL };
  const char *envp[] = { NULL };
  const int target = 3;
  guint number = GPOINTER_TO_UINT (data);

  for (guint i = number;; i++)
    {
      GPid pid;

      if (!g_spawn_async_with_pipes_and_fds (NULL, argv, envp,
                                             i % 2 == 0 ? G_SPAWN_DO_NOT_REAP_CHILD
                                                        : G_SPAWN_DEFAULT,
                                             NULL, NULL, -1, -1, -1, &child_end, &target, 1, &pid,
                                             NULL, NULL, NULL, NULL))
        _exit (1);
      if (i % 2 == 0 && wait_for (pid) != 0)
        _exit (2);
      g_atomic_int_inc (&n_done);
    }

  return NULL;
}

static G_GNUC_NORETURN void
end_in_the_midst (gboolean executes,
                  int      after)
{
  const char *probe = probe_get_path ();

  for (guint i = 0; i < N_THREADS; i++)
    g_thread_new ("launch", launch_on, GUINT_TO_POINTER (i));
  while (g_atomic_int_get (&n_done) < after)
    sched_yield ();

  if (executes)
    execl (probe, probe, "exit", G_STRINGIFY (END_STATUS), NULL);
  else
    exit (END_STATUS);
  _exit (3);
}

static void
run_ends (gboolean executes)
{
  trace_begin ("trace", NULL);
  for (int i = 0; i < N_ENDS; i++)
    {
      int ends[2];
      char byte;
      pid_t pid;

      g_assert_no_errno (pipe2 (ends, O_CLOEXEC));
      child_end = ends[1];
      pid = fork ();
      g_assert_no_errno (pid);
      if (pid == 0)
        end_in_the_midst (executes, i);

      close (ends[1]);
      g_assert_cmpint (wait_for (pid), ==, END_STATUS << 8);
      g_assert_cmpint (read (ends[0], &byte, 1), ==, 0);
      close (ends[0]);
    }
}

void
test_exit (void)
{
  run_ends (FALSE);
}

void
test_exec (void)
{
  run_ends (TRUE);
}
