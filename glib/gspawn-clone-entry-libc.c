/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * The entry into a child by libc's clone(), for machines without an entry of ours. libc knows
 * neither clone3() nor a way not to set errno, so it serves the children that are waited for. */
#include "config.h"

#include "gspawn-clone-private.h"

#include <errno.h>
#include <sched.h>

long
_gspawn_clone_enter (const GSpawnCloneCall *call)
{
  const struct clone_args *args = &call->clone_args;
  char *stack = (char *) (gsize) args->stack;
  int pid = clone (call->function, stack + args->stack_size, (int) call->arguments[0], call->data,
                   (void *) call->arguments[2], NULL, (void *) (gsize) args->child_tid);

  return pid < 0 ? -errno : pid;
}
