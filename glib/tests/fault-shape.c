/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * The requests that faults are let loose on: together they make every system call that an engine
 * can make. A need or a public function that is new has to have a row here. */
#include "fault-shape.h"

#include <errno.h>

#define WAITED G_SPAWN_DO_NOT_REAP_CHILD
#define SEARCH (WAITED | G_SPAWN_SEARCH_PATH)

#define CLONE (1u << GSPAWN_ENGINE_CLONE)
#define POSIX_SPAWN (1u << GSPAWN_ENGINE_POSIX_SPAWN)

/* They cannot be traced for real, for they are already. */
#define TRACED_BY_US { { USE_PTRACE, FAULT_RULE_SUCCEEDS } }

#define NO_CLONE3 { { USE_CLONE3, ENOSYS } }
#define NO_CLOSE_RANGE { { USE_CLOSE_RANGE_CLOEXEC, ENOSYS }, { USE_CLOSE_RANGE, ENOSYS } }
#define NO_PROC \
  { { USE_CLOSE_RANGE_CLOEXEC, EPERM }, { USE_OPEN_LISTED, ENOENT } }

/* Swaps, a chain, an identity, and a target at the number that an internal pipe would take. */
#define MAP \
  .sources = { 10, 11, 12, 13, 14 }, .targets = { 11, 10, 13, 4, 14 }, .n_mapped = 5

const FaultShape fault_shapes[] = {
  { .name = "plain", .summary = "nothing is asked for: it is nobody's child",
    .flags = G_SPAWN_DEFAULT },
  { .name = "waited", .summary = "the caller's child",
    .flags = WAITED },
  { .name = "first", .summary = "the first of its process, which tries the engines",
    .flags = G_SPAWN_DEFAULT, .cold = TRUE },
  { .name = "first-waited", .summary = "the same, for the caller's child",
    .flags = WAITED, .cold = TRUE },
  { .name = "directory", .summary = "in a directory",
    .flags = WAITED, .directory = "cwd" },
  { .name = "directory-reaped", .summary = "the same, nobody's child",
    .flags = G_SPAWN_DEFAULT, .directory = "cwd" },
  { .name = "pipes", .summary = "a pipe to each stream",
    .flags = WAITED, .pipes = { TRUE, TRUE, TRUE } },
  { .name = "pipes-reaped", .summary = "a pipe to the output, nobody's child",
    .flags = G_SPAWN_CLOEXEC_PIPES, .pipes = { FALSE, TRUE, FALSE } },
  { .name = "pipes-closed-streams", .summary = "pipes, where the caller has 0, 1 and 2 closed",
    .flags = WAITED, .pipes = { TRUE, TRUE, TRUE },
    .closed_streams = TRUE },
  { .name = "streams", .summary = "descriptors of the caller's, errors merged into the output",
    .flags = WAITED, .streams = { 10 + 1, 11 + 1, 1 + 1 } },
  { .name = "streams-open", .summary = "the same, and other descriptors stay open",
    .flags = WAITED | G_SPAWN_LEAVE_DESCRIPTORS_OPEN,
    .streams = { 10 + 1, 11 + 1, 12 + 1 } },
  { .name = "null", .summary = "all streams are `/dev/null`",
    .flags = WAITED | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL },
  { .name = "null-closed-streams", .summary = "the same, where the caller has 0, 1 and 2 closed",
    .flags = WAITED | G_SPAWN_STDOUT_TO_DEV_NULL,
    .closed_streams = TRUE },
  { .name = "map", .summary = "a map of descriptors: a swap, a chain, an identity",
    .flags = WAITED, MAP },
  { .name = "directory-map", .summary = "the same, in a directory",
    .flags = WAITED, .directory = "cwd", MAP },
  { .name = "map-reaped", .summary = "the same, nobody's child",
    .flags = G_SPAWN_DEFAULT, MAP },
  { .name = "sparse", .summary = "a map to a target far above",
    .flags = WAITED, .sources = { 10 }, .targets = { 290 }, .n_mapped = 1,
    .needs = GSPAWN_NEED_SPARSE_CLOSE },
  { .name = "search", .summary = "a search, with a relative element, in a directory",
    .flags = SEARCH, .program = PROGRAM_SEARCHED, .directory = "cwd",
    .path = "@none:bin:@bin" },
  { .name = "search-reaped", .summary = "a search, nobody's child",
    .flags = G_SPAWN_SEARCH_PATH, .program = PROGRAM_SEARCHED,
    .path = "@none:@bin:@other" },
  { .name = "search-script", .summary = "a search that finds a script without an interpreter line",
    .flags = SEARCH, .program = PROGRAM_SEARCHED,
    .path = "@none:@script:@bin" },
  { .name = "script", .summary = "such a script by its path",
    .flags = WAITED, .program = PROGRAM_SCRIPT },
  { .name = "sync", .summary = "`g_spawn_sync()` with output",
    .flags = G_SPAWN_DEFAULT, .sync = TRUE },
  { .name = "setup", .summary = "a child setup function",
    .flags = WAITED, .setup = TRUE, .needs = GSPAWN_NEED_CHILD_SETUP },
  { .name = "setup-reaped", .summary = "the same, nobody's child",
    .flags = G_SPAWN_DEFAULT, .setup = TRUE,
    .needs = GSPAWN_NEED_CHILD_SETUP },
  { .name = "attributes", .summary = "every attribute that goes with others",
    .flags = WAITED, .streams = { FAULT_TERMINAL_FD + 1, 0, 0 },
    .attributes = FAULT_ATTRIBUTES_MOST, .needs = GSPAWN_NEED_ATTRIBUTES,
    .brief = TRUE },
  { .name = "attributes-optional", .summary = "the same, and the child can do without each",
    .flags = WAITED, .streams = { FAULT_TERMINAL_FD + 1, 0, 0 },
    .attributes = FAULT_ATTRIBUTES_MOST, .optional = TRUE, .needs = GSPAWN_NEED_ATTRIBUTES },
  { .name = "attributes-reaped", .summary = "some of them, for nobody's child",
    .flags = G_SPAWN_DEFAULT, .attributes = FAULT_ATTRIBUTES_ORPHAN,
    .needs = GSPAWN_NEED_ATTRIBUTES,
    .brief = TRUE },
  { .name = "group", .summary = "in a process group and with signals of its own",
    .flags = WAITED, .attributes = FAULT_ATTRIBUTES_GROUP,
    .needs = GSPAWN_NEED_PROCESS_GROUP | GSPAWN_NEED_SIGNALS },
  { .name = "group-joined", .summary = "in the caller's process group, as an attribute",
    .flags = WAITED, .attributes = FAULT_ATTRIBUTES_JOINED, .needs = GSPAWN_NEED_ATTRIBUTES,
    .brief = TRUE },
  { .name = "group-optional", .summary = "the same, and it can do without",
    .flags = WAITED, .attributes = FAULT_ATTRIBUTES_JOINED, .optional = TRUE,
    .needs = GSPAWN_NEED_ATTRIBUTES,
    .brief = TRUE },
  { .name = "session", .summary = "leading a session",
    .flags = WAITED, .attributes = FAULT_ATTRIBUTES_SESSION, .needs = GSPAWN_NEED_SESSION,
    .brief = TRUE },
  { .name = "cgroup", .summary = "in a control group that it can be born in",
    .flags = WAITED, .attributes = FAULT_ATTRIBUTES_CGROUP, .needs = GSPAWN_NEED_ATTRIBUTES,
    .brief = TRUE },
  { .name = "trace-me", .summary = "traced by the caller",
    .flags = WAITED, .attributes = FAULT_ATTRIBUTES_TRACED, .rules = TRACED_BY_US,
    .needs = GSPAWN_NEED_ATTRIBUTES,
    .brief = TRUE },
  { .name = "trace-me-optional", .summary = "the same, and it can do without",
    .flags = WAITED, .attributes = FAULT_ATTRIBUTES_TRACED, .optional = TRUE,
    .rules = TRACED_BY_US, .needs = GSPAWN_NEED_ATTRIBUTES,
    .brief = TRUE },
  { .name = "template", .summary = "by a template",
    .way = WAY_TEMPLATE, .flags = WAITED,
    .brief = TRUE },
  { .name = "template-search", .summary = "by a template: a search, in a directory, with pipes",
    .way = WAY_TEMPLATE, .flags = SEARCH, .program = PROGRAM_SEARCHED, .directory = "cwd",
    .path = "@none:@bin:@other", .pipes = { TRUE, TRUE, FALSE } },
  { .name = "begin", .summary = "begun by a template, where nobody waits",
    .way = WAY_BEGIN, .flags = WAITED, .only = CLONE },
  { .name = "begin-search", .summary = "the same: a search, in a directory, with pipes, a map and "
    "attributes",
    .way = WAY_BEGIN, .flags = SEARCH, .program = PROGRAM_SEARCHED, .directory = "cwd",
    .path = "@none:@bin:@other", .pipes = { TRUE, TRUE, FALSE }, MAP,
    .attributes = FAULT_ATTRIBUTES_FLIGHT, .only = CLONE },
  { .name = "begin-missing", .summary = "the same, of a program that is not there",
    .way = WAY_BEGIN, .flags = WAITED, .program = PROGRAM_MISSING, .only = CLONE,
    .brief = TRUE },
  { .name = "missing", .summary = "a program that is not there",
    .flags = WAITED, .program = PROGRAM_MISSING },
  { .name = "missing-reaped", .summary = "the same, nobody's child",
    .flags = G_SPAWN_DEFAULT, .program = PROGRAM_MISSING },
  { .name = "missing-subreaper", .summary = "the same, by a caller whom orphans are given to",
    .flags = G_SPAWN_DEFAULT, .program = PROGRAM_MISSING,
    .subreaper = TRUE },
  { .name = "traced", .summary = "with a trace",
    .flags = WAITED, .traced = TRUE },
  { .name = "no-clone3", .summary = "where `clone3()` is refused since the probe",
    .flags = G_SPAWN_DEFAULT, .rules = NO_CLONE3,
    .only = CLONE },
  { .name = "no-clone3-waited", .summary = "the same, for the caller's child",
    .flags = WAITED, .rules = NO_CLONE3,
    .only = CLONE | POSIX_SPAWN },
  { .name = "no-clone3-first", .summary = "where `clone3()` is refused from the start",
    .flags = WAITED, .cold = TRUE,
    .rules = { { USE_CLONE3, ENOSYS }, { USE_CLONE3_INVALID, ENOSYS } },
    .only = CLONE | POSIX_SPAWN },
  { .name = "no-close-range", .summary = "where `close_range()` is not known",
    .flags = WAITED, .rules = NO_CLOSE_RANGE },
  { .name = "no-close-range-first", .summary = "where `close_range()` is refused when it is tried",
    .flags = WAITED, .cold = TRUE,
    .rules = { { USE_CLOSE_RANGE_PROBE, EPERM } },
    .only = POSIX_SPAWN },
  { .name = "no-proc", .summary = "where `close_range()` is refused and there is no `/proc`",
    .flags = WAITED, .n_files = 40, .rules = NO_PROC,
    .needs = GSPAWN_NEED_SPARSE_CLOSE },
  { .name = "no-stacks", .summary = "where no stacks can be mapped",
    .flags = WAITED, .cold = TRUE, .rules = { { USE_MMAP_SLOT, ENOMEM } },
    .only = CLONE },
  { .name = "no-wake", .summary = "where the kernel's wake gets lost",
    .flags = G_SPAWN_DEFAULT, .rules = { { USE_FUTEX, ETIMEDOUT } },
    .only = CLONE },
  { 0 },
};

gboolean
fault_shape_reaps (const FaultShape *shape)
{
  return !shape->sync && shape->way == WAY_FUNCTION &&
         (shape->flags & G_SPAWN_DO_NOT_REAP_CHILD) == 0;
}

/* Whether a process makes the program's that is not the caller. */
gboolean
fault_shape_has_middle (const FaultShape *shape)
{
  return fault_shape_reaps (shape) || shape->way == WAY_BEGIN;
}

GSpawnNeeds
fault_shape_needs (const FaultShape *shape)
{
  return shape->needs | (fault_shape_reaps (shape) ? GSPAWN_NEED_REAP : 0);
}
