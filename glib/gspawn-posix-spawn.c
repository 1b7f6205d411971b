/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * The portable engine: a plan's operations become file actions and attributes of posix_spawn().
 *
 * posix_spawn() cannot say which step failed. So whatever can fail other than exec is done or tried
 * here, in the parent, in the order in which a child would do it: directories and /dev/null are
 * opened, sources of the map duplicated, those of the standard streams looked at. What is left for
 * libc's child are duplications that cannot fail. */
#include "config.h"

#include "gspawn-child-private.h"
#include "gspawn-engine-private.h"
#include "gspawn-fd-private.h"
#include "gspawn-search-private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <unistd.h>

/* For a function of one line, and what the machine puts on a stack. */
#define PROBE_STACK_SIZE (8 * 1024)

/* What posix_spawn() is good for in this process. */
typedef enum {
  KIND_UNPROBED,
  KIND_UNAVAILABLE,
  KIND_LEAVES_OPEN,
  KIND_COMPLETE,
} Kind;

static int cached_kind = KIND_UNPROBED;

/**
 * Launch:
 * @actions: file actions
 * @attributes: attributes
 * @origins: per standard stream the caller's descriptor that the child has there by now
 * @own_fds: descriptors made for this launch, at most one per operation
 * @n_own_fds: how many
 * @saved: one of those per slot of the plan
 * @directory_fd: one of those, where the program starts, or AT_FDCWD
 * @has_room: whether numbers above all targets have been had for them
 */
typedef struct {
  const GSpawnPlan *plan;
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  int origins[GSPAWN_N_STREAMS];
  int *own_fds;
  guint n_own_fds;
  int *saved;
  int directory_fd;
  gboolean has_room;
} Launch;

static void
launch_init (Launch           *launch,
             const GSpawnPlan *plan)
{
  *launch = (Launch) { .plan = plan, .directory_fd = AT_FDCWD, .has_room = TRUE };
  posix_spawn_file_actions_init (&launch->actions);
  posix_spawnattr_init (&launch->attributes);
  for (int i = 0; i < GSPAWN_N_STREAMS; i++)
    launch->origins[i] = i;
  launch->own_fds = g_new (int, plan->n_ops);
  launch->saved = g_new (int, plan->n_slots);
}

static void
launch_clear (Launch *launch)
{
  for (guint i = 0; i < launch->n_own_fds; i++)
    _gspawn_fd_clear (&launch->own_fds[i]);
  g_free (launch->own_fds);
  g_free (launch->saved);
  posix_spawnattr_destroy (&launch->attributes);
  posix_spawn_file_actions_destroy (&launch->actions);
}

/* Our own descriptors live above all targets, where the actions leave them alone. Takes a negative
 * @fd as a failed call. Returns −1 with errno set. */
static int
own_fd (Launch *launch,
        int     fd)
{
  if (fd < 0)
    return fd;

  fd = _gspawn_fd_move_up (fd, launch->plan->first_free_fd);
  if (fd >= 0)
    launch->own_fds[launch->n_own_fds++] = fd;
  else
    launch->has_room = FALSE;

  return fd;
}

static gboolean
is_own (const Launch *launch,
        int           fd)
{
  for (guint i = 0; i < launch->n_own_fds; i++)
    if (launch->own_fds[i] == fd)
      return TRUE;

  return FALSE;
}

/* What of the caller's the child has at @fd by the actions so far, or −1 with errno set. Whoever
 * names a descriptor of ours means one that the caller does not have. */
static int
origin (const Launch *launch,
        int           fd)
{
  if (fd >= 0 && fd < GSPAWN_N_STREAMS)
    return launch->origins[fd];

  if (is_own (launch, fd))
    {
      errno = EBADF;
      return -1;
    }

  return fd;
}

static int
own_copy (Launch *launch,
          int     fd)
{
  return own_fd (launch, fcntl (origin (launch, fd), F_DUPFD_CLOEXEC,
                                launch->plan->first_free_fd));
}

/* The functions of libc return an error number; these set errno, as the system calls do. */
static gboolean
check (int error_number)
{
  errno = error_number;

  return error_number == 0;
}

/* @source_origin: what of the caller's the child has at @source when it comes to this. */
static gboolean
add_dup2 (Launch *launch,
          int     source,
          int     target,
          int     source_origin)
{
  if (target >= 0 && target < GSPAWN_N_STREAMS)
    launch->origins[target] = source_origin;

  return check (posix_spawn_file_actions_adddup2 (&launch->actions, source, target));
}

static gboolean
add_chdir (Launch     *launch,
           const char *path)
{
  int fd = own_fd (launch, open (path, O_PATH | O_DIRECTORY | O_CLOEXEC));

  if (fd < 0)
    return FALSE;

  launch->directory_fd = fd;
  return faccessat (fd, ".", X_OK, AT_EACCESS) == 0 &&
         check (posix_spawn_file_actions_addfchdir_np (&launch->actions, fd));
}

static gboolean
add_null (Launch *launch,
          int     target,
          int     flags)
{
  int fd = own_fd (launch, open ("/dev/null", flags | O_CLOEXEC));

  return fd >= 0 && add_dup2 (launch, fd, target, fd);
}

static gboolean
add_dup (Launch *launch,
         int     source,
         int     target)
{
  int fd = origin (launch, source);

  return fcntl (fd, F_GETFD) >= 0 && add_dup2 (launch, source, target, fd);
}

static gboolean
add_save (Launch         *launch,
          const GSpawnOp *op)
{
  int fd = own_copy (launch, op->source);

  launch->saved[op->slot] = fd;

  return fd >= 0;
}

static gboolean
add_dup_saved (Launch         *launch,
               const GSpawnOp *op)
{
  int fd = launch->saved[op->slot];

  return add_dup2 (launch, fd, op->target, fd);
}

/* An identity entry of the map. It keeps what an entry before it has put there; a descriptor that
 * the caller does not have is not missed. A copy is made because an action may have closed it. */
static gboolean
add_keep (Launch         *launch,
          const GSpawnOp *op)
{
  int fd;

  for (const GSpawnOp *before = launch->plan->ops; before < op; before++)
    if (before->kind == GSPAWN_OP_DUP_SAVED && before->target == op->target)
      return TRUE;

  fd = own_copy (launch, op->target);
  if (fd < 0)
    return errno == EBADF;

  return add_dup2 (launch, fd, op->target, fd);
}

/* There is no action that sets the flag: the program would see the descriptor closed, so it is. */
static gboolean
add_close (Launch *launch,
           int     fd)
{
  return check (posix_spawn_file_actions_addclose (&launch->actions, fd));
}

static gboolean
is_target (const GSpawnPlan *plan,
           int               fd)
{
  for (guint i = 0; i < plan->n_ops; i++)
    if ((plan->ops[i].kind == GSPAWN_OP_DUP_SAVED ||
         plan->ops[i].kind == GSPAWN_OP_CLEAR_CLOEXEC) && plan->ops[i].target == fd)
      return TRUE;

  return FALSE;
}

/* Comes last, in place of a flag that is set first: the gaps between the targets one by one, then
 * all above them, our own descriptors included. */
static gboolean
add_close_rest (Launch *launch,
                int     first)
{
  for (int fd = first; fd < launch->plan->first_free_fd; fd++)
    if (!is_target (launch->plan, fd) && !add_close (launch, fd))
      return FALSE;

  if (check (posix_spawn_file_actions_addclosefrom_np (&launch->actions,
                                                       launch->plan->first_free_fd)))
    return TRUE;

  /* What libc has against the number is that the limit allows no descriptor so high. */
  if (errno == EBADF)
    errno = EMFILE;
  return FALSE;
}

static gboolean
add_op (Launch         *launch,
        const GSpawnOp *op)
{
  switch (op->kind)
    {
    case GSPAWN_OP_CHDIR:
      return add_chdir (launch, op->path);
    case GSPAWN_OP_OPEN_NULL:
      return add_null (launch, op->target, op->flags);
    case GSPAWN_OP_DUP:
      return add_dup (launch, op->source, op->target);
    case GSPAWN_OP_SAVE:
      return add_save (launch, op);
    case GSPAWN_OP_DUP_SAVED:
      return add_dup_saved (launch, op);
    case GSPAWN_OP_SET_CLOEXEC:
      return add_close (launch, op->target);
    case GSPAWN_OP_CLEAR_CLOEXEC:
      return add_keep (launch, op);
    case GSPAWN_OP_CLOEXEC_REST:
      return TRUE;
    default:
      g_assert_not_reached ();
    }
}

static gboolean
add_ops (Launch        *launch,
         GSpawnFailure *failure)
{
  const GSpawnPlan *plan = launch->plan;

  /* A child needs no number for what it only opens for a moment; it fails when it comes to the
   * targets. */
  for (guint i = 0; i < plan->n_ops; i++)
    if (!add_op (launch, &plan->ops[i]))
      return _gspawn_failure_set (failure, launch->has_room ? gspawn_op_stage (&plan->ops[i])
                                                            : GSPAWN_STAGE_DUP, errno);

  for (guint i = 0; i < plan->n_ops; i++)
    if (plan->ops[i].kind == GSPAWN_OP_CLOEXEC_REST &&
        !add_close_rest (launch, plan->ops[i].target))
      return _gspawn_failure_set (failure, GSPAWN_STAGE_DUP, errno);

  return TRUE;
}

/* glibc uses the two signals below SIGRTMIN for itself and refuses to name them, but it ignores
 * them in the child unless they are in this set; so they are put there by their bits. A set of
 * libc's begins with the kernel's. */
static void
add_internal_signals (sigset_t *set)
{
  SysSignalSet *bits = (SysSignalSet *) (void *) set;

  for (int number = SIGSYS + 1; number < SIGRTMIN; number++)
    {
      SysSignalAction action = { 0 };

      sys_call4 (SYS_rt_sigaction, number, NULL, &action, sizeof (SysSignalSet));
      if (!sys_signal_is_ignored (&action))
        sys_signal_set_add (bits, number);
    }
}

static void
fill_defaults (sigset_t               *defaults,
               const GSpawnAttributes *attributes)
{
  sigemptyset (defaults);
  if (gspawn_attributes_contain (attributes, GSPAWN_ATTRIBUTE_DEFAULT_SIGNALS))
    {
      SysSignalSet *bits = (SysSignalSet *) (void *) defaults;

      for (int number = 1; number < _NSIG; number++)
        sys_signal_set_add (bits, number);
      return;
    }

  for (guint i = 0; i < G_N_ELEMENTS (gspawn_reset_signals); i++)
    sigaddset (defaults, gspawn_reset_signals[i]);
  add_internal_signals (defaults);
}

static gboolean
set_attributes (Launch *launch)
{
  const GSpawnAttributes *attributes = launch->plan->attributes;
  short flags = POSIX_SPAWN_SETSIGDEF;
  sigset_t defaults, mask;

  fill_defaults (&defaults, attributes);
  if (gspawn_attributes_contain (attributes, GSPAWN_ATTRIBUTE_NEW_SESSION))
    flags |= POSIX_SPAWN_SETSID;
  /* The group that is set if none is named is a new one. */
  if (gspawn_attributes_contain (attributes, GSPAWN_ATTRIBUTE_PROCESS_GROUP))
    flags |= POSIX_SPAWN_SETPGROUP;
  if (launch->plan->signal_mask != NULL ||
      gspawn_attributes_contain (attributes, GSPAWN_ATTRIBUTE_SIGNAL_MASK))
    {
      flags |= POSIX_SPAWN_SETSIGMASK;
      if (gspawn_attributes_contain (attributes, GSPAWN_ATTRIBUTE_SIGNAL_MASK))
        {
          sigemptyset (&mask);
          memcpy (&mask, &attributes->signal_mask, sizeof attributes->signal_mask);
        }
      else
        mask = *launch->plan->signal_mask;
      if (!check (posix_spawnattr_setsigmask (&launch->attributes, &mask)))
        return FALSE;
    }

  return check (posix_spawnattr_setflags (&launch->attributes, flags)) &&
         check (posix_spawnattr_setsigdefault (&launch->attributes, &defaults));
}

static int
spawn_file (const Launch      *launch,
            const char        *file,
            const char *const *argv,
            GPid              *pid)
{
  const char *const *envp = launch->plan->envp;
  pid_t child;
  int error_number = posix_spawn (&child, file, &launch->actions, &launch->attributes,
                                  (char *const *) argv,
                                  envp != NULL ? (char *const *) envp : environ);

  if (error_number == 0)
    *pid = child;

  return error_number;
}

static int
spawn_by_shell (const Launch *launch,
                const char   *file,
                GPid         *pid)
{
  const GSpawnPlan *plan = launch->plan;
  g_autofree const char **argv = _gspawn_shell_argv_new (plan);

  gspawn_shell_argv_fill (argv, plan, file);

  return spawn_file (launch, GSPAWN_SHELL, argv, pid);
}

/* To find out by a process of its own that a file is not there would cost a search its speed. */
static int
try_candidate (const Launch *launch,
               const char   *file,
               GPid         *pid)
{
  int error_number;

  if ((launch->plan->needs & GSPAWN_NEED_SEARCH_PATH) != 0 &&
      faccessat (launch->directory_fd, file, F_OK, AT_EACCESS) < 0)
    return errno;

  error_number = spawn_file (launch, file, launch->plan->argv, pid);

  return error_number == ENOEXEC ? spawn_by_shell (launch, file, pid) : error_number;
}

static int
try_candidates (const Launch *launch,
                GPid         *pid)
{
  gboolean denied = FALSE;
  int error_number = ENOENT;

  for (const char *const *file = launch->plan->candidates; *file != NULL; file++)
    {
      error_number = try_candidate (launch, *file, pid);
      if (error_number == 0 || !gspawn_search_goes_on (error_number))
        return error_number;
      denied |= error_number == EACCES;
    }

  return denied ? EACCES : error_number;
}

/* libc does without clone3() where the kernel lacks it, but not where a sandbox forbids it in
 * another way. The call is one that the kernel refuses before it does anything. */
static gboolean
clone3_is_let_through (void)
{
  long result = sys_call2 (SYS_clone3, NULL, 0);

  return result == -EINVAL || result == -ENOSYS;
}

/* What only the making of a process fails with, as far as that can be known. */
static GSpawnStage
stage_of_error (int error_number)
{
  switch (error_number)
    {
    case EAGAIN:
    case ENOMEM:
    case ENOSYS:
      return GSPAWN_STAGE_PROCESS;
    case EPERM:
      /* The caller may have entered a sandbox since the probe. */
      if (clone3_is_let_through ())
        return GSPAWN_STAGE_EXEC;
      g_atomic_int_set (&cached_kind, KIND_UNAVAILABLE);
      return GSPAWN_STAGE_PROCESS;
    default:
      return GSPAWN_STAGE_EXEC;
    }
}

static int
child_mark (void *data)
{
  int *shared = data;

  *shared = TRUE;

  return 0;
}

/* A child like those of libc's posix_spawn(), but for an exit signal that a handler could see. */
static long
enter_child (int *shared,
             int *status)
{
  _Alignas (16) char stack[PROBE_STACK_SIZE];
  SysSignalSet old;
  long result;

  sys_block_signals (&old);
  result = clone (child_mark, stack + sizeof stack, CLONE_VM | CLONE_VFORK, shared);
  if (result < 0)
    result = -errno;
  else
    *status = _gspawn_reap ((pid_t) result);
  sys_set_signal_mask (&old, NULL);

  return result;
}

/* libc's closefrom action takes the one or the other; a sandbox may forbid both. */
static gboolean
can_close_from (void)
{
  return sys_call3 (SYS_close_range, INT_MAX, INT_MAX, 0) == 0 ||
         access ("/proc/self/fd", R_OK | X_OK) == 0;
}

/* libc learns of a failed exec through shared memory. Where an emulator or valgrind copies it, every
 * call would be a success. */
static Kind
probe (void)
{
  int shared = FALSE;
  int status = 0;
  long result = 1;

  if (_gspawn_next_child_is_init ())
    shared = TRUE;
  else
    result = enter_child (&shared, &status);

  /* No room for a process just now, or somebody killed it: that says nothing of the next time. */
  if (result == -EAGAIN || result == -ENOMEM || status != 0)
    return KIND_UNPROBED;
  if (result < 0 || !shared || !clone3_is_let_through ())
    return KIND_UNAVAILABLE;

  return can_close_from () ? KIND_COMPLETE : KIND_LEAVES_OPEN;
}

gboolean
_gspawn_posix_spawn_probe (const char  **detail,
                           GSpawnNeeds  *lacks)
{
  static const char *const details[] = {
    [KIND_UNPROBED] = "not probed, for there was no room for a process",
    [KIND_UNAVAILABLE] = "posix_spawn() is forbidden here, or its children do not share memory",
    [KIND_LEAVES_OPEN] = "posix_spawn(), which cannot close descriptors here",
    [KIND_COMPLETE] = "posix_spawn()",
  };
  Kind kind = g_atomic_int_get (&cached_kind);

  if (kind == KIND_UNPROBED)
    {
      kind = probe ();
      g_atomic_int_set (&cached_kind, kind);
    }

  *detail = details[kind];
  *lacks = kind == KIND_LEAVES_OPEN ? GSPAWN_NEED_CLOSE : 0;

  return kind != KIND_UNAVAILABLE;
}

gboolean
_gspawn_posix_spawn_launch (const GSpawnPlan *plan,
                            GSpawnLaunched   *launched,
                            GSpawnFailure    *failure)
{
  Launch launch;
  gboolean is_launched;

  launch_init (&launch, plan);
  is_launched = add_ops (&launch, failure);
  if (is_launched && !set_attributes (&launch))
    is_launched = _gspawn_failure_set (failure, GSPAWN_STAGE_PROCESS, errno);
  if (is_launched)
    {
      int error_number = try_candidates (&launch, &launched->pid);

      if (error_number != 0)
        is_launched = _gspawn_failure_set (failure, stage_of_error (error_number), error_number);
    }
  launch_clear (&launch);

  return is_launched;
}
