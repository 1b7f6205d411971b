/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* What a program finds when it starts: arguments, environment, process, directory, credentials,
 * confinement, scheduling, namespaces, signals, limits and descriptors.
 *
 * A report is a key file with a fixed order of groups and keys; every value that is not a number
 * is percent-encoded. Signals are asked of the kernel, for libc hides two of them. */

#include "probe-report.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define REPORT_VERSION 1
#define N_SIGNALS 64

/* What the kernel takes for rt_sigaction() differs from libc's struct, and libc refuses 32 and
 * 33. Every architecture's kernel struct fits into this and begins with the handler. */
typedef struct {
  uintptr_t handler;
  uintptr_t rest[7];
} KernelSigaction;

typedef struct {
  const char *name;
  int resource;
} Limit;

static const Limit limits[] = {
  { "as", RLIMIT_AS },
  { "core", RLIMIT_CORE },
  { "cpu", RLIMIT_CPU },
  { "data", RLIMIT_DATA },
  { "fsize", RLIMIT_FSIZE },
  { "locks", RLIMIT_LOCKS },
  { "memlock", RLIMIT_MEMLOCK },
  { "msgqueue", RLIMIT_MSGQUEUE },
  { "nice", RLIMIT_NICE },
  { "nofile", RLIMIT_NOFILE },
  { "nproc", RLIMIT_NPROC },
  { "rss", RLIMIT_RSS },
  { "rtprio", RLIMIT_RTPRIO },
  { "rttime", RLIMIT_RTTIME },
  { "sigpending", RLIMIT_SIGPENDING },
  { "stack", RLIMIT_STACK },
};

static void
put_text (FILE       *out,
          const char *key,
          const char *text)
{
  fprintf (out, "%s=", key);
  for (; *text != '\0'; text++)
    {
      unsigned char c = (unsigned char) *text;

      if (c > ' ' && c < 127 && c != '%' && c != '\\')
        fputc (c, out);
      else
        fprintf (out, "%%%02X", c);
    }
  fputc ('\n', out);
}

static void
put_texts (FILE  *out,
           char **texts)
{
  int i;

  for (i = 0; texts[i] != NULL; i++)
    {
      char key[16];

      snprintf (key, sizeof key, "%d", i);
      put_text (out, key, texts[i]);
    }
  fprintf (out, "count=%d\n", i);
}

static void
put_link (FILE       *out,
          const char *key,
          const char *path)
{
  char target[4096];
  ssize_t n = readlink (path, target, sizeof target - 1);

  if (n < 0)
    return;
  target[n] = '\0';
  put_text (out, key, target);
}

static const char *
get_type (mode_t mode)
{
  switch (mode & S_IFMT)
    {
    case S_IFREG: return "file";
    case S_IFDIR: return "directory";
    case S_IFCHR: return "character";
    case S_IFBLK: return "block";
    case S_IFIFO: return "pipe";
    case S_IFSOCK: return "socket";
    default: return "other";
    }
}

static const char *
get_access (int status)
{
  if (status & O_PATH)
    return "path";

  switch (status & O_ACCMODE)
    {
    case O_RDONLY: return "read";
    case O_WRONLY: return "write";
    default: return "both";
    }
}

static void
put_descriptor (FILE *out,
                int   fd)
{
  char path[64];
  struct stat st;
  int flags = fcntl (fd, F_GETFD);
  int status = fcntl (fd, F_GETFL);

  if (flags < 0 || fstat (fd, &st) < 0)
    die ("descriptor");

  fprintf (out, "\n[descriptor %d]\n", fd);
  fprintf (out, "type=%s\n", get_type (st.st_mode));
  fprintf (out, "device=%llu\n", (unsigned long long) st.st_dev);
  fprintf (out, "inode=%llu\n", (unsigned long long) st.st_ino);
  fprintf (out, "rdev=%llu\n", (unsigned long long) st.st_rdev);
  fprintf (out, "cloexec=%d\n", (flags & FD_CLOEXEC) != 0);
  fprintf (out, "access=%s\n", get_access (status));
  fprintf (out, "append=%d\n", (status & O_APPEND) != 0);
  fprintf (out, "nonblock=%d\n", (status & O_NONBLOCK) != 0);
  if (S_ISREG (st.st_mode))
    fprintf (out, "position=%lld\n", (long long) lseek (fd, 0, SEEK_CUR));
  snprintf (path, sizeof path, "/proc/self/fd/%d", fd);
  put_link (out, "link", path);
}

static int
compare_numbers (const void *a,
                 const void *b)
{
  return *(const int *) a - *(const int *) b;
}

/* The caller frees the result. Without /proc only numbers below 65536 are found. */
static int *
list_descriptors (size_t *n_fds)
{
  DIR *dir = opendir ("/proc/self/fd");
  int *fds = calloc (65536, sizeof *fds);
  struct dirent *entry;

  if (fds == NULL)
    die ("calloc");

  *n_fds = 0;
  if (dir == NULL)
    {
      for (int fd = 0; fd < 65536; fd++)
        if (fcntl (fd, F_GETFD) >= 0)
          fds[(*n_fds)++] = fd;
      return fds;
    }

  while (*n_fds < 65536 && (entry = readdir (dir)) != NULL)
    if (entry->d_name[0] != '.' && atoi (entry->d_name) != dirfd (dir))
      fds[(*n_fds)++] = atoi (entry->d_name);
  closedir (dir);
  qsort (fds, *n_fds, sizeof *fds, compare_numbers);

  return fds;
}

static void
put_descriptors (FILE *out)
{
  size_t n_fds;
  int *fds = list_descriptors (&n_fds);

  fprintf (out, "\n[descriptors]\nopen=");
  for (size_t i = 0; i < n_fds; i++)
    fprintf (out, "%s%d", i > 0 ? ";" : "", fds[i]);
  fprintf (out, "\ncount=%zu\n", n_fds);
  for (size_t i = 0; i < n_fds; i++)
    put_descriptor (out, fds[i]);
  free (fds);
}

static void
put_signals (FILE *out)
{
  uint64_t mask = 0, pending = 0, ignored = 0, caught = 0;

  if (syscall (SYS_rt_sigprocmask, SIG_BLOCK, NULL, &mask, sizeof mask) < 0)
    die ("rt_sigprocmask");
  if (syscall (SYS_rt_sigpending, &pending, sizeof pending) < 0)
    die ("rt_sigpending");

  for (int number = 1; number <= N_SIGNALS; number++)
    {
      KernelSigaction action = { 0 };

      if (syscall (SYS_rt_sigaction, number, NULL, &action, sizeof mask) < 0)
        die ("rt_sigaction");
      if (action.handler == (uintptr_t) SIG_IGN)
        ignored |= UINT64_C (1) << (number - 1);
      else if (action.handler != (uintptr_t) SIG_DFL)
        caught |= UINT64_C (1) << (number - 1);
    }

  fprintf (out, "\n[signals]\n");
  fprintf (out, "mask=%016llx\n", (unsigned long long) mask);
  fprintf (out, "pending=%016llx\n", (unsigned long long) pending);
  fprintf (out, "ignored=%016llx\n", (unsigned long long) ignored);
  fprintf (out, "caught=%016llx\n", (unsigned long long) caught);
}

/* A caller may have left the probe no room for its own descriptors. */
static struct rlimit
raise_file_limit (void)
{
  struct rlimit limit, raised;

  if (getrlimit (RLIMIT_NOFILE, &limit) < 0)
    die ("nofile");
  raised = limit;
  raised.rlim_cur = limit.rlim_max;
  setrlimit (RLIMIT_NOFILE, &raised);

  return limit;
}

static void
put_limit (FILE                *out,
           const char          *name,
           int                  resource,
           const struct rlimit *files)
{
  struct rlimit limit = *files;

  if (resource != RLIMIT_NOFILE && getrlimit (resource, &limit) < 0)
    die (name);

  if (limit.rlim_cur == RLIM_INFINITY)
    fprintf (out, "%s=infinite", name);
  else
    fprintf (out, "%s=%llu", name, (unsigned long long) limit.rlim_cur);
  if (limit.rlim_max == RLIM_INFINITY)
    fprintf (out, ";infinite\n");
  else
    fprintf (out, ";%llu\n", (unsigned long long) limit.rlim_max);
}

static void
put_credentials (FILE *out)
{
  uid_t ruid, euid, suid;
  gid_t rgid, egid, sgid;
  gid_t groups[1024];
  int n_groups = getgroups (1024, groups);

  if (getresuid (&ruid, &euid, &suid) < 0 || getresgid (&rgid, &egid, &sgid) < 0)
    die ("credentials");

  fprintf (out, "\n[credentials]\n");
  fprintf (out, "uids=%u;%u;%u\n", ruid, euid, suid);
  fprintf (out, "gids=%u;%u;%u\n", rgid, egid, sgid);
  fprintf (out, "groups=");
  for (int i = 0; i < n_groups; i++)
    fprintf (out, "%s%u", i > 0 ? ";" : "", groups[i]);
  fprintf (out, "\ndumpable=%d\n", prctl (PR_GET_DUMPABLE, 0, 0, 0, 0));
}

/* A line of the kernel's own account of this process, which is left out where there is none. */
static void
put_status (FILE       *out,
            const char *key,
            const char *label)
{
  FILE *status = fopen ("/proc/self/status", "re");
  size_t length = strlen (label);
  char line[512];

  while (status != NULL && fgets (line, sizeof line, status) != NULL)
    if (strncmp (line, label, length) == 0)
      {
        char *value = line + length + strspn (line + length, " \t");

        value[strcspn (value, "\n")] = '\0';
        put_text (out, key, value);
      }
  if (status != NULL)
    fclose (status);
}

static void
put_file (FILE       *out,
          const char *key,
          const char *path)
{
  FILE *file = fopen (path, "re");
  char text[4096];
  size_t length;

  if (file == NULL)
    return;
  length = fread (text, 1, sizeof text - 1, file);
  while (length > 0 && text[length - 1] == '\n')
    length--;
  text[length] = '\0';
  fclose (file);
  put_text (out, key, text);
}

/* The seventh field; the second, in parentheses, may have spaces. */
static void
put_terminal (FILE *out)
{
  FILE *file = fopen ("/proc/self/stat", "re");
  char text[1024];
  size_t length;
  const char *rest;
  int terminal = 0;

  if (file == NULL)
    return;
  length = fread (text, 1, sizeof text - 1, file);
  text[length] = '\0';
  fclose (file);
  rest = strrchr (text, ')');
  if (rest != NULL && sscanf (rest, ") %*c %*d %*d %*d %d", &terminal) == 1)
    fprintf (out, "terminal=%u:%u\n", major ((dev_t) terminal), minor ((dev_t) terminal));
}

static void
put_process (FILE *out)
{
  int death_signal = 0;
  mode_t mask = umask (0);

  umask (mask);
  prctl (PR_GET_PDEATHSIG, &death_signal, 0, 0, 0);

  fprintf (out, "\n[process]\n");
  fprintf (out, "pid=%d\n", getpid ());
  fprintf (out, "ppid=%d\n", getppid ());
  fprintf (out, "pgid=%d\n", getpgid (0));
  fprintf (out, "sid=%d\n", getsid (0));
  fprintf (out, "umask=%04o\n", (unsigned int) mask);
  fprintf (out, "death-signal=%d\n", death_signal);
  fprintf (out, "personality=%#x\n", (unsigned int) personality (0xffffffff));
  put_terminal (out);
  put_link (out, "exe", "/proc/self/exe");
  put_text (out, "executed-as", (const char *) getauxval (AT_EXECFN));
}

static void
put_scheduling (FILE *out)
{
  unsigned char cpus[8192 / 8] = { 0 };
  struct sched_param parameters = { 0 };
  long size = syscall (SYS_sched_getaffinity, 0, sizeof cpus, cpus);

  sched_getparam (0, &parameters);
  fprintf (out, "\n[scheduling]\n");
  fprintf (out, "nice=%d\n", getpriority (PRIO_PROCESS, 0));
  fprintf (out, "policy=%d\n", sched_getscheduler (0));
  fprintf (out, "priority=%d\n", parameters.sched_priority);
  fprintf (out, "io-priority=%ld\n", syscall (SYS_ioprio_get, 1, 0));
  fprintf (out, "cpus=");
  for (long cpu = 0, n = 0; cpu < 8 * size; cpu++)
    if (cpus[cpu / 8] & 1 << cpu % 8)
      fprintf (out, "%s%ld", n++ > 0 ? ";" : "", cpu);
  fprintf (out, "\n");
  put_file (out, "oom-score", "/proc/self/oom_score_adj");
}

/* What cannot be asked for shows by what is tried. */
static int tried_errno = -1;

void
probe_report_try_directory (const char *path)
{
  tried_errno = syscall (SYS_mkdirat, AT_FDCWD, path, 0700) < 0 ? errno : 0;
  if (tried_errno == 0)
    rmdir (path);
}

static void
put_confinement (FILE *out)
{
  fprintf (out, "\n[confinement]\n");
  fprintf (out, "no-new-privileges=%d\n", prctl (PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
  put_status (out, "seccomp", "Seccomp:");
  put_status (out, "seccomp-filters", "Seccomp_filters:");
  put_status (out, "capabilities", "CapEff:");
  put_status (out, "tracer", "TracerPid:");
  put_file (out, "cgroup", "/proc/self/cgroup");
  if (tried_errno >= 0)
    fprintf (out, "directory-errno=%d\n", tried_errno);
}

static void
put_namespaces (FILE *out)
{
  static const char *const names[] = {
    "cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time", "time_for_children", "user",
    "uts",
  };

  fprintf (out, "\n[namespaces]\n");
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    {
      char path[64];

      snprintf (path, sizeof path, "/proc/self/ns/%s", names[i]);
      put_link (out, names[i], path);
    }
}

static void
put_directory (FILE *out)
{
  struct stat st;

  if (stat (".", &st) < 0)
    die (".");

  fprintf (out, "\n[directory]\n");
  put_link (out, "path", "/proc/self/cwd");
  fprintf (out, "device=%llu\ninode=%llu\n",
           (unsigned long long) st.st_dev, (unsigned long long) st.st_ino);
}

/* Everything is gathered before the report is opened, so the report's own descriptor is not in
 * it. */
char *
probe_report_new (char  **argv,
                  size_t *length)
{
  char *text = NULL;
  FILE *out = open_memstream (&text, length);
  struct rlimit files = raise_file_limit ();

  if (out == NULL)
    die ("open_memstream");

  fprintf (out, "[probe]\nversion=%d\n", REPORT_VERSION);
  fprintf (out, "\n[arguments]\n");
  put_texts (out, argv);
  fprintf (out, "\n[environment]\n");
  put_texts (out, environ);
  put_process (out);
  put_directory (out);
  put_credentials (out);
  put_scheduling (out);
  put_confinement (out);
  put_namespaces (out);
  put_signals (out);
  fprintf (out, "\n[limits]\n");
  for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
    put_limit (out, limits[i].name, limits[i].resource, &files);
  put_descriptors (out);

  if (fclose (out) != 0)
    die ("report");

  return text;
}
