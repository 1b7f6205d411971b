/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Thousands of launches that nobody waits for, as many in flight as fly at once, and what they leave
 * behind: no descriptor, process, mapping, memory or thread. Each kind has a process of its own, in
 * which the library is used for the first time. */
#include <errno.h>
#include <grp.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gspawn-template.h"
#include "isolation.h"

#define N_IN_FLIGHT 64
#define N_WARM_UP (10 * N_IN_FLIGHT)
#define DEADLINE_SECONDS 20
/* What libc keeps of threads that have ended, to use it again: memory, and mappings of it. */
#define MAX_GROWTH_KIB 64
#define MAX_GROWTH_MAPPINGS (2 * N_IN_FLIGHT)

/* Also for the processes in which the tests are run. */
#define LAUNCHES_VARIABLE "PENDING_MANY_LAUNCHES"
#define LAUNCHES_OPTION "--launches="
#define DEFAULT_LAUNCHES 1000

typedef enum {
  FATE_WAITED,
  FATE_UNREFERENCED,      /* the library waits for it */
  FATE_CANCELLED,
  FATE_FREED,             /* not completed */
  FATE_FAILED,            /* there is no such program */
} Fate;

#define N_FATES 5

typedef struct {
  const char       *path;
  GSpawnLaunchKind  kind;
  gboolean          mixed;        /* all fates, in turn */
} Setting;

typedef struct {
  GSpawnPending *pending;
  Fate           fate;
} Launch;

typedef struct {
  guint n_fds;
  guint n_threads;
  guint n_mappings;
  gsize kib;
} State;

static guint
count_entries (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  guint count = 0;

  while (g_dir_read_name (dir) != NULL)
    count++;

  return count;
}

/* Whether libc has gathered memory in one piece or in two is its own affair. */
static guint
count_mappings (void)
{
  g_autofree char *maps = NULL;
  guint count = 0;

  g_assert_true (g_file_get_contents ("/proc/self/maps", &maps, NULL, NULL));
  for (const char *line = maps; (line = strchr (line, '\n')) != NULL; line++)
    count++;

  return count;
}

static State
take_state (void)
{
  struct mallinfo2 memory = mallinfo2 ();

  return (State) {
    .n_fds = count_entries ("/proc/self/fd"),
    .n_threads = count_entries ("/proc/self/task"),
    .n_mappings = count_mappings (),
    .kib = (memory.uordblks + memory.hblkhd) / 1024,
  };
}

static void
become_nobody (void)
{
  const uid_t nobody = 65534;

  if (geteuid () != 0)
    return;

  g_assert_no_errno (setgroups (0, NULL));
  g_assert_no_errno (setresgid (nobody, nobody, nobody));
  g_assert_no_errno (setresuid (nobody, nobody, nobody));
}

/* With an attribute that is not for the asynchronous kind, where the other is wanted. */
static GSpawnTemplate *
make_template (const char       *program,
               GSpawnLaunchKind  kind)
{
  const char *argv[] = { program, "exit", "0", NULL };
  g_autoptr (GSpawnAttributes) attributes = gspawn_attributes_new ();
  g_autoptr (GError) error = NULL;
  GSpawnTemplate *tmpl = gspawn_template_new (argv, G_SPAWN_DEFAULT, &error);

  g_assert_no_error (error);
  gspawn_template_set_stream (tmpl, GSPAWN_STREAM_OUTPUT, GSPAWN_STREAM_KIND_PIPE, &error);
  g_assert_no_error (error);
  if (kind != GSPAWN_LAUNCH_WORKER)
    return tmpl;

  gspawn_attributes_set_oom_score_adjustment (attributes, 1000, &error);
  g_assert_no_error (error);
  gspawn_template_set_attributes (tmpl, attributes, &error);
  g_assert_no_error (error);

  return tmpl;
}

static void
begin (Launch         *launch,
       GSpawnTemplate *tmpl,
       Fate            fate)
{
  g_autoptr (GError) error = NULL;

  launch->fate = fate;
  launch->pending = gspawn_template_begin (tmpl, NULL, &error);
  g_assert_no_error (error);
  if (fate == FATE_CANCELLED)
    gspawn_pending_cancel (launch->pending);
}

static void
check_process (GSpawnProcess    *process,
               Fate              fate,
               GSpawnLaunchKind  kind)
{
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (gspawn_process_get_launch_kind (process), ==, kind);
  if (fate == FATE_WAITED)
    gspawn_process_wait_check (process, &error);
  g_assert_no_error (error);
  gspawn_process_unref (process);
}

static void
end (Launch           *launch,
     GSpawnLaunchKind  kind)
{
  GSpawnProcess *process = NULL;
  g_autoptr (GError) error = NULL;

  if (launch->pending == NULL)
    return;

  if (launch->fate != FATE_FREED)
    process = gspawn_pending_complete (launch->pending, &error);

  /* A launch that was cancelled may have been decided before. */
  if (launch->fate == FATE_FAILED)
    g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT);
  else if (launch->fate != FATE_CANCELLED)
    g_assert_no_error (error);
  if (process != NULL)
    check_process (process, launch->fate, kind);

  g_clear_pointer (&launch->pending, gspawn_pending_free);
}

static void
launch_many (const Setting *setting,
             guint          count)
{
  g_autofree char *program = g_test_build_filename (G_TEST_BUILT, "probe", NULL);
  g_autoptr (GSpawnTemplate) tmpl = make_template (program, setting->kind);
  g_autoptr (GSpawnTemplate) none = make_template ("/nonexistent/program", setting->kind);
  Launch launches[N_IN_FLIGHT] = { 0 };

  for (guint i = 0; i < count; i++)
    {
      Launch *launch = &launches[i % N_IN_FLIGHT];
      Fate fate = setting->mixed ? i % N_FATES : FATE_WAITED;

      end (launch, setting->kind);
      begin (launch, fate == FATE_FAILED ? none : tmpl, fate);
    }

  for (guint i = 0; i < N_IN_FLIGHT; i++)
    end (&launches[i], setting->kind);
}

/* What was not waited for ends at a time of its own, and is waited for by a thread of the library's,
 * which then ends, too. */
static void
await_quiet (void)
{
  const gint64 deadline = g_get_monotonic_time () + DEADLINE_SECONDS * G_USEC_PER_SEC;
  siginfo_t info;

  while ((waitid (P_ALL, 0, &info, WEXITED | WNOWAIT | __WALL) == 0 ||
          count_entries ("/proc/self/task") > 1) &&
         g_get_monotonic_time () < deadline)
    g_thread_yield ();
  g_assert_cmpuint (count_entries ("/proc/self/task"), ==, 1);
  g_assert_cmpint (waitpid (-1, NULL, WNOHANG | __WALL), ==, -1);
  g_assert_cmpint (errno, ==, ECHILD);
}

/* Where the clone engine has to do with less, all are left to threads. */
static gboolean
is_possible (GSpawnLaunchKind kind)
{
  const char *detail;

  return kind == GSPAWN_LAUNCH_WORKER ||
         (gspawn_engine_is_available (GSPAWN_ENGINE_CLONE, &detail) &&
          g_str_has_prefix (detail, "clone3()"));
}

static guint
get_launches (void)
{
  const char *text = g_getenv (LAUNCHES_VARIABLE);

  return text != NULL ? (guint) atoi (text) : DEFAULT_LAUNCHES;
}

static void
test_many (gconstpointer data)
{
  const Setting *setting = data;
  const guint n_launches = get_launches ();
  g_autoptr (GTimer) timer = NULL;
  State before, after;

  if (!is_possible (setting->kind))
    {
      g_test_skip ("clone3() cannot be used");
      return;
    }
  if (!in_subprocess ())
    return;
  if (setting->kind == GSPAWN_LAUNCH_ASYNCHRONOUS)
    become_nobody ();

  launch_many (setting, N_WARM_UP);
  await_quiet ();
  before = take_state ();

  timer = g_timer_new ();
  launch_many (setting, n_launches);
  g_print ("# %u launches, %.0f a second\n", n_launches,
           n_launches / g_timer_elapsed (timer, NULL));
  await_quiet ();
  after = take_state ();
  g_print ("# descriptors %u, then %u; threads %u, %u; mappings %u, %u; KiB %" G_GSIZE_FORMAT
           ", %" G_GSIZE_FORMAT "\n", before.n_fds, after.n_fds, before.n_threads,
           after.n_threads, before.n_mappings, after.n_mappings, before.kib, after.kib);

  g_assert_cmpuint (after.n_fds, ==, before.n_fds);
  g_assert_cmpuint (after.n_mappings, <=, before.n_mappings + MAX_GROWTH_MAPPINGS);
  g_assert_cmpuint (after.kib, <=, before.kib + MAX_GROWTH_KIB);
}

static const Setting settings[] = {
  { "/pending-many/asynchronous/waited", GSPAWN_LAUNCH_ASYNCHRONOUS, FALSE },
  { "/pending-many/asynchronous/mixed", GSPAWN_LAUNCH_ASYNCHRONOUS, TRUE },
  { "/pending-many/worker/waited", GSPAWN_LAUNCH_WORKER, FALSE },
  { "/pending-many/worker/mixed", GSPAWN_LAUNCH_WORKER, TRUE },
};

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  if (argc > 1 && g_str_has_prefix (argv[1], LAUNCHES_OPTION))
    g_setenv (LAUNCHES_VARIABLE, argv[1] + strlen (LAUNCHES_OPTION), TRUE);

  for (gsize i = 0; i < G_N_ELEMENTS (settings); i++)
    g_test_add_data_func (settings[i].path, &settings[i], test_many);

  return g_test_run ();
}
