/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Where GLib is known to differ, and for what reason: the one table that decides whether a
 * difference between two outcomes is a failure.
 *
 * A row says which requests it is about, and of each thing that differs what either side gives. Its
 * first pattern is what the difference consists in, without which the row says nothing; the others
 * are what follows from that. */

#include "differential-differences.h"

#include <stdlib.h>
#include <string.h>

#include "differential-model.h"

typedef struct {
  const char *key;          /* regular expressions of the whole; without one the side has nothing */
  const char *glib;         /* after a "?" it may have nothing */
  const char *ours;         /* after a "=" also what the model of descriptors says */
  gboolean (*holds) (const char *glib, const char *ours);
} Pattern;

typedef struct {
  const char *name;
  const char *like;         /* the case of the contract that has the same reason, or… */
  const char *reason;       /* …what GLib does */
  gboolean (*applies) (const Request *request);
  const char *given;        /* NULL, or what both returned */
  Pattern patterns[12];
} Difference;

#define ANY ".*"
#define EMFILE_MESSAGE "Too many open files"
#define PIPE_FAILED "g-unix-error-quark/0/" EMFILE_MESSAGE
#define SPAWN_FAILED "g-exec-error-quark/19/Failed to spawn child process “.*” \\(.*\\)"
#define EXEC_FAILED "g-exec-error-quark/[0-9]*/Failed to execute child process “.*” \\(.*\\)"

#define DUP_FAILED "g-exec-error-quark/19/Failed to duplicate file descriptor .*"

/* A program that has other streams behaves otherwise. */
#define FROM_STREAMS \
  { "wait|orphan|call.status", "?" ANY, ANY, NULL }, \
  { "file.(standard-output|standard-error|four|five|six|seven)", ANY, ANY, NULL }, \
  { "read.pipe-[12]|call.output|call.errors", ANY, ANY, NULL }

#define ATTRIBUTE_FAILED "g-exec-error-quark/19/Failed to set attribute “.*” of child process \\(.*\\)"
#define SOURCE_INVALID "g-exec-error-quark/16/Invalid file descriptor\\."
#define NO_ROOM ".*Too many open files\\)?"
#define OPEN_FAILED "g-exec-error-quark/19/Failed to open file to remap .*"

/* What follows from a success of ours where GLib fails, and the other way round. */
#define SUCCESS \
  { "call.return", "FALSE", "TRUE", NULL }, \
  { "call.pid", "untouched", "a process", NULL }, \
  { "(child|orphan|wait|call.number-.|read.pipe-.|left.signal-17)", NULL, ANY, NULL }, \
  { "call.pipe-.", "untouched", "pipe .*", NULL }, \
  { "call.output|call.errors", "NULL", ".* bytes.*", NULL }, \
  { "call.status", "-77", ANY, NULL }, \
  { "file.*", "", ANY, NULL }
#define FAILURE \
  { "call.return", "TRUE", "FALSE", NULL }, \
  { "call.pid", "a process|no process", "untouched", NULL }, \
  { "(child|orphan|wait|call.number-.|read.pipe-.|left.signal-17)", ANY, NULL, NULL }, \
  { "call.pipe-.", "pipe .*", "untouched", NULL }, \
  { "call.output|call.errors", ".* bytes.*", "NULL", NULL }, \
  { "call.status", ANY, "-77", NULL }, \
  { "file.*", ANY, "", NULL }

static gboolean
has_attributes (const Request *request)
{
  return request_get (request, ASPECT_ATTRIBUTES);
}

static gboolean
is_any (const Request *request G_GNUC_UNUSED)
{
  return TRUE;
}

static gboolean
is_reaped (const Request *request)
{
  return !request_is_sync (request) && !request_get (request, ASPECT_DO_NOT_REAP);
}

static gboolean
is_closed (const Request *request)
{
  return request_get (request, ASPECT_CLOSED) != 0;
}

static gboolean
has_little_room (const Request *request)
{
  return request_get (request, ASPECT_ROOM) >= 0;
}

static gboolean
has_little_room_and_closed (const Request *request)
{
  return has_little_room (request) && is_closed (request);
}

static gboolean
is_busy (const Request *request)
{
  return request_is (request, ASPECT_PROGRAM, "busy");
}

/* Numbers that are free in the caller, and among the first that something new gets. */
static gboolean
is_fresh (const Request *request,
          int            fd)
{
  if (fd >= 0 && fd < 3)
    return (request_get (request, ASPECT_CLOSED) & (1 << fd)) != 0;

  return fd == 3 || fd == 8 || fd == 9;
}

static gboolean
names_fresh_source (const Request *request)
{
  int sources[MAP_ENTRIES], targets[MAP_ENTRIES];
  guint n = request_get_map (request, sources, targets);

  for (guint i = 0; i < n; i++)
    if (is_fresh (request, sources[i]))
      return TRUE;

  return FALSE;
}

static gboolean
names_fresh_stream (const Request *request)
{
  for (int i = 0; i < 3; i++)
    if (is_fresh (request, request_get (request, ASPECT_INPUT_FD + i)))
      return TRUE;

  return FALSE;
}

static gboolean
has_greatest_target (const Request *request)
{
  for (Aspect target = ASPECT_TARGET_1; target <= ASPECT_TARGET_4; target += 2)
    if (request_get (request, target) == G_MAXINT)
      return TRUE;

  return FALSE;
}

static gboolean
names_closed_stream (const Request *request)
{
  int closed = request_get (request, ASPECT_CLOSED);

  for (Aspect fd = ASPECT_INPUT_FD; fd <= ASPECT_ERRORS_FD; fd++)
    for (int stream = 0; stream < 3; stream++)
      if ((closed & (1 << stream)) && request_get (request, fd) == stream)
        return TRUE;
  for (Aspect source = ASPECT_SOURCE_1; source <= ASPECT_SOURCE_4; source += 2)
    for (int stream = 0; stream < 3; stream++)
      if ((closed & (1 << stream)) && request_get (request, source) == stream)
        return TRUE;

  return FALSE;
}

static gboolean
has_zero_input (const Request *request)
{
  return request_get (request, ASPECT_INPUT_FD) == 0 &&
         !request_get (request, ASPECT_INHERIT_INPUT);
}

static gboolean
has_stream_within (const Request *request)
{
  for (int i = 0; i < 3; i++)
    {
      int fd = request_get (request, ASPECT_INPUT_FD + i);

      if (fd >= 0 && fd < 3)
        return TRUE;
    }

  return FALSE;
}

static gboolean
has_handler (const Request *request)
{
  if (request_get (request, ASPECT_SETUP) != SETUP_LOOK)
    return FALSE;

  for (Aspect aspect = ASPECT_SIGINT; aspect <= ASPECT_SIG64; aspect++)
    if (request_get (request, aspect) == SIGNAL_HANDLED)
      return TRUE;

  return FALSE;
}

static gboolean
ignores_children (const Request *request)
{
  return request_is_sync (request) && request_is (request, ASPECT_SIGCHLD, "ignored");
}

static gboolean
differ_in_handlers (const char *glib,
                    const char *ours)
{
  g_autoptr (GRegex) handler = g_regex_new (" \\([0-9]+ handled\\)", 0, 0, NULL);
  g_autofree char *without = g_regex_replace_literal (handler, glib, -1, 0, "", 0, NULL);

  return g_str_equal (without, ours);
}

static gboolean
differ_in_streams (const char *glib,
                   const char *ours)
{
  g_autoptr (GRegex) stream = g_regex_new ("^[012] is .*\n", G_REGEX_MULTILINE, 0, NULL);
  g_autofree char *without = g_regex_replace_literal (stream, glib, -1, 0, "", 0, NULL);
  g_autofree char *ours_without = g_regex_replace_literal (stream, ours, -1, 0, "", 0, NULL);

  return g_str_equal (without, ours_without) || differ_in_handlers (without, ours_without);
}

/* Both end in the same "(strerror)". */
static gboolean
have_same_reason (const char *glib,
                  const char *ours)
{
  return g_strcmp0 (strrchr (glib, '('), strrchr (ours, '(')) == 0;
}

static const Difference differences[] = {
  { "middle-signals", NULL,
    "A child that is not the caller's raises `SIGCHLD` in the caller all the same, by the process "
    "that makes it.",
    is_reaped, "TRUE",
    { { "left.signal-17", "handled 1|handled 0, pending", NULL, NULL } } },
  { "failure-signals", NULL,
    "A call that fails raises `SIGCHLD`, also where no process had to be made to find that out.",
    is_any, "FALSE",
    { { "left.signal-17", "handled 1|handled 0, pending", NULL, NULL } } },
  { "trial-signals", NULL,
    "One `SIGCHLD` is raised, where the posix_spawn engine raises another for each file that it "
    "tried in vain.",
    is_any, NULL,
    { { "left.signal-17", "handled 1", "handled [2-9]", NULL } } },
  { "posix-spawn-signals", NULL,
    "With `G_SPAWN_LEAVE_DESCRIPTORS_OPEN` a mistake in the descriptor map is found, or lost, "
    "without a process that raises `SIGCHLD`.",
    model_suits_posix_spawn, NULL,
    { { "left.signal-17", NULL, "handled 1|handled 0, pending", NULL } } },
  { "posix-spawn-trial-signals", NULL,
    "With `G_SPAWN_LEAVE_DESCRIPTORS_OPEN` a file that the shell has to run raises another "
    "`SIGCHLD`.",
    model_suits_posix_spawn, "TRUE",
    { { "left.signal-17", "handled 2", "handled 1", NULL } } },
  { "posix-spawn-errors", "24-missing-left-open", NULL, model_suits_posix_spawn, "FALSE",
    { { "call.error", SPAWN_FAILED, EXEC_FAILED, have_same_reason } } },
  { "posix-spawn-messages", NULL,
    "With `G_SPAWN_LEAVE_DESCRIPTORS_OPEN` the message of an error does not tell what failed.",
    model_suits_posix_spawn, "FALSE",
    { { "call.error", SPAWN_FAILED, DUP_FAILED, have_same_reason } } },
  { "posix-spawn-ignores", "14-defaults-left-open", NULL, model_suits_posix_spawn, "TRUE",
    { { "child.signals.ignored-3[23]", "yes", NULL, NULL } } },
  { "posix-spawn-sigpipe", "14-reset-left-open", NULL, model_suits_posix_spawn, "TRUE",
    { { "child.signals.ignored-13", "yes", NULL, NULL } } },
  { "posix-spawn-map-source", NULL,
    "With `G_SPAWN_LEAVE_DESCRIPTORS_OPEN` a source of 0 to 2 in the descriptor map means the "
    "caller's stream, and not the one that the child has by then.",
    model_suits_posix_spawn, "TRUE",
    { { "child.descriptor .*", "@/standard-.*|pipe [012]: .*", "=.*", NULL }, FROM_STREAMS } },
  { "posix-spawn-no-process", "17-closed-source-left-open", NULL, model_suits_posix_spawn, NULL,
    { { "call.error", "none", DUP_FAILED, NULL }, FAILURE } },
  { "posix-spawn-collision", "17-collisions-left-open", NULL, model_suits_posix_spawn, "TRUE",
    { { "child.descriptor .*", NULL, "=.*", NULL }, FROM_STREAMS } },
  { "posix-spawn-abort", "23-few-descriptors-left-open", NULL, has_little_room, NULL,
    { { "caller.end", "signal 6", "exit 0", NULL },
      { "file.standard-(output|error)", ".*assertion failed.*", ANY, NULL },
      { "(call|left|read|log|child|orphan|wait).*", NULL, ANY, NULL } } },
  { "busy", "24-busy", NULL, is_busy, "FALSE",
    { { "call.error", "g-exec-error-quark/19/.*\\(Text file busy\\)",
        "g-exec-error-quark/12/.*\\(Text file busy\\)", have_same_reason } } },
  { "stream-within", "15-crossing-within", NULL, has_stream_within, "TRUE",
    { { "child.descriptor [012]", NULL, "=.*", NULL }, FROM_STREAMS } },
  { "caller-end-low", NULL,
    "The caller's end of a pipe gets a number of 0 to 2 that is closed in the caller.",
    is_closed, "TRUE",
    { { "call.number-[012]", "[0-9]+", "[3-9]|1[0-9]", NULL } } },
  { "closed-null", "closed-0-null", NULL, is_closed, "TRUE",
    { { "child.descriptor [012]", "?some pipe: write", "=/dev/null: (read|write)", NULL },
      FROM_STREAMS } },
  { "closed-pipe", "closed-0-pipes", NULL, is_closed, "TRUE",
    { { "child.descriptor [012]", "?" ANY, "=(some pipe|pipe [012]): (read|write)", NULL },
      FROM_STREAMS } },
  { "closed-leak", "closed-0-1-default", NULL, is_closed, "TRUE",
    { { "child.descriptor [012]", "some pipe: write", "=", NULL }, FROM_STREAMS } },
  { "closed-report-written", NULL,
    "With two of 0 to 2 closed in the caller a program that writes to its output or errors makes "
    "the call fail with an unknown error.",
    is_closed, NULL,
    { { "call.error", "g-exec-error-quark/19/Unknown error executing child process .*", "none",
        NULL },
      { "call.return", "FALSE", "TRUE", NULL },
      { "call.pid", "untouched", "a process", NULL },
      { "child.process.pid", "another", "itself", NULL },
      { "child.descriptor [012]", "?" ANY, "=.*", NULL },
      { "child.descriptor [012]", "?" ANY, "=", NULL },
      { "call.pipe-.", "untouched", "pipe .*", NULL },
      { "call.number-.|read.pipe-.", NULL, ANY, NULL },
      FROM_STREAMS } },
  { "few-descriptors", NULL,
    "With few descriptors left it fails where it needs them for itself.",
    has_little_room, NULL,
    { { "call.error", NO_ROOM, "none", NULL }, SUCCESS } },
  { "few-descriptors-failure", NULL,
    "With few descriptors left something else is what fails first.",
    has_little_room, "FALSE",
    { { "call.error", ANY, NO_ROOM, NULL },
      { "file.look", ANY, "", NULL } } },
  { "few-descriptors-found", NULL,
    "With few descriptors left it fails before it has found another mistake in the request.",
    has_little_room, "FALSE",
    { { "call.error", NO_ROOM, "g-exec-error-quark/.*", NULL },
      { "file.look", "", ANY, NULL } } },
  { "few-descriptors-closed", NULL,
    "With few descriptors left, and some of 0 to 2 closed in the caller, a descriptor of its own "
    "may be lost.",
    has_little_room_and_closed, NULL,
    { { "call.error", DUP_FAILED "|" SPAWN_FAILED, "none", NULL }, SUCCESS } },
  { "few-descriptors-lost", NULL,
    "With few descriptors left a program that cannot be executed may be a success.",
    has_little_room, NULL,
    { { "call.error", "none", EXEC_FAILED, NULL }, FAILURE } },
  { "few-descriptors-no-program", NULL,
    "With few descriptors left a child that cannot be set up may be a success.",
    has_little_room, "TRUE",
    { { "wait|orphan", "status 256|exit 1", "status 0|exit 0|status 768|exit 3", NULL },
      { "child", NULL, "reported", NULL } } },
  { "few-descriptors-success", NULL,
    "With few descriptors left it succeeds where an engine needs one more: for pipes that do not "
    "get the numbers 0 to 2, for a report of errors, for a directory.",
    has_little_room, NULL,
    { { "call.error", "none", NO_ROOM, NULL }, FAILURE } },
  { "zero-is-null", "16-zero-is-null", NULL, has_zero_input, "TRUE",
    { { "child.descriptor .*", "?@/standard-input: read", "=/dev/null: read", NULL },
      FROM_STREAMS } },
  { "fresh-pipe-end", "17-fresh-pipe-end", NULL, names_fresh_source, NULL,
    { { "call.error", ANY, DUP_FAILED "|" SOURCE_INVALID, NULL }, FAILURE } },
  { "fresh-stream-end", "10-fresh-pipe-end", NULL, names_fresh_stream, NULL,
    { { "call.error", ANY, DUP_FAILED, NULL }, FAILURE } },
  { "greatest-target", NULL,
    "A target of `G_MAXINT` is not found out before other mistakes in the request.",
    has_greatest_target, "FALSE",
    { { "call.error", ANY, ".*\\(Invalid argument\\)", NULL } } },
  { "few-descriptors-signals", NULL,
    "With few descriptors left it fails before it has made a process that raises `SIGCHLD`.",
    has_little_room, "FALSE",
    { { "left.signal-17", NULL, "handled 1|handled 0, pending", NULL } } },
  { "posix-spawn-long-path", "20-long-path-left-open", NULL, model_suits_posix_spawn, NULL,
    { { "call.error", "none", "g-exec-error-quark/7/.*\\(File name too long\\)", NULL },
      FAILURE } },
  { "closed-named", NULL,
    "With one of 0 to 2 closed in the caller a descriptor of that number, by which the child's "
    "stream may be meant, is an error.",
    names_closed_stream, NULL,
    { { "call.error", DUP_FAILED "|" SPAWN_FAILED, "none|" EXEC_FAILED, NULL }, SUCCESS } },
  { "closed-descriptor", NULL,
    "A stream that is closed in the caller, and is to be a descriptor of the caller's, may be "
    "closed in the child.",
    is_closed, "TRUE",
    { { "child.descriptor [012]", NULL, "=@/.*", NULL }, FROM_STREAMS } },
  { "stolen", "29-ignored", NULL, ignores_children, "TRUE",
    { { "call.status", ANY, "0", NULL } } },
  { "posix-spawn-closes-caller", NULL,
    "With `G_SPAWN_LEAVE_DESCRIPTORS_OPEN` a descriptor map that cannot be made closes descriptors "
    "of the caller.",
    model_suits_posix_spawn, NULL,
    { { "left.state", "gone: descriptor [^;]*(; gone: descriptor [^;]*)*", "as before", NULL } } },
  { "closed-success", "closed-0-1-missing-null", NULL, is_closed, NULL,
    { { "call.error", "none", EXEC_FAILED, NULL }, FAILURE } },
  { "setup-closed", "closed-0-1-default", NULL, is_closed, NULL,
    { { "file.look", ANY, ANY, differ_in_streams } } },
  { "setup-stream-within", "15-crossing-within", NULL, has_stream_within, NULL,
    { { "file.look", ANY, ANY, differ_in_streams } } },
  { "attribute-failure", NULL,
    "An attribute that cannot be applied ends the child with the exit status 127 instead of an error.",
    has_attributes, NULL,
    { { "call.error", "none", ATTRIBUTE_FAILED, NULL }, FAILURE } },
  { "setup-handlers", NULL,
    "The caller's signal handlers are still installed when a child setup function runs.",
    has_handler, NULL,
    { { "file.look", ANY, ANY, differ_in_handlers } } },
  { NULL, NULL, NULL, NULL, NULL, { { NULL, NULL, NULL, NULL } } },
};

guint
difference_count (void)
{
  return G_N_ELEMENTS (differences) - 1;
}

const char *
difference_get_name (guint row)
{
  return differences[row].name;
}

static gboolean
text_matches (const char *pattern,
              const char *text)
{
  g_autofree char *whole = g_strdup_printf ("^(?:%s)$", pattern);

  return g_regex_match_simple (whole, text, G_REGEX_DOTALL | G_REGEX_RAW, 0);
}

static gboolean
value_matches (const char *pattern,
               const char *value)
{
  if (value == NULL)
    return pattern == NULL || *pattern == '?';
  if (pattern == NULL)
    return FALSE;
  if (*pattern == '?')
    pattern++;

  return text_matches (pattern, value);
}

static gboolean
is_as_modelled (const Request *request,
                const char    *pattern,
                const char    *key,
                const char    *value)
{
  g_autofree char *expected = model_describe (request, atoi (strrchr (key, ' ') + 1));

  return g_strcmp0 (expected, value) == 0 &&
         value_matches (*pattern != '\0' ? pattern : NULL, value);
}

static gboolean
pattern_matches (const Pattern *pattern,
                 const Request *request,
                 const char    *key,
                 const Outcome *glib,
                 const Outcome *ours)
{
  const char *one = outcome_get (glib, key);
  const char *other = outcome_get (ours, key);

  if (!text_matches (pattern->key, key) || !value_matches (pattern->glib, one))
    return FALSE;
  if (pattern->ours != NULL && *pattern->ours == '=')
    return is_as_modelled (request, pattern->ours + 1, key, other);

  return value_matches (pattern->ours, other) &&
         (pattern->holds == NULL || pattern->holds (one, other));
}

static gboolean
is_active (const Difference *difference,
           const Request    *request,
           const Outcome    *glib,
           const Outcome    *ours,
           GPtrArray        *keys)
{
  if (!difference->applies (request))
    return FALSE;
  if (difference->given != NULL &&
      (g_strcmp0 (outcome_get (glib, "call.return"), difference->given) != 0 ||
       g_strcmp0 (outcome_get (ours, "call.return"), difference->given) != 0))
    return FALSE;

  /* Where the caller does not want the error the return value is all there is of a failure. */
  for (guint i = 0; i < keys->len; i++)
    for (guint k = 0; k <= (request_get (request, ASPECT_ERROR) ? 1 : 0); k++)
      if (difference->patterns[k].key != NULL &&
          (k == 0 || g_str_equal (difference->patterns[k].key, "call.return")) &&
          pattern_matches (&difference->patterns[k], request, g_ptr_array_index (keys, i), glib,
                           ours))
        return TRUE;

  return FALSE;
}

static gboolean
explains (const Difference *difference,
          const Request    *request,
          const char       *key,
          const Outcome    *glib,
          const Outcome    *ours)
{
  for (guint i = 0; i < G_N_ELEMENTS (difference->patterns); i++)
    if (difference->patterns[i].key != NULL &&
        pattern_matches (&difference->patterns[i], request, key, glib, ours))
      return TRUE;

  return FALSE;
}

/*
 * difference_unexplained: (skip)
 * @request: the request
 * @glib: what GLib made of it
 * @ours: what an engine made of it
 * @used: (inout): bits of the rows that explained something
 *
 * Returns: (transfer full) (element-type utf8): the keys under which the two differ without a
 *   reason
 */
GPtrArray *
difference_unexplained (const Request *request,
                        const Outcome *glib,
                        const Outcome *ours,
                        guint64       *used)
{
  GPtrArray *keys = outcome_diff (glib, ours);
  g_autoptr (GPtrArray) left = g_ptr_array_new_with_free_func (g_free);
  gboolean active[G_N_ELEMENTS (differences)] = { FALSE };

  for (guint row = 0; keys->len > 0 && row < difference_count (); row++)
    active[row] = is_active (&differences[row], request, glib, ours, keys);

  for (guint i = 0; i < keys->len; i++)
    {
      const char *key = g_ptr_array_index (keys, i);
      gboolean explained = FALSE;

      for (guint row = 0; row < difference_count () && !explained; row++)
        if (active[row] && explains (&differences[row], request, key, glib, ours))
          {
            *used |= G_GUINT64_CONSTANT (1) << row;
            explained = TRUE;
          }
      if (!explained)
        g_ptr_array_add (left, g_strdup (key));
    }
  g_ptr_array_unref (keys);

  return g_steal_pointer (&left);
}

void
difference_print_all (void)
{
  g_print ("| Row | What GLib " DIFFERENCES_GLIB_SERIES "x does | Like |\n|---|---|---|\n");
  for (guint row = 0; row < difference_count (); row++)
    g_print ("| `%s` | %s | %s |\n", differences[row].name,
             differences[row].reason != NULL ? differences[row].reason : "",
             differences[row].like != NULL ? differences[row].like : "");
}
