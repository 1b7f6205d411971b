/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Disturbances of what all threads of a process have in common: descriptors, directory, umask, user
 * ids, environment, libraries, mappings. A child finds one state or the other, never a mixture.
 *
 * The directory, umask and ids are back to what they were when a disturbance ends. */

#include "concurrency.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOBODY 65534

/* Descriptors with close-on-exec take the lowest numbers, where a launch looks for its own, and are
 * seen in no child. Without the flag they are put where a child may see them. */

static gboolean
descriptors_round (void)
{
  int fds[8];
  gboolean complete = TRUE;

  for (gsize i = 0; i < G_N_ELEMENTS (fds); i += 2)
    complete &= pipe2 (fds + i, O_CLOEXEC) == 0;
  complete = complete && dup2 (fds[0], STRAY_FIRST_FD) == STRAY_FIRST_FD &&
             fcntl (fds[1], F_DUPFD, STRAY_FIRST_FD + 1) > STRAY_FIRST_FD &&
             close_range (STRAY_FIRST_FD, STRAY_FIRST_FD + 1, 0) == 0;
  for (gsize i = 0; i < G_N_ELEMENTS (fds); i++)
    complete &= close (fds[i]) == 0;

  return complete;
}

const Disturber disturb_descriptors = { .name = "descriptors", .round = descriptors_round };

static gboolean
directory_round (void)
{
  return chdir ("/usr") == 0 && chdir (case_get_directory ()) == 0;
}

static const Alternative directories[] = { { "directory", "path", "/usr" }, { NULL, NULL, NULL } };

const Disturber disturb_directory = {
  .name = "directory", .alternatives = directories, .round = directory_round,
};

static mode_t old_umask;

static void
umask_begin (void)
{
  old_umask = umask (0027);
}

static gboolean
umask_round (void)
{
  umask (0027);

  return umask (old_umask) == 0027;
}

static void
umask_end (void)
{
  umask (old_umask);
}

static const Alternative umasks[] = { { "process", "umask", "0027" }, { NULL, NULL, NULL } };

const Disturber disturb_umask = {
  .name = "umask", .alternatives = umasks, .begin = umask_begin, .round = umask_round,
  .end = umask_end,
};

/* libc interrupts every thread by a signal to change the ids of them all, and waits for each. Only
 * the real ids change: with others a child might not be allowed to execute the probe. */

static int old_dumpable;

static const char *
find_ids_obstacle (void)
{
  return geteuid () == 0 ? NULL : "changing user ids needs root";
}

static void
ids_begin (void)
{
  old_dumpable = prctl (PR_GET_DUMPABLE, 0, 0, 0, 0);
}

static gboolean
ids_round (void)
{
  return setresuid (NOBODY, 0, 0) == 0 && setresgid (NOBODY, 0, 0) == 0 &&
         setresuid (0, 0, 0) == 0 && setresgid (0, 0, 0) == 0;
}

static void
ids_end (void)
{
  prctl (PR_SET_DUMPABLE, old_dumpable, 0, 0, 0);
}

static const Alternative ids[] = {
  { "credentials", "uids", "65534;0;0" },
  { "credentials", "gids", "65534;0;0" },
  { "process", "death-signal", "0" },
  { NULL, NULL, NULL }
};

const Disturber disturb_ids = {
  .name = "ids", .alternatives = ids, .get_obstacle = find_ids_obstacle, .begin = ids_begin,
  .round = ids_round, .end = ids_end,
};

/* To change the environment while it is read is an error of the caller's, in GLib as here: by
 * g_getenv(), by a launch without an environment of its own, by the translation of a message. */

GRWLock crowd_environment;

static gboolean
change_environment (void)
{
  for (int i = 0; i < 20; i++)
    {
      g_autofree char *name = g_strdup_printf ("DISTURBED_%d", i);

      if (setenv (name, name, TRUE) != 0 || g_strcmp0 (getenv (name), name) != 0)
        return FALSE;
    }
  for (int i = 0; i < 20; i++)
    {
      g_autofree char *name = g_strdup_printf ("DISTURBED_%d", i);

      unsetenv (name);
    }

  return TRUE;
}

static gboolean
environment_round (void)
{
  gboolean complete;

  g_rw_lock_writer_lock (&crowd_environment);
  complete = change_environment ();
  g_rw_lock_writer_unlock (&crowd_environment);

  return complete;
}

const Disturber disturb_environment = {
  .name = "environment", .excludes = TRAIT_ENVIRONMENT | TRAIT_FAILS, .round = environment_round,
};

/* Thread-local data and a constructor make the dynamic linker work for it. */

static gboolean
libraries_round (void)
{
  g_autofree char *path = g_test_build_filename (G_TEST_BUILT, "concurrency-module.so", NULL);
  void *library = dlopen (path, RTLD_NOW | RTLD_LOCAL);
  int (*count) (void);

  if (library == NULL)
    return FALSE;
  count = dlsym (library, "concurrency_module_count");

  return count != NULL && count () == 2 && dlclose (library) == 0;
}

const Disturber disturb_libraries = { .name = "libraries", .round = libraries_round };

/* The heap's end is left to libc, who is told by malloc() to move it. */

static gboolean
mappings_round (void)
{
  const gsize size = 1024 * 1024;
  char *mapping = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  g_autofree char *small = g_malloc (100 * 1000);

  if (mapping == MAP_FAILED)
    return FALSE;
  mapping[0] = mapping[size - 1] = small[0] = 1;

  return mprotect (mapping, size / 2, PROT_READ) == 0 &&
         madvise (mapping + size / 2, size / 2, MADV_DONTNEED) == 0 &&
         munmap (mapping, size) == 0;
}

const Disturber disturb_mappings = { .name = "mappings", .round = mappings_round };

/* No disturbance: a sandbox without clone3(), where children reset signal handlers themselves. */

static void
legacy_prepare (void)
{
  struct sock_filter filter[] = {
    BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, nr)),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = { G_N_ELEMENTS (filter), filter };

  g_assert_no_errno (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  g_assert_no_errno (prctl (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
}

const Disturber disturb_legacy = { .name = "legacy", .prepare = legacy_prepare };

const Disturber disturb_nothing = { .name = "nothing" };
