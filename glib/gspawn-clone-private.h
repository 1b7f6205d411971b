/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * How the clone engine enters a child on a stack of its own. */
#pragma once

#include <linux/sched.h>

#include "gspawn-child-private.h"

/* What clone is to these machines and sandboxes. */
typedef enum {
  GSPAWN_CLONE_UNPROBED,
  GSPAWN_CLONE_UNAVAILABLE,
  GSPAWN_CLONE_LEGACY,
  GSPAWN_CLONE_CLONE3,
} GSpawnCloneKind;

/**
 * GSpawnCloneSlot:
 * @base: the mapping that the stacks are in: guard, stack, guard, stack
 * @size: its size
 * @stacks: the lowest address of each
 * @stack_size: the size of each
 * @alive: not zero from the making of the program's process until it has left our memory
 *
 * The stacks of one launch at a time, kept for the next. To fault a new one in costs as much as half
 * the rest of a launch.
 */
typedef struct {
  char *base;
  gsize size;
  char *stacks[2];
  gsize stack_size;
  int alive;
} GSpawnCloneSlot;

/**
 * GSpawnCloneCall:
 * @number: the system call, clone3() or clone()
 * @arguments: its arguments, in the order of this architecture
 * @function: what the child runs; the child ends with its result as exit status
 * @data: its argument
 * @clone_args: the arguments of clone3(), and where the others are taken from
 *
 * The layout of the first four is known to the entries in assembly.
 */
typedef struct {
  long number;
  unsigned long arguments[5];
  int (*function) (void *data);
  void *data;
  struct clone_args clone_args;
} GSpawnCloneCall;

/**
 * GSpawnMiddle:
 * @call: how to make the program's process
 * @pid: where the kernel puts its pid
 * @error_number: why there is none
 * @is_foreign: whether it is in another PID namespace than the caller, and so is @pid
 *
 * What the process between the caller and a child that is not the caller's needs.
 */
typedef struct {
  GSpawnCloneCall call;
  int pid;
  int error_number;
  gboolean is_foreign;
} GSpawnMiddle;

/* Written in assembly, or over libc's clone(): the pid in the parent, or −errno. */
long _gspawn_clone_enter (const GSpawnCloneCall *call);

int _gspawn_clone_child_main  (void *data);
int _gspawn_clone_orphan_main (void *data);
int _gspawn_clone_middle_main (void *data);
int _gspawn_clone_probe_main  (void *data);

GSpawnCloneSlot *_gspawn_clone_slot_new            (void);
GSpawnCloneSlot *_gspawn_clone_slot_get            (void);

void             _gspawn_clone_call_init           (GSpawnCloneCall       *call,
                                                    GSpawnCloneKind        kind,
                                                    const GSpawnCloneSlot *slot,
                                                    int                    stack);
void             _gspawn_clone_wait_until_released (GSpawnCloneSlot       *slot,
                                                    pid_t                  pid);
gboolean         _gspawn_clone_died_before_exec    (pid_t                  pid);

/* What is known by now; nothing is tried. */
GSpawnCloneKind  _gspawn_clone_get_kind            (void);

gboolean         _gspawn_clone_dump_kills_caller   (void);
