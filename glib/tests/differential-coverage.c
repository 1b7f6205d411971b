/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Counts what the requests were about: each value of each aspect, and shapes that lie in several of
 * them together. */

#include "differential-compare.h"
#include "differential-model.h"

static gboolean
is_swap (const Request *request)
{
  int sources[MAP_ENTRIES], targets[MAP_ENTRIES];
  guint n = request_get_map (request, sources, targets);

  for (guint i = 0; i < n; i++)
    for (guint k = 0; k < i; k++)
      if (sources[i] == targets[k] && sources[k] == targets[i] && sources[i] != targets[i])
        return TRUE;

  return FALSE;
}

static gboolean
is_chain (const Request *request)
{
  int sources[MAP_ENTRIES], targets[MAP_ENTRIES];
  guint n = request_get_map (request, sources, targets);

  for (guint i = 1; i < n; i++)
    if (sources[i] == targets[i - 1] && sources[i - 1] != targets[i] &&
        sources[i] != targets[i])
      return TRUE;

  return FALSE;
}

static gboolean
has_duplicate_target (const Request *request)
{
  int sources[MAP_ENTRIES], targets[MAP_ENTRIES];
  guint n = request_get_map (request, sources, targets);

  for (guint i = 0; i < n; i++)
    for (guint k = 0; k < i; k++)
      if (targets[i] == targets[k])
        return TRUE;

  return FALSE;
}

static gboolean
has_identity (const Request *request)
{
  int sources[MAP_ENTRIES], targets[MAP_ENTRIES];
  guint n = request_get_map (request, sources, targets);

  for (guint i = 0; i < n; i++)
    if (sources[i] == targets[i])
      return TRUE;

  return FALSE;
}

static guint
count_pipes (const Request *request)
{
  guint n = 0;

  for (Aspect aspect = ASPECT_INPUT_PIPE; aspect <= ASPECT_ERRORS_PIPE; aspect++)
    n += (guint) request_get (request, aspect);

  return n;
}

/* With a pipe, and nothing closed, one end is 3 or 8. */
static gboolean
target_meets_pipe (const Request *request)
{
  int sources[MAP_ENTRIES], targets[MAP_ENTRIES];
  guint n = request_get_map (request, sources, targets);

  for (guint i = 0; i < n && count_pipes (request) > 0; i++)
    if (targets[i] == 3 || targets[i] == 8)
      return TRUE;

  return FALSE;
}

static gboolean
has_crossed_streams (const Request *request)
{
  for (int i = 0; i < 3; i++)
    {
      int fd = request_get (request, ASPECT_INPUT_FD + i);

      if (fd >= 0 && fd < 3 && fd != i)
        return TRUE;
    }

  return FALSE;
}

static gboolean
has_shared_streams (const Request *request)
{
  int fds[3];

  for (int i = 0; i < 3; i++)
    fds[i] = request_get (request, ASPECT_INPUT_FD + i);

  return (fds[0] > 2 && (fds[0] == fds[1] || fds[0] == fds[2])) ||
         (fds[1] > 2 && fds[1] == fds[2]);
}

static gboolean
merges_errors (const Request *request)
{
  return request_get (request, ASPECT_ERRORS_FD) == 1;
}

static gboolean
has_three_pipes (const Request *request)
{
  return count_pipes (request) == 3;
}

static gboolean
has_conflicting_flags (const Request *request)
{
  static const Aspect pairs[][2] = {
    { ASPECT_INPUT_NULL, ASPECT_INHERIT_INPUT },
    { ASPECT_OUTPUT_NULL, ASPECT_INHERIT_OUTPUT },
    { ASPECT_ERRORS_NULL, ASPECT_INHERIT_ERRORS },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (pairs); i++)
    if (request_get (request, pairs[i][0]) && request_get (request, pairs[i][1]))
      return TRUE;

  return FALSE;
}

static gboolean
has_pipe_and_descriptor (const Request *request)
{
  for (int i = 0; i < 3; i++)
    if (request_get (request, ASPECT_INPUT_PIPE + i) &&
        request_get (request, ASPECT_INPUT_FD + i) >= 0)
      return TRUE;

  return FALSE;
}

static gboolean
searches_bare_name (const Request *request)
{
  return request_get (request, ASPECT_NAMED) == NAMED_BARE &&
         (request_get (request, ASPECT_SEARCH_PATH) || request_get (request, ASPECT_SEARCH_ENVP));
}

static gboolean
searches_both_paths (const Request *request)
{
  return request_get (request, ASPECT_SEARCH_PATH) && request_get (request, ASPECT_SEARCH_ENVP);
}

static gboolean
has_no_vector_after_file (const Request *request)
{
  return request_get (request, ASPECT_ARGV_ZERO) &&
         request_is (request, ASPECT_BEHAVIOUR, "exit-3");
}

static const struct {
  const char *name;
  gboolean (*holds) (const Request *request);
} shapes[] = {
  { "a map that swaps", is_swap },
  { "a map that is a chain", is_chain },
  { "a map with a target twice", has_duplicate_target },
  { "a map with a source that is its target", has_identity },
  { "a map with the number of a pipe's end as target", target_meets_pipe },
  { "a stream's descriptor that is another stream", has_crossed_streams },
  { "a descriptor for two streams", has_shared_streams },
  { "errors merged into the output", merges_errors },
  { "three pipes", has_three_pipes },
  { "flags that contradict each other", has_conflicting_flags },
  { "a pipe and a descriptor for a stream", has_pipe_and_descriptor },
  { "a name that is searched for", searches_bare_name },
  { "both flags for searching", searches_both_paths },
  { "what GLib may do with posix_spawn()", model_suits_posix_spawn },
  { "no vector after the file", has_no_vector_after_file },
};

G_STATIC_ASSERT (G_N_ELEMENTS (shapes) <= N_SHAPES);

guint
shape_count (void)
{
  return G_N_ELEMENTS (shapes);
}

const char *
shape_get_name (guint shape)
{
  return shapes[shape].name;
}

static gboolean
is_map (Aspect aspect)
{
  return aspect >= ASPECT_SOURCE_1 && aspect <= ASPECT_TARGET_4;
}

void
tally_count (Tally         *tally,
             const Request *request)
{
  guint function = 1u << request_get (request, ASPECT_FUNCTION);

  int sources[MAP_ENTRIES], targets[MAP_ENTRIES];
  guint n_mapped = request_get_map (request, sources, targets);

  /* The first value of an aspect that the function does not have says nothing. */
  for (Aspect aspect = 0; aspect < N_ASPECTS; aspect++)
    if ((aspect_get_row (aspect)->functions & function) && !is_map (aspect))
      tally->values[aspect][request->choices[aspect]]++;
  /* All entries of a map are counted as if they were the first. */
  for (guint i = 0; i < 2 * n_mapped; i++)
    tally->values[ASPECT_SOURCE_1 + i % 2][request->choices[ASPECT_SOURCE_1 + i]]++;
  if (n_mapped == 0)
    tally->values[ASPECT_SOURCE_1][0]++;
  for (guint shape = 0; shape < G_N_ELEMENTS (shapes); shape++)
    tally->shapes[shape] += shapes[shape].holds (request) != FALSE;
}

void
tally_add (Tally       *sum,
           const Tally *tally)
{
  const guint *from = (const guint *) tally;
  guint *to = (guint *) sum;

  /* There is nothing but counts in it. */
  for (gsize i = 0; i < sizeof *tally / sizeof *from; i++)
    to[i] += from[i];
}
