/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* The record of long runs, a line each, and what the documentation says of them. */

#include "differential-record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "differential-corpus.h"
#include "differential-differences.h"

#define HEADING "glib,seed,requests,programs,clone,posix_spawn,fork,without_reason\n"
#define N_COLUMNS 8
#define FIRST_COUNT 2

/*
 * record_append: (skip)
 * @file: the record; it is made if it is not there
 * @seed: of the run
 * @table: the engines
 * @tally: what was seen in the run
 */
void
record_append (const char  *file,
               guint64      seed,
               const Table *table,
               const Tally *tally)
{
  FILE *out = fopen (file, "ae");
  guint failed = 0;

  if (out == NULL)
    g_error ("%s: %s", file, g_strerror (errno));
  if (ftell (out) == 0)
    fputs (HEADING, out);

  fprintf (out, "%u.%u.%u,%" G_GUINT64_FORMAT ",%u,%u", glib_major_version, glib_minor_version,
           glib_micro_version, seed, tally->requests, tally->ran);
  for (GSpawnEngine engine = 0; engine < GSPAWN_N_ENGINES; engine++)
    {
      failed += tally->failed[engine];
      fprintf (out, ",%u", table->engines[engine].available ? tally->taken[engine] : 0);
    }
  fprintf (out, ",%u\n", failed);
  if (fclose (out) != 0)
    g_error ("%s: %s", file, g_strerror (errno));
}

static gboolean
add_line (const char *line,
          guint64    *sums)
{
  g_auto (GStrv) columns = g_strsplit (line, ",", -1);

  if (g_strv_length (columns) != N_COLUMNS)
    return FALSE;
  for (guint i = FIRST_COUNT; i < N_COLUMNS; i++)
    sums[i] += g_ascii_strtoull (columns[i], NULL, 10);

  return TRUE;
}

/*
 * record_describe: (skip)
 * @file: the record
 * @usual_requests: how many a run makes that is not told otherwise
 * @error: return location
 *
 * Prints what was run and what was found, in Markdown.
 *
 * Returns: whether there is such a record
 */
gboolean
record_describe (const char  *file,
                 guint        usual_requests,
                 GError     **error)
{
  guint64 sums[N_COLUMNS] = { 0 };
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  guint n_runs = 0;

  if (!g_file_get_contents (file, &text, NULL, error))
    return FALSE;

  lines = g_strsplit (text, "\n", -1);
  for (guint i = 1; lines[i] != NULL && *lines[i] != '\0'; i++)
    {
      if (!add_line (lines[i], sums))
        {
          g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s: %s", file, lines[i]);
          return FALSE;
        }
      n_runs++;
    }

  g_print ("A run makes %u requests, and gives each of them to GLib and to every engine. The "
           "table of what may\ndiffer has %u rows, and fails the test if one of them is not "
           "needed. Every run begins with the %u\nrequests that have found something so far: "
           "%u showed a defect of ours, which was mended, the others\na difference of GLib's."
           "\n\n",
           usual_requests, difference_count (), corpus_count (), corpus_count_defects ());
  g_print ("| Recorded | |\n| --- | --- |\n");
  g_print ("| Runs, each of another seed | %u |\n", n_runs);
  g_print ("| Requests | %" G_GUINT64_FORMAT " |\n", sums[2]);
  g_print ("| Those that got as far as a program of ours | %" G_GUINT64_FORMAT " |\n", sums[3]);
  g_print ("| Those taken by the engines clone, posix_spawn, fork themselves | %" G_GUINT64_FORMAT
           ", %" G_GUINT64_FORMAT ", %" G_GUINT64_FORMAT " |\n", sums[4], sums[5], sums[6]);
  g_print ("| Differences without a reason | %" G_GUINT64_FORMAT " |\n", sums[7]);

  return TRUE;
}
