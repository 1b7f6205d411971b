/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Requests that found something once, in their minimal form. Every run begins with them, so that
 * what is rare does not depend on the seed. */

#include "differential-corpus.h"

/* Of ours. All have been mended. */
static const char *const defects[] = {
  "function=line-sync line=quote output-pipe=yes",
  "function=line-sync program=no-vector errors-pipe=yes",
  "function=pipes-and-fds leave-open=yes do-not-reap=yes source-1=6 target-1=5000",
  "function=pipes-and-fds do-not-reap=yes directory=root source-1=6 target-1=5000",
  "function=pipes-and-fds do-not-reap=yes source-1=6 target-1=10 room=4",
  "function=async closed=0+1 room=2",
  "function=pipes-and-fds output-pipe=yes closed=0+2 room=2",
  "function=async do-not-reap=yes closed=0+2 room=2",
};

/* Of GLib's, each in another row of the table of differences, or in another part of one. */
static const char *const differences[] = {
  "function=async sigchld=handled",
  "function=async do-not-reap=yes directory=loop sigchld=handled",
  "function=sync program=empty sigchld=handled",
  "function=async do-not-reap=yes search-path=yes named=bare path=denied-first sigchld=handled",
  "function=pipes-and-fds leave-open=yes do-not-reap=yes source-1=-1 target-1=10 sigchld=blocked",
  "function=async leave-open=yes do-not-reap=yes program=missing",
  "function=pipes-and-fds leave-open=yes do-not-reap=yes input-fd=20",
  "function=async leave-open=yes do-not-reap=yes sigpipe=ignored",
  "function=pipes-and-fds leave-open=yes do-not-reap=yes errors-fd=4 source-1=2 target-1=5",
  "function=pipes-and-fds leave-open=yes do-not-reap=yes output-pipe=yes source-1=0 target-1=800 "
  "closed=0+1+2",
  "function=pipes-and-fds leave-open=yes do-not-reap=yes source-1=20 target-1=10",
  "function=pipes-and-fds leave-open=yes do-not-reap=yes source-1=4 target-1=10 source-2=6 "
  "target-2=5000",
  "function=pipes-and-fds leave-open=yes do-not-reap=yes input-pipe=yes source-1=4 target-1=3",
  "function=async leave-open=yes do-not-reap=yes search-path=yes named=bare path=long-first",
  "function=sync leave-open=yes room=0",
  "function=async program=busy",
  "function=pipes-and-fds output-fd=2",
  "function=pipes-and-fds errors-pipe=yes closed=2",
  "function=async closed=0",
  "function=pipes-and-fds output-null=yes errors-pipe=yes closed=0+1",
  "function=async closed=1+2",
  "function=async behaviour=errors closed=1+2",
  "function=fds input-fd=0 closed=0+1",
  "function=fds input-fd=1 closed=0+1+2",
  "function=fds leave-open=yes errors-fd=6 closed=0+2",
  "function=async output-null=yes named=bare closed=0+1+2",
  "function=async room=0",
  "function=async inherit-input=yes room=0",
  "function=async do-not-reap=yes program=missing room=1 inherit-input=yes sigchld=handled",
  "function=pipes-and-fds do-not-reap=yes named=bare input-pipe=yes source-1=5 target-1=10 room=5",
  "function=async do-not-reap=yes closed=0+1+2 room=3",
  "function=async leave-open=yes do-not-reap=yes inherit-input=yes room=0",
  "function=pipes-and-fds output-pipe=yes source-1=5 target-1=10 closed=1+2 room=7",
  "function=pipes-and-fds input-fd=0 source-1=0 target-1=5",
  "function=pipes-and-fds source-1=8 target-1=10",
  "function=pipes-and-fds errors-pipe=yes source-1=8 target-1=10",
  "function=pipes-and-fds output-fd=3 input-pipe=yes",
  "function=pipes-and-fds input-fd=20 source-1=0 target-1=greatest",
  "function=sync sigchld=ignored",
  "function=pipes-and-fds output-null=yes source-1=1 target-1=10 closed=1+2",
  "function=async leave-open=yes do-not-reap=yes program=garbage sigchld=handled",
  "function=pipes-and-fds do-not-reap=yes input-pipe=yes source-1=6 target-1=10 source-2=6 "
  "target-2=10 room=6",
  "function=async setup=look closed=0",
  "function=fds setup=look errors-fd=2",
  "function=async setup=look sigtstp=handled",
};

guint
corpus_count_defects (void)
{
  return G_N_ELEMENTS (defects);
}

guint
corpus_count (void)
{
  return G_N_ELEMENTS (defects) + G_N_ELEMENTS (differences);
}

void
corpus_get (guint    index,
            Request *request)
{
  const char *text = index < G_N_ELEMENTS (defects)
                     ? defects[index] : differences[index - G_N_ELEMENTS (defects)];
  g_autoptr (GError) error = NULL;

  if (!request_parse (request, text, &error))
    g_error ("%s", error->message);
}
