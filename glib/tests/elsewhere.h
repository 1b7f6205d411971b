/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>

#include "gspawn-engines.h"
#include "seccomp-profile.h"

#define MAX_ERRORS 4

/* What an engine is to make of a place. */
typedef enum {
  ENGINE_WORKS,
  ENGINE_WORKS_BY_CLONE,        /* without clone3() */
  ENGINE_IS_NOT_USED,           /* so that another one takes the request */
} EngineVerdict;

/* A launch that cannot work in a place fails with this. */
typedef struct {
  const char *launch;   /* NULL for all */
  GSpawnError code;
} PlaceError;

/* Somewhere to launch things from. */
typedef struct {
  const char *name;
  const char *description;
  /* Takes this process there. Returns why that is impossible, or NULL. */
  const char *(*enter) (void);
  const SeccompRule *rules;     /* put on after that */
  EngineVerdict engines[GSPAWN_N_ENGINES];
  PlaceError errors[MAX_ERRORS];        /* what does not work; nothing else may fail */
} Place;

/* What is launched in every place. */
typedef struct {
  const char *name;
  GSpawnNeeds needs;    /* left out where no engine was built that can do this */
  gboolean (*run) (GError **error);
} PlaceLaunch;

extern const Place places[];
extern const PlaceLaunch place_launches[];

/* Set before a place is entered, and changed by one that hides the file system. */
extern const char *place_program;
extern const char *place_script;

/* Ends a launch's function where it worked, but not as it should. */
gboolean place_complain (const char *format,
                         ...) G_GNUC_PRINTF (1, 2);
