/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* By what a template knows its program again, and what it costs to look. Files that differ in one
 * thing alone, as in the device or in a nanosecond, cannot be made at will, so here the answers to
 * stat() are made up. */

#include <glib.h>
#include <sys/stat.h>

static int fake_stat (const char  *path,
                      struct stat *status);

#define stat(path, status) fake_stat (path, status)
/* NOLINTNEXTLINE(bugprone-suspicious-include): so that its stat() is. */
#include "gspawn-template-executable.c"
#undef stat

#include <string.h>

#define DIRECTORY "/nonexistent/"

static struct stat answer;
static gboolean first_is_there;
static guint n_calls;

/* There is a shell in the second directory; the first has what the test wants. */
static int
fake_stat (const char  *path,
           struct stat *status)
{
  n_calls++;
  if (g_str_has_prefix (path, DIRECTORY) && !first_is_there)
    {
      errno = ENOENT;
      return -1;
    }
  *status = answer;

  return 0;
}

static void
init_answer (void)
{
  memset (&answer, 0, sizeof answer);
  answer.st_mode = S_IFREG | 0755;
  answer.st_dev = 1;
  answer.st_ino = 2;
  answer.st_size = 3;
  answer.st_mtim = (struct timespec) { 4, 5 };
  answer.st_ctim = (struct timespec) { 6, 7 };
  first_is_there = FALSE;
  n_calls = 0;
}

static void
init_executable (GSpawnExecutable *executable)
{
  static const char *const envp[] = { "PATH=" DIRECTORY ":/bin", NULL };

  init_answer ();
  _gspawn_executable_init (executable, "sh", G_SPAWN_SEARCH_PATH_FROM_ENVP, envp);
}

static void
check_resolved (GSpawnExecutable *executable,
                const char       *expected,
                guint             expected_calls)
{
  n_calls = 0;
  g_assert_cmpstr (*_gspawn_executable_resolve (executable), ==, expected);
  g_assert_cmpuint (n_calls, ==, expected_calls);
}

/* One call where nothing has changed. */
static void
test_same (void)
{
  GSpawnExecutable executable;

  init_executable (&executable);
  check_resolved (&executable, "/bin/sh", 2);
  check_resolved (&executable, "/bin/sh", 1);
  check_resolved (&executable, "/bin/sh", 1);
  _gspawn_executable_clear (&executable);
}

/* None where there is nothing to choose from. */
static void
test_one (void)
{
  GSpawnExecutable executable;

  init_answer ();
  _gspawn_executable_init (&executable, "/bin/sh", G_SPAWN_SEARCH_PATH, NULL);
  check_resolved (&executable, "/bin/sh", 0);
  check_resolved (&executable, "/bin/sh", 0);
  _gspawn_executable_clear (&executable);
}

static void change_device (void) { answer.st_dev++; }
static void change_inode (void) { answer.st_ino++; }
static void change_size (void) { answer.st_size++; }
static void change_modified_second (void) { answer.st_mtim.tv_sec--; }
static void change_modified_nanosecond (void) { answer.st_mtim.tv_nsec--; }
static void change_changed_second (void) { answer.st_ctim.tv_sec++; }
static void change_changed_nanosecond (void) { answer.st_ctim.tv_nsec++; }

static const struct {
  const char *name;
  void (*change) (void);
} changes[] = {
  { "device", change_device },
  { "inode", change_inode },
  { "size", change_size },
  { "modified-second", change_modified_second },
  { "modified-nanosecond", change_modified_nanosecond },
  { "changed-second", change_changed_second },
  { "changed-nanosecond", change_changed_nanosecond },
};

/* What is in the first directory by now is found only if the search is made anew. */
static void
test_changed (gconstpointer data)
{
  void (*const *change) (void) = data;
  GSpawnExecutable executable;

  init_executable (&executable);
  check_resolved (&executable, "/bin/sh", 2);
  first_is_there = TRUE;
  check_resolved (&executable, "/bin/sh", 1);
  (*change) ();
  n_calls = 0;
  g_assert_cmpstr (*_gspawn_executable_resolve (&executable), ==, DIRECTORY "/sh");
  _gspawn_executable_clear (&executable);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_set_nonfatal_assertions ();

  g_test_add_func ("/template-identity/same", test_same);
  g_test_add_func ("/template-identity/one", test_one);
  for (gsize i = 0; i < G_N_ELEMENTS (changes); i++)
    {
      g_autofree char *path = g_strconcat ("/template-identity/", changes[i].name, NULL);

      g_test_add_data_func (path, &changes[i].change, test_changed);
    }

  return g_test_run ();
}
