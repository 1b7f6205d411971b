/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Launches the probe with a row's attributes in every way there is, under the drop-in and through
 * GLib's own code, and holds each report against that of a child without attributes: it must
 * differ in what the row says, and in nothing else. So the ways are held against each other, too.
 *
 * GLib's own function is found behind the drop-in's, in the same process. */

#include "attribute-stage.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "case.h"
#include "scene.h"

#define NOBODY 65534
#define EXIT_NOT_EXECUTED 127

typedef gboolean (*SpawnFunc) (const char *, const char *const *, const char *const *, GSpawnFlags,
                               GSpawnChildSetupFunc, gpointer, int, int, int, const int *,
                               const int *, gsize, GPid *, int *, int *, int *, GError **);

typedef struct {
  Stage *stage;
  gboolean with_attributes;
  Launch launch;
  ReportSink *sink;
  int terminal[2];              /* master, slave */
  GError *error;
  int status;                   /* -1 while it is not known */
} Attempt;

static G_GNUC_PRINTF (1, 2) void
fail (const char *format,
      ...)
{
  va_list args;
  g_autofree char *text = NULL;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_test_message ("%s", text);
  g_test_fail ();
}

/*
 * stage_has_capabilities: (skip)
 *
 * Returns: whether this process has them all in effect
 */
gboolean
stage_has_capabilities (guint64 capabilities)
{
  g_autofree char *status = NULL;
  const char *line;

  if (!g_file_get_contents ("/proc/self/status", &status, NULL, NULL))
    return geteuid () == 0;
  line = strstr (status, "\nCapEff:");

  return line != NULL &&
         (capabilities & ~g_ascii_strtoull (line + strlen ("\nCapEff:"), NULL, 16)) == 0;
}

/* For the rest of the case, which is a process of its own. */
void
stage_become_nobody (void)
{
  if (geteuid () != 0)
    return;

  if (setgroups (0, NULL) < 0 || setresgid (NOBODY, NOBODY, NOBODY) < 0 ||
      setresuid (NOBODY, NOBODY, NOBODY) < 0 || prctl (PR_SET_DUMPABLE, 1) < 0)
    g_error ("To become nobody: %s", g_strerror (errno));
}

/* GIO makes its thread for the first child. */
void
stage_start_worker (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSubprocess) subprocess = g_subprocess_new (G_SUBPROCESS_FLAGS_NONE, &error,
                                                         probe_get_path (), NULL);

  if (subprocess == NULL || !g_subprocess_wait_check (subprocess, NULL, &error))
    g_error ("%s", error->message);
}

static void
open_terminal (Attempt *attempt)
{
  int slave;

  attempt->terminal[0] = scene_open_private ("/dev/ptmx", O_RDWR | O_NOCTTY);
  if (grantpt (attempt->terminal[0]) < 0 || unlockpt (attempt->terminal[0]) < 0)
    g_error ("pty: %s", g_strerror (errno));
  slave = open (ptsname (attempt->terminal[0]), O_RDWR | O_NOCTTY | O_CLOEXEC);
  attempt->terminal[1] = fcntl (slave, F_DUPFD_CLOEXEC, CASE_FIRST_OWN_FD);
  close (slave);
  g_assert_no_errno (attempt->terminal[1]);
  attempt->launch.streams[0] = attempt->terminal[1];
}

/*
 * launch_declare: (skip)
 * @needs: what the attributes ask of an engine
 */
void
launch_declare (Launch           *launch,
                GSpawnAttributes *attributes,
                GSpawnNeeds       needs)
{
  launch->setup = gspawn_attributes_child_setup;
  launch->setup_data = attributes;
  launch->setup_declares = TRUE;
  launch->other_needs = needs;
}

static void
attempt_init (Attempt    *attempt,
              Stage      *stage,
              GSpawnFlags flags,
              gboolean    with_attributes)
{
  g_autofree char *tried = scene_path ("tried");
  Launch *launch = &attempt->launch;

  *attempt = (Attempt) { .stage = stage, .with_attributes = with_attributes,
                         .sink = report_sink_new (), .terminal = { -1, -1 }, .status = -1 };
  g_assert_no_errno (chmod (report_sink_get_path (attempt->sink), 0666));
  launch_init (launch, flags | stage->flags, stage->probe, "try-directory", tried, "report",
               report_sink_get_path (attempt->sink), NULL);
  launch->directory = stage->directory;
  launch->envp = stage->envp;
  launch_map (launch, stage->sources, stage->targets, stage->n_mapped);
  if ((stage->row->flags & STAGE_TERMINAL) != 0)
    open_terminal (attempt);

  if (with_attributes)
    launch_declare (launch, stage->attributes, stage->row->needs);
}

static void
attempt_clear (Attempt *attempt)
{
  for (guint i = 0; i < G_N_ELEMENTS (attempt->terminal); i++)
    if (attempt->terminal[i] >= 0)
      close (attempt->terminal[i]);
  report_sink_free (attempt->sink);
  launch_clear (&attempt->launch);
  g_clear_error (&attempt->error);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Attempt, attempt_clear)

/* The stop at exec is what a tracer sees first. */
static void
resume_traced (const Attempt *attempt)
{
  int status = wait_for (attempt->launch.pid);

  g_assert_true (WIFSTOPPED (status));
  g_assert_cmpint (WSTOPSIG (status), ==, SIGTRAP);
  g_assert_no_errno (ptrace (PTRACE_CONT, attempt->launch.pid, NULL, NULL));
}

static GKeyFile *
attempt_finish (Attempt *attempt)
{
  gboolean is_traced = (attempt->stage->row->flags & STAGE_TRACED) != 0;
  GKeyFile *report;
  gint64 pid;

  if (attempt->launch.pid == 0)
    return NULL;
  if (attempt->with_attributes && is_traced)
    resume_traced (attempt);

  report = report_sink_read (attempt->sink, attempt->launch.pid);
  pid = report_get_int (report, "process", "pid");
  g_assert_cmpint (attempt->launch.pid, ==, pid);
  attempt->status = launch_wait (&attempt->launch);
  g_assert_cmpint (attempt->status, ==, 0);

  return report;
}

static GKeyFile *
run_waited (Attempt *attempt)
{
  launch_start (&attempt->launch, &attempt->error);

  return attempt_finish (attempt);
}

/* An orphan comes to us, so that it is known to be gone. */
static GKeyFile *
run_reaped (Attempt *attempt)
{
  GKeyFile *report;

  g_assert_no_errno (prctl (PR_SET_CHILD_SUBREAPER, 1));
  launch_start (&attempt->launch, &attempt->error);
  report = attempt_finish (attempt);
  g_assert_no_errno (prctl (PR_SET_CHILD_SUBREAPER, 0));

  return report;
}

static GKeyFile *
run_sync (Attempt *attempt)
{
  if (!launch_sync (&attempt->launch, NULL, NULL, &attempt->status, &attempt->error))
    return NULL;
  g_assert_cmpint (attempt->status, ==, 0);

  return report_sink_read (attempt->sink, 0);
}

static GSubprocessLauncher *
make_launcher (Attempt *attempt)
{
  const Launch *launch = &attempt->launch;
  gboolean leaves_open = (launch->flags & G_SPAWN_LEAVE_DESCRIPTORS_OPEN) != 0;
  GSubprocessLauncher *launcher = g_subprocess_launcher_new (
      leaves_open ? G_SUBPROCESS_FLAGS_INHERIT_FDS : G_SUBPROCESS_FLAGS_NONE);

  if (launch->envp != NULL)
    g_subprocess_launcher_set_environ (launcher, launch->envp);
  if (launch->directory != NULL)
    g_subprocess_launcher_set_cwd (launcher, launch->directory);
  if (launch->streams[0] >= 0)
    g_subprocess_launcher_take_stdin_fd (launcher, fcntl (launch->streams[0], F_DUPFD_CLOEXEC,
                                                          CASE_FIRST_OWN_FD));
  for (gsize i = 0; i < launch->n_mapped; i++)
    g_subprocess_launcher_take_fd (launcher, fcntl (launch->sources[i], F_DUPFD_CLOEXEC,
                                                    CASE_FIRST_OWN_FD), launch->targets[i]);
  g_subprocess_launcher_set_child_setup (launcher, gspawn_attributes_child_setup,
                                         gspawn_attributes_ref (attempt->stage->attributes),
                                         (GDestroyNotify) gspawn_attributes_unref);

  return launcher;
}

static GKeyFile *
run_launcher (Attempt *attempt)
{
  g_autoptr (GSubprocessLauncher) launcher = make_launcher (attempt);
  g_autoptr (GSubprocess) subprocess = NULL;
  Launch *launch = &attempt->launch;
  const char *identifier;
  GKeyFile *report;

  subprocess = g_subprocess_launcher_spawnv (launcher, (const char *const *) launch->argv,
                                             &attempt->error);
  /* NULL if the child has ended by now. */
  identifier = subprocess != NULL ? g_subprocess_get_identifier (subprocess) : NULL;
  trace_expect (&(TraceExpectation) {
    .function = "g_spawn_async_with_pipes_and_fds",
    .command = launch->argv[0],
    .needs = launch_get_needs (launch) & ~GSPAWN_NEED_REAP,
    .child = subprocess == NULL ? 0 : identifier != NULL ? atoi (identifier) : TRACE_ANY_CHILD,
    .error = attempt->error,
  });
  if (subprocess == NULL)
    return NULL;

  report = report_sink_read (attempt->sink, 0);
  g_assert_true (g_subprocess_wait_check (subprocess, NULL, NULL));

  return report;
}

static SpawnFunc
get_glib_function (void)
{
  void *library = dlopen ("libglib-2.0.so.0", RTLD_NOW | RTLD_NOLOAD);
  gpointer function = library != NULL ? dlsym (library, "g_spawn_async_with_pipes_and_fds") : NULL;

  if (function == NULL)
    g_error ("%s", dlerror ());
  dlclose (library);

  return (SpawnFunc) function;
}

/* GLib cannot tell what goes wrong in the function; the child's exit status does. */
static GKeyFile *
run_glib (Attempt *attempt)
{
  Launch *launch = &attempt->launch;

  get_glib_function () (launch->directory, (const char *const *) launch->argv,
                        (const char *const *) launch->envp, launch->flags, launch->setup,
                        launch->setup_data, launch->streams[0], launch->streams[1],
                        launch->streams[2], launch->sources, launch->targets, launch->n_mapped,
                        &launch->pid, NULL, NULL, NULL, &attempt->error);
  g_assert_no_error (attempt->error);
  if ((attempt->stage->row->flags & STAGE_FAILS) == 0)
    return attempt_finish (attempt);

  attempt->status = launch_wait (launch);
  g_assert_true (WIFEXITED (attempt->status));
  g_assert_cmpint (WEXITSTATUS (attempt->status), ==, EXIT_NOT_EXECUTED);

  return NULL;
}

static const struct {
  const char *name;
  GSpawnFlags flags;
  GKeyFile *(*run) (Attempt *attempt);
  StageFlags without;
  gboolean is_glib;
} ways[] = {
  { "waited", G_SPAWN_DO_NOT_REAP_CHILD, run_waited, 0, FALSE },
  { "reaped", 0, run_reaped, STAGE_OWN_CHILD, FALSE },
  { "sync", 0, run_sync, STAGE_TRACED | STAGE_TERMINAL, FALSE },
  { "launcher", G_SPAWN_DO_NOT_REAP_CHILD, run_launcher, STAGE_TRACED, FALSE },
  { "GLib's fork", G_SPAWN_DO_NOT_REAP_CHILD, run_glib, STAGE_NOT_GLIB, TRUE },
};

/* g_spawn_sync() maps no descriptors, and a launcher always gives an environment. */
static gboolean
applies (const Stage *stage,
         guint        way)
{
  StageFlags flags = stage->row->flags;

  if ((flags & ways[way].without) != 0 || (ways[way].run == run_sync && stage->n_mapped > 0))
    return FALSE;
  if (case_has_engine () || ways[way].is_glib)
    return TRUE;

  return (flags & STAGE_FAILS) == 0 &&
         (ways[way].run != run_launcher || (flags & STAGE_ENVIRONMENT) == 0);
}

static void
check_error (const AttributeRow *row,
             const char         *way,
             const GError       *error)
{
  g_autofree char *expected = g_strdup_printf (
      "Failed to set attribute “%s” of child process (%s)",
      gspawn_attribute_get_name (row->failing), g_strerror (row->error_number));

  if (!g_error_matches (error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED) ||
      !g_str_equal (error->message, expected))
    fail ("%s: error “%s”, not “%s”", way, error != NULL ? error->message : NULL, expected);
}

static void
run_way (Stage *stage,
         guint  way)
{
  g_auto (Attempt) attempt;
  g_autoptr (GKeyFile) report = NULL;
  g_autofree char *terminal = NULL;
  struct stat st;

  attempt_init (&attempt, stage, ways[way].flags, TRUE);
  if (attempt.terminal[1] >= 0 && fstat (attempt.terminal[1], &st) == 0)
    terminal = g_strdup_printf ("%u:%u", major (st.st_rdev), minor (st.st_rdev));
  report = ways[way].run (&attempt);

  if ((stage->row->flags & STAGE_FAILS) != 0)
    {
      if (report != NULL)
        fail ("%s: the program was executed", ways[way].name);
      if (!ways[way].is_glib)
        check_error (stage->row, ways[way].name, attempt.error);
      return;
    }

  g_assert_no_error (attempt.error);
  if (report != NULL)
    {
      g_autoptr (GHashTable) actual = stage_flatten (stage, report, terminal);

      stage_compare (stage, ways[way].name, actual);
    }
  else
    fail ("%s: no report", ways[way].name);
}

static void
take_baseline (Stage *stage)
{
  g_autoptr (GSpawnAttributes) none = gspawn_attributes_new ();
  g_auto (Attempt) attempt;
  g_autoptr (GKeyFile) report = NULL;

  attempt_init (&attempt, stage, G_SPAWN_DO_NOT_REAP_CHILD, FALSE);
  /* It has another way for children without a function, which is not what is compared here. */
  if (!case_has_engine ())
    launch_declare (&attempt.launch, none, 0);
  report = run_waited (&attempt);
  g_assert_no_error (attempt.error);
  if (report != NULL)
    stage->baseline = stage_flatten (stage, report, NULL);
}

static void
stage_clear (Stage *stage)
{
  /* They may hold what is cleaned up. */
  g_clear_pointer (&stage->attributes, gspawn_attributes_unref);
  if (stage->clean_up != NULL)
    stage->clean_up (stage->clean_up_data);
  g_clear_pointer (&stage->baseline, g_hash_table_unref);
  g_clear_pointer (&stage->changes, g_hash_table_unref);
  g_strfreev (stage->envp);
  g_free (stage->probe);
}

/*
 * stage_run_row: (skip)
 * @data: an #AttributeRow
 *
 * A whole case.
 */
void
stage_run_row (gconstpointer data)
{
  const AttributeRow *row = data;
  Stage stage = { .row = row };

  /* Containers leave this one out, which is for limits of the whole machine. */
  if (!stage_has_capabilities (row->capabilities & CAPABILITY (CAP_SYS_RESOURCE)))
    {
      case_skip_anywhere ("It takes CAP_SYS_RESOURCE");
      return;
    }
  if (!stage_has_capabilities (row->capabilities))
    {
      case_skip ("It takes privileges that this process does not have");
      return;
    }

  /* Whoever the child becomes, it finds its way. */
  g_assert_no_errno (chmod (case_get_directory (), 0777));
  stage.probe = scene_copy_probe ("probe");
  if ((row->flags & STAGE_NOBODY) != 0)
    stage_become_nobody ();
  stage.attributes = gspawn_attributes_new ();
  stage.changes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);

  row->prepare (&stage);
  g_assert_no_error (stage.error);
  if ((row->flags & STAGE_OPTIONAL) != 0)
    gspawn_attributes_set_optional (stage.attributes, row->failing, TRUE);
  if (!stage.skipped)
    take_baseline (&stage);
  for (guint i = 0; stage.baseline != NULL && i < G_N_ELEMENTS (ways); i++)
    if (applies (&stage, i))
      run_way (&stage, i);
  stage_clear (&stage);
}
