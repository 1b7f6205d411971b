/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "gspawn-process.h"
#include "gspawn-template.h"

/* A request in the terms of g_spawn_async_with_pipes_and_fds(). */
typedef struct {
  const char *const *argv;
  const char *const *envp;
  const char *directory;
  GSpawnFlags flags;
  GSpawnAttributes *attributes;
  int fds[3];
  gboolean pipes[3];
  const int *sources;
  const int *targets;
  guint n_mapped;
} TemplateCall;

GSpawnProcess *template_call (const TemplateCall  *call,
                              GError             **error);
