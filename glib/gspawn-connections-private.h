/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "gspawn-request-private.h"
#include "gspawn-template.h"

/* What a standard stream of the child is connected to, in addition to what callers can name. */
typedef enum {
  GSPAWN_CONNECTION_UNSET = -2,         /* nobody has said anything */
  GSPAWN_CONNECTION_FD = -1,
  /* From 0 on as GSpawnStreamKind. */
} GSpawnConnectionKind;

typedef struct {
  int kind;
  int fd;
} GSpawnConnection;

/**
 * GSpawnConnections:
 * @streams: per standard stream
 * @source_fds: descriptors of ours, close-on-exec
 * @target_fds: what they become, each of them once
 *
 * Standard streams and a map of descriptors, as a template or a launch holds them.
 */
typedef struct {
  GSpawnConnection streams[GSPAWN_N_STREAMS];
  int *source_fds;
  int *target_fds;
  gsize n_fds;
} GSpawnConnections;

void     _gspawn_connections_init          (GSpawnConnections  *connections);
void     _gspawn_connections_clear         (GSpawnConnections  *connections);

gboolean _gspawn_connections_set_stream    (GSpawnConnections  *connections,
                                            GSpawnStream        stream,
                                            GSpawnStreamKind    kind,
                                            GError            **error);
gboolean _gspawn_connections_set_stream_fd (GSpawnConnections  *connections,
                                            GSpawnStream        stream,
                                            int                 fd,
                                            GError            **error);
gboolean _gspawn_connections_set_fd        (GSpawnConnections  *connections,
                                            int                 source_fd,
                                            int                 target_fd,
                                            GError            **error);

gboolean _gspawn_connections_have_target   (const GSpawnConnections *connections,
                                            int                      target_fd);
void     _gspawn_connections_apply         (const GSpawnConnections *connections,
                                            GSpawnFlags              default_flags,
                                            GSpawnRequest           *request);
