/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* What the threads launch: one table of shapes, and how the outcome of each is looked at.
 *
 * A child must find exactly what it was given, and of everything else what it finds in a process
 * where nothing else goes on. So a report of such a child is taken first, as the reference. */

#include "concurrency.h"

#include "gspawn-template.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch.h"
#include "scene.h"

#define SCRIPT "script"
#define SCRIPT_STATUS 37
#define MISSING "/missing/program"
#define MAPPED_FD 5

/* The greatest status that the probe can have without being in trouble. */
#define N_STATUSES 120

typedef enum {
  REPORT_NONE,
  REPORT_OUTPUT,    /* over a pipe of the library's */
  REPORT_MAPPED,    /* over a descriptor of ours at MAPPED_FD */
  REPORT_SYNC,
} ReportWay;

typedef struct {
  const char *name;
  Traits traits;
  GSpawnFlags flags;
  ReportWay report;
  const char *program;      /* NULL for the probe */
  const char *directory;
  const char *open_fds;
  int status;               /* or 0: another one for each launch */
  int error_code;
} Shape;

#define WAITED (G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_CLOEXEC_PIPES)
#define REAPED G_SPAWN_CLOEXEC_PIPES
#define LEFT G_SPAWN_LEAVE_DESCRIPTORS_OPEN

static const Shape shapes[] = {
  { .name = "waited", .flags = WAITED },
  { .name = "pipes", .flags = WAITED, .report = REPORT_OUTPUT, .open_fds = "0;1;2" },
  { .name = "reaped", .flags = REAPED, .traits = TRAIT_REAPED, .report = REPORT_MAPPED,
    .open_fds = "0;1;2;5" },
  { .name = "missing", .flags = WAITED, .traits = TRAIT_FAILS, .program = MISSING,
    .error_code = G_SPAWN_ERROR_NOENT },
  { .name = "left-open", .flags = WAITED | LEFT, .report = REPORT_OUTPUT, .open_fds = "0;1;2" },
  { .name = "sync", .flags = G_SPAWN_DEFAULT, .traits = TRAIT_SYNC, .report = REPORT_SYNC,
    .open_fds = "0;1;2" },
  { .name = "mapped-left-open", .flags = WAITED | LEFT, .report = REPORT_MAPPED,
    .open_fds = "0;1;2;5" },
  { .name = "missing-reaped", .flags = REAPED, .traits = TRAIT_FAILS | TRAIT_REAPED,
    .program = MISSING, .error_code = G_SPAWN_ERROR_NOENT },
  { .name = "directory", .flags = WAITED, .report = REPORT_MAPPED, .directory = "/",
    .open_fds = "0;1;2;5" },
  { .name = "reaped-left-open", .flags = REAPED | LEFT, .traits = TRAIT_REAPED,
    .report = REPORT_OUTPUT, .open_fds = "0;1;2" },
  { .name = "searched", .flags = WAITED | G_SPAWN_SEARCH_PATH_FROM_ENVP,
    .report = REPORT_MAPPED, .program = "probe", .open_fds = "0;1;2;5" },
  { .name = "missing-directory", .flags = WAITED, .traits = TRAIT_FAILS,
    .directory = "/missing", .error_code = G_SPAWN_ERROR_CHDIR },
  { .name = "script", .flags = WAITED, .program = SCRIPT, .status = SCRIPT_STATUS },
  { .name = "environment", .flags = WAITED, .traits = TRAIT_ENVIRONMENT,
    .report = REPORT_OUTPUT, .open_fds = "0;1;2" },
  { .name = "set-up", .flags = WAITED, .traits = TRAIT_SET_UP, .report = REPORT_OUTPUT,
    .open_fds = "0;1;2" },
  { .name = "attributes", .flags = WAITED, .traits = TRAIT_ATTRIBUTES, .report = REPORT_OUTPUT,
    .open_fds = "0;1;2" },
  { .name = "begun", .flags = WAITED, .traits = TRAIT_BEGUN, .report = REPORT_OUTPUT,
    .open_fds = "0;1;2" },
  { .name = "attributes-reaped", .flags = REAPED, .traits = TRAIT_ATTRIBUTES | TRAIT_REAPED,
    .report = REPORT_MAPPED, .open_fds = "0;1;2;5" },
  { .name = "begun-missing", .flags = WAITED, .traits = TRAIT_FAILS | TRAIT_BEGUN,
    .program = MISSING, .error_code = G_SPAWN_ERROR_NOENT },
};

/* What no launch here changes. */
static const Alternative constants[] = {
  { "process", "umask", NULL }, { "scheduling", "nice", NULL }, { "scheduling", "policy", NULL },
  { "process", "sid", NULL }, { "process", "death-signal", NULL },
  { "credentials", "uids", NULL }, { "credentials", "gids", NULL },
  { "credentials", "groups", NULL }, { "confinement", "no-new-privileges", NULL },
  { "directory", "path", NULL },
  { "signals", "ignored", NULL }, { "signals", "caught", NULL }, { "signals", "pending", NULL },
  { "limits", "nofile", NULL }, { "limits", "nproc", NULL }, { "limits", "stack", NULL },
};

/* What the attributes make of some of them. */
static const Alternative declared[] = {
  { "process", "umask", "0135" }, { "scheduling", "nice", "3" },
  { "confinement", "no-new-privileges", "1" }, { "limits", "nofile", "300;400" },
};

static GSpawnAttributes *attributes;
static GSpawnAttributes *orphan_attributes;
static GKeyFile *reference;
static char *script_path;
static char *search_path;

typedef struct {
  const Shape *shape;
  const Crowd *crowd;
  char *name;               /* of this launch, for messages and to tell its child from others */
  char *launch_variable;
  char *path_variable;
  char *envp[4];
  int status;
  guint64 mask;
  Launch launch;
  int own_pipe[2];
} One;

static guint64
get_mask (void)
{
  guint64 mask = 0;

  if (syscall (SYS_rt_sigprocmask, SIG_BLOCK, NULL, &mask, sizeof mask) < 0)
    g_error ("rt_sigprocmask: %s", g_strerror (errno));

  return mask;
}

static void
child_set_up (gpointer data G_GNUC_UNUSED)
{
  setpgid (0, 0);
}

static void
one_init (One         *one,
          const Shape *shape,
          const Crowd *crowd,
          guint        launcher,
          guint        number)
{
  static const int mapped_target = MAPPED_FD;
  const char *program = shape->program;
  g_autofree char *code = NULL;
  g_autofree char *fd = NULL;

  memset (one, 0, sizeof *one);
  one->shape = shape;
  one->crowd = crowd;
  one->name = g_strdup_printf ("%s %u.%u", shape->name, launcher, number);
  one->status = shape->status != 0 ? shape->status
                                   : (int) (1 + (launcher + 7 * number) % N_STATUSES);
  one->mask = get_mask ();
  one->own_pipe[0] = one->own_pipe[1] = -1;

  code = g_strdup_printf ("%d", one->status);
  fd = g_strdup_printf ("%d", shape->report == REPORT_MAPPED ? MAPPED_FD : STDOUT_FILENO);
  if (g_strcmp0 (program, SCRIPT) == 0)
    program = script_path;
  if (shape->report != REPORT_NONE)
    launch_init (&one->launch, shape->flags, program, "report-fd", fd, "print", fd, one->name,
                 "exit", code, NULL);
  else
    launch_init (&one->launch, shape->flags, program, "exit", code, NULL);

  one->launch_variable = g_strdup_printf ("LAUNCH=%s", one->name);
  one->path_variable = g_strdup_printf ("PATH=%s", search_path);
  one->envp[0] = one->launch_variable;
  one->envp[1] = one->path_variable;
  if ((shape->traits & TRAIT_ENVIRONMENT) == 0)
    one->launch.envp = one->envp;

  one->launch.directory = shape->directory;
  if ((shape->traits & TRAIT_ATTRIBUTES) != 0)
    {
      one->launch.setup = gspawn_attributes_child_setup;
      one->launch.setup_declares = TRUE;
      one->launch.other_needs = GSPAWN_NEED_SESSION | GSPAWN_NEED_ATTRIBUTES;
      one->launch.setup_data = (shape->traits & TRAIT_REAPED) != 0 ? orphan_attributes : attributes;
    }
  if ((shape->traits & TRAIT_SET_UP) != 0)
    one->launch.setup = child_set_up;
  one->launch.pipes[STDOUT_FILENO] = shape->report == REPORT_OUTPUT;
  if (shape->report == REPORT_MAPPED)
    {
      if (pipe2 (one->own_pipe, O_CLOEXEC) < 0)
        g_error ("pipe2: %s", g_strerror (errno));
      launch_map (&one->launch, &one->own_pipe[1], &mapped_target, 1);
    }
}

static void
one_clear (One *one)
{
  for (int i = 0; i < 2; i++)
    if (one->own_pipe[i] >= 0)
      close (one->own_pipe[i]);
  launch_clear (&one->launch);
  g_free (one->name);
  g_free (one->launch_variable);
  g_free (one->path_variable);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (One, one_clear)

static const char *
find_declared (const Alternative *constant)
{
  for (gsize i = 0; i < G_N_ELEMENTS (declared); i++)
    if (g_str_equal (declared[i].group, constant->group) &&
        g_str_equal (declared[i].key, constant->key))
      return declared[i].value;

  return NULL;
}

static gboolean
is_alternative (const Crowd       *crowd,
                const Alternative *constant,
                const char        *value)
{
  for (gsize i = 0; crowd != NULL && (*crowd)[i] != NULL; i++)
    for (const Alternative *a = (*crowd)[i]->alternatives; a != NULL && a->group != NULL; a++)
      if (g_str_equal (a->group, constant->group) && g_str_equal (a->key, constant->key) &&
          g_strcmp0 (a->value, value) == 0)
        return TRUE;

  return FALSE;
}

static void
check_constants (One      *one,
                 GKeyFile *report)
{
  for (gsize i = 0; i < G_N_ELEMENTS (constants); i++)
    {
      const Alternative *constant = &constants[i];
      g_autofree char *value = report_get_text (report, constant->group, constant->key);
      g_autofree char *expected = report_get_text (reference, constant->group, constant->key);

      /* Those two are looked at by themselves. */
      if ((one->shape->traits & TRAIT_ATTRIBUTES) != 0 &&
          (g_str_equal (constant->key, "sid") || g_str_equal (constant->key, "death-signal")))
        continue;
      if ((one->shape->traits & TRAIT_ATTRIBUTES) != 0 && find_declared (constant) != NULL)
        {
          /* There is no other that would be as good. */
          crowd_expect (g_strcmp0 (value, find_declared (constant)) == 0,
                        "%s: %s of %s is %s instead of %s", one->name, constant->key,
                        constant->group, value, find_declared (constant));
          continue;
        }
      if (one->shape->directory != NULL && g_str_equal (constant->group, "directory"))
        {
          g_free (expected);
          expected = g_strdup (one->shape->directory);
        }
      crowd_expect (g_strcmp0 (value, expected) == 0 ||
                    is_alternative (one->crowd, constant, value),
                    "%s: %s of %s is %s instead of %s", one->name, constant->key,
                    constant->group, value, expected);
    }
}

/* Those far up are opened by a disturbance without close-on-exec, so they may be seen where all is
 * left open. */
static void
check_open (One      *one,
            GKeyFile *report)
{
  g_autofree char *open_fds = report_get_open (report);
  g_auto (GStrv) fds = g_strsplit (open_fds, ";", -1);
  g_autoptr (GString) own = g_string_new (NULL);

  for (char **fd = fds; *fd != NULL; fd++)
    if ((one->shape->flags & LEFT) == 0 || g_ascii_strtoll (*fd, NULL, 10) < STRAY_FIRST_FD)
      g_string_append_printf (own, "%s%s", own->len > 0 ? ";" : "", *fd);

  crowd_expect (g_str_equal (own->str, one->shape->open_fds), "%s: open are %s instead of %s",
                one->name, open_fds, one->shape->open_fds);
}

static void
check_environment (One      *one,
                   GKeyFile *report)
{
  g_auto (GStrv) variables = report_get_texts (report, "environment");

  if ((one->shape->traits & TRAIT_ATTRIBUTES) != 0)
    {
      guint n = g_strv_length (variables);
      g_autofree char *own = g_strdup_printf ("OWN_PID=%d",
                                              (int) report_get_int (report, "process", "pid"));

      if (n == 0 || !g_str_equal (variables[n - 1], own))
        crowd_expect (FALSE, "%s: its own pid is not in its environment", one->name);
      else
        g_clear_pointer (&variables[n - 1], g_free);
    }
  if ((one->shape->traits & TRAIT_ENVIRONMENT) == 0)
    crowd_expect (g_strv_equal ((const char *const *) variables,
                                (const char *const *) one->envp),
                  "%s: another environment, of %u variables", one->name,
                  g_strv_length (variables));
  else
    crowd_expect (g_strv_contains ((const char *const *) variables, "CONSTANT=as ever"),
                  "%s: the environment of %u variables is not ours", one->name,
                  g_strv_length (variables));
}

/* Where real and effective ids differ the kernel forgets it when the program is executed. */
static void
check_death_signal (One      *one,
                    GKeyFile *report)
{
  static const Alternative constant = { "process", "death-signal", NULL };
  g_autofree char *value = report_get_text (report, constant.group, constant.key);
  g_autofree char *expected = g_strdup_printf ("%d", SIGTERM);

  crowd_expect (g_strcmp0 (value, expected) == 0 || is_alternative (one->crowd, &constant, value),
                "%s: its death signal is %s", one->name, value);
}

static void
check_process (One      *one,
               GKeyFile *report)
{
  gint64 parent = report_get_int (report, "process", "ppid");
  gint64 group = report_get_int (report, "process", "pgid");
  gint64 pid = report_get_int (report, "process", "pid");

  if (one->shape->traits & TRAIT_REAPED)
    crowd_expect (parent != getpid (), "%s: a child of ours", one->name);
  else
    crowd_expect (parent == getpid (), "%s: its parent is %d", one->name, (int) parent);
  if (one->launch.pid > 0)
    crowd_expect (pid == one->launch.pid, "%s: its pid is %d, ours to know is %d", one->name,
                  (int) pid, (int) one->launch.pid);

  crowd_expect (group == ((one->shape->traits & (TRAIT_SET_UP | TRAIT_ATTRIBUTES)) != 0
                          ? pid : getpgrp ()),
                "%s: its group is %d", one->name, (int) group);
  if ((one->shape->traits & TRAIT_ATTRIBUTES) != 0)
    crowd_expect (report_get_int (report, "process", "sid") == pid, "%s: it leads no session",
                  one->name);
  if ((one->shape->traits & (TRAIT_ATTRIBUTES | TRAIT_REAPED)) == TRAIT_ATTRIBUTES)
    check_death_signal (one, report);
  crowd_expect (report_get_signals (report, "mask") == one->mask,
                "%s: mask %" G_GINT64_MODIFIER "x instead of %" G_GINT64_MODIFIER "x",
                one->name, report_get_signals (report, "mask"), one->mask);
}

/* The launch's name comes after its report, so that a child's words are known for its own. */
static void
check_report_locked (One        *one,
                     const char *text)
{
  g_autoptr (GKeyFile) report = g_key_file_new ();
  g_autofree char *own = NULL;

  if (!g_str_has_suffix (text, one->name))
    {
      crowd_expect (FALSE, "%s: no report, or that of another: \"%s\"", one->name, text);
      return;
    }

  own = g_strndup (text, strlen (text) - strlen (one->name));
  if (!g_key_file_load_from_data (report, own, strlen (own), G_KEY_FILE_NONE, NULL))
    {
      crowd_expect (FALSE, "%s: its report is broken: \"%s\"", one->name, own);
      return;
    }

  check_constants (one, report);
  check_open (one, report);
  check_environment (one, report);
  check_process (one, report);
}

static void
check_report (One        *one,
              const char *text)
{
  g_rw_lock_reader_lock (&crowd_environment);
  check_report_locked (one, text);
  g_rw_lock_reader_unlock (&crowd_environment);
}

/* Up to the launch's name: a process that has a copy of the pipe would keep it from its end. */
static char *
read_report (One *one,
             int  fd)
{
  g_autoptr (GString) text = g_string_new (NULL);
  char block[4096];
  ssize_t n;

  while (!g_str_has_suffix (text->str, one->name) && (n = read (fd, block, sizeof block)) != 0)
    {
      if (n < 0 && errno != EINTR)
        return g_strdup (g_strerror (errno));
      if (n > 0)
        g_string_append_len (text, block, n);
    }

  return g_strdup (text->str);
}

static int
await (One *one)
{
  pid_t pid = one->launch.pid;

  for (gsize i = 0; one->crowd != NULL && (*one->crowd)[i] != NULL; i++)
    if ((*one->crowd)[i]->wait != NULL)
      {
        one->launch.pid = 0;
        return (*one->crowd)[i]->wait (pid);
      }

  return launch_wait (&one->launch);
}

static void
check_failure (One    *one,
               GError *error)
{
  crowd_expect (g_error_matches (error, G_SPAWN_ERROR, one->shape->error_code),
                "%s: %s", one->name, error != NULL ? error->message : "no error");
}

static void
run_sync (One *one)
{
  g_autofree char *output = NULL;
  g_autofree char *errors = NULL;
  g_autoptr (GError) error = NULL;
  int status = -1;

  if (!launch_sync (&one->launch, &output, &errors, &status, &error))
    {
      crowd_expect (FALSE, "%s: %s", one->name, error->message);
      return;
    }

  check_report (one, output);
  crowd_expect (g_str_equal (errors, ""), "%s: \"%s\"", one->name, errors);
  crowd_expect (status == one->status << 8, "%s: status %x", one->name, (unsigned int) status);
}

static void
run_async (One *one)
{
  g_autoptr (GError) error = NULL;
  gboolean launched = launch_start (&one->launch, &error);

  if (!launched || one->shape->error_code != 0)
    {
      check_failure (one, error);
      return;
    }

  if (one->own_pipe[1] >= 0)
    {
      close (one->own_pipe[1]);
      one->own_pipe[1] = -1;
    }
  if (one->shape->report != REPORT_NONE)
    {
      g_autofree char *text = read_report (one, one->own_pipe[0] >= 0
                                                  ? one->own_pipe[0]
                                                  : one->launch.pipe_fds[STDOUT_FILENO]);

      check_report (one, text);
    }

  if ((one->shape->traits & TRAIT_REAPED) == 0)
    {
      int status = await (one);

      crowd_expect (status == one->status << 8, "%s: status %x instead of %x", one->name,
                    (unsigned int) status, (unsigned int) one->status << 8);
    }
}

/* The one that is launched is the process's to wait for, so disturbances that wait must not. */
static void
run_begun (One *one)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSpawnTemplate) tmpl = gspawn_template_new ((const char *const *) one->launch.argv,
                                                         one->shape->flags, &error);
  g_autoptr (GSpawnPending) pending = NULL;
  g_autoptr (GSpawnProcess) process = NULL;
  int status = -1;

  g_assert_no_error (error);
  gspawn_template_set_environment (tmpl, (const char *const *) one->envp, &error);
  if (one->shape->report != REPORT_NONE)
    gspawn_template_set_stream (tmpl, GSPAWN_STREAM_OUTPUT, GSPAWN_STREAM_KIND_PIPE, &error);
  g_assert_no_error (error);

  pending = gspawn_template_begin (tmpl, NULL, &error);
  g_clear_pointer (&tmpl, gspawn_template_unref);
  if (pending != NULL)
    {
      struct pollfd poll_fd = { gspawn_pending_get_fd (pending), POLLIN, 0 };

      while (poll (&poll_fd, 1, -1) < 0)
        ;
      process = gspawn_pending_complete (pending, &error);
    }
  if (process == NULL || one->shape->error_code != 0)
    {
      check_failure (one, error);
      return;
    }

  one->launch.pid = gspawn_process_get_pid (process);
  {
    g_autofree char *text = read_report (one, gspawn_process_get_pipe (process,
                                                                       GSPAWN_STREAM_OUTPUT));

    check_report (one, text);
  }
  one->launch.pid = 0;
  crowd_expect (gspawn_process_wait (process, &status, NULL) && status == one->status << 8,
                "%s: status %x instead of %x", one->name, (unsigned int) status,
                (unsigned int) one->status << 8);
}

static gboolean
applies (const Shape *shape,
         Traits       excludes)
{
  return (shape->traits & excludes) == 0;
}

guint
crowd_n_shapes (Traits excludes)
{
  guint n = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (shapes); i++)
    n += applies (&shapes[i], excludes);

  return n;
}

/*
 * crowd_launch: (skip)
 * @launcher: which thread this is
 * @number: its how manieth launch; what is launched follows from it
 * @excludes: what must not be launched
 * @crowd: (nullable): what goes on meanwhile
 *
 * Launches once and looks at the outcome, and at what it has done to this thread.
 */
void
crowd_launch (guint        launcher,
              guint        number,
              Traits       excludes,
              const Crowd *crowd)
{
  const Shape *shape = NULL;
  /* Threads do not launch the same at the same time. */
  guint skip = (number + launcher * 4) % crowd_n_shapes (excludes);
  g_auto (One) one;

  for (gsize i = 0; shape == NULL; i++)
    if (applies (&shapes[i], excludes) && skip-- == 0)
      shape = &shapes[i];

  one_init (&one, shape, crowd, launcher, number);
  if (shape->report == REPORT_SYNC)
    run_sync (&one);
  else if ((shape->traits & TRAIT_BEGUN) != 0)
    run_begun (&one);
  else
    run_async (&one);
  crowd_expect (get_mask () == one.mask, "%s: the thread's signal mask has changed", one.name);
}

static GSpawnAttributes *
make_attributes (gboolean for_orphan)
{
  g_autoptr (GError) error = NULL;
  GSpawnAttributes *made = gspawn_attributes_new ();

  gspawn_attributes_set_new_session (made, TRUE);
  gspawn_attributes_set_no_new_privileges (made, TRUE);
  g_assert_true (gspawn_attributes_set_umask (made, 0135, &error) &&
                 gspawn_attributes_set_nice (made, 3, &error) &&
                 gspawn_attributes_set_limit (made, RLIMIT_NOFILE, 300, 400, &error) &&
                 gspawn_attributes_set_pid_variable (made, "OWN_PID", &error) &&
                 (for_orphan ||
                  gspawn_attributes_set_death_signal (made, SIGTERM, &error)));
  g_assert_no_error (error);

  return made;
}

/*
 * crowd_take_reference: (skip)
 *
 * Prepares what is launched, and lets a first child say what it finds while nothing else goes on.
 */
void
crowd_take_reference (void)
{
  g_autofree char *directory = g_path_get_dirname (probe_get_path ());
  g_autofree char *output = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (Launch) launch;

  scene_write (SCRIPT, 0755, "exit $((30 + 7))\n");
  script_path = scene_path (SCRIPT);
  attributes = make_attributes (FALSE);
  orphan_attributes = make_attributes (TRUE);
  search_path = g_strdup_printf ("/missing:%s", directory);

  launch_init (&launch, G_SPAWN_DEFAULT, NULL, "report-fd", "1", NULL);
  launch_sync (&launch, &output, NULL, NULL, &error);
  g_assert_no_error (error);
  reference = g_key_file_new ();
  g_key_file_load_from_data (reference, output, strlen (output), G_KEY_FILE_NONE, &error);
  g_assert_no_error (error);
}
