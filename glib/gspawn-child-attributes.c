/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * The child's side of attributes. The rules of gspawn-child.c hold here: no allocation, no locks,
 * no libc but the constants of its headers, and raw system calls, of which libc's set*id(), which
 * would change the caller's threads, are the best reason. */
#include "config.h"

#include "gspawn-child-attributes-private.h"

#include <fcntl.h>
#include <linux/ioprio.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>

#define SIGNAL_ACTION_DEFAULT { .words = { 0 } }

/* As a shell says it of a command that it could not run. */
#define EXIT_NOT_EXECUTED 127

/* Ids have 32 bits. Where the calls came with 16, as on i386 and 32-bit ARM, 65535 means to leave the
 * id as it is, and a larger one is cut: there the later calls have another name. */
#if defined (SYS_setresuid32)
#define SYSTEM_SET_USER SYS_setresuid32
#define SYSTEM_SET_GROUP SYS_setresgid32
#define SYSTEM_SET_GROUPS SYS_setgroups32
#else
#define SYSTEM_SET_USER SYS_setresuid
#define SYSTEM_SET_GROUP SYS_setresgid
#define SYSTEM_SET_GROUPS SYS_setgroups
#endif

static void
child_set_signals (const SysSignalSet    *signals,
                   const SysSignalAction *action)
{
  for (int number = 1; number < _NSIG; number++)
    if (signals == NULL || sys_signal_set_has (signals, number))
      sys_call4 (SYS_rt_sigaction, number, action, NULL, sizeof (SysSignalSet));
}

static long
child_reset_all_signals (void)
{
  static const SysSignalAction action = SIGNAL_ACTION_DEFAULT;

  child_set_signals (NULL, &action);

  return 0;
}

static long
child_ignore_signals (const SysSignalSet *signals)
{
  static const SysSignalAction action = SYS_SIGNAL_ACTION_IGNORE;

  child_set_signals (signals, &action);

  return 0;
}

/* A file that takes its value in one write. */
static long
child_write_file (int         directory_fd,
                  const char *name,
                  const char *text)
{
  long fd = sys_call4 (SYS_openat, directory_fd, name, O_WRONLY | O_CLOEXEC, 0);
  long size = 0;
  long result;

  if (fd < 0)
    return fd;

  while (text[size] != '\0')
    size++;
  result = sys_call3 (SYS_write, fd, text, size);
  sys_call1 (SYS_close, fd);

  return result < 0 ? result : 0;
}

/* Where a limit is refused and the child may do without it, the others still count. */
static long
child_set_limits (const GSpawnAttributes *attributes)
{
  long first_error = 0;

  for (int i = 0; i < (int) RLIM_NLIMITS; i++)
    if ((attributes->limits_set & 1u << i) != 0)
      {
        long result = sys_call4 (SYS_prlimit64, 0, i, &attributes->limits[i], NULL);

        if (result < 0 && first_error == 0)
          first_error = result;
      }

  return first_error;
}

static long
child_set_scheduler (const GSpawnAttributes *attributes)
{
  const struct sched_param parameters = { .sched_priority = attributes->scheduling_priority };

  return sys_call3 (SYS_sched_setscheduler, 0, attributes->scheduling_policy, &parameters);
}

/* A parent outside of our namespace has no number. */
static gboolean
child_has_parent (const GSpawnChildAttributes *self)
{
  long parent_pid = sys_call0 (SYS_getppid);

  return parent_pid == 0 || parent_pid == self->parent_pid;
}

/* The kernel forgets the signal when credentials change, and does not send it if the parent is gone
 * by now. Who may do without it must not get it from another parent: that of a child that GLib reaps
 * ends at once. */
static long
child_set_death_signal (const GSpawnChildAttributes *self)
{
  long result;

  if (!child_has_parent (self))
    return -ESRCH;

  result = sys_call2 (SYS_prctl, PR_SET_PDEATHSIG, self->attributes->death_signal);
  if (result < 0 || child_has_parent (self))
    return result;

  sys_call2 (SYS_prctl, PR_SET_PDEATHSIG, 0);

  return -ESRCH;
}

static void
child_format_pid (char *text,
                  long  pid)
{
  int n_digits = 0;

  for (long rest = pid; rest > 0; rest /= 10)
    n_digits++;

  text[n_digits] = '\0';
  for (; pid > 0; pid /= 10)
    text[--n_digits] = (char) ('0' + pid % 10);
}

static long
child_set_pid_variable (const GSpawnChildAttributes *self)
{
  child_format_pid (self->pid_text, sys_call0 (SYS_getpid));

  return 0;
}

static long
child_join_cgroup (const GSpawnChildAttributes *self)
{
  /* Whoever writes there, by the number that means itself. */
  return child_write_file (self->held_fds[GSPAWN_HELD_CGROUP], "cgroup.procs", "0");
}

static long
child_apply (const GSpawnChildAttributes *self,
             GSpawnAttribute              attribute)
{
  const GSpawnAttributes *attributes = self->attributes;

  switch (attribute)
    {
    case GSPAWN_ATTRIBUTE_DEFAULT_SIGNALS:
      return child_reset_all_signals ();
    case GSPAWN_ATTRIBUTE_IGNORED_SIGNALS:
      return child_ignore_signals (&attributes->ignored_signals);
    case GSPAWN_ATTRIBUTE_NEW_SESSION:
      return sys_call0 (SYS_setsid);
    case GSPAWN_ATTRIBUTE_PROCESS_GROUP:
      return sys_call2 (SYS_setpgid, 0, attributes->process_group);
    case GSPAWN_ATTRIBUTE_WORKING_DIRECTORY:
      return sys_call1 (SYS_fchdir, self->held_fds[GSPAWN_HELD_DIRECTORY]);
    case GSPAWN_ATTRIBUTE_UMASK:
      return sys_call1 (SYS_umask, attributes->umask);
    case GSPAWN_ATTRIBUTE_CONTROLLING_TERMINAL:
      return sys_call3 (SYS_ioctl, attributes->controlling_terminal, TIOCSCTTY, 0);
    case GSPAWN_ATTRIBUTE_CGROUP:
      return child_join_cgroup (self);
    case GSPAWN_ATTRIBUTE_OOM_SCORE:
      return child_write_file (AT_FDCWD, "/proc/self/oom_score_adj", attributes->oom_score);
    case GSPAWN_ATTRIBUTE_NAMESPACES:
      return sys_call1 (SYS_unshare, attributes->namespaces);
    case GSPAWN_ATTRIBUTE_PERSONALITY:
      return sys_call1 (SYS_personality, attributes->personality);
    case GSPAWN_ATTRIBUTE_LIMITS:
      return child_set_limits (attributes);
    case GSPAWN_ATTRIBUTE_NICE:
      return sys_call3 (SYS_setpriority, PRIO_PROCESS, 0, attributes->nice);
    case GSPAWN_ATTRIBUTE_SCHEDULER:
      return child_set_scheduler (attributes);
    case GSPAWN_ATTRIBUTE_IO_PRIORITY:
      return sys_call3 (SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, attributes->io_priority);
    case GSPAWN_ATTRIBUTE_CPU_AFFINITY:
      return sys_call3 (SYS_sched_setaffinity, 0, attributes->cpus_size, attributes->cpus);
    case GSPAWN_ATTRIBUTE_GROUPS:
      return sys_call2 (SYSTEM_SET_GROUPS, attributes->n_groups, attributes->groups);
    case GSPAWN_ATTRIBUTE_GROUP:
      return sys_call3 (SYSTEM_SET_GROUP, attributes->group, attributes->group, attributes->group);
    case GSPAWN_ATTRIBUTE_USER:
      return sys_call3 (SYSTEM_SET_USER, attributes->user, attributes->user, attributes->user);
    case GSPAWN_ATTRIBUTE_DEATH_SIGNAL:
      return child_set_death_signal (self);
    case GSPAWN_ATTRIBUTE_NO_NEW_PRIVILEGES:
      return sys_call (SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    case GSPAWN_ATTRIBUTE_LANDLOCK:
      return sys_call2 (SYS_landlock_restrict_self, self->held_fds[GSPAWN_HELD_LANDLOCK], 0);
    case GSPAWN_ATTRIBUTE_TRACE_ME:
      return sys_call4 (SYS_ptrace, PTRACE_TRACEME, 0, 0, 0);
    case GSPAWN_ATTRIBUTE_PID_VARIABLE:
      return child_set_pid_variable (self);
    case GSPAWN_ATTRIBUTE_SIGNAL_MASK:
      *self->signal_mask = attributes->signal_mask;
      return 0;
    default:
      return 0;
    }
}

/*< private >
 * _gspawn_child_attributes_apply:
 * @self: one launch's attributes
 * @failed: (out): which one failed
 *
 * Makes the child what it shall be, but for what would hinder us in what is left to do.
 *
 * Returns: 0 or −errno
 */
long
_gspawn_child_attributes_apply (const GSpawnChildAttributes *self,
                                GSpawnAttribute             *failed)
{
  const GSpawnAttributes *attributes = self->attributes;
  guint left = self->set & ~self->born_with;

  for (int attribute = 0; attribute < GSPAWN_N_ATTRIBUTES; attribute++)
    {
      long result;

      if ((left & 1u << attribute) == 0)
        continue;

      result = child_apply (self, attribute);
      if (result < 0 && (attributes->optional & 1u << attribute) == 0)
        {
          *failed = attribute;
          return result;
        }
    }

  return 0;
}

/*< private >
 * _gspawn_child_attributes_seal:
 * @attributes: what the child shall be
 *
 * Installs the filter of system calls, after which there is only exec.
 *
 * Returns: 0 or −errno
 */
long
_gspawn_child_attributes_seal (const GSpawnAttributes *attributes)
{
  const struct sock_fprog program = { .len = (unsigned short) attributes->filter_length,
                                      .filter = attributes->filter };
  long result;

  if (!gspawn_attributes_contain (attributes, GSPAWN_ATTRIBUTE_SECCOMP_FILTER))
    return 0;

  result = sys_call3 (SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);

  return (attributes->optional & 1u << GSPAWN_ATTRIBUTE_SECCOMP_FILTER) != 0 ? 0 : result;
}

/* Where GLib has forked, the program is executed with whatever environ points to by then, unless it
 * was given an environment. The vector is ours, for it may have to grow. */
static gboolean
child_place_pid_entry (const GSpawnAttributes *attributes)
{
  gsize n = 0;

  for (char **entry = environ; entry != NULL && *entry != NULL; entry++)
    {
      gsize i = 0;

      /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): the attribute has both or none */
      while (i <= attributes->pid_name_length && (*entry)[i] == attributes->pid_entry[i])
        i++;
      if (i > attributes->pid_name_length)
        continue;
      if (n + 2 >= attributes->environment_size)
        return FALSE;
      attributes->environment[n++] = *entry;
    }

  attributes->environment[n++] = attributes->pid_entry;
  attributes->environment[n] = NULL;
  environ = attributes->environment;

  return TRUE;
}

/**
 * gspawn_attributes_child_setup:
 * @attributes: (type gpointer) (nullable): #GSpawnAttributes, or %NULL for none
 *
 * Applies attributes in a child. This is a #GSpawnChildSetupFunc whose argument is the attributes,
 * to be passed to any function of GLib's that starts a process, and to
 * g_subprocess_launcher_set_child_setup().
 *
 * Where gspawn has taken over GLib's functions, it knows this function by its address: it is not
 * called, no process is copied, and a failure becomes the error of the launch. Where it has not, the
 * function runs in the child that GLib has forked, and does the same. It is async-signal-safe. A
 * failure then ends the child with the exit status 127, for GLib has no way to tell of it, and
 * %GSPAWN_ATTRIBUTE_PID_VARIABLE works only if the launch was not given an environment.
 *
 * It is not meant to be called by a program.
 *
 * Since: 0.1
 */
void
gspawn_attributes_child_setup (gpointer attributes)
{
  const GSpawnAttributes *self = attributes;
  SysSignalSet signal_mask;
  GSpawnChildAttributes child = { .attributes = self, .signal_mask = &signal_mask };
  GSpawnAttribute failed;

  if (self == NULL)
    return;

  child.set = self->set;
  child.parent_pid = self->parent_pid;
  if (self->pid_entry != NULL)
    child.pid_text = self->pid_entry + self->pid_name_length + 1;
  for (int i = 0; i < GSPAWN_N_HELD; i++)
    child.held_fds[i] = self->held_fds[i];

  if (gspawn_attributes_contain (self, GSPAWN_ATTRIBUTE_PID_VARIABLE) &&
      !child_place_pid_entry (self) &&
      (self->optional & 1u << GSPAWN_ATTRIBUTE_PID_VARIABLE) == 0)
    sys_call1 (SYS_exit_group, EXIT_NOT_EXECUTED);
  if (_gspawn_child_attributes_apply (&child, &failed) < 0)
    sys_call1 (SYS_exit_group, EXIT_NOT_EXECUTED);

  if (gspawn_attributes_contain (self, GSPAWN_ATTRIBUTE_SIGNAL_MASK))
    sys_set_signal_mask (&signal_mask, NULL);
  if (_gspawn_child_attributes_seal (self) < 0)
    sys_call1 (SYS_exit_group, EXIT_NOT_EXECUTED);
}
