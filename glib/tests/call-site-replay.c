/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Makes the call of a call site, with a harmless child in place of the program, and judges what
 * came of it: by what the child reports and by the record in the trace.
 *
 * The calls are those of the process that this runs in, which has the drop-in loaded. The process
 * is made the reaper of its orphans, so a child that GLib's caller need not wait for is waited for
 * all the same, and no call is left while a child of it lives. */

#include "call-site-replay.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gspawn-trace-reader-private.h"

#define CHILD_STATUS 42
#define CHILD_UMASK 0123
#define CHILD_DIRECTORY "/"
#define CHILD_OUTPUT "here"
#define CHILD_ARGV_ZERO "another-name"

struct _CallSiteStage {
  char *probe;
  char *probe_directory;
  char *report;
  mode_t umask;

  int trace_fd;
  GSpawnTraceReader *reader;
  guint n_records;              /* of the call at hand; the rest are those of the last one */
  char *engine;
  char *function;
  gint64 child;
};

typedef struct {
  CallSiteStage *stage;
  const CallSite *site;
  const char *directory;
  GSpawnChildSetupFunc callback;
  char **argv;
  char **envp;
  GPid pid;                     /* 0 while it is not known */
  int status;
  char *output;
} Replay;

typedef struct {
  const char *function;
  gboolean (*issue) (Replay *replay, GError **error);
  gboolean captures;            /* the API can hand over what the child prints */
} Issuer;

static void
note_record (const GSpawnTraceRecord *record,
             gpointer                 user_data)
{
  CallSiteStage *stage = user_data;

  stage->n_records++;
  g_free (stage->engine);
  stage->engine = g_strdup (record->engine);
  g_free (stage->function);
  stage->function = g_strdup (record->function);
  stage->child = record->child;
}

/*
 * call_site_stage_new: (skip)
 * @probe: the program to start
 * @trace: the file that the drop-in writes its trace to
 *
 * Returns: (transfer full): what all replays of this process share
 */
CallSiteStage *
call_site_stage_new (const char *probe,
                     const char *trace)
{
  CallSiteStage *stage = g_new0 (CallSiteStage, 1);

  stage->probe = g_strdup (probe);
  stage->probe_directory = g_path_get_dirname (probe);
  stage->report = g_strconcat (trace, ".report", NULL);
  stage->reader = _gspawn_trace_reader_new (note_record, stage);
  stage->trace_fd = open (trace, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
  if (stage->trace_fd < 0)
    g_error ("%s: %s", trace, g_strerror (errno));

  stage->umask = umask (022);
  umask (stage->umask);
  if (prctl (PR_SET_CHILD_SUBREAPER, 1) < 0)
    g_error ("PR_SET_CHILD_SUBREAPER: %s", g_strerror (errno));

  return stage;
}

void
call_site_stage_free (CallSiteStage *stage)
{
  g_free (stage->probe);
  g_free (stage->probe_directory);
  g_free (stage->report);
  g_free (stage->engine);
  g_free (stage->function);
  _gspawn_trace_reader_free (stage->reader);
  close (stage->trace_fd);
  g_free (stage);
}

static void
child_set_umask (gpointer data G_GNUC_UNUSED)
{
  umask (CHILD_UMASK);
}

static char *
read_to_end (int fd)
{
  GString *text = g_string_new (NULL);
  char block[256];
  gssize length;

  while ((length = read (fd, block, sizeof block)) != 0)
    {
      if (length > 0)
        g_string_append_len (text, block, length);
      else if (errno != EINTR)
        g_error ("read: %s", g_strerror (errno));
    }

  return g_string_free (text, FALSE);
}

static void
read_output (Replay *replay,
             int     pipe_fd)
{
  if (pipe_fd < 0)
    return;

  replay->output = read_to_end (pipe_fd);
  close (pipe_fd);
}

/* For a child whose pid the caller was not told, the orphan that comes here is the one. */
static void
wait_for_child (Replay *replay)
{
  pid_t wanted = replay->site->flags & G_SPAWN_DO_NOT_REAP_CHILD ? replay->pid : -1;
  pid_t result;

  do
    result = waitpid (wanted, &replay->status, 0);
  while (result < 0 && errno == EINTR);

  if (result > 0)
    replay->pid = result;
}

static GPid *
get_pid_pointer (Replay *replay)
{
  return replay->site->flags & G_SPAWN_DO_NOT_REAP_CHILD ? &replay->pid : NULL;
}

static gboolean
issue_async (Replay  *replay,
             GError **error)
{
  if (!g_spawn_async (replay->directory, replay->argv, replay->envp, replay->site->flags,
                      replay->callback, NULL, get_pid_pointer (replay), error))
    return FALSE;

  wait_for_child (replay);

  return TRUE;
}

static void
finish_pipes (Replay    *replay,
              const int *pipe_fds)
{
  if (pipe_fds[0] >= 0)
    close (pipe_fds[0]);
  read_output (replay, pipe_fds[1]);
  if (pipe_fds[2] >= 0)
    close (pipe_fds[2]);
  wait_for_child (replay);
}

static gboolean
issue_async_with_pipes (Replay  *replay,
                        GError **error)
{
  GSpawnFlags flags = replay->site->flags;
  int pipe_fds[3] = { -1, -1, -1 };

  if (!g_spawn_async_with_pipes (replay->directory, replay->argv, replay->envp, flags,
                                 replay->callback, NULL, get_pid_pointer (replay),
                                 flags & G_SPAWN_CHILD_INHERITS_STDIN ? NULL : &pipe_fds[0],
                                 flags & G_SPAWN_STDOUT_TO_DEV_NULL ? NULL : &pipe_fds[1],
                                 flags & G_SPAWN_STDERR_TO_DEV_NULL ? NULL : &pipe_fds[2],
                                 error))
    return FALSE;

  finish_pipes (replay, pipe_fds);

  return TRUE;
}

static gboolean
issue_async_with_pipes_and_fds (Replay  *replay,
                                GError **error)
{
  int pipe_fds[3] = { -1, -1, -1 };
  int source = open ("/dev/null", O_RDWR | O_CLOEXEC);
  int target = source + 1;
  gboolean success;

  success = g_spawn_async_with_pipes_and_fds (replay->directory,
                                              (const char * const *) replay->argv,
                                              (const char * const *) replay->envp,
                                              replay->site->flags, replay->callback, NULL,
                                              -1, -1, -1, &source, &target, 1,
                                              get_pid_pointer (replay),
                                              &pipe_fds[0], &pipe_fds[1], &pipe_fds[2], error);
  close (source);
  if (success)
    finish_pipes (replay, pipe_fds);

  return success;
}

static gboolean
issue_async_with_fds (Replay  *replay,
                      GError **error)
{
  int pipe_fds[2];
  gboolean success;

  if (!g_unix_open_pipe (pipe_fds, FD_CLOEXEC, error))
    return FALSE;

  success = g_spawn_async_with_fds (replay->directory, replay->argv, replay->envp,
                                    replay->site->flags, replay->callback, NULL,
                                    get_pid_pointer (replay), -1, pipe_fds[1], -1, error);
  close (pipe_fds[1]);
  read_output (replay, pipe_fds[0]);
  if (success)
    wait_for_child (replay);

  return success;
}

static gboolean
issue_sync (Replay  *replay,
            GError **error)
{
  GSpawnFlags flags = replay->site->flags;
  g_autofree char *errors = NULL;

  return g_spawn_sync (replay->directory, replay->argv, replay->envp, flags, replay->callback,
                       NULL, flags & G_SPAWN_STDOUT_TO_DEV_NULL ? NULL : &replay->output,
                       flags & G_SPAWN_STDERR_TO_DEV_NULL ? NULL : &errors, &replay->status,
                       error);
}

static char *
join_command_line (char **argv)
{
  GString *line = g_string_new (NULL);

  for (guint i = 0; argv[i] != NULL; i++)
    {
      g_autofree char *quoted = g_shell_quote (argv[i]);

      g_string_append_printf (line, "%s%s", i > 0 ? " " : "", quoted);
    }

  return g_string_free (line, FALSE);
}

static gboolean
issue_command_line_sync (Replay  *replay,
                         GError **error)
{
  g_autofree char *line = join_command_line (replay->argv);
  g_autofree char *errors = NULL;

  return g_spawn_command_line_sync (line, &replay->output, &errors, &replay->status, error);
}

static gboolean
issue_command_line_async (Replay  *replay,
                          GError **error)
{
  g_autofree char *line = join_command_line (replay->argv);

  if (!g_spawn_command_line_async (line, error))
    return FALSE;

  wait_for_child (replay);

  return TRUE;
}

static GSubprocessFlags
get_subprocess_flags (const CallSite *site)
{
  GSubprocessFlags flags = G_SUBPROCESS_FLAGS_STDOUT_PIPE;

  if (site->flags & G_SPAWN_LEAVE_DESCRIPTORS_OPEN)
    flags |= G_SUBPROCESS_FLAGS_INHERIT_FDS;

  return flags;
}

/* GIO waits for its children itself. */
static gboolean
finish_subprocess (Replay       *replay,
                   GSubprocess  *subprocess,
                   GError      **error)
{
  g_autoptr(GBytes) output = NULL;
  const char *data;
  gsize length;

  if (subprocess == NULL)
    return FALSE;

  if (!g_subprocess_communicate (subprocess, NULL, NULL, &output, NULL, error))
    return FALSE;

  data = g_bytes_get_data (output, &length);
  replay->output = g_strndup (data, length);
  replay->status = g_subprocess_get_status (subprocess);

  return TRUE;
}

static gboolean
issue_subprocess (Replay  *replay,
                  GError **error)
{
  g_autoptr(GSubprocess) subprocess = NULL;

  subprocess = g_subprocess_newv ((const char * const *) replay->argv,
                                  get_subprocess_flags (replay->site), error);

  return finish_subprocess (replay, subprocess, error);
}

static gboolean
issue_subprocess_launcher (Replay  *replay,
                           GError **error)
{
  g_autoptr(GSubprocessLauncher) launcher = NULL;
  g_autoptr(GSubprocess) subprocess = NULL;

  launcher = g_subprocess_launcher_new (get_subprocess_flags (replay->site));
  if (replay->directory != NULL)
    g_subprocess_launcher_set_cwd (launcher, replay->directory);
  if (replay->callback != NULL)
    g_subprocess_launcher_set_child_setup (launcher, replay->callback, NULL, NULL);
  subprocess = g_subprocess_launcher_spawnv (launcher, (const char * const *) replay->argv,
                                             error);

  return finish_subprocess (replay, subprocess, error);
}

static const Issuer issuers[] = {
  { "g_spawn_async", issue_async, FALSE },
  { "g_spawn_async_with_pipes", issue_async_with_pipes, TRUE },
  { "g_spawn_async_with_pipes_and_fds", issue_async_with_pipes_and_fds, TRUE },
  { "g_spawn_async_with_fds", issue_async_with_fds, TRUE },
  { "g_spawn_sync", issue_sync, TRUE },
  { "g_spawn_command_line_sync", issue_command_line_sync, TRUE },
  { "g_spawn_command_line_async", issue_command_line_async, FALSE },
  { "g_subprocess_new", issue_subprocess, TRUE },
  { "g_subprocess_newv", issue_subprocess, TRUE },
  { "g_subprocess_launcher_new", issue_subprocess_launcher, TRUE },
};

static const Issuer *
find_issuer (const CallSite *site)
{
  for (guint i = 0; i < G_N_ELEMENTS (issuers); i++)
    if (g_str_equal (issuers[i].function, site->function))
      return &issuers[i];

  g_error ("%s: there is no way to call %s()", site->where, site->function);
}

static gboolean
captures_output (const CallSite *site)
{
  return find_issuer (site)->captures && !(site->flags & G_SPAWN_STDOUT_TO_DEV_NULL);
}

static char **
make_argv (CallSiteStage  *stage,
           const CallSite *site)
{
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new ();
  g_autofree char *name = g_path_get_basename (stage->probe);
  g_autofree char *status = g_strdup_printf ("%d", CHILD_STATUS);
  gboolean searches;

  searches = (site->flags & (G_SPAWN_SEARCH_PATH | G_SPAWN_SEARCH_PATH_FROM_ENVP)) != 0;
  g_strv_builder_add (builder, searches ? name : stage->probe);
  if (site->flags & G_SPAWN_FILE_AND_ARGV_ZERO)
    g_strv_builder_add (builder, CHILD_ARGV_ZERO);

  g_strv_builder_add_many (builder, "report", stage->report, NULL);
  if (captures_output (site))
    g_strv_builder_add_many (builder, "print", "1", CHILD_OUTPUT, NULL);
  g_strv_builder_add_many (builder, "exit", status, NULL);

  return g_strv_builder_end (builder);
}

/* The directory of the program is in the PATH that the flags name, and in no other. */
static void
set_path (Replay *replay)
{
  const char *directory = replay->stage->probe_directory;

  if (replay->site->flags & G_SPAWN_SEARCH_PATH_FROM_ENVP)
    {
      replay->envp = g_environ_setenv (g_get_environ (), "PATH", directory, TRUE);
      directory = "/nonexistent";
    }
  if (g_strcmp0 (g_getenv ("PATH"), directory) != 0)
    g_setenv ("PATH", directory, TRUE);
}

static void
replay_clear (Replay *replay)
{
  g_strfreev (replay->argv);
  g_strfreev (replay->envp);
  g_free (replay->output);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Replay, replay_clear)

static void
replay_init (Replay         *replay,
             CallSiteStage  *stage,
             const CallSite *site)
{
  memset (replay, 0, sizeof *replay);
  replay->stage = stage;
  replay->site = site;
  replay->status = -1;
  replay->directory = site->has_directory ? CHILD_DIRECTORY : NULL;
  replay->callback = site->has_callback ? child_set_umask : NULL;
  replay->argv = make_argv (stage, site);
  set_path (replay);
}

static char *
get_text (GKeyFile   *report,
          const char *group,
          const char *key)
{
  g_autofree char *text = g_key_file_get_value (report, group, key, NULL);

  return text != NULL ? g_uri_unescape_string (text, NULL) : NULL;
}

static char *
find_wrong_report (const Replay *replay,
                   GKeyFile     *report)
{
  g_autofree char *here = g_get_current_dir ();
  g_autofree char *directory = get_text (report, "directory", "path");
  g_autofree char *name = get_text (report, "arguments", "0");
  g_autofree char *mask = get_text (report, "process", "umask");
  g_autofree char *own_mask = NULL;
  const char *own_name = replay->argv[0];

  if (replay->site->flags & G_SPAWN_FILE_AND_ARGV_ZERO)
    own_name = CHILD_ARGV_ZERO;
  own_mask = g_strdup_printf ("%04o", replay->callback != NULL ? (guint) CHILD_UMASK
                                                               : (guint) replay->stage->umask);

  if (g_strcmp0 (directory, replay->directory != NULL ? replay->directory : here) != 0)
    return g_strdup_printf ("the child was in %s", directory);
  if (g_strcmp0 (name, own_name) != 0)
    return g_strdup_printf ("the child was called %s", name);
  if (g_strcmp0 (mask, own_mask) != 0)
    return g_strdup_printf ("the child's umask was %s, not %s", mask, own_mask);

  return NULL;
}

static char *
find_wrong_child (const Replay *replay)
{
  g_autoptr(GKeyFile) report = g_key_file_new ();
  g_autoptr(GError) error = NULL;
  gboolean loaded;

  loaded = g_key_file_load_from_file (report, replay->stage->report, G_KEY_FILE_NONE, &error);
  unlink (replay->stage->report);

  if (!loaded)
    return g_strdup_printf ("no report: %s", error->message);
  if (!WIFEXITED (replay->status) || WEXITSTATUS (replay->status) != CHILD_STATUS)
    return g_strdup_printf ("the child ended with status %d", replay->status);
  if (captures_output (replay->site) && g_strcmp0 (replay->output, CHILD_OUTPUT) != 0)
    return g_strdup_printf ("the child printed “%s”", replay->output);
  if (waitpid (-1, NULL, WNOHANG) != -1 || errno != ECHILD)
    return g_strdup ("a child was left over");

  return find_wrong_report (replay, report);
}

static void
read_trace (CallSiteStage *stage)
{
  char block[1024];
  gssize length;

  stage->n_records = 0;
  while ((length = read (stage->trace_fd, block, sizeof block)) > 0)
    _gspawn_trace_reader_push (stage->reader, block, (gsize) length);
}

/* GIO's way of calling g_spawn_*() is its own affair. */
static char *
find_wrong_record (const Replay *replay)
{
  const CallSiteStage *stage = replay->stage;
  const CallSite *site = replay->site;

  if (stage->n_records != 1)
    return g_strdup_printf ("%u records in the trace", stage->n_records);
  if (g_str_has_prefix (site->function, "g_spawn_") &&
      !g_str_equal (site->function, stage->function))
    return g_strdup_printf ("the trace says that %s() was called", stage->function);
  if (replay->pid > 0 && stage->child != replay->pid)
    return g_strdup_printf ("the trace says that %" G_GINT64_FORMAT " is the child, not %d",
                            stage->child, (int) replay->pid);

  return NULL;
}

/*
 * call_site_replay: (skip)
 * @stage: the stage
 * @site: the call to make
 * @problem: (out) (nullable): what was not as it should be
 *
 * Returns: (transfer full): the engine that took the call, or "none"
 */
char *
call_site_replay (CallSiteStage   *stage,
                  const CallSite  *site,
                  char           **problem)
{
  g_auto(Replay) replay;
  g_autoptr(GError) error = NULL;

  replay_init (&replay, stage, site);
  *problem = NULL;
  if (find_issuer (site)->issue (&replay, &error))
    *problem = find_wrong_child (&replay);
  else
    *problem = g_strdup (error->message);

  read_trace (stage);
  if (*problem == NULL)
    *problem = find_wrong_record (&replay);

  return g_strdup (stage->n_records > 0 && stage->engine != NULL ? stage->engine : "none");
}
