/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* What a spawn must leave as it was in its caller: the open descriptors and their flags, the
 * children, the signal mask and dispositions, the directory, the umask, whether the process can be
 * dumped and how readily the kernel kills it.
 *
 * A guard is a list of lines, one for each thing seen; two guards are compared line by line, so
 * a difference names itself. It looks only, and must work with any of 0, 1 and 2 closed. */

#include "guard.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define N_SIGNALS 64

struct _Guard {
  GPtrArray *lines;
};

/* The kernel's own struct, whatever the machine: it fits, and begins with the handler. libc's
 * sigaction() refuses 32 and 33. */
typedef struct {
  guintptr words[8];
} KernelSigaction;

typedef struct {
  GTestFunc func;
  GTestDataFunc data_func;
  gconstpointer data;
} GuardedTest;

static gboolean ignores_anonymous = FALSE;

G_GNUC_PRINTF (2, 3)
static void
add_line (Guard      *guard,
          const char *format,
          ...)
{
  va_list args;

  va_start (args, format);
  g_ptr_array_add (guard->lines, g_strdup_vprintf (format, args));
  va_end (args);
}

static gboolean
is_anonymous (int fd)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", fd);
  g_autofree char *target = g_file_read_link (path, NULL);

  return target != NULL &&
         (g_str_has_prefix (target, "anon_inode:") || g_str_has_prefix (target, "pidfd:"));
}

static void
add_descriptor (Guard *guard,
                int    fd)
{
  struct stat st;
  int flags = fcntl (fd, F_GETFD);
  int status = fcntl (fd, F_GETFL);

  if (flags < 0 || status < 0 || fstat (fd, &st) < 0)
    return;
  if (ignores_anonymous && is_anonymous (fd))
    return;

  add_line (guard, "descriptor %d: device %" G_GUINT64_FORMAT " inode %" G_GUINT64_FORMAT
            " mode %o flags %x status %x",
            fd, (guint64) st.st_dev, (guint64) st.st_ino, (unsigned int) st.st_mode,
            (unsigned int) flags, (unsigned int) status);
}

static void
add_descriptors (Guard *guard)
{
  DIR *dir = opendir ("/proc/self/fd");
  struct dirent *entry;

  g_assert_nonnull (dir);
  while ((entry = readdir (dir)) != NULL)
    {
      int fd = (int) g_ascii_strtoll (entry->d_name, NULL, 10);

      if (entry->d_name[0] != '.' && fd != dirfd (dir))
        add_descriptor (guard, fd);
    }
  closedir (dir);
}

static void
add_children_of_thread (Guard      *guard,
                        const char *thread)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/task/%s/children", thread);
  g_autofree char *children = NULL;
  g_auto (GStrv) pids = NULL;

  if (!g_file_get_contents (path, &children, NULL, NULL))
    return;

  pids = g_strsplit (g_strstrip (children), " ", -1);
  for (char **pid = pids; *pid != NULL; pid++)
    if (**pid != '\0')
      add_line (guard, "child %s", *pid);
}

/* The lists of /proc may be incomplete while children come and go, and some kernels lack them;
 * waitid() always knows whether there is any, those without an exit signal included. */
static void
add_children (Guard *guard)
{
  DIR *dir = opendir ("/proc/self/task");
  struct dirent *entry;
  siginfo_t info = { 0 };
  int status;

  g_assert_nonnull (dir);
  while ((entry = readdir (dir)) != NULL)
    if (entry->d_name[0] != '.')
      add_children_of_thread (guard, entry->d_name);
  closedir (dir);

  do
    status = waitid (P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL);
  while (status < 0 && errno == EINTR);
  if (status == 0 && info.si_pid != 0)
    add_line (guard, "zombie %d", (int) info.si_pid);
  else if (status == 0)
    add_line (guard, "some child runs");
}

static void
add_signals (Guard *guard)
{
  guint64 mask = 0;

  if (syscall (SYS_rt_sigprocmask, SIG_BLOCK, NULL, &mask, sizeof mask) < 0)
    g_error ("rt_sigprocmask: %s", g_strerror (errno));
  add_line (guard, "signal mask %016" G_GINT64_MODIFIER "x", mask);

  for (int number = 1; number <= N_SIGNALS; number++)
    {
      KernelSigaction action = { { 0 } };
      g_autoptr (GString) text = g_string_new (NULL);

      if (syscall (SYS_rt_sigaction, number, NULL, &action, sizeof mask) < 0)
        g_error ("rt_sigaction: %s", g_strerror (errno));
      for (gsize i = 0; i < G_N_ELEMENTS (action.words); i++)
        g_string_append_printf (text, " %" G_GINTPTR_MODIFIER "x", action.words[i]);
      add_line (guard, "signal %d:%s", number, text->str);
    }
}

static void
add_process (Guard *guard)
{
  g_autofree char *oom_score = NULL;
  struct stat st;
  mode_t mask = umask (0);

  umask (mask);
  add_line (guard, "umask %o", (unsigned int) mask);
  add_line (guard, "dumpable %d", prctl (PR_GET_DUMPABLE, 0, 0, 0, 0));
  if (g_file_get_contents ("/proc/self/oom_score_adj", &oom_score, NULL, NULL))
    add_line (guard, "oom score %s", g_strchomp (oom_score));
  if (stat (".", &st) == 0)
    add_line (guard, "directory %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT,
              (guint64) st.st_dev, (guint64) st.st_ino);
}

/*
 * guard_ignore_anonymous: (skip)
 *
 * From now on guards pass over descriptors for events and processes, which a thread of GLib's may
 * open and close at any time.
 */
void
guard_ignore_anonymous (void)
{
  ignores_anonymous = TRUE;
}

/*
 * guard_take: (skip)
 *
 * Notes the state of this process.
 *
 * Returns: (transfer full): the note, for guard_compare()
 */
Guard *
guard_take (void)
{
  Guard *guard = g_new0 (Guard, 1);

  guard->lines = g_ptr_array_new_with_free_func (g_free);
  add_descriptors (guard);
  add_children (guard);
  add_signals (guard);
  add_process (guard);

  return guard;
}

static void
guard_free (Guard *guard)
{
  g_ptr_array_unref (guard->lines);
  g_free (guard);
}

static void
add_missing (GString    *text,
             const char *what,
             Guard      *from,
             Guard      *in)
{
  for (guint i = 0; i < from->lines->len; i++)
    {
      const char *line = g_ptr_array_index (from->lines, i);

      if (!g_ptr_array_find_with_equal_func (in->lines, line, g_str_equal, NULL))
        g_string_append_printf (text, "%s%s: %s", text->len > 0 ? "; " : "", what, line);
    }
}

/*
 * guard_diff: (skip)
 * @before: (transfer full): what guard_take() gave
 *
 * Returns: (transfer full) (nullable): what differs now, or %NULL if nothing does
 */
char *
guard_diff (Guard *before)
{
  Guard *after = guard_take ();
  GString *text = g_string_new (NULL);

  add_missing (text, "gone", before, after);
  add_missing (text, "new", after, before);
  guard_free (after);
  guard_free (before);

  return g_string_free (text, text->len == 0);
}

/*
 * guard_compare: (skip)
 * @before: (transfer full): what guard_take() gave
 *
 * Fails the running test if something differs now.
 */
void
guard_compare (Guard *before)
{
  g_autofree char *diff = guard_diff (before);

  if (diff != NULL)
    {
      g_test_message ("guard: %s", diff);
      g_test_fail ();
    }
}

static void
quit_loop (G_GNUC_UNUSED GPid pid,
           G_GNUC_UNUSED int  status,
           gpointer           loop)
{
  g_main_loop_quit (loop);
}

/* Where a kernel, or valgrind, has no pidfd_open(), GLib handles SIGCHLD from the first child on
 * that it watches, and has a descriptor for that: let it be before a guard looks. */
static void
settle_child_watch (void)
{
  static gboolean settled;
  g_autoptr (GMainLoop) loop = NULL;
  long fd;
  pid_t pid;

  if (settled)
    return;

  settled = TRUE;
  fd = syscall (SYS_pidfd_open, getpid (), 0);
  if (fd >= 0)
    {
      close ((int) fd);
      return;
    }

  pid = fork ();
  if (pid == 0)
    _exit (0);
  g_assert_cmpint (pid, >, 0);
  loop = g_main_loop_new (NULL, FALSE);
  g_child_watch_add (pid, quit_loop, loop);
  g_main_loop_run (loop);
}

static void
run_guarded (gconstpointer data)
{
  const GuardedTest *test = data;
  Guard *guard;

  settle_child_watch ();
  guard = guard_take ();
  if (test->func != NULL)
    test->func ();
  else
    test->data_func (test->data);
  guard_compare (guard);
}

static void
add_guarded (const char  *path,
             GuardedTest  test)
{
  g_test_add_data_func_full (path, g_memdup2 (&test, sizeof test), run_guarded, g_free);
}

/*
 * guard_add_func: (skip)
 * @path: the test's path
 * @func: the test
 *
 * Like g_test_add_func(), with a guard around the test.
 */
void
guard_add_func (const char *path,
                GTestFunc   func)
{
  add_guarded (path, (GuardedTest) { .func = func });
}

/*
 * guard_add_data_func: (skip)
 * @path: the test's path
 * @data: given to @func
 * @func: the test
 *
 * Like g_test_add_data_func(), with a guard around the test.
 */
void
guard_add_data_func (const char    *path,
                     gconstpointer  data,
                     GTestDataFunc  func)
{
  add_guarded (path, (GuardedTest) { .data_func = func, .data = data });
}
