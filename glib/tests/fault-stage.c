/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Where runs take place: a directory of files and programs, a fifo for the reports of children, and
 * memory for what the caller says of itself. Each run has a caller of its own. */
#include "fault-stage.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault-caller.h"
#include "report.h"

#define FIFO_SIZE (1024 * 1024)
#define DEADLINE_MS 15000

struct _FaultStage {
  char *directory;
  char *probe;
  char *report_path;
  int report_fd;
  FaultResult *result;
};

static void
must (gboolean    success,
      const char *what)
{
  if (!success)
    g_error ("%s: %s", what, g_strerror (errno));
}

static char *
make_directory (const FaultStage *stage,
                const char       *name)
{
  char *path = g_build_filename (stage->directory, name, NULL);

  must (g_mkdir (path, 0755) == 0, path);

  return path;
}

static void
add_program (const FaultStage *stage,
             const char       *directory,
             const char       *script)
{
  g_autofree char *parent = make_directory (stage, directory);
  g_autofree char *path = g_build_filename (parent, "program", NULL);

  if (script == NULL)
    {
      must (symlink (stage->probe, path) == 0, path);
      return;
    }

  must (g_file_set_contents (path, script, -1, NULL), path);
  must (g_chmod (path, 0755) == 0, path);
}

/* One that is written to, and nothing more. */
static void
add_cgroup (const FaultStage *stage)
{
  g_autofree char *directory = make_directory (stage, FAULT_CGROUP);
  g_autofree char *path = g_build_filename (directory, "cgroup.procs", NULL);

  must (g_file_set_contents (path, "", 0, NULL), path);
}

/* Where a caller that has given up its rights can execute it. */
static char *
copy_probe (const FaultStage *stage)
{
  char *path = g_build_filename (stage->directory, "probe", NULL);
  g_autofree char *contents = NULL;
  gsize length;

  must (g_file_get_contents (probe_get_path (), &contents, &length, NULL), probe_get_path ());
  must (g_file_set_contents (path, contents, (gssize) length, NULL), path);
  must (g_chmod (path, 0755) == 0, path);

  return path;
}

/*
 * fault_stage_new: (skip)
 *
 * Returns: (transfer full): a stage for any number of runs, one after the other
 */
FaultStage *
fault_stage_new (void)
{
  FaultStage *stage = g_new0 (FaultStage, 1);
  g_autofree char *script = NULL;

  stage->directory = g_dir_make_tmp ("gspawn-faults-XXXXXX", NULL);
  must (stage->directory != NULL, "temporary directory");
  must (g_chmod (stage->directory, 0755) == 0, stage->directory);
  stage->probe = copy_probe (stage);
  script = g_strdup_printf ("exec '%s' \"$@\"\n", stage->probe);
  g_free (make_directory (stage, "cwd"));
  add_cgroup (stage);
  add_program (stage, "bin", NULL);
  add_program (stage, "other", NULL);
  add_program (stage, "cwd/bin", NULL);
  add_program (stage, "script", script);

  stage->report_path = g_build_filename (stage->directory, "report", NULL);
  must (mkfifo (stage->report_path, 0600) == 0, stage->report_path);
  must (g_chmod (stage->report_path, 0666) == 0, stage->report_path);
  stage->report_fd = open (stage->report_path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  must (stage->report_fd >= 0, stage->report_path);
  must (fcntl (stage->report_fd, F_SETPIPE_SZ, FIFO_SIZE) >= 0, "F_SETPIPE_SZ");

  stage->result = mmap (NULL, sizeof *stage->result, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  must (stage->result != MAP_FAILED, "mmap");

  return stage;
}

static int
remove_entry (const char        *path,
              const struct stat *st G_GNUC_UNUSED,
              int                type G_GNUC_UNUSED,
              struct FTW        *ftw G_GNUC_UNUSED)
{
  return remove (path);
}

void
fault_stage_free (FaultStage *stage)
{
  munmap (stage->result, sizeof *stage->result);
  close (stage->report_fd);
  nftw (stage->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  g_free (stage->report_path);
  g_free (stage->probe);
  g_free (stage->directory);
  g_free (stage);
}

/* The gate is closed with the other descriptors. */
static G_GNUC_NORETURN void
be_caller (const FaultStage *stage,
           const FaultRun   *run,
           int               gate)
{
  const FaultScene scene = { stage->directory, stage->probe, stage->report_path };
  char byte;

  must (read (gate, &byte, 1) == 1, "gate");
  fault_caller_settle (&scene, run);
  fault_caller_perform (&scene, run, stage->result);
  /* Not _exit(), for a build that counts what is covered. */
  exit (0);
}

static char *
read_report (const FaultStage *stage)
{
  GString *text = g_string_new (NULL);
  char block[16 * 1024];
  gssize n;

  while ((n = read (stage->report_fd, block, sizeof block)) > 0)
    g_string_append_len (text, block, n);

  return g_string_free (text, text->len == 0);
}

/* Pipes and terminals have a number of their own in each run. */
static void
mask_descriptor (GKeyFile   *report,
                 const char *group)
{
  g_autofree char *type = g_key_file_get_value (report, group, "type", NULL);
  g_autofree char *link = g_key_file_get_value (report, group, "link", NULL);
  gboolean is_terminal = link != NULL && g_str_has_prefix (link, "/dev/pts/");

  if (g_strcmp0 (type, "pipe") == 0 || is_terminal)
    {
      g_key_file_remove_key (report, group, "inode", NULL);
      g_key_file_remove_key (report, group, "link", NULL);
    }
  if (is_terminal)
    g_key_file_remove_key (report, group, "rdev", NULL);
}

static void
mask_id (GKeyFile   *report,
         const char *key,
         pid_t       caller)
{
  gint64 id = report_get_int (report, "process", key);

  if (id == caller)
    g_key_file_set_string (report, "process", key, "caller");
  else if (id == report_get_int (report, "process", "pid"))
    g_key_file_set_string (report, "process", key, "itself");
}

/* What the program was told of its pid, by a variable. */
static void
mask_pid_variable (GKeyFile *report)
{
  g_autofree char *own = g_strdup_printf ("LISTEN_PID=%d", (int) report_get_int (report, "process",
                                                                                 "pid"));
  g_auto (GStrv) keys = g_key_file_get_keys (report, "environment", NULL, NULL);

  for (guint i = 0; keys[i] != NULL; i++)
    {
      g_autofree char *value = report_get_text (report, "environment", keys[i]);

      if (g_str_equal (value, own))
        g_key_file_set_string (report, "environment", keys[i], "LISTEN_PID=itself");
    }
}

/* One of its own has another number in each run. */
static void
mask_namespaces (GKeyFile *report)
{
  g_auto (GStrv) keys = g_key_file_get_keys (report, "namespaces", NULL, NULL);

  for (guint i = 0; keys != NULL && keys[i] != NULL; i++)
    {
      g_autofree char *path = g_strconcat ("/proc/self/ns/", keys[i], NULL);
      g_autofree char *value = g_key_file_get_value (report, "namespaces", keys[i], NULL);
      g_autofree char *own = g_file_read_link (path, NULL);

      if (own == NULL || strstr (own, value) == NULL)
        g_key_file_set_string (report, "namespaces", keys[i], "other");
    }
}

static void
mask_terminal (GKeyFile *report)
{
  g_autofree char *terminal = g_key_file_get_value (report, "process", "terminal", NULL);

  if (terminal != NULL && !g_str_equal (terminal, "0:0"))
    g_key_file_set_string (report, "process", "terminal", "some");
}

static void
mask_report (GKeyFile *report,
             pid_t     caller)
{
  g_auto (GStrv) groups = g_key_file_get_groups (report, NULL);
  gint64 parent = report_get_int (report, "process", "ppid");

  g_key_file_set_string (report, "process", "ppid", parent == caller ? "caller" : "other");
  mask_id (report, "pgid", caller);
  mask_id (report, "sid", caller);
  mask_pid_variable (report);
  mask_terminal (report);
  mask_namespaces (report);
  g_key_file_remove_key (report, "process", "pid", NULL);
  for (guint i = 0; groups[i] != NULL; i++)
    if (g_str_has_prefix (groups[i], "descriptor "))
      mask_descriptor (report, groups[i]);
}

static void
loosen_report (GKeyFile *report)
{
  g_key_file_remove_group (report, "arguments", NULL);
  g_key_file_remove_group (report, "environment", NULL);
  g_key_file_remove_key (report, "process", "exe", NULL);
  g_key_file_remove_key (report, "process", "executed-as", NULL);
}

static void
parse_report (FaultOutcome *outcome,
              const char   *text,
              pid_t         caller)
{
  g_autoptr (GKeyFile) report = g_key_file_new ();

  if (text == NULL)
    return;
  if (!g_key_file_load_from_data (report, text, strlen (text), G_KEY_FILE_NONE, NULL))
    g_error ("Not a report: %s", text);

  mask_report (report, caller);
  outcome->report = g_key_file_to_data (report, NULL, NULL);
  loosen_report (report);
  outcome->loose_report = g_key_file_to_data (report, NULL, NULL);
  g_key_file_remove_group (report, "limits", NULL);
  g_key_file_remove_group (report, "credentials", NULL);
  g_key_file_remove_group (report, "confinement", NULL);
  outcome->limited_report = g_key_file_to_data (report, NULL, NULL);
}

static char *
take_error_output (const FaultStage *stage)
{
  g_autofree char *path = g_build_filename (stage->directory, "err", NULL);
  char *text = NULL;

  if (g_file_get_contents (path, &text, NULL, NULL) && *text != '\0')
    must (truncate (path, 0) == 0, path);

  return text;
}

/* Starts a caller that waits at its gate. */
static pid_t
fork_caller (FaultStage     *stage,
             const FaultRun *run,
             int            *gate)
{
  int ends[2];
  pid_t pid;

  memset (stage->result, 0, sizeof *stage->result);
  must (pipe2 (ends, O_CLOEXEC) == 0, "pipe");
  fflush (NULL);
  pid = fork ();
  must (pid >= 0, "fork");
  if (pid == 0)
    be_caller (stage, run, ends[0]);

  close (ends[0]);
  *gate = ends[1];

  return pid;
}

static void
gather (const FaultStage *stage,
        FaultOutcome     *outcome,
        pid_t             pid)
{
  g_autofree char *text = read_report (stage);

  outcome->result = *stage->result;
  outcome->error_output = take_error_output (stage);
  parse_report (outcome, text, pid);
}

/*
 * fault_stage_run: (skip)
 * @stage: a stage
 * @run: what to launch, and what shall happen
 *
 * Returns: (transfer full): what became of it
 */
FaultOutcome *
fault_stage_run (FaultStage     *stage,
                 const FaultRun *run)
{
  FaultOutcome *outcome = g_new0 (FaultOutcome, 1);
  int gate;
  pid_t pid = fork_caller (stage, run, &gate);

  outcome->trace = fault_trace_run (pid, gate, fault_shape_has_middle (run->shape), &run->fault,
                                    run->shape->rules);
  close (gate);
  gather (stage, outcome, pid);

  return outcome;
}

/* Waits for the caller, and for what it has left to us, who are whom orphans are given to. They are
 * a process group of their own. */
static gboolean
await_all (pid_t caller)
{
  gint64 deadline = g_get_monotonic_time () + DEADLINE_MS * G_TIME_SPAN_MILLISECOND;
  struct pollfd end = { .fd = (int) syscall (SYS_pidfd_open, caller, 0), .events = POLLIN };
  gboolean in_time;

  must (end.fd >= 0, "pidfd_open");
  in_time = poll (&end, 1, DEADLINE_MS) > 0;
  close (end.fd);
  if (!in_time)
    kill (caller, SIGKILL);

  /* For an orphan that does not end there is the test's own timeout. */
  while (waitpid (-caller, NULL, __WALL) > 0 || errno == EINTR)
    in_time &= g_get_monotonic_time () < deadline;

  return in_time;
}

/*
 * fault_stage_limit: (skip)
 * @stage: a stage
 * @run: what to launch, under what limit
 *
 * Like fault_stage_run() without a tracer.
 *
 * Returns: (transfer full): what became of it
 */
FaultOutcome *
fault_stage_limit (FaultStage     *stage,
                   const FaultRun *run)
{
  FaultOutcome *outcome = g_new0 (FaultOutcome, 1);
  int gate;
  pid_t pid;

  must (prctl (PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0, "PR_SET_CHILD_SUBREAPER");
  pid = fork_caller (stage, run, &gate);
  must (setpgid (pid, pid) == 0, "setpgid");
  must (write (gate, "", 1) == 1, "write");
  outcome->timed_out = !await_all (pid);
  close (gate);
  gather (stage, outcome, pid);

  return outcome;
}

void
fault_outcome_free (FaultOutcome *outcome)
{
  g_clear_pointer (&outcome->trace, fault_trace_free);
  g_free (outcome->report);
  g_free (outcome->loose_report);
  g_free (outcome->limited_report);
  g_free (outcome->error_output);
  g_free (outcome);
}
