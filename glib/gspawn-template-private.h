/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * A template and what one launch adds to it, and both put together as a request. */
#pragma once

#include "gspawn-connections-private.h"
#include "gspawn-request-private.h"
#include "gspawn-seal-private.h"
#include "gspawn-template-executable-private.h"
#include "gspawn-template.h"

/**
 * _GSpawnTemplate:
 * @argv: the vector as the flags have it
 * @argc: its length
 * @envp: (nullable): environment, or %NULL for the caller's
 * @directory: (nullable): working directory
 * @attributes: (nullable): a copy of our own
 * @executable: the program, once the seal is closed
 *
 * Nothing but @executable changes once the seal is closed.
 */
struct _GSpawnTemplate {
  gatomicrefcount ref_count;
  GSpawnSeal seal;
  GSpawnFlags flags;
  char **argv;
  gsize argc;
  char **envp;
  char *directory;
  GSpawnAttributes *attributes;
  GSpawnConnections connections;
  GSpawnExecutable executable;
};

/**
 * GSpawnVariable:
 * @entry: the name, and unless it is to be unset an equals sign and the value
 * @name_length: how much of it is the name
 * @is_set: whether it is to be set
 *
 * A change of the environment.
 */
typedef struct {
  char *entry;
  gsize name_length;
  gboolean is_set;
} GSpawnVariable;

struct _GSpawnLaunch {
  gatomicrefcount ref_count;
  GSpawnSeal seal;
  char **arguments;
  gsize n_arguments;
  GSpawnVariable *variables;
  gsize n_variables;
  GSpawnConnections connections;
};

/**
 * GSpawnPrepared:
 * @request: the request, which borrows from the rest
 * @tmpl: the template, kept until the launch is over
 * @launch: (nullable): what is added to it, likewise
 * @argv: (nullable): the arguments of this launch, where it has any of its own
 * @envp: (nullable): its environment, where it is not the template's or the caller's
 * @source_fds: (nullable): descriptors of the template and of the launch, where both have some
 * @target_fds: (nullable): what they are to become
 */
typedef struct {
  GSpawnRequest request;
  GSpawnTemplate *tmpl;
  GSpawnLaunch *launch;
  const char **argv;
  const char **envp;
  int *source_fds;
  int *target_fds;
} GSpawnPrepared;

/* With @keeps_environment the environment is the caller's of this moment, even if it changes before
 * the program is executed. */
void _gspawn_prepared_init  (GSpawnPrepared     *prepared,
                             GSpawnTemplate     *tmpl,
                             GSpawnLaunch       *launch,
                             const char *const  *arguments,
                             gboolean            keeps_environment);
void _gspawn_prepared_clear (GSpawnPrepared     *prepared);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GSpawnPrepared, _gspawn_prepared_clear)
