/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* What the reference manual says about its sections. Compiled for one purpose: where the prototypes
 * in g-spawn.h differ from GLib's own, this file does not compile. */
#define GLIB_DISABLE_DEPRECATION_WARNINGS
#include "g-spawn.h"

/**
 * SECTION:g-spawn
 * @title: Spawning
 * @short_description: GLib's functions, as the drop-in provides them
 * @include: glib.h
 *
 * These are the functions that a program calls after including `glib.h`. They have the signatures,
 * the preconditions and the errors of GLib's own; `docs/differences.md` lists where they behave
 * otherwise. A program gets these instead of GLib's when it is run with `gspawn run`, or linked
 * with `gspawn-dropin-1.0`.
 *
 * None of them copies the caller's memory, except in a request with a child setup function, or on
 * a machine where nothing but fork() works: see gspawn_engine_is_available().
 */

/**
 * SECTION:gspawn-engines
 * @title: Engines
 * @short_description: the ways in which a process can be made, and what each of them can do
 * @include: gspawn-engines.h
 *
 * A request goes to the first engine, in the order of #GSpawnEngine, that is available here and
 * has all the capabilities that the request needs. These functions tell what is available and
 * which needs each engine meets, from the table that the choice itself is made with.
 */
