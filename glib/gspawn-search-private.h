/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * How the search for a program goes on after a candidate that could not be executed: one rule for
 * the child and for the engine that searches in the parent. */
#pragma once

#include <errno.h>
#include <stdbool.h>

/* Whether the next candidate is tried. What is not a matter of this one file ends the search. */
static inline bool
gspawn_search_goes_on (int error_number)
{
  switch (error_number)
    {
    case EACCES:
    case ENOENT:
    case ENOTDIR:
    case ESTALE:
    case ENODEV:
    case ETIMEDOUT:
      return true;
    default:
      return false;
    }
}
