/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>
#include <sys/stat.h>

/**
 * GSpawnResolution:
 * @generation: counts the searches
 * @first: the first candidate that is not known to be absent
 * @found: the first one that is there, or −1
 * @status: what that was
 *
 * What a search has found.
 */
typedef struct {
  guint generation;
  int first;
  int found;
  struct stat status;
} GSpawnResolution;

/**
 * GSpawnExecutable:
 * @candidates: the files to try
 * @searches: whether there is something to choose from
 * @mutex: held for what follows
 * @resolution: the last search's
 *
 * The program of a template.
 */
typedef struct {
  const char *const *candidates;
  gboolean searches;
  GMutex mutex;
  GSpawnResolution resolution;
} GSpawnExecutable;

void               _gspawn_executable_init    (GSpawnExecutable   *executable,
                                               const char         *name,
                                               GSpawnFlags         flags,
                                               const char *const  *envp);
void               _gspawn_executable_clear   (GSpawnExecutable   *executable);
const char *const *_gspawn_executable_resolve (GSpawnExecutable   *executable);
