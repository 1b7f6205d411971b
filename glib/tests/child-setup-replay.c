/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* What stands for each operation of real child setup functions, gone through by hand; and launches
 * with that in place of the function, whose child must find what the function would have done. */

#include "child-setup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report.h"

#define NOBODY 65534
#define MAPPED_FD 7
#define POSITION 3

struct _ChildSetupReplay {
  const char *directory;
  GSpawnAttributes *attributes;
  GError *error;
  char **envp;
  char *working_directory;
  int input;
  int master;
  int sources[1];
  int targets[1];
  gsize n_mapped;
  gboolean is_traced;
  int held_open;

  GPid pid;
  GKeyFile *report;
  GString *problem;
};

static void
expect (ChildSetupReplay *replay,
        const char       *group,
        const char       *key,
        const char       *expected)
{
  g_autofree char *actual = report_get_text (replay->report, group, key);

  if (g_strcmp0 (actual, expected) != 0)
    g_string_append_printf (replay->problem, "%s/%s is %s, not %s; ", group, key, actual,
                            expected);
}

static void
expect_number (ChildSetupReplay *replay,
               const char       *group,
               const char       *key,
               gint64            number)
{
  g_autofree char *expected = g_strdup_printf ("%" G_GINT64_FORMAT, number);

  expect (replay, group, key, expected);
}

static void
expect_variable (ChildSetupReplay *replay,
                 const char       *name,
                 const char       *expected)
{
  g_auto (GStrv) variables = report_get_texts (replay->report, "environment");
  const char *actual = g_environ_getenv (variables, name);

  if (g_strcmp0 (actual, expected) != 0)
    g_string_append_printf (replay->problem, "%s is %s; ", name, actual);
}

static void
apply_env (ChildSetupReplay *replay)
{
  if (replay->envp == NULL)
    replay->envp = g_get_environ ();
  replay->envp = g_environ_setenv (replay->envp, "DISPLAY", ":17", TRUE);
}

static void
check_env (ChildSetupReplay *replay)
{
  expect_variable (replay, "DISPLAY", ":17");
}

static void
apply_fdmap (ChildSetupReplay *replay)
{
  g_autofree char *path = g_build_filename (replay->directory, "mapped", NULL);
  int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

  g_assert_cmpint (write (fd, "mapped", 6), ==, 6);
  replay->sources[0] = fd;
  replay->targets[0] = MAPPED_FD;
  replay->n_mapped = 1;
}

static void
check_fdmap (ChildSetupReplay *replay)
{
  g_autofree char *expected = descriptor_describe (replay->sources[0]);
  g_autofree char *actual = report_describe (replay->report, MAPPED_FD);

  if (!g_str_equal (actual, expected))
    g_string_append_printf (replay->problem, "descriptor %d is %s; ", MAPPED_FD, actual);
}

/* The position belongs to what is open, so it is the same on either side. */
static void
apply_lseek (ChildSetupReplay *replay)
{
  if (replay->n_mapped == 0)
    apply_fdmap (replay);
  g_assert_cmpint (lseek (replay->sources[0], POSITION, SEEK_SET), ==, POSITION);
}

static void
check_lseek (ChildSetupReplay *replay)
{
  g_autofree char *group = g_strdup_printf ("descriptor %d", MAPPED_FD);

  expect_number (replay, group, "position", POSITION);
}

static void
apply_close (ChildSetupReplay *replay)
{
  if (replay->held_open < 0)
    replay->held_open = open ("/dev/null", O_RDONLY);
}

static void
check_close (ChildSetupReplay *replay)
{
  g_autofree char *open_fds = report_get_open (replay->report);
  g_autofree char *expected = replay->n_mapped > 0
      ? g_strdup_printf ("0;1;2;%d", MAPPED_FD) : g_strdup ("0;1;2");

  if (!g_str_equal (open_fds, expected))
    g_string_append_printf (replay->problem, "open are %s; ", open_fds);
}

static void
apply_setsid (ChildSetupReplay *replay)
{
  gspawn_attributes_set_new_session (replay->attributes, TRUE);
}

static void
check_setsid (ChildSetupReplay *replay)
{
  expect_number (replay, "process", "sid", replay->pid);
}

/* Those who do it after setsid() do not look at the failure. */
static void
apply_setpgid (ChildSetupReplay *replay)
{
  gspawn_attributes_set_process_group (replay->attributes, 0, &replay->error);
  gspawn_attributes_set_optional (replay->attributes, GSPAWN_ATTRIBUTE_PROCESS_GROUP, TRUE);
}

static void
check_setpgid (ChildSetupReplay *replay)
{
  expect_number (replay, "process", "pgid", replay->pid);
}

static void
apply_pdeathsig (ChildSetupReplay *replay)
{
  gspawn_attributes_set_death_signal (replay->attributes, SIGTERM, &replay->error);
}

static void
check_pdeathsig (ChildSetupReplay *replay)
{
  expect_number (replay, "process", "death-signal", SIGTERM);
}

static void
apply_sigmask (ChildSetupReplay *replay)
{
  gspawn_attributes_set_signal_mask (replay->attributes, NULL, 0, &replay->error);
}

static void
check_sigmask (ChildSetupReplay *replay)
{
  expect (replay, "signals", "mask", "0000000000000000");
}

static void
apply_sigdfl (ChildSetupReplay *replay)
{
  gspawn_attributes_set_default_signals (replay->attributes, TRUE);
}

static void
check_sigdfl (ChildSetupReplay *replay)
{
  expect (replay, "signals", "ignored", "0000000000000000");
}

static void
apply_sigign (ChildSetupReplay *replay)
{
  const int signals[] = { SIGPIPE };

  gspawn_attributes_set_ignored_signals (replay->attributes, signals, 1, &replay->error);
}

static void
check_sigign (ChildSetupReplay *replay)
{
  guint64 ignored = report_get_signals (replay->report, "ignored");

  if ((ignored & 1u << (SIGPIPE - 1)) == 0)
    g_string_append (replay->problem, "SIGPIPE is not ignored; ");
}

static void
apply_rlimit (ChildSetupReplay *replay)
{
  gspawn_attributes_set_limit (replay->attributes, RLIMIT_NOFILE, 123, 456, &replay->error);
}

static void
check_rlimit (ChildSetupReplay *replay)
{
  expect (replay, "limits", "nofile", "123;456");
}

static guint
get_other_user (void)
{
  return geteuid () == 0 ? NOBODY : getuid ();
}

/* Without privileges it can be done only as what one is already. */
static void
apply_creds (ChildSetupReplay *replay)
{
  const guint groups[] = { get_other_user () };

  if (geteuid () == 0)
    gspawn_attributes_set_groups (replay->attributes, groups, 1, &replay->error);
  gspawn_attributes_set_group (replay->attributes, geteuid () == 0 ? NOBODY : getgid (),
                               &replay->error);
  gspawn_attributes_set_user (replay->attributes, get_other_user (), &replay->error);
}

static void
check_creds (ChildSetupReplay *replay)
{
  g_autofree char *expected = g_strdup_printf ("%u;%u;%u", get_other_user (), get_other_user (),
                                               get_other_user ());

  expect (replay, "credentials", "uids", expected);
}

static void
apply_ctty (ChildSetupReplay *replay)
{
  replay->master = posix_openpt (O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (replay->master < 0 || grantpt (replay->master) < 0 || unlockpt (replay->master) < 0)
    g_error ("pty: %s", g_strerror (errno));
  replay->input = open (ptsname (replay->master), O_RDWR | O_NOCTTY | O_CLOEXEC);
  gspawn_attributes_set_controlling_terminal (replay->attributes, 0, &replay->error);
}

static void
check_ctty (ChildSetupReplay *replay)
{
  g_autofree char *terminal = report_get_text (replay->report, "process", "terminal");

  if (terminal == NULL || g_str_equal (terminal, "0:0"))
    g_string_append (replay->problem, "no controlling terminal; ");
}

static void
apply_fchdir (ChildSetupReplay *replay)
{
  int fd = open ("/usr", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  gspawn_attributes_set_working_directory_fd (replay->attributes, fd, &replay->error);
  close (fd);
}

static void
check_directory (ChildSetupReplay *replay)
{
  expect (replay, "directory", "path", "/usr");
}

static void
apply_chdir (ChildSetupReplay *replay)
{
  replay->working_directory = g_strdup ("/usr");
}

static void
apply_sandbox (ChildSetupReplay *replay)
{
  const struct sock_filter instructions[] = {
    BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, nr)),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, SYS_ptrace, 0, 1),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const struct landlock_ruleset_attr attr = {
    .handled_access_fs = LANDLOCK_ACCESS_FS_MAKE_DIR,
  };
  g_autoptr (GBytes) filter = g_bytes_new_static (instructions, sizeof instructions);
  int fd = (int) syscall (SYS_landlock_create_ruleset, &attr, sizeof attr, 0);

  gspawn_attributes_set_no_new_privileges (replay->attributes, TRUE);
  gspawn_attributes_set_seccomp_filter (replay->attributes, filter, &replay->error);
  /* Those who use it do without where the kernel has none. */
  if (fd >= 0)
    gspawn_attributes_set_landlock_ruleset_fd (replay->attributes, fd, &replay->error);
  if (fd >= 0)
    close (fd);
}

static void
check_sandbox (ChildSetupReplay *replay)
{
  expect (replay, "confinement", "no-new-privileges", "1");
  expect (replay, "confinement", "seccomp", "2");
  if (gspawn_attributes_has (replay->attributes, GSPAWN_ATTRIBUTE_LANDLOCK))
    expect_number (replay, "confinement", "directory-errno", EACCES);
}

static void
apply_ownpid (ChildSetupReplay *replay)
{
  gspawn_attributes_set_pid_variable (replay->attributes, "LISTEN_PID", &replay->error);
}

static void
check_ownpid (ChildSetupReplay *replay)
{
  g_autofree char *expected = g_strdup_printf ("%d", replay->pid);

  expect_variable (replay, "LISTEN_PID", expected);
}

static void
apply_ptrace (ChildSetupReplay *replay)
{
  gspawn_attributes_set_trace_me (replay->attributes, TRUE);
  replay->is_traced = TRUE;
}

static void
check_ptrace (ChildSetupReplay *replay)
{
  expect_number (replay, "confinement", "tracer", getpid ());
}

static const ChildSetupOperation operations[] = {
  { "fdmap", "duplicates descriptors, or makes them inheritable",
    "the descriptor map of `g_spawn_async_with_pipes_and_fds()` or "
    "`g_subprocess_launcher_take_fd()`", NULL, apply_fdmap, check_fdmap },
  { "env", "sets environment variables", "the environment of the launch",
    NULL, apply_env, check_env },
  { "setsid", "leads a session", "`new-session`", NULL, apply_setsid, check_setsid },
  { "setpgid", "leads a process group", "`process-group`", NULL, apply_setpgid, check_setpgid },
  { "closeothers", "closes all other descriptors",
    "nothing: that is the default", NULL, apply_close, check_close },
  { "sigmask", "unblocks all signals", "`signal-mask`", NULL, apply_sigmask, check_sigmask },
  { "ctty", "makes its terminal the controlling one", "`controlling-terminal`", NULL,
    apply_ctty, check_ctty },
  { "creds", "becomes another user", "`user`, `group`, `groups`", NULL, apply_creds, check_creds },
  { "pdeathsig", "wants a signal when its parent dies", "`death-signal`", NULL, apply_pdeathsig,
    check_pdeathsig },
  { "sigdfl", "gives signals their default action", "`default-signals`", NULL, apply_sigdfl,
    check_sigdfl },
  { "lseek", "rewinds a file that it passes on", "the same call before the launch, for the "
    "position is shared", NULL, apply_lseek, check_lseek },
  { "rlimit", "sets a resource limit", "`limits`", NULL, apply_rlimit, check_rlimit },
  { "sigign", "ignores signals", "`ignored-signals`", NULL, apply_sigign, check_sigign },
  { "chdir", "changes its directory", "the working directory of the launch", NULL, apply_chdir,
    check_directory },
  { "fchdir", "changes its directory, by a descriptor", "`working-directory`", NULL,
    apply_fchdir, check_directory },
  { "sandbox", "enters Landlock or a filter of system calls",
    "`landlock`, `seccomp-filter`, `no-new-privileges`", NULL, apply_sandbox, check_sandbox },
  { "ownpid", "puts its pid into its environment", "`pid-variable`", NULL, apply_ownpid,
    check_ownpid },
  { "ptrace", "is traced by its parent", "`trace-me`", NULL, apply_ptrace, check_ptrace },
  { "fdclose", "closes a descriptor",
    "nothing: descriptors that are not in the map are closed", NULL, apply_close, check_close },
  { "namespace", "mounts file systems or changes its root in a namespace of its own",
    "`namespaces`, for the namespace alone",
    "to mount and to change the root are steps rather than a state", NULL, NULL },
  { "termios", "changes the settings of its terminal",
    "the same calls before the launch, for whoever has the terminal open",
    "it is another library that opens the terminal", NULL, NULL },
  { "daemonize", "forks once more", "a launch without `G_SPAWN_DO_NOT_REAP_CHILD`",
    "the process that the caller learns of would be another one", NULL, NULL },
};

const ChildSetupOperation *
child_setup_operations (guint *n_operations)
{
  *n_operations = G_N_ELEMENTS (operations);

  return operations;
}

/* In the order of the table, which is not that of the survey: it does not matter. */
static void
each_operation (const ChildSetup *setup,
                ChildSetupReplay *replay,
                gboolean          checks)
{
  guint n_known = 0;

  for (guint i = 0; i < G_N_ELEMENTS (operations); i++)
    {
      const ChildSetupOperation *operation = &operations[i];
      void (*step) (ChildSetupReplay *) = checks ? operation->check : operation->apply;

      if (!g_strv_contains ((const char *const *) setup->operations, operation->code))
        continue;
      n_known++;
      if (step != NULL)
        step (replay);
    }

  if (n_known != g_strv_length (setup->operations))
    g_string_append (replay->problem, "an operation is not in the table; ");
}

static int
wait_for_child (pid_t pid)
{
  int status = -1;

  while (waitpid (pid, &status, 0) < 0 && errno == EINTR)
    ;

  return status;
}

static void
launch (ChildSetupReplay *replay,
        const char       *probe,
        ReportSink       *sink)
{
  g_autofree char *tried = g_build_filename (replay->directory, "tried", NULL);
  const char *argv[] = { probe, "try-directory", tried, "report", report_sink_get_path (sink),
                         NULL };
  int status;

  if (!g_spawn_async_with_pipes_and_fds (replay->working_directory, argv,
                                         (const char *const *) replay->envp,
                                         G_SPAWN_DO_NOT_REAP_CHILD, gspawn_attributes_child_setup,
                                         replay->attributes, replay->input, -1, -1,
                                         replay->sources, replay->targets, replay->n_mapped,
                                         &replay->pid, NULL, NULL, NULL, &replay->error))
    {
      g_string_append_printf (replay->problem, "%s; ", replay->error->message);
      return;
    }

  if (replay->is_traced)
    {
      wait_for_child (replay->pid);
      ptrace (PTRACE_CONT, replay->pid, NULL, NULL);
    }
  replay->report = report_sink_read (sink, replay->pid);
  status = wait_for_child (replay->pid);
  if (status != 0 || replay->report == NULL)
    g_string_append_printf (replay->problem, "the child ended with status %d; ", status);
}

static void
replay_clear (ChildSetupReplay *replay)
{
  const int fds[] = { replay->input, replay->master, replay->held_open,
                      replay->n_mapped > 0 ? replay->sources[0] : -1 };

  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    if (fds[i] >= 0)
      close (fds[i]);
  gspawn_attributes_unref (replay->attributes);
  g_clear_error (&replay->error);
  g_strfreev (replay->envp);
  g_free (replay->working_directory);
  g_clear_pointer (&replay->report, g_key_file_unref);
}

/*
 * child_setup_replay: (skip)
 * @setup: a function
 * @probe: the program to start
 * @directory: where files can be made
 *
 * Launches @probe with what stands for the operations of @setup, once.
 *
 * Returns: (transfer full): what was not as it should be, empty if all was
 */
char *
child_setup_replay (const ChildSetup *setup,
                    const char       *probe,
                    const char       *directory)
{
  g_autoptr (ReportSink) sink = report_sink_new ();
  ChildSetupReplay replay = {
    .directory = directory,
    .attributes = gspawn_attributes_new (),
    .input = -1,
    .master = -1,
    .held_open = -1,
    .problem = g_string_new (NULL),
  };

  g_assert_no_errno (chmod (report_sink_get_path (sink), 0666));
  each_operation (setup, &replay, FALSE);
  g_assert_no_error (replay.error);
  launch (&replay, probe, sink);
  if (replay.report != NULL)
    each_operation (setup, &replay, TRUE);
  replay_clear (&replay);

  return g_string_free (replay.problem, FALSE);
}
