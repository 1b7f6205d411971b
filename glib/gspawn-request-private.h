/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * What a public function was asked for, in one struct, and the entry points of the core that take
 * it. This is all that gspawn.c knows of the core. */
#pragma once

#include <glib.h>
#include <signal.h>

#include "gspawn-attributes.h"
#include "gspawn-engines.h"

#define GSPAWN_N_STREAMS 3

/* Exported for the drop-in, under a version of its own that promises nothing to others. */
#define GSPAWN_AVAILABLE_TO_DROPIN __attribute__ ((visibility ("default"))) extern

/**
 * GSpawnMade:
 * @pid: the child's number; 0 before it is born, or when it is waited for; −1 for the moment in which
 *   somebody kills it
 * @unwanted: whether it shall not execute the program, which one that was not yet born is to see
 *
 * A child in the making, so that it can be killed by another thread and not another process in its
 * place.
 */
typedef struct {
  int pid;
  int unwanted;
} GSpawnMade;

/**
 * GSpawnRequest:
 * @function: name of the public function that was called
 * @working_directory: (nullable): where the program starts
 * @argv: vector of GLib's functions: with `G_SPAWN_FILE_AND_ARGV_ZERO` the file comes first
 * @envp: (nullable): environment, or %NULL for that of the caller at the moment of exec
 * @stream_fds: explicit descriptor per standard stream, negative if there is none
 * @stream_pipes: per standard stream, whether the caller wants a pipe to it
 * @source_fds: descriptors of the caller for @target_fds
 * @attributes: (nullable): what the child shall be, in place of a child setup function
 * @candidates: (nullable): files to execute, the first that can be, if they are known already
 * @wants_pidfd: whether the caller wants a descriptor of the child, which it waits for itself
 * @made: (nullable): where the child's number is to be found from its birth on, to kill it before the
 *   launch is over; an engine that does not know it so early sets nothing
 * @signal_mask: (nullable): signals to be blocked in the program, or %NULL for those that are in the
 *   calling thread
 *
 * Everything is borrowed for the length of the call.
 */
typedef struct {
  const char *function;
  const char *working_directory;
  const char *const *argv;
  const char *const *envp;
  GSpawnFlags flags;
  GSpawnChildSetupFunc child_setup;
  gpointer user_data;
  int stream_fds[GSPAWN_N_STREAMS];
  gboolean stream_pipes[GSPAWN_N_STREAMS];
  const int *source_fds;
  const int *target_fds;
  gsize n_fds;
  const GSpawnAttributes *attributes;
  const char *const *candidates;
  gboolean wants_pidfd;
  GSpawnMade *made;
  const sigset_t *signal_mask;
} GSpawnRequest;

/**
 * GSpawnChildInfo:
 * @pid: the child; owned by the caller only if it asked not to have it reaped
 * @pidfd: a descriptor of it, or −1 if none was asked for or the kernel has none
 * @engine: who has made it
 * @pipes: the caller's end per standard stream, −1 where no pipe was asked for
 */
typedef struct {
  GPid pid;
  int pidfd;
  GSpawnEngine engine;
  int pipes[GSPAWN_N_STREAMS];
} GSpawnChildInfo;

GSPAWN_AVAILABLE_TO_DROPIN
gboolean _gspawn_launch (const GSpawnRequest  *request,
                         GSpawnChildInfo      *info,
                         GError              **error);

GSPAWN_AVAILABLE_TO_DROPIN
gboolean _gspawn_sync (const GSpawnRequest  *request,
                       char                **standard_output,
                       char                **standard_error,
                       int                  *wait_status,
                       GError              **error);

GSPAWN_AVAILABLE_TO_DROPIN
gboolean _gspawn_check_wait_status (int      wait_status,
                                    GError **error);
