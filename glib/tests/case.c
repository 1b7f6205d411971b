/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* The process of one case: it sets the scene that every case finds, runs the case with a guard
 * around it, and holds the trace and the log against what the case has announced. */

#include "case.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "emulator.h"
#include "guard.h"
#include "trace.h"

#define N_FILES 4096

typedef struct {
  const CaseList *list;
  const Case *the_case;
} Running;

static gboolean skipped = FALSE;
static int log_fd = -1;
static GPtrArray *log_messages;

static void
write_log (const char *text)
{
  gsize length = strlen (text);

  while (length > 0)
    {
      ssize_t n = write (log_fd, text, length);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return;
      text += n;
      length -= (gsize) n;
    }
}

static void
record_message (const char     *domain,
                GLogLevelFlags  level G_GNUC_UNUSED,
                const char     *message,
                gpointer        data G_GNUC_UNUSED)
{
  g_ptr_array_add (log_messages, g_strdup_printf ("%s: %s", domain, message));
}

/*
 * case_expect_log: (skip)
 * @pattern: a glob
 *
 * Fails the running case unless the oldest message of GLib that was not expected yet matches.
 */
void
case_expect_log (const char *pattern)
{
  if (log_messages->len == 0)
    {
      g_test_message ("no message \"%s\"", pattern);
      g_test_fail ();
      return;
    }

  if (!g_pattern_match_simple (pattern, g_ptr_array_index (log_messages, 0)))
    {
      g_test_message ("message \"%s\" instead of \"%s\"",
                      (char *) g_ptr_array_index (log_messages, 0), pattern);
      g_test_fail ();
    }
  g_ptr_array_remove_index (log_messages, 0);
}

/*
 * case_skip_anywhere: (skip)
 * @reason: why the running case cannot do its work here
 *
 * Skips the case for want of what even the best of the usual places for tests may not have.
 *
 * Returns: %TRUE
 */
gboolean
case_skip_anywhere (const char *reason)
{
  /* The result itself, newer versions of GLib write where the runner does not read. */
  g_test_message ("SKIP %s", reason);
  g_test_skip (reason);
  skipped = TRUE;

  return TRUE;
}

/*
 * case_skip: (skip)
 * @reason: why the running case cannot do its work here
 *
 * Skips the case, or fails it where everything is expected to be there.
 *
 * Returns: %TRUE
 */
gboolean
case_skip (const char *reason)
{
  /* What an emulated program is given of a system is not all of it. */
  if (g_strcmp0 (g_getenv ("GSPAWN_MUST_WORK"), "1") == 0 && !emulator_is_used ())
    {
      g_test_message ("cannot run: %s", reason);
      g_test_fail ();
    }
  else
    case_skip_anywhere (reason);

  return TRUE;
}

/*
 * case_has_engine: (skip)
 *
 * Returns: whether the subject is a drop-in, and not the system's GLib
 */
gboolean
case_has_engine (void)
{
  return g_getenv ("GSPAWN_ENGINE") != NULL;
}

/*
 * case_get_directory: (skip)
 *
 * Returns: the running case's own directory, where it starts
 */
const char *
case_get_directory (void)
{
  return g_getenv (CASE_DIRECTORY_VARIABLE);
}

static void
move_file (const char *name,
           int         flags,
           int         target)
{
  int fd = open (name, flags | O_CREAT, 0600);

  if (fd < 0)
    g_error ("%s: %s", name, g_strerror (errno));
  if (fd != target && (dup2 (fd, target) < 0 || close (fd) < 0))
    g_error ("%s: %s", name, g_strerror (errno));
}

static gpointer
do_nothing (gpointer data)
{
  return data;
}

static rlim_t
get_hard_limit (void)
{
  struct rlimit limit;

  if (getrlimit (RLIMIT_NOFILE, &limit) < 0)
    g_error ("getrlimit: %s", g_strerror (errno));

  return limit.rlim_max;
}

/* 0, 1 and 2 are three different files, none of them /dev/null, so that a case can tell whose a
 * stream is. What the case says goes to a descriptor out of its way. */
static void
settle (void)
{
  struct rlimit limit = { N_FILES, N_FILES };

  /* Valgrind lets nobody change the hard limit. */
  if (g_strcmp0 (g_getenv ("GSPAWN_TEST_TOOL"), "valgrind") == 0)
    limit.rlim_max = get_hard_limit ();
  if (setrlimit (RLIMIT_NOFILE, &limit) < 0)
    g_error ("setrlimit: %s", g_strerror (errno));

  log_fd = fcntl (STDOUT_FILENO, F_DUPFD_CLOEXEC, CASE_FIRST_OWN_FD);
  if (log_fd < 0)
    g_error ("fcntl: %s", g_strerror (errno));
  g_set_print_handler (write_log);
  g_set_printerr_handler (write_log);

  move_file ("standard-input", O_RDONLY, STDIN_FILENO);
  move_file ("standard-output", O_WRONLY, STDOUT_FILENO);
  move_file ("standard-error", O_WRONLY, STDERR_FILENO);

  log_messages = g_ptr_array_new_with_free_func (g_free);
  g_log_set_always_fatal (G_LOG_FATAL_MASK);
  /* libc installs a handler of its own with the first thread. */
  g_thread_join (g_thread_new ("first", do_nothing, NULL));

  g_log_set_handler ("GLib", G_LOG_LEVEL_MASK & ~G_LOG_LEVEL_DEBUG, record_message, NULL);
}

static void
call_case (const Case *the_case)
{
  if (the_case->run_data != NULL)
    the_case->run_data (the_case->data);
  else
    the_case->run ();
}

static void
run_case (gconstpointer data)
{
  const Running *running = data;
  Guard *guard;

  /* A case that starts itself again is on its own there. */
  if (g_test_subprocess ())
    {
      call_case (running->the_case);
      return;
    }

  settle ();
  if (running->list->prepare != NULL)
    running->list->prepare ();
  trace_begin ("trace", g_getenv ("GSPAWN_ENGINE"));

  if (running->list->has_worker)
    guard_ignore_anonymous ();
  guard = guard_take ();
  call_case (running->the_case);
  guard_compare (guard);
  trace_verify ();

  while (log_messages->len > 0)
    {
      g_test_message ("not expected: %s", (char *) g_ptr_array_index (log_messages, 0));
      g_test_fail ();
      g_ptr_array_remove_index (log_messages, 0);
    }
}

static const Case *
find_case (const CaseList *list,
           const char     *name)
{
  for (const Case *const *table = list->tables; *table != NULL; table++)
    for (const Case *the_case = *table; the_case->name != NULL; the_case++)
      if (g_str_equal (the_case->name, name))
        return the_case;

  g_error ("There is no case \"%s\"", name);
}

/*
 * case_main: (skip)
 * @list: the cases
 * @path: the test's path, of which the last part is the case's name
 *
 * The whole of a case's process.
 *
 * Returns: its exit status
 */
int
case_main (const CaseList *list,
           const char     *path)
{
  static Running running;
  int status;

  running.list = list;
  running.the_case = find_case (list, strrchr (path, '/') + 1);
  /* What the case starts need not load the subject. */
  g_unsetenv ("LD_PRELOAD");
  if (chdir (case_get_directory ()) < 0)
    g_error ("%s: %s", case_get_directory (), g_strerror (errno));

  g_test_add_data_func (path, &running, run_case);

  status = g_test_run ();

  return status == 0 && skipped ? CASE_SKIPPED : status;
}
