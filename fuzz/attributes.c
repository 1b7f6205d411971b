/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Fuzzes attributes: their setters, by fuzz-attributes.c, and on request what becomes of them in a
 * child, where gspawn_attributes_child_setup() is called as under plain GLib. The child then looks
 * at itself. */

#include "fuzz-attributes.h"

#include <errno.h>
#include <linux/ioprio.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* As a shell says it. */
#define EXIT_NOT_EXECUTED 127

/* What a child finds itself to be. */
typedef struct {
  pid_t pid;
  pid_t session;
  pid_t group;
  guint umask;
  guint64 ignored_signals;
  guint64 handled_signals;
  guint64 signal_mask;
  int nice;
  int policy;
  int priority;
  int io_priority;
  int death_signal;
  int no_new_privileges;
  guint personality;
  int oom_score;
  struct rlimit limits[RLIM_NLIMITS];
  gboolean has_pid_variable;
  gboolean complete;
} Findings;

static Findings *findings;

/* What would stop the child, or be the end of it before it has looked, or takes very long. */
static void
make_harmless (GSpawnAttributes *attributes,
               AttributesModel  *model)
{
  static const GSpawnAttribute harmful[] = {
    GSPAWN_ATTRIBUTE_TRACE_ME,
    GSPAWN_ATTRIBUTE_SECCOMP_FILTER,
    GSPAWN_ATTRIBUTE_NAMESPACES,
  };
  static const int tight[] = { RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK, RLIMIT_CPU };
  gboolean is_tight = FALSE;

  for (gsize i = 0; i < G_N_ELEMENTS (harmful); i++)
    {
      gspawn_attributes_unset (attributes, harmful[i]);
      model->set[harmful[i]] = FALSE;
    }
  for (gsize i = 0; i < G_N_ELEMENTS (tight); i++)
    is_tight |= model->limited[tight[i]];
  if (is_tight)
    {
      gspawn_attributes_unset (attributes, GSPAWN_ATTRIBUTE_LIMITS);
      model->set[GSPAWN_ATTRIBUTE_LIMITS] = FALSE;
      memset (model->limited, 0, sizeof model->limited);
    }
}

static gboolean
child_has_variable (const char *name)
{
  char expected[64];
  guint n = 0;
  gboolean found = FALSE;

  snprintf (expected, sizeof expected, "%s=%d", name, (int) getpid ());
  for (char **entry = environ; entry != NULL && *entry != NULL; entry++)
    if (strncmp (*entry, expected, strlen (name) + 1) == 0)
      {
        n++;
        found = strcmp (*entry, expected) == 0;
      }

  return n == 1 && found;
}

static void
child_look_at_signals (void)
{
  sigset_t mask;

  sigprocmask (SIG_BLOCK, NULL, &mask);
  for (int number = 1; number <= FUZZ_N_SIGNALS; number++)
    {
      guint64 bit = G_GUINT64_CONSTANT (1) << (number - 1);
      struct { gsize handler; gsize rest[8]; } action = { 0 };

      /* libc keeps two to itself. */
      if (syscall (SYS_rt_sigaction, number, NULL, &action, (gsize) 8) == 0)
        {
          findings->ignored_signals |= action.handler == (gsize) SIG_IGN ? bit : 0;
          findings->handled_signals |= action.handler > (gsize) SIG_IGN ? bit : 0;
        }
      findings->signal_mask |= sigismember (&mask, number) == 1 ? bit : 0;
    }
}

static void
child_look (const AttributesModel *model)
{
  struct sched_param parameters = { 0 };
  FILE *score;

  findings->pid = getpid ();
  findings->session = getsid (0);
  findings->group = getpgrp ();
  findings->umask = umask (0);
  child_look_at_signals ();
  findings->nice = getpriority (PRIO_PROCESS, 0);
  findings->policy = sched_getscheduler (0);
  sched_getparam (0, &parameters);
  findings->priority = parameters.sched_priority;
  findings->io_priority = (int) syscall (SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0);
  prctl (PR_GET_PDEATHSIG, &findings->death_signal);
  findings->no_new_privileges = prctl (PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
  findings->personality = (guint) personality (G_MAXUINT32);
  for (int i = 0; i < (int) RLIM_NLIMITS; i++)
    getrlimit (i, &findings->limits[i]);
  findings->has_pid_variable = child_has_variable (model->pid_variable);

  score = fopen ("/proc/self/oom_score_adj", "re");
  findings->oom_score = G_MAXINT;
  if (score != NULL && fscanf (score, "%d", &findings->oom_score) != 1)
    findings->oom_score = G_MAXINT;
  findings->complete = TRUE;
}

static int
run_child (GSpawnAttributes      *attributes,
           const AttributesModel *model)
{
  int status;
  pid_t pid;

  if (findings == NULL)
    findings = mmap (NULL, sizeof *findings, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                     -1, 0);
  g_assert_true (findings != MAP_FAILED);
  memset (findings, 0, sizeof *findings);

  pid = fork ();
  g_assert_cmpint (pid, >=, 0);
  if (pid == 0)
    {
      gspawn_attributes_child_setup (attributes);
      child_look (model);
      _exit (0);
    }
  while (waitpid (pid, &status, 0) < 0)
    g_assert_cmpint (errno, ==, EINTR);

  return status;
}

/* Whether it is applied whoever we are, and to whatever value. */
static gboolean
cannot_fail (const AttributesModel *model,
             GSpawnAttribute        attribute)
{
  switch (attribute)
    {
    case GSPAWN_ATTRIBUTE_PROCESS_GROUP:
      return model->process_group == 0 && !model->set[GSPAWN_ATTRIBUTE_NEW_SESSION];
    case GSPAWN_ATTRIBUTE_DEFAULT_SIGNALS:
    case GSPAWN_ATTRIBUTE_IGNORED_SIGNALS:
    case GSPAWN_ATTRIBUTE_NEW_SESSION:
    case GSPAWN_ATTRIBUTE_WORKING_DIRECTORY:
    case GSPAWN_ATTRIBUTE_UMASK:
    case GSPAWN_ATTRIBUTE_DEATH_SIGNAL:
    case GSPAWN_ATTRIBUTE_NO_NEW_PRIVILEGES:
    case GSPAWN_ATTRIBUTE_PID_VARIABLE:
    case GSPAWN_ATTRIBUTE_SIGNAL_MASK:
      return TRUE;
    default:
      return FALSE;
    }
}

/* The descriptors that are held are no control group and no ruleset. */
static gboolean
cannot_succeed (const AttributesModel *model,
                GSpawnAttribute        attribute)
{
  switch (attribute)
    {
    case GSPAWN_ATTRIBUTE_CGROUP:
    case GSPAWN_ATTRIBUTE_LANDLOCK:
      return TRUE;
    case GSPAWN_ATTRIBUTE_PROCESS_GROUP:
      return model->set[GSPAWN_ATTRIBUTE_NEW_SESSION];
    default:
      return FALSE;
    }
}

static void
check_end (const AttributesModel *model,
           int                    status)
{
  gboolean must_fail = FALSE;
  gboolean may_fail = FALSE;

  for (int attribute = 0; attribute < GSPAWN_N_ATTRIBUTES; attribute++)
    if (model->set[attribute] && !model->optional[attribute])
      {
        must_fail |= cannot_succeed (model, attribute);
        may_fail |= !cannot_fail (model, attribute);
      }

  g_assert_true (WIFEXITED (status));
  if (WEXITSTATUS (status) == 0)
    g_assert_false (must_fail);
  else
    {
      g_assert_cmpint (WEXITSTATUS (status), ==, EXIT_NOT_EXECUTED);
      g_assert_true (may_fail);
    }
  g_assert_cmpint (findings->complete, ==, WEXITSTATUS (status) == 0);
}

static gboolean
gets (const AttributesModel *model,
      GSpawnAttribute        attribute)
{
  return model->set[attribute] &&
         (cannot_fail (model, attribute) || !model->optional[attribute]);
}

static void
check_signals (const AttributesModel *model)
{
  static const guint64 unblockable = G_GUINT64_CONSTANT (1) << (SIGKILL - 1) |
                                     G_GUINT64_CONSTANT (1) << (SIGSTOP - 1);
  /* libc hides these two. */
  static const guint64 hidden = G_GUINT64_CONSTANT (3) << 31;
  guint64 ignored = model->set[GSPAWN_ATTRIBUTE_IGNORED_SIGNALS] ? model->ignored_signals : 0;

  g_assert_cmphex (findings->ignored_signals & ignored, ==, ignored);
  if (model->set[GSPAWN_ATTRIBUTE_DEFAULT_SIGNALS])
    {
      g_assert_cmphex (findings->ignored_signals, ==, ignored);
      g_assert_cmphex (findings->handled_signals, ==, 0);
    }
  if (model->set[GSPAWN_ATTRIBUTE_SIGNAL_MASK])
    g_assert_cmphex (findings->signal_mask & ~hidden, ==,
                     model->signal_mask & ~unblockable & ~hidden);
}

static void
check_numbers (const AttributesModel *model)
{
  const struct {
    GSpawnAttribute attribute;
    gint64 expected;
    gint64 found;
  } rows[] = {
    { GSPAWN_ATTRIBUTE_UMASK, model->umask, findings->umask },
    { GSPAWN_ATTRIBUTE_NEW_SESSION, findings->pid, findings->session },
    { GSPAWN_ATTRIBUTE_NICE, model->nice, findings->nice },
    { GSPAWN_ATTRIBUTE_SCHEDULER, model->policy, findings->policy },
    { GSPAWN_ATTRIBUTE_SCHEDULER, model->priority, findings->priority },
    { GSPAWN_ATTRIBUTE_IO_PRIORITY, model->io_priority, findings->io_priority },
    { GSPAWN_ATTRIBUTE_DEATH_SIGNAL, model->death_signal, findings->death_signal },
    { GSPAWN_ATTRIBUTE_NO_NEW_PRIVILEGES, 1, findings->no_new_privileges },
    { GSPAWN_ATTRIBUTE_PERSONALITY, model->personality, findings->personality },
    { GSPAWN_ATTRIBUTE_PID_VARIABLE, TRUE, findings->has_pid_variable },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    if (gets (model, rows[i].attribute))
      g_assert_cmpint (rows[i].found, ==, rows[i].expected);

  if (gets (model, GSPAWN_ATTRIBUTE_PROCESS_GROUP))
    g_assert_cmpint (findings->group, ==,
                     model->process_group != 0 ? model->process_group : findings->pid);
  /* A limit of open files, and another user, can keep it from being read. */
  if (gets (model, GSPAWN_ATTRIBUTE_OOM_SCORE) && findings->oom_score != G_MAXINT)
    g_assert_cmpint (findings->oom_score, ==, model->oom_score);
  for (int i = 0; i < (int) RLIM_NLIMITS; i++)
    if (gets (model, GSPAWN_ATTRIBUTE_LIMITS) && model->limited[i])
      {
        g_assert_cmpuint (findings->limits[i].rlim_cur, ==, model->soft[i]);
        g_assert_cmpuint (findings->limits[i].rlim_max, ==, model->hard[i]);
      }
}

int
LLVMFuzzerTestOneInput (const guint8 *bytes,
                        gsize         length)
{
  FuzzInput input = { bytes, length };
  AttributesModel model;
  gboolean applies;
  GSpawnAttributes *attributes;

  fuzz_init ();
  applies = fuzz_input_byte (&input) & 1;
  attributes = fuzz_attributes_new (&input, &model);
  if (applies)
    {
      int status;

      make_harmless (attributes, &model);
      status = run_child (attributes, &model);
      check_end (&model, status);
      if (findings->complete)
        {
          check_signals (&model);
          check_numbers (&model);
        }
    }
  gspawn_attributes_unref (attributes);

  return 0;
}
