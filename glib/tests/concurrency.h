/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>
#include <sys/types.h>

#include "case.h"
#include "gspawn-engines.h"

/* How many launches there are in all cases together, and where to say how far they are. */
#define LAUNCHES_VARIABLE "GSPAWN_TEST_LAUNCHES"
#define PROGRESS_VARIABLE "GSPAWN_TEST_PROGRESS"

/* Descriptors that a child may see by chance begin here, above those that a test has for itself. */
#define STRAY_FIRST_FD 600

/* What a shape of a launch rests on: a disturbance that takes that away leaves the shape out. */
typedef enum {
  TRAIT_FAILS       = 1 << 0,   /* the program is not executed; the message may be translated */
  TRAIT_SYNC        = 1 << 1,   /* the library waits for the child */
  TRAIT_REAPED      = 1 << 2,   /* the child is not ours */
  TRAIT_ENVIRONMENT = 1 << 3,   /* the child gets our environment as it is */
  TRAIT_SET_UP      = 1 << 4,   /* a function of ours runs in the child: only one engine can */
  TRAIT_ATTRIBUTES  = 1 << 5,   /* the child has attributes, which all threads share */
  TRAIT_BEGUN       = 1 << 6,   /* by a template that all threads share, and not waited for */
} Traits;

/* A value in a child's report that is as good as the one that an undisturbed process gives. */
typedef struct {
  const char *group;
  const char *key;
  const char *value;
} Alternative;

typedef struct {
  const char *name;
  Traits excludes;
  const Alternative *alternatives;      /* up to one without a group; may be NULL */
  const char *(*get_obstacle) (void);   /* why it cannot be done here, or NULL */
  void (*prepare) (void);               /* before the engines are looked at */
  void (*begin) (void);
  void (*enter) (void);                 /* in each thread that launches, before and after it does */
  void (*leave) (void);
  gboolean (*round) (void);             /* over and over in a thread of its own; if it worked */
  void (*await_effect) (void);          /* before it may end, if rounds alone say nothing */
  void (*end) (void);
  int (*wait) (pid_t pid);              /* instead of waitpid() */
} Disturber;

/* A process that many threads launch in while all of these go on; up to NULL. */
typedef const Disturber *const Crowd[8];

void     crowd_run            (gconstpointer crowd);
void     crowd_launch         (guint         launcher,
                               guint         number,
                               Traits        excludes,
                               const Crowd  *crowd);
guint    crowd_n_shapes       (Traits        excludes);
void     crowd_take_reference (void);
void     crowd_expect         (gboolean      holds,
                               const char   *format,
                               ...) G_GNUC_PRINTF (2, 3);
gboolean crowd_engine_is      (const char   *engine);
gboolean crowd_has_engine     (GSpawnEngine  engine);

/* Held by who changes the environment, and by what of a test may read it: GLib does, to translate a
 * message. What a test asks of the library is done without it. */
extern GRWLock crowd_environment;

extern const Disturber disturb_nothing;
extern const Disturber disturb_cancel;
extern const Disturber disturb_child_signal;
extern const Disturber disturb_descriptors;
extern const Disturber disturb_directory;
extern const Disturber disturb_environment;
extern const Disturber disturb_fork;
extern const Disturber disturb_fork_held;
extern const Disturber disturb_fork_launch;
extern const Disturber disturb_ids;
extern const Disturber disturb_legacy;
extern const Disturber disturb_libraries;
extern const Disturber disturb_mappings;
extern const Disturber disturb_reaper;
extern const Disturber disturb_signals;
extern const Disturber disturb_threads;
extern const Disturber disturb_umask;

void test_exit (void);
void test_exec (void);
