/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>

#define MAP_ENTRIES 4

/* What a request is made of. An aspect is a row of the table in differential-aspects.c; flags, the
 * caller's signals and the entries of the map are runs of rows; so are attributes, from the one that
 * says whether there are any. */
typedef enum {
  ASPECT_FUNCTION,
  ASPECT_LEAVE_OPEN,
  ASPECT_DO_NOT_REAP,
  ASPECT_SEARCH_PATH,
  ASPECT_OUTPUT_NULL,
  ASPECT_ERRORS_NULL,
  ASPECT_INHERIT_INPUT,
  ASPECT_ARGV_ZERO,
  ASPECT_SEARCH_ENVP,
  ASPECT_CLOEXEC_PIPES,
  ASPECT_INHERIT_OUTPUT,
  ASPECT_INHERIT_ERRORS,
  ASPECT_INPUT_NULL,
  ASPECT_SETUP,
  ASPECT_DIRECTORY,
  ASPECT_PROGRAM,
  ASPECT_NAMED,
  ASPECT_ARGUMENTS,
  ASPECT_BEHAVIOUR,
  ASPECT_LINE,
  ASPECT_ENVIRONMENT,
  ASPECT_ENVP_PATH,
  ASPECT_INPUT_FD,
  ASPECT_OUTPUT_FD,
  ASPECT_ERRORS_FD,
  ASPECT_INPUT_PIPE,
  ASPECT_OUTPUT_PIPE,
  ASPECT_ERRORS_PIPE,
  ASPECT_SOURCE_1,
  ASPECT_TARGET_1,
  ASPECT_SOURCE_2,
  ASPECT_TARGET_2,
  ASPECT_SOURCE_3,
  ASPECT_TARGET_3,
  ASPECT_SOURCE_4,
  ASPECT_TARGET_4,
  ASPECT_PID,
  ASPECT_STATUS,
  ASPECT_ERROR,
  ASPECT_PATH,
  ASPECT_HOME,
  ASPECT_CLOSED,
  ASPECT_ROOM,
  ASPECT_MORE_FILES,
  ASPECT_THREADS,
  ASPECT_SIGINT,
  ASPECT_SIGPIPE,
  ASPECT_SIGCHLD,
  ASPECT_SIGUSR1,
  ASPECT_SIGTSTP,
  ASPECT_SIGHUP,
  ASPECT_SIG32,
  ASPECT_SIG64,
  ASPECT_USER,
  ASPECT_UMASK,
  ASPECT_NICE,
  ASPECT_SESSION,
  ASPECT_ATTRIBUTES,
  ASPECT_ATTR_SIGNALS,
  ASPECT_ATTR_MASK,
  ASPECT_ATTR_SESSION,
  ASPECT_ATTR_GROUP,
  ASPECT_ATTR_DIRECTORY,
  ASPECT_ATTR_TERMINAL,
  ASPECT_ATTR_UMASK,
  ASPECT_ATTR_LIMITS,
  ASPECT_ATTR_NICE,
  ASPECT_ATTR_SCHEDULER,
  ASPECT_ATTR_IO,
  ASPECT_ATTR_OOM,
  ASPECT_ATTR_CREDENTIALS,
  ASPECT_ATTR_PRIVILEGES,
  ASPECT_ATTR_FILTER,
  ASPECT_ATTR_DEATH,
  ASPECT_ATTR_PERSONALITY,
  ASPECT_ATTR_PID,
  ASPECT_ATTR_OPTIONAL,
  ASPECT_TEMPLATE,
  N_ASPECTS
} Aspect;

typedef enum {
  FUNCTION_ASYNC,
  FUNCTION_PIPES,
  FUNCTION_FDS,
  FUNCTION_PIPES_AND_FDS,
  FUNCTION_SYNC,
  FUNCTION_LINE_SYNC,
  FUNCTION_LINE_ASYNC,
  N_FUNCTIONS
} Function;

/* The numbers of values that are no numbers. */
enum { SETUP_NONE, SETUP_NOTHING, SETUP_LOOK, SETUP_KEEP, SETUP_EXIT };
enum { NAMED_ABSOLUTE, NAMED_RELATIVE, NAMED_BARE };
enum { LINE_PLAIN, LINE_NULL, LINE_EMPTY, LINE_QUOTE };
enum { ENVIRONMENT_NULL, ENVIRONMENT_GIVEN, ENVIRONMENT_EMPTY, ENVIRONMENT_ODD };
enum { SIGNAL_DEFAULT, SIGNAL_IGNORED, SIGNAL_BLOCKED, SIGNAL_HANDLED, SIGNAL_PENDING };
enum { THREADS_NONE, THREADS_FEW, THREADS_MANY, THREADS_OTHER };

#define NO_VALUE (-1000)

typedef struct {
  const char *word;
  int number;
  guint weight;         /* among the values that are not the first */
} AspectValue;

/* The first value is the plainest, and what an aspect has that the function does not have. */
typedef struct {
  const char *name;
  const AspectValue *values;    /* up to one without a word */
  guint rate;                   /* per cent of the requests that do not have the first */
  guint functions;              /* bits of those that have the aspect */
  gboolean needs_root;
} AspectRow;

/* A value: which of its values each aspect has. */
typedef struct {
  guint8 choices[N_ASPECTS];
} Request;

const AspectRow *aspect_get_row      (Aspect          aspect);
guint            aspect_count_values (Aspect          aspect);

void             request_make        (Request        *request,
                                      guint64         seed,
                                      guint64         index);
gboolean         request_parse       (Request        *request,
                                      const char     *text,
                                      GError        **error);
char            *request_format      (const Request  *request);
void             request_normalize   (Request        *request);

int              request_get         (const Request  *request,
                                      Aspect          aspect);
const char      *request_get_word    (const Request  *request,
                                      Aspect          aspect);
gboolean         request_is          (const Request  *request,
                                      Aspect          aspect,
                                      const char     *word);
gboolean         request_is_sync     (const Request  *request);
guint            request_get_map     (const Request  *request,
                                      int            *sources,
                                      int            *targets);
GSpawnFlags      request_get_flags   (const Request  *request);
