/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Finds in a request that fails the part that makes it fail. It knows nothing of what it means to
 * fail. */

#include "differential-minimise.h"

#include <string.h>

static gboolean
try_instead (Request       *request,
             const Request *simpler,
             MinimiseFunc   still_fails,
             gpointer       data)
{
  Request normalized = *simpler;

  request_normalize (&normalized);
  if (memcmp (&normalized, request, sizeof normalized) == 0 || !still_fails (&normalized, data))
    return FALSE;

  *request = normalized;
  return TRUE;
}

/* An entry of the map less, and those after it one earlier. */
static gboolean
drop_entry (Request      *request,
            guint         entry,
            MinimiseFunc  still_fails,
            gpointer      data)
{
  Request simpler = *request;
  guint8 *first = &simpler.choices[ASPECT_SOURCE_1];

  memmove (first + 2 * entry, first + 2 * entry + 2, 2 * (MAP_ENTRIES - 1 - entry));
  memset (first + 2 * (MAP_ENTRIES - 1), 0, 2);

  return try_instead (request, &simpler, still_fails, data);
}

static gboolean
drop_aspect (Request      *request,
             Aspect        aspect,
             MinimiseFunc  still_fails,
             gpointer      data)
{
  Request simpler = *request;

  if (request->choices[aspect] == 0)
    return FALSE;
  simpler.choices[aspect] = 0;

  return try_instead (request, &simpler, still_fails, data);
}

/*
 * minimise: (skip)
 * @request: (inout): a request that fails
 * @still_fails: whether another one fails, too
 * @data: its argument
 *
 * Makes the request simpler, a step at a time, as long as it goes on to fail.
 */
void
minimise (Request      *request,
          MinimiseFunc  still_fails,
          gpointer      data)
{
  gboolean changed;

  do
    {
      changed = FALSE;
      for (guint entry = 0; entry < MAP_ENTRIES; entry++)
        changed |= drop_entry (request, entry, still_fails, data);
      for (Aspect aspect = 0; aspect < N_ASPECTS; aspect++)
        changed |= drop_aspect (request, aspect, still_fails, data);
    }
  while (changed);
}
