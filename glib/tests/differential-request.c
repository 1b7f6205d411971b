/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* A request as a value: made of a seed, written as text and read back, asked for its parts. It is
 * the same request on every machine, so the generator of numbers is here and not a library's. */

#include "differential-request.h"

#include <string.h>
#include <unistd.h>

/* Per cent of the requests. */
#define AGREEMENT 85

/* The two multipliers are those of the generator named splitmix64. */
static guint64
next_random (guint64 *state)
{
  guint64 z = *state += G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);

  z = (z ^ (z >> 30)) * G_GUINT64_CONSTANT (0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * G_GUINT64_CONSTANT (0x94d049bb133111eb);

  return z ^ (z >> 31);
}

static guint8
choose_value (const AspectRow *row,
              guint64         *state)
{
  guint total = 0, n;

  if (next_random (state) % 100 >= row->rate)
    return 0;

  for (guint i = 1; row->values[i].word != NULL; i++)
    total += row->values[i].weight;
  n = (guint) (next_random (state) % total);
  for (guint i = 1; row->values[i].word != NULL; i++)
    {
      if (n < row->values[i].weight)
        return (guint8) i;
      n -= row->values[i].weight;
    }

  g_assert_not_reached ();
}

/* Entries of a map count up to the first that has no source. */
static void
normalize_map (Request *request)
{
  gboolean ended = FALSE;

  for (Aspect source = ASPECT_SOURCE_1; source < ASPECT_SOURCE_1 + 2 * MAP_ENTRIES; source += 2)
    {
      ended |= request_get (request, source) == NO_VALUE;
      if (ended)
        request->choices[source] = request->choices[source + 1] = 0;
    }
}

/* They take the place of a child setup function. A death signal means a parent, and the variable an
 * environment that GLib's child has not been given. */
static void
normalize_attributes (Request *request)
{
  if (!request_get (request, ASPECT_ATTRIBUTES))
    for (Aspect aspect = ASPECT_ATTRIBUTES; aspect <= ASPECT_ATTR_OPTIONAL; aspect++)
      request->choices[aspect] = 0;
  else
    request->choices[ASPECT_SETUP] = 0;

  if (!request_is_sync (request) && !request_get (request, ASPECT_DO_NOT_REAP))
    request->choices[ASPECT_ATTR_DEATH] = 0;
  if (request_get (request, ASPECT_ENVIRONMENT) != ENVIRONMENT_NULL)
    request->choices[ASPECT_ATTR_PID] = 0;
}

/* GLib's pipe for errors leaks into the program then, which may write more to it than it takes. */
static gboolean
has_two_closed (const Request *request)
{
  int closed = request_get (request, ASPECT_CLOSED);

  return (closed & (closed - 1)) != 0;
}

/* A program that copies waits for the end of its input. There would be none where GLib hands it an
 * end of its own input's pipe, or waits for the program to end before it returns. */
static gboolean
must_not_copy (const Request *request)
{
  static const int pipe_ends[] = { 3, 8, 9 };

  for (gsize i = 0; i < G_N_ELEMENTS (pipe_ends); i++)
    {
      for (Aspect fd = ASPECT_INPUT_FD; fd <= ASPECT_ERRORS_FD; fd++)
        if (request_get (request, fd) == pipe_ends[i])
          return TRUE;
      for (Aspect fd = ASPECT_SOURCE_1; fd <= ASPECT_SOURCE_4; fd += 2)
        if (request_get (request, fd) == pipe_ends[i])
          return TRUE;
    }

  return has_two_closed (request);
}

/* A shell wants descriptors as well, and complains where there are none. */
static void
avoid_shell (Request *request)
{
  static const char *const scripts[] = {
    "script", "plain-script", "script-of-script", "empty", "garbage", NULL
  };

  if (g_strv_contains (scripts, request_get_word (request, ASPECT_PROGRAM)))
    request->choices[ASPECT_PROGRAM] = 0;
  if (request_is (request, ASPECT_PATH, "script-first"))
    request->choices[ASPECT_PATH] = 0;
  if (request_is (request, ASPECT_ENVP_PATH, "script-first"))
    request->choices[ASPECT_ENVP_PATH] = 0;
}

static const Aspect stream_flags[][2] = {
  { ASPECT_INPUT_NULL, ASPECT_INHERIT_INPUT },
  { ASPECT_OUTPUT_NULL, ASPECT_INHERIT_OUTPUT },
  { ASPECT_ERRORS_NULL, ASPECT_INHERIT_ERRORS },
};

/* What is asked for one stream in two ways is refused at once, so most requests ask in one. */
static void
agree_on_streams (Request *request)
{
  for (int i = 0; i < 3; i++)
    {
      const Aspect *flags = stream_flags[i];

      if (request_get (request, ASPECT_INPUT_FD + i) >= 0)
        request->choices[ASPECT_INPUT_PIPE + i] = request->choices[flags[0]] =
          request->choices[flags[1]] = 0;
      if (request_get (request, flags[0]) && (request_get (request, flags[1]) ||
                                              request_is_sync (request)))
        request->choices[flags[0]] = 0;
    }
}

/* The caller has these open, whatever else, and no stream of the child's has such a number. */
static gboolean
is_open (int fd)
{
  return fd >= 4 && fd <= 7;
}

/* A template holds copies of the caller's descriptors, also of those that have the number of a
 * stream, and its process is waited for by nobody else. It refuses what makes no sense, and streams
 * among its map. */
static void
normalize_template (Request *request)
{
  static const Aspect left_out[] = {
    ASPECT_SETUP, ASPECT_PID, ASPECT_ERROR, ASPECT_CLOSED, ASPECT_ROOM, ASPECT_SIGCHLD,
    ASPECT_LEAVE_OPEN,
  };
  gboolean has_map = TRUE;

  if (request_is (request, ASPECT_PROGRAM, "no-vector") ||
      request_is (request, ASPECT_PROGRAM, "empty-vector"))
    request->choices[ASPECT_TEMPLATE] = 0;
  if (!request_get (request, ASPECT_TEMPLATE))
    return;

  request->choices[ASPECT_DO_NOT_REAP] = request->choices[ASPECT_CLOEXEC_PIPES] = 1;
  for (gsize i = 0; i < G_N_ELEMENTS (left_out); i++)
    request->choices[left_out[i]] = 0;
  if (request_is (request, ASPECT_DIRECTORY, "empty"))
    request->choices[ASPECT_DIRECTORY] = 0;
  if (request_is (request, ASPECT_BEHAVIOUR, "exit-3"))
    request->choices[ASPECT_ARGV_ZERO] = 0;
  for (Aspect fd = ASPECT_INPUT_FD; fd <= ASPECT_ERRORS_FD; fd++)
    if (!is_open (request_get (request, fd)))
      request->choices[fd] = 0;
  for (Aspect source = ASPECT_SOURCE_1; source <= ASPECT_SOURCE_4; source += 2)
    {
      int target = request_get (request, source + 1);

      if (request_get (request, source) == NO_VALUE)
        break;
      has_map &= is_open (request_get (request, source)) && target > 2 && target < G_MAXINT;
      for (Aspect other = ASPECT_TARGET_1; other < source; other += 2)
        has_map &= request_get (request, other) != target;
    }
  for (Aspect entry = ASPECT_SOURCE_1; entry <= ASPECT_TARGET_4 && !has_map; entry++)
    request->choices[entry] = 0;
  /* A stream of its own counts for more than the flags. */
  for (int i = 0; i < 3; i++)
    if (request_get (request, ASPECT_INPUT_PIPE + i))
      request->choices[stream_flags[i][0]] = request->choices[stream_flags[i][1]] = 0;
  agree_on_streams (request);
}

/*
 * request_normalize: (skip)
 * @request: a request
 *
 * Takes away what the request's function cannot be asked for, so that requests that ask for the
 * same are the same.
 */
void
request_normalize (Request *request)
{
  guint function = 1u << request_get (request, ASPECT_FUNCTION);

  for (Aspect aspect = 0; aspect < N_ASPECTS; aspect++)
    {
      const AspectRow *row = aspect_get_row (aspect);

      if (!(row->functions & function) || (row->needs_root && getuid () != 0))
        request->choices[aspect] = 0;
    }
  normalize_map (request);

  normalize_attributes (request);
  normalize_template (request);

  if (request_get (request, ASPECT_ENVIRONMENT) != ENVIRONMENT_GIVEN)
    request->choices[ASPECT_ENVP_PATH] = 0;
  if (request_get (request, ASPECT_LINE) != LINE_PLAIN)
    request->choices[ASPECT_PROGRAM] = request->choices[ASPECT_ARGUMENTS] = 0;
  if (request_get (request, ASPECT_ROOM) >= 0)
    avoid_shell (request);
  if ((request_is (request, ASPECT_BEHAVIOUR, "copy") && must_not_copy (request)) ||
      (request_is (request, ASPECT_BEHAVIOUR, "output") && has_two_closed (request)))
    request->choices[ASPECT_BEHAVIOUR] = 0;
}

/*
 * request_make: (skip)
 * @request: (out caller-allocates): the request
 * @seed: of the run
 * @index: which request of the run
 *
 * Makes a request; always the same for the same numbers.
 */
void
request_make (Request *request,
              guint64  seed,
              guint64  index)
{
  guint64 state = seed * G_GUINT64_CONSTANT (0x2545f4914f6cdd1d);
  guint64 attribute_state;

  state = next_random (&state) ^ index;
  for (Aspect aspect = 0; aspect < ASPECT_ATTRIBUTES; aspect++)
    request->choices[aspect] = choose_value (aspect_get_row (aspect), &state);
  attribute_state = ~state;
  for (Aspect aspect = ASPECT_ATTRIBUTES; aspect < N_ASPECTS; aspect++)
    request->choices[aspect] = choose_value (aspect_get_row (aspect), &attribute_state);
  request_normalize (request);
  if (next_random (&state) % 100 < AGREEMENT)
    agree_on_streams (request);
}

static int
find_value (const AspectRow *row,
            const char      *word)
{
  for (int i = 0; row->values[i].word != NULL; i++)
    if (g_str_equal (row->values[i].word, word))
      return i;

  return -1;
}

static gboolean
parse_word (Request     *request,
            const char  *text,
            GError     **error)
{
  g_auto (GStrv) sides = g_strsplit (text, "=", 2);

  for (Aspect aspect = 0; aspect < N_ASPECTS && sides[1] != NULL; aspect++)
    if (g_str_equal (aspect_get_row (aspect)->name, sides[0]))
      {
        int value = find_value (aspect_get_row (aspect), sides[1]);

        if (value < 0)
          break;
        request->choices[aspect] = (guint8) value;
        return TRUE;
      }

  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
               "“%s” is no part of a request", text);
  return FALSE;
}

/*
 * request_parse: (skip)
 * @request: (out caller-allocates): the request
 * @text: as of request_format()
 * @error: return location
 *
 * Returns: whether the text is a request's
 */
gboolean
request_parse (Request     *request,
               const char  *text,
               GError     **error)
{
  g_auto (GStrv) words = g_strsplit (text, " ", -1);

  memset (request, 0, sizeof *request);
  for (char **word = words; *word != NULL; word++)
    if (**word != '\0' && !parse_word (request, *word, error))
      return FALSE;
  request_normalize (request);

  return TRUE;
}

/*
 * request_format: (skip)
 * @request: a request
 *
 * Returns: (transfer full): the function, and every aspect that does not have its first value
 */
char *
request_format (const Request *request)
{
  GString *text = g_string_new (NULL);

  for (Aspect aspect = 0; aspect < N_ASPECTS; aspect++)
    if (request->choices[aspect] != 0 || aspect == ASPECT_FUNCTION ||
        (aspect >= ASPECT_SOURCE_1 && aspect <= ASPECT_TARGET_4 &&
         request->choices[aspect - (aspect - ASPECT_SOURCE_1) % 2] != 0))
      g_string_append_printf (text, "%s%s=%s", text->len > 0 ? " " : "",
                              aspect_get_row (aspect)->name, request_get_word (request, aspect));

  return g_string_free (text, FALSE);
}

int
request_get (const Request *request,
             Aspect         aspect)
{
  return aspect_get_row (aspect)->values[request->choices[aspect]].number;
}

const char *
request_get_word (const Request *request,
                  Aspect         aspect)
{
  return aspect_get_row (aspect)->values[request->choices[aspect]].word;
}

gboolean
request_is (const Request *request,
            Aspect         aspect,
            const char    *word)
{
  return g_str_equal (request_get_word (request, aspect), word);
}

gboolean
request_is_sync (const Request *request)
{
  int function = request_get (request, ASPECT_FUNCTION);

  return function == FUNCTION_SYNC || function == FUNCTION_LINE_SYNC;
}

/*
 * request_get_map: (skip)
 * @request: a request
 * @sources: (out caller-allocates): room for MAP_ENTRIES
 * @targets: (out caller-allocates): room for MAP_ENTRIES
 *
 * Returns: how many entries the map has
 */
guint
request_get_map (const Request *request,
                 int           *sources,
                 int           *targets)
{
  guint n = 0;

  for (; n < MAP_ENTRIES && request_get (request, ASPECT_SOURCE_1 + 2 * n) != NO_VALUE; n++)
    {
      sources[n] = request_get (request, ASPECT_SOURCE_1 + 2 * n);
      targets[n] = request_get (request, ASPECT_TARGET_1 + 2 * n);
    }

  return n;
}

GSpawnFlags
request_get_flags (const Request *request)
{
  static const GSpawnFlags flags[] = {
    [ASPECT_LEAVE_OPEN] = G_SPAWN_LEAVE_DESCRIPTORS_OPEN,
    [ASPECT_DO_NOT_REAP] = G_SPAWN_DO_NOT_REAP_CHILD,
    [ASPECT_SEARCH_PATH] = G_SPAWN_SEARCH_PATH,
    [ASPECT_OUTPUT_NULL] = G_SPAWN_STDOUT_TO_DEV_NULL,
    [ASPECT_ERRORS_NULL] = G_SPAWN_STDERR_TO_DEV_NULL,
    [ASPECT_INHERIT_INPUT] = G_SPAWN_CHILD_INHERITS_STDIN,
    [ASPECT_ARGV_ZERO] = G_SPAWN_FILE_AND_ARGV_ZERO,
    [ASPECT_SEARCH_ENVP] = G_SPAWN_SEARCH_PATH_FROM_ENVP,
    [ASPECT_CLOEXEC_PIPES] = G_SPAWN_CLOEXEC_PIPES,
    [ASPECT_INHERIT_OUTPUT] = G_SPAWN_CHILD_INHERITS_STDOUT,
    [ASPECT_INHERIT_ERRORS] = G_SPAWN_CHILD_INHERITS_STDERR,
    [ASPECT_INPUT_NULL] = G_SPAWN_STDIN_FROM_DEV_NULL,
  };
  GSpawnFlags result = G_SPAWN_DEFAULT;

  for (Aspect aspect = ASPECT_LEAVE_OPEN; aspect <= ASPECT_INPUT_NULL; aspect++)
    if (request_get (request, aspect))
      result |= flags[aspect];

  return result;
}
