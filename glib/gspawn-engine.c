/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * What the engines have in common on the parent's side. */
#include "config.h"

#include "gspawn-child-private.h"
#include "gspawn-engine-private.h"

#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

gboolean
_gspawn_failure_set (GSpawnFailure *failure,
                     GSpawnStage    stage,
                     int            error_number)
{
  failure->stage = stage;
  failure->error_number = error_number;

  return FALSE;
}

/* Waits until a process of ours has ended, and returns its wait status. One that somebody else has
 * waited for has ended well, as far as we know: an orphan that was given to a caller that ignores
 * SIGCHLD, or waits for every child in another thread. Not to wait would leave it to the caller. */
int
_gspawn_reap (pid_t pid)
{
  int status = 0;

  while (sys_call4 (SYS_wait4, pid, &status, __WALL, NULL) == -EINTR)
    ;

  return status;
}

gboolean
_gspawn_kill_child (pid_t pid)
{
  siginfo_t info;

  /* Somebody else may have waited for it, and its number be another's. */
  if (waitid (P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) < 0)
    return TRUE;

  return kill (pid, SIGKILL) == 0;
}

void
_gspawn_made_kill (GSpawnMade *made)
{
  int pid;

  g_atomic_int_set (&made->unwanted, TRUE);
  pid = g_atomic_int_get (&made->pid);
  if (pid <= 0 || !g_atomic_int_compare_and_exchange (&made->pid, pid, -1))
    return;

  _gspawn_kill_child (pid);
  g_atomic_int_set (&made->pid, pid);
}

/* Whoever is about to kill it is let do so. */
void
_gspawn_made_forget (GSpawnMade *made)
{
  int pid;

  while (made != NULL && (pid = g_atomic_int_get (&made->pid)) != 0)
    if (pid < 0 || !g_atomic_int_compare_and_exchange (&made->pid, pid, 0))
      g_thread_yield ();
}

/* Whether our children are in another PID namespace than we are. After unshare() the next child is
 * the first process of a new namespace, which dies with it, and even with an attempt that fails:
 * that must be the program's. Until there is such a process the link leads nowhere. */
gboolean
_gspawn_next_child_is_init (void)
{
  static const char *const link = "/proc/self/ns/pid_for_children";
  struct stat own, children;

  if (stat ("/proc/self/ns/pid", &own) < 0 || lstat (link, &children) < 0)
    return FALSE;

  return stat (link, &children) < 0 || children.st_ino != own.st_ino;
}

/* Room for the shell, the file, the arguments after the first, and the end. */
const char **
_gspawn_shell_argv_new (const GSpawnPlan *plan)
{
  return g_new (const char *, plan->argc + 3);
}

/* The environment with the variable that only the child knows the value of. */
static void
init_environment (GSpawnChild            *child,
                  const GSpawnAttributes *attributes)
{
  /* A caller that has cleared its environment has no vector either. */
  static const char *const nothing[] = { NULL };
  const char *const *own = environ != NULL ? (const char *const *) environ : nothing;
  const char *const *envp = child->envp != NULL ? child->envp : own;
  gsize name_size = attributes->pid_name_length + 1;
  gsize n = 0;

  child->pid_entry = g_malloc (name_size + GSPAWN_PID_SIZE);
  memcpy (child->pid_entry, attributes->pid_entry, name_size);
  child->attributes.pid_text = child->pid_entry + name_size;

  child->own_envp = g_new (const char *, g_strv_length ((char **) envp) + 2);
  for (const char *const *entry = envp; *entry != NULL; entry++)
    if (strncmp (*entry, child->pid_entry, name_size) != 0)
      child->own_envp[n++] = *entry;
  child->own_envp[n++] = child->pid_entry;
  child->own_envp[n] = NULL;
  child->envp = child->own_envp;
}

static void
init_attributes (GSpawnChild            *child,
                 const GSpawnAttributes *attributes)
{
  child->attributes.attributes = attributes;
  child->attributes.set = child->plan->attribute_set;
  child->attributes.parent_pid = getpid ();
  child->attributes.signal_mask = &child->signal_mask;
  for (int i = 0; i < GSPAWN_N_HELD; i++)
    child->attributes.held_fds[i] = attributes->held_fds[i];

  if (gspawn_attributes_contain (attributes, GSPAWN_ATTRIBUTE_PID_VARIABLE))
    init_environment (child, attributes);
}

/* All memory of a launch is made here, for the child can make none. */
void
_gspawn_child_init (GSpawnChild      *child,
                    const GSpawnPlan *plan)
{
  *child = (GSpawnChild) { .plan = plan, .report_fd = -1, .caller_fd = -1, .envp = plan->envp };
  child->slots = g_new (int, plan->n_slots);
  child->shell_argv = _gspawn_shell_argv_new (plan);
  if (plan->attributes != NULL)
    init_attributes (child, plan->attributes);
}

void
_gspawn_child_set_mask (GSpawnChild        *child,
                        const SysSignalSet *mask)
{
  if (child->plan->signal_mask != NULL)
    memcpy (&child->signal_mask, child->plan->signal_mask, sizeof child->signal_mask);
  else
    child->signal_mask = *mask;
}

void
_gspawn_child_clear (GSpawnChild *child)
{
  g_free (child->pid_entry);
  g_free (child->own_envp);
  g_free (child->slots);
  g_free (child->shell_argv);
}
