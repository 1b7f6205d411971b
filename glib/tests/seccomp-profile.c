/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Filters of system calls as tables of rules: the first rule that applies decides, and what none
 * applies to is allowed. Whoever enters one keeps it, and so do its children. */

#include "seccomp-profile.h"

#include <errno.h>
#include <linux/filter.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define EVERY_BIT 0xffffffffu
#define MAX_PER_RULE 7

/* All that makes a namespace, but CLONE_NEWTIME, which to clone() is a bit of the exit signal. */
#define CLONE_NAMESPACES (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | \
                          CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

#define MOUNTS(action) \
  SECCOMP_ALL (SYS_mount, action), SECCOMP_ALL (SYS_umount2, action), \
  SECCOMP_ALL (SYS_pivot_root, action), SECCOMP_ALL (SYS_chroot, action), \
  SECCOMP_ALL (SYS_unshare, action), SECCOMP_ALL (SYS_setns, action)

#define NEW_MOUNTS(action) \
  SECCOMP_ALL (SYS_open_tree, action), SECCOMP_ALL (SYS_move_mount, action), \
  SECCOMP_ALL (SYS_fsopen, action), SECCOMP_ALL (SYS_fsconfig, action), \
  SECCOMP_ALL (SYS_fsmount, action), SECCOMP_ALL (SYS_fspick, action), \
  SECCOMP_ALL (SYS_mount_setattr, action)

#define KEYS(action) \
  SECCOMP_ALL (SYS_add_key, action), SECCOMP_ALL (SYS_keyctl, action), \
  SECCOMP_ALL (SYS_request_key, action)

#define MEMORY_POLICY(action) \
  SECCOMP_ALL (SYS_get_mempolicy, action), SECCOMP_ALL (SYS_set_mempolicy, action), \
  SECCOMP_ALL (SYS_mbind, action), SECCOMP_ALL (SYS_move_pages, action), \
  SECCOMP_ALL (SYS_migrate_pages, action)

#define MACHINE(action) \
  SECCOMP_ALL (SYS_acct, action), SECCOMP_ALL (SYS_bpf, action), \
  SECCOMP_ALL (SYS_clock_settime, action), SECCOMP_ALL (SYS_settimeofday, action), \
  SECCOMP_ALL (SYS_delete_module, action), SECCOMP_ALL (SYS_finit_module, action), \
  SECCOMP_ALL (SYS_init_module, action), SECCOMP_ALL (SYS_kexec_load, action), \
  SECCOMP_ALL (SYS_lookup_dcookie, action), SECCOMP_ALL (SYS_nfsservctl, action), \
  SECCOMP_ALL (SYS_perf_event_open, action), SECCOMP_ALL (SYS_quotactl, action), \
  SECCOMP_ALL (SYS_reboot, action), SECCOMP_ALL (SYS_setdomainname, action), \
  SECCOMP_ALL (SYS_sethostname, action), SECCOMP_ALL (SYS_swapoff, action), \
  SECCOMP_ALL (SYS_swapon, action), SECCOMP_ALL (SYS_syslog, action), \
  SECCOMP_ALL (SYS_vhangup, action)

#define OTHER_PROCESSES(action) \
  SECCOMP_ALL (SYS_kcmp, action), SECCOMP_ALL (SYS_process_vm_readv, action), \
  SECCOMP_ALL (SYS_process_vm_writev, action)

/* The execution domains that are everybody's; 0xffffffff asks only. */
#define PERSONALITY(action) \
  SECCOMP_IF_EQUAL (SYS_personality, 0, EVERY_BIT, 0x00000000u, SECCOMP_RET_ALLOW), \
  SECCOMP_IF_EQUAL (SYS_personality, 0, EVERY_BIT, 0x00000008u, SECCOMP_RET_ALLOW), \
  SECCOMP_IF_EQUAL (SYS_personality, 0, EVERY_BIT, 0x00020000u, SECCOMP_RET_ALLOW), \
  SECCOMP_IF_EQUAL (SYS_personality, 0, EVERY_BIT, 0x00020008u, SECCOMP_RET_ALLOW), \
  SECCOMP_IF_EQUAL (SYS_personality, 0, EVERY_BIT, 0xffffffffu, SECCOMP_RET_ALLOW), \
  SECCOMP_ALL (SYS_personality, action)

#define DOCKER_FORBIDS \
  SECCOMP_IF_ANY (SYS_clone, 0, CLONE_NAMESPACES, SECCOMP_FAIL (EPERM)), \
  SECCOMP_IF_EQUAL (SYS_socket, 0, EVERY_BIT, AF_VSOCK, SECCOMP_FAIL (EPERM)), \
  PERSONALITY (SECCOMP_FAIL (EPERM)), \
  MOUNTS (SECCOMP_FAIL (EPERM)), \
  KEYS (SECCOMP_FAIL (EPERM)), \
  MEMORY_POLICY (SECCOMP_FAIL (EPERM)), \
  MACHINE (SECCOMP_FAIL (EPERM)), \
  SECCOMP_ALL (SYS_fanotify_init, SECCOMP_FAIL (EPERM)), \
  SECCOMP_ALL (SYS_kcmp, SECCOMP_FAIL (EPERM)), \
  SECCOMP_ALL (SYS_open_by_handle_at, SECCOMP_FAIL (EPERM)), \
  SECCOMP_ALL (SYS_userfaultfd, SECCOMP_FAIL (EPERM))

/* The list of what is allowed, of 2022 and later, to a container without further rights, turned
 * round. What is newer than the list fails like what is not on it; only clone3(), whose flags
 * cannot be looked at, pretends not to exist. */
const SeccompRule seccomp_docker[] = {
  SECCOMP_ALL (SYS_clone3, SECCOMP_FAIL (ENOSYS)),
  DOCKER_FORBIDS,
  NEW_MOUNTS (SECCOMP_FAIL (EPERM)),
  SECCOMP_ALL (SYS_pidfd_getfd, SECCOMP_FAIL (EPERM)),
  SECCOMP_ALL (SYS_process_madvise, SECCOMP_FAIL (EPERM)),
  SECCOMP_ALL (SYS_quotactl_fd, SECCOMP_FAIL (EPERM)),
  SECCOMP_ABOVE (SYS_futex_waitv, SECCOMP_FAIL (EPERM)),
  SECCOMP_END
};

/* As of 2019: it knows neither clone3() nor close_range(), nor anything else since statx(). */
const SeccompRule seccomp_old_docker[] = {
  DOCKER_FORBIDS,
  SECCOMP_ABOVE (SYS_statx, SECCOMP_FAIL (EPERM)),
  SECCOMP_END
};

/* For programs that need not be debugged. */
const SeccompRule seccomp_flatpak[] = {
  SECCOMP_ALL (SYS_clone3, SECCOMP_FAIL (ENOSYS)),
  SECCOMP_IF_ANY (SYS_clone, 0, CLONE_NEWUSER, SECCOMP_FAIL (EPERM)),
  SECCOMP_IF_EQUAL (SYS_ioctl, 1, EVERY_BIT, TIOCSTI, SECCOMP_FAIL (EPERM)),
  SECCOMP_IF_EQUAL (SYS_ioctl, 1, EVERY_BIT, TIOCLINUX, SECCOMP_FAIL (EPERM)),
  SECCOMP_IF_EQUAL (SYS_personality, 0, EVERY_BIT, 0, SECCOMP_RET_ALLOW),
  SECCOMP_ALL (SYS_personality, SECCOMP_FAIL (EPERM)),
  SECCOMP_ALL (SYS_ptrace, SECCOMP_FAIL (EPERM)),
  SECCOMP_ALL (SYS_perf_event_open, SECCOMP_FAIL (EPERM)),
  SECCOMP_ALL (SYS_acct, SECCOMP_FAIL (EPERM)),
  SECCOMP_ALL (SYS_quotactl, SECCOMP_FAIL (EPERM)),
  SECCOMP_ALL (SYS_syslog, SECCOMP_FAIL (EPERM)),
  MOUNTS (SECCOMP_FAIL (EPERM)),
  NEW_MOUNTS (SECCOMP_FAIL (ENOSYS)),
  KEYS (SECCOMP_FAIL (EPERM)),
  MEMORY_POLICY (SECCOMP_FAIL (EPERM)),
  SECCOMP_END
};

/* A service that systemd keeps from namespaces, and kills when it asks for what no service needs. */
const SeccompRule seccomp_service[] = {
  SECCOMP_ALL (SYS_clone3, SECCOMP_FAIL (ENOSYS)),
  SECCOMP_IF_ANY (SYS_clone, 0, CLONE_NAMESPACES, SECCOMP_FAIL (EPERM)),
  MOUNTS (SECCOMP_RET_KILL_PROCESS),
  NEW_MOUNTS (SECCOMP_RET_KILL_PROCESS),
  KEYS (SECCOMP_RET_KILL_PROCESS),
  MEMORY_POLICY (SECCOMP_RET_KILL_PROCESS),
  MACHINE (SECCOMP_RET_KILL_PROCESS),
  OTHER_PROCESSES (SECCOMP_RET_KILL_PROCESS),
  SECCOMP_ALL (SYS_ptrace, SECCOMP_RET_KILL_PROCESS),
  SECCOMP_ALL (SYS_personality, SECCOMP_RET_KILL_PROCESS),
  SECCOMP_ALL (SYS_userfaultfd, SECCOMP_RET_KILL_PROCESS),
  SECCOMP_ALL (SYS_sched_setaffinity, SECCOMP_RET_KILL_PROCESS),
  SECCOMP_ALL (SYS_sched_setattr, SECCOMP_RET_KILL_PROCESS),
  SECCOMP_ALL (SYS_sched_setparam, SECCOMP_RET_KILL_PROCESS),
  SECCOMP_ALL (SYS_sched_setscheduler, SECCOMP_RET_KILL_PROCESS),
  SECCOMP_ALL (SYS_setpriority, SECCOMP_RET_KILL_PROCESS),
  SECCOMP_ALL (SYS_ioprio_set, SECCOMP_RET_KILL_PROCESS),
  SECCOMP_END
};

typedef struct {
  struct sock_filter *instructions;
  unsigned short length;
} Program;

static void
add (Program            *program,
     struct sock_filter  instruction)
{
  program->instructions[program->length++] = instruction;
}

#define LOAD(what) \
  ((struct sock_filter) BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, what)))
#define ARGUMENT(number) \
  ((struct sock_filter) BPF_STMT (BPF_LD | BPF_W | BPF_ABS, \
                                  offsetof (struct seccomp_data, args) + 8 * (number)))
#define MASK(bits) ((struct sock_filter) BPF_STMT (BPF_ALU | BPF_AND | BPF_K, (bits)))
#define JUMP(how, value, if_so, if_not) \
  ((struct sock_filter) BPF_JUMP (BPF_JMP | (how) | BPF_K, (value), (if_so), (if_not)))
#define RETURN(action) ((struct sock_filter) BPF_STMT (BPF_RET | BPF_K, (action)))

/* What does not apply goes on behind the rule's last instruction. The argument's lower half comes
 * first on every machine that this is built for. */
static void
add_rule (Program           *program,
          const SeccompRule *rule)
{
  static const unsigned char n_of_condition[] = {
    [SECCOMP_ALWAYS] = 0, [SECCOMP_ANY_BIT] = 2, [SECCOMP_EQUAL] = 3,
  };
  unsigned char rest = n_of_condition[rule->condition] + 1;

  add (program, LOAD (nr));
  add (program, JUMP (BPF_JGE, rule->first, 0, (unsigned char) (rest + 1)));
  add (program, JUMP (BPF_JGT, rule->last, rest, 0));
  if (rule->condition == SECCOMP_ANY_BIT)
    {
      add (program, ARGUMENT (rule->argument));
      add (program, JUMP (BPF_JSET, rule->mask, 0, 1));
    }
  else if (rule->condition == SECCOMP_EQUAL)
    {
      add (program, ARGUMENT (rule->argument));
      add (program, MASK (rule->mask));
      add (program, JUMP (BPF_JEQ, rule->value, 0, 1));
    }
  add (program, RETURN (rule->action));
}

/*
 * seccomp_enter: (skip)
 * @rules: up to SECCOMP_END
 *
 * Puts this process, and what it will start, under a filter.
 */
void
seccomp_enter (const SeccompRule *rules)
{
  Program program = { 0 };
  struct sock_fprog filter;
  gsize n = 0;

  while (rules[n].action != SECCOMP_RET_KILL_THREAD)
    n++;
  program.instructions = g_new (struct sock_filter, n * MAX_PER_RULE + 1);
  for (gsize i = 0; i < n; i++)
    add_rule (&program, &rules[i]);
  add (&program, RETURN (SECCOMP_RET_ALLOW));

  filter = (struct sock_fprog) { program.length, program.instructions };
  g_assert_no_errno (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  g_assert_no_errno (prctl (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter));
  g_free (program.instructions);
}

/*
 * seccomp_forbid: (skip)
 * @number: a system call
 * @error_number: how it is to fail from now on
 *
 * Puts this process, and what it will start, under a filter of one rule.
 */
void
seccomp_forbid (unsigned int number,
                unsigned int error_number)
{
  const SeccompRule rules[] = { SECCOMP_ALL (number, SECCOMP_FAIL (error_number)), SECCOMP_END };

  seccomp_enter (rules);
}
