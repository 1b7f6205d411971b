/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * What the children of the clone engine run. They share their memory with the caller, so the rules
 * of gspawn-child.c hold here, and one more: they end by returning to the entry that called them,
 * never further up, because the stack above is not theirs. */
#include "config.h"

#include "gspawn-clone-private.h"

/* As a shell says it of a command that it could not run. Nobody but a tracer sees it. */
#define EXIT_NOT_EXECUTED 127

int
_gspawn_clone_child_main (void *data)
{
  const GSpawnChild *child = data;

  /* What the caller had not open must not be open here either. */
  if (child->caller_fd >= 0)
    sys_call1 (SYS_close, child->caller_fd);
  _gspawn_child_run (data);

  return EXIT_NOT_EXECUTED;
}

/* The program's process below the one in the middle, whose end wakes the caller. Where all are on
 * one processor we are ahead of the caller in its queue, and it would not come to wait for our exec,
 * nor to learn of it, before the program leaves the processor. So it is let pass. */
int
_gspawn_clone_orphan_main (void *data)
{
  sys_call0 (SYS_sched_yield);

  return _gspawn_clone_child_main (data);
}

/* Makes the program's process and ends at once, so that the program is nobody's child but init's.
 * It does not wait for the exec: the caller does, without a turn on the processor for us. A parent
 * that is in another PID namespace than we are has the number 0. */
int
_gspawn_clone_middle_main (void *data)
{
  GSpawnMiddle *middle = data;
  long result;

  middle->is_foreign = sys_call0 (SYS_getppid) == 0;
  result = _gspawn_clone_enter (&middle->call);
  if (result < 0)
    middle->error_number = (int) -result;

  return 0;
}

int
_gspawn_clone_probe_main (void *data)
{
  int *shared = data;

  *shared = 1;

  return 0;
}
