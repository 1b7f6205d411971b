/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>
#include <sys/types.h>

#include "report.h"
#include "trace.h"

/* One call of the subject. launch_init() gives what most calls want; a case changes the rest. */
typedef struct {
  const char *directory;
  char **argv;                  /* owned */
  char **envp;
  GSpawnFlags flags;
  GSpawnChildSetupFunc setup;
  gpointer setup_data;
  gboolean setup_declares;      /* it need not be called: other_needs has what it stands for */
  int streams[3];
  gboolean pipes[3];
  const int *sources;
  const int *targets;
  gsize n_mapped;
  GSpawnNeeds other_needs;      /* needs that launch_start() does not see for itself */
  gboolean before_engine;
  gboolean untraceable;         /* there may be no descriptor to write the trace with */

  GPid pid;                     /* 0 until started */
  int pipe_fds[3];
} Launch;

GSpawnNeeds launch_get_needs (const Launch *launch);

void      launch_init     (Launch       *launch,
                           GSpawnFlags   flags,
                           const char   *program,
                           ...) G_GNUC_NULL_TERMINATED;
void      launch_map      (Launch       *launch,
                           const int    *sources,
                           const int    *targets,
                           gsize         n_mapped);
gboolean  launch_start    (Launch       *launch,
                           GError      **error);
gboolean  launch_sync     (Launch       *launch,
                           char        **output,
                           char        **errors,
                           int          *status,
                           GError      **error);
GKeyFile *launch_report   (Launch       *launch);
int       launch_wait     (Launch       *launch);
char     *launch_read     (Launch       *launch,
                           int           stream);
void      launch_clear    (Launch       *launch);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Launch, launch_clear)

int       wait_for        (pid_t         pid);
char     *read_all        (int           fd);
