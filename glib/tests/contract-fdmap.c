/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Point 17: the map of source to target descriptors. */

#include "contract.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "launch.h"
#include "scene.h"

#define MAX_ENTRIES 8
#define FAR_FD 1000
#define N_MANY 64
/* Above the limit on descriptors that every case has. */
#define ABOVE_LIMIT 5000

typedef struct {
  int source;
  int target;
} Entry;

/* One map and what the child finds: "5=6" says that the child's 5 is the caller's 6. The caller
 * has files at 4 to 7, of which 6 is close-on-exec. */
typedef struct {
  Entry entries[MAX_ENTRIES];   /* up to one of { 0, 0 } */
  int streams[3];               /* 0: none */
  GSpawnFlags flags;
  const char *expected;         /* of all the descriptors that are not as by default */
  const char *open_fds;
} MapRow;

static gsize
split_entries (const Entry *entries,
               int         *map_sources,
               int         *map_targets)
{
  gsize n = 0;

  for (; n < MAX_ENTRIES && (entries[n].source != 0 || entries[n].target != 0); n++)
    {
      map_sources[n] = entries[n].source;
      map_targets[n] = entries[n].target;
    }

  return n;
}

static void
open_files (void)
{
  scene_open ("four", 4);
  scene_open ("five", 5);
  scene_open ("six", 6);
  scene_open ("seven", 7);
  g_assert_no_errno (fcntl (6, F_SETFD, FD_CLOEXEC));
}

static void
close_files (void)
{
  for (int fd = 4; fd <= 7; fd++)
    scene_close (fd);
}

static void
check_expected (GKeyFile   *report,
                const char *expected)
{
  g_auto (GStrv) words = g_strsplit (expected, " ", -1);

  for (char **word = words; *word != NULL; word++)
    {
      g_auto (GStrv) sides = g_strsplit (*word, "=", 2);
      g_autofree char *actual = report_describe (report, atoi (sides[0]));
      g_autofree char *callers = descriptor_describe (atoi (sides[1]));

      g_test_message ("%s", *word);
      g_assert_cmpstr (actual, ==, callers);
    }
}

static void
check_map (const MapRow *row,
           GSpawnFlags   more_flags)
{
  int map_sources[MAX_ENTRIES], map_targets[MAX_ENTRIES];
  gsize n = split_entries (row->entries, map_sources, map_targets);
  g_autoptr (GKeyFile) report = NULL;
  g_autofree char *open_fds = NULL;
  g_auto (Launch) launch;

  launch_init (&launch, row->flags | more_flags, NULL, NULL);
  launch_map (&launch, map_sources, map_targets, n);
  for (int i = 0; i < 3; i++)
    launch.streams[i] = row->streams[i] != 0 ? row->streams[i] : -1;
  report = launch_report (&launch);
  open_fds = report_get_open (report);
  g_assert_cmpstr (open_fds, ==, row->open_fds);
  if (report != NULL)
    check_expected (report, row->expected);
}

static void
test_map (gconstpointer data)
{
  open_files ();
  check_map (data, G_SPAWN_DO_NOT_REAP_CHILD);
  check_map (data, G_SPAWN_DEFAULT);
  close_files ();
}

/* A map that cannot be made: no process is left, and the error says so. */
typedef struct {
  int source;
  int target;
  GSpawnFlags flags;
  const char *message;      /* a glob */
} FailingRow;

static void
test_failing_map (gconstpointer data)
{
  const FailingRow *row = data;
  static const GSpawnFlags flags[] = { G_SPAWN_DO_NOT_REAP_CHILD, G_SPAWN_DEFAULT };

  open_files ();
  for (gsize i = 0; i < G_N_ELEMENTS (flags); i++)
    {
      g_autoptr (GError) error = NULL;
      g_auto (Launch) launch;

      launch_init (&launch, flags[i] | row->flags, NULL, NULL);
      launch_map (&launch, &row->source, &row->target, 1);
      launch.before_engine = TRUE;
      if (row->target > FAR_FD && !(row->flags & G_SPAWN_LEAVE_DESCRIPTORS_OPEN))
        launch.other_needs = GSPAWN_NEED_SPARSE_CLOSE;
      g_assert_false (launch_start (&launch, &error));
      g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED);
      if (error != NULL && !g_pattern_match_simple (row->message, error->message))
        g_assert_cmpstr (error->message, ==, row->message);
    }
  close_files ();
}

/* A closed source whose number a copy of another source may have got by then. */
static void
test_source_of_copy (void)
{
  static const GSpawnFlags flags[] = { G_SPAWN_DO_NOT_REAP_CHILD, G_SPAWN_DEFAULT };
  const int map_sources[] = { 5, 250 };
  const int map_targets[] = { 248, 249 };

  open_files ();
  for (gsize i = 0; i < G_N_ELEMENTS (flags); i++)
    {
      g_autoptr (GError) error = NULL;
      g_auto (Launch) launch;

      launch_init (&launch, flags[i], NULL, NULL);
      launch_map (&launch, map_sources, map_targets, G_N_ELEMENTS (map_sources));
      g_assert_false (launch_start (&launch, &error));
      g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED);
    }
  close_files ();
}

/* Targets at just the numbers that the subject's own descriptors get: all of them arrive, the
 * pipes work, and so does the report of a failure. */
static void
check_collisions (GSpawnFlags  flags,
                  const char  *program,
                  gboolean     expect_success)
{
  int map_sources[16], map_targets[16];
  g_autoptr (GError) error = NULL;
  g_autoptr (GKeyFile) report = NULL;
  g_auto (Launch) launch;

  for (int i = 0; i < 16; i++)
    {
      map_sources[i] = 299;
      map_targets[i] = 3 + i;
    }
  g_assert_cmpint (scene_count_free_from (3), >=, 16);

  launch_init (&launch, flags | G_SPAWN_CLOEXEC_PIPES, program, NULL);
  launch_map (&launch, map_sources, map_targets, 16);
  for (int i = 0; i < 3; i++)
    launch.pipes[i] = TRUE;

  if (!expect_success)
    {
      g_assert_false (launch_start (&launch, &error));
      g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT);
      return;
    }

  report = launch_report (&launch);
  for (int i = 0; i < 16; i++)
    {
      g_autofree char *actual = report_describe (report, 3 + i);
      g_autofree char *expected = descriptor_describe (299);

      g_assert_cmpstr (actual, ==, expected);
    }
  for (int i = 0; i < 3; i++)
    {
      g_autofree char *group = g_strdup_printf ("descriptor %d", i);
      g_autofree char *type = report_get_text (report, group, "type");

      g_assert_cmpstr (type, ==, "pipe");
    }
}

static void
test_collisions (void)
{
  static const GSpawnFlags flags[] = { G_SPAWN_DO_NOT_REAP_CHILD, G_SPAWN_DEFAULT };

  scene_open ("source", 299);
  for (gsize i = 0; i < G_N_ELEMENTS (flags); i++)
    {
      check_collisions (flags[i], NULL, TRUE);
      check_collisions (flags[i], "/missing/program", FALSE);
    }
  scene_close (299);
}

static void
test_collisions_left_open (void)
{
  scene_open ("source", 299);
  check_collisions (G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_LEAVE_DESCRIPTORS_OPEN, NULL, TRUE);
  scene_close (299);
}

/* A source that is nobody's when the call is made, and then a pipe end of the subject's. */
static void
test_fresh_pipe_end (void)
{
  for (int i = 0; i < 6; i++)
    {
      int source = 3 + i, target = 50;
      g_autoptr (GError) error = NULL;
      g_auto (Launch) launch;

      launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL);
      launch_map (&launch, &source, &target, 1);
      launch.before_engine = TRUE;
      for (int stream = 0; stream < 3; stream++)
        launch.pipes[stream] = TRUE;
      g_assert_false (launch_start (&launch, &error));
      g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_INVAL);
    }
}

static void
test_many (void)
{
  int map_sources[N_MANY], map_targets[N_MANY];
  g_autoptr (GKeyFile) report = NULL;
  g_auto (Launch) launch;

  /* Each file moves one up, and the last to the first. */
  for (int i = 0; i < N_MANY; i++)
    {
      g_autofree char *name = g_strdup_printf ("many-%d", i);

      scene_open (name, 3 + i);
      map_sources[i] = 3 + i;
      map_targets[i] = 3 + (i + 1) % N_MANY;
    }

  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL);
  launch_map (&launch, map_sources, map_targets, N_MANY);
  report = launch_report (&launch);
  g_assert_cmpint (report_get_int (report, "descriptors", "count"), ==, 3 + N_MANY);
  for (int i = 0; i < N_MANY; i++)
    {
      g_autofree char *actual = report_describe (report, map_targets[i]);
      g_autofree char *expected = descriptor_describe (map_sources[i]);

      g_assert_cmpstr (actual, ==, expected);
      scene_close (map_sources[i]);
    }
}

/* Targets so far apart that what lies between them cannot be listed, with inheritable files among
 * what has to be closed. */
static void
test_sparse (void)
{
  static const int map_sources[] = { 5, 5 }, map_targets[] = { 3, FAR_FD };
  g_autoptr (GKeyFile) report = NULL;
  g_autofree char *open_fds = NULL;
  g_autofree char *actual = NULL;
  g_autofree char *expected = NULL;
  g_auto (Launch) launch;

  open_files ();
  scene_open ("between", 500);
  scene_open ("above", 1001);
  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL);
  launch_map (&launch, map_sources, map_targets, 2);
  launch.other_needs = GSPAWN_NEED_SPARSE_CLOSE;
  report = launch_report (&launch);
  open_fds = report_get_open (report);
  actual = report_describe (report, FAR_FD);
  expected = descriptor_describe (5);
  g_assert_cmpstr (open_fds, ==, "0;1;2;3;1000");
  g_assert_cmpstr (actual, ==, expected);
  scene_close (500);
  scene_close (1001);
  close_files ();
}

/* The caller's own flags and descriptors stay as they were: the guard sees to that. */
static void
test_cloexec_source (void)
{
  static const MapRow row = { .entries = { { 6, 4 }, { 6, 6 } }, .expected = "4=6 6=6",
                              .open_fds = "0;1;2;4;6" };

  test_map (&row);
}

#define MAP(...) .run_data = test_map, .data = &(const MapRow) { __VA_ARGS__ }
#define NO_PROCESS \
  "With `G_SPAWN_LEAVE_DESCRIPTORS_OPEN` a descriptor map that cannot be made returns `TRUE`, " \
  "without a process."
#define FAILING(...) .run_data = test_failing_map, .data = &(const FailingRow) { __VA_ARGS__ }

const Case fdmap_cases[] = {
  { .name = "17-plain",
    MAP (.entries = { { 5, 9 } }, .expected = "9=5 1=1 2=2", .open_fds = "0;1;2;9") },
  { .name = "17-chain",
    MAP (.entries = { { 5, 4 }, { 4, 6 } }, .expected = "4=5 6=4", .open_fds = "0;1;2;4;6") },
  { .name = "17-swap",
    MAP (.entries = { { 5, 4 }, { 4, 5 } }, .expected = "4=5 5=4", .open_fds = "0;1;2;4;5") },
  { .name = "17-cycle",
    MAP (.entries = { { 4, 5 }, { 5, 6 }, { 6, 4 } }, .expected = "5=4 6=5 4=6",
         .open_fds = "0;1;2;4;5;6") },
  { .name = "17-one-source-for-many",
    MAP (.entries = { { 5, 3 }, { 5, 8 }, { 5, 9 } }, .expected = "3=5 8=5 9=5",
         .open_fds = "0;1;2;3;8;9") },
  { .name = "17-later-duplicate",
    MAP (.entries = { { 5, 9 }, { 4, 9 } }, .expected = "9=4", .open_fds = "0;1;2;9") },
  { .name = "17-duplicate-identity",
    MAP (.entries = { { 5, 5 }, { 4, 5 } }, .expected = "5=4", .open_fds = "0;1;2;5") },
  { .name = "17-identity-of-target",
    MAP (.entries = { { 4, 5 }, { 5, 5 } }, .expected = "5=4", .open_fds = "0;1;2;5") },
  { .name = "17-identity",
    MAP (.entries = { { 5, 5 }, { 6, 6 } }, .expected = "5=5 6=6", .open_fds = "0;1;2;5;6") },
  { .name = "17-identity-closed",
    MAP (.entries = { { 20, 20 }, { 5, 5 } }, .expected = "5=5", .open_fds = "0;1;2;5") },
  { .name = "17-cloexec-source", .run = test_cloexec_source },
  { .name = "17-over-streams",
    MAP (.entries = { { 5, 0 }, { 4, 1 }, { 7, 2 } }, .expected = "0=5 1=4 2=7",
         .open_fds = "0;1;2") },
  { .name = "17-over-redirected-streams",
    MAP (.entries = { { 5, 0 }, { 4, 1 } }, .streams = { 6, 6, 6 }, .expected = "0=5 1=4 2=6",
         .open_fds = "0;1;2") },
  { .name = "17-source-is-inherited-stream",
    MAP (.entries = { { 1, 8 }, { 2, 9 } }, .expected = "8=1 9=2 1=1 2=2",
         .open_fds = "0;1;2;8;9") },
  { .name = "17-source-is-new-stream",
    MAP (.entries = { { 1, 8 }, { 2, 9 } }, .streams = { 0, 5, 4 }, .expected = "8=5 9=4 1=5 2=4",
         .open_fds = "0;1;2;8;9") },
  { .name = "17-source-is-stream-source",
    MAP (.entries = { { 5, 9 } }, .streams = { 5, 5, 5 }, .expected = "0=5 1=5 2=5 9=5",
         .open_fds = "0;1;2;9") },
  { .name = "17-identity-of-stream-source",
    MAP (.entries = { { 5, 5 } }, .streams = { 0, 5, 0 }, .expected = "1=5 5=5",
         .open_fds = "0;1;2;5") },
  { .name = "17-target-is-stream-source",
    MAP (.entries = { { 4, 5 } }, .streams = { 0, 5, 0 }, .expected = "1=5 5=4",
         .open_fds = "0;1;2;5") },
  { .name = "17-swapped-streams",
    MAP (.entries = { { 1, 2 }, { 2, 1 } }, .expected = "1=2 2=1", .open_fds = "0;1;2") },
  { .name = "17-left-open",
    MAP (.entries = { { 5, 9 }, { 6, 6 } }, .flags = G_SPAWN_LEAVE_DESCRIPTORS_OPEN,
         .expected = "4=4 5=5 6=6 7=7 9=5", .open_fds = "0;1;2;4;5;6;7;9") },
  { .name = "17-left-open-chain",
    MAP (.entries = { { 5, 4 }, { 4, 6 } }, .flags = G_SPAWN_LEAVE_DESCRIPTORS_OPEN,
         .expected = "4=5 5=5 6=4 7=7", .open_fds = "0;1;2;4;5;6;7") },
  { .name = "17-closed-source",
    FAILING (20, 9, G_SPAWN_DEFAULT, "*(Bad file descriptor)") },
  { .name = "17-source-of-copy", .run = test_source_of_copy,
    .verdict = GLIB_FAILS,
    .difference = "A closed source in the descriptor map may be given a copy of another source." },
  { .name = "17-negative-source",
    FAILING (-1, 9, G_SPAWN_DEFAULT, "*(Bad file descriptor)") },
  { .name = "17-negative-target",
    FAILING (5, -1, G_SPAWN_DEFAULT, "*(Bad file descriptor)") },
  { .name = "17-greatest-target",
    FAILING (5, INT_MAX, G_SPAWN_DEFAULT, "*(Invalid argument)") },
  { .name = "17-target-above-limit",
    FAILING (5, ABOVE_LIMIT, G_SPAWN_DEFAULT, "*(Invalid argument)") },
  { .name = "17-closed-source-left-open",
    FAILING (20, 9, G_SPAWN_LEAVE_DESCRIPTORS_OPEN, "*(Bad file descriptor)"),
    .verdict = GLIB_FAILS, .difference = NO_PROCESS },
  { .name = "17-negative-source-left-open",
    FAILING (-1, 9, G_SPAWN_LEAVE_DESCRIPTORS_OPEN, "*(Bad file descriptor)"),
    .verdict = GLIB_FAILS, .difference = NO_PROCESS },
  { .name = "17-negative-target-left-open",
    FAILING (5, -1, G_SPAWN_LEAVE_DESCRIPTORS_OPEN, "*(Bad file descriptor)") },
  { .name = "17-greatest-target-left-open",
    FAILING (5, INT_MAX, G_SPAWN_LEAVE_DESCRIPTORS_OPEN, "*(Invalid argument)"),
    .verdict = GLIB_FAILS, .difference = NO_PROCESS },
  { .name = "17-target-above-limit-left-open",
    FAILING (5, ABOVE_LIMIT, G_SPAWN_LEAVE_DESCRIPTORS_OPEN, "*(Invalid argument)"),
    .verdict = GLIB_FAILS, .difference = NO_PROCESS },
  { .name = "17-collisions", .run = test_collisions },
  { .name = "17-collisions-left-open", .run = test_collisions_left_open,
    .verdict = GLIB_FAILS,
    .difference = "With `G_SPAWN_LEAVE_DESCRIPTORS_OPEN` a target that equals a pipe end's number "
                  "is closed in the child." },
  { .name = "17-fresh-pipe-end", .run = test_fresh_pipe_end,
    .verdict = GLIB_FAILS,
    .difference = "A source in the descriptor map that equals the number of a fresh pipe end gives "
                  "the child that end." },
  { .name = "17-many", .run = test_many },
  { .name = "17-sparse", .run = test_sparse },
  { .name = NULL }
};
