/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Launches a program with each frame of a main loop that draws sixty a second, and says what comes
 * of the frames: the longest time between two of them before, and while it launches; and how long a
 * launch held the loop up at most.
 *
 *     frames [LAUNCHES]
 *
 * With GTK it would be gtk_widget_add_tick_callback() that draws; the loop is the same.
 *
 *     cc frames.c $(pkg-config --cflags --libs gspawn-gio-1.0) -o frames
 */
#include <stdlib.h>

#include <gspawn-gio.h>

#define FRAME_MILLISECONDS 16

typedef struct
{
  GMainLoop         *loop;
  GSpawnGioTemplate *program;
  guint              n_launches;  /* and as many frames without one before */
  guint              n_running;   /* programs to wait for */
  guint              n_frames;
  gint64             last_frame;
  gint64             longest_gap[2];
  gint64             longest_launch;
} Work;

static void
report (const GError *error)
{
  g_printerr ("frames: %s\n", error->message);
  exit (EXIT_FAILURE);
}

static void
on_ended (GObject      *source,
          GAsyncResult *result,
          gpointer      user_data)
{
  Work *work = user_data;
  g_autoptr (GError) error = NULL;

  if (!gspawn_gio_process_wait_check_finish (GSPAWN_GIO_PROCESS (source), result, &error))
    report (error);

  work->n_running--;
  if (work->n_frames == 2 * work->n_launches && work->n_running == 0)
    g_main_loop_quit (work->loop);
}

static void
on_launched (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  g_autoptr (GSpawnGioProcess) process = NULL;
  g_autoptr (GError) error = NULL;

  process = gspawn_gio_template_launch_finish (GSPAWN_GIO_TEMPLATE (source), result, &error);
  if (process == NULL)
    report (error);

  gspawn_gio_process_wait_check_async (process, NULL, on_ended, user_data);
}

/* What the user has clicked on meanwhile, say. */
static void
launch (Work *work)
{
  gint64 start = g_get_monotonic_time ();

  work->n_running++;
  gspawn_gio_template_launch_async (work->program, NULL, NULL, on_launched, work);
  work->longest_launch = MAX (work->longest_launch, g_get_monotonic_time () - start);
}

static gboolean
draw (gpointer user_data)
{
  Work *work = user_data;
  gboolean launches = work->n_frames >= work->n_launches;
  gint64 now = g_get_monotonic_time ();

  if (work->n_frames++ > 0)
    work->longest_gap[launches] = MAX (work->longest_gap[launches], now - work->last_frame);
  work->last_frame = now;

  if (launches)
    launch (work);

  return work->n_frames < 2 * work->n_launches ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

int
main (int    argc,
      char **argv)
{
  const char *program[] = { "true", NULL };
  Work work = { .n_launches = argc > 1 ? (guint) MAX (1, atoi (argv[1])) : 300 };
  g_autoptr (GError) error = NULL;

  work.program = gspawn_gio_template_new (program, G_SPAWN_SEARCH_PATH, &error);
  if (work.program == NULL)
    report (error);

  work.loop = g_main_loop_new (NULL, FALSE);
  g_timeout_add (FRAME_MILLISECONDS, draw, &work);
  g_main_loop_run (work.loop);

  g_print ("%u frames: %.1f ms between two at most, %.1f ms with launches; %.1f ms for a launch\n",
           work.n_frames, (double) work.longest_gap[FALSE] / 1000,
           (double) work.longest_gap[TRUE] / 1000, (double) work.longest_launch / 1000);

  g_main_loop_unref (work.loop);
  g_object_unref (work.program);
  return EXIT_SUCCESS;
}
