/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <sys/types.h>

/* Takes a child over that nobody will wait for, and its descriptor if it has one. */
void _gspawn_keeper_take (pid_t pid,
                          int   pidfd);
