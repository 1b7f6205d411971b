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
 * SECTION:gspawn-attributes
 * @title: Attributes
 * @short_description: what a child shall be, declared instead of coded
 * @include: gspawn-attributes.h
 *
 * A child setup function costs a copy of the caller's memory, and may do next to nothing in it.
 * Attributes say what such functions are written for: a session or process group, a resource limit,
 * a user, a death signal, a confinement. They go wherever a child setup function goes:
 *
 * |[
 * GSpawnAttributes *attributes = gspawn_attributes_new ();
 *
 * gspawn_attributes_set_new_session (attributes, TRUE);
 * g_spawn_async (NULL, argv, NULL, G_SPAWN_SEARCH_PATH, gspawn_attributes_child_setup, attributes,
 *                NULL, &error);
 * ]|
 *
 * Where gspawn has taken over GLib's functions that does not fork; where it has not, it has the same
 * effect in the child that GLib forks.
 */

/**
 * SECTION:gspawn-template
 * @title: Templates
 * @short_description: a program prepared once, and launched many times from any thread
 * @include: gspawn-template.h
 *
 * A template keeps what the launches of a program have in common: its leading arguments,
 * environment, working directory, descriptors and attributes, and the file that was found for its
 * name. Each launch gives a #GSpawnProcess.
 *
 * |[
 * const char *const argv[] = { "git", NULL };
 * const char *const arguments[] = { "status", "--short", NULL };
 * GSpawnTemplate *git = gspawn_template_new (argv, G_SPAWN_SEARCH_PATH, &error);
 * GSpawnProcess *process = gspawn_template_launch (git, arguments, &error);
 * ]|
 *
 * gspawn_template_launch() returns when the program has been executed. gspawn_template_begin() does
 * not wait for that.
 */

/**
 * SECTION:gspawn-launch
 * @title: Launches
 * @short_description: what one launch has of its own, over its template
 * @include: gspawn-launch.h
 *
 * Further arguments, changes of the environment, standard streams and descriptors of a launch. They
 * have the last word: what they say of a stream, a variable or a descriptor counts, and all else is
 * the template's.
 */

/**
 * SECTION:gspawn-process
 * @title: Processes
 * @short_description: what a template has launched: its signals, its pipes and its end
 * @include: gspawn-process.h
 *
 * A process can be waited for and be sent signals from any thread. A signal never reaches another
 * that has got its number since, and a status is never made up: if somebody else has waited for the
 * process, that is an error.
 *
 * To be told of the end in a main loop, poll gspawn_process_get_pidfd(), where there is one, and
 * call gspawn_process_wait() when it is readable. A process that nobody refers to any more goes on,
 * and leaves no zombie.
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
