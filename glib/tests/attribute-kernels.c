/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Attributes where the kernel is another one than here: one that says it is older, and one that a
 * tracer makes of this, which knows a flag of clone3() that this may not know. */

#include <errno.h>
#include <linux/sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/ptrace.h>
#include <linux/seccomp.h>

#include "gspawn-attributes.h"
#include "gspawn-engines.h"

/* To be born without new privileges. */
#define NEW_FLAG (G_GUINT64_CONSTANT (1) << 35)

#define FALL_BACK_DETAIL "clone3(), signal handlers reset by the kernel"
#define ERROR_NUMBER EDOM

static char *trace;

static gboolean
has_detail (const char *prefix)
{
  const char *detail;

  return gspawn_engine_is_available (GSPAWN_ENGINE_CLONE, &detail) &&
         g_str_has_prefix (detail, prefix);
}

/* No descriptor has the number, so nothing is made. */
static gboolean
kernel_knows (guint64 flag)
{
  struct clone_args args = { .flags = CLONE_INTO_CGROUP | flag, .cgroup = G_MAXINT };

  return syscall (SYS_clone3, &args, sizeof args) < 0 && errno == EBADF;
}

static GSpawnAttributes *
new_without_new_privileges (void)
{
  GSpawnAttributes *attributes = gspawn_attributes_new ();

  gspawn_attributes_set_no_new_privileges (attributes, TRUE);

  return attributes;
}

static char *
run (GSpawnAttributes  *attributes,
     GError           **error)
{
  const char *argv[] = { "/bin/grep", "NoNewPrivs", "/proc/self/status", NULL };
  char *output = NULL;

  g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_DEFAULT, gspawn_attributes_child_setup,
                attributes, &output, NULL, NULL, error);

  return output;
}

static void
check_filter_goes_to (const char *engine,
                      const char *reason)
{
  const struct sock_filter allow[] = { BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
  g_autoptr (GSpawnAttributes) attributes = new_without_new_privileges ();
  g_autoptr (GBytes) filter = g_bytes_new (allow, sizeof allow);
  g_autoptr (GError) error = NULL;
  g_autofree char *output = NULL;
  g_autofree char *record = NULL;
  g_autofree char *expected = g_strdup_printf ("\"engine\":\"%s\",\"reason\":\"%s\"", engine,
                                               reason);

  g_assert_true (gspawn_attributes_set_seccomp_filter (attributes, filter, &error));
  output = run (attributes, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (output, ==, "NoNewPrivs:\t1\n");
  g_assert_true (g_file_get_contents (trace, &record, NULL, NULL));
  g_assert_nonnull (strstr (record, expected));
}

static void
test_filter (void)
{
  GSpawnNeeds capabilities;

  if (!g_test_subprocess ())
    {
      g_test_summary ("A filter does not share the caller's memory where a core dump would kill it");
      if (!gspawn_engine_is_available (GSPAWN_ENGINE_CLONE, NULL) ||
          !gspawn_engine_is_available (GSPAWN_ENGINE_FORK, NULL))
        {
          g_test_skip ("The clone and fork engines are not both available");
          return;
        }
      g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
      g_test_trap_assert_passed ();
      return;
    }

  /* It says from now on that it is 2.6. */
  g_assert_no_errno (personality (UNAME26));
  capabilities = gspawn_engine_get_capabilities (GSPAWN_ENGINE_CLONE);
  g_assert_cmpuint (capabilities & GSPAWN_NEED_SECCOMP_FILTER, ==, 0);
  g_assert_cmpuint (capabilities & GSPAWN_NEED_ATTRIBUTES, !=, 0);
  check_filter_goes_to ("fork", "seccomp-filter");
}

/* From now on, for all that we start. */
static void
refuse_to_take_privileges (void)
{
  const struct sock_filter instructions[] = {
    BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, nr)),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 3),
    BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, args[0])),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, PR_SET_NO_NEW_PRIVS, 0, 1),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ERROR_NUMBER),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const struct sock_fprog filter = { G_N_ELEMENTS (instructions),
                                     (struct sock_filter *) instructions };

  g_assert_no_errno (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  g_assert_no_errno (prctl (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter));
}

/* Where the kernel has no flag for it, the child does it itself, and is the one to be refused. */
static void
test_fall_back (void)
{
  g_autoptr (GSpawnAttributes) attributes = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *output = NULL;

  if (!g_test_subprocess ())
    {
      g_test_summary ("Without the kernel's flag the child gives its privileges up by itself");
      if (!has_detail ("clone3()"))
        {
          g_test_skip ("clone3() is not available");
          return;
        }
      g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
      g_test_trap_assert_passed ();
      return;
    }

  attributes = new_without_new_privileges ();
  g_assert_cmpint (has_detail (FALL_BACK_DETAIL), ==, !kernel_knows (NEW_FLAG));
  refuse_to_take_privileges ();
  output = run (attributes, &error);
  if (kernel_knows (NEW_FLAG))
    {
      g_assert_no_error (error);
      g_assert_cmpstr (output, ==, "NoNewPrivs:\t1\n");
      return;
    }

  /* Nor was the kernel asked for what it does not know. */
  g_assert_true (has_detail (FALL_BACK_DETAIL));
  g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "no-new-privileges"));
  g_assert_nonnull (strstr (error->message, g_strerror (ERROR_NUMBER)));
}

/* What the caller sees of a kernel that knows the flag and then does nothing: the child relies on
 * it, and does not try by itself. */
static G_GNUC_NORETURN void
be_traced_caller (void)
{
  g_autoptr (GSpawnAttributes) attributes = new_without_new_privileges ();
  g_autoptr (GError) error = NULL;
  g_autofree char *output = NULL;

  if (ptrace (PTRACE_TRACEME, 0, NULL, NULL) < 0 || raise (SIGSTOP) != 0)
    _exit (2);
  if (has_detail (FALL_BACK_DETAIL))
    _exit (3);
  output = run (attributes, &error);
  if (error != NULL)
    _exit (4);

  _exit (g_str_equal (output, "NoNewPrivs:\t0\n") ? EXIT_SUCCESS : 5);
}

/* Takes the flag out of what the kernel is told. Returns whether it was there. */
static gboolean
take_flag (pid_t pid)
{
  struct ptrace_syscall_info info;
  long flags;

  g_assert_no_errno (ptrace (PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info));
  if (info.op != PTRACE_SYSCALL_INFO_ENTRY || info.entry.nr != SYS_clone3)
    return FALSE;

  errno = 0;
  flags = ptrace (PTRACE_PEEKDATA, pid, (gpointer) (gsize) info.entry.args[0], NULL);
  g_assert_cmpint (errno, ==, 0);
  if (((guint64) flags & NEW_FLAG) == 0)
    return FALSE;

  g_assert_no_errno (ptrace (PTRACE_POKEDATA, pid, (gpointer) (gsize) info.entry.args[0],
                             (gpointer) (gsize) ((guint64) flags & ~NEW_FLAG)));
  return TRUE;
}

static void
test_flag (void)
{
  guint n_taken = 0;
  pid_t caller;
  int status;

  if (!g_test_subprocess ())
    {
      g_test_summary ("With the kernel's flag the child has no new privileges from its birth on");
      if (!has_detail ("clone3()") || prctl (PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 0 ||
          sizeof (long) != sizeof (guint64))
        {
          g_test_skip ("clone3() is not available, or privileges were given up before");
          return;
        }
      g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
      g_test_trap_assert_passed ();
      return;
    }

  caller = fork ();
  g_assert_no_errno (caller);
  if (caller == 0)
    be_traced_caller ();

  g_assert_cmpint (waitpid (caller, &status, 0), ==, caller);
  g_assert_true (WIFSTOPPED (status));
  g_assert_no_errno (ptrace (PTRACE_SETOPTIONS, caller, NULL,
                             PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
  while (!WIFEXITED (status) && !WIFSIGNALED (status))
    {
      int signal_number = WSTOPSIG (status);

      if (signal_number == (SIGTRAP | 0x80))
        n_taken += take_flag (caller);
      if (signal_number == (SIGTRAP | 0x80) || signal_number == SIGSTOP)
        signal_number = 0;
      g_assert_no_errno (ptrace (PTRACE_SYSCALL, caller, NULL, signal_number));
      g_assert_cmpint (waitpid (caller, &status, 0), ==, caller);
    }

  g_assert_cmpint (status, ==, 0);
  /* Once to ask, once to use it. */
  g_assert_cmpuint (n_taken, ==, 2);
}

int
main (int    argc,
      char **argv)
{
  g_autofree char *directory = g_dir_make_tmp ("gspawn-test-XXXXXX", NULL);
  int status;

  trace = g_build_filename (directory, "trace", NULL);
  g_setenv ("GSPAWN_TRACE", trace, TRUE);
  g_unsetenv ("GSPAWN_ENGINE");
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/attribute-kernels/filter", test_filter);
  g_test_add_func ("/attribute-kernels/privileges-by-prctl", test_fall_back);
  g_test_add_func ("/attribute-kernels/privileges-by-flag", test_flag);

  status = g_test_run ();
  unlink (trace);
  rmdir (directory);
  g_free (trace);

  return status;
}
