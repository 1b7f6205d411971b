/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

/* When a rule applies, beside the number of the system call. */
typedef enum {
  SECCOMP_ALWAYS,
  SECCOMP_ANY_BIT,      /* the argument has one of the bits of mask */
  SECCOMP_EQUAL,        /* the argument's bits of mask are value */
} SeccompCondition;

/* What becomes of the system calls from first to last. */
typedef struct {
  unsigned int first;
  unsigned int last;
  guint32 action;
  SeccompCondition condition;
  unsigned int argument;        /* the lower half of it */
  guint32 mask;
  guint32 value;
} SeccompRule;

#define SECCOMP_FAIL(error_number) (SECCOMP_RET_ERRNO | (error_number))

#define SECCOMP_ALL(number, action) { (number), (number), (action), SECCOMP_ALWAYS, 0, 0, 0 }
#define SECCOMP_ABOVE(number, action) { (number) + 1, G_MAXUINT, (action), SECCOMP_ALWAYS, 0, 0, 0 }
#define SECCOMP_IF_ANY(number, argument, mask, action) \
  { (number), (number), (action), SECCOMP_ANY_BIT, (argument), (mask), 0 }
#define SECCOMP_IF_EQUAL(number, argument, mask, value, action) \
  { (number), (number), (action), SECCOMP_EQUAL, (argument), (mask), (value) }
/* No rule ends a thread alone. */
#define SECCOMP_END { 0, 0, SECCOMP_RET_KILL_THREAD, SECCOMP_ALWAYS, 0, 0, 0 }

/* Filters that programs of today are run under, as far as making and running programs goes. */
extern const SeccompRule seccomp_docker[];
extern const SeccompRule seccomp_old_docker[];
extern const SeccompRule seccomp_flatpak[];
extern const SeccompRule seccomp_service[];

void seccomp_enter  (const SeccompRule *rules);
void seccomp_forbid (unsigned int       number,
                     unsigned int       error_number);
