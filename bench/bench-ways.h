/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <gio/gio.h>

#include "gspawn-gio.h"
#include "gspawn-template.h"

G_BEGIN_DECLS

/* The limit that attributes and the callback set. */
#define BENCH_CHILD_DESCRIPTORS 1024

/* What every way is asked for: built once, outside of what is timed. */
typedef struct {
  char            **argv;        /* argv[0] is a path, or a bare name where search is set */
  char            **candidates;  /* absolute paths to try in turn: argv[0] after the search */
  gboolean          search;
  char            **envp;        /* NULL: the caller's */
  const char       *working_directory;
  GSpawnAttributes *attributes;  /* what child_set_up() does, declared */
  GSpawnAttributes *group_attributes;  /* the same without a session */
} BenchRequest;

typedef struct {
  GPid              pid;
  int               pipes[3];
  GSubprocess      *subprocess;
  GSpawnProcess    *process;
  GSpawnPending    *pending;
  GSpawnGioProcess *gio_process;
} BenchChild;

/* Surroundings of a way: a process of its own, so that ways do not disturb each other. */
typedef enum {
  BENCH_HOST_PLAIN,
  BENCH_HOST_CLONE,
  BENCH_HOST_POSIX_SPAWN,
  BENCH_HOST_FORK,
  BENCH_HOST_PLAIN_GIO,
  BENCH_HOST_CLONE_GIO,
  BENCH_HOST_PRIVILEGED,
  BENCH_HOST_UNPRIVILEGED,
} BenchHost;

#define BENCH_N_HOSTS 8

typedef enum {
  BENCH_WAY_CONTROL,
  BENCH_WAY_VFORK,
  BENCH_WAY_VFORK_ACTIONS,
  BENCH_WAY_VFORK_ATTRIBUTES,
  BENCH_WAY_FORK,
  BENCH_WAY_POSIX_SPAWN,
  BENCH_WAY_GLIB,
  BENCH_WAY_GLIB_REAPED,
  BENCH_WAY_GLIB_SUBPROCESS,
  BENCH_WAY_GLIB_CALLBACK,
  BENCH_WAY_OURS_CLONE,
  BENCH_WAY_OURS_CLONE_CLOSING,
  BENCH_WAY_OURS_POSIX_SPAWN,
  BENCH_WAY_OURS_FORK,
  BENCH_WAY_OURS_REAPED,
  BENCH_WAY_OURS_SUBPROCESS,
  BENCH_WAY_OURS_ATTRIBUTES,
  BENCH_WAY_OURS_GROUP_ATTRIBUTES,
  BENCH_WAY_OURS_PIPES,
  BENCH_WAY_TEMPLATE,
  BENCH_WAY_BEGIN_ASYNCHRONOUS,
  BENCH_WAY_BEGIN_WORKER,
  BENCH_WAY_GIO_ASYNCHRONOUS,
} BenchWayId;

#define BENCH_N_WAYS 23

typedef struct {
  const char *name;         /* on the command line and in JSON */
  const char *title;        /* in tables */
  BenchHost   host;
  gboolean    (*launch)     (const BenchRequest *request,
                             BenchChild         *child);
  gboolean    (*finish)     (BenchChild         *child);
} BenchWay;

extern const BenchWay bench_ways[BENCH_N_WAYS];

gboolean    bench_way_find        (const char *name,
                                   BenchWayId *way);

/* NULL for the hosts in which the drop-in is not loaded. */
const char *bench_host_get_engine (BenchHost   host);

G_END_DECLS
