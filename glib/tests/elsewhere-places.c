/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* The places: namespaces, hidden file systems, limits and filters, each entered by a process that
 * was made for it and is gone with it, so that nothing is left of a place. */

#include "elsewhere.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534

#define MUST(call) must ((call) >= 0, #call)

static void
must (gboolean    success,
      const char *what)
{
  int saved_errno = errno;

  if (!success)
    g_error ("%s: %s", what, g_strerror (saved_errno));
}

static void
write_file (const char *path,
            const char *text)
{
  int fd = open (path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);

  must (fd >= 0 && write (fd, text, strlen (text)) == (gssize) strlen (text), path);
  close (fd);
}

static void
map_id (const char *path,
        guint       id)
{
  g_autofree char *line = g_strdup_printf ("%u %u 1", id, id);

  write_file (path, line);
}

/* Who is not root becomes so by a user namespace, where there may be one. */
static const char *
enter_namespaces (int flags)
{
  guint uid = geteuid (), gid = getegid ();

  if (uid != 0)
    flags |= CLONE_NEWUSER;
  if (unshare (flags) < 0)
    return "namespaces are not allowed here";

  if ((flags & CLONE_NEWUSER) != 0)
    {
      write_file ("/proc/self/setgroups", "deny");
      map_id ("/proc/self/uid_map", uid);
      map_id ("/proc/self/gid_map", gid);
    }
  if ((flags & CLONE_NEWNS) != 0)
    MUST (mount ("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));

  return NULL;
}

static const char *
stay (void)
{
  return NULL;
}

static const char *
enter_user_namespace (void)
{
  return enter_namespaces (CLONE_NEWUSER);
}

/* Goes on in a child, as whose end this process ends. */
static void
continue_in_child (void)
{
  pid_t pid = fork ();
  int status;

  MUST (pid);
  if (pid == 0)
    return;

  while (waitpid (pid, &status, 0) < 0)
    must (errno == EINTR, "waitpid");
  _exit (WIFEXITED (status) ? WEXITSTATUS (status) : 128 + WTERMSIG (status));
}

static const char *
become_first (void)
{
  const char *reason = enter_namespaces (CLONE_NEWPID | CLONE_NEWNS);

  if (reason == NULL)
    {
      continue_in_child ();
      must (getpid () == 1, "the first process");
    }

  return reason;
}

/* /proc shows the processes of the namespace outside, where we have another pid. */
static const char *
become_first_with_foreign_proc (void)
{
  return become_first ();
}

static const char *
become_first_with_own_proc (void)
{
  const char *reason = become_first ();

  if (reason == NULL)
    MUST (mount ("proc", "/proc", "proc", 0, NULL));

  return reason;
}

static const char *
become_first_without_proc (void)
{
  const char *reason = become_first ();

  if (reason == NULL)
    MUST (mount ("none", "/proc", "tmpfs", 0, NULL));

  return reason;
}

static const char *
become_first_twice (void)
{
  const char *reason = become_first ();

  return reason != NULL ? reason : become_first ();
}

/* The first process waits for this one only; orphans are left to it. */
static const char *
become_second (void)
{
  const char *reason = become_first_with_own_proc ();

  if (reason == NULL)
    continue_in_child ();

  return reason;
}

static const char *
become_subreaper (void)
{
  MUST (prctl (PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));

  return NULL;
}

static const char *
hide_proc (void)
{
  const char *reason = enter_namespaces (CLONE_NEWNS);

  if (reason == NULL)
    MUST (mount ("none", "/proc", "tmpfs", 0, NULL));

  return reason;
}

static const char *
hide_processes (void)
{
  const char *reason = become_first ();

  if (reason == NULL)
    MUST (mount ("proc", "/proc", "proc", 0, "hidepid=2"));

  return reason;
}

static const char *
empty_dev (void)
{
  const char *reason = enter_namespaces (CLONE_NEWNS);

  if (reason == NULL)
    MUST (mount ("none", "/dev", "tmpfs", 0, NULL));

  return reason;
}

static const char *
make_null_a_file (void)
{
  const char *reason = empty_dev ();

  if (reason == NULL)
    write_file ("/dev/null", "");

  return reason;
}

static const char *
make_null_read_only (void)
{
  const char *reason = make_null_a_file ();

  if (reason == NULL)
    MUST (mount ("none", "/dev", NULL, MS_REMOUNT | MS_RDONLY, NULL));

  return reason;
}

/* As for a file system of which no device is trusted. */
static const char *
make_null_no_device (void)
{
  const char *reason = geteuid () == 0 ? empty_dev () : "making a device needs root";

  if (reason == NULL)
    {
      MUST (mknod ("/dev/null", S_IFCHR | 0666, makedev (1, 3)));
      MUST (mount ("none", "/dev", NULL, MS_REMOUNT | MS_NODEV, NULL));
    }

  return reason;
}

static void
copy_file (const char *from,
           const char *to)
{
  g_autofree char *contents = NULL;
  gsize length;

  must (g_file_get_contents (from, &contents, &length, NULL), from);
  must (g_file_set_contents_full (to, contents, (gssize) length, G_FILE_SET_CONTENTS_NONE, 0755,
                                  NULL), to);
}

/* There is the program and a script, and neither a shell nor /proc nor /dev. */
static const char *
enter_empty_root (void)
{
  const char *reason = enter_namespaces (CLONE_NEWNS);

  if (reason != NULL)
    return reason;

  MUST (mount ("none", "/tmp", "tmpfs", 0, NULL));
  copy_file (place_program, "/tmp/program");
  write_file ("/tmp/script", "");
  MUST (chroot ("/tmp"));
  MUST (chdir ("/"));
  place_program = "/program";
  place_script = "/script";

  return NULL;
}

static const char *
renounce_privileges (void)
{
  MUST (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));

  return NULL;
}

/* Root is exempt from the limit. */
static const char *
allow_no_process (void)
{
  const struct rlimit none = { 0, 0 };

  if (geteuid () == 0)
    {
      MUST (setresgid (NOBODY, NOBODY, NOBODY));
      MUST (setresuid (NOBODY, NOBODY, NOBODY));
    }
  MUST (setrlimit (RLIMIT_NPROC, &none));

  return NULL;
}

static const char *
allow_one_directory (void)
{
  const struct landlock_ruleset_attr attributes = {
    .handled_access_fs = LANDLOCK_ACCESS_FS_EXECUTE,
  };
  g_autofree char *directory = g_path_get_dirname (place_program);
  struct landlock_path_beneath_attr beneath = { .allowed_access = LANDLOCK_ACCESS_FS_EXECUTE };
  int rules = (int) syscall (SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);

  if (rules < 0)
    return "this kernel has no Landlock";

  beneath.parent_fd = open (directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
  MUST (beneath.parent_fd);
  MUST (syscall (SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0));
  MUST (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  MUST (syscall (SYS_landlock_restrict_self, rules, 0));
  close (beneath.parent_fd);
  close (rules);

  return NULL;
}

static const char *
close_streams (void)
{
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    close (fd);

  return NULL;
}

#define ALL_WORK { ENGINE_WORKS, ENGINE_WORKS, ENGINE_WORKS }
#define WITHOUT_CLONE3 { ENGINE_WORKS_BY_CLONE, ENGINE_WORKS, ENGINE_WORKS }
#define WITHOUT_CLONE3_BY_EPERM { ENGINE_WORKS_BY_CLONE, ENGINE_IS_NOT_USED, ENGINE_WORKS }

const Place places[] = {
  { "nowhere", "an ordinary process",
    stay, NULL, ALL_WORK, { { NULL, 0 } } },
  { "user-namespace", "in a user namespace of its own",
    enter_user_namespace, NULL, ALL_WORK, { { NULL, 0 } } },
  { "pid-1", "the first process of a PID namespace",
    become_first_with_own_proc, NULL, ALL_WORK, { { NULL, 0 } } },
  { "pid-1-foreign-proc", "the same, with the `/proc` of the namespace outside",
    become_first_with_foreign_proc, NULL, ALL_WORK, { { NULL, 0 } } },
  { "pid-1-no-proc", "the same, without `/proc`",
    become_first_without_proc, NULL, ALL_WORK, { { NULL, 0 } } },
  { "pid-1-nested", "the first process of a PID namespace in another one",
    become_first_twice, NULL, ALL_WORK, { { NULL, 0 } } },
  { "pid-2", "in a PID namespace, below its first process",
    become_second, NULL, ALL_WORK, { { NULL, 0 } } },
  { "subreaper", "a process that is given orphans",
    become_subreaper, NULL, ALL_WORK, { { NULL, 0 } } },
  { "no-proc", "without `/proc`",
    hide_proc, NULL, ALL_WORK, { { NULL, 0 } } },
  { "hidepid", "with a `/proc` that shows one's own processes only",
    hide_processes, NULL, ALL_WORK, { { NULL, 0 } } },
  { "no-dev-null", "without `/dev/null`",
    empty_dev, NULL, ALL_WORK,
    { { "null-input", G_SPAWN_ERROR_FAILED }, { "null-output", G_SPAWN_ERROR_FAILED },
      { "closed", G_SPAWN_ERROR_FAILED } } },
  { "null-is-a-file", "`/dev/null` is an ordinary file",
    make_null_a_file, NULL, ALL_WORK, { { NULL, 0 } } },
  { "null-is-read-only", "`/dev/null` is a file that cannot be written to",
    make_null_read_only, NULL, ALL_WORK,
    { { "null-output", G_SPAWN_ERROR_FAILED }, { "closed", G_SPAWN_ERROR_FAILED } } },
  { "null-is-no-device", "`/dev/null` lies where devices do not work",
    make_null_no_device, NULL, ALL_WORK,
    { { "null-input", G_SPAWN_ERROR_FAILED }, { "null-output", G_SPAWN_ERROR_FAILED },
      { "closed", G_SPAWN_ERROR_FAILED } } },
  { "empty-root", "a root directory with nothing but a static program",
    enter_empty_root, NULL, ALL_WORK,
    { { "null-input", G_SPAWN_ERROR_FAILED }, { "null-output", G_SPAWN_ERROR_FAILED },
      { "closed", G_SPAWN_ERROR_FAILED }, { "script", G_SPAWN_ERROR_NOENT } } },
  { "closed-streams", "0, 1 and 2 are closed",
    close_streams, NULL, ALL_WORK, { { NULL, 0 } } },
  { "no-new-privileges", "under `PR_SET_NO_NEW_PRIVS`",
    renounce_privileges, NULL, ALL_WORK, { { NULL, 0 } } },
  { "no-processes", "under `RLIMIT_NPROC` with no room",
    allow_no_process, NULL, ALL_WORK, { { "*", G_SPAWN_ERROR_FORK } } },
  { "landlock", "under Landlock, with leave to execute one directory's programs",
    allow_one_directory, NULL, ALL_WORK, { { "script", G_SPAWN_ERROR_ACCES } } },
  { "docker", "under a filter like Docker's",
    stay, seccomp_docker, WITHOUT_CLONE3, { { NULL, 0 } } },
  { "docker-2019", "under a filter like that of Docker in 2019",
    stay, seccomp_old_docker, WITHOUT_CLONE3_BY_EPERM, { { NULL, 0 } } },
  { "flatpak", "under a filter like Flatpak's",
    stay, seccomp_flatpak, WITHOUT_CLONE3, { { NULL, 0 } } },
  { "service", "under a filter like those of services of systemd, which kills",
    stay, seccomp_service, WITHOUT_CLONE3, { { NULL, 0 } } },
  { "container", "the first process of a container, under a filter like Docker's",
    become_first_with_own_proc, seccomp_docker, WITHOUT_CLONE3, { { NULL, 0 } } },
  { .name = NULL }
};
