/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Points 15 and 16: explicit descriptors for the standard streams, in every combination of
 * sources within and beyond 0 to 2, held against a model. */

#include "contract.h"

#include <string.h>

#include "launch.h"
#include "scene.h"

#define N_FDS 7
#define CLOSED "closed"
#define NULL_INPUT "null read"

static const int sources[] = { -1, 0, 1, 2, 5, 6 };

/* What the child has at each number, in the words of report_describe(). */
typedef struct {
  const char *fds[N_FDS];
} Table;

typedef struct {
  GSpawnFlags flags;
  /* Whether the rows are those in which GLib differs, or the others. */
  gboolean glib_differs;
} CrossingRow;

static char *callers[N_FDS];

static void
open_files (void)
{
  scene_open ("five", 5);
  scene_open ("six", 6);
  for (int fd = 0; fd < N_FDS; fd++)
    callers[fd] = descriptor_describe (fd);
}

static void
close_files (void)
{
  scene_close (5);
  scene_close (6);
  for (int fd = 0; fd < N_FDS; fd++)
    g_clear_pointer (&callers[fd], g_free);
}

/* The streams are set in turn, so a later one that names an earlier one means what the child has
 * there by then. Originals above 2 are gone afterwards. */
static void
predict (const int   *streams,
         GSpawnFlags  flags,
         Table       *table)
{
  gboolean inherits_input = (flags & G_SPAWN_CHILD_INHERITS_STDIN) != 0;

  for (int fd = 0; fd < N_FDS; fd++)
    table->fds[fd] = callers[fd];

  for (int i = 0; i < 3; i++)
    if (i == 0 && streams[0] <= 0 && !inherits_input)
      table->fds[0] = NULL_INPUT;
    else if (streams[i] >= 0)
      table->fds[i] = table->fds[streams[i]];

  for (int i = 0; i < 3; i++)
    if (streams[i] > 2)
      table->fds[streams[i]] = CLOSED;
  for (int fd = 3; fd < N_FDS; fd++)
    if (!(flags & G_SPAWN_LEAVE_DESCRIPTORS_OPEN))
      table->fds[fd] = CLOSED;
}

/* GLib closes originals within 0 to 2 as well, with two rules: on its fork route a number whose
 * stream was redirected earlier is spared, and one that is redirected later comes back; on its
 * route over posix_spawn(), which is the one for LEAVE_DESCRIPTORS_OPEN, it closes them all at the
 * end. And it never replaces an explicit input. */
static gboolean
glib_differs (const int   *streams,
              GSpawnFlags  flags)
{
  gboolean redirected[3] = { FALSE }, closed[3] = { FALSE };

  redirected[0] = streams[0] >= 0 || !(flags & G_SPAWN_CHILD_INHERITS_STDIN);
  for (int i = 0; i < 3; i++)
    {
      int source = streams[i];

      if (source < 0)
        continue;
      closed[i] = FALSE;
      if (source < 3 && (source == i || !redirected[source]))
        closed[source] = TRUE;
      redirected[i] = TRUE;
    }

  for (int i = 0; i < 3; i++)
    if (closed[i] || ((flags & G_SPAWN_LEAVE_DESCRIPTORS_OPEN) && streams[i] >= 0 &&
                      streams[i] < 3))
      return TRUE;

  return FALSE;
}

static gboolean
row_holds (const int   *streams,
           GSpawnFlags  flags)
{
  g_autoptr (GKeyFile) report = NULL;
  g_auto (Launch) launch;
  gboolean holds = TRUE;
  Table table;

  predict (streams, flags, &table);
  launch_init (&launch, flags | G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL);
  memcpy (launch.streams, streams, sizeof launch.streams);
  report = launch_report (&launch);

  for (int fd = 0; fd < N_FDS; fd++)
    {
      g_autofree char *actual = report_describe (report, fd);

      if (!g_str_equal (actual, table.fds[fd]))
        {
          g_test_message ("streams %d, %d, %d: %d is \"%s\" instead of \"%s\"", streams[0],
                          streams[1], streams[2], fd, actual, table.fds[fd]);
          holds = FALSE;
        }
    }

  return holds;
}

/* All the rows hold, or the case fails; where GLib is known to differ it has to in every row. */
static void
test_crossing (gconstpointer data)
{
  const CrossingRow *row = data;
  gsize n = G_N_ELEMENTS (sources);
  guint n_rows = 0, n_held = 0;

  open_files ();
  for (gsize i = 0; i < n * n * n; i++)
    {
      const int streams[] = { sources[i / n / n], sources[i / n % n], sources[i % n] };

      if (glib_differs (streams, row->flags) != row->glib_differs)
        continue;
      n_rows++;
      if (row_holds (streams, row->flags))
        n_held++;
    }
  close_files ();

  g_test_message ("%u of %u rows hold", n_held, n_rows);
  g_assert_cmpuint (n_held, ==, n_rows);
  if (!case_has_engine () && row->glib_differs && n_held > 0)
    g_error ("GLib does not differ where it is thought to");
}

static void
check_streams (const int   *streams,
               GSpawnFlags  flags)
{
  open_files ();
  g_assert_true (row_holds (streams, flags));
  close_files ();
}

static void
test_merged (void)
{
  check_streams ((const int[]) { -1, 5, 1 }, G_SPAWN_DEFAULT);
}

static void
test_merged_into_inherited (void)
{
  check_streams ((const int[]) { -1, -1, 1 }, G_SPAWN_DEFAULT);
}

static void
test_zero_is_null (void)
{
  check_streams ((const int[]) { 0, -1, -1 }, G_SPAWN_DEFAULT);
}

static void
test_zero_inherited (void)
{
  check_streams ((const int[]) { 0, -1, -1 }, G_SPAWN_CHILD_INHERITS_STDIN);
}

/* As GSubprocess does it: the error stream joins the pipe of the output. */
static void
test_merged_into_pipe (void)
{
  g_auto (Launch) launch;
  g_autofree char *text = NULL;

  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_CLOEXEC_PIPES, NULL,
               "print", "1", "a", "print", "2", "b", "print", "1", "c", NULL);
  launch.pipes[1] = TRUE;
  launch.streams[2] = 1;
  g_assert_true (launch_start (&launch, NULL));
  text = launch_read (&launch, 1);
  g_assert_cmpstr (text, ==, "abc");
}

static void
test_merged_into_null (void)
{
  g_auto (Launch) launch;
  g_autoptr (GKeyFile) report = NULL;
  g_autofree char *output = NULL;
  g_autofree char *errors = NULL;

  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL);
  launch.streams[2] = 1;
  report = launch_report (&launch);
  output = report_describe (report, 1);
  errors = report_describe (report, 2);
  g_assert_cmpstr (output, ==, "null write");
  g_assert_cmpstr (errors, ==, "null write");
}

#define CROSSING(flags_) \
  .run_data = test_crossing, .data = &(const CrossingRow) { .flags = flags_ }
#define CROSSING_WITHIN(flags_) \
  .run_data = test_crossing, \
  .data = &(const CrossingRow) { .flags = flags_, .glib_differs = TRUE }, \
  .verdict = GLIB_FAILS, \
  .difference = "An explicit stream descriptor within 0 to 2 is closed in the child at the " \
                "number it came from."

const Case streams_cases[] = {
  { .name = "15-crossing", CROSSING (G_SPAWN_DEFAULT) },
  { .name = "15-crossing-input-inherited", CROSSING (G_SPAWN_CHILD_INHERITS_STDIN) },
  { .name = "15-crossing-left-open", CROSSING (G_SPAWN_LEAVE_DESCRIPTORS_OPEN) },
  { .name = "15-crossing-input-inherited-left-open",
    CROSSING (G_SPAWN_CHILD_INHERITS_STDIN | G_SPAWN_LEAVE_DESCRIPTORS_OPEN) },
  { .name = "15-crossing-within", CROSSING_WITHIN (G_SPAWN_DEFAULT) },
  { .name = "15-crossing-within-input-inherited",
    CROSSING_WITHIN (G_SPAWN_CHILD_INHERITS_STDIN) },
  { .name = "15-crossing-within-left-open", CROSSING_WITHIN (G_SPAWN_LEAVE_DESCRIPTORS_OPEN) },
  { .name = "15-crossing-within-input-inherited-left-open",
    CROSSING_WITHIN (G_SPAWN_CHILD_INHERITS_STDIN | G_SPAWN_LEAVE_DESCRIPTORS_OPEN) },
  { .name = "15-merged", .run = test_merged },
  { .name = "15-merged-into-inherited", .run = test_merged_into_inherited,
    .verdict = GLIB_FAILS,
    .difference = "With the error stream merged into an inherited output the child's output is "
                  "closed." },
  { .name = "15-merged-into-pipe", .run = test_merged_into_pipe },
  { .name = "15-merged-into-null", .run = test_merged_into_null },
  { .name = "16-zero-is-null", .run = test_zero_is_null,
    .verdict = GLIB_FAILS,
    .difference = "With `stdin_fd` 0 and without `G_SPAWN_CHILD_INHERITS_STDIN` the child's input "
                  "is closed." },
  { .name = "16-zero-inherited", .run = test_zero_inherited,
    .verdict = GLIB_FAILS,
    .difference = "With `stdin_fd` 0 and `G_SPAWN_CHILD_INHERITS_STDIN` the child's input is "
                  "closed." },
  { .name = NULL }
};
