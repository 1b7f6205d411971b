/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Shares the requests out to processes, each with a scene to itself, and gathers what they saw. */

#include "differential-workers.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "differential-corpus.h"
#include "differential-scene.h"

#define PROGRESS_MS 5000
#define MAX_WORKERS 64

typedef struct {
  pid_t pid;
  int fd;               /* what it says */
  GString *text;
  Tally *tally;         /* shared with it */
} Worker;

static void
say (int         fd,
     const char *text,
     gsize       length)
{
  while (length > 0)
    {
      ssize_t n = write (fd, text, length);

      if (n < 0 && errno != EINTR)
        g_error ("write: %s", g_strerror (errno));
      if (n > 0)
        {
          text += n;
          length -= (gsize) n;
        }
    }
}

static void
do_request (const Plan    *plan,
            const Table   *table,
            const Request *request,
            const char    *scene,
            guint64        index,
            const Worker  *worker)
{
  g_autoptr (GString) failures = g_string_new (NULL);

  compare_request (table, request, scene, plan->seed, index, worker->tally, failures);
  say (worker->fd, failures->str, failures->len);
}

static G_GNUC_NORETURN void
worker_main (const Plan   *plan,
             const Table  *table,
             guint         number,
             const Worker *worker)
{
  char *scene;

  prctl (PR_SET_PDEATHSIG, SIGTERM);
  run_begin ();
  scene = scene_new ();
  if (plan->single != NULL)
    do_request (plan, table, plan->single, scene, 0, worker);
  for (guint64 i = number; plan->single == NULL && i < plan->n_requests; i += plan->n_workers)
    {
      Request request;

      if (i < corpus_count ())
        corpus_get ((guint) i, &request);
      else
        request_make (&request, plan->seed, i);
      do_request (plan, table, &request, scene, i, worker);
    }
  scene_remove (scene);
  _exit (0);
}

static void
start_worker (const Plan  *plan,
              const Table *table,
              guint        number,
              Worker      *worker)
{
  int fds[2];

  worker->tally = mmap (NULL, sizeof *worker->tally, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  g_assert_true (worker->tally != MAP_FAILED);
  worker->text = g_string_new (NULL);
  g_assert_no_errno (pipe2 (fds, O_CLOEXEC));

  worker->pid = fork ();
  g_assert_no_errno (worker->pid);
  if (worker->pid == 0)
    {
      worker->fd = fds[1];
      close (fds[0]);
      worker_main (plan, table, number, worker);
    }
  close (fds[1]);
  worker->fd = fds[0];
}

static void
show_progress (const Plan   *plan,
               const Worker *workers)
{
  Tally sum = { 0 };
  guint failed = 0;

  for (guint i = 0; i < plan->n_workers; i++)
    tally_add (&sum, workers[i].tally);
  for (GSpawnEngine engine = 0; engine < GSPAWN_N_ENGINES; engine++)
    failed += sum.failed[engine];
  g_printerr ("# seed %" G_GUINT64_FORMAT ": %u of %u requests, %u without a reason\n", plan->seed,
              sum.requests, plan->n_requests, failed);
}

static void
read_worker (Worker *worker)
{
  char block[4096];
  ssize_t n = read (worker->fd, block, sizeof block);

  if (n > 0)
    g_string_append_len (worker->text, block, n);
  else if (n == 0 || errno != EINTR)
    {
      close (worker->fd);
      worker->fd = -1;
    }
}

static void
gather (const Plan *plan,
        Worker     *workers)
{
  struct pollfd polls[MAX_WORKERS];
  guint n_open;

  do
    {
      int n;

      n_open = 0;
      for (guint i = 0; i < plan->n_workers; i++)
        {
          polls[i] = (struct pollfd) { .fd = workers[i].fd, .events = POLLIN };
          n_open += workers[i].fd >= 0;
        }
      n = n_open > 0 ? poll (polls, plan->n_workers, PROGRESS_MS) : 0;
      if (n == 0 && plan->progress)
        show_progress (plan, workers);
      for (guint i = 0; n > 0 && i < plan->n_workers; i++)
        if (polls[i].revents != 0)
          read_worker (&workers[i]);
    }
  while (n_open > 0);
}

/*
 * workers_run: (skip)
 * @plan: the requests
 * @table: the engines
 * @tally: (inout): what was seen is added
 *
 * Returns: (transfer full): all that is wrong, or the empty string
 */
char *
workers_run (const Plan  *plan,
             const Table *table,
             Tally       *tally)
{
  Worker workers[MAX_WORKERS] = { { 0 } };
  GString *failures = g_string_new (NULL);

  g_assert_cmpuint (plan->n_workers, <=, MAX_WORKERS);
  for (guint i = 0; i < plan->n_workers; i++)
    start_worker (plan, table, i, &workers[i]);
  gather (plan, workers);

  for (guint i = 0; i < plan->n_workers; i++)
    {
      int status = 0;

      while (waitpid (workers[i].pid, &status, 0) < 0)
        g_assert_cmpint (errno, ==, EINTR);
      g_string_append (failures, workers[i].text->str);
      if (status != 0)
        g_string_append_printf (failures, "A worker ended with the wait status %#x\n",
                                (guint) status);
      tally_add (tally, workers[i].tally);
      munmap (workers[i].tally, sizeof *workers[i].tally);
      g_string_free (workers[i].text, TRUE);
    }

  return g_string_free (failures, FALSE);
}
