/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "bench-ways.h"

G_BEGIN_DECLS

typedef enum {
  BENCH_PAGES_SYSTEM,
  BENCH_PAGES_SMALL,
  BENCH_PAGES_HUGE,
} BenchPages;

/* What makes a worker's surroundings; handed over on its command line. */
typedef struct {
  guint       resident_mib;
  BenchPages  pages;
  guint       descriptors;    /* opened on top of its own, without close-on-exec */
  guint       directories;    /* elements of PATH, the program being in the last; 0: no search */
  guint       variables;      /* of an environment of its own; 0: the caller's */
  guint       busy;           /* microseconds for which the child keeps its processor */
  gboolean    unprivileged;   /* gives up being root, if it is */
  int         cpu;            /* -1: wherever the kernel likes */
  const char *child;          /* absolute path of the child */
} BenchSetting;

/* Both of the same machine and program, so plain structures go through the pipe. */
typedef struct {
  guint32 way;
  guint32 samples;            /* at most */
  guint64 budget;             /* nanoseconds after which no further sample is begun */
  guint32 retouch;            /* write to all of the memory after each child */
  guint32 in_flight;          /* children begun, and not waited for, when one is timed */
} BenchCommand;

typedef struct {
  guint32 samples;
  guint32 peak_growth_kib;    /* growth of the worker's largest address space */
} BenchReply;

typedef struct {
  guint64 nanoseconds;        /* from the call until the caller may go on */
  guint64 cpu_nanoseconds;    /* for which the calling thread was running */
  guint64 faults_during;      /* page faults of the caller in that time */
  guint64 faults_after;       /* and while it wrote to all of its memory afterwards */
} BenchSample;

typedef struct {
  guint64 rss_kib;
  guint64 huge_kib;
  guint64 descriptors;
} BenchHello;

int bench_worker_run (const BenchSetting *setting);

G_END_DECLS
