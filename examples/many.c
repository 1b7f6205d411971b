/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Runs a program many times, each time with the number of the run as its last argument, and no more
 * than so many at once:
 *
 *     many RUNS AT-ONCE PROGRAM [ARGUMENT...]
 *
 * The program is looked up once, and no launch is waited for: one thread polls for what has been
 * launched and for what has ended.
 *
 *     cc many.c $(pkg-config --cflags --libs gspawn-1.0 glib-2.0) -o many
 *     ./many 10000 16 test 5000 -ge
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include <gspawn-template.h>

/* A place for a run: being launched, then running, then free for the next. */
typedef struct
{
  GSpawnPending *pending;
  GSpawnProcess *process;
} Place;

typedef struct
{
  GSpawnTemplate *program;
  guint           n_runs;
  guint           n_begun;
  guint           n_ended;
  guint           n_failed;
} Work;

static void
fail (const GError *error)
{
  g_printerr ("many: %s\n", error->message);
  exit (EXIT_FAILURE);
}

static void
begin (Work  *work,
       Place *place)
{
  g_autofree char *number = g_strdup_printf ("%u", ++work->n_begun);
  const char *arguments[] = { number, NULL };
  g_autoptr (GSpawnLaunch) launch = gspawn_launch_new (arguments);
  g_autoptr (GError) error = NULL;

  place->pending = gspawn_template_begin (work->program, launch, &error);
  if (place->pending == NULL)
    fail (error);
}

/* A kernel without descriptors for processes leaves us only to wait for one after the other. */
static gboolean
has_ended (GSpawnProcess *process)
{
  return gspawn_process_get_pidfd (process) < 0 || gspawn_process_has_ended (process);
}

static void
go_on (Work  *work,
       Place *place)
{
  g_autoptr (GError) error = NULL;

  if (place->pending != NULL && gspawn_pending_poll (place->pending))
    {
      place->process = gspawn_pending_complete (place->pending, &error);
      g_clear_pointer (&place->pending, gspawn_pending_free);
      if (place->process == NULL)
        fail (error);
    }
  else if (place->process != NULL && has_ended (place->process))
    {
      work->n_failed += !gspawn_process_wait_check (place->process, NULL);
      work->n_ended++;
      g_clear_pointer (&place->process, gspawn_process_unref);
    }

  if (place->pending == NULL && place->process == NULL && work->n_begun < work->n_runs)
    begin (work, place);
}

static int
get_fd (const Place *place)
{
  if (place->pending != NULL)
    return gspawn_pending_get_fd (place->pending);

  return place->process != NULL ? gspawn_process_get_pidfd (place->process) : -1;
}

static void
run (Work  *work,
     guint  n_places)
{
  g_autofree Place *places = g_new0 (Place, n_places);
  g_autofree struct pollfd *fds = g_new0 (struct pollfd, n_places);

  for (guint i = 0; i < n_places; i++)
    go_on (work, &places[i]);

  while (work->n_ended < work->n_runs)
    {
      for (guint i = 0; i < n_places; i++)
        fds[i] = (struct pollfd) { .fd = get_fd (&places[i]), .events = POLLIN };

      if (poll (fds, n_places, -1) < 0 && errno != EINTR)
        g_error ("poll: %s", g_strerror (errno));

      for (guint i = 0; i < n_places; i++)
        if (fds[i].revents != 0)
          go_on (work, &places[i]);
    }
}

int
main (int    argc,
      char **argv)
{
  Work work = { 0 };
  g_autoptr (GTimer) timer = NULL;
  g_autoptr (GError) error = NULL;

  if (argc < 4 || atoi (argv[1]) < 1 || atoi (argv[2]) < 1)
    {
      g_printerr ("Usage: %s RUNS AT-ONCE PROGRAM [ARGUMENT...]\n", argv[0]);
      return 2;
    }

  work.n_runs = (guint) atoi (argv[1]);
  work.program = gspawn_template_new ((const char *const *) argv + 3, G_SPAWN_SEARCH_PATH, &error);
  if (work.program == NULL)
    fail (error);

  timer = g_timer_new ();
  run (&work, (guint) atoi (argv[2]));
  g_print ("%u runs, %u failed, %.0f a second\n", work.n_ended, work.n_failed,
           work.n_ended / g_timer_elapsed (timer, NULL));

  gspawn_template_unref (work.program);
  return work.n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
