/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* What a request can ask for, and who asks it: one row an aspect, each with its values. Must know
 * nothing of how a request is carried out.
 *
 * Whatever joins the requests later is a row here, and what is done for it in
 * differential-stage.c (the caller's situation) or differential-caller.c (the call). */

#include "differential-request.h"

#include <sched.h>

#define FUNCTION(function) (1u << FUNCTION_ ## function)
#define ALL ((1u << N_FUNCTIONS) - 1)
#define LINES (FUNCTION (LINE_SYNC) | FUNCTION (LINE_ASYNC))
#define SYNCS (FUNCTION (SYNC) | FUNCTION (LINE_SYNC))
#define VECTORS (ALL & ~LINES)
#define PIPES (FUNCTION (PIPES) | FUNCTION (PIPES_AND_FDS))
#define STREAMS (FUNCTION (FDS) | FUNCTION (PIPES_AND_FDS))
#define MAPS FUNCTION (PIPES_AND_FDS)

#define VALUES(...) (const AspectValue[]) { __VA_ARGS__, { NULL, 0, 0 } }
#define OFF_OR_ON VALUES ({ "no", 0, 0 }, { "yes", 1, 1 })

#define SIGNAL \
  VALUES ({ "default", SIGNAL_DEFAULT, 0 }, { "ignored", SIGNAL_IGNORED, 3 }, \
          { "blocked", SIGNAL_BLOCKED, 3 }, { "handled", SIGNAL_HANDLED, 3 }, \
          { "pending", SIGNAL_PENDING, 1 })
/* Such a signal ends the caller, or is libc's own. */
#define KERNEL_SIGNAL VALUES ({ "default", SIGNAL_DEFAULT, 0 }, { "ignored", SIGNAL_IGNORED, 1 })

/* 3, 8, 9… are free in the caller, so pipe ends get those numbers; it has files at 4 to 7. */
#define STREAM \
  VALUES ({ "none", -1, 0 }, { "-5", -5, 2 }, { "0", 0, 3 }, { "1", 1, 3 }, { "2", 2, 3 }, \
          { "4", 4, 5 }, { "5", 5, 6 }, { "6", 6, 4 }, { "3", 3, 1 }, { "9", 9, 1 }, \
          { "20", 20, 2 }, { "5000", 5000, 1 })
#define SOURCE \
  VALUES ({ "none", NO_VALUE, 0 }, { "4", 4, 24 }, { "5", 5, 24 }, { "6", 6, 24 }, \
          { "7", 7, 12 }, { "0", 0, 5 }, { "1", 1, 5 }, { "2", 2, 5 }, { "3", 3, 1 }, \
          { "8", 8, 1 }, { "20", 20, 1 }, { "-1", -1, 1 })
#define TARGET \
  VALUES ({ "10", 10, 0 }, { "4", 4, 28 }, { "5", 5, 28 }, { "6", 6, 28 }, { "7", 7, 6 }, \
          { "0", 0, 4 }, { "1", 1, 4 }, { "2", 2, 4 }, { "3", 3, 6 }, { "8", 8, 4 }, \
          { "9", 9, 4 }, { "11", 11, 4 }, { "12", 12, 4 }, { "13", 13, 3 }, { "200", 200, 3 }, \
          { "800", 800, 3 }, { "5000", 5000, 2 }, { "-1", -1, 1 }, { "greatest", G_MAXINT, 1 })

#define SEARCH_PATH \
  VALUES ({ "bin", 0, 0 }, { "unset", 1, 3 }, { "empty", 2, 3 }, { "relative", 3, 3 }, \
          { "empty-first", 4, 2 }, { "empty-last", 5, 2 }, { "missing-first", 6, 3 }, \
          { "file-first", 7, 3 }, { "locked-first", 8, 3 }, { "denied-first", 9, 3 }, \
          { "denied-only", 10, 2 }, { "long-first", 11, 2 }, { "long-last", 12, 1 }, \
          { "4k-first", 13, 3 }, { "4k-only", 14, 1 }, { "many", 15, 2 }, { "loop-first", 16, 2 }, \
          { "script-first", 17, 2 }, { "system", 18, 2 })

static const AspectRow rows[N_ASPECTS] = {
  [ASPECT_FUNCTION] = {
    "function",
    VALUES ({ "async", FUNCTION_ASYNC, 0 }, { "pipes", FUNCTION_PIPES, 4 },
            { "fds", FUNCTION_FDS, 4 }, { "pipes-and-fds", FUNCTION_PIPES_AND_FDS, 20 },
            { "sync", FUNCTION_SYNC, 5 }, { "line-sync", FUNCTION_LINE_SYNC, 2 },
            { "line-async", FUNCTION_LINE_ASYNC, 2 }),
    88, ALL, FALSE,
  },
  [ASPECT_LEAVE_OPEN] = { "leave-open", OFF_OR_ON, 28, VECTORS, FALSE },
  [ASPECT_DO_NOT_REAP] = { "do-not-reap", OFF_OR_ON, 62, VECTORS & ~SYNCS, FALSE },
  [ASPECT_SEARCH_PATH] = { "search-path", OFF_OR_ON, 50, VECTORS, FALSE },
  [ASPECT_OUTPUT_NULL] = { "output-null", OFF_OR_ON, 12, VECTORS, FALSE },
  [ASPECT_ERRORS_NULL] = { "errors-null", OFF_OR_ON, 12, VECTORS, FALSE },
  [ASPECT_INHERIT_INPUT] = { "inherit-input", OFF_OR_ON, 20, VECTORS, FALSE },
  [ASPECT_ARGV_ZERO] = { "argv-zero", OFF_OR_ON, 12, VECTORS, FALSE },
  [ASPECT_SEARCH_ENVP] = { "search-envp", OFF_OR_ON, 15, VECTORS, FALSE },
  [ASPECT_CLOEXEC_PIPES] = { "cloexec-pipes", OFF_OR_ON, 40, VECTORS, FALSE },
  [ASPECT_INHERIT_OUTPUT] = { "inherit-output", OFF_OR_ON, 5, VECTORS, FALSE },
  [ASPECT_INHERIT_ERRORS] = { "inherit-errors", OFF_OR_ON, 5, VECTORS, FALSE },
  [ASPECT_INPUT_NULL] = { "input-null", OFF_OR_ON, 5, VECTORS, FALSE },
  [ASPECT_SETUP] = {
    "setup",
    VALUES ({ "none", SETUP_NONE, 0 }, { "nothing", SETUP_NOTHING, 2 }, { "look", SETUP_LOOK, 4 },
            { "keep", SETUP_KEEP, 2 }, { "exit", SETUP_EXIT, 1 }),
    14, VECTORS, FALSE,
  },
  [ASPECT_DIRECTORY] = {
    "directory",
    VALUES ({ "none", 0, 0 }, { "absolute", 1, 6 }, { "relative", 2, 5 }, { "bin", 3, 5 },
            { "root", 4, 3 }, { "dot", 5, 2 }, { "link", 6, 2 }, { "missing", 7, 2 },
            { "file", 8, 2 }, { "locked", 9, 2 }, { "unlisted", 10, 2 }, { "empty", 11, 1 },
            { "loop", 12, 1 }, { "long", 13, 1 }),
    20, VECTORS, FALSE,
  },
  [ASPECT_PROGRAM] = {
    "program",
    VALUES ({ "probe", 0, 0 }, { "script", 1, 6 }, { "plain-script", 2, 6 }, { "empty", 3, 3 },
            { "missing", 4, 4 }, { "directory", 5, 3 }, { "not-executable", 6, 3 },
            { "bad-interpreter", 7, 3 }, { "script-of-script", 8, 2 }, { "loop", 9, 2 },
            { "busy", 10, 3 }, { "garbage", 11, 2 }, { "dangling", 12, 2 }, { "not-a-file", 13, 2 },
            { "long", 14, 2 }, { "slash-last", 15, 1 }, { "nameless", 16, 2 },
            { "no-vector", 17, 1 }, { "empty-vector", 18, 1 }, { "link", 19, 6 }),
    22, ALL, FALSE,
  },
  [ASPECT_NAMED] = {
    "named",
    VALUES ({ "absolute", NAMED_ABSOLUTE, 0 }, { "relative", NAMED_RELATIVE, 1 },
            { "bare", NAMED_BARE, 3 }),
    30, ALL, FALSE,
  },
  [ASPECT_ARGUMENTS] = {
    "arguments",
    VALUES ({ "none", 0, 0 }, { "few", 1, 4 }, { "empty", 2, 3 }, { "bytes", 3, 3 },
            { "many", 4, 2 }, { "too-big", 5, 1 }),
    18, ALL, FALSE,
  },
  [ASPECT_BEHAVIOUR] = {
    "behaviour",
    VALUES ({ "exit-0", 0, 0 }, { "exit-3", 1, 2 }, { "killed", 2, 2 }, { "output", 3, 3 },
            { "errors", 4, 2 }, { "copy", 5, 3 }),
    35, ALL, FALSE,
  },
  [ASPECT_LINE] = {
    "line",
    VALUES ({ "plain", LINE_PLAIN, 0 }, { "null", LINE_NULL, 1 }, { "empty", LINE_EMPTY, 1 },
            { "quote", LINE_QUOTE, 1 }),
    15, LINES, FALSE,
  },
  [ASPECT_ENVIRONMENT] = {
    "environment",
    VALUES ({ "null", ENVIRONMENT_NULL, 0 }, { "given", ENVIRONMENT_GIVEN, 10 },
            { "empty", ENVIRONMENT_EMPTY, 1 }, { "odd", ENVIRONMENT_ODD, 2 }),
    50, VECTORS, FALSE,
  },
  [ASPECT_ENVP_PATH] = { "envp-path", SEARCH_PATH, 40, VECTORS, FALSE },
  [ASPECT_INPUT_FD] = { "input-fd", STREAM, 25, STREAMS, FALSE },
  [ASPECT_OUTPUT_FD] = { "output-fd", STREAM, 25, STREAMS, FALSE },
  [ASPECT_ERRORS_FD] = { "errors-fd", STREAM, 25, STREAMS, FALSE },
  [ASPECT_INPUT_PIPE] = { "input-pipe", OFF_OR_ON, 30, PIPES, FALSE },
  [ASPECT_OUTPUT_PIPE] = { "output-pipe", OFF_OR_ON, 40, PIPES | SYNCS, FALSE },
  [ASPECT_ERRORS_PIPE] = { "errors-pipe", OFF_OR_ON, 30, PIPES | SYNCS, FALSE },
  [ASPECT_SOURCE_1] = { "source-1", SOURCE, 60, MAPS, FALSE },
  [ASPECT_TARGET_1] = { "target-1", TARGET, 70, MAPS, FALSE },
  [ASPECT_SOURCE_2] = { "source-2", SOURCE, 65, MAPS, FALSE },
  [ASPECT_TARGET_2] = { "target-2", TARGET, 70, MAPS, FALSE },
  [ASPECT_SOURCE_3] = { "source-3", SOURCE, 45, MAPS, FALSE },
  [ASPECT_TARGET_3] = { "target-3", TARGET, 70, MAPS, FALSE },
  [ASPECT_SOURCE_4] = { "source-4", SOURCE, 40, MAPS, FALSE },
  [ASPECT_TARGET_4] = { "target-4", TARGET, 70, MAPS, FALSE },
  [ASPECT_PID] = {
    "pid", VALUES ({ "wanted", 0, 0 }, { "null", 1, 1 }), 8, VECTORS & ~SYNCS, FALSE,
  },
  [ASPECT_STATUS] = { "status", VALUES ({ "wanted", 0, 0 }, { "null", 1, 1 }), 20, SYNCS, FALSE },
  [ASPECT_ERROR] = { "error", VALUES ({ "wanted", 0, 0 }, { "null", 1, 1 }), 6, ALL, FALSE },
  [ASPECT_PATH] = { "path", SEARCH_PATH, 30, ALL, FALSE },
  [ASPECT_HOME] = {
    "home", VALUES ({ "scene", 0, 0 }, { "bin", 1, 2 }, { "removed", 2, 1 }), 15, ALL, FALSE,
  },
  /* Each bit is one of 0, 1 and 2. */
  [ASPECT_CLOSED] = {
    "closed",
    VALUES ({ "none", 0, 0 }, { "0", 1, 3 }, { "1", 2, 3 }, { "2", 4, 3 }, { "0+1", 3, 2 },
            { "0+2", 5, 2 }, { "1+2", 6, 2 }, { "0+1+2", 7, 2 }),
    15, ALL, FALSE,
  },
  [ASPECT_ROOM] = {
    "room",
    VALUES ({ "plenty", -1, 0 }, { "0", 0, 1 }, { "1", 1, 1 }, { "2", 2, 1 }, { "3", 3, 1 },
            { "4", 4, 1 }, { "5", 5, 1 }, { "6", 6, 1 }, { "7", 7, 1 }, { "8", 8, 1 },
            { "10", 10, 1 }),
    10, ALL, FALSE,
  },
  [ASPECT_MORE_FILES] = {
    "more-files",
    VALUES ({ "none", 0, 0 }, { "hundred", 1, 2 }, { "far", 2, 2 }, { "cloexec", 3, 2 }),
    15, ALL, FALSE,
  },
  [ASPECT_THREADS] = {
    "threads",
    VALUES ({ "none", THREADS_NONE, 0 }, { "few", THREADS_FEW, 4 }, { "many", THREADS_MANY, 1 },
            { "other", THREADS_OTHER, 3 }),
    15, ALL, FALSE,
  },
  [ASPECT_SIGINT] = { "sigint", SIGNAL, 8, ALL, FALSE },
  [ASPECT_SIGPIPE] = { "sigpipe", SIGNAL, 12, ALL, FALSE },
  [ASPECT_SIGCHLD] = { "sigchld", SIGNAL, 12, ALL, FALSE },
  [ASPECT_SIGUSR1] = { "sigusr1", SIGNAL, 10, ALL, FALSE },
  [ASPECT_SIGTSTP] = { "sigtstp", SIGNAL, 6, ALL, FALSE },
  [ASPECT_SIGHUP] = { "sighup", SIGNAL, 6, ALL, FALSE },
  [ASPECT_SIG32] = { "sig32", KERNEL_SIGNAL, 6, ALL, FALSE },
  [ASPECT_SIG64] = { "sig64", SIGNAL, 8, ALL, FALSE },
  [ASPECT_USER] = { "user", VALUES ({ "same", 0, 0 }, { "nobody", 1, 1 }), 25, ALL, TRUE },
  [ASPECT_UMASK] = { "umask", VALUES ({ "022", 022, 0 }, { "077", 077, 1 }), 8, ALL, FALSE },
  [ASPECT_NICE] = { "nice", VALUES ({ "0", 0, 0 }, { "5", 5, 1 }), 6, ALL, FALSE },
  [ASPECT_SESSION] = {
    "session", VALUES ({ "group", 0, 0 }, { "leader", 1, 1 }), 8, ALL, FALSE,
  },
  [ASPECT_ATTRIBUTES] = { "attributes", OFF_OR_ON, 20, VECTORS, FALSE },
  /* Each bit is one of default-signals and ignored-signals. */
  [ASPECT_ATTR_SIGNALS] = {
    "attr-signals",
    VALUES ({ "none", 0, 0 }, { "default", 1, 2 }, { "ignored", 2, 2 }, { "both", 3, 1 }),
    25, VECTORS, FALSE,
  },
  [ASPECT_ATTR_MASK] = {
    "attr-mask", VALUES ({ "none", 0, 0 }, { "empty", 1, 1 }, { "some", 2, 1 }), 25, VECTORS, FALSE,
  },
  [ASPECT_ATTR_SESSION] = { "attr-session", OFF_OR_ON, 25, VECTORS, FALSE },
  [ASPECT_ATTR_GROUP] = {
    "attr-group", VALUES ({ "none", 0, 0 }, { "new", 1, 3 }, { "missing", 2, 1 }),
    20, VECTORS, FALSE,
  },
  [ASPECT_ATTR_DIRECTORY] = {
    "attr-directory",
    VALUES ({ "none", 0, 0 }, { "sub", 1, 4 }, { "locked", 2, 1 }, { "unlisted", 3, 1 }),
    20, VECTORS, FALSE,
  },
  [ASPECT_ATTR_TERMINAL] = { "attr-terminal", OFF_OR_ON, 5, VECTORS, FALSE },
  [ASPECT_ATTR_UMASK] = { "attr-umask", OFF_OR_ON, 20, VECTORS, FALSE },
  /* The bits: no core, few descriptors, more than can be. */
  [ASPECT_ATTR_LIMITS] = {
    "attr-limits",
    VALUES ({ "none", 0, 0 }, { "core", 1, 3 }, { "files", 2, 3 }, { "both", 3, 2 },
            { "too-many", 4, 1 }),
    25, VECTORS, FALSE,
  },
  [ASPECT_ATTR_NICE] = {
    "attr-nice", VALUES ({ "none", 0, 0 }, { "9", 9, 3 }, { "-3", -3, 1 }), 20, VECTORS, FALSE,
  },
  [ASPECT_ATTR_SCHEDULER] = {
    "attr-scheduler",
    VALUES ({ "none", -1, 0 }, { "batch", SCHED_BATCH, 2 }, { "idle", SCHED_IDLE, 2 },
            { "fifo", SCHED_FIFO, 1 }),
    15, VECTORS, FALSE,
  },
  [ASPECT_ATTR_IO] = {
    "attr-io",
    VALUES ({ "none", 0, 0 }, { "best-effort", 2, 2 }, { "idle", 3, 1 }, { "real-time", 1, 1 }),
    15, VECTORS, FALSE,
  },
  [ASPECT_ATTR_OOM] = {
    "attr-oom", VALUES ({ "none", 0, 0 }, { "100", 100, 2 }, { "-100", -100, 1 }),
    15, VECTORS, FALSE,
  },
  /* The bits: groups, group, user. */
  [ASPECT_ATTR_CREDENTIALS] = {
    "attr-credentials",
    VALUES ({ "none", 0, 0 }, { "groups", 1, 1 }, { "group", 2, 1 }, { "user", 4, 2 },
            { "all", 7, 2 }),
    15, VECTORS, FALSE,
  },
  [ASPECT_ATTR_PRIVILEGES] = { "attr-privileges", OFF_OR_ON, 30, VECTORS, FALSE },
  [ASPECT_ATTR_FILTER] = { "attr-filter", OFF_OR_ON, 15, VECTORS, FALSE },
  [ASPECT_ATTR_DEATH] = { "attr-death", OFF_OR_ON, 25, VECTORS, FALSE },
  [ASPECT_ATTR_PERSONALITY] = { "attr-personality", OFF_OR_ON, 15, VECTORS, FALSE },
  [ASPECT_ATTR_PID] = { "attr-pid", OFF_OR_ON, 30, VECTORS, FALSE },
  [ASPECT_ATTR_OPTIONAL] = { "attr-optional", OFF_OR_ON, 30, VECTORS, FALSE },
  /* An engine is asked by a template, and GLib by its function. */
  [ASPECT_TEMPLATE] = { "template", OFF_OR_ON, 20, MAPS, FALSE },
};

const AspectRow *
aspect_get_row (Aspect aspect)
{
  return &rows[aspect];
}

guint
aspect_count_values (Aspect aspect)
{
  guint n = 0;

  while (rows[aspect].values[n].word != NULL)
    n++;

  return n;
}
