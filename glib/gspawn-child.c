/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * The child's side: carries out a plan and executes the program.
 *
 * Everything here may run in a child that shares its memory with its parent, beside the parent's
 * other threads and on a stack of a few pages. So: no allocation, no locks, no libc but the
 * constants of its headers, no errno, nothing written but the GSpawnChild. All signals are blocked
 * on entry. The build keeps sanitizers, and calls that a compiler invents, out of this file. */
#include "config.h"

#include "gspawn-child-private.h"
#include "gspawn-search-private.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <stdint.h>
#include <sys/resource.h>

/* Where the limit says nothing: the kernel's own bound, unless an administrator has raised it. */
#define MAX_FDS (1 << 20)

static const SysSignalAction default_action;

static long
child_set_default (int number)
{
  return sys_call4 (SYS_rt_sigaction, number, &default_action, NULL, sizeof (SysSignalSet));
}

/* A handler of the caller must not run here once signals are let in: its data is not ours. */
static void
child_clear_handlers (void)
{
  for (int number = 1; number < _NSIG; number++)
    {
      SysSignalAction action;

      if (sys_call4 (SYS_rt_sigaction, number, NULL, &action, sizeof (SysSignalSet)) == 0 &&
          !sys_signal_is_ignored (&action))
        child_set_default (number);
    }
}

/* A stop from the terminal is meant for the whole job. Were it to take effect here before exec, the
 * caller, who stands still until then, could not stop, and the shell would wait for the job without
 * an end. So it is left to the caller. What the program is to start with blocked stays pending. */
static void
child_drop_stops (const GSpawnChild *child)
{
  static const int stop_signals[] = { SIGTSTP, SIGTTIN, SIGTTOU };
  static const SysSignalAction ignore = SYS_SIGNAL_ACTION_IGNORE;
  SysSignalSet pending;

  if (sys_call2 (SYS_rt_sigpending, &pending, sizeof pending) < 0)
    return;

  for (unsigned int i = 0; i < G_N_ELEMENTS (stop_signals); i++)
    if (sys_signal_set_has (&pending, stop_signals[i]) &&
        !sys_signal_set_has (&child->signal_mask, stop_signals[i]))
      {
        SysSignalAction action;

        sys_call4 (SYS_rt_sigaction, stop_signals[i], &ignore, &action, sizeof (SysSignalSet));
        sys_call4 (SYS_rt_sigaction, stop_signals[i], &action, NULL, sizeof (SysSignalSet));
      }
}

static void
child_reset_signals (const GSpawnChild *child)
{
  if (!child->handlers_cleared)
    child_clear_handlers ();

  for (unsigned int i = 0; i < G_N_ELEMENTS (gspawn_reset_signals); i++)
    child_set_default (gspawn_reset_signals[i]);
}

static long
child_set_fd_flags (int fd, int flags)
{
  return sys_call3 (SYS_fcntl, fd, F_SETFD, flags);
}

/* The report may sit on a number that the plan is about to use. It is moved only when it is in the
 * way, for a descriptor more may be one too many. Its number is closed again, as the caller had it:
 * a copy left there would hold the caller up until the program ends. */
static long
child_move_report (GSpawnChild *child)
{
  long fd = sys_call3 (SYS_fcntl, child->report_fd, F_DUPFD_CLOEXEC, child->plan->first_free_fd);

  if (fd < 0)
    return fd;

  sys_call1 (SYS_close, child->report_fd);
  child->report_fd = (int) fd;

  return 0;
}

static long
child_free_target (GSpawnChild *child,
                   int          target)
{
  return target >= 0 && target == child->report_fd ? child_move_report (child) : 0;
}

/* Whoever names the report as a source means a descriptor that the caller does not have. */
static gboolean
child_has_source (const GSpawnChild *child,
                  int                source)
{
  return source < 0 || source != child->report_fd;
}

static long
child_dup (GSpawnChild *child,
           int          source,
           int          target)
{
  long result;

  if (source == target)
    return child_set_fd_flags (target, 0);
  if (!child_has_source (child, source))
    return -EBADF;

  result = child_free_target (child, target);
  if (result < 0)
    return result;

  return sys_call3 (SYS_dup3, source, target, 0);
}

static long
child_open_null (GSpawnChild *child,
                 int          target,
                 int          flags)
{
  long fd = sys_call4 (SYS_openat, AT_FDCWD, "/dev/null", flags, 0);
  long result;

  if (fd < 0 || fd == target)
    return fd;

  result = child_dup (child, (int) fd, target);
  sys_call1 (SYS_close, fd);

  return result;
}

static int
child_parse_fd (const char *name)
{
  int fd = 0;

  for (; *name != '\0'; name++)
    {
      if (*name < '0' || *name > '9')
        return -1;
      fd = fd * 10 + (*name - '0');
    }

  return fd;
}

/* The kernel's linux_dirent64, whose name libc's header gives to something else. */
typedef struct {
  uint64_t inode;
  int64_t offset;
  unsigned short size;
  unsigned char type;
  char name[];
} Entry;

static long
child_cloexec_listed (int first)
{
  union {
    Entry alignment;
    char bytes[1024];
  } buffer;
  long directory = sys_call4 (SYS_openat, AT_FDCWD, "/proc/self/fd",
                              O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  long size;

  if (directory < 0)
    return directory;

  while ((size = sys_call3 (SYS_getdents64, directory, &buffer, sizeof buffer)) > 0)
    for (long at = 0; at < size;)
      {
        const Entry *entry = (const Entry *) (const void *) (buffer.bytes + at);
        int fd = child_parse_fd (entry->name);

        if (fd >= first)
          child_set_fd_flags (fd, FD_CLOEXEC);
        at += entry->size;
      }

  sys_call1 (SYS_close, directory);

  return size;
}

/* The soft limit may have been lowered since a descriptor above it was opened. */
static void
child_cloexec_all (int first)
{
  struct rlimit limit;
  int end = MAX_FDS;

  if (sys_call4 (SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit) == 0 && limit.rlim_max < MAX_FDS)
    end = (int) limit.rlim_max;

  for (int fd = first; fd < end; fd++)
    child_set_fd_flags (fd, FD_CLOEXEC);
}

/* The kernel does it in one call since 5.11; a sandbox may forbid that call, and hide /proc. */
static long
child_cloexec_rest (int first)
{
  if (sys_call3 (SYS_close_range, first, ~0u, CLOSE_RANGE_CLOEXEC) < 0 &&
      child_cloexec_listed (first) < 0)
    child_cloexec_all (first);

  return 0;
}

/* Whether @fd is a copy that an earlier operation has made: as a source it means a descriptor that
 * the caller does not have. */
static gboolean
child_is_saved (const GSpawnChild *child,
                const GSpawnOp    *op,
                int                fd)
{
  for (guint i = 0; fd >= op->minimum && i < op->slot; i++)
    if (child->slots[i] == fd)
      return TRUE;

  return FALSE;
}

static long
child_save (GSpawnChild    *child,
            const GSpawnOp *op)
{
  long fd;

  if (!child_has_source (child, op->source) || child_is_saved (child, op, op->source))
    return -EBADF;

  fd = sys_call3 (SYS_fcntl, op->source, F_DUPFD_CLOEXEC, op->minimum);
  child->slots[op->slot] = (int) fd;

  return fd;
}

/* A descriptor that the caller does not have is not missed. */
static long
child_keep_fd (GSpawnChild *child,
               int          fd)
{
  long result = child_free_target (child, fd);

  if (result == 0)
    child_set_fd_flags (fd, 0);

  return result;
}

static long
child_apply (GSpawnChild    *child,
             const GSpawnOp *op)
{
  switch (op->kind)
    {
    case GSPAWN_OP_CHDIR:
      return sys_call1 (SYS_chdir, op->path);
    case GSPAWN_OP_OPEN_NULL:
      return child_open_null (child, op->target, op->flags);
    case GSPAWN_OP_DUP:
      return child_dup (child, op->source, op->target);
    case GSPAWN_OP_SAVE:
      return child_save (child, op);
    case GSPAWN_OP_DUP_SAVED:
      return child_dup (child, child->slots[op->slot], op->target);
    case GSPAWN_OP_SET_CLOEXEC:
      child_set_fd_flags (op->target, FD_CLOEXEC);
      return 0;
    case GSPAWN_OP_CLEAR_CLOEXEC:
      return child_keep_fd (child, op->target);
    case GSPAWN_OP_CLOEXEC_REST:
      return child_cloexec_rest (op->target);
    default:
      return -ENOSYS;
    }
}

static void
child_fail (GSpawnChild *child,
            GSpawnStage  stage,
            long         result)
{
  child->failure.error_number = (int) -result;
  child->failure.stage = stage;
}

/* A script without an interpreter line, or an empty file: the shell knows what to do with it. */
static long
child_exec_by_shell (GSpawnChild       *child,
                     const char        *file,
                     const char *const *envp)
{
  gspawn_shell_argv_fill (child->shell_argv, child->plan, file);

  return sys_call3 (SYS_execve, GSPAWN_SHELL, child->shell_argv, envp);
}

static long
child_exec (GSpawnChild *child)
{
  const GSpawnPlan *plan = child->plan;
  /* Only now: a child setup function may have changed it. */
  const char *const *envp = child->envp != NULL ? child->envp : (const char *const *) environ;
  gboolean denied = FALSE;
  long result = -ENOENT;

  for (const char *const *file = plan->candidates; *file != NULL; file++)
    {
      result = sys_call3 (SYS_execve, *file, plan->argv, envp);
      if (result == -ENOEXEC)
        result = child_exec_by_shell (child, *file, envp);

      if (!gspawn_search_goes_on ((int) -result))
        return result;
      denied |= result == -EACCES;
    }

  return denied ? -EACCES : result;
}

/* Once the descriptors are in their places, as a child setup function would be called. */
static long
child_apply_attributes (GSpawnChild *child)
{
  const GSpawnPlan *plan = child->plan;

  for (int i = 0; i < GSPAWN_N_HELD; i++)
    if (plan->held_slots[i] >= 0)
      child->attributes.held_fds[i] = child->slots[plan->held_slots[i]];

  return _gspawn_child_attributes_apply (&child->attributes, &child->failure.attribute);
}

/*< private >
 * _gspawn_child_run:
 * @child: one launch of a plan
 *
 * Carries out the plan. Returns only if that failed, with `failure` set; the caller then ends the
 * child.
 */
void
_gspawn_child_run (GSpawnChild *child)
{
  const GSpawnPlan *plan = child->plan;

  if (plan->made != NULL && g_atomic_int_get (&plan->made->unwanted) != 0)
    {
      child_fail (child, GSPAWN_STAGE_REPORT, -ECANCELED);
      return;
    }

  child_reset_signals (child);

  for (guint i = 0; i < plan->n_ops; i++)
    {
      long result = child_apply (child, &plan->ops[i]);

      if (result < 0)
        {
          child_fail (child, gspawn_op_stage (&plan->ops[i]), result);
          return;
        }
    }

  if (plan->attributes != NULL)
    {
      long result = child_apply_attributes (child);

      if (result < 0)
        {
          child_fail (child, GSPAWN_STAGE_ATTRIBUTE, result);
          return;
        }
    }

  if (child->shares_memory)
    child_drop_stops (child);
  sys_set_signal_mask (&child->signal_mask, NULL);

  if (plan->attributes != NULL)
    {
      long result = _gspawn_child_attributes_seal (plan->attributes);

      if (result < 0)
        {
          child->failure.attribute = GSPAWN_ATTRIBUTE_SECCOMP_FILTER;
          child_fail (child, GSPAWN_STAGE_ATTRIBUTE, result);
          return;
        }
    }
  if (plan->child_setup != NULL)
    plan->child_setup (plan->user_data);

  child_fail (child, GSPAWN_STAGE_EXEC, child_exec (child));
}
