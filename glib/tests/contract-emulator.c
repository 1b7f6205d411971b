/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* What qemu-user keeps cases of the contract from. Each of these must fail there: one that passes
 * has to go. */

#include "contract.h"

#define FOREIGN_PROGRAM "the program is one of this build, which the kernel does not know"
#define KEPT_SIGNALS "qemu-user keeps SIGBUS, SIGSEGV and some real-time signals for itself"

const CaseLimit contract_emulator_limits[] = {
  { "3-inside-glib", FOREIGN_PROGRAM },
  { "14-ignored", KEPT_SIGNALS },
  { "14-mask", KEPT_SIGNALS },
  { "24-bad-linker", FOREIGN_PROGRAM },
  { "24-short-linker", FOREIGN_PROGRAM },
  { "24-missing-linker", FOREIGN_PROGRAM },
  { "24-no-second-process", "qemu-user makes a thread of its own in each process, and may not" },
  { "28-reaped-to-subreaper", "qemu-user refuses PR_SET_CHILD_SUBREAPER" },
  { .name = NULL }
};
